"""Float64 balls and Arb prove nothing different of any number of the catalogue."""

import math

import numpy as np
import pytest
import torch

from numcheck import truth
from numcheck.case import Formula, formulas, load_catalog
from numcheck.formats import format_of
from numcheck.reals import ball64
from numcheck.reals.settle import ContradictionError
from numcheck.truth import FLOAT64, audit, settle

FLOAT32 = format_of("float32")
EVERY = 1.0

load_catalog()


def audited(formula: Formula, format_name: str, count: int, seed: int) -> int:
    """How many points float64 balls have settled and Arb has proved again."""
    format = format_of(format_name)
    return sum(
        audit(formula, points, settle(formula, points, format), format, EVERY)
        for points in formula.points(format, count, seed)
    )


@pytest.mark.parametrize("formula", formulas().values(), ids=formulas())
def test_arb_agrees_with_every_point_that_float64_settles(formula: Formula, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(truth, "FEWEST", 1)
    assert audited(formula, "float32", 200, 1) > 100


@pytest.mark.full
@pytest.mark.parametrize("format_name", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("formula", formulas().values(), ids=formulas())
def test_arb_agrees_at_ten_million_points_of_the_catalogue(
    formula: Formula, format_name: str, monkeypatch: pytest.MonkeyPatch
):
    """A share of them: each formula and format has as many."""
    monkeypatch.setattr(truth, "FEWEST", 1)
    share = math.ceil(10_000_000 / (3 * len(formulas())))
    done, seed = 0, 100
    while done < share:
        done += audited(formula, format_name, 20_000, seed)
        seed += 1


# Planted ----------------------------------------------------------------------------------------------------------


def test_an_understated_radius_is_caught_by_the_audit_of_every_run(monkeypatch: pytest.MonkeyPatch):
    exponential = ball64.UNARY["exp"]

    def understated(x: ball64.Balls) -> ball64.Balls:
        y = exponential(x)
        shifted = y.high * (1 + 2.0**-40)  # an error that its radius does not know
        return ball64.Balls(shifted, y.low, y.radius, reach=y.reach, logarithmic=y.logarithmic)

    monkeypatch.setitem(ball64.UNARY, "exp", understated)
    formula = formulas()["sigmoid"]
    (points,) = formula.points(FLOAT32, 2000, 0)
    with pytest.raises(
        ContradictionError, match="sigmoid: float64 balls and Arb prove different values at x="
    ):
        settle(formula, points, FLOAT32)


def test_the_audit_is_of_other_points_for_other_points():
    formula = formulas()["softplus"]
    (points,) = formula.points(FLOAT32, 2000, 0)
    found = settle(formula, points, FLOAT32)
    assert (found.precision == FLOAT64).mean() > 0.9
    assert audit(formula, points, found, FLOAT32) == len(points) // 256


def test_of_small_batches_nothing_is_left_to_float64():
    formula = formulas()["softplus"]
    (points,) = formula.points(FLOAT32, 2000, 0)
    few = points.select(np.arange(100))
    assert (settle(formula, few, FLOAT32).precision != FLOAT64).all()
    assert isinstance(few.columns["x"], torch.Tensor)
