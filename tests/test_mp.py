"""The second opinion's own arithmetic: known bugs of mpmath guarded, and nothing shared with the first."""

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath.libmp import mpf_pow_int

from numcheck.reals.arithmetic import NO, YES, BeyondError
from numcheck.reals.mp import ABSENT, BINARY, CONTEXT, FARTHEST, FUNCTIONS, MP, UNARY
from numcheck.reals.precision import precision

# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(5, settings.default.max_examples // 4))


def one(name: str, x: Any) -> Any:
    with precision(CONTEXT.prec):
        return MP.unary(name, MP.lift(np.array([x], dtype=object)))[0]


def two(name: str, x: Any, y: Any) -> Any:
    with precision(CONTEXT.prec):
        return MP.binary(name, MP.lift(np.array([x], dtype=object)), MP.lift(np.array([y], dtype=object)))[0]


@SHARED
@given(x=st.floats(min_value=1e-300, max_value=1e-5))
@pytest.mark.parametrize("sign", [1, -1])
def test_log1p_of_a_tiny_number_keeps_all_its_digits(x: float, sign: int) -> None:
    with precision(200):
        got = one("log1p", sign * x)
    with precision(3000):
        want = CONTEXT.log(1 + sign * CONTEXT.mpf(x))
        assert abs(got - want) <= abs(want) * CONTEXT.mpf(2) ** -198


@SHARED
@given(x=st.floats(min_value=1e-300, max_value=1e-5))
@pytest.mark.parametrize("name", ["expm1", "sinh", "tanh", "asinh", "atanh"])
def test_functions_that_cancel_at_zero_keep_all_digits_of_a_tiny_number(name: str, x: float) -> None:
    with precision(200):
        got = one(name, x)
    with precision(3000):
        want = one(name, x)
        assert abs(got - want) <= abs(want) * CONTEXT.mpf(2) ** -196


@pytest.mark.parametrize("x", [-0.5, -1.5, -1e-300, -100.25])
def test_lgamma_of_a_negative_number_is_real_though_mpmath_has_a_complex_number(x: float) -> None:
    with precision(200):
        assert abs(one("lgamma", x) - CONTEXT.log(abs(CONTEXT.gamma(x)))) <= CONTEXT.mpf(2) ** -180


@pytest.mark.parametrize(
    ("name", "x"), [("log", -1), ("sqrt", -1), ("rsqrt", -2), ("atanh", 2), ("log1p", -3)]
)
def test_outside_the_real_domain_is_undefined_though_mpmath_has_a_complex_number(name: str, x: int) -> None:
    assert CONTEXT.isnan(one(name, x))


