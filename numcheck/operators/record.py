"""What a run leaves behind: for every operator, lane by lane, what it did to the digits.

An `Operation` holds one operator that has run on both sides and measures it: how the error grew, which bits
cancelled or found no room, what left the format's range. `sink` measures a result. Neither blames anything.
"""

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Generic, NamedTuple, TypeVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcheck.formats import Format, format_of
from numcheck.operators.calls import Call, Operand, leaves
from numcheck.operators.pairs import Floats, Pair, TraceError, floats, relative_error
from numcheck.operators.rows import Operator
from numcheck.operators.shadow import accurate_local

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
T = TypeVar("T")


# --- the points of a run, side by side in every tensor


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

    def without_largest(self, x: Floats) -> Floats:
        """The same, but for zero in place of each lane's largest element; all of it where lanes are no leading axis."""
        divided = self._divided(x).copy()
        divided[np.arange(self.count), divided.argmax(axis=1)] = 0.0
        return divided.reshape(x.shape) if divided.size == x.size and x.shape[:1] == (self.count,) else x

    def filled(self, value: float | bool) -> NDArray[Any]:
        """The value for each lane."""
        return np.full(self.count, value)

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


# --- the record


@final
@dataclass(frozen=True)
class Repeat:
    """A line that ran several times on one call path: an iteration, perhaps one that didn't converge."""

    line: str
    count: int
    change: Floats
    """Per lane the largest abs(last - previous) / max(abs(last), abs(previous)) over elements."""
    steps: tuple[Floats, ...]
    """The same of up to three passes, the last one included."""
    iterates: bool
    """Each pass goes on from the one before, and takes nothing from outside that the one before did not take."""
    alike: bool
    """Each pass does the same as the one before."""


@final
@dataclass(frozen=True)
class Sink:
    """A result of the run: what came out, and which operation made it."""

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

    operations: tuple["Operation", ...]
    output: Tensor
    gradients: Mapping[str, Tensor | None]
    """None where the output doesn't depend on the input differentiably."""
    repeated: tuple[Repeat, ...]
    lanes: int
    precision: int
    sinks: tuple[Sink, ...] = field(repr=False)
    """The value first, then the gradients."""
    diverged: Flags
    """Where a comparison (or index) came out differently in the shadow; the run followed the native side."""


Path = tuple[tuple[CodeType, int], ...]
"""Calls, the innermost first, each by its code and the instruction."""


class Place(NamedTuple):
    """Where an operator was called from."""

    where: str
    line: str
    path: Path
    """The calls that led here, instruction by instruction: equal only for repetitions of a loop."""
    derivative_of: str = ""
    """In the backward pass the forward operator whose derivative this is a part of."""


# --- one operator that has run


@final
@dataclass(frozen=True, eq=False)
class Ran:
    """A call that has run, and one of its results on both sides."""

    call: Call
    result: int
    """Which of its results."""
    pair: Pair
    """That result."""
    sharp: bool
    """Ball arithmetic is to be asked what the operator alone would give."""
    lanes: Lanes

    @functools.cached_property
    def out(self) -> Floats:
        """The native result."""
        return floats(self.pair.native)

    @functools.cached_property
    def high(self) -> Floats:
        """The shadow's result."""
        return floats(self.pair.high)

    @property
    def format(self) -> Format:
        """The format of the native result."""
        return format_of(self.pair.native.dtype)

    @property
    def given_infinity(self) -> bool:
        """It got an infinity as a number of Python's, as a mask of scores does: what comes of that is no overflow."""
        others = leaves((*self.call.args, *self.call.kwargs.values()))
        return any(isinstance(x, float) and math.isinf(x) for x in others)

    @functools.cached_property
    def pointwise(self) -> bool:
        """Each element of the result comes from one element of each operand."""
        return torch.Tag.pointwise in self.call.func.tags and all(
            _broadcasts(o.numbers, self.out) for o in self.call.operands
        )

    @functools.cached_property
    def errors(self) -> Sequence[Floats]:
        """Relative error of each operand."""
        errors = [o.error for o in self.call.operands]
        chosen = self.call.row.chooses and self.pointwise and len(errors) == 2
        condition = self.call.args[0] if chosen else None
        if not isinstance(condition, Tensor):
            return errors
        # Only the branch that was taken counts.
        taken = condition.cpu().numpy()
        return [np.where(taken, errors[0], 0.0), np.where(taken, 0.0, errors[1])]

    @functools.cached_property
    def numbers(self) -> Sequence[Any]:
        """Its arguments, of operands and tensors the native numbers in float64."""
        args, _ = self.call.arguments(lambda o: o.numbers)
        return [floats(a) if isinstance(a, Tensor) else a for a in args]

    def from_operand(self, test: Callable[[Operand], Flags]) -> Flags:
        """Where (per element, or per lane as far as that can be told) some operand passes `test`."""
        found = np.zeros(self.out.shape, dtype=bool)
        for o in self.call.operands:
            flags = test(o)
            if not self.pointwise:
                flags = self.lanes.any(flags)
                if self.out.ndim and self.out.shape[0] == self.lanes.count:
                    flags = flags.reshape(-1, *[1] * (self.out.ndim - 1))
                else:
                    flags = flags.any()
            found = found | flags
        return found


