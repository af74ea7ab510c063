"""Every word of a formula: where it has a value and slopes, in each arithmetic, and that the arithmetics agree."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from numcheck import format_of, real
from numcheck.declaration.formulas import formula_of
from numcheck.domain import Points
from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB, is_infinite, is_undefined
from numcheck.reals.arrays import Reals
from numcheck.reals.ball64 import BALL64, Balls
from numcheck.reals.ball64.balls import is_told
from numcheck.reals.enclosures import INVALID
from numcheck.reals.evaluation import Wanted, evaluate
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision
from numcheck.truth import settle

# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(3, settings.default.max_examples // 30))

M = CONTEXT  # mpmath's own functions, beside which words stand


def log_share(x: Any) -> Any:
    """log(ndtr(x)) by mpmath's own complement of the error function, with the digits that a small share takes."""
    with M.workprec(M.prec + 2 * max(0, int(M.mag(x)) * 2) + (int(x * x) * 2 if 0 < x < 60 else 0)):
        return M.log1p(-M.erfc(x / M.sqrt(2)) / 2) if x > 0 else M.log(M.erfc(-x / M.sqrt(2)) / 2)


def quantile(p: Any) -> Any:
    with M.workprec(M.prec + 10 - int(M.mag(p))):
        return M.sqrt(2) * M.erfinv(2 * p - 1)


def modulo(x: Any, y: Any) -> Fraction:
    return Fraction(float(x)) % Fraction(float(y))


def truncated(x: Any, y: Any) -> Fraction:
    rest = abs(Fraction(float(x))) % abs(Fraction(float(y)))
    return -rest if x < 0 else rest


