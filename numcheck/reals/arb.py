"""Balls of any precision: numpy object arrays of python-flint `arb`.

A ball is a midpoint and a radius that together enclose the exact number. Three kinds of ball are not finite: an exact
infinity; *undefined* (not a number), proved to have no value, such as log(-1) or inf - inf; and *unknown* ([0 +- inf]),
which a higher precision may sharpen. FLINT answers nan both for what is undefined and for what this precision cannot
tell, so every function that has a singularity is guarded here: an inexact argument gives unknown, never undefined.

The precision is FLINT's, global to the process; only `settle` sets it.

Source: Johansson 2017, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic".
"""

import functools
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpz

from numcheck.reals.arrays import NO, UNDECIDED, YES

PLUS_INFINITY: Any = arb.pos_inf()
MINUS_INFINITY: Any = arb.neg_inf()
UNDEFINED: Any = arb.nan()
UNKNOWN: Any = arb(0, PLUS_INFINITY)
ABSENT: Any = arb(0)  # recognised by identity, see arrays.Arithmetic

Ball = Any


def known_or(x: Ball, y: Ball) -> Ball:
    """What a singular result is: undefined where the argument is exact, unknown where it is not."""
    return y if not y.is_nan() else (UNDEFINED if x.is_exact() or x.is_nan() else UNKNOWN)


def guarded(function: Callable[[Ball], Ball], limits: Mapping[float, Ball]) -> Callable[[Ball], Ball]:
    """`function` with its `limits` at infinities and singular points, and unknown told from undefined."""
    exact = [(PLUS_INFINITY if at > 0 and at == np.inf else MINUS_INFINITY if at == -np.inf else arb(at), limit)
             for at, limit in limits.items()]  # fmt: skip

    def call(x: Ball) -> Ball:
        y = function(x)
        if y.is_finite():
            return y
        for at, limit in exact:
            if x == at:
                return limit() if callable(limit) else limit
        return known_or(x, y)

    return call


def _lgamma(x: Ball) -> Ball:
    return x.lgamma()


def _half_pi() -> Ball:
    return arb.pi() / 2


def _absolute(x: Ball) -> Ball:
    return PLUS_INFINITY if x == MINUS_INFINITY or x == PLUS_INFINITY else abs(x)