_Told = dict[str, Any]
"""Fields of an `Operation`."""


def _contributions(ran: Ran) -> _Told:
    found: list[Floats] = []
    for o, error in zip(ran.call.operands, ran.errors, strict=True):
        finite = np.isfinite(o.numbers)
        if finite.all() and not error.any():
            found.append(ran.lanes.filled(0.0))
            continue
        if ran.pointwise:
            if ran.call.row.additive is not None:
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
    return {"contributions": tuple(found)}


def _growth(ran: Ran) -> _Told:
    """How much larger the result's error is than its operands': per element where that can be told."""
    lanes, errors, error_out = ran.lanes, ran.errors, ran.pair.relative_error()
    if not ran.pointwise:
        errors, error_out = [lanes.worst(error) for error in errors], lanes.worst(error_out)
    error_in = functools.reduce(np.maximum, errors, np.zeros_like(error_out))
    least = ran.format.unit_roundoff
    before, after = (np.minimum(np.maximum(e, least), 1.0) for e in (error_in, error_out))
    bits = np.minimum(np.maximum(np.log2(after / before), 0.0), ran.format.precision)
    return {
        "error_in": lanes.worst(error_in),
        "error_out": lanes.worst(error_out),
        "bits_lost": lanes.worst(bits),
    }


def _inheritance(ran: Ran) -> _Told:
    """The error of the result that its operands brought along: of the same operator in float64, which adds no other."""
    alone = ran.call.results(lambda o: o.native.to(torch.float64, copy=o.written))
    found = alone[ran.result : ran.result + 1]
    if not ran.pointwise or not found or found[0].shape != ran.out.shape:
        return {"inherited": ran.lanes.worst(ran.pair.relative_error())}
    return {"inherited": ran.lanes.worst(relative_error(floats(found[0]), ran.high, floats(ran.pair.low)))}


def _cancellation(ran: Ran) -> _Told:
    """Leading bits that cancelled in an addition or a sum, trailing bits that an addition had no room for."""
    row, lanes, out, precision = ran.call.row, ran.lanes, ran.out, ran.format.precision
    two_terms = row.additive or row.fused
    if two_terms is not None:
        first, second, factor = two_terms(ran.numbers, ran.call.kwargs)
        second = factor * second
        absorbed = ((out == first) & (second != 0)) | ((out == second) & (first != 0))
        larger, smaller = np.maximum(abs(first), abs(second)), np.minimum(abs(first), abs(second))
        finite = np.isfinite(out)
        room = _bits_between(out, np.where(smaller == 0, out, smaller), precision)
        return {
            "absorbed": lanes.any(finite & absorbed),
            "cancelled_bits": lanes.worst(_bits_between(larger, out, precision)),
            "swallowed_bits": lanes.worst(np.where(finite, room, 0.0)),
        }
    if not row.sums:
        return {}
    whole, rest = _sizes(ran, lambda x: x), _sizes(ran, lanes.without_largest)
    if whole is None or rest is None:
        return {}
    return {
        "cancelled_bits": lanes.worst(_bits_between(whole, out, precision)),
        "swallowed_bits": lanes.worst(_bits_between(whole, np.where(rest == 0, whole, rest), precision)),
    }


def _sizes(ran: Ran, keep: Callable[[Floats], Floats]) -> Floats | None:
    """The sum of the absolute values of what is kept of a sum's terms."""

    def kept(o: Operand) -> Tensor:
        numbers = np.abs(o.numbers)
        return torch.from_numpy(keep(numbers) if o is ran.call.operands[0] else numbers).to(o.native.device)

    size = ran.call.results(kept)[0]
    return floats(size) if isinstance(size, Tensor) and size.shape == ran.out.shape else None


def _out_of_range(ran: Ran) -> _Told:
    """Infinities and NaNs that the operands didn't hold."""
    lanes, out, pole = ran.lanes, ran.out, ran.call.row.pole
    if np.isfinite(out).all():
        return {"finite": True}
    born = np.isnan(out) & ~ran.from_operand(lambda o: np.isnan(o.numbers))
    overflowed = np.isinf(out) & ~ran.from_operand(lambda o: ~np.isfinite(o.numbers))
    at_pole = ran.given_infinity | (False if pole is None else np.equal(pole(ran.numbers), 0))
    return {
        "finite": False,
        "born_nan": lanes.any(born),
        "overflowed": lanes.any(overflowed),
        "overflowed_in_shadow": lanes.any(overflowed & np.isinf(ran.high)),
        "pole": lanes.any(overflowed & at_pole),
        "given": lanes.any(overflowed & ran.given_infinity),
    }


