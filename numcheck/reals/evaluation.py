"""Value, conditioning and derivatives of any function of reals, over any arithmetic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numcheck.reals.arithmetic import Arithmetic
from numcheck.reals.arrays import Reals, as_reals, concatenate, reshape, zeros_like
from numcheck.reals.tape import gradient, one_hot


@dataclass(frozen=True)
class Wanted:
    """What is asked of a function beside its value."""

    gradient: bool
    conditioning: bool


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
    conditioning, row = _conditioning(flat, counted, lanes)
    conditioning = conditioning.reshape(data.shape)
    if not wanted.gradient or not by:
        return [(data, conditioning)]
    if counted and size == 1:  # the only row is the gradient asked for
        slopes = [row[continuous.index(name)] for name in wrt]
    elif flat.traced:
        slopes = gradient(flat, one_hot(flat, np.arange(size) == (component % size)[:, None]), by)
    else:
        slopes = [None] * len(by)
    slope = _side_by_side(slopes, by, lanes)
    row = data.reshape((lanes, size))
    if size > 1:
        row = arithmetic.permute(row, (component % size)[:, None], 1)
    slope = replace(slope, data=arithmetic.given(slope.data, row))
    return [(data, conditioning), (slope.data, _conditioning(slope, counted, lanes)[0])]


def _conditioning(of: Reals, inputs: Sequence[Reals], lanes: int) -> tuple[Any, list[Reals | None]]:
    """What conditioning forgives each element of (lanes, n), and the last one's derivatives by the inputs.

    That is the sum over all elements x_i of abs(x_i * slope_i), in the arithmetic's own numbers, for each lane; nothing
    where the element itself is no number.
    """
    arithmetic, (count,) = of.arithmetic, of.shape
    rows: list[Any] = []
    slopes: list[Reals | None] = [None] * len(inputs)
    for k in range(count) if of.traced and inputs else ():
        slopes = gradient(of, one_hot(of, np.arange(count) == np.array([[k]])), inputs)
        pairs = [(x, slope) for x, slope in zip(inputs, slopes, strict=True) if slope is not None]
        terms = [arithmetic.given((x * slope).data, _beside(of.data[:, k], x)) for x, slope in pairs]
        rows.append(arithmetic.forgiven(terms, lanes))
    rows = rows or [arithmetic.forgiven([], lanes)] * count
    return arithmetic.concatenate([row.reshape((lanes, 1)) for row in rows], 1), slopes


def _beside(data: Any, x: Reals) -> Any:
    """One number for each lane, with the axes of a point of x."""
    return data.reshape((data.shape[0], *(1,) * x.ndim))


def _side_by_side(parts: Sequence[Reals | None], inputs: Sequence[Reals], lanes: int) -> Reals:
    """Derivatives by all inputs, (lanes, n); zero where there is no dependence."""
    rows: list[Reals] = []
    for part, x in zip(parts, inputs, strict=True):
        part = zeros_like(x) if part is None else part
        data = part.arithmetic.broadcast(part.data, (lanes, *x.shape))
        rows.append(reshape(replace(part, data=data), (int(np.prod(x.shape)),)))
    return concatenate(rows)
