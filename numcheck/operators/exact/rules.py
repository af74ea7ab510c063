"""What torch's operators are on exact numbers, where neither arithmetic nor a function of one number says it.

A rule gets the operator's arguments in the schema's order and its keyword arguments by name, as all rules of rows do.
An exact tensor is an array of `Reals` of one lane and of the tensor's own shape; so is any tensor that takes part in
arithmetic element by element, whatever its dtype. A rule returns such arrays, decisions, which become tensors of
booleans, or plain tensors of indices; several, where the operator does.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from flint import fmpq
from torch import Tensor

from numcheck.operators.exact.numbers import (
    BINARY,
    EXACT,
    as_ball,
    compared,
    is_finite,
    is_nothing,
    is_rational,
    is_told,
    reals,
)
from numcheck.reals import vocabulary as m
from numcheck.reals.arb import is_infinite
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.arrays import Decision, Reals, as_reals

Numbers = np.ndarray


@dataclass(frozen=True, eq=False)
class Open:
    """Beside a rule's results: which of its operand's elements hold a question that could not be decided."""

    flags: np.ndarray


def _numbers(x: Reals | float) -> Numbers:
    return np.asarray(as_reals(x, EXACT).data[0], dtype=object)


def _axes(x: Reals, dim: Any) -> tuple[int, ...]:
    dims = [dim] if isinstance(dim, int) else list(dim or range(x.ndim))
    return tuple(sorted(d % x.ndim for d in dims)) if x.ndim else ()


def _plain(x: Any) -> Any:
    """A plain tensor as an array of reals, anything else as it is."""
    return reals(EXACT.lift(x.double().numpy())) if isinstance(x, Tensor) else x


def _decision(states: Any) -> Decision:
    return Decision(EXACT, np.asarray(states, dtype=np.int8)[np.newaxis])


# --- questions about a number


def _asked(holds: Callable[[Any], bool]) -> Callable[[Reals], Decision]:
    """Whether something holds of each number of which something is told."""
    ask = np.frompyfunc(lambda x: int(holds(x)) if is_told(x) else UNDECIDED, 1, 1)
    return lambda x: _decision(ask(_numbers(x)))


def _is_infinite(x: Any) -> bool:
    return not is_rational(x) and is_infinite(x)


is_nan, is_inf, is_a_number = _asked(is_nothing), _asked(_is_infinite), _asked(is_finite)


def differs(x: Reals, y: Reals | float) -> Decision:
    """x != y, which no number and NaN are."""
    return ~(x == y)


def has_sign(x: Reals) -> Decision:
    """Whether a number is negative; of a zero that is open, for in exact numbers it has no sign."""
    below, zero = (compared(name, _numbers(x), _numbers(0)) for name in ("lt", "eq"))
    return _decision(np.where(zero == YES, UNDECIDED, below))


def chosen(condition: Reals | Tensor, x: Reals | Tensor, y: Reals | Tensor) -> Reals:
    """`x` where the condition holds, else `y`."""
    return m.where(differs(_plain(condition), 0), _plain(x), _plain(y))


def sign(x: Reals) -> Reals:
    """-1, 0 or 1."""
    return m.where(x > 0, 1, m.where(x < 0, -1, 0))


# --- arithmetic


def quotient(x: Reals, y: Reals, rounding_mode: str | None = None) -> Reals:
    """x / y, rounded to an integer where that is asked for."""
    found = x / y
    return found if rounding_mode is None else {"trunc": truncated, "floor": floor}[rounding_mode](found)


def clamp(x: Reals, low: Any = None, high: Any = None, **named: Any) -> Reals:
    """`x` brought into [low, high], of which either may be missing."""
    low, high = named.get("min", low), named.get("max", high)
    x = x if low is None else m.maximum(x, low)
    return x if high is None else m.minimum(x, high)


def threshold(x: Reals, least: float, value: float) -> Reals:
    """`x`, but `value` where it is not above the least."""
    return m.where(x > least, x, value)


def threshold_backward(ct: Reals, x: Reals, least: float) -> Reals:
    """The cotangent where `x` is above the least."""
    return m.where(x > least, ct, 0)


def shrink_backward(ct: Reals, x: Reals, threshold: float) -> Reals:
    """The cotangent where `x` is farther from 0 than the threshold."""
    return m.where(m.abs(x) > threshold, ct, 0)


def _to_integer(rational: Callable[[Any], Any], careful: Callable[[Any], Any]) -> Callable[[Reals], Reals]:
    def call(x: Any) -> Any:
        if is_rational(x):
            return fmpq(rational(x))
        return careful(x) if is_finite(x) else x

    rounded = np.frompyfunc(call, 1, 1)
    return lambda x: reals(np.asarray(rounded(_numbers(x)), dtype=object))


floor = _to_integer(lambda x: x.floor(), lambda x: x.floor())
ceil = _to_integer(lambda x: x.ceil(), lambda x: x.ceil())
nearest = _to_integer(lambda x: _half_to_even(x), lambda x: (x + as_ball(fmpq(1, 2))).floor())


def _half_to_even(x: Any) -> Any:
    down = x.floor()
    rest = x - down
    return down + int(rest > fmpq(1, 2) or (rest == fmpq(1, 2) and int(down) % 2 == 1))


def truncated(x: Reals) -> Reals:
    """The integer part."""
    return m.where(x < 0, ceil(x), floor(x))


def remainder(x: Reals, y: Reals) -> Reals:
    """What floor division leaves, with the sign of `y`."""
    return x - y * floor(x / y)


def fmod(x: Reals, y: Reals) -> Reals:
    """What truncated division leaves, with the sign of `x`."""
    return x - y * truncated(x / y)


# --- sums, products, extremes


def _reduced(name: str, nothing: int | None) -> Callable[..., Reals]:
    """A reduction over some axes by one operation on two numbers."""

    def rule(x: Reals, dim: Any = None, keepdim: bool = False, **named: Any) -> Reals:
        numbers = _numbers(x)
        for axis in reversed(_axes(x, named.get("dim", dim))):
            first = (
                BINARY[name].reduce(numbers, axis=axis) if numbers.shape[axis] or nothing is None else None
            )
            if first is None:
                shape = numbers.shape[:axis] + numbers.shape[axis + 1 :]
                first = np.full(shape, fmpq(nothing or 0), dtype=object)
            numbers = np.asarray(first, dtype=object)
            numbers = np.expand_dims(numbers, axis) if keepdim else numbers
        return reals(numbers)

    return rule


total, product = _reduced("add", 0), _reduced("mul", 1)
largest, smallest = _reduced("maximum", None), _reduced("minimum", None)


def mean(x: Reals, dim: Any = None, keepdim: bool = False, **named: Any) -> Reals:
    """The mean over some axes."""
    count = int(np.prod([x.shape[axis] for axis in _axes(x, dim)]))
    return total(x, dim, keepdim) / count


def variance(
    x: Reals, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Reals:
    """The mean squared distance from the mean, over n less the correction."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = int(unbiased) if correction is None else correction
    count = int(np.prod([x.shape[axis] for axis in _axes(x, dim)]))
    apart = x - mean(x, dim, True)
    return total(apart * apart, dim, keepdim) / (count - correction)


