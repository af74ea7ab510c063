"""The run itself: every operator that torch dispatches runs natively and on the shadow, and leaves a record.

The mode sits below autograd, where the forward and the backward pass are one stream of operators. It decides how
each of them runs (a view, a write in place, a comparison, a random number) and where it was called from.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import itertools
import linecache
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from numcheck.formats import format_of
from numcheck.operators.calls import Call, Mode, call_of, leaves, parts_of, undisturbed, written_by
from numcheck.operators.pairs import Origin, Pair, TraceError, floats, is_floating, lift, lifted
from numcheck.operators.record import Ints, Lanes, Operation, Path, Place, Ran, Repeat, Trace, sink
from numcheck.operators.shadow import Noise, wide_call
from numcheck.operators.table import how_to_tell

_HELD: Final = 2**22
"""Numbers of results that wait to be measured, at most."""


# --- tracing


def trace(
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    differentiate: Sequence[str] = (),
    *,
    component: Ints | None = None,
    element: Ints | None = None,
    sharp: float | None = None,
) -> Trace:
    """Run `function(**arguments)`, and its gradient by the arguments in `differentiate`, beside the shadow.

    The gradient is that of the sum of the output; `component` leaves of each lane's output the number at that position
    alone. `element` tells for each lane which number of the result is asked about: of the output, or of all the
    gradients side by side; by default the worst. `sharp` asks for functions as accurate as the shadow is wide, and
    shakes each rounded result of the shadow by so much (2**-98, say), relatively and at random: what depends on the
    shadow's own rounding then shows. That takes longer.

    Raises TraceError where an operator can't be run in lockstep; an exception of the routine itself passes through.
    """
    leading = next((x for x in arguments.values() if isinstance(x, Tensor) and x.ndim), None)
    if leading is None:
        raise ValueError("nothing to trace: give at least one tensor argument with a leading lanes axis")
    lanes = Lanes(len(leading))
    mode = undisturbed(_Lockstep)(lanes, sharp)
    plain = torch.contiguous_format
    pairs = variables(arguments, differentiate, lambda x: lift(x.clone(memory_format=plain)))
    with mode:
        output = output_of(function, pairs, component)
        mode.phase = "backward"
        slopes = gradients_of(output, pairs, differentiate)
    sinks = [sink(output, lanes, None if differentiate else element)]
    before = 0
    for name, slope in slopes.items():
        if slope is not None:
            sinks.append(sink(slope, lanes, None if element is None else element - before))
        before += pairs[name].numel() // lanes.count
    return Trace(
        operations=tuple(mode.operations),
        output=_native(output),
        gradients={name: None if slope is None else _native(slope) for name, slope in slopes.items()},
        repeated=_repeated(mode.loops, mode.taken, lanes),
        lanes=lanes.count,
        precision=format_of(output.dtype).precision if output.is_floating_point() else 53,
        sinks=tuple(sinks),
        diverged=mode.diverged,
    )


def variables(
    arguments: Mapping[str, object], differentiate: Sequence[str], made: Callable[[Tensor], Tensor]
) -> dict[str, Any]:
    """The arguments with every floating tensor replaced by what is `made` of it, ready to differentiate."""
    for name in differentiate:
        if not is_floating(arguments.get(name)):
            raise ValueError(
                f"cannot differentiate {name!r}: name floating tensor arguments, of {sorted(arguments)}"
            )
    found = dict(arguments)
    for name, value in arguments.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            found[name] = made(value.detach()).requires_grad_(name in differentiate)
    return found


def output_of(
    function: Callable[..., Any], arguments: Mapping[str, object], component: Ints | None
) -> Tensor:
    """The one tensor that a routine returns; of several numbers a lane only one, where it is given."""

    def run() -> Tensor:
        output = function(**arguments)
        if not isinstance(output, Tensor):
            raise TraceError(f"the routine returned {type(output).__name__}: return one tensor")
        if component is None or output.ndim == 1:
            return output
        index = torch.from_numpy(np.ascontiguousarray(component))[:, None].to(output.device)
        return output.reshape(len(output), -1).gather(1, index)[:, 0]

    return _call_routine(run)


def gradients_of(
    output: Tensor, arguments: Mapping[str, object], names: Sequence[str]
) -> dict[str, Tensor | None]:
    """The gradient of the output's sum by the arguments `names`; None where it doesn't depend on one."""
    if not names or not output.requires_grad:
        return dict.fromkeys(names)
    inputs: Any = [arguments[name] for name in names]
    ones = torch.ones_like(output)
    found = _call_routine(lambda: torch.autograd.grad(output, inputs, ones, allow_unused=True))
    return dict(zip(names, found, strict=True))


def _native(x: Tensor) -> Tensor:
    return x.native.detach() if isinstance(x, Pair) else x.detach()


# --- where an operator was called from

_TORCH: Final = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_MACHINERY: Final = tuple(
    _TORCH + name for name in ("_ops.py", "_tensor.py", "overrides.py", "utils", "_library", "autograd")
)
_HERE: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep

_NOWHERE: Final = Place("", "", ())


@functools.cache
def _owner(file: str) -> str:
    """Whose code a file holds: the "routine"'s, "torch"'s, or "nobody"'s of whom a reader asks."""
    if file.startswith((*_MACHINERY, _HERE)):
        return "nobody"
    return "torch" if file.startswith(_TORCH) else "routine"