def _underflow(ran: Ran) -> _Told:
    """Whether the format's smallest numbers are to blame for the error that the operator made by itself."""
    lanes, out, smallest = ran.lanes, ran.out, ran.format.smallest_normal
    # the operator alone, without what came before it
    alone = ran.call.results(lambda o: o.native.to(torch.float64, copy=o.written))
    found = alone[ran.result : ran.result + 1]
    if not found or found[0].shape != out.shape:
        return {}
    local = floats(found[0])
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
    if ran.call.row.additive is None and not ran.call.row.never_zero:
        told["sank"] = lanes.any(hardly & (errors > ran.format.unit_roundoff) & (local != 0))
    # Sums of a format's numbers are exact where they are small; only a Python number that the format
    # doesn't hold, such as an epsilon, underflows in one.
    small &= np.maximum(np.abs(local), np.abs(ran.high)) < 2 * smallest
    small &= errors > ran.format.unit_roundoff
    if not small.any():
        return told
    # of an operand that has more than the last digit's error
    before = ran.from_operand(
        lambda o: (np.abs(o.numbers) < smallest) & (o.error > format_of(o.native.dtype).unit_roundoff)
    )
    # In a fused operator an element may vanish that a wider range wouldn't have kept: it speaks first.
    lost_in_range = (errors >= 0.25) & ~small
    return told | {"underflowed": lanes.any(small & ~before) & ~lanes.any(lost_in_range)}


def _hardly_normal(ran: Ran, result: Floats) -> Flags:
    """Where parts of the result may have been subnormal inside the operator."""
    # Lengths and their like are roots of sums of squares, which sink before they do.
    size = np.square(result) if ran.call.row.squares else np.abs(result)
    return size < ran.format.smallest_normal * 2.0**ran.format.precision


def _vanishing(ran: Ran) -> _Told:
    """Zeros of operators that are never zero, and of products, quotients and lengths of numbers that are not."""
    row = ran.call.row
    if not row.squares and not row.never_zero and row.factors is None:
        return {}
    zero = ran.out == 0
    if not zero.any():
        return {}
    if row.squares:
        return {"vanished": ran.lanes.any(zero & ran.from_operand(lambda o: o.numbers != 0))}
    for usable in row.factors(ran.numbers, ran.out) if row.factors else [np.isfinite(ran.numbers[0])]:
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


_MEASURES = (_contributions, _growth, _inheritance, _cancellation, _out_of_range, _underflow, _vanishing)


# --- what it did to the digits


@final
class Asked(Generic[T]):
    """A field of an operation that its measure tells, once, when it is asked for; nothing of each lane by default."""

    def __init__(self, measure: Callable[[Ran], _Told], nothing: float | bool = False) -> None:
        self.measure, self.nothing = measure, nothing

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, operation: "Operation", owner: type) -> T:
        found: Any = operation.told(self.measure).get(self.name)
        if found is None:
            found = operation.lanes.filled(self.nothing)
        vars(operation)[self.name] = found  # where Python looks before it asks here again
        return found