def length(x: Reals, order: Any = 2, dim: Any = None, keepdim: bool = False, **named: Any) -> Reals:
    """The p-norm over some axes."""
    size = m.abs(x)
    if order == float("inf"):
        return largest(size, dim, keepdim)
    if order == 2:
        return m.sqrt(total(x * x, dim, keepdim))
    return total(size**order, dim, keepdim) ** (1 / as_reals(order, EXACT))


def distances(x: Reals, y: Reals, order: float, *_: Any) -> Reals:
    """Of each row of `x` the distance from each row of `y`."""
    a, b = _numbers(x), _numbers(y)
    return length(reals(BINARY["sub"](a[..., :, None, :], b[..., None, :, :])), order, -1)


def _running(name: str) -> Callable[..., Reals]:
    def rule(x: Reals, dim: int, **named: Any) -> Reals:
        numbers = _numbers(x)
        return x if numbers.ndim == 0 else reals(BINARY[name].accumulate(numbers, axis=dim))

    return rule


running_sum, running_product = _running("add"), _running("mul")


def matrix_product(x: Reals, y: Reals, **named: Any) -> Reals:
    """The product of matrices, of stacks of them, or with a vector on either side."""
    a, b = _numbers(x), _numbers(y)
    if b.ndim == 1:
        return reals(np.asarray(BINARY["add"].reduce(BINARY["mul"](a, b), axis=-1), dtype=object))
    return reals(BINARY["add"].reduce(BINARY["mul"](a[..., :, :, None], b[..., None, :, :]), axis=-2))


