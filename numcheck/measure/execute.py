"""Running a routine over points as its callers would, the whole batch at once, value and gradient."""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import TimedOutError, in_time, limit
from numcheck.declaration.words import Of, UsageError, told_of
from numcheck.domain import Points, spread
from numcheck.formats import FORMATS, Format, format_of
from numcheck.reals import subnormals
from numcheck.truth import alike

T = TypeVar("T")

NO_GRADIENT = (
    "the result does not depend on its inputs through autograd: promise no gradient (leave grad= out), "
    "or declare the formula with wrt=()"
)
WIDTH = 64
"""Points that fill vectors: two of AVX-512, as torch takes them, hold so many numbers of 16 bits."""


def whole_vectors(count: int) -> np.ndarray:
    """The rows of so many points, and the last one again until they fill whole vectors, and once more.

    A vectorised kernel ends a batch in another way than it goes through it, and need not give the same there. What a
    routine gives at a point shall hang on no company, so that no point that counts stands at the end of a batch. The
    length is odd, so that no other axis is mistaken for that of the points.
    """
    return np.minimum(np.arange(-(-count // WIDTH) * WIDTH + 1), count - 1)


@dataclass(frozen=True)
class Layout:
    """How the points of a call lie: `order` has the rows of a batch of so many; with `gaps` no two of them are
    neighbours in memory, nor are the numbers of one; or each is `alone` in a batch of its own."""

    words: str
    order: Callable[[int], np.ndarray]
    gaps: bool = False
    alone: bool = False


WHOLE = Layout("in whole vectors", whole_vectors)
BACKWARDS = Layout("backwards, with gaps in memory", lambda count: np.arange(count - 1, -1, -1), gaps=True)
ALONE = Layout("each alone", np.arange, alone=True)


class RoutineError(UsageError):
    """A routine broke its contract: it returned the wrong type, shape or dtype."""


def check_device(device: str) -> None:
    """Raise UsageError where torch has no such device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UsageError(f"no device {device!r} here: write cpu, or cuda where torch sees a GPU") from None


@dataclass(frozen=True, eq=False)
class Given:
    """What a routine gave of one half: (N, *out) or (N, n) numbers as float64, and the format that they are judged by.

    That is the format asked for, or the result's own where it is finer; a value's is the one that the routine declares
    as its output. Whole numbers are judged by float64. `made` names the dtype that the numbers came in.
    """

    numbers: np.ndarray
    format: Format
    made: str = ""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a routine gave: its value, and the gradient where that was asked for.

    `crashes` maps a point to the message of the exception that the routine raised there, `without_slope` one that gave
    a value to that of the exception which its gradient raised. `changed` tells of each input that it wrote into how far
    that moved, in ulps at every point; `flushed` whether subnormals were flushed to zero while it ran.
    """

    halves: Mapping[Of, Given]
    crashes: Mapping[int, str]
    without_slope: Mapping[int, str] = field(default_factory=dict[int, str])
    changed: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    flushed: bool = False

    def raised(self, of: Of) -> Mapping[int, str]:
        """Where there is no result of a half, and why."""
        return self.crashes if of is Of.VALUE else {**self.without_slope, **self.crashes}

    def select(self, rows: np.ndarray) -> "Outcome":
        """What it gave at some of the points."""
        halves = {of: replace(given, numbers=given.numbers[rows]) for of, given in self.halves.items()}
        changed = {name: moved[rows] for name, moved in self.changed.items()}
        crashes, without_slope = (told_at(messages, rows) for messages in (self.crashes, self.without_slope))
        return Outcome(halves, crashes, without_slope, changed, self.flushed)


def told_at(told: Mapping[int, T], rows: np.ndarray) -> dict[int, T]:
    """What is told of some points, by their new places."""
    return {i: told[row] for i, row in enumerate(rows.tolist()) if row in told} if told else {}


def execute(
    routine: Routine,
    points: Points,
    format: Format,
    device: str,
    component: np.ndarray | None,
    backward: bool,
    layout: Layout = WHOLE,
) -> Outcome:
    """Run `routine` at `points` on `device`; `component` picks the output that each point's gradient is of.

    Where it raises, or gives what is no result, that is the point's crash. RoutineError where it gives no result at any
    point and says nothing for itself, or results of several kinds.
    """
    subnormals.keep()
    if backward and limit() is not None:
        _first_gradient()
    halves: dict[Of, Given] = {}
    crashes: dict[Of, dict[int, str]] = {of: {} for of in Of}
    changed: dict[str, np.ndarray] = {}
    flushed, broken = False, None
    chosen = np.zeros(len(points), dtype=np.int64) if component is None else component
    kind = routine.formula.name, routine.name, format.name

    def run(rows: np.ndarray) -> _Ran:
        return in_time(lambda: _run(routine, points, device, chosen, backward, layout, rows), kind)

    batches = by_settings(points, np.arange(len(points)))
    for batch in [np.array([row]) for rows in batches for row in rows] if layout.alone else batches:
        # only in the first arrangement it matters which of the points raise
        for rows, ran in _pieces(run, points, batch) if layout is WHOLE else [(batch, _tried(run, batch))]:
            broken, flushed = broken or ran.broken, flushed | ran.flushed
            for of, message in ran.raised.items():
                crashes[of] |= dict.fromkeys(rows.tolist(), message)
            for name, moved in ran.changed.items():
                changed.setdefault(name, np.zeros(len(points)))[rows] = moved
            for of, tensor in ran.halves.items():
                shape, dtype = tensor.shape[1:], told_dtype(tensor.dtype)
                if of not in halves:
                    by = _judged_by(routine, of, tensor.dtype, format)
                    if len(rows) == len(
                        points
                    ):  # a copy, for a routine may keep its result and write into it
                        halves[of] = Given(tensor.to(torch.float64, copy=True).numpy(), by, dtype)
                        continue
                    halves[of] = Given(np.full((len(points), *shape), np.nan), by, dtype)
                numbers, made = halves[of].numbers, halves[of].made
                if shape != numbers.shape[1:] or dtype != made:
                    raise RoutineError(
                        f"{routine.name}: returned {tuple(shape)} {dtype} for some points and "
                        f"{numbers.shape[1:]} {made} for others; return one shape and dtype"
                    )
                numbers[rows] = tensor.double().numpy()
    if not halves:  # it raised everywhere
        if broken is not None:
            raise broken
        halves[Of.VALUE] = Given(np.full(len(points), np.nan), format)
    if backward and Of.GRAD not in halves:
        slopes = np.full((len(points), _size(points, routine.formula.wrt)), np.nan)
        halves[Of.GRAD] = replace(halves[Of.VALUE], numbers=slopes)
    return Outcome(halves, crashes[Of.VALUE], crashes[Of.GRAD], changed, flushed)


@functools.cache
def _first_gradient() -> None:
    """Let torch import here, once, what each process forked for a call would: sympy, 0.3 s of the first gradient."""
    x = torch.zeros((), requires_grad=True)
    torch.autograd.grad(2 * x, x, torch.ones(()))


def told_dtype(dtype: torch.dtype) -> str:
    """A dtype by the name that formats have."""
    return str(dtype).removeprefix("torch.")


def _judged_by(routine: Routine, of: Of, made: torch.dtype, asked: Format) -> Format:
    """The format whose ulps a result is judged in: a coarser one than was asked for excuses nothing."""
    if of is Of.VALUE and routine.output is not None:
        declared = format_of(routine.output)
        if made != declared.dtype:
            raise RoutineError(
                f"{routine.name}: returned {told_dtype(made)}; it declares output={routine.output!r}"
            )
        return declared
    if not made.is_floating_point:
        return FORMATS[0]
    own = format_of(made)
    return own if own.holds(asked) else asked


def by_settings(points: Points, rows: np.ndarray) -> list[np.ndarray]:
    """Positions within `rows` of points that can be run in one call."""
    settings = [column for column in points.columns.values() if isinstance(column, tuple)]
    if not settings:
        return [np.arange(len(rows))]
    return list(map(np.array, alike(tuple(column[row] for column in settings) for row in rows.tolist())))


def components_of(formula: Formula, points: Points) -> int:
    """How many numbers of the format a point consists of."""
    return _size(points, [name for name, domain in formula.inputs.items() if domain.differentiable])


def _size(points: Points, names: Iterable[str]) -> int:
    columns = [points.columns[name] for name in names]
    return sum(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, torch.Tensor))


@dataclass(frozen=True, eq=False)
class _Ran:
    """What one call gave: a tensor for each half, and of the first that it did not give the message of the exception.

    Then how far inputs moved, in ulps; whether subnormals were flushed; the error where what it gave is no result; and
    whether it was waited for in vain.
    """

    halves: Mapping[Of, torch.Tensor]
    raised: Mapping[Of, str]
    changed: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    flushed: bool = False
    broken: RoutineError | None = None
    late: bool = False


_Run = Callable[[np.ndarray], _Ran]


def _pieces(run: _Run, points: Points, rows: np.ndarray) -> Iterator[tuple[np.ndarray, _Ran]]:
    """What a batch gives; where it raises, it is halved until the points that raise, with a message, stand alone.

    The large parts come before the small ones, so that most points are judged before patience ends with the others; and
    a half holds points that are alike, so that few calls tell where a routine does not return.
    """
    waiting = deque([(rows, 0)])
    while waiting:
        part, cuts = waiting.popleft()
        ran = _tried(run, part)
        if ran.raised and len(part) > 1 and not _always_raises(run, part, ran):
            waiting.extend((half, cuts + 1) for half in _halves(points, part, cuts))
        else:
            yield part, ran


def _halves(points: Points, rows: np.ndarray, cuts: int) -> list[np.ndarray]:
    """The points with the smaller and with the larger numbers of one input, of another one at each further cut."""
    numbers = [column for column in points.columns.values() if isinstance(column, torch.Tensor)]
    if numbers:
        column = numbers[cuts % len(numbers)][torch.from_numpy(rows)].double().reshape(len(rows), -1)
        largest = column.gather(1, column.abs().argmax(dim=1, keepdim=True))[:, 0]
        rows = rows[np.argsort(largest.numpy(), kind="stable")]
    return np.split(rows, [len(rows) // 2])


def _tried(run: _Run, rows: np.ndarray) -> _Ran:
    try:
        return run(rows)
    except KeyboardInterrupt:
        raise
    except RoutineError as error:
        return _Ran({}, {Of.VALUE: str(error)}, broken=error)
    except TimedOutError as error:
        return _Ran({}, {Of.VALUE: str(error)}, late=True)
    except BaseException as error:  # a routine may raise anything, or leave: it becomes the point's fate
        return _Ran({}, {Of.VALUE: told_of(error)})


def _always_raises(run: _Run, rows: np.ndarray, ran: _Ran) -> bool:
    """Whether some points spread over the batch each raise alone what it does: then so, we take it, does every one.

    There are eight, and four where each is waited for in vain.
    """
    alone = (_tried(run, rows[[i]]) for i in spread(len(rows), 4 if ran.late else 8))
    return all(one.raised.keys() == ran.raised.keys() and one.late == ran.late for one in alone)


def arguments_of(
    routine: Routine, points: Points, device: str, backward: bool, gaps: bool = False
) -> dict[str, Any]:
    """The tensors, labels and settings with which a routine is called; with `gaps`, none is contiguous in memory."""
    columns = {name: points.columns[name] for name in routine.formula.inputs}
    return {
        name: column[0]
        if isinstance(column, tuple)
        else _placed(column, device, gaps).requires_grad_(backward and name in routine.formula.wrt)
        for name, column in columns.items()
    }


def _placed(column: torch.Tensor, device: str, gaps: bool) -> torch.Tensor:
    """A copy on the device; with gaps the points are the last axis in memory, with a zero after each."""
    if not gaps:
        return column.to(device, copy=True)
    last = column.to(device).movedim(0, -1)
    return torch.stack([last, torch.zeros_like(last)], -1)[..., 0].movedim(-1, 0)


def _run(
    routine: Routine,
    points: Points,
    device: str,
    component: np.ndarray,
    backward: bool,
    layout: Layout,
    rows: np.ndarray,
) -> _Ran:
    order = layout.order(len(rows))
    if layout is WHOLE and len(rows) == len(points):  # all in order, which nobody needs to look up
        given, places = _filled_up(points, len(order)), slice(len(rows))
    else:
        given, places = points.select(rows[order]), np.empty(len(rows), dtype=np.int64)
        places[order[::-1]] = np.arange(len(order))[::-1]  # where each point stands first
    arguments = arguments_of(routine, given, device, backward, layout.gaps)
    with subnormals.as_found() as flushed:
        halves, raised = _called(routine, arguments, device, component[rows[order]], backward)
    changed = {
        name: moved[places]
        for name, argument in arguments.items()
        if isinstance(argument, torch.Tensor)
        if (moved := _moved(argument, given.columns[name])) is not None
    }
    back = places if isinstance(places, slice) else torch.from_numpy(places)
    return _Ran({of: tensor[back] for of, tensor in halves.items()}, raised, changed, flushed[0])


def _filled_up(points: Points, count: int) -> Points:
    """So many points: these, and the last one again."""
    more = count - len(points)
    columns: dict[str, Any] = {
        name: (*column, *column[-1:] * more)
        if isinstance(column, tuple)
        else torch.cat([column, column[-1:].expand(more, *column.shape[1:])])
        for name, column in points.columns.items()
    }
    return Points(columns, np.broadcast_to(points.origin[-1:], count), points.size)


def _called(
    routine: Routine, arguments: Mapping[str, Any], device: str, component: np.ndarray, backward: bool
) -> tuple[dict[Of, torch.Tensor], dict[Of, str]]:
    """What a routine gives for these arguments: its value, and the gradient if that is asked for and does not raise."""
    count = len(component)
    with torch.set_grad_enabled(backward):
        out = routine.function(**arguments)
    if not arguments and isinstance(out, torch.Tensor):
        out = out.expand(count, *out.shape)  # nothing tells it of a batch: one result stands for all points
    _check_result(routine, out, count, device)
    halves: dict[Of, torch.Tensor] = {Of.VALUE: out.detach().cpu()}
    if not backward:
        return halves, {}
    try:
        slopes = _slopes(out, [arguments[name] for name in routine.formula.wrt], component)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever backward can raise; it takes nothing away from the value
        return halves, {Of.GRAD: told_of(error)}
    return halves | {Of.GRAD: slopes}, {}


def _slopes(out: torch.Tensor, variables: Sequence[torch.Tensor], component: np.ndarray) -> torch.Tensor:
    """The gradient of each point's component, a row for each point."""
    if not out.requires_grad:
        raise RuntimeError(NO_GRADIENT)
    # one at each point's component, zero elsewhere: backward then gives that row of the Jacobian
    flat = torch.zeros_like(out).reshape(len(out), -1)
    chosen = torch.from_numpy(component)[:, None].to(out.device)
    cotangent = flat.scatter(1, chosen, 1.0).reshape(out.shape)
    slopes = torch.autograd.grad(out, variables, cotangent, allow_unused=True)
    parts = [
        (torch.zeros_like(x) if slope is None else slope).detach().cpu().reshape(len(out), -1)
        for x, slope in zip(variables, slopes, strict=True)
    ]
    return torch.cat(parts, dim=1)


def _moved(argument: torch.Tensor, before: Any) -> np.ndarray | None:
    """How far each point of an input moved while a routine ran, in ulps; None where it is as it was, bit for bit."""
    after = argument.detach().cpu()
    if after.shape != before.shape or after.dtype != before.dtype:
        return np.full(len(before), np.inf)
    if torch.equal(_bits(after), _bits(before)):
        return None
    x, y = before.double(), after.double()
    ulp = format_of(before.dtype).ulp(x) if before.is_floating_point() else torch.zeros_like(x)
    steps = torch.where(x == y, 0.0, (x - y).abs() / ulp).nan_to_num(nan=torch.inf, posinf=torch.inf)
    return steps.reshape(len(before), -1).amax(dim=1).numpy()


def _bits(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous().view(format_of(x.dtype).int_dtype) if x.is_floating_point() else x


def _check_result(routine: Routine, out: object, count: int, device: str) -> None:
    """RoutineError, with what to return instead, unless this is one result per point."""
    if not isinstance(out, torch.Tensor):
        raise RoutineError(
            f"{routine.name}: returned {_shown(out)}; return one tensor with a leading batch axis"
        )
    if out.is_nested:
        raise RoutineError(
            f"{routine.name}: returned a nested tensor; return one tensor with a leading batch axis"
        )
    if out.layout is not torch.strided:
        raise RoutineError(f"{routine.name}: returned a tensor of layout {out.layout}; return it .to_dense()")
    if out.device.type != torch.device(device).type:
        raise RoutineError(
            f"{routine.name}: returned a tensor on {out.device} for inputs on {device}; return it there"
        )
    if out.ndim == 0 or out.shape[0] != count:
        raise RoutineError(
            f"{routine.name}: returned shape {tuple(out.shape)} for a batch of {count}; "
            f"return one result per point, ({count}, ...), for example with reduction='none'"
        )
    if out.is_complex():
        raise RoutineError(
            f"{routine.name}: returned {out.dtype}; return its real part, or another real tensor"
        )
    whole = not any(domain.differentiable for domain in routine.formula.inputs.values())
    if out.dtype not in {f.dtype for f in FORMATS} and not (whole and not out.is_floating_point()):
        raise RoutineError(f"{routine.name}: returned {out.dtype}; return a floating-point tensor")


def _shown(out: object) -> str:
    """What kind of thing a routine returned in place of a tensor."""
    if isinstance(out, Sequence) and not isinstance(out, str):
        return f"a {type(out).__name__} of {len(out)}"
    return type(out).__name__
