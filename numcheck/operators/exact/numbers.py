"""Exact real numbers: rational while they can be, and balls from the first function on that no rational number has.

Code that torch runs compares a lot (a kink, a mask, a tie, a row that is like another), and a ball never proves that
two numbers are the same. A mean of equal numbers, less one of them, is zero here and not a ball around it.
"""

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from flint import arb, fmpq

from numcheck.reals.arb import (
    ARB,
    FUNCTIONS,
    INF,
    MINUS_INFINITY,
    OPERATORS,
    PLUS_INFINITY,
    UNDEFINED,
    UNKNOWN,
    is_infinite,
    is_undefined,
)
from numcheck.reals.arithmetic import NO, UNDECIDED, YES, ObjectArithmetic, added_up, exactly
from numcheck.reals.arrays import Reals

Number = Any
"""A rational number (fmpq) or a ball (arb)."""

_MOST_BITS: Final = 4096
"""Of a numerator or denominator: an iteration of quotients doubles their length in every pass."""


def is_rational(x: Number) -> bool:
    """Whether a number is held as a quotient of integers, and not as a ball."""
    return type(x) is fmpq


def as_ball(x: Number) -> Any:
    """A number as a ball at the present precision."""
    return arb(x) if type(x) is fmpq else x


def exact(value: object) -> Number:
    """A Python or numpy number, exactly."""
    number = exactly(value)
    if isinstance(number, float):
        if number != number:
            return UNDEFINED
        if abs(number) == INF:
            return PLUS_INFINITY if number > 0 else MINUS_INFINITY
    return (
        fmpq(*number.as_integer_ratio())
        if not isinstance(number, Fraction)
        else fmpq(number.numerator, number.denominator)
    )


balls_of: Any = np.frompyfunc(as_ball, 1, 1)
_lift: Any = np.frompyfunc(exact, 1, 1)


def is_nothing(x: Number) -> bool:
    """Whether this is no number, such as 0 / 0."""
    return not is_rational(x) and is_undefined(x)


def is_finite(x: Number) -> bool:
    """Whether this is proved to be a number, and no infinity."""
    return is_rational(x) or x.is_finite()


def is_told(x: Number) -> bool:
    """Whether it is known to be finite, an infinity of known sign, or no number."""
    return is_rational(x) or x.is_finite() or is_infinite(x) or is_undefined(x)


def _kept(x: Number) -> Number:
    """A quotient, as a ball where its integers grow too long."""
    return x if x.height_bits() <= _MOST_BITS else arb(x)


_QUICK: Final = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
"""FLINT's own, right wherever the result is finite."""


def _two(name: str, rational: Callable[[Number, Number], Number | None]) -> Any:
    """An operation on two numbers: on quotients as `rational` says, if it says anything, on balls as Arb does."""
    quick, careful = _QUICK.get(name), OPERATORS[name]

    def call(x: Number, y: Number) -> Number:
        if type(x) is fmpq and type(y) is fmpq and (found := rational(x, y)) is not None:
            return found
        x, y = as_ball(x), as_ball(y)
        if quick is not None and (found := quick(x, y)).is_finite():
            return found
        (found,) = careful(np.array([x], dtype=object), np.array([y], dtype=object))
        return found

    return call


def _quotient(x: Number, y: Number) -> Number | None:
    return _kept(x / y) if y != 0 else None


def _power(x: Number, y: Number) -> Number | None:
    """An integer power, unless it is long."""
    bits: int = x.height_bits()
    if y.q != 1 or abs(y) * bits > _MOST_BITS:
        return None
    return x ** int(y.p)


def _same(x: Number, y: Number) -> bool:
    """Whether both are one number, computed once, however wide its ball."""
    return x is y and is_finite(x)


def _difference(x: Number, y: Number) -> Number:
    return EXACT_ZERO if _same(x, y) else _minus(x, y)


def _divided(x: Number, y: Number) -> Number:
    """By zero, the infinity of a sign that exact numbers do not have: a zero has none in them. 0 / 0 is no number."""
    if y == 0 and not (x == 0 or is_nothing(x)):  # of what may be zero, neither x == 0 nor x != 0
        return UNKNOWN
    return _ratio(x, y)


def _raised(x: Number, y: Number) -> Number:
    return UNKNOWN if x == 0 and y < 0 else _to_the_power(x, y)


def _extremum(name: str, first: Callable[[Number, Number], bool]) -> Callable[[Number, Number], Number]:
    """One of the two, the same number, where it can be told which."""
    careful = _two(name, lambda x, y: None)

    def call(x: Number, y: Number) -> Number:
        return x if first(x, y) or _same(x, y) else y if first(y, x) else careful(x, y)

    return call


