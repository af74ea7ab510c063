"""mpmath numbers: the independent second opinion.

No radius and no proof: mpmath does not promise the accuracy of its functions. Two precisions that agree with each
other and lie inside the proved ball are what `truth.second_opinion` asks of it. The context is this module's own, so
that neither a caller's precision nor ours leaks into the other.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from numcheck.reals.arithmetic import NO, YES, scattered

CONTEXT: Any = mpmath.MPContext()
ABSENT: Any = CONTEXT.mpf(0)


def _guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """mpmath raises, or answers with a complex number, outside a function's real domain: both mean undefined."""

    def call(x: Any) -> Any:
        try:
            y = function(x)
        except (ValueError, ZeroDivisionError, OverflowError):
            return CONTEXT.nan
        return y if isinstance(y, CONTEXT.mpf) or y is CONTEXT.inf else CONTEXT.nan

    return call


def _guarded2(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def call(x: Any, y: Any) -> Any:
        return _guarded(lambda first: function(first, y))(x)

    return call


def _log1p(x: Any) -> Any:
    # mpmath's own log1p has no extra digits to spare where x is tiny; twice the exponent's bits do
    extra = max(0, -CONTEXT.mag(x)) if x else 0
    with CONTEXT.workprec(CONTEXT.prec + extra + 10):
        return CONTEXT.log(1 + x)


def _log(x: Any) -> Any:
    return CONTEXT.ninf if x == 0 else CONTEXT.log(x)


def _lgamma(x: Any) -> Any:
    return CONTEXT.inf if x == 0 else CONTEXT.loggamma(x)


def _pow(x: Any, y: Any) -> Any:
    if y == 0 or x == 1:
        return CONTEXT.mpf(1)  # as in IEEE 754; mpmath has nan at infinities
    if x == 0 and y < 0:
        # no sign without a side: undefined after odd powers
        return CONTEXT.nan if CONTEXT.isint(y) and int(y) % 2 else CONTEXT.inf
    return x**y


def _maximum(x: Any, y: Any) -> Any:
    return CONTEXT.nan if CONTEXT.isnan(x) or CONTEXT.isnan(y) else max(x, y)


def _minimum(x: Any, y: Any) -> Any:
    return CONTEXT.nan if CONTEXT.isnan(x) or CONTEXT.isnan(y) else min(x, y)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "neg": lambda x: -x,
    "abs": abs,
    "exp": CONTEXT.exp,
    "expm1": CONTEXT.expm1,
    "log": _log,
    "log1p": _log1p,
    "sqrt": CONTEXT.sqrt,
    "rsqrt": lambda x: CONTEXT.inf if x == 0 else 1 / CONTEXT.sqrt(x),
    "sin": CONTEXT.sin,
    "cos": CONTEXT.cos,
    "atan": CONTEXT.atan,
    "sinh": CONTEXT.sinh,
    "cosh": CONTEXT.cosh,
    "tanh": CONTEXT.tanh,
    "asinh": CONTEXT.asinh,
    "atanh": CONTEXT.atanh,
    "erf": CONTEXT.erf,
    "erfc": CONTEXT.erfc,
    "lgamma": _lgamma,
    "digamma": CONTEXT.digamma,
    "times_pi": lambda x: x * CONTEXT.pi,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": _pow,
    "power": _pow,
    "atan2": lambda y, x: CONTEXT.atan2(y, x),
    "maximum": _maximum,
    "minimum": _minimum,
    "zeta": lambda s, x: CONTEXT.zeta(s, x),
}
MASKED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: y if x is ABSENT else x if y is ABSENT else x + y,
    "sub": lambda x, y: x if y is ABSENT else -y if x is ABSENT else x - y,
    "mul": lambda x, y: ABSENT if x is ABSENT or y is ABSENT else x * y,
    "div": lambda x, y: ABSENT if x is ABSENT else x / y,
    "neg": lambda x, y: x if x is ABSENT else -x,
}
UNARY = {name: np.frompyfunc(_guarded(function), 1, 1) for name, function in FUNCTIONS.items()}
BINARY = {name: np.frompyfunc(_guarded2(function), 2, 1) for name, function in OPERATORS.items()}
MASKED_BINARY = {name: np.frompyfunc(_guarded2(function), 2, 1) for name, function in MASKED.items()}


def number(value: object) -> Any:
    """The exact mpmath number of a Python or numpy number; a fraction to the precision."""
    match value:
        case bool() | int() | np.integer():
            return CONTEXT.mpf(int(value))
        case float() | np.floating():
            return CONTEXT.mpf(float(value))
        case Fraction():
            return CONTEXT.mpf(value.numerator) / value.denominator
        case _:
            raise TypeError(f"{type(value).__name__} is no real number")


_lift: Any = np.frompyfunc(number, 1, 1)
_compare = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal}


