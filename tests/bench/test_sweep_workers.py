"""Time of a sweep in this process and by two worker processes: proofs in ball arithmetic keep a core busy each.

The processes are warm: each has done a chunk before the clock starts, which leaves out the seconds that torch takes.
"""

import os
import time
from functools import partial
from typing import Any

import pytest

from numcheck.runs.sweep import plan as plans
from numcheck.runs.sweep import run as sweeps
from numcheck.runs.sweep.checkpoint import Keeper
from numcheck.runs.sweep.summary import added
from numcheck.runs.workers import workers

WORDS = ("gelu", ("torch_builtin",), "float64", "cpu", 1 << 15, False, None)


def seconds(jobs: int) -> float:
    """Wall time of a whole sweep by so many processes, their start left out."""
    plan = plans.plan_by_words(*WORDS)
    work = partial(sweeps._chunk, plan.again, sweeps._batch)
    chunks = list(plan.space.chunks(plan.chunk))
    keeper = Keeper(None, {})
    with workers(jobs, "numcheck.runs.sweep.run") as hands:
        for _ in hands.completed(work, chunks[: 4 * jobs]):
            pass
        begun = time.perf_counter()
        for _, found in hands.completed(work, chunks):
            keeper.keep(added(keeper.state, found))
        elapsed = time.perf_counter() - begun
    assert all(one.points == plan.space.size for one in keeper.state.values())
    return elapsed


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="has one core")
def test_two_processes_against_one(benchmark: Any, capsys: Any) -> None:
    alone: list[float] = []
    both: list[float] = []

    def one_after_the_other() -> None:
        alone.append(seconds(1))
        both.append(seconds(2))

    benchmark.pedantic(one_after_the_other, rounds=3)
    times = min(alone) / min(both)
    benchmark.extra_info["times_as_fast"] = round(times, 2)
    if benchmark.stats:
        with capsys.disabled():
            print(
                f"\n{WORDS[0]} in {WORDS[2]}, {WORDS[4]} values: {min(alone):.2f} s by one process, "
                f"{min(both):.2f} s by two: {times:.2f} times as fast"
            )