WORDS: dict[str, tuple[int, Callable[..., Any], Callable[..., Any] | None]] = {
    "abs": (1, m.abs, abs),
    "cbrt": (1, m.cbrt, lambda x: M.sign(x) * M.root(abs(x), 3)),
    "exp": (1, m.exp, M.exp),
    "exp10": (1, m.exp10, lambda x: M.mpf(10) ** x),
    "exp2": (1, m.exp2, lambda x: M.mpf(2) ** x),
    "expm1": (1, m.expm1, M.expm1),
    "fma": (3, m.fma, lambda x, y, z: M.fadd(M.fmul(x, y, exact=True), z, exact=True)),
    "hypot": (2, m.hypot, M.hypot),
    "log": (1, m.log, M.log),
    "log10": (1, m.log10, M.log10),
    "log1p": (1, m.log1p, None),
    "log2": (1, m.log2, lambda x: M.log(x, 2)),
    "rsqrt": (1, m.rsqrt, lambda x: 1 / M.sqrt(x)),
    "sign": (1, m.sign, M.sign),
    "sqrt": (1, m.sqrt, M.sqrt),
    "xlogy": (2, m.xlogy, lambda x, y: x * M.log(y)),
    "acos": (1, m.acos, lambda x: M.pi / 2 - M.atan(x / M.sqrt((1 - x) * (1 + x)))),
    "acosh": (1, m.acosh, lambda x: M.log(x + M.sqrt((x - 1) * (x + 1)))),
    "asin": (1, m.asin, lambda x: M.atan(x / M.sqrt((1 - x) * (1 + x)))),
    "asinh": (1, m.asinh, M.asinh),
    "atan": (1, m.atan, M.atan),
    "atan2": (2, m.atan2, M.atan2),
    "atanh": (1, m.atanh, M.atanh),
    "cos": (1, m.cos, M.cos),
    "cosh": (1, m.cosh, M.cosh),
    "sin": (1, m.sin, M.sin),
    "sinc": (1, m.sinc, M.sincpi),
    "sinh": (1, m.sinh, M.sinh),
    "tan": (1, m.tan, M.tan),
    "tanh": (1, m.tanh, M.tanh),
    "ceil": (1, m.ceil, M.ceil),
    "copysign": (2, m.copysign, lambda x, y: abs(x) if y >= 0 else -abs(x)),
    "floor": (1, m.floor, M.floor),
    "fmod": (2, m.fmod, truncated),
    "remainder": (2, m.remainder, modulo),
    "round": (1, m.round, M.nint),
    "trunc": (1, m.trunc, lambda x: M.sign(x) * M.floor(abs(x))),
    "entr": (1, m.entr, lambda x: -x * M.log(x) if x else M.mpf(0)),
    "erf": (1, m.erf, M.erf),
    "erfc": (1, m.erfc, M.erfc),
    "erfcx": (1, m.erfcx, None),
    "erfinv": (1, m.erfinv, M.erfinv),
    "log_ndtr": (1, m.log_ndtr, log_share),
    "ndtr": (1, m.ndtr, lambda x: M.ncdf(x) if x > -5 else M.erfc(-x / M.sqrt(2)) / 2),
    "ndtri": (1, m.ndtri, quantile),
    "digamma": (1, m.digamma, M.digamma),
    "lgamma": (1, m.lgamma, None),
    "polygamma": (1, lambda x: m.polygamma(2, x), lambda x: M.psi(2, x)),
    "tgamma": (1, m.tgamma, M.gamma),
    "zeta": (2, m.zeta, lambda s, q: M.zeta(s, q) if s > 1 and q > 0 else 1 / M.mpf(0)),
    "Riemann's zeta": (1, m.zeta, M.zeta),
    "zeta of a large order at 2": (1, lambda s: m.zeta(s, 2), None),
    "bessel_i": (1, lambda x: m.bessel_i(3, x), lambda x: M.besseli(3, x)),
    "bessel_j": (1, lambda x: m.bessel_j(3, x), lambda x: M.besselj(3, x)),
    "bessel_y": (1, lambda x: m.bessel_y(2, x), lambda x: M.bessely(2, x)),
    "i0": (1, m.i0, lambda x: M.besseli(0, x)),
    "i0e": (1, m.i0e, None),
    "i1": (1, m.i1, lambda x: M.besseli(1, x)),
    "i1e": (1, m.i1e, None),
    "j0": (1, m.j0, M.j0),
    "j1": (1, m.j1, M.j1),
    "y0": (1, m.y0, lambda x: M.bessely(0, x)),
    "y1": (1, m.y1, lambda x: M.bessely(1, x)),
    "clamp": (2, lambda x, y: m.clamp(x, -1, y), lambda x, y: min(max(x, -1), y)),
    "fdim": (2, m.fdim, lambda x, y: max(x - y, 0)),
    "maximum": (2, m.maximum, max),
    "minimum": (2, m.minimum, min),
    "power": (2, lambda x, y: x**y, None),
    "quotient": (2, lambda x, y: x / y, lambda x, y: x / y),
    "cube of an inverse": (1, lambda x: x**-3, lambda x: 1 / (x * x * x)),
    "norm": (2, lambda x, y: m.norm(m.stack([x, y])), M.hypot),
    "sort": (2, lambda x, y: m.sort(m.stack([x, y]))[0], min),
}
"""Words of numbers: how many they take, and mpmath's function where it has one of its own."""
SHAPES = set(
    "Reals pi ratio root zeros_like equal logical_and logical_not logical_or where argsort cumsum".split()
)
SHAPES |= set(
    "dot fold matmul max mean min norm sort sum broadcast concatenate index reshape roll stack transpose".split()
)
"""Words that are no functions of a few numbers."""
BITS = 160


def test_every_word_is_looked_at() -> None:
    assert set(m.__all__) - SHAPES <= set(WORDS)


ARITHMETICS = pytest.mark.parametrize("arithmetic", [ARB, BALL64, MP], ids=["arb", "ball64", "mp"])


def special(count: int) -> Any:
    """Doubles where functions have their ends, poles and jumps, and any others, inside of domains and out."""
    ends = [0.0, 0.5, 1.0, 1 + 2**-52, 1 - 2**-53, 1.5, 2.0, 3.0, 7.25, 1e-300, 1e-40, 5e-324, 1e30, 1e300]
    some = st.sampled_from([sign * end for end in ends for sign in (1, -1)]) | st.floats(-9, 9)
    return st.lists(
        st.tuples(*[some | st.floats(allow_nan=False, allow_infinity=False)] * count), min_size=2, max_size=8
    )


def numbers(arithmetic: Any, data: Any) -> np.ndarray:
    """Where an array holds proved numbers, or infinities."""
    if isinstance(data, Balls):
        return is_told(data).broadcast_to(data.shape).numpy()
    if arithmetic is MP:
        return ~np.frompyfunc(CONTEXT.isnan, 1, 1)(data).astype(bool)
    return np.frompyfunc(lambda x: x.is_finite() or is_infinite(x), 1, 1)(data).astype(bool)