@pytest.mark.parametrize("x", [0, -1, -7])
def test_a_pole_of_digamma_is_undefined_and_raises_nothing(x: int) -> None:
    assert CONTEXT.isnan(one("digamma", x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_undefined_is_passed_on(name: str) -> None:
    assert CONTEXT.isnan(one(name, float("nan")))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_an_extremum_with_an_undefined_operand_is_undefined_on_either_side(name: str) -> None:
    assert CONTEXT.isnan(two(name, float("nan"), 1.0))
    assert CONTEXT.isnan(two(name, 1.0, float("nan")))


def test_the_context_is_not_the_one_that_callers_share() -> None:
    before = mpmath.mp.prec
    with precision(777):
        assert CONTEXT.prec == 777
        assert mpmath.mp.prec == before


def test_a_fraction_is_known_to_the_working_precision() -> None:
    with precision(500):
        third = MP.lift(np.array([Fraction(1, 3)], dtype=object))[0]
        assert abs(3 * third - 1) <= CONTEXT.mpf(2) ** -498


def test_a_string_is_no_number() -> None:
    with pytest.raises(TypeError, match="str is no real number"):
        MP.lift(np.array(["1"], dtype=object))


def test_a_comparison_with_what_is_undefined_does_not_hold() -> None:
    with precision(100):
        x, y = MP.lift(np.array([float("nan"), 1.0])), MP.lift(np.array([1.0, 1.0]))
    assert MP.compare("eq", x, y).tolist() == [NO, YES]


def test_an_absent_zero_absorbs_an_infinite_factor() -> None:
    absent = np.array([ABSENT], dtype=object)
    assert MP.masked("mul", absent, MP.lift(np.array([float("inf")])))[0] is ABSENT


def test_the_root_is_found_to_the_working_precision() -> None:
    with precision(300):
        low, high = MP.lift(np.array([0.0, 0.0])), MP.lift(np.array([2.0, 2.0]))
        target = MP.lift(np.array([2, 3]))
        found = MP.root(lambda x: x * x - target, low, high)
        for root, square in zip(found, (2, 3), strict=True):
            assert abs(root - CONTEXT.sqrt(square)) <= CONTEXT.mpf(2) ** -298


def test_a_simple_root_takes_few_steps_wherever_it_lies_between_two_powers_of_two() -> None:
    # just above a power of two neighbouring numbers lie farthest apart
    for square in (Fraction(257, 256), Fraction(2), Fraction(1023, 256)):
        asked: list[Any] = []

        def below(x: Any, square: Fraction = square, asked: list[Any] = asked) -> Any:
            asked.append(x)
            return x * x - CONTEXT.mpf(square.numerator) / square.denominator

        with precision(300):
            (found,) = MP.root(below, MP.lift(np.array([0.0])), MP.lift(np.array([4.0])))
            assert (
                abs(found - CONTEXT.sqrt(CONTEXT.mpf(square.numerator) / square.denominator))
                <= CONTEXT.mpf(2) ** -297
            )
        assert len(asked) < 60


def test_a_flat_function_takes_no_more_than_four_times_the_steps_of_bisection() -> None:
    asked: list[Any] = []

    def below(x: Any) -> Any:
        asked.append(x)
        return x**9 - CONTEXT.mpf(2) ** -450

    with precision(300):
        (found,) = MP.root(below, MP.lift(np.array([0.0])), MP.lift(np.array([4.0])))
        assert abs(found - CONTEXT.mpf(2) ** -50) <= CONTEXT.mpf(2) ** -345
    assert len(asked) < 4 * 52 + 60


@pytest.mark.parametrize("base", ["3", "-3", "1.0000001", "0.7", "-1"])
@pytest.mark.parametrize("exponent", [2**70, 2**70 + 1, 3 * 2**90 - 1, -(2**70) - 1])
def test_a_large_power_is_that_of_many_multiplications(base, exponent):
    with precision(300):
        x, y = CONTEXT.mpf(base), CONTEXT.mpf(exponent)
        found, want = BINARY["pow"](x, y), CONTEXT.mpf(mpf_pow_int(x._mpf_, exponent, 600))
        assert abs(found - want) <= abs(want) * CONTEXT.mpf(2) ** -290


def test_what_would_take_as_many_bits_as_an_exponent_tells_is_left_unanswered():
    with precision(100):
        huge = CONTEXT.mpf(2) ** (2 * FARTHEST)
        for name in ("exp", "sin", "erfc", "cosh"):
            with pytest.raises(BeyondError):
                UNARY[name](huge)
        with pytest.raises(BeyondError):
            BINARY["pow"](CONTEXT.mpf(3), huge)
        for name in ("sqrt", "log", "abs"):
            assert CONTEXT.isfinite(UNARY[name](huge))


def test_a_zeta_of_a_large_order_is_not_asked_for_term_by_term_where_many_count():
    with precision(1000):
        assert CONTEXT.isfinite(BINARY["zeta"](CONTEXT.mpf(5000), CONTEXT.mpf(8), 0))
        with pytest.raises(BeyondError):
            BINARY["zeta"](CONTEXT.mpf(5000), CONTEXT.mpf(10) ** 6, 0)


def test_a_zeta_of_any_even_order_is_infinite_at_its_poles():
    for order in (2, 66, 2**24):
        assert BINARY["zeta"](CONTEXT.mpf(order), CONTEXT.mpf(0), 0) == CONTEXT.inf
    assert CONTEXT.isnan(BINARY["zeta"](CONTEXT.mpf(67), CONTEXT.mpf(0), 0))


def test_log1p_of_a_number_below_the_last_digit_is_its_series():
    with precision(200):
        for exponent in (300, 10**6, 10**12):
            tiny = CONTEXT.mpf(3) / 7 * CONTEXT.mpf(2) ** -exponent
            found = UNARY["log1p"](tiny)
            assert abs(found - tiny) <= tiny * CONTEXT.mpf(2) ** -195
            assert UNARY["log1p"](-tiny) == -tiny - tiny * tiny / 2