def _call_routine(run: Callable[[], Any]) -> Any:
    """The frame at which `_locate` stops."""
    return run()


def _locate() -> Place:
    """The routine's frames between this operator and `_call_routine`; torch's own if the routine is torch's."""
    frame: FrameType | None = sys._getframe(1)
    inner: FrameType | None = None
    torch_inner: FrameType | None = None
    path: list[tuple[CodeType, int]] = []
    while frame is not None and frame.f_code is not _call_routine.__code__:
        of = _owner(frame.f_code.co_filename)
        if of == "torch":
            torch_inner = torch_inner or frame
        elif of == "routine":
            inner = inner or frame
            path.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    best = inner or torch_inner
    if best is None:
        return _NOWHERE
    file, number = best.f_code.co_filename, best.f_lineno
    return Place(f"{os.path.basename(file)}:{number}", linecache.getline(file, number).strip(), tuple(path))


# --- lockstep


class _Lockstep(Mode):
    """Runs every operator natively and in the shadow, and writes down what happened."""

    def __init__(self, lanes: Lanes, sharp: float | None) -> None:
        super().__init__()
        self.lanes = lanes
        self.noise = None if sharp is None else Noise(sharp)
        self.phase = "forward"
        self.operations: list[Operation] = []
        self.settled = 0
        """So many of them are measured."""
        self.held = 0
        """How many numbers the others hold."""
        self.holders: dict[int, list[Operation]] = {}
        """Operations that may not be measured yet, by the identity of the `Origin` of each number that they hold."""
        self.diverged = lanes.filled(False)
        self.loops: dict[tuple[str, Path], _Passes] = {}
        """By operator and instruction."""
        self.taken: list[_Taken] = []
        """What each operation took."""
        self.places: dict[int, Place] = {}
        """By autograd's number of the node that the operator made."""
        self.inside = 0
        """How many operators deep among the parts of one."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        place = self._place(func)
        parts = parts_of(func)
        if parts is not None:
            self.inside += 1
            try:
                with self:
                    return parts(*args, **kwargs)
            finally:
                self.inside -= 1
        flat = leaves((*args, *kwargs.values()))
        if any(isinstance(x, Tensor) and x.is_complex() for x in flat):
            raise TraceError(f"{func}: complex numbers have no shadow")
        written = written_by(func, args, kwargs)
        self._settle_before(written)
        traced = any(isinstance(x, Pair) for x in flat)
        if traced and any(is_floating(w) and not isinstance(w, Pair) for w in written):
            raise TraceError(f"{func}: a traced value is written into a tensor made outside the routine")
        if not any(is_floating(x) for x in flat) or (written and not traced):
            return tree_map(lifted, func(*args, **kwargs))
        call = call_of(func, args, kwargs, written)
        native = call.native_result()  # an exception here is the routine's own
        if func.is_view:
            # A write through a view is a write to the source.
            sides = zip(call.results(lambda o: o.high), call.results(lambda o: o.low), strict=True)
            origin = call.operands[0].pair.origin
            return _as_returned(native, _paired(leaves(native), sides, lambda: origin))
        try:
            return self._shadow(call, native, place)
        except TraceError:
            raise
        except Exception as error:
            reason, told = str(error).partition("\n")[0], how_to_tell(call.row.name)
            raise TraceError(
                f"{func}: no shadow for this operator ({type(error).__name__}: {reason}); {told}"
            ) from error

    def _place(self, func: Any) -> Place:
        place = _locate()
        # Autograd numbers its nodes as it makes them, just before the operator runs: the number leads from a
        # backward operator to the line of the forward operator whose derivative it is.
        if self.phase == "forward":
            number = torch.autograd._get_sequence_nr() - 1
            if number not in self.places:
                self.places[number] = place._replace(derivative_of=str(func))
            return place
        if place.path:
            return place
        node: Any = torch._C._current_autograd_node()  # None while gradients are being added up
        return _NOWHERE if node is None else self.places.get(node._sequence_nr(), _NOWHERE)

    def _shadow(self, call: Call, native: Any, place: Place) -> Any:
        """What the operator returns to the routine, after its native run."""
        func = call.func
        flat = leaves(native)
        if not any(is_floating(x) for x in flat) and not call.written:
            self._compare(call, flat)
            return native
        if call.row.refused:
            raise TraceError(f"{func}: {call.row.refused}")
        random = torch.Tag.nondeterministic_seeded in func.tags
        if random and call.written:
            raise TraceError(f"{func}: random numbers written in place have no shadow")
        if random or call.row.constant:
            return tree_map(lifted, native)
        if call.row.copies:
            # The shadow's layout may differ from the native one's (column-major results of linear algebra).
            source = call.operands[0]
            high, low = (side.clone().reshape(native.shape) for side in (source.high, source.low))
            return Pair(native, high, low, Origin(source.origin))
        sides = wide_call(call, flat, self.noise)
        if call.written:
            _write(call, sides)
        results = call.written or _paired(flat, sides, Origin)
        self._record(call, results, place)
        return None if native is None else _as_returned(native, results)

    def _record(self, call: Call, results: Sequence[Any], place: Place) -> None:
        """Write down the call and the first of its results that has a shadow."""
        result, pair = next((i, x) for i, x in enumerate(results) if isinstance(x, Pair))
        for x in results:
            if isinstance(x, Pair):
                x.origin.operation = len(self.operations)
        sharp = self.noise is not None and result == 0
        operation = Operation(Ran(call, result, pair, sharp, self.lanes), place, self.phase)
        self.operations.append(operation)
        self.taken.append(_taken(call))
        for held in (pair, *(o.pair for o in call.operands if not o.written)):
            self.holders.setdefault(id(held.origin), []).append(operation)
        if place.path and self.phase == "forward" and not self.inside:
            passes = self.loops.setdefault((call.name, place.path), _Passes(place))
            passes.operations.append(len(self.operations) - 1)
            passes.results.append(pair.native.detach().clone())
        self.held += pair.numel()
        if self.held > _HELD:
            self._settle()

    def _settle_before(self, written: Sequence[Any]) -> None:
        """Measure the operations that hold what is about to be overwritten; all, where that is no number."""
        for target in leaves(written):
            if isinstance(target, Pair):
                for operation in self.holders.pop(id(target.origin), ()):
                    operation.settle()
            elif isinstance(target, Tensor):
                self._settle()

    def _settle(self) -> None:
        """Measure all operations."""
        for operation in self.operations[self.settled :]:
            operation.settle()
        self.settled, self.held = len(self.operations), 0

    def _compare(self, call: Call, native: list[Any]) -> None:
        # `_local_scalar_dense` and the like hand numbers to Python: nothing to compare lane by lane.
        if not all(isinstance(x, Tensor) for x in native):
            return
        for n, s in zip(native, call.results(lambda o: o.high), strict=True):
            if n.shape == s.shape:
                self.diverged |= self.lanes.any((n != s).cpu().numpy())


def _paired(
    natives: Sequence[Any], sides: Iterable[tuple[Any, Any]], origin: Callable[[], Origin]
) -> list[Any]:
    """An operator's native results, the floating ones with both sides of their shadow."""
    return [
        Pair(native, high, low, origin()) if is_floating(native) else native
        for native, (high, low) in zip(natives, sides, strict=True)
    ]


