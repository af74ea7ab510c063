"""Each formula of the catalogue and some routine's own code, executed exactly, say the same; or mpmath says so."""

from dataclasses import replace

import numpy as np
import pytest
from flint import arb
from second_way import DIGITS, FLOAT32, OF_A_DOUBLE, apart, halves, is_stable, ordinary, second_way, truth_of

from numcheck import m
from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.truth import second_opinion

load_catalog()
HALVES = [
    pytest.param(made, of, id=f"{made.name}-{of}")
    for made in formulas().values()
    if made.module.startswith("numcheck.catalog.")
    for of in halves(made)
]


@pytest.mark.parametrize(("formula", "of"), HALVES)
def test_some_routine_executed_exactly_gives_the_truth(formula: Formula, of: str) -> None:
    second = second_way(formula, of)
    if second.apart <= 10.0**-OF_A_DOUBLE:
        return
    # where each routine declares a gap in this half, code that is wrong as it stands says nothing of the formula
    assert not any(is_stable(r, of) for r in formula.routines.values()), second.said
    for points in ordinary(formula):
        opinion = second_opinion(formula, points, truth_of(formula, points), FLOAT32)
        assert opinion.checked and opinion.disagreements == ()


def test_another_formula_is_told_from_it() -> None:
    softplus = formulas()["softplus"]
    second = second_way(softplus, "value")
    changed = replace(softplus, function=lambda x: m.log(1 + m.exp(x)) + 2.0**-60)
    assert apart(softplus, "value", second.ran) <= 10.0**-DIGITS
    assert apart(changed, "value", second.ran) > 10.0**-DIGITS


def test_what_is_not_told_closely_agrees_with_nothing() -> None:
    softplus = formulas()["softplus"]
    (one, *_) = second_way(softplus, "value").ran
    wide = replace(one, numbers=np.vectorize(lambda x: arb(x, abs(x) + 1), otypes=[object])(one.numbers))
    never = replace(one, numbers=np.vectorize(lambda x: arb("nan"), otypes=[object])(one.numbers))
    assert apart(softplus, "value", [wide]) > 1
    assert apart(softplus, "value", [never]) == np.inf
