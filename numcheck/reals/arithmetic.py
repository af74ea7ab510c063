"""What one arithmetic supplies, and what each operation asks of it.

Three stand behind `arrays.Reals`: float64 balls (`ball64`), Arb balls (`arb`), mpmath numbers (`mp`).
"""

from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

States = Any

YES, NO, UNDECIDED = 1, 0, -1


class Arithmetic(Protocol):
    """The operations one arithmetic supplies on its own arrays, whose first axis is the lanes.

    `unary` and `binary` know functions by name; those of a family, as Bessel's are, are told apart by parameters.

    An array has `shape`, `ndim`, `reshape`, `transpose` and indexing as numpy's arrays do, and so have the *states* of
    comparisons: numpy arrays or torch tensors. What numpy and torch spell differently is here: `broadcast`,
    `concatenate`, `permute` (take_along_axis), and `some`, which asks whether any state may be true.

    Absent zeros: `absent(shape)` holds the zero of a derivative that does not exist, because a branch was not taken
    or an element was not selected. It absorbs every factor, infinite and undefined ones included, which an ordinary
    exact zero must not do (the derivative of sqrt(x)**2 at 0 is 1, not 0 times infinity).

    `interval(low, high)` is what is known of a share at a tie; `doubt` the same where the tie itself is undecided, and
    no more than unknown while a higher precision may still decide it. `root_of_squares` is the square root of what is
    known never to be negative. `forgiven(terms, lanes)` is the sum of the absolute values of all elements of each term.
    `given(x, value)` is x where `value` is a number or an infinity, and otherwise as undefined or unknown as that.
    """

    @property
    def name(self) -> str: ...
    @property
    def broadcast(self) -> Callable[..., Any]: ...
    @property
    def concatenate(self) -> Callable[..., Any]: ...
    @property
    def permute(self) -> Callable[..., Any]: ...

    def lift(self, values: Any) -> Any: ...
    def number(self, x: Any) -> float | None: ...
    def unary(self, name: str, x: Any, *parameters: int) -> Any: ...
    def root_of_squares(self, x: Any) -> Any: ...
    def binary(self, name: str, x: Any, y: Any, *parameters: int) -> Any: ...
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
    def scatter(self, x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any: ...
    def unknown(self, x: Any, lanes: States) -> Any: ...
    def given(self, x: Any, value: Any) -> Any: ...
    def forgiven(self, terms: Sequence[Any], lanes: int) -> Any: ...
    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any: ...


class BeyondError(ArithmeticError):
    """An arithmetic gives no answer, for it would take more time or memory than any answer is worth."""


def forward(
    arithmetic: Arithmetic, operation: str, operands: Sequence[Any], parameters: tuple[Any, ...], masked: bool
) -> Any:
    """The result of `operation` on the arithmetic's own arrays."""
    first = operands[0]
    match operation:
        case "add" | "sub" | "mul" | "div" | "pow" | "atan2" | "maximum" | "minimum":
            x, y = aligned(first, operands[1])
            return arithmetic.masked(operation, x, y) if masked else arithmetic.binary(operation, x, y)
        case "zeta":
            return arithmetic.binary("zeta", *aligned(first, operands[1]), *parameters)
        case "pin":
            return operands[1]
        case "power":
            return arithmetic.binary("power", first, parameters[0])
        case "neg" if masked:
            return arithmetic.masked("neg", first, first)
        case "sum":
            return arithmetic.sum(first, tuple(axis + 1 for axis in parameters[0]), masked)
        case "norm":
            squares = arithmetic.binary("mul", first, first)
            return arithmetic.root_of_squares(forward(arithmetic, "sum", [squares], parameters, False))
        case "index":
            return first[(slice(None), *parameters[0])]
        case "scatter":
            return arithmetic.scatter(first, *parameters)
        case "reshape":
            return first.reshape((first.shape[0], *parameters[0]))
        case "transpose":
            return first.transpose((0, *range(first.ndim - 1, 0, -1)))
        case "broadcast":
            shape = (first.shape[0], *parameters[0])
            return arithmetic.broadcast(_padded(first, len(shape)), shape)
        case "concatenate":
            lanes = max(x.shape[0] for x in operands)
            parts = [arithmetic.broadcast(x, (lanes, *x.shape[1:])) for x in operands]
            return arithmetic.concatenate(parts, parameters[0] + 1)
        case "permute":
            return arithmetic.permute(first, parameters[0], parameters[1] + 1)
        case "sort":
            ordered, undecided = arithmetic.permute(first, parameters[0], first.ndim - 1), parameters[1]
            return arithmetic.unknown(ordered, undecided) if arithmetic.some(undecided) else ordered
        case "select":
            x, y = aligned(first, operands[1])
            return arithmetic.select(_padded(parameters[0], x.ndim), x, y)
        case _:
            return arithmetic.unary(operation, first, *parameters)


def _scattered(arithmetic: Arithmetic, x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
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


class ObjectArithmetic:
    """What the arithmetics on numpy's object arrays share: all that only moves their numbers."""

    zero: Any
    """The absent one, recognised by identity."""
    one: Any
    unary: Callable[[str, Any], Any]
    nothing: Any
    """The number of which nothing is known."""
    search: Callable[..., Generator[Any, Any, Any]]
    """Of (low, high, at_low, at_high), one lane's numbers: yields points, each of which it is sent the function's value
    at, and returns the root. `root` asks the function for all lanes at once."""

    broadcast: Callable[..., Any] = staticmethod(np.broadcast_to)
    concatenate: Callable[..., Any] = staticmethod(np.concatenate)
    permute: Callable[..., Any] = staticmethod(np.take_along_axis)
    scatter = _scattered

    def root_of_squares(self, x: Any) -> Any:
        return self.unary("sqrt", x)

    def number(self, x: Any) -> float | None:
        return float(x.flat[0]) if x.size == 1 else None

    def absent(self, shape: tuple[int, ...]) -> Any:
        return np.full(shape, self.zero, dtype=object)

    def hot(self, mask: np.ndarray) -> Any:
        return np.where(mask, self.one, self.zero)

    def some(self, states: np.ndarray) -> bool:
        return bool(states.any())

    def unknown(self, x: Any, lanes: np.ndarray) -> Any:
        return np.where(lanes[..., None], self.nothing, x)

    def root(self, function: Callable[[Any], Any], low: Any, high: Any) -> Any:
        ends = (np.broadcast_to(x, low.shape).ravel() for x in (low, high, function(low), function(high)))
        searches = [self.search(*lane) for lane in zip(*ends, strict=True)]
        found = list(low.flat)
        points, values, running = found.copy(), [None] * low.size, set(range(low.size))
        while running:
            for i in sorted(running):
                try:
                    points[i] = searches[i].send(values[i])
                except StopIteration as end:
                    found[i] = end.value
                    running.remove(i)
            if running:
                told = function(np.array(points, dtype=object).reshape(low.shape))
                values = np.broadcast_to(told, low.shape).ravel()
        return np.array(found, dtype=object).reshape(low.shape)


def exactly(value: object) -> int | float | Fraction:
    """A Python or numpy number as one of Python's own."""
    match value:
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            return float(value)
        case Fraction():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} is no real number")


Pair = Callable[[Any, Any], Any]


def masking(absent: Any, add: Pair, sub: Pair, mul: Pair, div: Pair) -> dict[str, Any]:
    """The operations on object arrays through which the absent zero passes, made of those on two numbers."""
    operations: dict[str, Pair] = {
        "add": lambda x, y: y if x is absent else x if y is absent else add(x, y),
        "sub": lambda x, y: x if y is absent else -y if x is absent else sub(x, y),
        "mul": lambda x, y: absent if x is absent or y is absent else mul(x, y),
        "div": lambda x, y: absent if x is absent else div(x, y),
        "neg": lambda x, y: x if x is absent else -x,
    }
    return {name: np.frompyfunc(function, 2, 1) for name, function in operations.items()}


def added_up(add: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """The sums along some axes of an object array."""
    for axis in sorted(axes, reverse=True):
        x = add.reduce(x, axis=axis)
    return x


def aligned(x: Any, y: Any) -> tuple[Any, Any]:
    """Both arrays with the same number of axes: missing axes go in behind the lanes."""
    return _padded(x, y.ndim), _padded(y, x.ndim)


def _padded(x: Any, ndim: int) -> Any:
    missing = ndim - x.ndim
    return x.reshape((x.shape[0], *(1,) * missing, *x.shape[1:])) if missing > 0 else x