def _write(call: Call, sides: Sequence[tuple[Any, Any]]) -> None:
    """Bring the shadow of what an operator writes to up to its native side."""
    for target, (high, low) in zip(call.written, sides, strict=True):
        if isinstance(target, Pair):
            if target.shape != target.native.shape:
                raise TraceError(f"{call.func}: an output that changes its shape has no shadow")
            target.high.copy_(high)
            target.low.copy_(low)
            target.origin.writes += 1


def _as_returned(native: Any, pairs: Sequence[Any]) -> Any:
    """The pairs as the operator returned its native results: one, or several side by side."""
    return type(native)(pairs) if isinstance(native, list | tuple) else pairs[0]


# --- loops

_Taken = tuple[tuple[tuple[int, int, Any], ...], tuple[Any, ...]]
"""What an operation took: of each operand the operation that made it, and where its numbers lie; and its other
arguments."""


def _taken(call: Call) -> _Taken:
    operands = tuple((o.origin, o.native.data_ptr(), o.native.stride()) for o in call.operands)
    others = (x for x in leaves((*call.args, *call.kwargs.values())) if not isinstance(x, Pair))
    return operands, (call.name, *(x.data_ptr() if isinstance(x, Tensor) else x for x in others))


@dataclass
class _Passes:
    """The operations of an instruction, pass by pass, and its last results."""

    place: Place
    operations: list[int] = field(default_factory=list[int])
    results: deque[Tensor] = field(default_factory=lambda: deque(maxlen=4))