INF = float("inf")
FUNCTIONS: dict[str, Callable[[Ball], Ball]] = {
    "neg": operator.neg,
    "abs": _absolute,
    "exp": guarded(arb.exp, {INF: PLUS_INFINITY, -INF: arb(0)}),
    "expm1": guarded(arb.expm1, {INF: PLUS_INFINITY, -INF: arb(-1)}),
    "log": guarded(arb.log, {0.0: MINUS_INFINITY, INF: PLUS_INFINITY}),
    "log1p": guarded(arb.log1p, {-1.0: MINUS_INFINITY, INF: PLUS_INFINITY}),
    "sqrt": guarded(arb.sqrt, {INF: PLUS_INFINITY}),
    "rsqrt": guarded(arb.rsqrt, {0.0: PLUS_INFINITY, INF: arb(0)}),
    "sin": guarded(arb.sin, {}),
    "cos": guarded(arb.cos, {}),
    "atan": guarded(arb.atan, {INF: _half_pi, -INF: lambda: -_half_pi()}),
    "sinh": guarded(arb.sinh, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "cosh": guarded(arb.cosh, {INF: PLUS_INFINITY, -INF: PLUS_INFINITY}),
    "tanh": guarded(arb.tanh, {INF: arb(1), -INF: arb(-1)}),
    "asinh": guarded(arb.asinh, {INF: PLUS_INFINITY, -INF: MINUS_INFINITY}),
    "atanh": guarded(arb.atanh, {1.0: PLUS_INFINITY, -1.0: MINUS_INFINITY}),
    "erf": guarded(arb.erf, {INF: arb(1), -INF: arb(-1)}),
    "erfc": guarded(arb.erfc, {INF: arb(0), -INF: arb(2)}),
    "lgamma": guarded(_lgamma, {0.0: PLUS_INFINITY, INF: PLUS_INFINITY}),
    "digamma": guarded(arb.digamma, {INF: PLUS_INFINITY}),
    "times_pi": lambda x: x * arb.pi(),
}


def _divide(x: Ball, y: Ball) -> Ball:
    z = x / y
    if z.is_finite() or not z.is_nan():
        return z
    return UNDEFINED if (x.is_exact() and y.is_exact()) or x.is_nan() or y.is_nan() else UNKNOWN


def _pow(x: Ball, y: Ball) -> Ball:
    z = x**y
    if z.is_finite() or not z.is_nan():
        return z
    return UNDEFINED if (x.is_exact() and y.is_exact()) or x.is_nan() or y.is_nan() else UNKNOWN


def _maximum(x: Ball, y: Ball) -> Ball:
    return y if x == MINUS_INFINITY else x if y == MINUS_INFINITY else x.max(y)


def _minimum(x: Ball, y: Ball) -> Ball:
    return y if x == PLUS_INFINITY else x if y == PLUS_INFINITY else x.min(y)


def _union(x: Ball, y: Ball) -> Ball:
    return x.union(y)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.frompyfunc(_divide, 2, 1),
    "pow": np.frompyfunc(_pow, 2, 1),
    "power": lambda x, n: _unary_power(n)(x),
    "atan2": np.frompyfunc(lambda y, x: arb.atan2(y, x), 2, 1),
    "maximum": np.frompyfunc(_maximum, 2, 1),
    "minimum": np.frompyfunc(_minimum, 2, 1),
    "zeta": np.frompyfunc(lambda s, x: s.zeta(x), 2, 1),
}
UNARY = {name: np.frompyfunc(function, 1, 1) for name, function in FUNCTIONS.items()}
UNARY["neg"] = np.negative  # numpy's own loop is faster where there is nothing to guard


@functools.cache
def _unary_power(n: int) -> Callable[[Any], Any]:
    """The integer power; a negative one has a pole at 0."""
    return np.frompyfunc(guarded(lambda x: x**n, {}), 1, 1)


def _masked_add(x: Ball, y: Ball) -> Ball:
    return y if x is ABSENT else x if y is ABSENT else x + y


MASKED: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.frompyfunc(_masked_add, 2, 1),
    "sub": np.frompyfunc(lambda x, y: x if y is ABSENT else -y if x is ABSENT else x - y, 2, 1),
    "mul": np.frompyfunc(lambda x, y: ABSENT if x is ABSENT or y is ABSENT else x * y, 2, 1),
    "div": np.frompyfunc(lambda x, y: ABSENT if x is ABSENT else _divide(x, y), 2, 1),
    "neg": np.frompyfunc(lambda x, y: x if x is ABSENT else -x, 2, 1),
}
_compare = {
    "lt": (np.less, np.greater_equal),
    "le": (np.less_equal, np.greater),
    "gt": (np.greater, np.less_equal),
    "ge": (np.greater_equal, np.less),
    "eq": (np.equal, np.not_equal),
}


def ball(value: object) -> Ball:
    """The exact ball of a Python or numpy number; a fraction as narrow as the precision allows."""
    match value:
        case bool() | int() | np.integer():
            return arb(int(value))
        case float() | np.floating():
            return arb(float(value))
        case Fraction():
            return arb(fmpq(value.numerator, value.denominator))
        case _:
            raise TypeError(f"{type(value).__name__} is no real number")


_lift = np.frompyfunc(ball, 1, 1)
_lift_floats = np.frompyfunc(arb, 1, 1)