def plus_matrix_product(bias: Reals, x: Reals, y: Reals, *, beta: float = 1, alpha: float = 1) -> Reals:
    """bias + x @ y, each with its factor."""
    return beta * bias + alpha * matrix_product(x, y)


# --- order


def _order(numbers: Numbers, descending: bool) -> tuple[list[int], bool]:
    """The order of a row, equal numbers as they stand, and whether it could be told."""
    decided = True

    def apart(i: int, j: int) -> int:
        nonlocal decided
        pair = np.array([numbers[i]]), np.array([numbers[j]])
        below, equal = (int(compared(name, *pair)[0]) for name in ("lt", "eq"))
        if below == YES:
            return 1 if descending else -1
        decided &= (
            below == NO and equal != UNDECIDED and not is_nothing(numbers[i]) and not is_nothing(numbers[j])
        )
        return 0 if equal != NO else -1 if descending else 1

    return sorted(range(len(numbers)), key=functools.cmp_to_key(apart)), decided


def _sorted(x: Reals, dim: int, descending: bool) -> tuple[Reals, Tensor, Open]:
    numbers = _numbers(x)
    if numbers.ndim == 0:
        return x, torch.zeros((), dtype=torch.int64), Open(np.zeros((), dtype=bool))
    rows = np.moveaxis(numbers, dim, -1)
    order, open_rows = np.zeros(rows.shape, dtype=np.int64), np.zeros(rows.shape, dtype=bool)
    found = np.empty(rows.shape, dtype=object)
    for place in np.ndindex(rows.shape[:-1]):
        order[place], decided = _order(rows[place], descending)
        found[place], open_rows[place] = rows[place][order[place]], not decided
    back = [np.moveaxis(part, -1, dim) for part in (found, order, open_rows)]
    return reals(back[0]), torch.from_numpy(back[1].copy()), Open(back[2])


def in_order(x: Reals, dim: int = -1, descending: bool = False, **named: Any) -> tuple[Reals, Tensor, Open]:
    """The numbers in order, and where they stood."""
    return _sorted(x, named.get("dim", dim), named.get("descending", descending))


def topmost(
    x: Reals, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Reals, Tensor, Open]:
    """The k largest, or smallest."""
    numbers, order, unsure = _sorted(x, dim, largest)
    return reals(np.take(_numbers(numbers), range(k), axis=dim)), order.narrow(dim, 0, k), unsure


