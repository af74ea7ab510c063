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


def _pow(x: Any, y: Any) -> Any:
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


def _extremum(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: CONTEXT.nan if CONTEXT.isnan(x) or CONTEXT.isnan(y) else choose(x, y)


_exp = _within(CONTEXT.exp)
AS_THEY_ARE = "exp expm1 sin cos atan sinh cosh tanh asinh atanh erf erfc digamma".split()
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: _within(getattr(CONTEXT, name)) for name in AS_THEY_ARE},
    "sqrt": CONTEXT.sqrt,
    "neg": operator.neg,
    "abs": abs,
    "log": lambda x: CONTEXT.ninf if x == 0 else CONTEXT.log(x),
    "log1p": _log1p,
    "rsqrt": lambda x: CONTEXT.inf if x == 0 else 1 / CONTEXT.sqrt(x),
    "lgamma": lambda x: CONTEXT.inf if x == 0 else CONTEXT.loggamma(x),
    "times_pi": lambda x: x * CONTEXT.pi,
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
    "zeta": CONTEXT.zeta,
}
UNARY = {name: np.frompyfunc(_guarded(function), 1, 1) for name, function in FUNCTIONS.items()}
BINARY = {name: np.frompyfunc(_guarded(function), 2, 1) for name, function in OPERATORS.items()}
MASKED = BINARY | masking(ABSENT, *(_guarded(OPERATORS[name]) for name in ("add", "sub", "mul", "div")))


def number(value: object) -> Any:
    """The exact mpmath number of a Python or numpy number; a fraction to the precision."""
    given = exactly(value)
    if isinstance(given, Fraction):
        return CONTEXT.mpf(given.numerator) / given.denominator
    return CONTEXT.mpf(given)


_lift: Any = np.frompyfunc(number, 1, 1)


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

    def unary(self, name: str, x: Any) -> Any:
        return UNARY[name](x)

    def binary(self, name: str, x: Any, y: Any) -> Any:
        return BINARY[name](x, y)

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

    def forgiven(self, terms: Sequence[Any], lanes: int) -> Any:
        flat = [np.absolute(term).reshape((len(term), -1)) for term in terms]
        return np.broadcast_to(sum((part.sum(axis=1) for part in flat), CONTEXT.mpf(0)), (lanes,))


MP = MpArithmetic()
