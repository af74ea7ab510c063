"""Value, conditioning and derivatives of any function of reals, over any arithmetic."""

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numcheck.reals.arithmetic import Arithmetic
from numcheck.reals.arrays import Reals, as_reals, binary, broadcast, concatenate, reshape, sum, zeros_like
from numcheck.reals.tape import gradient, one_hot, traced

ROWS = 128
"""Numbers of a half up to which conditioning is told of each, by a pass backwards: those take the square of them."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a function beside its value.

    Of a half with more than `ROWS` numbers conditioning is the least that it can be; `element`, a place in the half for
    each lane, asks for what it is at that one, and for nothing of the others.
    """

    gradient: bool
    conditioning: bool
    element: np.ndarray | None = None
    value: bool = True
    """Whether the value counts beside the gradient; else nothing is asked of its conditioning."""


Evaluation = list[tuple[Any, Any]]
"""A function's value and, where that was asked for, its gradient, each with its conditioning: arrays over one batch of
lanes, still in the arithmetic's own numbers.

The value and its conditioning, the sum(abs(x_i df/dx_i)) over all continuous numbers x_i, have shape (lanes, *out);
the gradient and its conditioning have (lanes, n), all numbers differentiated by side by side.
"""


def evaluate(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    continuous: Sequence[str],
    wrt: Sequence[str],
    lanes: int,
    component: np.ndarray,
    wanted: Wanted,
    arithmetic: Arithmetic,
) -> Evaluation:
    """What `function` has at these arguments, given in its order, in an arithmetic, which theirs are in.

    Conditioning counts the `continuous` ones among them, which are traced; the gradient is that of one `component` by
    `wrt`, some of those. `component` counts modulo the outputs, and like every array may have a single lane that stands
    for all.

    A slope exists only where the value does, and conditioning only of what exists: the rule for log is a quotient that
    has a number at -1 too.
    """
    inputs, by = ([arguments[name] for name in names] for names in (continuous, wrt))
    value = as_reals(function(*arguments.values()), arithmetic)
    data = arithmetic.broadcast(value.data, (lanes, *value.shape))
    size = int(np.prod(value.shape))
    flat = reshape(value, (size,))
    counted = inputs if wanted.conditioning else []
    told = counted if wanted.value or size == 1 else []  # the only row is the gradient too
    conditioning, row = _conditioning(flat, told, lanes, None if wanted.gradient else wanted.element)
    conditioning = conditioning.reshape(data.shape)
    if not wanted.gradient or not by:
        return [(data, conditioning)]
    if counted and size == 1:  # the only row is the gradient asked for
        slopes = [row[continuous.index(name)] for name in wrt]
    elif flat.traced:
        slopes = gradient(flat, one_hot(flat, np.arange(size) == (component % size)[:, None]), by)
    else:
        slopes = [None] * len(by)
    slope = side_by_side(slopes, by, lanes)
    row = data.reshape((lanes, size))
    if size > 1:
        row = arithmetic.permute(row, (component % size)[:, None], 1)
    slope = replace(slope, data=arithmetic.given(slope.data, row))
    return [(data, conditioning), (slope.data, _conditioning(slope, counted, lanes, wanted.element)[0])]


def _conditioning(
    of: Reals, inputs: Sequence[Reals], lanes: int, element: np.ndarray | None
) -> tuple[Any, list[Reals | None]]:
    """What conditioning forgives each element of (lanes, n), and the last one's derivatives by the inputs.

    That is the sum over all elements x_i of abs(x_i * slope_i), in the arithmetic's own numbers, for each lane; nothing
    where the element itself is no number.
    """
    arithmetic, (count,) = of.arithmetic, of.shape
    if count > ROWS and of.traced and inputs:
        told = _least(of, inputs, lanes) if element is None else _at(of, inputs, lanes, element)
        return told, [None] * len(inputs)
    rows: list[Any] = []
    slopes: list[Reals | None] = [None] * len(inputs)
    for k in range(count) if of.traced and inputs else ():
        slopes = gradient(of, one_hot(of, np.arange(count) == np.array([[k]])), inputs)
        pairs = [(x, slope) for x, slope in zip(inputs, slopes, strict=True) if slope is not None]
        terms = [arithmetic.given((x * slope).data, _beside(of.data[:, k], x)) for x, slope in pairs]
        rows.append(arithmetic.forgiven(terms, lanes))
    rows = rows or [arithmetic.forgiven([], lanes)] * count
    return arithmetic.concatenate([row.reshape((lanes, 1)) for row in rows], 1), slopes


