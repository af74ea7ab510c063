"""Balls of any precision: numpy object arrays of python-flint `arb`.

A ball is a midpoint and a radius that together enclose the exact number. Three kinds of ball are not finite:

- an exact infinity (FLINT also makes [inf +- 1] of inf + [0 +- 1]; whatever the finite radius, that is infinity);
- *undefined*, proved to have no value, such as log(-1) or inf - inf: a nan with a finite radius;
- *unknown*, about which this precision says nothing: [0 +- inf], or a nan with an infinite radius.

FLINT answers nan both for what is undefined and for what this precision cannot tell. So every function states here
where it has no value, and only a ball that lies there entirely makes the result undefined.

Sums and products are numpy's own loops over FLINT's operators at up to `QUICK` bits; these keep the kinds apart well
enough to be sound (0 * unknown is unknown, inf - inf undefined), but make unknown of undefined * [3 +- 1]. Above
`QUICK` bits, where only lanes come that were not settled, each result that is not finite is told exactly.

Source: Johansson 2017, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic".
"""

import operator
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_series, ctx, fmpq

from numcheck.reals.arithmetic import NO, UNDECIDED, YES, ObjectArithmetic, added_up, exactly, masking

QUICK = 128  # bits up to which sums and products are not looked at one by one
PATIENCE = 1024  # bits from which an undecided comparison counts as a tie that no precision decides

PLUS_INFINITY: Any = arb.pos_inf()
MINUS_INFINITY: Any = arb.neg_inf()
UNDEFINED: Any = PLUS_INFINITY - PLUS_INFINITY  # radius 0; arb.nan() has an infinite radius
UNKNOWN: Any = arb(0, PLUS_INFINITY)
ABSENT: Any = arb(0)  # recognised by identity, see arithmetic.Arithmetic
INF = float("inf")
_is_finite: Any = np.frompyfunc(arb.is_finite, 1, 1)

Ball = Any


def is_undefined(x: Ball) -> bool:
    """Whether `x` is proved to have no value."""
    return x.is_nan() and x.rad().is_finite()


def is_infinite(x: Ball) -> bool:
    """Whether `x` is an infinity of known sign."""
    return bool(x == PLUS_INFINITY or x == MINUS_INFINITY)  # noqa: SIM109, `in` asks for identity first


def _nothing_told(*operands: Ball) -> Ball | None:
    """The result that an undefined or unknown operand forces, None where there is no such operand."""
    if any(is_undefined(x) for x in operands):
        return UNDEFINED
    return None if all(x.is_finite() or is_infinite(x) for x in operands) else UNKNOWN


def _infinity(positive: bool) -> Ball:
    return PLUS_INFINITY if positive else MINUS_INFINITY


def _looking_again(quick: Callable[..., Any], careful: Callable[..., Any]) -> Callable[..., Any]:
    """`quick` over arrays, and `careful` over the elements that `quick` does not find finite."""

    def call(*operands: Any) -> Any:
        found = quick(*operands)
        finite = _is_finite(found).astype(bool)
        if not finite.all():
            found[~finite] = careful(*(np.broadcast_to(x, found.shape)[~finite] for x in operands))
        return found

    return call


def _guarded(
    function: Callable[..., Ball],
    limits: Mapping[float, Ball | Callable[..., Ball]],
    outside: Callable[[Ball], bool] = lambda x: False,
    parameters: int = 0,
) -> Callable[..., Any]:
    """`function` with its `limits` at infinities and singular points; undefined where a ball lies `outside`.

    Of a family the function, and a limit that is a function, are given so many `parameters`.
    """
    at_points = [(_infinity(at > 0) if abs(at) == INF else arb(at), limit) for at, limit in limits.items()]

    def not_finite(x: Ball, *which: int) -> Ball:
        if (told := _nothing_told(x)) is not None:
            return told
        for at, limit in at_points:
            if x == at:
                return limit(*which) if callable(limit) else limit
        return UNDEFINED if outside(x) else UNKNOWN

    quick = function if isinstance(function, np.ufunc) else np.frompyfunc(function, 1 + parameters, 1)
    return _looking_again(quick, np.frompyfunc(not_finite, 1 + parameters, 1))


