"""Running a routine over points as its callers would, the whole batch at once, value and gradient."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import TimedOutError, in_time, limit
from numcheck.declaration.words import Of, UsageError, told_of
from numcheck.domain import Points, spread
from numcheck.formats import FORMATS, Format, format_of
from numcheck.truth import alike

WHOLE = 64
"""Points that fill vectors: two of AVX-512, as torch takes them, hold so many numbers of 16 bits."""


NO_GRADIENT = (
    "the result does not depend on its inputs through autograd: promise no gradient (leave grad= out), "
    "or declare the formula with wrt=()"
)


class RoutineError(UsageError):
    """A routine broke its contract: it returned the wrong type, shape or dtype."""


def check_device(device: str) -> None:
    """Raise UsageError where torch has no such device, or one that patience ends with."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UsageError(f"no device {device!r} here: write cpu, or cuda where torch sees a GPU") from None
    if limit() is not None and torch.device(device).type != "cpu":
        raise UsageError(
            f"--timeout runs routines in forked processes, which cannot use {device}: leave it out"
        )


@dataclass(frozen=True, eq=False)
class Given:
    """What a routine gave of one half: (N, *out) or (N, n) numbers as exact float64, and the format that they have."""

    numbers: np.ndarray
    format: Format


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a routine gave: its value, and the gradient where that was asked for.

    `crashes` maps a point to the message of the exception that the routine raised there, `without_slope` one that gave
    a value to that of the exception which its gradient raised.
    """

    halves: Mapping[Of, Given]
    crashes: Mapping[int, str]
    without_slope: Mapping[int, str] = field(default_factory=dict[int, str])

    def raised(self, of: Of) -> Mapping[int, str]:
        """Where there is no result of a half, and why."""
        return self.crashes if of is Of.VALUE else {**self.without_slope, **self.crashes}

    def select(self, rows: np.ndarray) -> "Outcome":
        """What it gave at some of the points."""
        halves = {of: Given(given.numbers[rows], given.format) for of, given in self.halves.items()}
        return Outcome(halves, crashes_at(self.crashes, rows), crashes_at(self.without_slope, rows))


def crashes_at(crashes: Mapping[int, str], rows: np.ndarray) -> dict[int, str]:
    """Those of some points, by their new places."""
    return {i: crashes[row] for i, row in enumerate(rows.tolist()) if row in crashes} if crashes else {}


def execute(
    routine: Routine,
    points: Points,
    format: Format,
    device: str,
    component: np.ndarray | None,
    backward: bool,
) -> Outcome:
    """Run `routine` at `points` on `device`; `component` picks the output that each point's gradient is of."""
    halves: dict[Of, Given] = {}
    crashes: dict[Of, dict[int, str]] = {of: {} for of in Of}
    chosen = np.zeros(len(points), dtype=np.int64) if component is None else component
    kind = routine.formula.name, routine.name, format.name

    def run(rows: np.ndarray) -> _Tried:
        return in_time(lambda: _run(routine, points, device, chosen, backward, rows), kind)

    for group in by_settings(points, np.arange(len(points))):
        for rows, (given, raised) in _pieces(run, group):
            for of, message in raised.items():
                crashes[of] |= dict.fromkeys(rows.tolist(), message)
            for of, tensor in given.items():
                shape, dtype = tensor.shape[1:], tensor.dtype
                if of not in halves:
                    halves[of] = Given(np.full((len(points), *shape), np.nan), format_of(dtype))
                numbers, made = halves[of].numbers, halves[of].format.dtype
                if shape != numbers.shape[1:] or dtype != made:
                    raise RoutineError(
                        f"{routine.name}: returned {tuple(shape)} {dtype} for some points and "
                        f"{numbers.shape[1:]} {made} for others; return one shape and dtype"
                    )
                numbers[rows] = tensor.double().numpy()
    if not halves:  # it raised everywhere
        halves[Of.VALUE] = Given(np.full(len(points), np.nan), format)
    if backward and Of.GRAD not in halves:
        slopes = np.full((len(points), _size(points, routine.formula.wrt)), np.nan)
        halves[Of.GRAD] = Given(slopes, halves[Of.VALUE].format)
    return Outcome(halves, crashes[Of.VALUE], crashes[Of.GRAD])


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


