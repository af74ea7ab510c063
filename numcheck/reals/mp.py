"""mpmath numbers: the independent second opinion.

No radius and no proof: mpmath does not promise the accuracy of its functions. Two precisions that agree with each
other and lie inside the proved ball are what `truth.second_opinion` asks of it. The context is this module's own, so
that neither a caller's precision nor ours leaks into the other.
"""

import operator
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from numcheck.reals.arithmetic import NO, YES, BeyondError, ObjectArithmetic, added_up, exactly, masking

CONTEXT: Any = mpmath.MPContext()
ABSENT: Any = CONTEXT.mpf(0)
LARGE_POWER = (
    2**12
)  # exponents from which a power is an exponential, and a zeta function a few terms of its sum


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """mpmath raises, or answers with a complex number, outside a function's real domain: both mean undefined."""

    def call(*operands: Any) -> Any:
        try:
            y = function(*operands)
        except (ValueError, ZeroDivisionError, OverflowError):
            return CONTEXT.nan
        return y if isinstance(y, CONTEXT.mpf) or y is CONTEXT.inf else CONTEXT.nan

    return call


FARTHEST = 2**11
"""The exponent up to which a function of a number is worth the wait: mpmath takes as many bits, or the square of it."""


def _within(function: Callable[..., Any]) -> Callable[..., Any]:
    """BeyondError where an operand is so large that mpmath would need as many bits as its exponent tells."""

    def call(*operands: Any) -> Any:
        if any(CONTEXT.isfinite(x) and CONTEXT.mag(x) > FARTHEST for x in operands):
            raise BeyondError(f"{operands}: a number beyond 2**{FARTHEST}")
        return function(*operands)

    return call


def _is_odd(x: Any) -> bool:
    mantissa, exponent = x.man_exp
    return bool(exponent == 0 and mantissa & 1)


def _log1p(x: Any) -> Any:
    # mpmath's own log1p has no extra digits to spare where x is tiny; twice the exponent's bits do
    extra = max(0, -CONTEXT.mag(x)) if x else 0
    if extra > CONTEXT.prec:
        return x - x * x / 2  # the next term is below the last digit
    with CONTEXT.workprec(CONTEXT.prec + extra + 10):
        return CONTEXT.log(1 + x)


