"""Where the right result hangs on the sign of a zero, IEEE's own counts as right, and nothing else does."""

import math

import numpy as np
import pytest
import torch

from numcheck import m, one_of, real, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Fate, Of
from numcheck.domain import Points
from numcheck.formats import FORMATS, format_of
from numcheck.measure.measurement import measure
from numcheck.reals.arb import ARB
from numcheck.reals.evaluation import Wanted
from numcheck.reals.ieee import IEEE
from numcheck.reals.precision import precision
from numcheck.truth import settle, signed
from numcheck.truth.batches import evaluated, lifted
from numcheck.truth.signs import negative_zeros

FLOAT32 = format_of("float32")


def stated(function, **inputs):
    return formula_of(function, "IEEE 754-2019, section 9.2", [], None, inputs)


def at(formula, **numbers: float) -> Points:
    return Points({name: torch.tensor([x]) for name, x in numbers.items()}, np.array(["given"]))


def told(formula, of: Of = Of.VALUE, **numbers: float) -> list[float]:
    """The truth with what IEEE has for the signs of these zeros."""
    point = at(formula, **numbers)
    truth = settle(formula, point, FLOAT32)
    exact = truth.halves[of].exact
    return signed(formula, point, exact, of, 0, FLOAT32).nearest().ravel().tolist()


def fate(formula, got: float, **numbers: float) -> str:
    point = at(formula, **numbers)
    routine = routine_of(formula, lambda **x: 0 * next(iter(x.values())) + got, "judged", ulps(1), None)
    (value,) = measure(routine, point, settle(formula, point, FLOAT32, with_gradient=False), FLOAT32, "cpu")
    return Fate(int(value.judgement.worst.fate[0])).word


ANGLE = stated(lambda y, x: m.atan2(y, x), y=real(-4, 4), x=real(-4, 4))
ROOT = stated(lambda x: m.rsqrt(x), x=real(-4, 4))
LOG = stated(lambda x: m.log(x), x=real(-4, 4))
PI = float(np.float32(math.pi))


@pytest.mark.parametrize(
    ("y", "x", "angle"),
    [
        (-0.0, -1.0, -PI),
        (0.0, -1.0, PI),
        (-0.0, -0.0, -PI),
        (0.0, -0.0, PI),
        (-0.0, 1.0, 0.0),
        (1.0, -0.0, PI / 2),
    ],
)
def test_an_angle_is_right_where_ieee_has_it(y: float, x: float, angle: float):
    assert fate(ANGLE, angle, y=y, x=x) == "within"


@pytest.mark.parametrize(
    ("y", "x", "angle"), [(0.0, -1.0, -PI), (-0.0, -1.0, 1.0), (-0.0, -0.0, 1.5), (-0.0, 1.0, PI)]
)
def test_no_other_angle_is_right(y: float, x: float, angle: float):
    assert fate(ANGLE, angle, y=y, x=x) in ("over", "special")


def test_what_is_made_of_an_angle_is_proved_beside_zero():
    formula = stated(lambda y, x: m.exp(m.atan2(y, x)) + 1, y=real(-4, 4), x=real(-4, 4))
    (value,) = told(formula, y=-0.0, x=-2.0)
    assert abs(value - (math.exp(-math.pi) + 1)) < 2.0**-50


def test_an_infinity_takes_the_sign_that_ieee_gives_it_and_no_other():
    assert told(ROOT, x=-0.0) == [-math.inf]
    assert told(ROOT, x=0.0) == [math.inf]
    assert [fate(LOG, sign * math.inf, x=-0.0) for sign in (-1, 1)] == ["within", "special"]
    assert fate(ROOT, 1.0, x=-0.0) == "special"


def test_a_comparison_knows_one_zero():
    step = stated(lambda x: m.where(x >= 0, 1, 0 * x), x=real(-4, 4))
    assert told(step, x=-0.0) == [1.0]
    assert fate(step, 0.0, x=-0.0) == "underflow"


def test_what_hangs_on_no_sign_stays_as_it_is():
    smooth = stated(lambda x, y: m.exp(x) * m.cos(y) + m.abs(x), x=real(-4, 4), y=real(-4, 4))
    for numbers in ({"x": -0.0, "y": 1.0}, {"x": -0.0, "y": -0.0}):
        point = at(smooth, **numbers)
        truth = settle(smooth, point, FLOAT32).value
        same = signed(smooth, point, truth, Of.VALUE, 0, FLOAT32)
        assert all(
            np.array_equal(getattr(same, name), getattr(truth, name)) for name in ("high", "low", "radius")
        )


def test_a_slope_hangs_on_the_sign_as_well():
    formula = stated(lambda y, x: m.atan2(y, x) * x, y=real(-4, 4), x=real(-4, 4))
    slopes = told(formula, Of.GRAD, y=-0.0, x=-1.0)
    assert [abs(slope - right) < 2.0**-50 for slope, right in zip(slopes, (1.0, -math.pi), strict=True)] == [
        True,
        True,
    ]


def test_negative_zeros_are_found_among_entries_and_not_among_choices():
    formula = stated(lambda x, k: m.sum(x) * k, x=vector(-1, 1, sizes=(2,)), k=one_of(-0.0, 1.0))
    entries = torch.tensor([[1.0, -0.0], [0.0, 1.0], [-0.0, -0.0]])
    points = Points({"x": entries, "k": (-0.0, -0.0, 1.0)}, np.array(["given"] * 3), 2)
    assert negative_zeros(formula, points).tolist() == [0, 2]


@pytest.mark.parametrize("format", [f for f in FORMATS if f.has_negative_zero], ids=lambda f: f.name)
def test_a_sign_is_told_in_every_format(format):
    point = Points({"x": format.round(torch.tensor([-0.0], dtype=torch.float64))}, np.array(["given"]))
    truth = settle(ROOT, point, format, with_gradient=False).value
    assert negative_zeros(ROOT, point).tolist() == [0]
    assert signed(ROOT, point, truth, Of.VALUE, 0, format).high.tolist() == [-math.inf]


def test_a_function_that_torch_does_not_have_confirms_nothing():
    assert np.isnan(IEEE.unary("no_such_function", IEEE.lift([1.0]))[0])
    assert np.isnan(IEEE.binary("no_such_function", IEEE.lift([1.0]), IEEE.lift([1.0]))[0])


def rounded(x, y):
    """Much of what a formula can say."""
    both = m.stack([x, y, x * y])
    ordered = m.sort(both)
    return (
        m.sum(ordered * ordered) / (1 + m.norm(both))
        + m.maximum(x, y) ** 2
        - m.where(x > y, m.tanh(x), m.erf(y))
    )


def test_ieee_has_what_the_reals_have_up_to_rounding():
    formula = stated(rounded, x=real(-4, 4), y=real(-4, 4))
    point = at(formula, x=0.75, y=-1.25)
    with precision(128):
        ours, exact = (
            evaluated(
                formula,
                lifted(formula, point, arithmetic, True),
                1,
                np.array([0]),
                Wanted(True, False),
                arithmetic,
            )
            for arithmetic in (IEEE, ARB)
        )
    for (one, _), (other, _) in zip(ours, exact, strict=True):
        assert np.all(np.abs(one.astype(float) - other.astype(float)) <= 2.0**-48)