def at(arithmetic: Any, function: Callable[..., Any], point: tuple[float, ...]) -> Any:
    """The value at one point, in the arithmetic's own number."""
    inputs = [Reals(arithmetic, arithmetic.lift(np.array([x]))) for x in point]
    return function(*inputs).data.flat[0]


def agrees(ball: Any, number: Any, bits: int = 120) -> bool:
    """Whether a ball may be this number, which is itself known to a relative 2**-bits; an unknown ball may be any."""
    if ball.is_finite():
        if not M.isfinite(number):
            return False
        mantissa, exponent = ball.mid().man_exp()
        radius, by = ball.rad().man_exp()
        apart = abs(M.ldexp(M.mpf(int(mantissa)), int(exponent)) - number)
        return bool(apart <= M.ldexp(M.mpf(int(radius)), int(by)) + abs(number) * M.mpf(2) ** -bits)
    if is_infinite(ball):
        return bool(number == (M.inf if ball > 0 else M.ninf))
    return bool(M.isnan(number)) or not is_undefined(ball)


def no_more_than(name: str, point: tuple[float, ...]) -> bool:
    """Whether mpmath's own work at a point is bounded, and its answer a number that memory holds."""
    largest = max(map(abs, point))
    if name in ("tan", "sin", "cos", "sinc", "j0", "j1", "y0", "y1", "bessel_j", "bessel_y"):
        return largest < 1e40
    if name in ("zeta", "Riemann's zeta", "polygamma", "digamma"):
        return largest < 1e4 and (name != "zeta" or point[1] > 1e-3)
    return largest < 1e40 or name in (
        "abs",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sqrt",
        "log",
        "cbrt",
        "asinh",
    )


@pytest.mark.parametrize("name", WORDS)
@SHARED
@given(data=st.data())
def test_arb_and_mpmath_find_the_same_number(name: str, data: st.DataObject) -> None:
    count, word, _ = WORDS[name]
    for point in data.draw(special(count)):
        if not no_more_than(name, point):
            continue
        with precision(BITS):
            ball = at(ARB, word, point)
        with precision(4000 if name in ("tan", "fmod", "remainder") else 1500):
            number = at(MP, word, point)
        with precision(1500):
            assert agrees(ball, number), f"{point}: {ball}, but mpmath has {M.nstr(number, 40)}"


PLACES: dict[int, list[tuple[float, ...]]] = {
    1: [(x,) for x in (0.3, 1.7, -0.6, 2.4, -3.3, 0.999, 1e-20, 25.3)],
    2: [(x, y) for x in (0.3, -1.7, 5.25) for y in (0.6, -2.4, 7.1)],
    3: [(0.3, -1.7, 5.25), (2.0, 0.1, -0.2)],
}


@pytest.mark.parametrize("name", [name for name, (_, _, own) in WORDS.items() if own])
def test_a_word_is_the_function_that_mpmath_or_exact_arithmetic_has(name: str) -> None:
    count, word, own = WORDS[name]
    assert own is not None
    for point in PLACES[count]:
        with precision(BITS):
            ball = at(ARB, word, point)
        with precision(600):
            try:
                number = own(*(M.mpf(x) for x in point))
            except (ValueError, ZeroDivisionError):
                continue
            if isinstance(number, Fraction):
                number = M.mpf(number.numerator) / number.denominator
            if isinstance(number, M.mpc):
                assert is_undefined(ball) or number.imag == 0, point
                continue
            assert ball.is_finite() and agrees(ball, number), (point, ball, M.nstr(number, 30))