class ArbArithmetic:
    """Ball arithmetic at FLINT's current precision. Stateless; `ARB` is its only instance."""

    name = "arb"

    def lift(self, values: Any) -> Any:
        array = np.asarray(values)
        if array.dtype == np.float64:
            return np.asarray(_lift_floats(array), dtype=object)
        return np.asarray(_lift(array), dtype=object)

    def unary(self, name: str, x: Any) -> Any:
        return UNARY[name](x)

    def binary(self, name: str, x: Any, y: Any) -> Any:
        return OPERATORS[name](x, y)

    def absent(self) -> Ball:
        return ABSENT

    def masked(self, name: str, x: Any, y: Any) -> Any:
        return MASKED[name](x, y) if name in MASKED else OPERATORS[name](x, y)

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        adding: Any = MASKED["add"] if masked else np.add
        for axis in sorted(axes, reverse=True):
            x = adding.reduce(x, axis=axis)
        return x

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        holds, fails = _compare[name]
        yes, no = holds(x, y).astype(bool), fails(x, y).astype(bool)
        return np.where(yes, YES, np.where(no, NO, UNDECIDED)).astype(np.int8)

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        chosen = np.where(decision == YES, x, y)
        if (decision == UNDECIDED).any():
            unions = np.frompyfunc(_union, 2, 1)(*np.broadcast_arrays(x, y))
            chosen = np.where(decision == UNDECIDED, unions, chosen)
        return chosen

    def interval(self, low: int, high: int) -> Any:
        return np.array([arb(low).union(arb(high))], dtype=object)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        middles = np.frompyfunc(lambda b: float(b.mid()), 1, 1)(x).astype(np.float64)
        order = np.argsort(middles, axis=-1, kind="stable")
        # float64 middles may tie or overflow where the balls do not: one pass of exact insertion puts that right
        order = _insertion(x, order)
        ordered = np.take_along_axis(x, order, axis=-1)
        decided = self.compare("le", ordered[..., :-1], ordered[..., 1:]) == YES
        return order, ~decided.all(axis=-1)

    def unknown(self, x: Any, lanes: np.ndarray) -> Any:
        blurred = x.copy()
        blurred[lanes] = UNKNOWN
        return blurred

    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any:
        return enclose_root(function, low, high)


def _insertion(x: Any, order: np.ndarray) -> np.ndarray:
    rows, permutations = x.reshape(-1, x.shape[-1]), order.reshape(-1, x.shape[-1]).copy()
    for row, permutation in zip(rows, permutations, strict=True):
        for i in range(1, len(permutation)):
            j = i
            while j and row[permutation[j]] < row[permutation[j - 1]]:
                permutation[j - 1], permutation[j] = permutation[j], permutation[j - 1]
                j -= 1
    return permutations.reshape(order.shape)


def enclose_root(function: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Balls that contain the zero of an increasing `function` on [low, high], per lane.

    Bisection at exact midpoints; a lane whose sign is undecided at the midpoint tries a point beside it, and keeps
    its bracket where that is undecided too. By the intermediate value theorem every bracket with proved signs at its
    ends holds a root, and an increasing function has no other.
    """
    from flint import ctx

    low, high = low.copy(), high.copy()
    at_low, at_high = function(low), function(high)
    below = np.greater_equal(at_low, 0).astype(bool)  # already up at the lower end: the nearer end is the answer
    above = np.less_equal(at_high, 0).astype(bool)
    stuck = np.zeros(low.shape, dtype=bool)
    for _ in range(ctx.prec + 8):
        middle = np.frompyfunc(lambda a, b: ((a + b) / 2).mid(), 2, 1)(low, high)
        values = function(middle)
        up, down = np.greater_equal(values, 0).astype(bool), np.less_equal(values, 0).astype(bool)
        undecided = ~up & ~down
        if undecided.any():
            beside = np.frompyfunc(lambda a, b: ((3 * a + b) / 4).mid(), 2, 1)(low, high)
            values = np.where(undecided, function(beside), values)
            middle = np.where(undecided, beside, middle)
            up, down = np.greater_equal(values, 0).astype(bool), np.less_equal(values, 0).astype(bool)
            stuck |= ~up & ~down
        high = np.where(up & ~stuck, middle, high)
        low = np.where(down & ~stuck, middle, low)
        if stuck.all():
            break
    enclosed = np.frompyfunc(_union, 2, 1)(low, high)
    return np.where(below, low, np.where(above, high, enclosed))


ARB = ArbArithmetic()
_ = fmpz
