"""FPBench's cores have a truth nearly everywhere, quickly, and mpmath agrees: `fpbench` holds the expressions."""

import time

import numpy as np
import pytest
from fpbench import CORES

from numcheck.reals.enclosures import UNRESOLVED
from numcheck.reals.mp import MP
from numcheck.reals.precision import precision
from numcheck.truth import lifted, second_opinion, settle

MOST_UNRESOLVED = 1 / 500
DIGITS = 256


def test_all_of_the_loop_free_cores_are_declared() -> None:
    assert len(CORES) == 115


@pytest.mark.parametrize("name", CORES)
def test_a_published_core_has_a_truth_and_mpmath_agrees(name: str) -> None:
    formula, format = CORES[name].formula, CORES[name].format
    (points,) = formula.points(format, 12, 5)
    truth = settle(formula, points, format)
    assert (truth.value.state == UNRESOLVED).mean() <= MOST_UNRESOLVED
    few = np.arange(0, len(points), max(1, len(points) // 8))
    assert not second_opinion(formula, points.select(few), truth.select(few), format).disagreements


@pytest.mark.full
@pytest.mark.parametrize("name", CORES)
def test_few_of_eight_thousand_points_are_left_open(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    formula, format = CORES[name].formula, CORES[name].format
    points = formula.points(format, 8000, 1)[0]
    start = time.perf_counter()
    truth = settle(formula, points, format)
    taken = time.perf_counter() - start
    few = points.select(np.arange(0, len(points), 40))
    start = time.perf_counter()
    with precision(DIGITS):
        formula(*lifted(formula, few, MP, False).values())
    beside = (time.perf_counter() - start) * len(points) / len(few)
    opinion = second_opinion(formula, few, truth.select(np.arange(0, len(points), 40)), format)
    slopes = truth.gradient
    assert slopes is not None
    open_ = float(np.mean(truth.value.state == UNRESOLVED)), float(np.mean(slopes.state == UNRESOLVED))
    with capsys.disabled():
        print(
            f"\n{name}: {len(points)} points in {taken:.1f} s, mpmath's values alone {beside:.1f} s; "
            f"open {open_[0]:.2%} of the values, {open_[1]:.2%} of the slopes"
        )
    assert open_[0] <= MOST_UNRESOLVED
    assert not opinion.disagreements