EXACT_ZERO: Final = fmpq(0)
_minus = _two("sub", lambda x, y: _kept(x - y))
_ratio = _two("div", _quotient)
_to_the_power = _two("pow", _power)
BINARY: Final[dict[str, Any]] = {
    name: np.frompyfunc(call, 2, 1)
    for name, call in {
        "add": _two("add", lambda x, y: _kept(x + y)),
        "sub": _difference,
        "mul": _two("mul", lambda x, y: _kept(x * y)),
        "div": _divided,
        "pow": _raised,
        "maximum": _extremum("maximum", operator.ge),
        "minimum": _extremum("minimum", operator.le),
    }.items()
}
"""Operations on arrays of exact numbers."""


def _root(x: Number) -> Number | None:
    """The square root of a square."""
    if x < 0:
        return None
    p, q = x.p.isqrt(), x.q.isqrt()
    return fmpq(p, q) if p * p == x.p and q * q == x.q else None


_RATIONAL: Final[dict[str, Callable[[Number], Number | None]]] = {
    "abs": abs,
    "sqrt": _root,
    "rsqrt": lambda x: 1 / root if x != 0 and (root := _root(x)) is not None else None,
}


def _one(name: str) -> Any:
    """A function of one number; a value that is exact in binary, such as that of a cosine at 0, is a quotient again."""
    rational, careful = _RATIONAL.get(name, lambda x: None), FUNCTIONS[name]

    def call(x: Number) -> Number:
        if type(x) is fmpq and (found := rational(x)) is not None:
            return found
        (y,) = careful(np.array([as_ball(x)], dtype=object))
        return _quotient_of(y)

    return np.frompyfunc(call, 1, 1)


def _quotient_of(x: Any) -> Number:
    """An exact ball as a quotient, if that is short; any other as it is."""
    if not (x.is_exact() and x.is_finite()):
        return x
    mantissa, exponent = x.man_exp()
    if abs(exponent) > _MOST_BITS:
        return x
    power = fmpq(2) ** int(exponent)
    return fmpq(mantissa) * power


quotients_of: Any = np.frompyfunc(_quotient_of, 1, 1)


UNARY: Final[dict[str, Any]] = {name: _one(name) for name in FUNCTIONS} | {"neg": np.negative}


_COMPARED: Final = {
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_OPPOSITE: Final = {
    "eq": operator.ne,
    "lt": operator.ge,
    "le": operator.gt,
    "gt": operator.le,
    "ge": operator.lt,
}


def compared(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether a comparison (eq, lt, le, gt, ge) holds, element by element; what is no number compares as NaN does."""
    yes, no = _COMPARED[name], _OPPOSITE[name]

    def call(a: Number, b: Number) -> int:
        if _same(a, b):
            return int(yes(0, 0))
        if yes(a, b):
            return YES
        if no(a, b):
            return NO
        return NO if is_nothing(a) or is_nothing(b) else UNDECIDED

    return np.asarray(np.frompyfunc(call, 2, 1)(x, y)).astype(np.int8)


class ExactArithmetic(ObjectArithmetic):
    """The arithmetic of these numbers, as `reals` asks for it. It carries no derivatives: torch's own run on it."""

    name = "exact"
    zero, one, nothing = EXACT_ZERO, fmpq(1), UNKNOWN
    search = ARB.search

    def lift(self, values: Any) -> Any:
        return np.asarray(_lift(np.asarray(values)), dtype=object)

    def unary(self, name: str, x: Any, *parameters: int) -> Any:
        if parameters:
            return ARB.unary(name, balls_of(x), *parameters)
        return np.asarray(UNARY[name](x), dtype=object)

    def binary(self, name: str, x: Any, y: Any, *parameters: int) -> Any:
        if name == "power":
            name, y = "pow", self.lift(np.array([y], dtype=object))
        if name in BINARY:
            return np.asarray(BINARY[name](x, y), dtype=object)
        return ARB.binary(name, balls_of(x), balls_of(y), *parameters)

    def masked(self, name: str, x: Any, y: Any) -> Any:
        raise NotImplementedError("exact numbers carry no derivatives")

    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any:
        return np.asarray(added_up(BINARY["add"], x, axes), dtype=object)

    def compare(self, name: str, x: Any, y: Any) -> np.ndarray:
        return compared(name, x, y)

    def select(self, decision: np.ndarray, x: Any, y: Any) -> Any:
        chosen = np.where(decision == YES, x, y)
        if (decision == UNDECIDED).any():
            balls = ARB.select(decision, balls_of(x), balls_of(y))
            chosen = np.where(decision == UNDECIDED, balls, chosen)
        return chosen

    def interval(self, low: int, high: int) -> Any:
        return ARB.interval(low, high)

    def doubt(self, low: int, high: int) -> Any:
        return ARB.doubt(low, high)

    def order(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return ARB.order(balls_of(x))

    def given(self, x: Any, value: Any) -> Any:
        raise NotImplementedError("exact numbers carry no derivatives")

    def forgiven(self, terms: Sequence[Any], lanes: int) -> np.ndarray:
        return ARB.forgiven([balls_of(x) for x in terms], lanes)


EXACT: Final = ExactArithmetic()


def reals(numbers: np.ndarray) -> Reals:
    """An array of numbers as one lane of reals, so that their shape is that of a point."""
    return Reals(EXACT, numbers[np.newaxis])