def _periodic(function: Callable[[Ball], Ball]) -> Callable[[Any], Any]:
    """FLINT answers [0 +- 1] at an infinity, where a sine has no value."""

    def call(x: Ball) -> Ball:
        return function(x) if x.is_finite() else UNDEFINED if is_undefined(x) or is_infinite(x) else UNKNOWN

    return np.frompyfunc(call, 1, 1)


def _pole_of_gamma(x: Ball) -> bool:
    return x == MINUS_INFINITY or (x <= 0 and x.is_integer())


def _lgamma(x: Ball) -> Ball:
    """log(abs(gamma(x))), left of 0 by reflection (NIST DLMF 5.5.3)."""
    return (arb.pi() / abs(x.sin_pi())).log() - (1 - x).lgamma() if x < 0 else x.lgamma()


def _no_lgamma(x: Ball) -> Ball:
    """Of a logarithm that is not finite: infinite at every pole, without a limit to the left."""
    if (told := _nothing_told(x)) is not None:
        return told
    if x == MINUS_INFINITY:
        return UNDEFINED
    return PLUS_INFINITY if x == PLUS_INFINITY or _pole_of_gamma(x) else UNKNOWN


def _cbrt(x: Ball) -> Ball:
    """An odd and increasing function."""
    if x > 0 or x < 0:
        return x.root(3) if x > 0 else -(-x).root(3)
    if not x.is_finite():
        return UNKNOWN
    most = x.abs_upper()
    return arb(0) if most == 0 else arb(0, most.root(3).abs_upper())


def _erfcx(x: Ball) -> Ball:
    """exp(x*x) * erfc(x), which is U(1/2, 1/2, x*x) / sqrt(pi) right of 0 (NIST DLMF 7.11.5)."""
    square = x * x
    if x > 1:
        return square.hypgeom_u(arb(0.5), arb(0.5)) / arb.const_sqrt_pi()
    return square.exp() * x.erfc()


def _round(x: Ball) -> Ball:
    """The nearest integer, ties to even."""
    half = arb(1) / 2
    nearest = (x + half).floor()
    if x - nearest == -half and not ((nearest / 2).is_integer()):
        return nearest - 1
    return nearest


def _trunc(x: Ball) -> Ball:
    if x >= 0 or x < 0:
        return x.floor() if x >= 0 else x.ceil()
    return x.floor().union(x.ceil())


def _spherical_j(x: Ball, n: int) -> Ball:
    """x**n / (2n + 1)!! times 0F1(n + 3/2; -x*x/4) (NIST DLMF 10.16.9 and 10.47.3)."""
    scale = arb(1)
    for k in range(1, n + 1):
        scale = scale * x / (2 * k + 1)
    return scale * (-x * x / 4).hypgeom_0f1(arb(n) + arb(3) / 2)