def _odd(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An odd function, of which mpmath knows the right half."""
    return lambda x: function(x) if x >= 0 else -function(-x) if x < 0 else x


def _lgamma(x: Any) -> Any:
    if x <= 0 and CONTEXT.isint(x) and not CONTEXT.isinf(x):
        return CONTEXT.inf
    return CONTEXT.nan if x == CONTEXT.ninf else CONTEXT.loggamma(x).real


def _erfcx(x: Any) -> Any:
    if CONTEXT.isinf(x):
        return CONTEXT.zero if x > 0 else CONTEXT.inf
    if x <= 0 or x * x < CONTEXT.prec + 10:
        # the square needs all of its digits, for the exponential takes its absolute error
        with CONTEXT.workprec(CONTEXT.prec + 2 * max(0, CONTEXT.mag(x)) + 10):
            return CONTEXT.exp(x * x) * CONTEXT.erfc(x)
    # far out the terms of the asymptotic series fall below the last digit before they grow (NIST DLMF 7.12.1)
    total = term = CONTEXT.one
    k, square = 1, 2 * x * x
    while abs(term) > CONTEXT.mpf(2) ** -(CONTEXT.prec + 10):
        term = -term * (2 * k - 1) / square
        total, k = total + term, k + 1
    return total / (x * CONTEXT.sqrt(CONTEXT.pi))


def _erfcinv(x: Any) -> Any:
    if x in (0, 2):
        return CONTEXT.inf if x == 0 else CONTEXT.ninf
    extra = max(0, -CONTEXT.mag(x)) if x else 0
    with CONTEXT.workprec(CONTEXT.prec + extra + 10):
        return CONTEXT.erfinv(1 - x)


def _gamma(x: Any) -> Any:
    return CONTEXT.nan if x == CONTEXT.ninf else CONTEXT.gamma(x)


def _spherical_j(x: Any, n: int) -> Any:
    if x == 0 or CONTEXT.isinf(x):
        return CONTEXT.mpf(x == 0 and n == 0)
    size = abs(x)
    y = CONTEXT.sqrt(CONTEXT.pi / (2 * size)) * CONTEXT.besselj(n + CONTEXT.mpf(1) / 2, size)
    return -y if x < 0 and n % 2 else y


def _bessel_i(x: Any, n: int) -> Any:
    if CONTEXT.isinf(x):
        return CONTEXT.inf if x > 0 or n % 2 == 0 else CONTEXT.ninf
    return CONTEXT.besseli(n, x)


SMALLEST, FINEST = 64, 3000
"""So many binades below 1, next to a pole, mpmath is asked for a Bessel function at so many bits at most."""
HIGHEST_ORDER = 2**12
"""Order of a Bessel function to which mpmath is asked for it."""


def _of_some_order(function: Callable[..., Any]) -> Callable[[Any, int], Any]:
    def call(x: Any, n: int) -> Any:
        if abs(n) > HIGHEST_ORDER:
            raise BeyondError(f"a function of order {n}: mpmath takes too long")
        return function(x, n)

    return call


def _bessel_y(x: Any, n: int) -> Any:
    if x == 0:
        return CONTEXT.inf if n < 0 and n % 2 == 1 else CONTEXT.ninf
    if CONTEXT.isfinite(x) and CONTEXT.mag(x) < -SMALLEST and CONTEXT.prec > FINEST:
        raise BeyondError(f"bessely({n}, {x}): mpmath takes seconds next to the pole")
    return CONTEXT.mpf(0) if x == CONTEXT.inf else CONTEXT.nan if x < 0 else CONTEXT.bessely(n, x)


MOST_TERMS = 100
"""So many terms of a zeta function of a large order mpmath is asked for at most."""
HIGHEST_REFLECTED = 64  # order of zeta left of 0 to which cotangents are differentiated


def _reflected(s: int, x: Any) -> Any:
    """Hurwitz zeta left of 0: with c = cot(pi * x) its derivatives are polynomials, of which each makes the next."""
    if CONTEXT.isint(x):
        return CONTEXT.inf if s % 2 == 0 else CONTEXT.nan
    polynomial = [0, 1]  # in c; the derivative of c is -pi * (1 + c * c)
    for _ in range(s - 1):
        slope = [-i * part for i, part in enumerate(polynomial)][1:]
        polynomial = [a + b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    cotangent = CONTEXT.cospi(x) / CONTEXT.sinpi(x)
    turned = CONTEXT.polyval(polynomial[::-1], cotangent) * CONTEXT.pi**s / CONTEXT.factorial(s - 1)
    total = CONTEXT.zeta(s, 1 - x) + turned
    return -total if s % 2 == 0 else total


def _hurwitz(s: Any, x: Any, k: int) -> Any:
    if s == 1:
        return CONTEXT.nan  # the two sides have unlike infinities
    if CONTEXT.isinf(x):
        return CONTEXT.mpf(0) if x > 0 and 1 < s < CONTEXT.inf else CONTEXT.nan
    if CONTEXT.isinf(s):  # the first term is left
        at_one = CONTEXT.mpf(k == 0)
        return (
            CONTEXT.nan if s < 0 or x <= 0 else CONTEXT.mpf(0) if x > 1 else at_one if x == 1 else CONTEXT.inf
        )
    if x == 1 and k == 0:
        return CONTEXT.zeta(s)
    if s < 1:
        return CONTEXT.nan  # mpmath's continuation has no bound on its work
    if x <= 0:
        told = CONTEXT.isint(s) and not k and (s <= HIGHEST_REFLECTED or CONTEXT.isint(x))
        return _reflected(int(s), x) if told else CONTEXT.nan
    if s < LARGE_POWER:
        return CONTEXT.zeta(s, x, k)
    # ((x + n) / x)**-s is 2**-prec there
    if x * CONTEXT.expm1(CONTEXT.prec * CONTEXT.ln2 / s) > MOST_TERMS:
        raise BeyondError(f"zeta({s}, {x}): too many terms of the sum count")
    total, n = CONTEXT.mpf(0), 0
    while True:
        term = (-CONTEXT.log(x + n)) ** k * _pow(x + n, -s)
        total, n = total + term, n + 1
        if n > 2 and abs(term) <= abs(total) * CONTEXT.mpf(2) ** -CONTEXT.prec:
            return total


def _pow(x: Any, y: Any) -> Any:
    if CONTEXT.isnan(x):
        return x
    if y == 0 or x == 1:
        return CONTEXT.mpf(1)  # as in IEEE 754; mpmath has nan at infinities
    y = CONTEXT.convert(y)
    if x == 0 and y < 0:
        # no sign without a side: undefined after odd powers
        return CONTEXT.nan if _is_odd(y) else CONTEXT.inf
    if not (x and CONTEXT.isfinite(x) and CONTEXT.isfinite(y) and CONTEXT.mag(y) > 64):
        return x**y
    if x < 0 and not CONTEXT.isint(y):
        return CONTEXT.nan
    return _within(_large_power)(x, y)


def _large_power(x: Any, y: Any) -> Any:
    """x**y for a large y, which mpmath takes, where it is an integer, by as many multiplications as it has bits."""
    with CONTEXT.workprec(CONTEXT.prec + 2 * CONTEXT.mag(y) + abs(CONTEXT.mag(x)).bit_length() + 10):
        power = _exp(y * CONTEXT.log(abs(x)))
    return -power if x < 0 and _is_odd(y) else +power


def _stepped(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(x) if CONTEXT.isfinite(x) else x


def _extremum(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: CONTEXT.nan if CONTEXT.isnan(x) or CONTEXT.isnan(y) else choose(x, y)


_exp = _within(CONTEXT.exp)
AS_THEY_ARE = (
    "exp expm1 sin cos asin acos atan sinh cosh tanh asinh acosh atanh erf erfc erfinv digamma".split()
)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: _within(getattr(CONTEXT, name)) for name in AS_THEY_ARE},
    "sqrt": CONTEXT.sqrt,
    "neg": operator.neg,
    "abs": abs,
    "log": lambda x: CONTEXT.ninf if x == 0 else CONTEXT.log(x),
    "log1p": _log1p,
    "rsqrt": lambda x: CONTEXT.inf if x == 0 else 1 / CONTEXT.sqrt(x),
    "inverse": lambda x: CONTEXT.inf if x == 0 else 1 / x,
    "lgamma": _lgamma,
    "cbrt": _odd(CONTEXT.cbrt),
    "erfcx": _within(_erfcx),
    "erfcinv": _erfcinv,
    "entr": lambda x: CONTEXT.mpf(0) if x == 0 else -x * CONTEXT.log(x),
    "gamma": _within(_gamma),
    "floor": _stepped(CONTEXT.floor),
    "ceil": _stepped(CONTEXT.ceil),
    "trunc": _stepped(_odd(CONTEXT.floor)),
    "round": _stepped(CONTEXT.nint),
    "times_pi": lambda x: x * CONTEXT.pi,
}
FAMILIES: dict[str, Callable[..., Any]] = {
    "bessel_i": _bessel_i,
    "bessel_ie": lambda x, n: CONTEXT.mpf(0) if CONTEXT.isinf(x) else CONTEXT.exp(-abs(x)) * _bessel_i(x, n),
    "bessel_j": lambda x, n: CONTEXT.mpf(0) if CONTEXT.isinf(x) else CONTEXT.besselj(n, x),
    "bessel_y": _bessel_y,
    "spherical_j": _spherical_j,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": _pow,
    "power": _pow,
    "atan2": CONTEXT.atan2,
    "maximum": _extremum(max),
    "minimum": _extremum(min),
}
UNARY: dict[str, Any] = {
    name: np.frompyfunc(_guarded(function), 1, 1) for name, function in FUNCTIONS.items()
}
_zeta: Any = np.frompyfunc(_guarded(_hurwitz), 3, 1)
FAMILY: dict[str, Any] = {
    name: np.frompyfunc(_guarded(_within(_of_some_order(function))), 2, 1)
    for name, function in FAMILIES.items()
}
BINARY: dict[str, Any] = {
    name: np.frompyfunc(_guarded(function), 2, 1) for name, function in OPERATORS.items()
} | {"zeta": lambda s, x, k=0: _zeta(s, x, k)}
MASKED = BINARY | masking(ABSENT, *(_guarded(OPERATORS[name]) for name in ("add", "sub", "mul", "div")))


def number(value: object) -> Any:
    """The exact mpmath number of a Python or numpy number; a fraction to the precision."""
    given = exactly(value)
    if isinstance(given, Fraction):
        return CONTEXT.mpf(given.numerator) / given.denominator
    return CONTEXT.mpf(given)


_lift: Any = np.frompyfunc(number, 1, 1)
_is_nan: Any = np.frompyfunc(CONTEXT.isnan, 1, 1)


def _root(left: Any, right: Any, below: Any, above: Any) -> Generator[Any, Any, Any]:
    """False position with Illinois weights: nothing like the enclosure it is to check.

    Three steps that leave more than half of the bracket are followed by a halving, so that a flat function takes no
    more than four times the steps of bisection.
    """
    if below >= 0:
        return left
    if not (below < 0 and above > 0):
        return right
    answer, kept = left, 0  # which end stayed at the last step
    goal, tries = (right - left) / 2, 0  # steps towards it
    tight = CONTEXT.mpf(2) ** (1 - CONTEXT.prec)  # no neighbours lie farther apart
    for _ in range(4 * CONTEXT.prec):
        secant = right - above * (right - left) / (above - below)
        # one step inside at least: where one end is the root already, the other comes there
        beside = tight * max(abs(left), abs(right))
        secant = min(max(secant, left + beside), right - beside)
        answer = secant if tries < 3 and left < secant < right else (left + right) / 2
        value = yield answer
        if value > 0:
            right, above, side = answer, value, -1
            below = below / 2 if kept == side else below
        else:
            left, below, side = answer, value, 1
            above = above / 2 if kept == side else above
        kept = side
        tries += 1
        if right - left <= goal:
            goal, tries = (right - left) / 2, 0
        if value == 0 or right - left <= tight * abs(right):
            break
    return answer


class MpArithmetic(ObjectArithmetic):
    """mpmath at the precision of `CONTEXT`, which only `precision` sets; `told` hears how each comparison came out."""

    name = "mp"
    zero, one, nothing = ABSENT, CONTEXT.mpf(1), CONTEXT.nan
    search = staticmethod(_root)

    def __init__(self, told: Callable[[np.ndarray], None] = lambda states: None) -> None:
        self.told = told

    def lift(self, values: Any) -> Any:
        return np.asarray(_lift(np.asarray(values)), dtype=object)

    def unary(self, name: str, x: Any, *parameters: int) -> Any:
        return (FAMILY if parameters else UNARY)[name](x, *parameters)

    def binary(self, name: str, x: Any, y: Any, *parameters: int) -> Any:
        return BINARY[name](x, y, *parameters)

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return MASKED[name](x, y)

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        return added_up(MASKED["add"] if masked else np.add, x, axes)

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        states = np.where(getattr(operator, name)(x, y).astype(bool), YES, NO).astype(np.int8)
        self.told(states)
        return states

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        return np.where(decision == YES, x, y)

    def interval(self, low: int, high: int) -> Any:
        return np.array([CONTEXT.mpf(low + high) / 2], dtype=object)

    def doubt(self, low: int, high: int) -> Any:
        return self.interval(low, high)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.argsort(x, axis=-1, kind="stable"), np.zeros(x.shape[:-1], dtype=bool)

    def given(self, x: Any, value: Any) -> Any:
        return np.where(_is_nan(value).astype(bool), self.nothing, x)

    def forgiven(self, terms: Sequence[Any], lanes: int) -> Any:
        flat = [np.absolute(term).reshape((len(term), -1)) for term in terms]
        return np.broadcast_to(sum((part.sum(axis=1) for part in flat), CONTEXT.mpf(0)), (lanes,))


MP = MpArithmetic()
