"""Float64 balls behind an array of reals: `arithmetic.Arithmetic` on one device."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.reals.arithmetic import UNDECIDED, YES
from numcheck.reals.ball64.balls import (
    GROW,
    INF,
    NAN,
    Balls,
    broadcast,
    constant,
    filled,
    is_plain_key,
    is_recording,
    is_told,
    like,
    nothing_like,
    places_in,
    scale_of,
    some,
    two_sum,
    unknown_like,
    where,
)
from numcheck.reals.ball64.functions import BINARY, PLAIN, SCALED, UNARY, power
from numcheck.reals.ball64.operations import (
    absolute,
    added,
    comparable,
    compared,
    hull,
    is_exactly,
    negated,
    picked,
    unscaled,
)

# Shapes and absent zeros ---------------------------------------------------------------------------------------------


def _concatenated(parts: Sequence[Balls], axis: int) -> Balls:
    if len(parts) == 1:
        return parts[0]

    def joined(found: Sequence[Tensor | None], dtype: torch.dtype = torch.float64) -> Tensor | None:
        if all(part is None for part in found):
            return None
        pairs = zip(found, parts, strict=True)
        return torch.cat([filled(part, x.high, dtype).broadcast_to(x.high.shape) for part, x in pairs], axis)

    scale = None
    if any(x.scale is not None for x in parts):
        scale = _concatenated([broadcast(scale_of(x), x.shape) for x in parts], axis)
    return Balls(
        torch.cat([x.high for x in parts], axis),
        joined([x.low for x in parts]),
        joined([x.radius for x in parts]),
        joined([x.absent for x in parts], torch.bool),
        scale,
        max(x.reach for x in parts),
    )


def _masked_add(x: Balls, y: Balls) -> Balls:
    total = added(x, y)
    if x.absent is not None:
        total = picked(x.absent, y.present, total)
    if y.absent is not None:
        total = picked(y.absent, x.present, total)
    absent = None if x.absent is None or y.absent is None else x.absent & y.absent
    return replace(total, absent=absent)


def _with_absent(result: Balls, *operands: Balls) -> Balls:
    """Exact zeros, marked absent, wherever one of the operands is."""
    masks = [operand.absent for operand in operands if operand.absent is not None]
    if not masks:
        return result
    absent = functools.reduce(torch.logical_or, masks).broadcast_to(result.shape)
    cleared = picked(absent, nothing_like(result), result.present)
    return replace(cleared, absent=absent, reach=result.reach)


def _permuted(x: Balls, order: Any, axis: int) -> Balls:
    order = torch.as_tensor(order, device=x.high.device)
    lanes = max(x.shape[0], order.shape[0])
    chosen = order.expand(lanes, *order.shape[1:])
    return x.each(lambda part: torch.take_along_dim(part.expand(lanes, *part.shape[1:]), chosen, axis))


def _folded(adding: Callable[[Balls, Balls], Balls], x: Balls, axis: int) -> Balls:
    """The sum along one axis, by halves."""
    index = (slice(None),) * axis
    rest: Balls | None = None
    size = x.shape[axis]
    if size == 0:
        return replace(x.each(lambda part: part.sum(axis, dtype=part.dtype)), number=None)
    while size > 1:
        half = size // 2
        if size % 2:
            last = x[(*index, slice(size - 1, size))]
            rest = last if rest is None else adding(rest, last)
        x = adding(x[(*index, slice(0, half))], x[(*index, slice(half, 2 * half))])
        size = half
    total = x if rest is None else adding(x, rest)
    return total[(*index, 0)]


# Roots ---------------------------------------------------------------------------------------------------------------


def _double_ordinals(x: Tensor) -> Tensor:
    bits = x.view(torch.int64)
    return torch.where(bits < 0, torch.iinfo(torch.int64).min - bits, bits)


def _of_double_ordinals(n: Tensor) -> Tensor:
    return torch.where(n < 0, torch.iinfo(torch.int64).min - n, n).view(torch.float64)


def enclosed_root(function: Callable[[Balls], Balls], low: Balls, high: Balls) -> Balls:
    """Balls that contain the zero of an increasing `function` on [low, high], per lane.

    Bisection over the doubles finds where the midpoint of the function changes sign; then the function is proved to be
    negative a little below and positive a little above, and by the intermediate value theorem the root lies between.
    Where the ends are not doubles, or no sign is proved, the root is unknown.
    """
    first, last = function(low), function(high)
    exact = is_exactly(low, low.high) & is_exactly(high, high.high)
    lowest, highest = _double_ordinals(low.high), _double_ordinals(high.high)
    below, above = lowest, highest
    for _ in range(64):
        middle = (below >> 1) + (above >> 1) + (below & above & 1)
        up = function(Balls(_of_double_ordinals(middle))).high >= 0
        below, above = torch.where(up, below, middle), torch.where(up, middle, above)
    zero = like(low, 0)
    start = stop = torch.full_like(low.high, NAN)
    for reach in (30, 22, 14, 6):  # in doubles; the narrowest that is proved is the last to be written
        left = _of_double_ordinals(torch.maximum(lowest, below - (1 << reach)))
        right = _of_double_ordinals(torch.minimum(highest, above + (1 << reach)))
        down = compared("lt", function(Balls(left)), zero) == YES
        proved = exact & down & (compared("gt", function(Balls(right)), zero) == YES)
        start, stop = where(proved, left, start), where(proved, right, stop)
    inside = Balls(start + (stop - start) / 2, None, (stop - start) * GROW)
    inside = picked(compared("le", last, zero) == YES, replace(high, number=None), inside)
    return picked(compared("ge", first, zero) == YES, replace(low, number=None), inside)


# The arithmetic ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ball64Arithmetic:
    """Float64 balls on one device; `scaled` keeps every exponential at a scale, for more digits in more time."""

    device: str = "cpu"
    scaled: bool = False

    name = "ball64"
    broadcast = staticmethod(broadcast)
    concatenate = staticmethod(_concatenated)
    permute = staticmethod(_permuted)
    compare = staticmethod(compared)
    some = staticmethod(some)
    root = staticmethod(enclosed_root)

    def lift(self, values: Any) -> Balls:
        if not isinstance(values, Tensor):
            array = np.array(values)
            if array.dtype == object:
                if array.size != 1:
                    raise TypeError("balls in float64 are lifted from tensors, or one number at a time")
                return constant(array.flat[0], self.device).reshape(array.shape)
            values = torch.from_numpy(array)
        values = values.to(self.device)
        if values.dtype == torch.int64:  # by halves, for a double does not hold all of its 63 bits
            high, low = two_sum((values >> 32).double() * 2.0**32, (values & 0xFFFFFFFF).double())
        else:
            high, low = values.double(), None
        if self.scaled or is_recording() or not high.numel():  # a graph is recorded for any values
            return Balls(high, low)
        least, most = (float(end) for end in high.aminmax())
        reach = max(-least, most) * (1 + 2.0**-40)
        return Balls(high, low, reach=INF if math.isnan(reach) else reach)

    def number(self, x: Balls) -> float | None:
        return None if x.number is None else float(x.number)

    def root_of_squares(self, x: Balls) -> Balls:
        return self.unary("sqrt", x)  # a ball around zero is left to Arb

    def unary(self, name: str, x: Balls, *parameters: int) -> Balls:
        x, rule = x.present, UNARY.get(name)
        if rule is None:  # Arb knows more functions
            return unknown_like(x)
        return rule(x if name in SCALED else unscaled(x))

    def binary(self, name: str, x: Balls, y: Any, *parameters: int) -> Balls:
        x = x.present
        if name == "power":
            return power(x, y)
        y = y.present
        if name in PLAIN:
            x, y = unscaled(x), unscaled(y)
        return BINARY[name](x, y, *parameters)

    def absent(self, shape: tuple[int, ...]) -> Balls:
        zeros = torch.zeros(shape, dtype=torch.float64, device=self.device)
        return Balls(zeros, absent=torch.ones(shape, dtype=torch.bool, device=self.device), reach=0.0)

    def hot(self, mask: np.ndarray) -> Balls:
        chosen = torch.from_numpy(mask).to(self.device)
        return Balls(chosen.double(), absent=None if mask.all() else ~chosen, reach=1.0)

    def masked(self, name: str, x: Balls, y: Balls) -> Balls:
        match name:
            case "add":
                return _masked_add(x, y)
            case "sub":
                return _masked_add(x, negated(y))
            case "mul":
                return _with_absent(self.binary("mul", x, y), x, y)
            case "div":
                return _with_absent(self.binary("div", x, y), x)
            case "neg":
                return negated(x)
            case _:
                return self.binary(name, x, y)

    def sum(self, x: Balls, axes: tuple[int, ...], masked: bool) -> Balls:
        adding = _masked_add if masked else added
        for axis in sorted(axes, reverse=True):
            x = _folded(adding, x if masked else x.present, axis)
        return x

    def select(self, decision: Tensor, x: Balls, y: Balls) -> Balls:
        chosen = picked(decision == YES, x, y)
        if self.some(decision == UNDECIDED):
            chosen = picked(decision == UNDECIDED, hull(x, y), chosen)
        return chosen

    def interval(self, low: int, high: int) -> Balls:
        middle = constant(Fraction(low + high, 2), self.device)
        radius = torch.full_like(middle.high, (high - low) / 2)
        return replace(middle, radius=radius, number=None, reach=float(max(-low, high)))

    def doubt(self, low: int, high: int) -> Balls:
        return constant(NAN, self.device)

    def order(self, x: Balls) -> tuple[Tensor, Tensor]:
        # by midpoints: the low parts first, then the high parts, each sort keeping the order before
        x = comparable(x)
        order = torch.argsort(filled(x.low, x.high), dim=-1, stable=True)
        by_high = torch.argsort(torch.take_along_dim(x.high, order, -1), dim=-1, stable=True)
        order = torch.take_along_dim(order, by_high, -1)
        ordered = _permuted(x, order, x.ndim - 1)
        before, after = ordered.each(lambda p: p[..., :-1]), ordered.each(lambda p: p[..., 1:])
        return order, ~(compared("le", before, after) == YES).all(-1)

    def unknown(self, x: Balls, lanes: Tensor) -> Balls:
        return replace(x, high=where(lanes[..., None], NAN, x.high))

    def scatter(self, x: Balls, key: tuple[Any, ...], shape: tuple[int, ...]) -> Balls:
        places = None if is_plain_key(key) else places_in(key, shape)
        lanes = x.shape[0]

        def placed(part: Tensor, elsewhere: float = 0) -> Tensor:
            whole = torch.full((lanes, *shape), elsewhere, dtype=part.dtype, device=part.device)
            if places is None:
                whole[(slice(None), *key)] = part
            else:
                index = torch.from_numpy(places.ravel()).to(part.device)
                whole.reshape(lanes, -1)[:, index] = part.reshape(lanes, -1)
            return whole

        if places is None or len(np.unique(places)) == places.size:
            absent = filled(x.absent, x.high, torch.bool).broadcast_to(x.shape)
            return replace(x.present.each(placed), absent=placed(absent, True), number=None)
        # a list may name an element twice: what arrives there adds up
        parts = x.reshape((lanes, -1))
        columns: dict[int, Balls] = {}
        for i, place in enumerate(places.ravel().tolist()):
            part = parts[:, i : i + 1]
            columns[place] = part if place not in columns else _masked_add(columns[place], part)
        nothing = self.absent((lanes, 1))
        whole = _concatenated([columns.get(i, nothing) for i in range(math.prod(shape))], 1)
        return whole.reshape((lanes, *shape))

    def given(self, x: Balls, value: Balls) -> Balls:
        known = is_told(value)
        absent = None if x.absent is None else x.absent & known
        return replace(x, high=where(known, x.high, NAN), absent=absent, number=None)

    def forgiven(self, terms: Sequence[Balls], lanes: int) -> Balls:
        total = constant(0, self.device)
        for term in terms:
            parts = replace(absolute(term), absent=None, number=None).reshape((term.shape[0], -1))
            total = added(total, _folded(added, parts, 1))
        return broadcast(replace(total, number=None), (lanes,))


BALL64 = Ball64Arithmetic()
