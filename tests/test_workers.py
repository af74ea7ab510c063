"""Work goes out through an executor a few items ahead, and comes back once each."""

import subprocess
import sys
from concurrent.futures import Future
from typing import Any

import pytest

from numcheck.declaration.patience import limit, patience
from numcheck.runs.workers import InThisProcess, Workers, workers


class Later(InThisProcess):
    """Does everything at once, and notes how much was handed out before anything was taken back."""

    def __init__(self) -> None:
        self.out = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.out += 1
        return super().submit(fn, *args, **kwargs)


def test_one_job_is_done_in_this_process_one_item_at_a_time():
    done: list[int] = []
    with workers(1, "numcheck.runs.check") as hands:
        for item, result in hands.completed(lambda x: done.append(x) or x * x, range(5)):
            assert done == list(range(item + 1))
            assert result == item * item
    assert done == [0, 1, 2, 3, 4]


def test_no_more_items_are_handed_out_than_the_executor_is_to_have_ahead():
    pool = Later()
    results = Workers(pool, 3).completed(lambda x: -x, range(100))
    next(results)
    assert pool.out == 3
    assert len(list(results)) == 99
    assert pool.out == 100


def test_what_the_work_raises_is_raised_where_the_results_are_taken():
    with workers(1, "numcheck.runs.check") as hands, pytest.raises(ZeroDivisionError):
        list(hands.completed(lambda x: 1 // x, [1, 0]))


def test_ctrl_c_is_not_a_result():
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), workers(1, "numcheck.runs.check") as hands:
        list(hands.completed(interrupt, [1]))


def test_worker_processes_give_every_item_back_once():
    with workers(2, "numcheck.runs.check") as hands:
        assert sorted(hands.completed(abs, range(-6, 0))) == [(-i, i) for i in range(6, 0, -1)]


def patient_for(_: int) -> float | None:
    return limit()


def test_worker_processes_wait_as_long_for_a_routine_as_the_one_that_starts_them():
    with patience(7), workers(2, "numcheck.runs.check") as hands:
        assert list(hands.completed(patient_for, [1])) == [(1, 7)]


def test_workers_can_be_asked_for_before_torch_is_loaded():
    asking = "import sys; from numcheck.runs import jobs, prepare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asking], check=False).returncode == 0