def _repeated(
    loops: Mapping[tuple[str, Path], _Passes], taken: Sequence[_Taken], lanes: Lanes
) -> tuple[Repeat, ...]:
    by_line: dict[tuple[Path, str], _Passes] = {}
    for (_, path), passes in loops.items():
        if len(passes.operations) > 1:
            # The last instruction of a line is what the line computes.
            key = path[1:], passes.place.where
            if key not in by_line or path[0][1] >= by_line[key].place.path[0][1]:
                by_line[key] = passes
    found: list[Repeat] = []
    for passes in by_line.values():
        results = [floats(result) for result in passes.results]
        if len({result.shape for result in results}) > 1:
            continue
        steps = [lanes.worst(_step(*pair)) for pair in itertools.pairwise(results)]
        carried, given, alike = _compared(taken, passes.operations)
        count = len(passes.operations)
        found.append(Repeat(passes.place.line, count, steps[-1], tuple(steps), carried and given, alike))
    return tuple(found)


def _step(previous: Any, last: Any) -> Any:
    """How far a pass has moved each number, relative to it."""
    same = (last == previous) | (np.isnan(last) & np.isnan(previous))
    with np.errstate(all="ignore"):
        change = np.abs(last - previous) / np.maximum(np.abs(last), np.abs(previous))
    return np.where(same, 0.0, np.where(np.isfinite(change), change, np.inf))


def _compared(taken: Sequence[_Taken], operations: Sequence[int]) -> tuple[bool, bool, bool]:
    """Of the last two passes: whether each goes on from the one before; whether both take the same from outside of the
    loop, which one over points or elements does not; and whether they do the same to it.
    """
    if len(operations) < 3:
        return False, False, False
    first = operations[0]
    before, last = (_pass(taken, start, end) for start, end in itertools.pairwise(operations[-3:]))
    carried = all(any(made >= first for made, *_ in one[0]) for one in (before, last))
    outside = [{one for one in seen[0] if one[0] < first} for seen in (before, last)]
    return carried, outside[0] == outside[1], before[1] == last[1]


def _pass(taken: Sequence[_Taken], before: int, last: int) -> tuple[set[tuple[int, int, Any]], list[Any]]:
    """What one pass, the operations after `before` that led to `last`, took from elsewhere, and what it did."""
    elsewhere: set[tuple[int, int, Any]] = set()
    met, front, did = {last}, [last], list[Any]()
    while front:
        operands, others = taken[front.pop()]
        did.append(others)
        for operand in operands:
            made = operand[0]
            if made <= before:
                elsewhere.add(operand)
            elif made not in met:
                met.add(made)
                front.append(made)
    return elsewhere, did
