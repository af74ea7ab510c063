"""Arb's functions against mpmath's, and what becomes of infinities, of what is undefined and of what is unknown."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numcheck.reals.arb import (
    ABSENT,
    ARB,
    FUNCTIONS,
    MINUS_INFINITY,
    OPERATORS,
    PLUS_INFINITY,
    UNDEFINED,
    UNKNOWN,
    ball,
    is_infinite,
    is_undefined,
)
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision

INF = math.inf
# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(5, settings.default.max_examples // 4))
# Precisions on both sides of the one from which every result is looked at.
QUICK, CAREFUL = 128, 256
MAGNITUDES = [
    5e-324,
    1e-300,
    1e-40,
    1e-10,
    0.1,
    0.5,
    1 - 2**-53,
    1.0,
    1 + 2**-52,
    1.5,
    2.0,
    3.0,
    30.0,
    745.0,
    1e4,
    1e10,
]
HARD = [0.0, *(sign * size for size in MAGNITUDES for sign in (1, -1))]
HUGE = [1e30, -1e30, 3e38, -3e38, 1e300, -1e300, 1.7e308]
BINARY = [name for name in OPERATORS if name not in ("power", "zeta")]
EXPONENTIALS = ["exp", "expm1", "sinh", "cosh", "erf", "erfc", "erfcx"]
finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e6, 1e6, allow_subnormal=False)


def one(name: str, x: Any) -> Any:
    return ARB.unary(name, np.array([x], dtype=object))[0]


def two(name: str, x: Any, y: Any) -> Any:
    return ARB.binary(name, np.array([x], dtype=object), np.array([y], dtype=object))[0]


def mp_one(name: str, x: float) -> Any:
    return MP.unary(name, MP.lift(np.array([x])))[0]


def mp_two(name: str, x: float, y: float) -> Any:
    return MP.binary(name, MP.lift(np.array([x])), MP.lift(np.array([y])))[0]


def exactly(x: Any) -> Any:
    """An exact ball as an mpmath number, bit for bit."""
    mantissa, exponent = x.man_exp()
    return CONTEXT.ldexp(CONTEXT.mpf(int(mantissa)), int(exponent))


def encloses(x: Any, number: Any, slack_bits: int) -> bool:
    """Whether the ball holds `number`, itself known to a relative 2**-slack_bits."""
    middle, radius = exactly(x.mid()), exactly(x.rad())
    return bool(abs(number - middle) <= radius + abs(number) * CONTEXT.mpf(2) ** -slack_bits)


def kind(x: Any) -> str:
    if is_undefined(x):
        return "undefined"
    if is_infinite(x):
        return "inf" if x > 0 else "-inf"
    return "finite" if x.is_finite() else "unknown"


def check_against_mpmath(got: Any, want: Any, bits: int) -> None:
    match kind(got):
        case "finite":
            assert CONTEXT.isfinite(want), f"{got}, but mpmath has {want}"
            assert encloses(got, want, bits), f"{got}, but mpmath has {CONTEXT.nstr(want, 50)}"
        case "undefined":
            assert CONTEXT.isnan(want), f"undefined, but mpmath has {want}"
        case "inf" | "-inf" as infinite:
            assert want == float(infinite), f"{infinite}, but mpmath has {want}"
        case _:
            pass


# Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_encloses_what_mpmath_finds_at_hard_points(name: str, bits: int) -> None:
    for x in HARD:
        with precision(bits):
            got = one(name, ball(x))
        assert kind(got) != "unknown", x
        with precision(4 * bits):
            check_against_mpmath(got, mp_one(name, x), 3 * bits)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {*EXPONENTIALS, "gamma"}))
def test_a_function_encloses_what_mpmath_finds_at_huge_points(name: str) -> None:
    for x in HUGE:
        with precision(CAREFUL):
            got = one(name, ball(x))
        assert kind(got) != "unknown", x
        with precision(2500):  # a sine of 1e300 takes a thousand bits to reduce
            check_against_mpmath(got, mp_one(name, x), 1000)


@pytest.mark.parametrize("name", EXPONENTIALS)
@pytest.mark.parametrize("x", [1e30, -1e30, 3e38, -3e38])
def test_exponentials_reach_beyond_every_format(name: str, x: float) -> None:
    with precision(CAREFUL):
        got = one(name, ball(x))
    assert kind(got) == "finite"
    with precision(1000):
        want = mp_one(name, x)
        assert encloses(got, want, 800)


@pytest.mark.parametrize("name", ["exp", "expm1", "sinh", "cosh"])
def test_an_exponential_too_large_for_flint_is_unknown_and_not_undefined(name: str) -> None:
    with precision(CAREFUL):
        assert kind(one(name, ball(1e308))) in ("unknown", "finite")


@pytest.mark.parametrize("name", FUNCTIONS)
@SHARED
@given(x=moderate)
def test_a_function_encloses_what_mpmath_finds(name: str, x: float) -> None:
    with precision(QUICK):
        got = one(name, ball(x))
    assert kind(got) != "unknown"
    with precision(400):
        check_against_mpmath(got, mp_one(name, x), 380)


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", BINARY)
def test_an_operation_encloses_what_mpmath_finds_at_hard_points(name: str, bits: int) -> None:
    # a power with exponent 1e10 is no hard point but a huge number
    some = [v for v in HARD if abs(v) < 1e4] if name == "pow" else HARD
    for x, y in product(some, some):
        with precision(bits):
            got = two(name, ball(x), ball(y))
        with precision(4 * bits):
            want = mp_two(name, x, y)
            assert kind(got) != "unknown", (x, y)
            check_against_mpmath(got, want, 3 * bits)


@pytest.mark.parametrize("n", [-3, -2, -1, 0, 1, 2, 3, 7])
def test_an_integer_power_encloses_what_mpmath_finds(n: int) -> None:
    for x in HARD:
        with precision(CAREFUL):
            got = ARB.binary("power", ARB.lift([x]), n)[0]
        with precision(1000):
            check_against_mpmath(got, MP.binary("power", MP.lift([x]), n)[0], 900)


@pytest.mark.parametrize("s", [2, 3, 4])
@pytest.mark.parametrize("x", [5e-324, 1e-10, 0.5, 1.0, 7.25, 1e10, 1e300, -0.5, -1.5, -2.25, -100.5])
def test_zeta_encloses_the_derivative_of_digamma(s: int, x: float) -> None:
    with precision(CAREFUL):
        got = two("zeta", ball(s), ball(x))
    with precision(6000):
        # polygamma: (-1)**s / (s - 1)! times the (s - 1)th derivative of digamma
        want = (-1) ** s * CONTEXT.psi(s - 1, x) / CONTEXT.factorial(s - 1)
        assert kind(got) == "finite"
        assert encloses(got, want, 250), f"{got} {CONTEXT.nstr(want, 60)}"


@pytest.mark.parametrize("s", [4096.0, 5000.5, 1e30])
@pytest.mark.parametrize("x", [5e-324, 0.5, 7.25, 999.5, 1000.0, 1e10, 1e300])
def test_zeta_of_a_large_order_is_told_at_every_argument(s: float, x: float) -> None:
    """It is its first term, and at most x / (s - 1) times that more."""
    with precision(CAREFUL):
        got, first = two("zeta", ball(s), ball(x)), arb(x) ** -arb(s)
        assert got.overlaps(first.union(first * (1 + arb(x) / (arb(s) - 1))))
        assert got.rad() <= max(first * arb(2) ** -100, arb(2) ** -4000)


def test_zeta_of_a_large_order_has_its_pole_at_zero() -> None:
    assert two("zeta", ball(2**24), ball(0)) == PLUS_INFINITY


@SHARED
@given(x=moderate, width=st.floats(0, 2), share=st.floats(-1, 1))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wide_ball_gives_a_ball_around_every_value_in_it(
    name: str, x: float, width: float, share: float
) -> None:
    with precision(QUICK):
        inner = ball(x) + ball(width) * ball(share)
        wide = arb(x, width)
        assume(wide.contains(inner.mid()))
        got, point = one(name, wide), one(name, inner.mid())
        assert not is_undefined(got) or is_undefined(point)
        if got.is_finite() and point.is_finite():
            assert got.overlaps(point)


# Special inputs ---------------------------------------------------------------------------------------------------

UNDEF = "undefined"
LIMITS: dict[str, tuple[float | str, float | str]] = {  # at inf, at -inf
    "neg": (-INF, INF),
    "abs": (INF, INF),
    "exp": (INF, 0),
    "expm1": (INF, -1),
    "log": (INF, UNDEF),
    "log1p": (INF, UNDEF),
    "sqrt": (INF, UNDEF),
    "rsqrt": (0, UNDEF),
    "inverse": (0, 0),
    "sin": (UNDEF, UNDEF),
    "cos": (UNDEF, UNDEF),
    "cbrt": (INF, -INF),
    "asin": (UNDEF, UNDEF),
    "acos": (UNDEF, UNDEF),
    "acosh": (INF, UNDEF),
    "atan": (math.pi / 2, -math.pi / 2),
    "sinh": (INF, -INF),
    "cosh": (INF, INF),
    "tanh": (1, -1),
    "asinh": (INF, -INF),
    "atanh": (UNDEF, UNDEF),
    "erf": (1, -1),
    "erfc": (0, 2),
    "erfcx": (0, INF),
    "erfinv": (UNDEF, UNDEF),
    "erfcinv": (UNDEF, UNDEF),
    "entr": (-INF, UNDEF),
    "gamma": (INF, UNDEF),
    "lgamma": (INF, UNDEF),
    "floor": (INF, -INF),
    "ceil": (INF, -INF),
    "trunc": (INF, -INF),
    "round": (INF, -INF),
    "digamma": (INF, UNDEF),
    "times_pi": (INF, -INF),
}


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_limits_at_the_infinities(name: str, bits: int) -> None:
    for at, want in zip((PLUS_INFINITY, MINUS_INFINITY), LIMITS[name], strict=True):
        with precision(bits):
            got = one(name, at)
            if want == UNDEF:
                assert is_undefined(got)
            elif math.isinf(float(want)):
                assert got == ball(want) or (is_infinite(got) and (got > 0) == (want > 0))
            else:
                assert float(got) == want


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_infinity_with_a_finite_radius_is_that_infinity(name: str) -> None:
    with precision(CAREFUL):
        blurred = PLUS_INFINITY + arb.pi()
        assert kind(one(name, blurred)) == kind(one(name, PLUS_INFINITY))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mpmath_has_the_same_limits(name: str) -> None:
    for x in (INF, -INF):
        with precision(CAREFUL):
            got = one(name, ball(x))
        with precision(1000):
            check_against_mpmath(got, mp_one(name, x), 900)


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_undefined_stays_undefined_and_unknown_is_never_called_undefined(name: str, bits: int) -> None:
    with precision(bits):
        assert is_undefined(one(name, UNDEFINED))
        for unknown in (UNKNOWN, arb.nan(), PLUS_INFINITY + UNKNOWN):
            assert not is_undefined(one(name, unknown))
            assert not is_infinite(one(name, unknown))


SPECIAL = [0.0, 1.0, -1.0, 2.0, 0.5, -2.0, -0.5, INF, -INF]


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", BINARY)
def test_an_operation_has_the_same_limits_as_mpmath(name: str, bits: int) -> None:
    for x, y in product(SPECIAL, SPECIAL):
        with precision(bits):
            got = two(name, ball(x), ball(y))
            assert kind(got) != "unknown", (x, y)
        with precision(1000):
            try:
                check_against_mpmath(got, mp_two(name, x, y), 900)
            except AssertionError as error:
                raise AssertionError(f"{name}({x}, {y}): {error}") from None


@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum", "minimum"])
def test_where_ieee_arithmetic_has_a_number_so_have_we_and_where_it_has_a_nan_we_have_nothing(
    name: str,
) -> None:
    ieee = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "maximum": np.maximum,
        "minimum": np.minimum,
    }[name]
    with precision(CAREFUL), np.errstate(invalid="ignore"):
        for x, y in product(SPECIAL, SPECIAL):
            want, got = float(ieee(x, y)), two(name, ball(x), ball(y))
            assert is_undefined(got) if math.isnan(want) else got == ball(want), (x, y)


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", BINARY)
def test_an_operation_on_what_is_unknown_is_never_called_undefined_nor_infinite(name: str, bits: int) -> None:
    others = [*map(ball, SPECIAL), arb(0, 1), arb(1, 1), arb.pi(), UNKNOWN, PLUS_INFINITY + arb.pi()]
    with precision(bits):
        for unknown, other in product((UNKNOWN, arb.nan(), PLUS_INFINITY + UNKNOWN), others):
            for got in (two(name, unknown, other), two(name, other, unknown)):
                if name == "div" and other == 0:
                    continue  # whatever is divided by an exact zero has no value
                assert not is_undefined(got), (unknown, other)


@pytest.mark.parametrize("name", BINARY)
def test_undefined_is_passed_on_by_every_operation(name: str) -> None:
    with precision(CAREFUL):
        for other in (*map(ball, SPECIAL), arb.pi(), arb(0, 1), UNKNOWN):
            if name == "pow" and other == 0:
                continue  # x**0 is 1, as in IEEE 754
            assert is_undefined(two(name, UNDEFINED, other)), other
            assert is_undefined(two(name, other, UNDEFINED)) or (name, other) == ("pow", 1), other


# Balls that hold an argument in the domain, at which the function has a value or a limit
@SHARED
@given(x=finite, radius=st.floats(min_value=5e-324, max_value=1e300))
@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_inexact_argument_that_meets_the_domain_is_never_undefined(
    name: str, bits: int, x: float, radius: float
) -> None:
    meets = {
        "log": x + radius >= 0,
        "log1p": x + radius >= -1,
        "sqrt": x + radius >= 0,
        "rsqrt": x + radius >= 0,
        "atanh": abs(x) - radius <= 1,
        "asin": abs(x) - radius <= 1,
        "acos": abs(x) - radius <= 1,
        "acosh": x + radius >= 1,
        "erfinv": abs(x) - radius <= 1,
        "erfcinv": x + radius >= 0 and x - radius <= 2,
        "entr": x + radius >= 0,
    }.get(name, True)
    with precision(bits):
        if meets:
            assert not is_undefined(one(name, arb(x, radius)))


@SHARED
@given(x=finite, y=finite, radius=st.floats(min_value=1e-300, max_value=1e300))
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "atan2", "maximum", "minimum"])
def test_an_inexact_operand_never_makes_a_result_undefined(
    name: str, x: float, y: float, radius: float
) -> None:
    for bits in (QUICK, CAREFUL):
        with precision(bits):
            assert not is_undefined(two(name, ball(x), arb(y, radius)))
            assert not is_undefined(two(name, arb(x, radius), ball(y))) or (name == "div" and y == 0)


def test_the_logarithm_of_a_ball_below_zero_is_undefined_though_the_ball_is_inexact() -> None:
    with precision(CAREFUL):
        assert is_undefined(one("log", -arb.pi()))
        assert is_undefined(one("sqrt", -arb.pi()))


def test_an_infinity_times_a_ball_around_zero_is_unknown_and_times_a_positive_one_infinite() -> None:
    for bits in (QUICK, CAREFUL):
        with precision(bits):
            assert kind(two("mul", PLUS_INFINITY, arb(0, 1))) == "unknown"
            assert kind(two("mul", PLUS_INFINITY, arb.pi())) == "inf"
            assert kind(two("div", MINUS_INFINITY, arb.pi())) == "-inf"


def test_a_negative_even_power_is_infinite_at_zero_and_an_odd_one_undefined() -> None:
    with precision(CAREFUL):
        assert kind(ARB.binary("power", ARB.lift([0]), -2)[0]) == "inf"
        assert kind(ARB.binary("power", ARB.lift([0]), -1)[0]) == "undefined"
        assert kind(ARB.binary("power", np.array([arb(0, 1)]), -2)[0]) == "unknown"
        assert kind(two("pow", ball(-INF), ball(3))) == "-inf"


@pytest.mark.parametrize("bits", [QUICK, CAREFUL])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("middle", [0, 0.25])
def test_a_positive_power_of_a_ball_around_zero_is_finite(bits: int, n: int, middle: float) -> None:
    with precision(bits):
        x = arb(middle, 1)
        for got in (ARB.binary("power", np.array([x]), n)[0], two("pow", x, ball(n))):
            assert got.contains(arb(middle + 1) ** n) and got.contains(arb(middle - 1) ** n)
            assert got.is_finite()


# Choosing, ordering, absent zeros ---------------------------------------------------------------------------------


def test_an_undecided_choice_between_a_number_and_nothing_is_unknown() -> None:
    undecided = np.array([UNDECIDED], dtype=np.int8)
    for one_branch, other in product((UNDEFINED, UNKNOWN, PLUS_INFINITY), (arb(1), MINUS_INFINITY)):
        got = ARB.select(undecided, np.array([one_branch]), np.array([other]))[0]
        assert kind(got) == "unknown"


def test_an_undecided_choice_holds_both_branches() -> None:
    got = ARB.select(np.array([UNDECIDED], dtype=np.int8), ARB.lift([1]), ARB.lift([3]))[0]
    assert got.contains(1) and got.contains(3)


def test_a_decided_choice_is_the_branch_itself() -> None:
    states = np.array([YES, NO], dtype=np.int8)
    x, y = np.array([arb(1), UNDEFINED]), np.array([UNKNOWN, arb(2)])
    assert [float(b) for b in ARB.select(states, x, y)] == [1, 2]


def test_an_absent_zero_absorbs_every_factor_and_an_ordinary_zero_does_not() -> None:
    for bits in (QUICK, CAREFUL):
        with precision(bits):
            for factor in (PLUS_INFINITY, UNDEFINED, UNKNOWN):
                x = np.array([factor], dtype=object)
                absent = np.array([ABSENT], dtype=object)
                assert ARB.masked("mul", absent, x)[0] is ABSENT
                assert ARB.masked("mul", x, absent)[0] is ABSENT
                assert ARB.masked("add", x, absent)[0] is factor
                assert not ARB.masked("mul", ARB.lift([0]), x)[0].is_finite()


def test_the_order_of_huge_numbers_that_share_a_float_is_exact() -> None:
    with precision(2048):
        x = np.array([[arb(2) ** 1100 + 1, arb(2) ** 1100, -(arb(2) ** 2000)]], dtype=object)
        order, undecided = ARB.order(x)
    assert order.tolist() == [[2, 1, 0]]
    assert not undecided.any()


def test_balls_that_overlap_have_no_order() -> None:
    with precision(QUICK):
        x = np.array([[arb(2).sqrt() ** 2, arb(2)], [arb(1), arb(2)]], dtype=object)
        assert ARB.order(x)[1].tolist() == [True, False]


ROOTS: dict[str, tuple[Callable[[Any, Any], Any], float, float]] = {
    "a line": (lambda x, r: x - r, 0, 2),
    "a square": (lambda x, r: x * x - r * r, 0, 2),
    "flat": (lambda x, r: (x - r) ** 3, -1, 2),
    "flat at one end": (lambda x, r: x**9 - r**9, 0, 2),
    "steep": (lambda x, r: ((x - r) * 2**40).atan(), -1000, 1000),
    "growing": (lambda x, r: x.exp() - r.exp(), -1000, 1000),
    "a step": (lambda x, r: x - 2 * r if x < r else x, 0, 2),
}
"""Increasing functions of x with their zero at r, and between which ends to look for it."""


@SHARED
@given(
    roots=st.lists(st.floats(0, 1) | st.sampled_from([2.0**-300, 2.0**-40]), min_size=1, max_size=3),
    name=st.sampled_from(sorted(ROOTS)),
)
def test_a_root_lies_in_its_ball(roots: list[float], name: str) -> None:
    function, low, high = ROOTS[name]
    for bits in (QUICK, CAREFUL):
        with precision(bits):
            targets = ARB.lift(np.array(roots)) / 3
            ends = (np.full(len(roots), arb(end), dtype=object) for end in (low, high))
            found = ARB.root(lambda x, r=targets: np.frompyfunc(function, 2, 1)(x, r), *ends)
            for enclosed, target in zip(found, targets, strict=True):
                assert enclosed.overlaps(target)
                flat = name.startswith("flat")
                assert enclosed.rad() <= arb(2) ** (-bits // 4 if flat else 20 - bits)


def test_a_simple_root_takes_few_rounds() -> None:
    asked: list[Any] = []

    def below(x: Any) -> Any:
        asked.append(x)
        return x * x - 2

    with precision(QUICK):
        (found,) = ARB.root(below, ARB.lift([0]), ARB.lift([4]))
        assert found.overlaps(arb(2).sqrt())
        assert found.rad() < arb(2) ** -115
    assert len(asked) < 50


def test_a_root_at_an_end_or_beyond_is_that_end_exactly() -> None:
    with precision(QUICK):
        targets = ARB.lift([-1, 0, 1, 2])
        found = ARB.root(lambda x: x - targets, ARB.lift([0, 0, 0, 0]), ARB.lift([1, 1, 1, 1]))
    assert all(x.is_exact() and x == end for x, end in zip(found, (0, 0, 1, 1), strict=True))


def test_a_root_where_no_sign_is_told_is_anywhere_between_the_ends() -> None:
    with precision(QUICK):
        (found,) = ARB.root(lambda x: np.array([arb(0, 1)]), ARB.lift([0]), ARB.lift([1]))
    assert found.contains(arb(0)) and found.contains(arb(1))


def test_only_exact_python_numbers_become_balls() -> None:
    with pytest.raises(TypeError, match="str is no real number"):
        ball("1.5")


def test_a_function_leaves_the_precision_alone() -> None:
    before = ctx.prec
    one("exp", ball(1))
    assert ctx.prec == before
