"""Precision and enclosures: what is called proved is enclosed, and the precision is always put back."""

import math
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from numcheck.formats import FORMATS, format_of
from numcheck.reals.arb import MINUS_INFINITY, PLUS_INFINITY, UNDEFINED, UNKNOWN, ball
from numcheck.reals.enclosures import (
    EXPONENT_LIMIT,
    INVALID,
    PROVED,
    TOLERANCE,
    UNRESOLVED,
    Enclosure,
    enclosure,
    narrow,
    negligible,
    no_longer_narrows,
    ulp_exponent,
)
from numcheck.reals.mp import CONTEXT
from numcheck.reals.precision import LIMIT, START, precision, precisions

FLOAT32 = format_of("float32")


def enclosed(*balls: Any) -> Enclosure:
    return enclosure(np.array(balls, dtype=object))


def exactly(x: Any) -> Any:
    mantissa, exponent = x.man_exp()
    return CONTEXT.ldexp(CONTEXT.mpf(int(mantissa)), int(exponent))


def assert_encloses(found: Enclosure, i: int, x: Any) -> None:
    """At 2000 bits: the whole ball `x` lies within the pair's radius."""
    with precision(2000):
        unit = CONTEXT.ldexp(CONTEXT.mpf(1), int(found.exponent[i]))
        middle = (CONTEXT.mpf(float(found.high[i])) + CONTEXT.mpf(float(found.low[i]))) * unit
        reach = CONTEXT.mpf(float(found.radius[i])) * unit
        assert abs(middle - exactly(x.mid())) + exactly(x.rad()) <= reach


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(x=finite, y=finite, bits=st.sampled_from([64, 128, 300, 1024]))
def test_a_pair_encloses_the_ball_that_it_stands_for(x: float, y: float, bits: int) -> None:
    with precision(bits):
        balls = [ball(x), ball(x) / 3, ball(x) * ball(y) / 7, ball(x) + ball(y) * arb.pi(), arb(x, abs(y))]
        found = enclosed(*balls)
    for i, b in enumerate(balls):
        assert found.state[i] == PROVED
        assert_encloses(found, i, b)


@given(x=finite)
def test_an_exact_float_has_no_radius_and_keeps_its_bits(x: float) -> None:
    with precision(128):
        found = enclosed(ball(x))
    assert found.radius[0] == 0 and found.low[0] == 0
    assert found.nearest()[0] == x
    assert x == 0 or 0.5 <= abs(found.high[0]) < 1


@given(exponent=st.integers(-30_000, 30_000), bits=st.sampled_from([64, 128, 512]))
def test_a_pair_encloses_what_lies_far_outside_float64(exponent: int, bits: int) -> None:
    with precision(bits):
        balls = [arb(2) ** exponent / 3, -(arb(2) ** exponent), arb(2) ** exponent * arb(0.25, 1)]
        found = enclosed(*balls)
    for i, b in enumerate(balls):
        assert_encloses(found, i, b)


@pytest.mark.parametrize("bits", [128, 1024, 10_000])
def test_a_radius_below_float64_is_not_lost(bits: int) -> None:
    with precision(bits):
        balls = [arb(1) / 3, (arb(1) / 3) * arb(2) ** -800, (arb(1) / 3) * arb(2) ** 800]
        found = enclosed(*balls)
    assert (found.radius > 0).all()
    for i, b in enumerate(balls):
        assert_encloses(found, i, b)


def test_the_truth_at_the_ends_of_a_ball_lies_inside() -> None:
    with precision(2000):
        want = CONTEXT.exp(CONTEXT.mpf(1.5))
    with precision(128):
        found = enclosed(arb(1.5).exp())
    with precision(2000):
        unit = CONTEXT.ldexp(CONTEXT.mpf(1), int(found.exponent[0]))
        error = abs((CONTEXT.mpf(float(found.high[0])) + CONTEXT.mpf(float(found.low[0]))) * unit - want)
        assert error <= CONTEXT.mpf(float(found.radius[0])) * unit


def test_what_no_exponent_can_tell_stays_beyond_every_format() -> None:
    with precision(128):
        found = enclosed(arb(3e38).exp(), arb(-3e38).exp(), -arb(3e38).exp())
    assert found.exponent.tolist() == [EXPONENT_LIMIT, -EXPONENT_LIMIT, EXPONENT_LIMIT]
    assert found.state.tolist() == [PROVED] * 3
    assert found.nearest().tolist() == [math.inf, 0, -math.inf]
    for format in FORMATS:
        assert narrow(found, format, TOLERANCE).all()