TAILS: dict[str, tuple[float, ...]] = {
    "erfcx": (1e30, 3e38, -5.0, 26.5, 11.0, 1e-300),
    "log_ndtr": (-1e30, -3e38, -40.0, 8.0, -0.0),
    "ndtr": (-1e4, -38.0, 30.0),
    "ndtri": (1e-300, 5e-324, 1 - 2**-53, 0.5),
    "erfinv": (1 - 2**-53, 1e-300, -0.5),
    "lgamma": (-0.5, -1e-300, -1e6 - 0.5, -2.5, 1e30, 3e38),
    "tgamma": (-0.5, 1e-300, 171.5, 1e30, -100.25),
    "digamma": (-0.5, 1e30, -1e6 - 0.5),
    "polygamma": (1e-40, -0.5, 1e10, -40.25, -712664.5, -1e9 - 0.25),
    "Riemann's zeta": (1 + 2**-52, 1 - 2**-53, 0.5, -0.5, -20.5, 1e30, 0.0),
    "zeta of a large order at 2": (5000.0, 4096.5, 1e30),
    "i0e": (1e30, -1e30, 3e38, 1e-300, 0.0),
    "i1e": (1e30, -1e30, 3e38, 1e-300, 0.0),
    "i0": (1e4, -3.0),
    "j0": (1e30, 1e5, 2.404825557695773),
    "y0": (1e30, 1e-300, 1e5),
    "y1": (1e30, 1e-300),
    "asinh": (1e-300, 1e300, -1e-20),
    "acosh": (1.0, 1 + 2**-52, 1e300),
    "asin": (1.0, 1 - 2**-53, 1e-300, -1.0),
    "acos": (1.0, 1 - 2**-53, 1e-300, -1.0),
    "atanh": (1 - 2**-53, 1e-300),
    "cbrt": (1e-300, -1e300, 5e-324, -27.0),
    "sinc": (1e30, 3.0, 1e-300, 0.0),
    "exp2": (1e30, -1e30, 3.0, 1e-300),
    "exp10": (1e30, -308.0),
    "log10": (1000.0, 5e-324),
    "entr": (0.0, 1e-300, 1.0, 1e300),
    "round": (0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.0**52 + 0.5, 0.49999999999999994, 1e300),
    "trunc": (-0.5, 2.0, -2.0, 1e300),
    "floor": (-0.5, 2.0, -2.0, -5e-324, 1e300),
    "ceil": (-0.5, 2.0, -2.0, 5e-324, 1e300),
}


@pytest.mark.parametrize("name", TAILS)
def test_a_word_keeps_its_digits_far_out_and_near_its_ends(name: str) -> None:
    _, word, _ = WORDS[name]
    for x in TAILS[name]:
        with precision(1024):
            ball = at(ARB, word, (x,))
        assert ball.is_finite(), (x, ball)
        assert ball == 0 or ball.rad() < abs(ball) * 2.0**-60 or ball.rad() < 2.0**-900, (x, ball)
        with precision(2500):
            number = at(MP, word, (x,))
            assert agrees(ball, number, 300), f"{x}: {ball.str(40)}, but mpmath has {M.nstr(number, 40)}"


@pytest.mark.parametrize("name", WORDS)
def test_the_slope_of_a_word_is_that_of_mpmath_s_difference(name: str) -> None:
    count, word, _ = WORDS[name]
    for point in PLACES[count]:
        with precision(256):
            (value, _), (slopes, _) = evaluated(ARB, word, [point])
        if not numbers(ARB, value).all():
            continue
        with precision(1600):
            step = M.mpf(2) ** -250
            for i, slope in enumerate(slopes[0]):
                moved = []
                for by in (step, -step):
                    inputs = [Reals(MP, MP.lift(np.array([x]))) for x in point]
                    inputs[i] = inputs[i] + Reals(MP, np.array([by], dtype=object))
                    moved.append(word(*inputs).data.flat[0])
                difference = (moved[0] - moved[1]) / (2 * step)
                assert slope.is_finite(), (point, slope)
                assert agrees(slope + arb(0, 2.0**-200), difference), (point, slope, M.nstr(difference, 30))


JUMPS = {
    "floor": ((2.0, 0.0, -1.0), (0.5, -0.5)),
    "ceil": ((2.0, 0.0, -1.0), (0.5, -0.5)),
    "trunc": ((2.0, -1.0), (0.0, 0.5, -0.5)),
    "round": ((0.5, -1.5), (0.0, 1.0, 0.25)),
}


