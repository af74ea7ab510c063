"""Running a routine over points.

`execute` runs a routine as its callers would, the whole batch at once, value and gradient; a point at which it raises
has the message for its result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Of, UsageError
from numcheck.domain import Points
from numcheck.formats import FORMATS, Format, format_of

WHOLE = 64
"""Points that fill vectors: two of AVX-512, as torch takes them, hold so many numbers of 16 bits."""


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
    """What a routine gave of one half: (N, *out) or (N, n) numbers as exact float64, and the format that they have."""

    numbers: np.ndarray
    format: Format


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a routine gave: its value, and the gradient where that was asked for.

    `crashes` maps a point to the message of the exception that it raised.
    """

    halves: Mapping[Of, Given]
    crashes: Mapping[int, str]

    def select(self, rows: np.ndarray) -> "Outcome":
        """What it gave at some of the points."""
        halves = {of: Given(given.numbers[rows], given.format) for of, given in self.halves.items()}
        return Outcome(halves, crashes_at(self.crashes, rows))


def crashes_at(crashes: Mapping[int, str], rows: np.ndarray) -> dict[int, str]:
    """Those of some points, by their new places."""
    return {i: crashes[row] for i, row in enumerate(rows.tolist()) if row in crashes} if crashes else {}


@dataclass(frozen=True, eq=False)
class _Batch:
    """What one call, or several put together, gave at `count` points; nothing where all of them raised."""

    count: int
    halves: Mapping[Of, torch.Tensor]
    crashes: Mapping[int, str]


def execute(
    routine: Routine,
    points: Points,
    format: Format,
    device: str,
    component: np.ndarray | None,
    backward: bool,
) -> Outcome:
    """Run `routine` at `points` on `device`; `component` picks the output that each point's gradient is of."""
    numbers: dict[Of, np.ndarray] = {}
    formats: dict[Of, Format] = {}
    crashes: dict[int, str] = {}
    for rows in by_settings(points, np.arange(len(points))):
        chosen = None if component is None else component[rows]
        alike = points if len(rows) == len(points) else points.select(rows)
        batch = _attempt(routine, alike, device, chosen, backward)
        crashes |= {int(rows[i]): message for i, message in batch.crashes.items()}
        for of, tensor in batch.halves.items():
            made = numbers.setdefault(of, np.full((len(points), *tensor.shape[1:]), np.nan))
            if (
                tensor.shape[1:] != made.shape[1:]
                or formats.setdefault(of, format_of(tensor.dtype)).dtype != tensor.dtype
            ):
                raise RoutineError(
                    f"{routine.name}: returned {tuple(tensor.shape[1:])} {tensor.dtype} for some points and "
                    f"{made.shape[1:]} {formats[of].dtype} for others; return one shape and dtype"
                )
            made[rows] = tensor.double().numpy()
    if not numbers:  # it raised everywhere
        numbers[Of.VALUE] = np.full(len(points), np.nan)
        if backward:
            numbers[Of.GRAD] = np.full((len(points), _width(routine.formula, points)), np.nan)
    return Outcome({of: Given(made, formats.get(of, format)) for of, made in numbers.items()}, crashes)


def by_settings(points: Points, rows: np.ndarray) -> list[np.ndarray]:
    """Positions within `rows` of points that can be run in one call."""
    settings = [column for column in points.columns.values() if isinstance(column, tuple)]
    if not settings:
        return [np.arange(len(rows))]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for position, row in enumerate(rows.tolist()):
        groups.setdefault(tuple(column[row] for column in settings), []).append(position)
    return [np.array(positions) for positions in groups.values()]


def _width(formula: Formula, points: Points) -> int:
    columns = [points.columns[name] for name in formula.wrt]
    return sum(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, torch.Tensor))


def components_of(formula: Formula, points: Points) -> int:
    """How many numbers of the format a point consists of."""
    columns = [points.columns[name] for name, domain in formula.inputs.items() if domain.differentiable]
    return sum(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, torch.Tensor))