def _scaled_bessel_i(x: Ball, n: int) -> Ball:
    """exp(-abs(x)) times I of order n, which has the parity of n."""
    if x > 0 or x < 0:
        y = abs(x).bessel_i(arb(n), scaled=True)
        return -y if x < 0 and n % 2 else y
    return (-abs(x)).exp() * x.bessel_i(arb(n))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "neg": np.negative,  # nothing to guard
    "abs": _guarded(np.absolute, {INF: PLUS_INFINITY, -INF: PLUS_INFINITY}),
    "exp": _guarded(arb.exp, {INF: PLUS_INFINITY, -INF: arb(0)}),
    "expm1": _guarded(arb.expm1, {INF: PLUS_INFINITY, -INF: arb(-1)}),
    "log": _guarded(arb.log, {0.0: MINUS_INFINITY, INF: PLUS_INFINITY}, lambda x: x < 0),
    "log1p": _guarded(arb.log1p, {-1.0: MINUS_INFINITY, INF: PLUS_INFINITY}, lambda x: x < -1),
    "sqrt": _guarded(arb.sqrt, {INF: PLUS_INFINITY}, lambda x: x < 0),
    "rsqrt": _guarded(arb.rsqrt, {0.0: PLUS_INFINITY, INF: arb(0)}, lambda x: x < 0),
    "inverse": _guarded(lambda x: 1 / x, {0.0: PLUS_INFINITY, INF: arb(0), -INF: arb(0)}),
    "cbrt": _guarded(_cbrt, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "sin": _periodic(arb.sin),
    "cos": _periodic(arb.cos),
    # of a nan FLINT makes a number
    "asin": _guarded(lambda x: x.asin() if x.is_finite() else UNKNOWN, {}, lambda x: x > 1 or x < -1),
    "acos": _guarded(lambda x: x.acos() if x.is_finite() else UNKNOWN, {}, lambda x: x > 1 or x < -1),
    "atan": _guarded(arb.atan, {INF: lambda: arb.pi() / 2, -INF: lambda: -arb.pi() / 2}),
    "sinh": _guarded(arb.sinh, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "cosh": _guarded(arb.cosh, {INF: PLUS_INFINITY, -INF: PLUS_INFINITY}),
    "tanh": _guarded(arb.tanh, {INF: arb(1), -INF: arb(-1)}),
    "asinh": _guarded(arb.asinh, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "acosh": _guarded(arb.acosh, {INF: PLUS_INFINITY}, lambda x: x < 1),
    "atanh": _guarded(arb.atanh, {1.0: PLUS_INFINITY, -1.0: MINUS_INFINITY}, lambda x: x > 1 or x < -1),
    "erf": _guarded(arb.erf, {INF: arb(1), -INF: arb(-1)}),
    "erfc": _guarded(arb.erfc, {INF: arb(0), -INF: arb(2)}),
    "erfcx": _guarded(_erfcx, {INF: arb(0), -INF: PLUS_INFINITY}),
    "erfinv": _guarded(
        lambda x: x.erfinv(), {1.0: PLUS_INFINITY, -1.0: MINUS_INFINITY}, lambda x: x > 1 or x < -1
    ),
    "erfcinv": _guarded(
        lambda x: x.erfcinv(), {0.0: PLUS_INFINITY, 2.0: MINUS_INFINITY}, lambda x: x < 0 or x > 2
    ),
    "entr": _guarded(lambda x: -x * x.log(), {0.0: arb(0), INF: MINUS_INFINITY}, lambda x: x < 0),
    "gamma": _guarded(lambda x: x.gamma(), {INF: PLUS_INFINITY}, _pole_of_gamma),
    "lgamma": _looking_again(np.frompyfunc(_lgamma, 1, 1), np.frompyfunc(_no_lgamma, 1, 1)),
    "digamma": _guarded(arb.digamma, {INF: PLUS_INFINITY}, _pole_of_gamma),
    "floor": _guarded(arb.floor, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "ceil": _guarded(arb.ceil, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "trunc": _guarded(_trunc, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "round": _guarded(_round, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "times_pi": _guarded(lambda x: x * arb.pi(), {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
}


FAMILIES: dict[str, Callable[..., Any]] = {
    "bessel_i": _guarded(
        lambda x, n: x.bessel_i(arb(n)),
        {INF: PLUS_INFINITY, -INF: lambda n: _infinity(n % 2 == 0)},
        parameters=1,
    ),
    "bessel_ie": _guarded(_scaled_bessel_i, {INF: arb(0), -INF: arb(0)}, parameters=1),
    "bessel_j": _guarded(lambda x, n: x.bessel_j(arb(n)), {INF: arb(0), -INF: arb(0)}, parameters=1),
    # -infinity at 0, and of a negative order by reflection (NIST DLMF 10.4.1, 10.7.4)
    "bessel_y": _guarded(
        lambda x, n: x.bessel_y(arb(n)) if x.is_finite() else UNKNOWN,  # FLINT has 0 for -infinity
        {0.0: lambda n: _infinity(n < 0 and n % 2 == 1), INF: arb(0)},
        lambda x: x < 0,
        parameters=1,
    ),
    "spherical_j": _guarded(_spherical_j, {INF: arb(0), -INF: arb(0)}, parameters=1),
}
"""Functions of a number and of integers, by which those of a family are told apart."""


# Two numbers: what is not finite is told apart after the fact, so that finite results cost one question


def _add(x: Ball, y: Ball) -> Ball:
    z = x + y
    if z.is_finite():
        return z
    # both finite cannot be; of two infinities with unlike signs FLINT has made a nan
    return _nothing_told(x, y) or (UNDEFINED if z.is_nan() else _infinity(z > 0))


def _subtract(x: Ball, y: Ball) -> Ball:
    return _add(x, -y)


def _multiply(x: Ball, y: Ball) -> Ball:
    z = x * y
    if z.is_finite():
        return z
    if (told := _nothing_told(x, y)) is not None:
        return told
    if x == 0 or y == 0:
        return UNDEFINED
    if x.contains(0) or y.contains(0):
        return UNKNOWN
    return _infinity((x > 0) == (y > 0))


def _no_quotient(x: Ball, y: Ball) -> Ball:
    """Of a quotient that is not finite."""
    if y == 0:
        return UNDEFINED  # whatever x is: even its infinity would have no sign
    if (told := _nothing_told(x, y)) is not None:
        return told
    if is_infinite(y):
        return UNDEFINED if is_infinite(x) else arb(0)
    if y.contains(0):
        return UNKNOWN
    return _infinity((x > 0) == (y > 0))


def _pow(x: Ball, y: Ball) -> Ball:
    if y == 0:
        return _nothing_told(x) or arb(1)
    if (told := _nothing_told(x, y)) is not None:
        return told
    z = x**y
    if z.is_finite():
        return z
    if y.is_integer():
        return power(x, int(y.unique_fmpz()))
    if is_infinite(y):
        return _infinite_power(x, y > 0)
    if x == 0 or x == PLUS_INFINITY:
        if y.contains(0):
            return UNKNOWN
        if x == 0 and y < 0 and y.contains_integer():
            return UNKNOWN  # an odd integer would leave the infinity without a sign
        return arb(0) if (x == 0) == (y > 0) else PLUS_INFINITY
    # a negative number has integer powers only
    return UNDEFINED if x < 0 and not y.contains_integer() else UNKNOWN


def _infinite_power(x: Ball, growing: bool) -> Ball:
    """x**inf, or x**-inf: 1 where x is 1, as in IEEE 754."""
    if x == 1:
        return arb(1)
    if x < 0:
        return UNDEFINED
    if x > 1 or (x >= 0 and x < 1):
        return PLUS_INFINITY if growing == (x > 1) else arb(0)
    return UNKNOWN


def power(x: Ball, n: int) -> Ball:
    """The integer power; a negative odd one has no limit at 0."""
    if x.is_finite():
        y = x**n
        if y.is_finite():
            return y
    # FLINT 3.6 crashes at powers of [inf +- inf], so they are not asked for
    if (told := _nothing_told(x)) is not None:
        return told
    if is_infinite(x):
        return arb(0) if n < 0 else _infinity(bool(x > 0) or n % 2 == 0) if n else arb(1)
    if x == 0:
        return PLUS_INFINITY if n % 2 == 0 else UNDEFINED
    if n > 0:  # FLINT has nan for a ball around 0
        largest = x.abs_upper() ** n
        return largest.union(arb(0) if n % 2 == 0 else -largest)
    return UNKNOWN


def _atan2(y: Ball, x: Ball) -> Ball:
    if not (x.is_finite() and y.is_finite()):  # FLINT makes a number of nan
        if (told := _nothing_told(x, y)) is not None:
            return told
        if is_infinite(x) and is_infinite(y):
            return UNDEFINED
    return arb.atan2(y, x)


def _extremum(function: Callable[[Ball, Ball], Ball], winner: Ball) -> Callable[[Any, Any], Any]:
    """The larger or smaller number, which is the infinity `winner` where that is among them."""

    def not_finite(x: Ball, y: Ball) -> Ball:
        return _nothing_told(x, y) or (winner if x == winner or y == winner else -winner)

    return _looking_again(np.frompyfunc(function, 2, 1), np.frompyfunc(not_finite, 2, 1))


HIGHEST_REFLECTED = 64  # order of zeta left of 0 to which cotangents are differentiated
LARGE_ORDER = 4096
"""Order of zeta from which FLINT takes long to find nothing, and few terms of the sum are enough."""


def _zeta_of_large_order(s: Ball, x: Ball, k: int) -> Ball:
    """The terms up to twice x, of a large x the first one, and a bound on the others.

    With y = x + n >= 2 what is left out is at most the sum of k! * (y + j)**(1 - s), for log(y)**k <= k! * y; and that
    no more than its first term and an integral.
    """
    n = int(float(x.upper())) + 3 if x < 1000 else 1
    terms = [(-(x + j).log()) ** k * (x + j) ** -s for j in range(n)]
    rest = arb.fac_ui(k) * (x + n) ** (1 - s) * (1 + (x + n) / (s - 2))
    return sum(terms, arb(0)) + rest.union(-rest)


def _zeta_at_infinity(s: Ball, x: Ball, k: int) -> Ball:
    """Of an infinite argument; left of 0 the poles have no end, and of an infinite order the first term is left."""
    if is_infinite(x):
        return UNDEFINED if x < 0 else arb(0) if s > 1 and s.is_finite() else UNKNOWN
    if s == PLUS_INFINITY and x >= 1:
        return arb(1) if x == 1 and not k else arb(0) if x > 1 or x == 1 else UNKNOWN
    return PLUS_INFINITY if s == PLUS_INFINITY and 0 < x < 1 and not k else UNKNOWN


def _zeta(s: Ball, x: Ball, k: int) -> Ball:
    """Hurwitz zeta, sum over j >= 0 of (x + j)**-s for s > 1, and its kth derivative by s; at x = 1 for all s but 1.

    What it is continued to at another x is not told. Left of 0 it is real for integers s >= 2 alone: those are the
    derivatives of digamma, which are reflected there.
    """
    if (told := _nothing_told(s, x)) is not None:
        return told
    if not (s.is_finite() and x.is_finite()):
        return _zeta_at_infinity(s, x, k)
    if s == 1:
        return UNDEFINED  # on one side plus infinity, minus infinity on the other
    riemann = bool(x == 1)
    if riemann and k == 0:
        return s.zeta()
    if s >= LARGE_ORDER and x > 0:
        return _zeta_of_large_order(s, x, k)
    if not (s > 1 or (riemann and s > -LARGE_ORDER)):
        return UNKNOWN
    if x > 0:
        if k == 0:
            return s.zeta(x)
        derivative = arb_series([s, 1], prec=k + 1).zeta(x)[k]
        return derivative * arb.fac_ui(k)
    if not x <= 0:
        return UNKNOWN
    if not s.is_integer() or k:  # powers of a negative number are real for integers only
        return UNKNOWN if s.contains_integer() and not s.is_integer() else UNDEFINED
    n = int(s.unique_fmpz())
    if x.is_integer():
        return PLUS_INFINITY if n % 2 == 0 else UNDEFINED
    if n > HIGHEST_REFLECTED:
        return UNKNOWN
    # psi(1 - x) - psi(x) = pi * cot(pi * x) (NIST DLMF 5.5.4), differentiated n - 1 times (25.11.12)
    total = s.zeta(1 - x) + arb.pi() * arb_series([x, 1], prec=n).cot_pi()[n - 1]
    return -total if n % 2 == 0 else total


def _given(x: Ball, value: Ball) -> Ball:
    known = value.is_finite() or is_infinite(value)
    return x if known else UNDEFINED if is_undefined(value) else UNKNOWN


def _union(x: Ball, y: Ball) -> Ball:
    if x.is_finite() and y.is_finite():
        return x.union(y)
    if is_undefined(x) and is_undefined(y):
        return UNDEFINED
    return x if is_infinite(x) and x == y else UNKNOWN


_zetas: Any = np.frompyfunc(_zeta, 3, 1)
_no_quotients: Any = np.frompyfunc(_no_quotient, 2, 1)
OPERATORS: dict[str, Any] = {
    "add": np.frompyfunc(_add, 2, 1),
    "sub": np.frompyfunc(_subtract, 2, 1),
    "mul": np.frompyfunc(_multiply, 2, 1),
    "div": _looking_again(np.true_divide, _no_quotients),
    "pow": np.frompyfunc(_pow, 2, 1),
    "power": np.frompyfunc(power, 2, 1),
    "atan2": np.frompyfunc(_atan2, 2, 1),
    "maximum": _extremum(arb.max, PLUS_INFINITY),
    "minimum": _extremum(arb.min, MINUS_INFINITY),
    "zeta": lambda s, x, k=0: _zetas(s, x, k),
}
QUICK_OPERATORS = OPERATORS | {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def _masking(*four: Callable[[Ball, Ball], Ball]) -> dict[str, Any]:
    operations = masking(ABSENT, *four)
    return operations | {"div": _looking_again(operations["div"], _no_quotients)}  # an absent zero is finite


MASKED = OPERATORS | _masking(_add, _subtract, _multiply, operator.truediv)
QUICK_MASKED = QUICK_OPERATORS | _masking(operator.add, operator.sub, operator.mul, operator.truediv)
OPPOSITE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne"}


def _operators(masked: bool) -> dict[str, Any]:
    """At the present precision."""
    if ctx.prec <= QUICK:
        return QUICK_MASKED if masked else QUICK_OPERATORS
    return MASKED if masked else OPERATORS


def ball(value: object) -> Ball:
    """The exact ball of a Python or numpy number; a fraction as narrow as the precision allows."""
    number = exactly(value)
    return arb(fmpq(number.numerator, number.denominator) if isinstance(number, Fraction) else number)


_MOST = sys.float_info.max  # conditioning beyond it forgives no more than this
_lower_end: Any = np.frompyfunc(arb.abs_lower, 1, 1)
_lift: Any = np.frompyfunc(ball, 1, 1)
_lift_floats: Any = np.frompyfunc(arb, 1, 1)


def _root(low: Ball, high: Ball, at_low: Ball, at_high: Ball) -> Generator[Ball, Ball, Ball]:
    """A ball that contains the zero of an increasing function between two points.

    By the intermediate value theorem every bracket with proved signs at its ends holds a root, and an increasing
    function has no other. Where the function is up already at the lower end, or still down at the upper, the nearer
    end is the answer.

    A round asks for the signs at two exact points around the zero of the secant, 2**-bits of the bracket apart. If the
    zero lies between them the next round asks for twice as many bits, otherwise for half as many, and without bits it
    halves the bracket: quadratic interval refinement, as adapted to inexact evaluation by Kerber & Sagraloff 2011, Root
    Refinement for Real Polynomials (arXiv 1104.1362). It ends where the bracket is narrow, or where neither the sign in
    its middle nor that beside it can be told.
    """
    if at_low >= 0:
        return low
    if at_high <= 0:
        return high
    bits, width, tight = 0, high - low, arb(2) ** (8 - ctx.prec)
    least = width * arb(2) ** -ctx.prec  # a root of this size or less may pass for zero
    for _ in range(2 * ctx.prec):
        middle = ((low + high) / 2).mid()
        if bits:
            guess = (low - at_low * width / (at_high - at_low)).mid()
            if not low <= guess <= high:  # an end's value is not finite
                guess = middle
            reach = width / (2 << bits)
            points = max((guess - reach).mid(), low), min((guess + reach).mid(), high)
        else:
            points = middle, ((3 * low + high) / 4).mid()
        for point in points:
            value = yield point
            if value >= 0 and point <= high:
                high, at_high = point, value
            if value <= 0 and point >= low:
                low, at_low = point, value
        width, before = high - low, width
        if width <= tight * max(abs(low), abs(high), least) or (not bits and not width < before):
            break
        found = width <= before / (1 << max(bits, 1)) * _ROUNDED
        bits = min(max(2 * bits, 1), ctx.prec) if found else bits // 2
    return low if low is high else _union(low, high)


_ROUNDED = arb(1) + arb(2) ** -20
"""More than the rounding of its two points may widen the share of a bracket that a round asks for."""


def _root_from_zero(x: Ball) -> Ball:
    """The square root of a ball around zero whose number is not negative; of any other what there is."""
    if not x.is_finite() or x < 0:
        return PLUS_INFINITY if x == PLUS_INFINITY else UNDEFINED if is_undefined(x) or x < 0 else UNKNOWN
    return arb(0).union(x.abs_upper().sqrt())


_FROM_ZERO = np.frompyfunc(_root_from_zero, 1, 1)


class ArbArithmetic(ObjectArithmetic):
    """Ball arithmetic at FLINT's precision, global to the process, that only `precision` sets. Stateless; see `ARB`."""

    name = "arb"
    zero, one, nothing = ABSENT, arb(1), UNKNOWN
    search = staticmethod(_root)

    def lift(self, values: Any) -> Any:
        array = np.asarray(values)
        return np.asarray((_lift_floats if array.dtype == np.float64 else _lift)(array), dtype=object)

    def unary(self, name: str, x: Any, *parameters: int) -> Any:
        return (FAMILIES if parameters else FUNCTIONS)[name](x, *parameters)

    def binary(self, name: str, x: Any, y: Any, *parameters: int) -> Any:
        return _operators(False)[name](x, y, *parameters)

    def root_of_squares(self, x: Any) -> Any:
        """A ball around zero may reach below it, which its number cannot: so it has a root from zero on."""
        return _looking_again(FUNCTIONS["sqrt"], _FROM_ZERO)(x)

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return _operators(True)[name](x, y)

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        return added_up(_operators(masked)["add"], x, axes)

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        yes, no = (getattr(operator, sign)(x, y).astype(bool) for sign in (name, OPPOSITE[name]))
        return np.where(yes, YES, np.where(no, NO, UNDECIDED)).astype(np.int8)

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        chosen = np.where(decision == YES, x, y)
        if (decision == UNDECIDED).any():
            unions = np.frompyfunc(_union, 2, 1)(*np.broadcast_arrays(x, y))
            chosen = np.where(decision == UNDECIDED, unions, chosen)
        return chosen

    def interval(self, low: int, high: int) -> Any:
        return np.array([arb(low).union(arb(high))], dtype=object)

    def doubt(self, low: int, high: int) -> Any:
        return self.interval(low, high) if ctx.prec >= PATIENCE else np.array([UNKNOWN], dtype=object)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(x, axis=-1, kind="stable")
        ordered = np.take_along_axis(x, order, axis=-1)
        decided = self.compare("le", ordered[..., :-1], ordered[..., 1:]) == YES
        return order, ~decided.all(axis=-1)

    def given(self, x: Any, value: Any) -> Any:
        return x if _is_finite(value).all() else np.frompyfunc(_given, 2, 1)(x, value)

    def forgiven(self, terms: Sequence[Any], lanes: int) -> np.ndarray:
        """Rounded to float64, each element by the lower end of its ball, which forgives no more than the truth.

        An infinite or undefined element forgives nothing, and the others what they do without it.
        """
        total = np.zeros(lanes)
        for balls in terms:
            counts = _is_finite(balls).astype(bool)
            with np.errstate(all="ignore"):
                sizes = np.where(counts, np.minimum(_lower_end(balls).astype(np.float64), _MOST), 0.0)
                total = np.minimum(total + sizes.reshape(len(sizes), -1).sum(axis=1), _MOST)
        return total


ARB = ArbArithmetic()