def _least(of: Reals, inputs: Sequence[Reals], lanes: int) -> Any:
    """No more than what conditioning forgives each element, in a few passes backwards however many there are.

    The sum of x_i * slope_i, each with some sign, is a product of the Jacobian and a vector, and no larger than the sum
    of their sizes. Hardly a sum cancels under signs that are drawn, and none whose slopes have one sign under those of
    the x_i; the larger is told. A product with the Jacobian is the derivative, by u, of that of its transpose with u.
    """
    arithmetic, (count,) = of.arithmetic, of.shape
    u = traced(broadcast(one_hot(of, np.ones((1, count), dtype=bool)), (count,)))
    slopes = [(x, part) for x, part in zip(inputs, gradient(of, u, inputs), strict=True) if part is not None]
    dice = np.random.default_rng(count)
    drawn = [Reals(arithmetic, arithmetic.lift(dice.choice([-1.0, 1.0], (1, *x.shape)))) for x, _ in slopes]
    sizes: list[Reals] = []
    for signed in (
        [Reals(arithmetic, x.data) * signs for (x, _), signs in zip(slopes, drawn, strict=True)],
        [abs(Reals(arithmetic, x.data)) for x, _ in slopes],
    ):
        parts = [sum(part * x) for (_, part), x in zip(slopes, signed, strict=True)]
        total = functools.reduce(operator.add, parts) if parts else None
        along = None if total is None else gradient(total, one_hot(total, np.ones(1, dtype=bool)), [u])[0]
        if along is not None:
            sizes.append(abs(Reals(arithmetic, arithmetic.given(along.data, of.data))))
    if not sizes:
        return arithmetic.broadcast(arithmetic.forgiven([], lanes).reshape((lanes, 1)), (lanes, count))
    data = functools.reduce(functools.partial(binary, "maximum"), sizes).data
    data = arithmetic.broadcast(data, (lanes, count)).reshape((lanes * count, 1))
    return arithmetic.forgiven([data], lanes * count).reshape((lanes, count))


def _at(of: Reals, inputs: Sequence[Reals], lanes: int, element: np.ndarray) -> Any:
    """What conditioning forgives one element of each lane, in the place of all."""
    arithmetic, (count,) = of.arithmetic, of.shape
    slopes = gradient(of, one_hot(of, np.arange(count) == element[:, None]), inputs)
    own = arithmetic.permute(arithmetic.broadcast(of.data, (lanes, count)), element[:, None], 1)[:, 0]
    pairs = [(x, slope) for x, slope in zip(inputs, slopes, strict=True) if slope is not None]
    terms = [arithmetic.given((x * slope).data, _beside(own, x)) for x, slope in pairs]
    return arithmetic.broadcast(arithmetic.forgiven(terms, lanes).reshape((lanes, 1)), (lanes, count))


def _beside(data: Any, x: Reals) -> Any:
    """One number for each lane, with the axes of a point of x."""
    return data.reshape((data.shape[0], *(1,) * x.ndim))


def side_by_side(parts: Sequence[Reals | None], inputs: Sequence[Reals], lanes: int) -> Reals:
    """Derivatives by all inputs, (lanes, n); zero where there is no dependence."""
    rows: list[Reals] = []
    for part, x in zip(parts, inputs, strict=True):
        part = zeros_like(x) if part is None else part
        data = part.arithmetic.broadcast(part.data, (lanes, *x.shape))
        rows.append(reshape(replace(part, data=data), (int(np.prod(x.shape)),)))
    return concatenate(rows)