@ARITHMETICS
@pytest.mark.parametrize("name", JUMPS)
def test_a_step_is_flat_but_at_its_jumps_where_it_has_no_slope(name: str, arithmetic: Any) -> None:
    jumps, flat = JUMPS[name]
    _, word, _ = WORDS[name]
    with precision(200):
        for made in (word, lambda x: m.exp(word(x)) + 0 * x):
            _, (slope, _) = evaluated(arithmetic, made, [(x,) for x in jumps])
            assert not numbers(arithmetic, slope).any()
            _, (slope, _) = evaluated(arithmetic, made, [(x,) for x in flat])
            if arithmetic is not BALL64:
                assert all(x == 0 for x in slope.flat)


def test_whether_an_inexact_number_jumps_is_not_guessed() -> None:
    with precision(2000):
        (value, _), (slope, _) = evaluated(ARB, lambda x: m.floor(m.sqrt(x) ** 2), [(2.0,), (2.5,)])
    assert value[0].contains(1) and value[0].contains(2) and not slope[0, 0].is_finite()
    assert value[1] == 2 and slope[1, 0] == 0


def test_remainders_have_the_signs_that_torch_gives_them() -> None:
    pairs = [(x, y) for x in (7.5, -7.5, 6.0, -6.0, 0.3) for y in (2.0, -2.0, 0.1, -3.0)]
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True)]
    for word, own in ((m.fmod, torch.fmod), (m.remainder, torch.remainder)):
        with precision(200):
            got = [float(at(ARB, word, pair)) for pair in pairs]
        assert got == [x if x else 0.0 for x in own(*columns).tolist()] or word is m.remainder
        if word is m.remainder:  # torch's own is rounded where the divisor's sign is added
            assert all(abs(a - b) <= 2.0**-50 for a, b in zip(got, own(*columns).tolist(), strict=True))


@ARITHMETICS
def test_constants_are_numbers_among_themselves(arithmetic: Any) -> None:
    programs: list[tuple[Callable[[Any], Any], float]] = [
        (lambda x: 2 * m.pi() * x, 2 * math.pi),
        (lambda x: x * m.sqrt(2), math.sqrt(2)),
        (lambda x: m.exp(1) * x, math.e),
        (lambda x: -m.pi() * x, -math.pi),
        (lambda x: m.ratio(1, 3) * m.pi() * x, math.pi / 3),
        (lambda x: m.pi() / 180 * x, math.pi / 180),
        (lambda x: x ** m.ratio(1, 2), 1),
        (lambda x: 2 ** m.ratio(1, 2) * x, math.sqrt(2)),
        (lambda x: abs(-m.pi()) * x, math.pi),
        (lambda x: m.pi() ** 2 * x, math.pi**2),
        (lambda x: m.where(x > m.pi(), 0, m.log2(8)), 3),
        (lambda x: m.maximum(m.pi(), 3) - 0 * x, math.pi),
        (lambda x: m.atan2(1, -1) + 0 * x, 3 * math.pi / 4),
        (lambda x: m.hypot(3, 4) * x, 5),
        (lambda x: +m.ratio(1, 4) * x, 0.25),
    ]
    with precision(200):
        for program, want in programs:
            value = program(Reals(arithmetic, arithmetic.lift(np.array([1.0])))).data
            got = float(value.high[0] if isinstance(value, Balls) else value.flat[0])
            assert math.isclose(got, want, rel_tol=1e-15), want


def test_a_constant_knows_as_many_digits_as_are_asked_for() -> None:
    third = m.ratio(1, 3) * m.pi()
    for bits in (128, 2000):
        with precision(bits):
            ball = (third * Reals(ARB, ARB.lift(np.array([3.0])))).data[0]
            assert ball.overlaps(arb.pi()) and ball.rad() < arb(2) ** (8 - bits)


def forgives(arithmetic: Any, terms: Any) -> np.ndarray:
    """Where conditioning terms are known and not zero."""
    if isinstance(terms, Balls):
        return numbers(arithmetic, terms) & (terms.high != 0).numpy()
    return np.asarray(terms != 0) if arithmetic is ARB else numbers(arithmetic, terms) & (terms != 0)


def evaluated(arithmetic: Any, function: Callable[..., Any], points: list[tuple[float, ...]]) -> Any:
    """(value, its conditioning) and (gradient, its conditioning) of a function at points."""
    columns = np.array(points, dtype=np.float64).T
    names = [f"x{i}" for i in range(len(columns))]
    lifts = [torch.from_numpy(column.copy()) if arithmetic is BALL64 else column for column in columns]
    inputs = [Reals(arithmetic, arithmetic.lift(column), None, True) for column in lifts]
    component = np.zeros(1, dtype=np.int64)
    arguments = dict(zip(names, inputs, strict=True))
    return evaluate(function, arguments, names, names, len(points), component, Wanted(True, True), arithmetic)


