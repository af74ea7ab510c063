"""Arrays of reals, whatever arithmetic stands behind them.

An array carries a hidden leading axis, the *lanes*: one lane is one point, and `x.shape` is the shape of a point. A
constant has a single lane, which broadcasts. Here stands what arrays are, and what their operators are made of; what
else a formula can say is in `vocabulary`.
"""

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from numcheck.reals.arithmetic import UNDECIDED, YES, Arithmetic, States, aligned, forward

Number = int | float | Fraction
Key = Any
Operand: TypeAlias = "Reals | Constant | Number"
"""What may stand on either side of an operator."""


@dataclass(frozen=True, eq=False)
class Origin:
    """How a traced array came about: the operation, what it was applied to, and its parameters."""

    operation: str
    operands: tuple["Reals", ...]
    parameters: tuple[Any, ...] = ()


class VariesError(TypeError):
    """A formula asked for one number, or one answer, where the points of a batch have several."""


class FloatError(TypeError):
    """A float was asked of an exact real."""


def logical_not(a: "Decision") -> "Decision":
    """No where `a` is yes; undecided stays undecided."""
    # in products and sums of 1, 0 and -1: while a graph is recorded, torch knows the outcome of those for constants
    return Decision(a.arithmetic, 1 - a.states - 3 * (a.states == UNDECIDED), a.traced)


def logical_and(a: "Decision", b: "Decision") -> "Decision":
    """Yes where both are; no where either is no."""
    x, y = aligned(a.states, b.states)
    states = x * y - 2 * ((x == UNDECIDED) & (y == UNDECIDED))
    return Decision(a.arithmetic, states, a.traced or b.traced)


def logical_or(a: "Decision", b: "Decision") -> "Decision":
    """Yes where either is; no where both are no."""
    return logical_not(logical_and(logical_not(a), logical_not(b)))


@dataclass(eq=False, slots=True)
class Decision:
    """The outcome of a comparison per lane and element: yes, no, or undecided at this precision.

    It is `traced` where a variable takes part. Without one it is about choices, which may all decide alike.
    """

    arithmetic: Arithmetic
    states: States
    traced: bool = False

    def __bool__(self) -> bool:
        states = self.states
        # of a variable not even where a batch has one point: a formula is of all its points
        if not self.traced and all(size == 1 for size in states.shape[1:]):
            if states.shape[0] > 1 and (states == states[:1]).all():
                states = states[:1]
            if states.shape[0] == 1 and (state := int(states.reshape(()))) != UNDECIDED:
                return state == YES
        raise VariesError(
            "a comparison of reals differs from point to point: write m.where(condition, a, b) instead of if, "
            "or declare with one_of(...) what is to be branched on"
        )

    __and__ = logical_and
    __or__ = logical_or
    __invert__ = logical_not


_Operator = Callable[[Any, "Operand"], Any]


def _operators(operation: str) -> tuple[_Operator, _Operator]:
    """An operator, and what stands for it where its left side is a number."""
    return lambda x, y: binary(operation, x, y), lambda y, x: binary(operation, x, y)


def _power(x: Any, exponent: "Operand") -> Any:
    """x**exponent; by an integer, for every x."""
    if isinstance(exponent, int):
        return apply("power", x, parameters=(exponent,))
    return binary("pow", x, exponent)


def _comparison(operation: str) -> Callable[["Reals", "Operand"], Decision]:
    return lambda x, y: compare(operation, x, y)


