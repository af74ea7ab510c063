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

from numcheck.reals.arithmetic import NO, YES, ObjectArithmetic, added_up, exactly, masking

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


def _log1p(x: Any) -> Any:
    # mpmath's own log1p has no extra digits to spare where x is tiny; twice the exponent's bits do
    extra = max(0, -CONTEXT.mag(x)) if x else 0
    with CONTEXT.workprec(CONTEXT.prec + extra + 10):
        return CONTEXT.log(1 + x)


def _pow(x: Any, y: Any) -> Any:
    if y == 0 or x == 1:
        return CONTEXT.mpf(1)  # as in IEEE 754; mpmath has nan at infinities
    if x == 0 and y < 0:
        # no sign without a side: undefined after odd powers
        return CONTEXT.nan if CONTEXT.isint(y) and int(y) % 2 else CONTEXT.inf
    return x**y


def _extremum(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: CONTEXT.nan if CONTEXT.isnan(x) or CONTEXT.isnan(y) else choose(x, y)


AS_THEY_ARE = "exp expm1 sqrt sin cos atan sinh cosh tanh asinh atanh erf erfc digamma".split()
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(CONTEXT, name) for name in AS_THEY_ARE},
    "neg": operator.neg,
    "abs": abs,
    "log": lambda x: CONTEXT.ninf if x == 0 else CONTEXT.log(x),
    "log1p": _log1p,
    "rsqrt": lambda x: CONTEXT.inf if x == 0 else 1 / CONTEXT.sqrt(x),
    "inverse": lambda x: CONTEXT.inf if x == 0 else 1 / x,
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
    """mpmath at the precision of `CONTEXT`, which only `precision` sets. Stateless; `MP` is its only instance."""

    name = "mp"
    zero, one, nothing = ABSENT, CONTEXT.mpf(1), CONTEXT.nan
    search = staticmethod(_root)

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
        return np.where(getattr(operator, name)(x, y).astype(bool), YES, NO).astype(np.int8)

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