class MpArithmetic:
    """mpmath at the precision of `CONTEXT`, which only `precision` sets. Stateless; `MP` is its only instance."""

    name = "mp"
    where: Callable[..., Any] = staticmethod(np.where)
    broadcast: Callable[..., Any] = staticmethod(np.broadcast_to)
    concatenate: Callable[..., Any] = staticmethod(np.concatenate)
    permute: Callable[..., Any] = staticmethod(np.take_along_axis)
    scatter = scattered

    def lift(self, values: Any) -> Any:
        return np.asarray(_lift(np.asarray(values)), dtype=object)

    def number(self, x: Any) -> float:
        return float(x.flat[0])

    def unary(self, name: str, x: Any) -> Any:
        return UNARY[name](x)

    def binary(self, name: str, x: Any, y: Any) -> Any:
        return BINARY[name](x, y)

    def absent(self, shape: tuple[int, ...]) -> Any:
        return np.full(shape, ABSENT, dtype=object)

    def hot(self, mask: np.ndarray) -> Any:
        return np.where(mask, CONTEXT.mpf(1), ABSENT)

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return MASKED_BINARY.get(name, BINARY.get(name))(x, y)  # type: ignore[misc]

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        adding: Any = MASKED_BINARY["add"] if masked else np.add
        for axis in sorted(axes, reverse=True):
            x = adding.reduce(x, axis=axis)
        return x

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        return np.where(_compare[name](x, y).astype(bool), YES, NO).astype(np.int8)

    def some(self, states: np.ndarray) -> bool:
        return bool(states.any())

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        return np.where(decision == YES, x, y)

    def interval(self, low: int, high: int) -> Any:
        return np.array([CONTEXT.mpf(low + high) / 2], dtype=object)

    def doubt(self, low: int, high: int) -> Any:
        return self.interval(low, high)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.argsort(x, axis=-1, kind="stable"), np.zeros(x.shape[:-1], dtype=bool)

    def inverse(self, order: np.ndarray) -> np.ndarray:
        return np.argsort(order, axis=-1)

    def forgiven(self, terms: Sequence[tuple[Any, bool]], lanes: int) -> Any:
        flat = [np.absolute(term).reshape((len(term), -1)) for term, _ in terms]
        return np.broadcast_to(sum((part.sum(axis=1) for part in flat), CONTEXT.mpf(0)), (lanes,))

    def unknown(self, x: Any, lanes: np.ndarray) -> Any:
        blurred = x.copy()
        blurred[lanes] = CONTEXT.nan
        return blurred

    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any:
        """False position with Illinois weights, one lane at a time: nothing like the enclosure it is to check.

        Three steps that leave more than half of the bracket are followed by a halving, so that a flat function takes
        no more than four times the steps of bisection.
        """
        low, high = low.copy(), high.copy()
        at_low, at_high = function(low), function(high)
        found = np.where(np.greater_equal(at_low, 0).astype(bool), low, high)
        active = np.flatnonzero((np.less(at_low, 0) & np.greater(at_high, 0)).astype(bool).ravel())
        if not active.size:
            return found
        shape = found.shape
        flat = [np.broadcast_to(x, shape).ravel().copy() for x in (found, low, high, at_low, at_high)]
        answer, left, right, below, above = flat
        kept = np.zeros(answer.shape, np.int8)  # which end stayed at the last step
        goal = (right - left) / 2
        tries = np.zeros(answer.shape, np.int8)  # steps towards it
        tight = CONTEXT.mpf(2) ** (1 - CONTEXT.prec)  # no neighbours lie farther apart
        for _ in range(4 * CONTEXT.prec):
            for i in active:
                secant = right[i] - above[i] * (right[i] - left[i]) / (above[i] - below[i])
                # one step inside at least: where one end is the root already, the other comes there
                beside = tight * max(abs(left[i]), abs(right[i]))
                secant = min(max(secant, left[i] + beside), right[i] - beside)
                inside = left[i] < secant < right[i]
                answer[i] = secant if tries[i] < 3 and inside else (left[i] + right[i]) / 2
            values = np.broadcast_to(function(answer.reshape(shape)), shape).ravel()
            for i in active:
                side = -1 if values[i] > 0 else 1
                if side < 0:
                    right[i], above[i] = answer[i], values[i]
                    below[i] = below[i] / 2 if kept[i] == side else below[i]
                else:
                    left[i], below[i] = answer[i], values[i]
                    above[i] = above[i] / 2 if kept[i] == side else above[i]
                kept[i] = side
                tries[i] += 1
                if right[i] - left[i] <= goal[i]:
                    goal[i], tries[i] = (right[i] - left[i]) / 2, 0
            done = [i for i in active if values[i] == 0 or right[i] - left[i] <= tight * abs(right[i])]
            active = np.setdiff1d(active, done)
            if not active.size:
                break
        return answer.reshape(shape)


MP = MpArithmetic()