@final
class Operation:
    """One floating operator of a run, and what it did to the digits of each lane (the worst element counts).

    Errors are relative to the shadow: 0 where both agree (also on the same infinity or on NaN), inf where the
    native value is NaN, infinite or zero and the shadow's isn't.

    It is measured when it is asked, for most operators never are. Until then its operands and its result must stay as
    they are; before anything is written into one of them, `settle` it. Raises TraceError where that is impossible.
    """

    name: str
    """The operator, as in "aten.sub.Tensor"."""
    row: Operator
    """What is known about the operator."""
    where: str
    """"file.py:12": the innermost frame outside torch and this package's runners; in the backward pass the
    line of the forward operator whose derivative this is. Empty if unknown."""
    line: str
    """The text of that line."""
    phase: str
    """"forward" or "backward"."""
    derivative_of: str
    """In the backward pass the forward operator whose derivative this is a part of, as in "aten.sqrt.default"; empty if
    unknown, as in a backward pass of the routine's own."""
    operands: tuple[int, ...]
    """For each floating operand the operation that produced it, -1 for inputs and constants."""

    contributions = Asked[tuple[Floats, ...]](_contributions)
    """For each operand the relative error of the result which that operand's error explains."""
    error_in = Asked[Floats](_growth)
    """Largest relative error among the operands."""
    error_out = Asked[Floats](_growth)
    """Relative error of the result."""
    inherited = Asked[Floats](_inheritance)
    """Relative error that the result would have if the operator itself had not rounded."""
    bits_lost = Asked[Floats](_growth)
    """Significand bits that were right in the operands and are wrong in the result; 0 .. precision."""
    cancelled_bits = Asked[Floats](_cancellation, 0.0)
    """Additions, subtractions, sums: leading bits of the operands that are gone from the result."""
    absorbed = Asked[Flags](_cancellation)
    """An addition or subtraction returned one operand although the other was nonzero."""
    swallowed_bits = Asked[Floats](_cancellation, 0.0)
    """Additions, sums: trailing bits of the smaller operand, or of all terms but one, that found no room."""
    finite = Asked[bool](_out_of_range)
    """No result of any lane is infinite or NaN."""
    overflowed = Asked[Flags](_out_of_range)
    """Infinite result of finite operands."""
    overflowed_in_shadow = Asked[Flags](_out_of_range)
    """The shadow's result is infinite too."""
    pole = Asked[Flags](_out_of_range)
    """The infinite result is a division by zero, the logarithm of zero, or given: no wider range would help."""
    given = Asked[Flags](_out_of_range)
    """The infinite result was given, as a mask of scores is: where a NaN is made of it later, that is the mistake."""
    born_nan = Asked[Flags](_out_of_range)
    """NaN out of NaN-free operands."""
    underflowed = Asked[Flags](_underflow)
    """Zero or subnormal result that lost digits, out of operands that had not underflowed before."""
    sank = Asked[Flags](_underflow)
    """An element that is hardly normal lost digits inside the operator: parts of it were subnormal."""
    vanished = Asked[Flags](_vanishing)
    """Zero where no real number gives one: the shadow, which has float64's range, may have underflowed too."""

    def __init__(self, ran: Ran, place: Place, phase: str) -> None:
        self.name, self.row = ran.call.name, ran.call.row
        self.where, self.line, self.phase = place.where, place.line, phase
        self.derivative_of = place.derivative_of if phase == "backward" else ""
        self.operands = tuple(o.origin for o in ran.call.operands)
        self.lanes = ran.lanes
        self._ran: Ran | None = ran
        self._told: dict[Callable[[Ran], _Told], _Told] = {}

    def settle(self) -> None:
        """Measure everything now, and let go of the numbers."""
        for measure in _MEASURES:
            self.told(measure)
        self._ran = None

    def told(self, measure: Callable[[Ran], _Told]) -> _Told:
        """What a measure tells; it is asked once."""
        if measure not in self._told:
            assert self._ran is not None
            try:
                with np.errstate(all="ignore"):
                    self._told[measure] = measure(self._ran)
            except Exception as error:
                raise TraceError(
                    f"{self.name}: cannot be measured ({type(error).__name__}: {error})"
                ) from error
        return self._told[measure]


# --- one result


def sink(result: Tensor, lanes: Lanes, element: Ints | None = None) -> Sink:
    """How far off a result of the run is; where `element` is given, of each lane that one, if the result has it."""
    if not isinstance(result, Pair):
        nowhere = lanes.filled(False)
        return Sink(-1, lanes.filled(0.0), nowhere, nowhere, nowhere, lanes.filled(math.nan))
    number_format = format_of(result.native.dtype)
    numbers = [floats(x) for x in (result.native, result.high, result.low)]
    inside = lanes.filled(True)
    if element is not None:
        # Where the element lies elsewhere nothing is wrong.
        inside = (element >= 0) & (element < result.numel() // lanes.count)
        rows, here = np.arange(lanes.count), np.where(inside, element, 0)
        numbers = [np.where(inside, x.reshape(lanes.count, -1)[rows, here], 0.0) for x in numbers]
    n, high, low = numbers
    top = number_format.largest * (1 + number_format.unit_roundoff)
    # What the format can't hold is not the routine's loss.
    high = np.where(np.abs(high) > top, np.copysign(np.inf, high), high)
    with np.errstate(all="ignore"):
        difference = np.where(n == high, 0.0, np.abs((n - high) - low))
        error = difference / np.maximum(np.abs(high), number_format.smallest_normal)
    agrees = (np.isnan(n) & np.isnan(high)) | (difference == 0)
    error = np.where(agrees, 0.0, np.where(np.isnan(error), np.inf, error))
    nonfinite = ~np.isfinite(n)
    total = nonfinite | ((n == 0) & (np.abs(high) > number_format.smallest_subnormal / 2))
    return Sink(
        result.origin.operation,
        error=lanes.worst(error),
        nonfinite=lanes.any(nonfinite),
        nan=lanes.any(np.isnan(n)),
        total=lanes.any(total),
        shadow=np.where(inside, lanes.first(high), math.nan),
    )
