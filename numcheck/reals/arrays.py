"""What an array of reals can do.

A formula is written once over `Reals`, whatever arithmetic stands behind them: float64 balls (`reals.ball64`), Arb
balls (`reals.arb`), mpmath numbers (`reals.mp`). An array carries a hidden leading axis, the *lanes*: one lane is one
point, and `x.shape` is the shape of a point. A constant has a single lane, which broadcasts.

This module is public as `numcheck.m`; its functions are the vocabulary of formulas.
"""

import builtins
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

Number = int | float | Fraction
Key = Any
States = Any

YES, NO, UNDECIDED = 1, 0, -1


class Arithmetic(Protocol):
    """The operations one arithmetic supplies on its own arrays, whose first axis is the lanes.

    An array has `shape`, `ndim`, `reshape`, `transpose` and indexing as numpy's arrays do, and so have the *states* of
    comparisons: numpy arrays or torch tensors. What numpy and torch spell differently is here: `where`, `broadcast`,
    `concatenate`, `permute` (take_along_axis), and `some`, which asks whether any state may be true.

    Absent zeros: `absent(shape)` holds the zero of a derivative that does not exist, because a branch was not taken
    or an element was not selected. It absorbs every factor, infinite and undefined ones included, which an ordinary
    exact zero must not do (the derivative of sqrt(x)**2 at 0 is 1, not 0 times infinity).

    `interval(low, high)` is what is known of a share at a tie; `doubt` the same where the tie itself is undecided, and
    no more than unknown while a higher precision may still decide it. `forgiven(terms, lanes)` is the sum of the
    absolute values of all elements of each term, which is masked or not.
    """

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> Callable[..., Any]: ...
    @property
    def broadcast(self) -> Callable[..., Any]: ...
    @property
    def concatenate(self) -> Callable[..., Any]: ...
    @property
    def permute(self) -> Callable[..., Any]: ...

    def lift(self, values: Any) -> Any: ...
    def number(self, x: Any) -> float: ...
    def unary(self, name: str, x: Any) -> Any: ...
    def binary(self, name: str, x: Any, y: Any) -> Any: ...
    def absent(self, shape: tuple[int, ...]) -> Any: ...
    def hot(self, mask: np.ndarray) -> Any: ...
    def masked(self, name: str, x: Any, y: Any) -> Any: ...
    def sum(self, x: Any, axes: tuple[int, ...], masked: bool) -> Any: ...
    def compare(self, name: str, x: Any, y: Any) -> States: ...
    def some(self, states: States) -> bool: ...
    def select(self, decision: States, x: Any, y: Any) -> Any: ...
    def interval(self, low: int, high: int) -> Any: ...
    def doubt(self, low: int, high: int) -> Any: ...
    def order(self, x: Any) -> tuple[Any, States]: ...
    def inverse(self, order: Any) -> Any: ...
    def scatter(self, x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any: ...
    def unknown(self, x: Any, lanes: States) -> Any: ...
    def forgiven(self, terms: Sequence[tuple[Any, bool]], lanes: int) -> Any: ...
    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class Origin:
    """How a traced array came about: the operation, what it was applied to, and its parameters."""

    operation: str
    operands: tuple["Reals", ...]
    parameters: tuple[Any, ...] = ()


_serials = itertools.count()


class VariesError(TypeError):
    """A formula asked for one number, or one answer, where the points of a batch have several."""


class Decision:
    """The outcome of a comparison per lane and element: yes, no, or undecided at this precision.

    It is `traced` where a variable takes part. Without one it is about choices, which may all decide alike.
    """

    __slots__ = ("arithmetic", "states", "traced")

    def __init__(self, arithmetic: Arithmetic, states: States, traced: bool = False) -> None:
        self.arithmetic = arithmetic
        self.states = states
        self.traced = traced

    def __bool__(self) -> bool:
        states = self.states
        if not self.traced and all(size == 1 for size in states.shape[1:]) and states.shape[0] > 1:
            states = states[:1] if (states == states[:1]).all() else states
        if all(size == 1 for size in states.shape):
            state = int(states.reshape(()))
            if state != UNDECIDED:
                return state == YES
        raise VariesError(
            "a comparison of reals differs from point to point: write m.where(condition, a, b) instead of if, "
            "or declare with one_of(...) what is to be branched on"
        )

    def __and__(self, other: "Decision") -> "Decision":
        return logical_and(self, other)

    def __or__(self, other: "Decision") -> "Decision":
        return logical_or(self, other)

    def __invert__(self) -> "Decision":
        return logical_not(self)


class Reals:
    """An immutable array of exact reals, as far as the arithmetic behind it can tell them."""

    __slots__ = ("arithmetic", "data", "masked", "origin", "serial", "traced")
    __array_ufunc__ = None  # numpy must not take over arithmetic with these

    def __init__(
        self,
        arithmetic: Arithmetic,
        data: Any,
        origin: Origin | None = None,
        traced: bool = False,
        masked: bool = False,
    ) -> None:
        self.arithmetic = arithmetic
        self.data = data
        self.origin = origin
        self.traced = traced
        self.masked = masked
        self.serial = next(_serials)

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

    def _only(self) -> float:
        if self.data.size != 1:
            raise VariesError(
                "this input differs from point to point; declare it with one_of(...) to branch or index on it"
            )
        return self.arithmetic.number(self.data)

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        only = self._only()
        if only != int(only):
            raise TypeError(f"{only} is not an integer index")
        return int(only)

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

    def __add__(self, other: "Reals | Number") -> "Reals":
        return binary("add", self, other)

    def __radd__(self, other: Number) -> "Reals":
        return binary("add", other, self)

    def __sub__(self, other: "Reals | Number") -> "Reals":
        return binary("sub", self, other)

    def __rsub__(self, other: Number) -> "Reals":
        return binary("sub", other, self)

    def __mul__(self, other: "Reals | Number") -> "Reals":
        return binary("mul", self, other)

    def __rmul__(self, other: Number) -> "Reals":
        return binary("mul", other, self)

    def __truediv__(self, other: "Reals | Number") -> "Reals":
        return binary("div", self, other)

    def __rtruediv__(self, other: Number) -> "Reals":
        return binary("div", other, self)

    def __pow__(self, exponent: "Reals | Number") -> "Reals":
        if isinstance(exponent, int):
            return apply("power", self, parameters=(exponent,))
        return binary("pow", self, exponent)

    def __rpow__(self, base: Number) -> "Reals":
        return binary("pow", base, self)

    def __matmul__(self, other: "Reals") -> "Reals":
        return matmul(self, other)

    def __lt__(self, other: "Reals | Number") -> Decision:
        return compare("lt", self, other)

    def __le__(self, other: "Reals | Number") -> Decision:
        return compare("le", self, other)

    def __gt__(self, other: "Reals | Number") -> Decision:
        return compare("gt", self, other)

    def __ge__(self, other: "Reals | Number") -> Decision:
        return compare("ge", self, other)

    def __eq__(self, other: object) -> Decision:  # type: ignore[override]  # three-valued, per lane
        return compare("eq", self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Decision:  # type: ignore[override]
        return logical_not(compare("eq", self, other))  # type: ignore[arg-type]


# How operations reach the arithmetic ------------------------------------------------------------------------------


def constant(arithmetic: Arithmetic, value: Number) -> Reals:
    """`value`, exactly, as an array of one lane."""
    return Reals(arithmetic, arithmetic.lift(np.array([value], dtype=object)))


def _arithmetic(operands: Iterable[object]) -> Arithmetic:
    for operand in operands:
        if isinstance(operand, Reals | Decision):
            return operand.arithmetic
    raise TypeError("give at least one Reals; m.ratio(p, q) writes an exact constant beside one")


def as_reals(value: "Reals | Ratio | Number", arithmetic: Arithmetic) -> Reals:
    """`value` as an array of reals in `arithmetic`; numbers are taken exactly."""
    match value:
        case Reals():
            return value
        case Ratio():
            return value.reals(arithmetic)
        case bool() | int() | float() | Fraction():
            return constant(arithmetic, value)
        case _:
            raise TypeError(
                f"{type(value).__name__} is no real number: use m's functions and the formula's inputs"
            )


def apply(operation: str, *operands: Reals, parameters: tuple[Any, ...] = ()) -> Reals:
    """The result of `operation`, remembered with its origin where an operand is traced."""
    arithmetic = operands[0].arithmetic
    masked = any(operand.masked for operand in operands)
    data = _forward(arithmetic, operation, operands, parameters, masked)
    if any(operand.traced for operand in operands):
        return Reals(arithmetic, data, Origin(operation, operands, parameters), True, masked)
    return Reals(arithmetic, data, None, False, masked)


def _forward(
    arithmetic: Arithmetic,
    operation: str,
    operands: tuple[Reals, ...],
    parameters: tuple[Any, ...],
    masked: bool,
) -> Any:
    first = operands[0].data
    match operation:
        case "add" | "sub" | "mul" | "div" | "pow" | "atan2" | "maximum" | "minimum" | "zeta":
            x, y = aligned(first, operands[1].data)
            return arithmetic.masked(operation, x, y) if masked else arithmetic.binary(operation, x, y)
        case "pin":
            return operands[1].data
        case "power":
            return arithmetic.binary("power", first, parameters[0])
        case "neg" if masked:
            return arithmetic.masked("neg", first, first)
        case "sum":
            return arithmetic.sum(first, tuple(axis + 1 for axis in parameters[0]), masked)
        case "norm":
            squares = arithmetic.binary("mul", first, first)
            return arithmetic.unary(
                "sqrt", arithmetic.sum(squares, tuple(axis + 1 for axis in parameters[0]), False)
            )
        case "index":
            return first[(slice(None), *parameters[0])]
        case "scatter":
            return arithmetic.scatter(first, *parameters)
        case "reshape":
            return first.reshape((first.shape[0], *parameters[0]))
        case "transpose":
            return first.transpose((0, *(axis + 1 for axis in parameters[0])))
        case "broadcast":
            missing = len(parameters[0]) - (first.ndim - 1)
            expanded = first.reshape((first.shape[0], *(1,) * missing, *first.shape[1:]))
            return arithmetic.broadcast(expanded, (first.shape[0], *parameters[0]))
        case "concatenate":
            lanes = builtins.max(operand.lanes for operand in operands)
            parts = [arithmetic.broadcast(o.data, (lanes, *o.data.shape[1:])) for o in operands]
            return arithmetic.concatenate(parts, parameters[0] + 1)
        case "permute" | "sort":
            return arithmetic.permute(first, parameters[0], parameters[1] + 1)
        case "select":
            decision = parameters[0]
            x, y = aligned(first, operands[1].data)
            states = aligned(decision, x)[0] if decision.ndim < x.ndim else decision
            return arithmetic.select(states, x, y)
        case _:
            return arithmetic.unary(operation, first)


def scattered(arithmetic: Arithmetic, x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """The elements of an object array at `key` of a larger one that is absent elsewhere."""
    data = arithmetic.absent((x.shape[0], *shape))
    if all(isinstance(part, int | slice) for part in key):
        data[(slice(None), *key)] = x
        return data
    # a list may name an element twice: what arrives there adds up
    places = np.arange(data[0].size).reshape(shape)[key].ravel()
    flat, parts = data.reshape((x.shape[0], -1)), x.reshape((x.shape[0], -1))
    for i, place in enumerate(places):
        flat[:, place] = arithmetic.masked("add", flat[:, place], parts[:, i])
    return flat.reshape(data.shape)


def aligned(x: Any, y: Any) -> tuple[Any, Any]:
    """Both arrays with the same number of axes: missing axes go in behind the lanes."""
    missing = x.ndim - y.ndim
    if missing > 0:
        y = y.reshape((y.shape[0], *(1,) * missing, *y.shape[1:]))
    elif missing < 0:
        x = x.reshape((x.shape[0], *(1,) * -missing, *x.shape[1:]))
    return x, y


def binary(operation: str, x: "Reals | Ratio | Number", y: "Reals | Ratio | Number") -> Reals:
    """The result of a binary `operation`; one of the two may be an exact number."""
    arithmetic = _arithmetic((x, y))
    return apply(operation, as_reals(x, arithmetic), as_reals(y, arithmetic))


def compare(operation: str, x: "Reals | Number", y: "Reals | Number") -> Decision:
    """Whether a comparison holds, per lane and element."""
    arithmetic = _arithmetic((x, y))
    one, other = as_reals(x, arithmetic), as_reals(y, arithmetic)
    a, b = aligned(one.data, other.data)
    return Decision(arithmetic, arithmetic.compare(operation, a, b), one.traced or other.traced)


# Constants --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ratio:
    """An exact constant that meets its arithmetic when it is used."""

    fraction: Fraction
    function: str | None = None

    def reals(self, arithmetic: Arithmetic) -> Reals:
        plain = binary("div", constant(arithmetic, self.fraction.numerator), self.fraction.denominator)
        return plain if self.function is None else apply(self.function, plain)

    def __neg__(self) -> "Ratio | Reals":
        if self.function is None:
            return Ratio(-self.fraction)
        raise TypeError("write -1 * m.pi() * x with a Reals in the product")

    def __add__(self, other: Reals) -> Reals:
        return binary("add", self, other)

    def __radd__(self, other: Reals) -> Reals:
        return binary("add", other, self)

    def __sub__(self, other: Reals) -> Reals:
        return binary("sub", self, other)

    def __rsub__(self, other: Reals) -> Reals:
        return binary("sub", other, self)

    def __mul__(self, other: Reals) -> Reals:
        return binary("mul", self, other)

    def __rmul__(self, other: Reals) -> Reals:
        return binary("mul", other, self)

    def __truediv__(self, other: Reals) -> Reals:
        return binary("div", self, other)

    def __rtruediv__(self, other: Reals) -> Reals:
        return binary("div", other, self)


def ratio(numerator: int, denominator: int = 1) -> Ratio:
    """The exact quotient of two integers: `m.ratio(1, 10)` where 0.1 would not be."""
    return Ratio(Fraction(numerator, denominator))


def pi() -> Ratio:
    """The circle constant; multiplies, divides and adds with Reals."""
    return Ratio(Fraction(1), "times_pi")


def zeros_like(x: Reals) -> Reals:
    """Exact zeros in the shape of `x`."""
    return broadcast(constant(x.arithmetic, 0), x.shape)


# Functions of one number ------------------------------------------------------------------------------------------


def exp(x: Reals) -> Reals:
    """e to the power x."""
    return apply("exp", x)


def expm1(x: Reals) -> Reals:
    """exp(x) - 1."""
    return apply("expm1", x)


def log(x: Reals) -> Reals:
    """Natural logarithm; minus infinity at 0, undefined below."""
    return apply("log", x)


def log1p(x: Reals) -> Reals:
    """log(1 + x)."""
    return apply("log1p", x)


def log2(x: Reals) -> Reals:
    """Logarithm to base two."""
    return apply("log", x) / log(constant(x.arithmetic, 2))


def sqrt(x: Reals) -> Reals:
    """Square root; undefined below 0, with an infinite derivative at 0."""
    return apply("sqrt", x)


def rsqrt(x: Reals) -> Reals:
    """1 / sqrt(x); plus infinity at 0."""
    return apply("rsqrt", x)


def sin(x: Reals) -> Reals:
    """Sine of an angle in radians."""
    return apply("sin", x)


def cos(x: Reals) -> Reals:
    """Cosine of an angle in radians."""
    return apply("cos", x)


def tan(x: Reals) -> Reals:
    """Tangent of an angle in radians."""
    return apply("sin", x) / apply("cos", x)


def atan(x: Reals) -> Reals:
    """Inverse tangent, in radians."""
    return apply("atan", x)


def atan2(y: Reals, x: Reals) -> Reals:
    """Angle of the point (x, y) in radians, in (-pi, pi]."""
    return binary("atan2", y, x)


def sinh(x: Reals) -> Reals:
    """Hyperbolic sine."""
    return apply("sinh", x)


def cosh(x: Reals) -> Reals:
    """Hyperbolic cosine."""
    return apply("cosh", x)


def tanh(x: Reals) -> Reals:
    """Hyperbolic tangent."""
    return apply("tanh", x)


def asinh(x: Reals) -> Reals:
    """Inverse hyperbolic sine."""
    return apply("asinh", x)


def atanh(x: Reals) -> Reals:
    """Inverse hyperbolic tangent, on [-1, 1]."""
    return apply("atanh", x)


def erf(x: Reals) -> Reals:
    """Error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x."""
    return apply("erf", x)


def erfc(x: Reals) -> Reals:
    """1 - erf(x)."""
    return apply("erfc", x)


def lgamma(x: Reals) -> Reals:
    """Logarithm of the gamma function, for x > 0."""
    return apply("lgamma", x)


def digamma(x: Reals) -> Reals:
    """Derivative of lgamma."""
    return apply("digamma", x)


def abs(x: Reals) -> Reals:
    """Distance from 0; at 0 its derivative is the interval [-1, 1]."""
    return apply("abs", x)


def sign(x: Reals) -> Reals:
    """-1, 0 or 1; its derivative is 0 wherever it has one."""
    return where(x > 0, 1, where(x < 0, -1, 0 * x))


def xlogy(x: Reals, y: Reals) -> Reals:
    """x * log(y), by convention 0 where both are 0."""
    return where((x == 0) & (y == 0), 0, x * log(y))


# Kinks and branches -----------------------------------------------------------------------------------------------


def equal(x: "Reals | Number", y: "Reals | Number") -> Decision:
    """Whether two reals are the same number."""
    return compare("eq", x, y)


def logical_not(a: Decision) -> Decision:
    """No where `a` is yes; undecided stays undecided."""
    # in products and sums of 1, 0 and -1: while a graph is recorded, torch knows the outcome of those for constants
    return Decision(a.arithmetic, 1 - a.states - 3 * (a.states == UNDECIDED), a.traced)


def logical_and(a: Decision, b: Decision) -> Decision:
    """Yes where both are; no where either is no."""
    x, y = aligned(a.states, b.states)
    states = x * y - 2 * ((x == UNDECIDED) & (y == UNDECIDED))
    return Decision(a.arithmetic, states, a.traced or b.traced)


def logical_or(a: Decision, b: Decision) -> Decision:
    """Yes where either is; no where both are no."""
    return logical_not(logical_and(logical_not(a), logical_not(b)))


def where(condition: Decision, x: "Reals | Ratio | Number", y: "Reals | Ratio | Number") -> Reals:
    """`x` where the condition holds and `y` elsewhere, value and derivative alike.

    So a `where` states the convention of a kink: at a decided tie the chosen branch's derivative counts. Where the
    condition is undecided at this precision the result encloses both branches.
    """
    a, b = as_reals(x, condition.arithmetic), as_reals(y, condition.arithmetic)
    shape = np.broadcast_shapes(a.shape, b.shape, condition.states.shape[1:])
    return apply("select", broadcast(a, shape), broadcast(b, shape), parameters=(condition.states,))


def maximum(x: "Reals | Number", y: "Reals | Number") -> Reals:
    """The larger; at a tie the derivative is the interval between the two."""
    return binary("maximum", x, y)


def minimum(x: "Reals | Number", y: "Reals | Number") -> Reals:
    """The smaller; at a tie the derivative is the interval between the two."""
    return binary("minimum", x, y)


def clamp(x: Reals, low: "Reals | Number", high: "Reals | Number") -> Reals:
    """`x` brought into [low, high]."""
    return minimum(maximum(x, low), high)


# Axes -------------------------------------------------------------------------------------------------------------


def _axes(x: Reals, axis: int | None) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else (axis % x.ndim,)


def sum(x: Reals, axis: int | None = None) -> Reals:
    """Sum over `axis` of a point, over all of it by default."""
    return x if x.ndim == 0 else apply("sum", x, parameters=(_axes(x, axis),))


def mean(x: Reals, axis: int | None = None) -> Reals:
    """Arithmetic mean over `axis` of a point, over all of it by default."""
    count = 1
    for a in _axes(x, axis):
        count *= x.shape[a]
    return sum(x, axis) / count


def _fold(function: Callable[[Reals, Reals], Reals], x: Reals, axis: int) -> Reals:
    axis %= x.ndim
    rows = [index(x, (slice(None),) * axis + (i,)) for i in range(x.shape[axis])]
    folded = rows[0]
    for row in rows[1:]:
        folded = function(folded, row)
    return folded


def max(x: Reals, axis: int = -1) -> Reals:
    """The largest along `axis`."""
    return _fold(maximum, x, axis)


def min(x: Reals, axis: int = -1) -> Reals:
    """The smallest along `axis`."""
    return _fold(minimum, x, axis)


def cumsum(x: Reals, axis: int = -1) -> Reals:
    """Running sums along `axis`."""
    axis %= x.ndim
    totals = [index(x, (slice(None),) * axis + (0,))]
    for i in range(1, x.shape[axis]):
        totals.append(totals[-1] + index(x, (slice(None),) * axis + (i,)))
    return stack(totals, axis)


def dot(x: Reals, y: Reals) -> Reals:
    """Sum of products along the last axis."""
    return sum(x * y, -1)


def matmul(x: Reals, y: Reals) -> Reals:
    """Matrix product of a point's (n, k) and (k, m), or with vectors on either side."""
    if x.ndim == 1 and y.ndim == 1:
        return dot(x, y)
    if x.ndim == 1:
        return sum(reshape(x, (len(x), 1)) * y, 0)
    if y.ndim == 1:
        return sum(x * y, -1)
    n, k = x.shape
    return sum(reshape(x, (n, k, 1)) * reshape(y, (1, k, y.shape[1])), 1)


def norm(x: Reals, axis: int | None = None) -> Reals:
    """Euclidean length; at 0 its derivative is the interval [-1, 1] in every component."""
    return apply("norm", x, parameters=(_axes(x, axis),))


def argsort(x: Reals) -> Any:
    """Order of the elements along the last axis per lane; lanes that can't be ordered yet keep an arbitrary one."""
    return x.arithmetic.order(x.data)[0]


def sort(x: Reals) -> Reals:
    """Elements along the last axis in increasing order; unknown where the order is undecided.

    Among equal elements the derivative is the interval between what their orders would give.
    """
    order, undecided = x.arithmetic.order(x.data)
    ordered = apply("sort", x, parameters=(order, x.ndim - 1))
    if not x.arithmetic.some(undecided):
        return ordered
    return Reals(
        x.arithmetic,
        x.arithmetic.unknown(ordered.data, undecided),
        ordered.origin,
        ordered.traced,
        ordered.masked,
    )


# Shapes -----------------------------------------------------------------------------------------------------------


def _plain(part: Key) -> Key:
    return operator.index(part) if isinstance(part, Reals) else part


def index(x: Reals, key: Key) -> Reals:
    """Elements of a point, by integers, slices and lists as in numpy; an integer may differ from point to point."""
    if isinstance(key, Reals) and key.lanes > 1 and key.ndim == 0:
        return _chosen(x, key)
    parts = key if isinstance(key, tuple) else (key,)
    return apply("index", x, parameters=(tuple(_plain(part) for part in parts),))


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
    return apply("transpose", x, parameters=(tuple(reversed(range(x.ndim))),))


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


def roll(x: Reals, shift: int, axis: int = 0) -> Reals:
    """Elements moved along `axis`, those pushed out coming in at the other end."""
    axis %= x.ndim
    order = [(i - shift) % x.shape[axis] for i in range(x.shape[axis])]
    return index(x, (slice(None),) * axis + (order,))


# Roots ------------------------------------------------------------------------------------------------------------


def root(function: Callable[[Reals], Reals], low: "Reals | Number", high: "Reals | Number") -> Reals:
    """The x in [low, high] at which an increasing `function` is zero, as a proved enclosure.

    Where the function is not below zero at `low` or not above at `high`, the nearer end. Derivatives with respect to
    everything that `function` closes over follow from the implicit function theorem (see `tape.implicit`).
    """
    from numcheck.reals.tape import implicit

    return implicit(function, low, high)
