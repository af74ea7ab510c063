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
from numcheck.reals.arb import ARB, FUNCTIONS
from numcheck.reals.evaluation import Wanted
from numcheck.reals.ieee import FUNCTIONS as OWN
from numcheck.reals.ieee import IEEE
from numcheck.reals.precision import precision
from numcheck.truth import settle, signed
from numcheck.truth.batches import evaluated, lifted
from numcheck.truth.signs import hanging_on_signs, negative_zeros

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


@pytest.mark.parametrize("factor", [-3.0, 3.0, 0.7])
def test_float64s_own_rounding_confirms_the_same(factor):
    """IEEE's number differs from the proved one in the last bits, above or below it."""
    formula = stated(lambda y, x: m.exp(factor * m.atan2(y, x)) * factor, y=real(-4, 4), x=real(-4, 4))
    (value,) = told(formula, y=-0.0, x=-2.0)
    assert abs(value / (factor * math.exp(-math.pi * factor)) - 1) < 2.0**-48


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "confirmed"), [(2.0**-20.5, True), (2.0**-19.5, False)])
def test_what_float64_has_lost_most_digits_of_confirms_nothing(sign, share, confirmed):
    """The angle and pi cancel to a small number, of which float64 has this share wrong: pi's own rounding."""
    left = 1.2246467991473532e-16 / share
    formula = stated(lambda y, x, c: m.atan2(y, x) + c, y=real(-4, 4), x=real(-4, 4), c=real(-9, 9))
    point = Points(
        {
            "y": torch.tensor([-0.0], dtype=torch.float64),
            "x": torch.tensor([-1.0], dtype=torch.float64),
            "c": torch.tensor([math.pi + sign * left], dtype=torch.float64),
        },
        np.array(["given"]),
    )
    format = format_of("float64")
    truth = settle(formula, point, format, with_gradient=False).value
    (found,) = signed(formula, point, truth, Of.VALUE, 0, format).nearest().tolist()
    assert (abs(found) < 1e-6) == confirmed


def test_a_number_beyond_float64_is_confirmed_by_its_infinity():
    formula = stated(lambda y, x: m.atan2(y, x) * m.exp(-400 * x), y=real(-4, 4), x=real(-4, 4))
    assert told(formula, y=0.0, x=-2.0) == [math.inf]
    assert told(formula, y=-0.0, x=-2.0) == [-math.inf]
    point = at(formula, y=-0.0, x=-2.0)
    found = signed(formula, point, settle(formula, point, FLOAT32).value, Of.VALUE, 0, FLOAT32)
    assert -1 < found.high[0] < -0.5


def test_of_several_numbers_only_those_that_hang_on_a_sign_are_told_anew():
    formula = stated(lambda y, x: m.stack([m.atan2(y, x), m.exp(y)]), y=real(-4, 4), x=real(-4, 4))
    point = at(formula, y=-0.0, x=-1.0)
    truth = settle(formula, point, FLOAT32).value
    assert hanging_on_signs(formula, point, Of.VALUE, np.array([0])).tolist() == [0]
    found = signed(formula, point, truth, Of.VALUE, 0, FLOAT32)
    assert found.nearest()[0].tolist() == [-math.pi, 1]
    assert found.radius[0, 1] == truth.radius[0, 1] == 0


def test_one_negative_zero_among_the_entries_of_a_vector_is_enough():
    formula = stated(lambda x: m.atan2(x[0], x[1]), x=vector(-4, 4, sizes=(2,)))
    point = Points({"x": torch.tensor([[-0.0, -1.0]])}, np.array(["given"]), 2)
    truth = settle(formula, point, FLOAT32, with_gradient=False).value
    assert signed(formula, point, truth, Of.VALUE, 0, FLOAT32).nearest().tolist() == [-math.pi]


def test_all_negative_zeros_are_proved_beside_zero():
    formula = stated(lambda y, x: m.atan2(y, x) + x, y=real(-4, 4), x=real(-4, 4))
    assert told(formula, y=-0.0, x=-0.0) == [-math.pi]


def test_of_three_negative_zeros_one_may_be_far_smaller_than_both_others():
    formula = stated(lambda y, x, z: m.atan2(y, m.maximum(x, z)), **dict.fromkeys("yxz", real(-4, 4)))
    assert told(formula, y=-0.0, x=-0.0, z=-0.0) == [-math.pi]


@pytest.mark.parametrize(("z", "proved"), [(400.0, True), (800.0, False)])
def test_every_number_is_proved_beside_zero_by_1024_bits_or_stays(z, proved):
    """exp(z) takes 577 bits more than are told of the angle, or 1154."""

    def cancelling(y, x, z):
        angle = m.atan2(y, x)
        return m.stack([angle, angle + (m.exp(z) - m.exp(z))])

    formula = stated(cancelling, y=real(-4, 4), x=real(-4, 4), z=real(0, 999))
    assert told(formula, y=-0.0, x=-1.0, z=z) == [-math.pi, -math.pi if proved else math.pi]


def test_a_number_that_is_the_same_for_either_zero_hangs_on_none():
    formula = stated(lambda x: x - 1, x=real(-4, 4))
    assert hanging_on_signs(formula, at(formula, x=-0.0), Of.VALUE, np.array([0])).tolist() == []


def test_where_float64_cannot_follow_the_formula_nothing_hangs_on_a_sign(monkeypatch):
    def refuses(*_):
        raise ArithmeticError

    monkeypatch.setattr(type(IEEE), "binary", refuses)
    assert hanging_on_signs(ANGLE, at(ANGLE, y=-0.0, x=-1.0), Of.VALUE, np.array([0])).tolist() == []


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


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda x: m.sqrt(x), -math.inf),
        (lambda x: m.sqrt(x) * m.sqrt(4 + x), -math.inf),
        (lambda x: m.cbrt(x), math.inf),
    ],
)
def test_the_infinite_slope_of_a_root_has_the_sign_of_the_zero(function, slope):
    formula = stated(function, x=real(-4, 4))
    assert told(formula, Of.GRAD, x=-0.0) == [slope]
    assert told(formula, Of.GRAD, x=0.0) == [math.inf]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_one_number_has_an_answer_in_ieee_s_arithmetic(name):
    """A number, or that nothing is known of it; no exception, which would leave a formula's signs unread."""
    place = next(x for x in (0.25, 1.25) if ARB.unary(name, ARB.lift(np.array([x])))[0].is_finite())
    with np.errstate(all="ignore"):
        (found,) = IEEE.unary(name, IEEE.lift([place]))
    exact = float(ARB.unary(name, ARB.lift(np.array([place])))[0].mid())
    known = name in OWN or any(hasattr(home, name) for home in (torch, torch.special))
    assert math.isnan(found) == (not known)
    assert not known or abs(found - exact) <= 8 * math.ulp(exact)


def test_what_torch_lacks_is_known_at_both_zeros():
    zeros = IEEE.lift([0.0, -0.0])
    with np.errstate(all="ignore"):
        assert IEEE.unary("inverse", zeros).tolist() == [math.inf, -math.inf]
        assert IEEE.unary("gamma", zeros).tolist() == [math.inf, -math.inf]
        assert [math.copysign(1, x) for x in IEEE.unary("cbrt", zeros)] == [1, -1]