BUILT_ON: dict[str, Callable[[Reals, Any], Reals]] = {
    "alone": lambda word, x: word,
    "scaled": lambda word, x: 3 * word - 1,
    "beside a number": lambda word, x: word + x,
    "beside a branch that is not taken": lambda word, x: word + m.where(x == x, 0, x),
    "under a root": lambda word, x: m.sqrt(word),
    "second of two": lambda word, x: m.stack([word, x]),
}


@ARITHMETICS
@pytest.mark.parametrize("name", WORDS)
@SHARED
@given(data=st.data())
def test_a_slope_and_conditioning_exist_only_where_the_value_does(
    name: str, arithmetic: Any, data: st.DataObject
) -> None:
    count, word, _ = WORDS[name]
    points = data.draw(special(count))
    for around in BUILT_ON.values():
        with precision(200):
            (value, forgiven), (slope, curved) = evaluated(
                arithmetic, lambda *x, around=around: around(word(*x), x[0]), points
            )
        there = numbers(arithmetic, value).reshape(len(points), -1)
        sloping = numbers(arithmetic, slope)
        assert not (sloping & ~there[:, :1]).any()
        for terms, of in ((forgiven, there), (curved, sloping)):
            assert not (forgives(arithmetic, terms).reshape(of.shape) & ~of).any()


@pytest.mark.parametrize("program", [m.log, lambda x: m.log(x) + 2 * x, lambda x: m.stack([m.log(x), 3 * x])])
def test_a_function_that_is_undefined_is_flat_in_no_input(program: Callable[..., Any]) -> None:
    """Neither in what it does not depend on, nor where no branch leads."""
    for arithmetic in (ARB, BALL64, MP):
        with precision(200):
            both = [(-1.0, 5.0), (2.0, 5.0)]
            _, (slope, _) = evaluated(arithmetic, lambda x, y: program(x) + m.where(x > 9, y, 0), both)
        assert numbers(arithmetic, slope).tolist() == [[False, False], [True, True]]


def test_another_output_that_is_undefined_takes_no_slope_away() -> None:
    points = [(-1.0,), (-2.0,)]
    for arithmetic in (ARB, BALL64, MP):
        with precision(200):
            (value, forgiven), (slope, _) = evaluated(
                arithmetic, lambda x: m.stack([3 * x, m.log(x)]), points
            )
        assert numbers(arithmetic, value).tolist() == [[True, False]] * 2
        assert numbers(arithmetic, slope).all()
        if arithmetic is ARB:
            assert forgiven.tolist() == [[3, 0], [6, 0]]


def test_infinite_slopes_are_told_at_the_ends_of_a_root_and_forgive_nothing() -> None:
    with precision(200):
        (_, forgiven), (slope, curved) = evaluated(ARB, m.sqrt, [(0.0,), (4.0,)])
    assert float(slope[0, 0]) == math.inf and float(slope[1, 0]) == 0.25
    assert forgiven.tolist() == [0, 1] and curved.tolist() == [[0], [0.125]]


LACKING: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "of one": (lambda u: 1 - 1 / (1 + u), lambda u: u / (1 + u)),
    "of another number": (lambda u: 3 - 6 / (u + 2), lambda u: 3 * u / (2 + u)),
    "of a ratio": (lambda u: m.ratio(1, 4) - 1 / (4 + u), lambda u: u / (4 * (4 + u))),
    "but for the whole": (lambda u: 1 - 2 / (1 + u), lambda u: (u - 1) / (1 + u)),
    "beside a variable": (lambda u: (1 + u) - 1 / (1 + u), lambda u: (2 * u + u * u) / (1 + u)),
}