_Tried = tuple[Mapping[Of, torch.Tensor], Mapping[Of, str]]
"""The halves that a call gave, and of the first that it did not give the message of the exception."""
_Run = Callable[[np.ndarray], _Tried]


def _pieces(run: _Run, rows: np.ndarray) -> Iterator[tuple[np.ndarray, _Tried]]:
    """What a batch gives; where it raises, it is halved until the points that raise, with a message, stand alone.

    The large parts come before the small ones, so that most points are judged before patience ends with the others.
    """
    waiting = deque([rows])
    while waiting:
        part = waiting.popleft()
        tried = _tried(run, part)
        raised = tried[1].keys()
        if raised and len(part) > 1 and not _always_raises(run, part, raised):
            waiting.extend(np.split(part, [len(part) // 2]))
        else:
            yield part, tried


def _tried(run: _Run, rows: np.ndarray) -> _Tried:
    try:
        return run(rows)
    except RoutineError:
        raise
    except TimedOutError as error:
        return {}, {Of.VALUE: str(error)}
    except Exception as error:  # a routine may raise anything; the exception becomes the point's fate
        return {}, {Of.VALUE: told_of(error)}


def _always_raises(run: _Run, rows: np.ndarray, halves: Collection[Of]) -> bool:
    """Whether eight points spread over the batch each raise alone: then so, we take it, does every one."""
    return all(_tried(run, rows[[i]])[1].keys() == halves for i in spread(len(rows), 8))


def arguments_of(routine: Routine, points: Points, device: str, backward: bool) -> dict[str, Any]:
    """The tensors, labels and settings with which a routine is called."""
    columns = {name: points.columns[name] for name in routine.formula.inputs}
    return {
        name: column[0]
        if isinstance(column, tuple)
        else column.to(device, copy=True).requires_grad_(backward and name in routine.formula.wrt)
        for name, column in columns.items()
    }


def whole_vectors(count: int) -> np.ndarray:
    """The rows of so many points, and the last one again until they fill whole vectors, and once more.

    A vectorised kernel ends a batch in another way than it goes through it, and need not give the same there. What a
    routine gives at a point shall hang on no company, so that no point that counts stands at the end of a batch. The
    length is odd, so that no other axis is mistaken for that of the points.
    """
    return np.minimum(np.arange(-(-count // WHOLE) * WHOLE + 1), count - 1)


def _run(
    routine: Routine, points: Points, device: str, component: np.ndarray, backward: bool, rows: np.ndarray
) -> _Tried:
    count, rows = len(rows), rows[whole_vectors(len(rows))]
    arguments = arguments_of(routine, points.select(rows), device, backward)
    with torch.set_grad_enabled(backward):
        out = routine.function(**arguments)
    _check_result(routine, out, len(rows))
    halves = {Of.VALUE: out.detach().cpu()[:count]}
    if not backward:
        return halves, {}
    try:
        slopes = _slopes(out, [arguments[name] for name in routine.formula.wrt], component[rows])
    except Exception as error:  # whatever backward can raise; it takes nothing away from the value
        return halves, {Of.GRAD: told_of(error)}
    return halves | {Of.GRAD: slopes[:count]}, {}


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


def _check_result(routine: Routine, out: object, count: int) -> None:
    if not isinstance(out, torch.Tensor):
        raise RoutineError(
            f"{routine.name}: returned {type(out).__name__}; return one tensor with a leading batch axis"
        )
    if out.ndim == 0 or out.shape[0] != count:
        raise RoutineError(
            f"{routine.name}: returned shape {tuple(out.shape)} for a batch of {count}; "
            f"return one result per point, ({count}, ...), for example with reduction='none'"
        )
    if out.dtype not in {f.dtype for f in FORMATS}:
        raise RoutineError(f"{routine.name}: returned {out.dtype}; return a floating-point tensor")