def _attempt(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> _Batch:
    """Run a batch; where it raises, halve it until the points that raise stand alone."""
    try:
        return _run(routine, points, device, component, backward)
    except RoutineError:
        raise
    except Exception as error:  # a routine may raise anything; the exception becomes the point's fate
        count = len(points)
        if count == 1 or _always_raises(routine, points, device, component, backward):
            message = (
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
            )
            return _Batch(count, {}, dict.fromkeys(range(count), message))
    middle = count // 2
    left, right = (
        _attempt(
            routine, points.select(rows), device, None if component is None else component[rows], backward
        )
        for rows in (np.arange(middle), np.arange(middle, count))
    )
    return _combined(left, right)


def _always_raises(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> bool:
    """Whether eight points spread over the batch each raise alone: then so, we take it, does every one."""
    for i in points.spread(8):
        try:
            part = None if component is None else component[[i]]
            _run(routine, points.select(np.array([i])), device, part, backward)
            return False
        except RoutineError:
            raise
        except Exception:  # raising is what is asked about
            continue
    return True


def _combined(left: _Batch, right: _Batch) -> _Batch:
    crashes = {**left.crashes, **{left.count + i: message for i, message in right.crashes.items()}}
    sound = left.halves or right.halves

    def padded(batch: _Batch, of: Of) -> torch.Tensor:
        like = sound[of]
        return batch.halves.get(of, torch.full((batch.count, *like.shape[1:]), torch.nan, dtype=like.dtype))

    halves = {of: torch.cat([padded(left, of), padded(right, of)]) for of in sound}
    return _Batch(left.count + right.count, halves, crashes)


def arguments_of(routine: Routine, points: Points, device: str, backward: bool) -> dict[str, Any]:
    """The tensors, labels and settings with which a routine is called."""
    arguments: dict[str, Any] = {}
    for name in routine.formula.inputs:
        column = points.columns[name]
        if isinstance(column, tuple):
            arguments[name] = column[0]
            continue
        tensor = column.to(device, copy=True)
        arguments[name] = tensor.requires_grad_(backward and name in routine.formula.wrt)
    return arguments


def cotangent_of(out: torch.Tensor, component: np.ndarray | None) -> torch.Tensor:
    """One at each point's component, zero elsewhere: backward then gives that row of the Jacobian."""
    flat = torch.zeros_like(out).reshape(len(out), -1)
    chosen = torch.zeros(len(out), dtype=torch.int64) if component is None else torch.from_numpy(component)
    return flat.scatter(1, chosen.to(out.device)[:, None], 1.0).reshape(out.shape)


def whole_vectors(count: int) -> np.ndarray:
    """The rows of so many points, and the last one again until they fill whole vectors, and once more.

    A vectorised kernel ends a batch in another way than it goes through it, and need not give the same there. What a
    routine gives at a point shall hang on no company, so that no point that counts stands at the end of a batch. The
    length is odd, so that no other axis is mistaken for that of the points.
    """
    return np.minimum(np.arange(-(-count // WHOLE) * WHOLE + 1), count - 1)


def _run(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> _Batch:
    count, rows = len(points), whole_vectors(len(points))
    arguments = arguments_of(routine, points.select(rows), device, backward)
    with torch.set_grad_enabled(backward):
        out = routine.function(**arguments)
    _check_result(routine, out, len(rows))
    halves = {Of.VALUE: out.detach().cpu()[:count]}
    if not backward:
        return _Batch(count, halves, {})
    variables = [arguments[name] for name in routine.formula.wrt]
    if not out.requires_grad:
        raise RuntimeError("the result does not depend on its inputs through autograd")
    cotangent = cotangent_of(out, None if component is None else component[rows])
    slopes = torch.autograd.grad(out, variables, cotangent, allow_unused=True)
    parts = [
        (torch.zeros_like(x) if slope is None else slope).detach().cpu().reshape(len(rows), -1)
        for x, slope in zip(variables, slopes, strict=True)
    ]
    return _Batch(count, halves | {Of.GRAD: torch.cat(parts, dim=1)[:count]}, {})


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