@pytest.mark.parametrize("name", LACKING)
def test_a_difference_from_a_quotient_is_what_algebra_makes_of_it(name: str) -> None:
    """Value, slope and conditioning of its slope, also where u is so small that nothing is left of it beside 1."""
    given, made = LACKING[name]
    points = [(sign * 2.0**n,) for n in (-200, -65, -64, -63, -3, 0, 40) for sign in (1, -1)]
    points = [(x,) for (x,) in points if x not in (-1.0,)]
    with precision(600):
        ours, theirs = (evaluated(ARB, function, points) for function in (given, made))
    for (one, forgiven), (other, also) in zip(ours, theirs, strict=True):
        assert all(a.overlaps(b) and a.is_finite() for a, b in zip(one.flat, other.flat, strict=True))
        assert (abs(forgiven - also) <= 2.0**-40 * also).all()


@ARITHMETICS
def test_what_a_sigmoid_lacks_of_one_is_known_however_large_its_argument(arithmetic: Any) -> None:
    points = [(5.0,), (50.0,), (800.0,), (-3.0,), (1e30,), (3e38,)]
    with precision(128):
        (value, _), (slope, _) = evaluated(
            arithmetic, lambda s: m.log(1 - 1 / (1 + m.exp(-s))) / (1 + s * s), points
        )
        (plain, _), (flat, _) = evaluated(arithmetic, lambda s: -m.log(1 + m.exp(s)) / (1 + s * s), points)
    if arithmetic is BALL64:
        assert numbers(arithmetic, value)[:4].all() and numbers(arithmetic, slope)[:4].all()
        return
    for got, want in ((value, plain), (slope, flat)):
        for a, b in zip(got.flat, want.flat, strict=True):
            assert abs(a - b) <= abs(b) * arithmetic.lift(np.array(2.0**-90)).flat[0]


def test_an_infinite_term_leaves_the_difference_its_limit() -> None:
    with precision(128):
        (value, _), _ = evaluated(ARB, lambda x: 1 - 1 / (1 + x**-2), [(0.0,), (2.0**40,)])
    assert value[0] == 1 and value[1].overlaps(arb(2) ** -80 / (1 + arb(2) ** -80))


@pytest.mark.parametrize("arithmetic", [ARB, MP])
def test_what_has_no_value_has_no_power_either(arithmetic: Any) -> None:
    for power in (lambda x: m.log(x) ** 0, lambda x: m.log(x) ** (x - x)):
        assert not numbers(arithmetic, np.array([at(arithmetic, power, (-1.0,))], dtype=object)).any()


@pytest.mark.parametrize("arithmetic", [ARB, MP])
def test_limits_at_infinity_are_known(arithmetic: Any) -> None:
    inf = math.inf
    for function, x, limit in [
        (lambda x: m.zeta(x), inf, 1.0),
        (lambda x: m.zeta(x, 2), inf, 0.0),
        (lambda x: m.polygamma(1, x), inf, 0.0),
        (lambda x: m.polygamma(1, x), -inf, math.nan),
        (lambda x: m.y0(x), inf, 0.0),
        (lambda x: m.y0(x), -inf, math.nan),
        (lambda x: m.y1(x), -inf, math.nan),
    ]:
        found = at(arithmetic, function, (x,))
        known = numbers(arithmetic, np.array([found], dtype=object)).item()
        assert known == (not math.isnan(limit))
        assert not known or found == limit


def test_the_powers_of_zero_are_flat_in_the_exponent() -> None:
    formula = formula_of(lambda x, y: x**y, "a test", [], None, {"x": real(0, 4), "y": real(0, 4)})
    points = Points(
        {"x": torch.tensor([0.0, 0.0, 2.0]), "y": torch.tensor([2.0, 0.5, 3.0])}, np.full(3, "given")
    )
    gradient = settle(formula, points, format_of("float32")).gradient
    assert gradient is not None
    assert gradient.nearest()[:2, 1].tolist() == [0.0, 0.0]
    assert gradient.nearest()[2, 1] == pytest.approx(8 * math.log(2), rel=2.0**-28)


STEPS: list[Callable[[Any], Any]] = [
    lambda x: m.floor(x), lambda x: m.ceil(x), lambda x: m.trunc(x), lambda x: m.round(x)
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_no_slope_at_infinity(step: Callable[[Any], Any]) -> None:
    formula = formula_of(step, "a test", [], None, {"x": real(-math.inf, math.inf)})
    points = Points({"x": torch.tensor([math.inf, -math.inf])}, np.full(2, "given"))
    gradient = settle(formula, points, format_of("float32")).gradient
    assert gradient is not None and (gradient.state == INVALID).all()
