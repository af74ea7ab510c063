"""What a run leaves behind: for every operator, lane by lane, what it did to the digits.

`operation` looks at one operator that has run on both sides and measures it: how the error grew, which bits
cancelled or found no room, what left the format's range. `sink` measures a result. Neither blames anything.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcheck.formats import Format, format_of
from numcheck.trace.shadow import (
    ADDITIVE,
    SUMS,
    Call,
    Floats,
    Operand,
    Pair,
    accurate_local,
    alpha_of,
    floats,
    relative_error,
    stem_of,
)

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

CANCELLING: Final = ADDITIVE | SUMS | {"addcdiv"}
"""Operators in which leading bits can cancel."""
_NEVER_ZERO: Final = frozenset({"exp", "exp2", "sigmoid", "_softmax", "erfc"})
_ZERO_IS_A_POLE: Final = frozenset({"log", "log2", "log10", "reciprocal", "rsqrt", "digamma", "lgamma"})


# --- the record


@final
@dataclass(frozen=True)
class Operation:
    """One floating operator of a run, and what it did to the digits of each lane (the worst element counts).

    Errors are relative to the shadow: 0 where both agree (also on the same infinity or on NaN), inf where the
    native value is NaN, infinite or zero and the shadow's isn't.
    """

    name: str
    """The operator, as in "aten.sub.Tensor"."""
    where: str
    """"file.py:12": the innermost frame outside torch and this package's runners; in the backward pass the
    line of the forward operator whose derivative this is. Empty if unknown."""
    line: str
    """The text of that line."""
    phase: str
    """"forward" or "backward"."""
    operands: tuple[int, ...]
    """For each floating operand the operation that produced it, -1 for inputs and constants."""
    contributions: tuple[Floats, ...]
    """For each operand the relative error of the result which that operand's error explains."""
    error_in: Floats
    """Largest relative error among the operands."""
    error_out: Floats
    """Relative error of the result."""
    bits_lost: Floats
    """Significand bits that were right in the operands and are wrong in the result; 0 .. precision."""
    cancelled_bits: Floats
    """Additions, subtractions, sums: leading bits of the operands that are gone from the result."""
    absorbed: Flags
    """An addition or subtraction returned one operand although the other was nonzero."""
    swallowed_bits: Floats
    """Additions, subtractions: trailing bits of the smaller operand for which the result had no room."""
    overflowed: Flags
    """Infinite result of finite operands."""
    overflowed_in_shadow: Flags
    """The shadow's result is infinite too."""
    pole: Flags
    """The infinite result is a division by zero or the logarithm of zero: no wider range would help."""
    underflowed: Flags
    """Zero or subnormal result that lost digits, out of operands that had not underflowed before."""
    vanished: Flags
    """Zero where no real number gives one: the shadow, which has float64's range, may have underflowed too."""
    sank: Flags
    """An element that is hardly normal lost digits inside the operator: parts of it were subnormal."""
    born_nan: Flags
    """NaN out of NaN-free operands."""
    nan_kind: tuple[str, ...]
    """Per lane "0/0", "inf/inf", "0*inf", "inf-inf", "domain", or "" where no NaN was born."""
    diverged: Flags
    """A comparison (or index) came out differently in the shadow; the run followed the native side."""

    @property
    def stem(self) -> str:
        """`name` without namespace, overload and the mark of the in-place variant: "sub"."""
        return stem_of(self.name)


@final
@dataclass(frozen=True)
class Repeat:
    """A line that ran several times on one call path: an iteration, perhaps one that didn't converge."""

    where: str
    line: str
    count: int
    change: Floats
    """Per lane the largest abs(last - previous) / max(abs(last), abs(previous)) over elements."""


@final
@dataclass(frozen=True)
class Sink:
    """A result of the run: what came out, and which operation made it."""

    name: str
    operation: int
    error: Floats
    """Error relative to max(abs(shadow), smallest normal); a shadow beyond the format counts as infinite."""
    nonfinite: Flags
    """The native result holds a NaN or an infinity on this lane."""
    nan: Flags
    total: Flags
    """No digit of it is right: not finite, or zero where the shadow is not."""
    shadow: Floats
    """The shadow's number: of the element asked about, NaN where that is in another result, else of the first."""


@final
@dataclass(frozen=True)
class Trace:
    """The record of one run; `output` and `gradients` are the native results."""

    operations: tuple[Operation, ...]
    output: Tensor
    gradients: Mapping[str, Tensor | None]
    """None where the output doesn't depend on the input differentiably."""
    repeated: tuple[Repeat, ...]
    lanes: int
    precision: int
    sinks: tuple[Sink, ...] = field(repr=False)
    """The value first, then the gradients."""


