"""mpmath numbers: the independent second opinion.

No radius and no proof: mpmath does not promise the accuracy of its functions. Two precisions that agree with each
other and lie inside the proved ball are what `settle.second_opinion` asks of it. The context is this module's own, so
that neither a caller's precision nor ours leaks into the other.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from numcheck.reals.arrays import NO, YES

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
    """mpmath at the precision of `CONTEXT`, which only `settle` sets. Stateless; `MP` is its only instance."""

    name = "mp"

    def lift(self, values: Any) -> Any:
        return np.asarray(_lift(np.asarray(values)), dtype=object)

    def unary(self, name: str, x: Any) -> Any:
        return UNARY[name](x)

    def binary(self, name: str, x: Any, y: Any) -> Any:
        return BINARY[name](x, y)

    def absent(self) -> Any:
        return ABSENT

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return MASKED_BINARY.get(name, BINARY.get(name))(x, y)  # type: ignore[misc]

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        adding: Any = MASKED_BINARY["add"] if masked else np.add
        for axis in sorted(axes, reverse=True):
            x = adding.reduce(x, axis=axis)
        return x

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        return np.where(_compare[name](x, y).astype(bool), YES, NO).astype(np.int8)

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        return np.where(decision == YES, x, y)

    def interval(self, low: int, high: int) -> Any:
        return np.array([CONTEXT.mpf(low + high) / 2], dtype=object)

    def doubt(self, low: int, high: int) -> Any:
        return self.interval(low, high)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.argsort(x, axis=-1, kind="stable"), np.zeros(x.shape[:-1], dtype=bool)

    def unknown(self, x: Any, lanes: np.ndarray) -> Any:
        blurred = x.copy()
        blurred[lanes] = CONTEXT.nan
        return blurred

    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any:
        """Plain bisection on the sign to the full precision: slow, and nothing like the enclosure it is to check."""
        low, high = low.copy(), high.copy()
        clamped_low = np.greater_equal(function(low), 0).astype(bool)
        clamped_high = np.less_equal(function(high), 0).astype(bool)
        first, last = low, high
        for _ in range(CONTEXT.prec):
            middle = (low + high) / 2
            up = np.greater(function(middle), 0).astype(bool)
            low, high = np.where(up, low, middle), np.where(up, middle, high)
        return np.where(clamped_low, first, np.where(clamped_high, last, (low + high) / 2))


MP = MpArithmetic()
