"""Evidence "exhaustive": every input of a whole format through every formula of one real number.

One real number, beside which the formula may have labels, each combined with every value. Such formulas are found in
the registry, so a new one is swept too.
"""

import functools
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import m, real, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis.diagnose import diagnose
from numcheck.domain import Points, space_of
from numcheck.domain.one_of import OneOf
from numcheck.domain.real import Real
from numcheck.formats import Format, format_of
from numcheck.measure.measurement import Measurement, measure, tally
from numcheck.reals.enclosures import INVALID, PROVED
from numcheck.truth import Truth, settle

SIXTEEN_BITS = ("float16", "bfloat16")
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
PASSING = (Fate.WITHIN, Fate.INVALID)


def of_one_number(formula: Formula) -> bool:
    """Whether the formula takes one real number, a gradient by it, and otherwise labels only."""
    reals = [name for name, domain in formula.inputs.items() if isinstance(domain, Real)]
    others = [domain for name, domain in formula.inputs.items() if name not in reals]
    labels = all(isinstance(d, OneOf) and all(isinstance(c, int) for c in d.values) for d in others)
    return len(reals) == 1 and labels and formula.wrt == tuple(reals)


load_catalog()
SWEPT = {name: formula for name, formula in formulas().items() if of_one_number(formula)}


def every_point(formula: Formula, format: Format) -> Points:
    """Every combination of the inputs' values."""
    space = space_of(formula.inputs, format)
    return space.at(np.arange(space.size))


@functools.lru_cache(maxsize=2)  # the tests of one formula and format share its truth
def settled_everywhere(formula: Formula, format: Format) -> tuple[Points, Truth]:
    points = every_point(formula, format)
    return points, settle(formula, points, format)


def judged_everywhere(routine: Routine, format: Format) -> list[Measurement]:
    points, truth = settled_everywhere(routine.formula, format)
    return measure(routine, points, truth, format, "cpu")


def fates_of(measurement: Measurement) -> dict[str, int]:
    return {name: n for name, n in tally(measurement.judgement.worst.fate).items() if n}


def forms(format_name: str) -> list[Any]:
    """The stable form and torch's builtin of each swept formula, in one format."""
    return [
        pytest.param(routine, id=f"{formula.name}-{routine.name}-{format_name}")
        for formula in SWEPT.values()
        for routine in formula.routines.values()
        if routine.name in ("stable_form", "torch_builtin")
        and (routine.formats is None or format_name in routine.formats)
    ]


def test_formulas_of_one_number_are_found():
    assert {"softplus", "sigmoid", "log_sigmoid", "tanh", "gelu", "silu", "binary_cross_entropy"} <= set(
        SWEPT
    )


# Every input of the 8-bit formats, in the default run -------------------------------------------------------------


@pytest.mark.parametrize("format_name", FLOAT8)
@pytest.mark.parametrize("formula", SWEPT.values(), ids=SWEPT)
def test_every_truth_over_a_float8_is_proved_or_proved_undefined(formula: Formula, format_name: str):
    points, truth = settled_everywhere(formula, format_of(format_name))
    assert truth.gradient is not None
    x = points.columns[formula.wrt[0]].double().numpy()
    ends = (x == x.min()) | (x == x.max())
    # where a formula may divide by zero, and the gamma function's kin at every integer below
    poles = (x == 0) & has_pole_at_zero(x, truth)
    below = (x < 0) & (x == np.floor(x))
    if (truth.value.state[below] == INVALID).all():
        poles |= below
    assert set(np.unique(truth.value.state[~ends & ~poles])) <= {PROVED}
    assert set(np.unique(truth.value.state)) <= {PROVED, INVALID}
    assert set(np.unique(truth.gradient.state)) <= {PROVED, INVALID}


def has_pole_at_zero(x: np.ndarray, truth: Truth) -> bool:
    """Whether the values beside zero are as large as those of 1/(2 x), or larger."""
    beside = np.abs(x) == np.abs(x[x != 0]).min()
    return bool((np.abs(truth.value[beside].nearest() * x[beside]) > 0.5).all())


def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + m.exp(-x))


@pytest.mark.parametrize("format_name", FLOAT8)
def test_a_sigmoid_rounded_once_from_float64_errs_by_half_an_ulp_at_every_float8(format_name: str):
    format = format_of(format_name)
    formula = formula_of(logistic, "a test", [], None, {"x": real(-float("inf"), float("inf"))})

    def rounded_once(x: torch.Tensor) -> torch.Tensor:
        return format.round(torch.sigmoid(x.double()))

    # 2**-40 ulp for float64's own error; a budget of half an ulp and no conditioning allows no second rounding
    routine = routine_of(formula, rounded_once, "rounded_once", ulps(0.5 + 2.0**-40, cond=0), None)
    (measured,) = judged_everywhere(routine, format)
    assert fates_of(measured) == {"within": len(every_point(formula, format))}


# Every input of the 16-bit formats --------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize("format_name", SIXTEEN_BITS)
@pytest.mark.parametrize("formula", SWEPT.values(), ids=SWEPT)
def test_no_truth_over_a_16_bit_format_is_unresolved(formula: Formula, format_name: str):
    _, truth = settled_everywhere(formula, format_of(format_name))
    assert truth.gradient is not None
    assert set(np.unique(truth.value.state)) <= {PROVED, INVALID}
    assert set(np.unique(truth.gradient.state)) <= {PROVED, INVALID}


@pytest.mark.full
@pytest.mark.parametrize("format_name", SIXTEEN_BITS)
@pytest.mark.parametrize("formula", SWEPT.values(), ids=SWEPT)
def test_every_input_of_a_16_bit_format_meets_one_fate(formula: Formula, format_name: str):
    format = format_of(format_name)
    for routine in formula.routines.values():
        if routine.formats is None or format_name in routine.formats:
            for measurement in judged_everywhere(routine, format):
                fates = fates_of(measurement)
                assert sum(fates.values()) == len(measurement.points)
                assert not {"unresolved", "crash"} & set(fates), (routine.name, fates)


@pytest.mark.full
@pytest.mark.parametrize(
    ("routine", "format_name"),
    [pytest.param(*form.values, name, id=form.id) for name in SIXTEEN_BITS for form in forms(name)],
)
def test_every_failure_has_a_cause_that_the_routine_declares(routine: Routine, format_name: str):
    """Value and gradient at every input; where no gap is declared, every input is within the budget."""
    for measurement in judged_everywhere(routine, format_of(format_name)):
        declared = {cause for gap in measurement.gaps for cause in gap.causes}
        failing = ~np.isin(measurement.judgement.worst.fate, PASSING)
        causes: list[Cause | None] = diagnose(measurement).causes[failing].tolist()
        undeclared = {str(cause): causes.count(cause) for cause in set(causes) - declared}
        assert not undeclared, (measurement.of, fates_of(measurement), undeclared)