class Place(NamedTuple):
    """Where an operator was called from."""

    where: str
    line: str
    path: tuple[tuple[CodeType, int], ...]
    """The calls that led here, instruction by instruction: equal only for repetitions of a loop."""


@final
@dataclass(frozen=True)
class Lanes:
    """How a tensor divides into lanes; one without a lanes axis counts for every lane."""

    count: int

    def worst(self, x: Floats) -> Floats:
        """The largest element of each lane."""
        divided = self._divided(x)
        return divided[:, 0] if divided.shape[1] == 1 else divided.max(axis=1)

    def any(self, x: Flags) -> Flags:
        """Whether some element of a lane is true."""
        divided = self._divided(x)
        return divided[:, 0] if divided.shape[1] == 1 else np.logical_or.reduce(divided, axis=1)

    def first(self, x: Floats) -> Floats:
        """The first element of each lane."""
        return self._divided(x)[:, 0]

    def zeros(self) -> Floats:
        """Zero for each lane."""
        return np.zeros(self.count)

    def nowhere(self) -> Flags:
        """False for each lane."""
        return np.zeros(self.count, dtype=bool)

    def _divided(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.size == 0:
            return np.zeros((self.count, 1), dtype=x.dtype)
        if x.ndim and x.shape[0] == self.count:
            return x.reshape(self.count, -1)
        axes = [d for d in range(x.ndim) if x.shape[d] == self.count]
        if len(axes) == 1:
            return np.moveaxis(x, axes[0], 0).reshape(self.count, -1)
        if x.ndim and x.shape[0] % self.count == 0:
            return x.reshape(self.count, -1)  # lanes and another axis flattened into one
        return np.broadcast_to(x.reshape(1, -1), (self.count, x.size))


# --- one operator


def operation(
    call: Call,
    native: Tensor,
    high: Tensor,
    error: Floats,
    local: Tensor | None,
    sharp: bool,
    lanes: Lanes,
    place: Place,
    phase: str,
) -> Operation:
    """What a call did to the digits: `native`, `high`, `error` and `local` are of its first result.

    `sharp` asks for a `local` in ball arithmetic where it matters.
    """
    out = floats(native)
    pointwise = torch.Tag.pointwise in call.func.tags and all(
        _broadcasts(o.numbers, out) for o in call.operands
    )
    args, kwargs = call.arguments(lambda o: o)
    errors = [o.error for o in call.operands]
    if call.stem == "where" and pointwise and isinstance(args[0], Tensor) and len(errors) == 2:
        # Only the branch that was taken counts.
        taken = args[0].cpu().numpy()
        errors = [np.where(taken, errors[0], 0.0), np.where(taken, 0.0, errors[1])]
    ran = _Ran(
        call=call,
        args=args,
        kwargs=kwargs,
        out=out,
        high=floats(high),
        error=error,
        local=None if local is None else floats(local),
        sharp=sharp,
        errors=errors,
        pointwise=pointwise,
        format=format_of(native.dtype),
        lanes=lanes,
    )
    with np.errstate(all="ignore"):
        told = _blank(call, _contributions(ran), lanes, place, phase)
        for measure in (_growth, _cancellation, _out_of_range, _underflow, _vanishing):
            told |= measure(ran)
    return Operation(**told)


def divergence(call: Call, diverged: Flags, lanes: Lanes, place: Place, phase: str) -> Operation:
    """A comparison that came out differently in the shadow."""
    errors = tuple(lanes.worst(o.error) for o in call.operands)
    told = _blank(call, errors, lanes, place, phase)
    told["diverged"] = diverged
    return Operation(**told)


_Told = dict[str, Any]
"""Fields of an `Operation`."""


@final
@dataclass(frozen=True, eq=False)
class _Ran:
    """A call that has run, as the measures look at it."""

    call: Call
    args: Sequence[Any]
    """Its arguments, operands as `Operand`."""
    kwargs: Mapping[str, Any]
    out: Floats
    """Its native result."""
    high: Floats
    error: Floats
    """Relative error of the result."""
    local: Floats | None
    """The same operator on the native operands in float64."""
    sharp: bool
    errors: Sequence[Floats]
    """Relative error of each operand."""
    pointwise: bool
    """Each element of the result comes from one element of each operand."""
    format: Format
    lanes: Lanes

    @property
    def numbers(self) -> list[Any]:
        """The arguments, native numbers in float64 for operands and tensors."""
        return [_numbers(a) for a in self.args]

    def from_operand(self, test: Callable[[Operand], Flags]) -> Flags:
        """Where (per element, or per lane as far as that can be told) some operand passes `test`."""
        found = np.zeros(self.out.shape, dtype=bool)
        for o in self.call.operands:
            flags = test(o)
            if self.pointwise:
                found = found | flags
                continue
            by_lane = self.lanes.any(flags)
            if self.out.ndim and self.out.shape[0] == self.lanes.count:
                found = found | by_lane.reshape(-1, *[1] * (self.out.ndim - 1))
            else:
                found = found | by_lane.any()
        return found


def _numbers(argument: Any) -> Any:
    if isinstance(argument, Operand):
        return argument.numbers
    return floats(argument) if isinstance(argument, Tensor) else argument


def _blank(call: Call, contributions: tuple[Floats, ...], lanes: Lanes, place: Place, phase: str) -> _Told:
    """An operation that did nothing to any digit."""
    zeros, nowhere = lanes.zeros(), lanes.nowhere()
    return {
        "name": str(call.func),
        "where": place.where,
        "line": place.line,
        "phase": phase,
        "operands": tuple(o.origin for o in call.operands),
        "contributions": contributions,
        "error_in": zeros,
        "error_out": zeros,
        "bits_lost": zeros,
        "cancelled_bits": zeros,
        "absorbed": nowhere,
        "swallowed_bits": zeros,
        "overflowed": nowhere,
        "overflowed_in_shadow": nowhere,
        "pole": nowhere,
        "underflowed": nowhere,
        "sank": nowhere,
        "vanished": nowhere,
        "born_nan": nowhere,
        "nan_kind": ("",) * lanes.count,
        "diverged": nowhere,
    }


def _contributions(ran: _Ran) -> tuple[Floats, ...]:
    found: list[Floats] = []
    for o, error in zip(ran.call.operands, ran.errors, strict=True):
        finite = np.isfinite(o.numbers)
        if finite.all() and not error.any():
            found.append(ran.lanes.zeros())
            continue
        if ran.pointwise:
            if ran.call.stem in ADDITIVE:
                # An operand's absolute error is the result's.
                difference = np.abs((o.numbers - floats(o.high)) - floats(o.low))
                error = np.where(difference == 0, 0.0, difference / np.abs(ran.high))
            error = np.broadcast_to(error, ran.out.shape)
        # A NaN or an infinity is what to follow, also where both sides share it and it is no error: before a finite
        # number whose error is measured against a result of zero.
        lane = ran.lanes.worst(np.where(np.isnan(error), np.inf, np.minimum(error, sys.float_info.max)))
        if not finite.all():
            lane = np.where(ran.lanes.any(~finite), np.inf, lane)
        found.append(lane)
    return tuple(found)


def _growth(ran: _Ran) -> _Told:
    """How much larger the result's error is than its operands': per element where that can be told."""
    lanes, error_out = ran.lanes, ran.error
    if ran.pointwise:
        error_in = np.zeros_like(error_out)
        for error in ran.errors:
            error_in = np.maximum(error_in, error)
    else:
        error_out = lanes.worst(error_out)
        error_in = np.max([lanes.worst(e) for e in ran.errors], axis=0) if ran.errors else lanes.zeros()
    least = ran.format.unit_roundoff
    before, after = (np.minimum(np.maximum(e, least), 1.0) for e in (error_in, error_out))
    bits = np.minimum(np.maximum(np.log2(after / before), 0.0), ran.format.precision)
    return {
        "error_in": lanes.worst(error_in),
        "error_out": lanes.worst(error_out),
        "bits_lost": lanes.worst(bits),
    }


def _cancellation(ran: _Ran) -> _Told:
    """Leading bits that cancelled in an addition or a sum, trailing bits that an addition had no room for."""
    lanes, out, precision = ran.lanes, ran.out, ran.format.precision
    added = _added(ran)
    if added is not None:
        first, second = added
        absorbed = ((out == first) & (second != 0)) | ((out == second) & (first != 0))
        larger, smaller = np.maximum(abs(first), abs(second)), np.minimum(abs(first), abs(second))
        finite = np.isfinite(out)
        room = _bits_between(out, np.where(smaller == 0, out, smaller), precision)
        return {
            "absorbed": lanes.any(finite & absorbed),
            "cancelled_bits": lanes.worst(_bits_between(larger, out, precision)),
            "swallowed_bits": lanes.worst(np.where(finite, room, 0.0)),
        }
    if ran.call.stem in SUMS:
        args, kwargs = ran.call.arguments(lambda o: o.native.double().abs())
        size = ran.call.func(*args, **kwargs)
        if isinstance(size, Tensor) and size.shape == out.shape:
            return {"cancelled_bits": lanes.worst(_bits_between(floats(size), out, precision))}
    return {}


def _added(ran: _Ran) -> tuple[Any, Any] | None:
    """The two numbers, in float64, whose sum an operator returns; None if it isn't one sum of two."""
    stem, numbers = ran.call.stem, ran.numbers
    if stem in ADDITIVE:
        first, second = numbers[:2] if stem != "rsub" else numbers[1::-1]
        second = second * alpha_of(ran.args, ran.kwargs)
        return first, second if stem == "add" else -second
    if stem not in ("addcmul", "addcdiv"):
        return None
    a, b, c = numbers[:3]
    return a, float(ran.kwargs.get("value", 1)) * (b * c if stem == "addcmul" else b / c)


def _out_of_range(ran: _Ran) -> _Told:
    """Infinities and NaNs that the operands didn't hold."""
    lanes, out = ran.lanes, ran.out
    if np.isfinite(out).all():
        return {}
    born = np.isnan(out) & ~ran.from_operand(lambda o: np.isnan(o.numbers))
    overflowed = np.isinf(out) & ~ran.from_operand(lambda o: ~np.isfinite(o.numbers))
    return {
        "born_nan": lanes.any(born),
        "nan_kind": _nan_kinds(ran, lanes.any(born)),
        "overflowed": lanes.any(overflowed),
        "overflowed_in_shadow": lanes.any(overflowed & np.isinf(ran.high)),
        "pole": lanes.any(overflowed & _at_pole(ran)),
    }


def _underflow(ran: _Ran) -> _Told:
    """Whether the format's smallest numbers are to blame for the error that the operator made by itself."""
    lanes, out, local = ran.lanes, ran.out, ran.local
    if local is None or local.shape != out.shape:
        return {}
    smallest = ran.format.smallest_normal
    small, hardly = np.abs(out) < smallest, _hardly_normal(ran, local)
    if not hardly.any() and not small.any():
        return {}
    exact = accurate_local(ran.call) if ran.sharp else None
    if exact is not None and exact.shape == local.shape:
        local = floats(exact)
        hardly = _hardly_normal(ran, local)
    # against the same operator in float64, or sharper
    errors = relative_error(out, local, np.zeros_like(local))
    told: _Told = {}
    if ran.call.stem not in ADDITIVE and ran.call.stem not in _NEVER_ZERO:
        told["sank"] = lanes.any(hardly & (errors > 2 * ran.format.unit_roundoff) & (local != 0))
    # Sums of a format's numbers are exact where they are small; only a Python number that the format
    # doesn't hold, such as an epsilon, underflows in one.
    small &= np.maximum(np.abs(local), np.abs(ran.high)) < 2 * smallest
    small &= errors > ran.format.unit_roundoff
    if not small.any():
        return told
    before = ran.from_operand(lambda o: (np.abs(o.numbers) < smallest) & _is_lossy(o))
    # In a fused operator an element may vanish that a wider range wouldn't have kept: it speaks first.
    lost_in_range = (errors >= 0.25) & ~small
    return told | {"underflowed": lanes.any(small & ~before) & ~lanes.any(lost_in_range)}


def _hardly_normal(ran: _Ran, result: Floats) -> Flags:
    """Where parts of the result may have been subnormal inside the operator."""
    # Lengths and their like are roots of sums of squares, which sink before they do.
    size = np.square(result) if "norm" in ran.call.stem else np.abs(result)
    return size < ran.format.smallest_normal * 2.0**ran.format.precision


def _is_lossy(o: Operand) -> Flags:
    """Where an operand has more than the last digit's error."""
    return o.error > format_of(o.native.dtype).unit_roundoff


def _nan_kinds(ran: _Ran, born: Flags) -> tuple[str, ...]:
    if not born.any():
        return ("",) * ran.lanes.count
    stem, tensors = ran.call.stem, [a.numbers for a in ran.args if isinstance(a, Operand)]
    kinds = np.full(ran.lanes.count, "domain", dtype=object)
    if stem == "div" and len(tensors) == 2:
        zero = ran.lanes.any((tensors[0] == 0) & (tensors[1] == 0))
        kinds = np.where(zero, "0/0", "inf/inf").astype(object)
    elif stem == "div":
        kinds[:] = "0/0" if len(tensors) == 1 and (tensors[0] == 0).any() else "inf/inf"
    elif stem == "mul":
        kinds[:] = "0*inf"
    elif stem in ADDITIVE or stem in SUMS or "softmax" in stem:
        kinds[:] = "inf-inf"
    return tuple(str(kind) if here else "" for kind, here in zip(kinds, born, strict=True))


def _at_pole(ran: _Ran) -> Flags:
    """Where the operator divides by zero or takes a function's value at its pole."""
    stem, numbers, zero_at = ran.call.stem, ran.numbers, None
    if stem in _ZERO_IS_A_POLE or stem == "pow":
        zero_at = numbers[0]
    elif stem == "div":
        zero_at = numbers[1]
    elif stem == "addcdiv":
        zero_at = numbers[-1]
    elif stem == "log1p":
        zero_at = numbers[0] + 1
    here = False if zero_at is None else np.equal(zero_at, 0)
    return np.broadcast_to(here, ran.out.shape)


def _vanishing(ran: _Ran) -> _Told:
    """Zeros of operators that are never zero, and of products, quotients and lengths of numbers that are not."""
    stem = ran.call.stem
    product = stem in ("mul", "prod", "div")
    if not product and stem not in _NEVER_ZERO and "norm" not in stem:
        return {}
    zero = ran.out == 0
    if not zero.any():
        return {}
    if "norm" in stem:
        return {"vanished": ran.lanes.any(zero & ran.from_operand(lambda o: o.numbers != 0))}
    for factor in ran.numbers[:1] if stem in _NEVER_ZERO or stem == "prod" else ran.numbers[:2]:
        x = np.asarray(factor)
        usable = np.isfinite(x) & (x != 0) if product else np.isfinite(x)
        if stem == "prod":
            usable = usable.reshape(len(usable), -1).all(1).reshape(-1, *[1] * (ran.out.ndim - 1))
        if usable.ndim and not _broadcasts(usable, ran.out):
            return {}
        zero = zero & usable
    return {"vanished": ran.lanes.any(zero)}


def _broadcasts(x: NDArray[Any], result: NDArray[Any]) -> bool:
    if x.shape == result.shape or x.ndim == 0:
        return True
    try:
        return np.broadcast_shapes(x.shape, result.shape) == result.shape
    except ValueError:
        return False


def _bits_between(large: Any, result: Floats, precision: int) -> Floats:
    """How many binary exponents abs(result) lies below `large`; `precision` where the result is zero."""
    bits = (np.frexp(large)[1] - np.frexp(result)[1]).astype(np.float64)
    bits = np.where((result == 0) & (large != 0), precision, np.minimum(np.maximum(bits, 0), precision))
    usable = np.isfinite(large) & np.isfinite(result) & (large != 0)
    return np.broadcast_to(np.where(usable, bits, 0.0), result.shape)


# --- one result


def sink(name: str, result: Tensor, lanes: Lanes, element: Ints | None = None) -> Sink:
    """How far off a result of the run is; of each lane only that `element` where it is given, none where negative."""
    if not isinstance(result, Pair):
        nowhere = lanes.nowhere()
        return Sink(name, -1, lanes.zeros(), nowhere, nowhere, nowhere, np.full(lanes.count, math.nan))
    number_format = format_of(result.native.dtype)
    n, high, low = floats(result.native), floats(result.high), floats(result.low)
    top = number_format.largest * (1 + number_format.unit_roundoff)
    # What the format can't hold is not the routine's loss.
    high = np.where(np.abs(high) > top, np.copysign(np.inf, high), high)
    with np.errstate(all="ignore"):
        difference = np.where(n == high, 0.0, np.abs((n - high) - low))
        error = difference / np.maximum(np.abs(high), number_format.smallest_normal)
    agrees = (np.isnan(n) & np.isnan(high)) | (difference == 0)
    error = np.where(agrees, 0.0, np.where(np.isnan(error), np.inf, error))
    total = ~np.isfinite(n) | ((n == 0) & (np.abs(high) > number_format.smallest_subnormal / 2))
    parts: list[Any] = [error, ~np.isfinite(n), np.isnan(n), total, high]
    if element is not None:
        elsewhere = (0.0, False, False, False, math.nan)
        rows = np.arange(lanes.count)
        parts = [
            np.where(element >= 0, x.reshape(lanes.count, -1)[rows, np.maximum(element, 0)], none)
            for x, none in zip(parts, elsewhere, strict=True)
        ]
    nonfinite, nan, none_left = (lanes.any(flags) for flags in parts[1:4])
    shadow = lanes.first(parts[4])
    return Sink(name, result.origin.operation, lanes.worst(parts[0]), nonfinite, nan, none_left, shadow)