@dataclass(eq=False, repr=False, slots=True)
class Reals:
    """An immutable array of exact reals, as far as the arithmetic behind it can tell them."""

    __array_ufunc__ = None  # numpy must not take over arithmetic with these

    arithmetic: Arithmetic
    data: Any
    origin: Origin | None = None
    traced: bool = False
    masked: bool = False
    squared: Any = None
    """At which lanes no element is negative by how it came about, as a sum of squares is; None where at none."""
    serial: int = field(default_factory=itertools.count().__next__, init=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return tuple(self.data.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.data.shape) - 1

    @property
    def lanes(self) -> int:
        return self.data.shape[0]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator["Reals"]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Reals({self.arithmetic.name}, lanes={self.lanes}, shape={self.shape})"

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        only = self.arithmetic.number(self.data)
        if only is None:
            raise VariesError(
                "this input differs from point to point; declare it with one_of(...) to branch or index on it"
            )
        if only != int(only):
            raise TypeError(f"{only} is not an integer index")
        return int(only)

    def __float__(self) -> float:
        # without this Python would ask __index__, and math.exp would round the truth wherever x is a whole number
        raise FloatError("an exact real is no float: use m's functions")

    def __hash__(self) -> int:
        return self.serial

    def __getitem__(self, key: Key) -> "Reals":
        return index(self, key)

    def __neg__(self) -> "Reals":
        return apply("neg", self)

    def __pos__(self) -> "Reals":
        return self

    def __abs__(self) -> "Reals":
        return apply("abs", self)

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = lambda x, y: difference(x, y), lambda y, x: difference(x, y)
    __mul__, __rmul__ = _operators("mul")
    __truediv__, __rtruediv__ = _operators("div")
    __pow__, __rpow__ = _power, _operators("pow")[1]

    def __matmul__(self, other: "Reals") -> "Reals":
        return matmul(self, other)

    __lt__, __le__ = _comparison("lt"), _comparison("le")
    __gt__, __ge__ = _comparison("gt"), _comparison("ge")

    def __eq__(self, other: object) -> Decision:  # type: ignore[override]  # three-valued, per lane
        return compare("eq", self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Decision:  # type: ignore[override]
        return ~(self == other)


@dataclass(frozen=True, eq=False)
class Constant:
    """A function of exact numbers, or of such constants, that meets its arithmetic when it is used.

    So a constant knows as many digits as are asked for, and what is made of constants alone is one.
    """

    function: Callable[..., Reals]
    operands: tuple["Constant | Number", ...]

    def reals(self, arithmetic: Arithmetic) -> Reals:
        """The number, in one lane."""
        return self.function(*(as_reals(x, arithmetic) for x in self.operands))

    def __neg__(self) -> Any:
        return apply("neg", self)

    def __pos__(self) -> "Constant":
        return self

    def __abs__(self) -> Any:
        return apply("abs", self)

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = _operators("sub")
    __mul__, __rmul__ = _operators("mul")
    __truediv__, __rtruediv__ = _operators("div")
    __pow__, __rpow__ = _power, _operators("pow")[1]


# How operations reach the arithmetic ------------------------------------------------------------------------------


def constant(arithmetic: Arithmetic, value: Number) -> Reals:
    """`value`, exactly, as an array of one lane."""
    return Reals(arithmetic, arithmetic.lift(np.array([value], dtype=object)))


def as_reals(value: Operand, arithmetic: Arithmetic) -> Reals:
    """`value` as an array of reals in `arithmetic`; numbers are taken exactly."""
    match value:
        case Reals():
            return value
        case Constant():
            return value.reals(arithmetic)
        case int() | float() | Fraction():
            return constant(arithmetic, value)
        case _:
            raise TypeError(
                f"{type(value).__name__} is no real number: use m's functions and the formula's inputs"
            )


def deferred(function: Callable[..., Reals], *operands: Operand) -> Any:
    """The function of these, all as arrays in the arithmetic that one of them has; a constant where none has."""
    arithmetic = next((x.arithmetic for x in operands if isinstance(x, Reals)), None)
    if arithmetic is not None:
        return function(*(as_reals(x, arithmetic) for x in operands))
    constants = tuple(x for x in operands if isinstance(x, Constant | int | float | Fraction))
    if len(constants) < len(operands):
        wrong = next(x for x in operands if not isinstance(x, Constant | int | float | Fraction))
        raise TypeError(
            f"{type(wrong).__name__} is no real number: use m's functions and the formula's inputs"
        )
    return Constant(function, constants)


def apply(operation: str, *operands: Operand, parameters: tuple[Any, ...] = ()) -> Any:
    """The result of `operation`, remembered with its origin where an operand is traced; of constants, a constant."""
    if not all(isinstance(operand, Reals) for operand in operands):
        return deferred(lambda *arrays: _applied(operation, arrays, parameters), *operands)
    return _applied(operation, operands, parameters)


def _applied(operation: str, operands: tuple[Any, ...], parameters: tuple[Any, ...]) -> Reals:
    arithmetic = operands[0].arithmetic
    masked = any(operand.masked for operand in operands)
    data = forward(arithmetic, operation, [x.data for x in operands], parameters, masked)
    if operation == "sqrt" and (squared := operands[0].squared) is not None:
        lanes = squared.reshape(-1, *(1,) * operands[0].ndim)
        data = np.where(lanes, arithmetic.root_of_squares(operands[0].data), data)
    traced = any(operand.traced for operand in operands)
    origin = Origin(operation, operands, parameters) if traced else None
    squared = _squared(operation, operands, parameters) if arithmetic.name == "arb" else None
    return Reals(arithmetic, data, origin, traced, masked, squared)


def _squared(operation: str, operands: tuple[Reals, ...], parameters: tuple[Any, ...]) -> Any:
    """At which lanes a result cannot be negative: of squares, and sums and products of what cannot."""
    match operation:
        case "power":
            return np.ones(operands[0].lanes, dtype=bool) if parameters[0] % 2 == 0 else None
        case "mul" if operands[0] is operands[1]:
            return np.ones(operands[0].lanes, dtype=bool)
        case "add" | "mul" | "sum" | "index" | "reshape" | "broadcast" | "concatenate" | "transpose":
            if all(x.squared is None for x in operands):
                return None
            return np.logical_and.reduce(np.broadcast_arrays(*map(_not_below_zero, operands)))
        case _:
            return None


def _not_below_zero(x: Reals) -> np.ndarray:
    """The lanes at which no element is negative, by how they came about or by their balls."""
    at_least = x.arithmetic.compare("ge", x.data, x.arithmetic.lift(np.zeros(1))) == YES
    told = at_least.reshape(x.lanes, -1).all(axis=1)
    return told if x.squared is None else told | x.squared


def on_the_way(value: Reals) -> Iterator[Reals]:
    """The arrays that a traced array came of, itself among them, each once."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if node.serial in seen:
            continue
        seen.add(node.serial)
        yield node
        waiting.extend(node.origin.operands if node.origin else ())


def binary(operation: str, x: Operand, y: Operand) -> Any:
    """The result of a binary `operation`; either of the two may be an exact number."""
    return apply(operation, x, y)


SMALL = Fraction(1, 2**64)  # of two terms, from which the smaller is taken out of a difference


def difference(x: Operand, y: Operand) -> Any:
    """x - y, and x - p / (c + u) as x * u / (c + u) where x * c is p and u is small.

    So what a sigmoid lacks of 1 is known however large its argument: no number of bits would tell 1 - 1 / (1 + exp(-s))
    from zero where s is 1e30.
    """
    lacking = None if isinstance(x, Reals) and x.traced else _lacking(y, x)
    return _told_by(lambda share: x * share, lacking, apply("sub", x, y))


def logarithm(x: Operand) -> Any:
    """log(x), and log1p(-u / (c + u)) of a c / (c + u) where u is small: `difference` says why."""
    return _told_by(lambda share: apply("log1p", -share), _lacking(x, 1), apply("log", x))


def _told_by(told: Callable[[Reals], Reals], lacking: tuple[Reals, Any] | None, plain: Any) -> Any:
    """What is told by a lacking share where that is small, and the plain result elsewhere."""
    if lacking is None:
        return plain
    share, small = lacking
    return apply("select", broadcast(told(share), plain.shape), plain, parameters=(small * YES,))


def _lacking(y: Operand, whole: Operand) -> tuple[Reals, Any] | None:
    """The share of `whole` that y lacks, and where it is small; None where y did not come about as below.

    It is u / (c + u) where y is p / (c + u) and whole * c is p. Where u is not small nothing cancels, and where it is
    infinite only the difference has a limit.
    """
    quotient = y.origin if isinstance(y, Reals) else None
    if quotient is None or quotient.operation != "div":
        return None
    p, q = quotient.operands
    if p.traced or q.origin is None or q.origin.operation != "add":
        return None
    c, u = sorted(q.origin.operands, key=lambda term: term.traced)
    if c.traced or not (compare("eq", as_reals(whole, q.arithmetic) * c, p).states == YES).all():
        return None
    small = compare("le", apply("abs", u), apply("abs", c) * SMALL).states == YES
    return (u / q, small) if q.arithmetic.some(small) else None


def compare(operation: str, x: Operand, y: Operand) -> Decision:
    """Whether a comparison holds, per lane and element."""
    one, other = _together(x, y)
    a, b = aligned(one.data, other.data)
    return Decision(one.arithmetic, one.arithmetic.compare(operation, a, b), one.traced or other.traced)


def _together(x: Operand, y: Operand) -> tuple[Reals, Reals]:
    """Both as arrays in the arithmetic that one of them has."""
    for operand in (x, y):
        if isinstance(operand, Reals | Decision):
            return as_reals(x, operand.arithmetic), as_reals(y, operand.arithmetic)
    raise TypeError("compare with one of the formula's inputs: two constants are known beforehand")


# Constants --------------------------------------------------------------------------------------------------------


def ratio(numerator: int, denominator: int = 1) -> Constant:
    """The exact quotient of two integers: `m.ratio(1, 10)` where 0.1 would not be."""
    return Constant(lambda p, q: p / q, (numerator, denominator))


def pi() -> Constant:
    """The circle constant."""
    return Constant(lambda one: apply("times_pi", one), (1,))


def zeros_like(x: Reals) -> Reals:
    """Exact zeros in the shape of `x`."""
    return broadcast(constant(x.arithmetic, 0), x.shape)


# Choices ----------------------------------------------------------------------------------------------------------


def equal(x: Operand, y: Operand) -> Decision:
    """Whether two reals are the same number."""
    return compare("eq", x, y)


def where(condition: Decision, x: Operand, y: Operand) -> Reals:
    """`x` where the condition holds and `y` elsewhere, value and derivative alike.

    So a `where` states the convention of a kink: at a decided tie the chosen branch's derivative counts. Where the
    condition is undecided at this precision the result encloses both branches.
    """
    if not isinstance(condition, Decision):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("m.where takes a comparison, such as mask == 1 or x > 0, and numbers are none")
    a, b = as_reals(x, condition.arithmetic), as_reals(y, condition.arithmetic)
    shape = np.broadcast_shapes(a.shape, b.shape, condition.states.shape[1:])
    return apply("select", broadcast(a, shape), broadcast(b, shape), parameters=(condition.states,))


# Shapes and sums --------------------------------------------------------------------------------------------------


def index(x: Reals, key: Key) -> Reals:
    """Elements of a point, by integers, slices and lists as in numpy; an integer may differ from point to point."""
    if isinstance(key, Reals) and key.lanes > 1 and key.ndim == 0:
        return _chosen(x, key)
    parts = key if isinstance(key, tuple) else (key,)
    plain = (operator.index(part) if isinstance(part, Reals) else part for part in parts)
    return apply("index", x, parameters=(tuple(plain),))


def _chosen(x: Reals, place: Reals) -> Reals:
    """Of each point the element at its own place along the first axis."""
    places = stack([constant(x.arithmetic, i) for i in range(len(x))])
    here = equal(reshape(place, (1,)), places).states
    if not ((here == YES).sum(1) == 1).all():
        raise VariesError("an index lies outside at some points: branch on it first, which keeps those apart")
    chosen = Decision(x.arithmetic, here.reshape((*here.shape, *(1,) * (x.ndim - 1))))
    return sum(where(chosen, x, 0), 0)


def reshape(x: Reals, shape: Sequence[int]) -> Reals:
    """The same elements in another point shape."""
    return apply("reshape", x, parameters=(tuple(shape),))


def transpose(x: Reals) -> Reals:
    """Axes of a point in reverse."""
    return apply("transpose", x)


def broadcast(x: Reals, shape: Sequence[int]) -> Reals:
    """Repeated to `shape` by numpy's rules."""
    return x if x.shape == tuple(shape) else apply("broadcast", x, parameters=(tuple(shape),))


def concatenate(parts: Sequence[Reals], axis: int = 0) -> Reals:
    """Arrays joined along an existing axis."""
    return apply("concatenate", *parts, parameters=(axis % parts[0].ndim,))


def stack(parts: Sequence[Reals], axis: int = 0) -> Reals:
    """Arrays of one shape joined along a new axis."""
    axis %= parts[0].ndim + 1
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    wider = (*shape[:axis], 1, *shape[axis:])
    return concatenate([reshape(broadcast(part, shape), wider) for part in parts], axis)


def axes_of(x: Reals, axis: int | None) -> tuple[int, ...]:
    """The axes that a reduction over `axis` takes; all where that is None."""
    return tuple(range(x.ndim)) if axis is None else (axis % x.ndim,)


def sum(x: Reals, axis: int | None = None) -> Reals:
    """Sum over `axis` of a point, over all of it by default."""
    return x if x.ndim == 0 else apply("sum", x, parameters=(axes_of(x, axis),))


def dot(x: Reals, y: Reals) -> Reals:
    """Sum of products along the last axis."""
    return sum(x * y, -1)


def matmul(x: Reals, y: Reals) -> Reals:
    """Matrix product of a point's (n, k) and (k, m), or with vectors on either side."""
    if y.ndim == 1:
        return dot(x, y)
    return sum(reshape(x, (*x.shape, 1)) * y, -2)