def _extreme(descending: bool) -> Callable[..., Any]:
    whole = largest if descending else smallest

    def rule(x: Reals, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return whole(x)
        _, order, unsure = _sorted(x, dim, descending)
        first = order.narrow(dim, 0, 1) if order.ndim else order
        return whole(x, dim, keepdim), first if keepdim or not order.ndim else first.squeeze(dim), unsure

    return rule


def middle(x: Reals, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, of an even count the lower of the two in the middle."""
    if dim is None:
        return middle(reals(_numbers(x).reshape(-1)), 0)[0]
    return placed(x, (x.shape[dim] + 1) // 2, dim, keepdim)


def placed(x: Reals, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Reals, Tensor, Open]:
    """The k-th smallest, counted from one."""
    numbers, order, unsure = _sorted(x, dim, False)
    found, where = np.take(_numbers(numbers), [k - 1], axis=dim), order.narrow(dim, k - 1, 1)
    if not keepdim:
        found, where = np.squeeze(found, axis=dim), where.squeeze(dim)
    return reals(found), where, unsure


maximum_of, minimum_of = _extreme(True), _extreme(False)


def _place_of(descending: bool) -> Callable[..., tuple[Tensor, Open]]:
    def rule(x: Reals, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Open]:
        flat = reals(_numbers(x).reshape(-1)) if dim is None else x
        _, order, unsure = _sorted(flat, dim or 0, descending)
        first = order.narrow(dim or 0, 0, 1)
        return first if keepdim and dim is not None else first.squeeze(dim or 0), unsure

    return rule


place_of_maximum, place_of_minimum = _place_of(True), _place_of(False)


# --- moved as they are


def cast(x: Reals, *, dtype: torch.dtype | None = None, **named: Any) -> Any:
    """A cast between floating formats leaves a number as it is; an integer is its integer part."""
    if dtype is None or dtype.is_floating_point:
        return x
    if dtype == torch.bool:
        return differs(x, 0)
    numbers = _numbers(truncated(x))
    whole = [is_rational(number) and abs(number) < 2**62 for number in numbers.reshape(-1)]
    found = [int(number.p) if sure else 0 for number, sure in zip(numbers.reshape(-1), whole, strict=True)]
    integers = torch.tensor(found, dtype=torch.int64).reshape(x.shape).to(dtype)
    return integers, Open(~np.array(whole, dtype=bool).reshape(x.shape))


def copied(x: Reals, source: Any, *_: Any) -> Reals:
    """What `x` holds once the source has been copied into it."""
    return m.broadcast(as_reals(_plain(source), EXACT), x.shape)


def zeroed(x: Reals) -> Reals:
    """Zeros in its place."""
    return m.zeros_like(x)


# --- what adds up where it is written


def _added_at(target: Numbers, places: Numbers, values: Numbers) -> Reals:
    flat = target.reshape(-1).copy()
    for place, value in zip(
        places.reshape(-1), np.broadcast_to(values, places.shape).reshape(-1), strict=True
    ):
        flat[place] = BINARY["add"](flat[place], value)
    return reals(flat.reshape(target.shape))


def _places(x: Reals) -> Tensor:
    return torch.arange(int(np.prod(x.shape))).reshape(x.shape)


def scattered(x: Reals, dim: int, index: Tensor, values: Any, **named: Any) -> Reals:
    """What `scatter` makes, of numbers or of one."""
    numbers = (
        np.broadcast_to(_numbers(values), index.shape) if not isinstance(values, Reals) else _numbers(values)
    )
    inside = tuple(slice(size) for size in index.shape)
    flat = _numbers(x).reshape(-1).copy()
    flat[_places(x).gather(dim, index).numpy()] = numbers[inside]
    return reals(flat.reshape(x.shape))


def added_by_scatter(x: Reals, dim: int, index: Tensor, values: Reals) -> Reals:
    """What `scatter_add` makes."""
    inside = tuple(slice(size) for size in index.shape)
    return _added_at(_numbers(x), _places(x).gather(dim, index).numpy(), _numbers(values)[inside])


def put_at(
    x: Reals, indices: Sequence[Tensor | None], values: Reals, accumulate: bool = False, *_: Any
) -> Reals:
    """What `index_put` makes; of values that are written to one place the last counts, where they do not add up."""
    key = tuple(slice(None) if index is None else index for index in indices)
    places, numbers = _places(x)[key].numpy(), _numbers(values)
    if accumulate:
        return _added_at(_numbers(x), places, numbers)
    flat = _numbers(x).reshape(-1).copy()
    flat[places] = np.broadcast_to(numbers, places.shape)
    return reals(flat.reshape(x.shape))


# --- rows that are alike


def distinct_rows(
    x: Reals, dim: int, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Reals, Tensor, Tensor, Open]:
    """The different slices along an axis in order, of each slice its place among them, and how often each stands."""
    slices = np.moveaxis(_numbers(x), dim, 0)
    flat = slices.reshape(len(slices), math.prod(slices.shape[1:]))
    decided = True

    def apart(i: int, j: int) -> int:
        nonlocal decided
        for a, b in zip(flat[i], flat[j], strict=True):
            pair = np.array([a]), np.array([b])
            below, equal = (int(compared(name, *pair)[0]) for name in ("lt", "eq"))
            if UNDECIDED in (below, equal):
                decided = False
            if equal != YES:
                return -1 if below == YES else 1
        return 0

    order = list(range(len(flat)))
    order.sort(key=functools.cmp_to_key(apart))
    place, kept = np.zeros(len(flat), dtype=np.int64), list[int]()
    for i in order:
        if not kept or apart(kept[-1], i):
            kept.append(i)
        place[i] = len(kept) - 1
    counts = np.bincount(place, minlength=len(kept))
    unsure = Open(np.full(x.shape, not decided))
    return reals(np.moveaxis(slices[kept], 0, dim)), torch.from_numpy(place), torch.from_numpy(counts), unsure