def test_infinities_are_proved_what_is_undefined_is_invalid_and_what_is_unknown_unresolved() -> None:
    with precision(128):
        found = enclosed(
            PLUS_INFINITY, MINUS_INFINITY, PLUS_INFINITY + arb.pi(), UNDEFINED, UNKNOWN, arb.nan()
        )
    assert found.state.tolist() == [PROVED, PROVED, PROVED, INVALID, UNRESOLVED, UNRESOLVED]
    assert found.high[:3].tolist() == [math.inf, -math.inf, math.inf]
    assert np.isnan(found.high[3:]).all()
    assert narrow(found, FLOAT32, TOLERANCE).tolist() == [True, True, True, True, False, False]


def test_exact_zero_is_a_pair_of_zeros_and_narrow_in_every_format() -> None:
    found = enclosed(arb(0))
    assert (found.high[0], found.low[0], found.radius[0], found.state[0]) == (0, 0, 0, PROVED)
    assert all(narrow(found, format, TOLERANCE).all() for format in FORMATS)


def test_a_pair_keeps_the_shape_of_its_array() -> None:
    found = enclosure(np.array([[arb(1), arb(2), arb(3)]], dtype=object))
    assert found.shape == (1, 3)
    assert found[0, 1:].nearest().tolist() == [2, 3]
    assert found.reshaped((3, 1)).nearest().tolist() == [[1], [2], [3]]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_the_ulp_is_that_of_the_binade_and_floored_at_the_smallest_subnormal(format: Any) -> None:
    tiny = format.min_exponent - format.precision + 1
    with precision(128):
        found = enclosed(arb(1), arb(1.5), arb(2), -arb(2), arb(2) ** tiny, arb(2) ** (tiny - 50), arb(0))
    unit = 1 - format.precision
    assert ulp_exponent(found, format).tolist() == [unit, unit, unit + 1, unit + 1, tiny, tiny, tiny]


def test_narrow_means_at_most_the_tolerance_in_ulps() -> None:
    ulp = 2.0**-23
    with precision(128):
        found = enclosed(
            arb(1.25, ulp / 128), arb(1.25, ulp / 32), arb(0, 2.0**-149 / 128), arb(0, 2.0**-149 / 32)
        )
    assert narrow(found, FLOAT32, TOLERANCE).tolist() == [True, False, True, False]


def test_a_ball_around_zero_is_negligible_beside_what_is_forgiven_and_no_other_is() -> None:
    forgiven = np.array([2.0**-30] * 4 + [0.0])
    with precision(128):
        found = enclosed(
            arb(0, 2.0**-37),
            arb(0, 2.0**-35),
            arb(2.0**-60, 2.0**-40),
            arb(2.0**-40, 2.0**-60),
            arb(0, 1e-300),
        )
    assert negligible(found, forgiven, TOLERANCE).tolist() == [True, False, True, False, False]


# What no longer narrows -------------------------------------------------------------------------------------------


def narrows_no_more(before: Any, now: Any) -> bool:
    return bool(no_longer_narrows(enclosed(before), enclosed(now), FLOAT32, TOLERANCE)[0])


def test_an_interval_between_one_sided_derivatives_no_longer_narrows() -> None:
    assert narrows_no_more(arb(0.5, 0.5), arb(0.5, 0.5))
    assert narrows_no_more(arb(0, 1), arb(0, 1))


def test_an_interval_with_irrational_ends_no_longer_narrows_though_its_radius_moves_by_a_bit() -> None:
    def interval(bits: int) -> Any:
        with precision(bits):
            return arb.pi() * arb(0.5, 0.5) * arb(3).log()

    assert narrows_no_more(interval(256), interval(512))


@pytest.mark.parametrize("factor", [0.999, 0.9, 0.5, 1e-3, 1e-30])
@pytest.mark.parametrize("middle", [0, 0.5, 1e-10, 3e5])
def test_a_ball_that_narrows_slowly_still_narrows(factor: float, middle: float) -> None:
    assert not narrows_no_more(arb(middle, 1), arb(middle, factor))


def test_a_ball_whose_centre_wanders_still_narrows() -> None:
    assert not narrows_no_more(arb(0.5, 0.5), arb(0.4, 0.5))


def test_what_is_unknown_undefined_or_exact_is_no_interval() -> None:
    for x in (UNKNOWN, UNDEFINED, PLUS_INFINITY, arb(1), arb(0)):
        assert not narrows_no_more(x, x)
    assert not narrows_no_more(UNKNOWN, arb(0.5, 0.5))


# Precision --------------------------------------------------------------------------------------------------------


def test_precisions_double_up_to_the_limit() -> None:
    assert list(precisions()) == [128, 256, 512, 1024, 2048, 4096, 8192, 10_000]
    assert (START, LIMIT) == (128, 10_000)


def test_the_precision_is_put_back_also_after_an_error() -> None:
    before, before_mp = ctx.prec, CONTEXT.prec

    def failing() -> None:
        with precision(999):
            assert ctx.prec == CONTEXT.prec == 999
            with precision(77):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (ctx.prec, CONTEXT.prec) == (before, before_mp)
