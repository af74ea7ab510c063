"""Each formula of the catalogue and some routine's own code, executed exactly, say the same."""

from dataclasses import replace

import pytest
from second_way import DIGITS, OF_A_DOUBLE, apart, halves, is_stable, second_way

from numcheck import m
from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formulas, load_catalog

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
    if second.apart > 10.0**-OF_A_DOUBLE and not any(is_stable(r, of) for r in formula.routines.values()):
        pytest.skip(f"each routine of it declares a gap, and none agrees: {second.said}")
    assert second.apart <= 10.0**-OF_A_DOUBLE, second.said


def test_another_formula_is_told_from_it() -> None:
    softplus = formulas()["softplus"]
    second = second_way(softplus, "value")
    changed = replace(softplus, function=lambda x: m.log(1 + m.exp(x)) + 2.0**-60)
    assert apart(softplus, "value", second.ran) <= 10.0**-DIGITS
    assert apart(changed, "value", second.ran) > 10.0**-DIGITS
