"""Time of every input of a 16-bit format through one formula: a routine's value and gradient, proved and judged."""

from typing import Any

import pytest

from numcheck.declaration.words import Fate
from numcheck.runs.sweep import plan as plans
from numcheck.runs.sweep import run as sweeps
from numcheck.runs.sweep.summary import State, added


def judged_everywhere(plan: plans.Plan) -> State:
    """The summaries of the value and of the gradient."""
    whole: State = {}
    for start, stop in plan.space.chunks(plan.chunk):
        whole = added(whole, sweeps.sweep_chunk(plan, start, stop))
    return whole


@pytest.mark.parametrize("format_name", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["softplus", "sigmoid", "silu", "gelu", "tanh"])
def test_every_input_is_proved_and_judged(benchmark: Any, capsys: Any, name: str, format_name: str) -> None:
    plan = plans.plan_of(name, ["torch_builtin"], format=format_name)
    found = benchmark.pedantic(judged_everywhere, (plan,), rounds=5, warmup_rounds=1)
    assert [summary.points for summary in found.values()] == [plan.space.size] * 2
    assert all(summary.count(Fate.UNRESOLVED) == 0 for summary in found.values())
    if benchmark.stats:
        median = benchmark.stats.stats.median
        benchmark.extra_info["nanoseconds_per_point"] = round(median / plan.space.size * 1e9, 1)
        with capsys.disabled():
            print(f"\n{name} in {format_name}: {plan.space.size} inputs in {median:.3f} s")
