"""Running a routine over points, and one fate for each of them.

`execute` runs a routine as its callers would, the whole batch at once, value and gradient; `judge` compares the result
with the truth under the routine's budget. Every point gets exactly one fate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import UsageError
from numcheck.domain import Points
from numcheck.formats import FORMATS, Format, format_of


class RoutineError(UsageError):
    """A routine broke its contract: it returned the wrong type, shape or dtype."""


def check_device(device: str) -> None:
    """Raise UsageError where torch has no such device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UsageError(f"no device {device!r} here: write cpu, or cuda where torch sees a GPU") from None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a routine gave: `value` (N, *out) and `gradient` (N, n) as exact float64, each in its own format.

    `crashes` maps a point to the message of the exception that it raised.
    """

    value: np.ndarray
    value_format: Format
    gradient: np.ndarray | None
    gradient_format: Format
    crashes: Mapping[int, str]

    def select(self, rows: np.ndarray) -> "Outcome":
        """What it gave at some of the points."""
        crashes: dict[int, str] = {}
        if self.crashes:
            crashes = {i: self.crashes[row] for i, row in enumerate(rows.tolist()) if row in self.crashes}
        gradient = None if self.gradient is None else self.gradient[rows]
        return Outcome(self.value[rows], self.value_format, gradient, self.gradient_format, crashes)


@dataclass(frozen=True, eq=False)
class _Batch:
    value: torch.Tensor
    gradient: torch.Tensor | None
    crashes: dict[int, str]


def execute(
    routine: Routine,
    points: Points,
    format: Format,
    device: str,
    component: np.ndarray | None,
    backward: bool,
) -> Outcome:
    """Run `routine` at `points` on `device`; `component` picks the output that each point's gradient is of."""
    pieces: list[tuple[np.ndarray, _Batch]] = []
    for rows in _by_settings(routine.formula, points):
        chosen = None if component is None else component[rows]
        alike = points if len(rows) == len(points) else points.select(rows)
        pieces.append((rows, _attempt(routine, alike, device, chosen, backward)))
    whole = [batch for _, batch in pieces if len(batch.crashes) < len(batch.value)] or [
        batch for _, batch in pieces
    ]
    shape, dtype = whole[0].value.shape[1:], whole[0].value.dtype
    value = np.full((len(points), *shape), np.nan)
    width = _width(routine.formula, points)
    gradient = np.full((len(points), width), np.nan) if backward else None
    crashes: dict[int, str] = {}
    gradient_format = format
    for rows, batch in pieces:
        crashes.update({int(rows[i]): message for i, message in batch.crashes.items()})
        if len(batch.crashes) == len(rows):
            continue
        if batch.value.shape[1:] != shape or batch.value.dtype != dtype:
            raise RoutineError(
                f"{routine.name}: returned {tuple(batch.value.shape[1:])} {batch.value.dtype} for some points and "
                f"{tuple(shape)} {dtype} for others; return one shape and dtype"
            )
        value[rows] = batch.value.double().numpy()
        if gradient is not None and batch.gradient is not None:
            gradient[rows] = batch.gradient.double().numpy()
            gradient_format = format_of(batch.gradient.dtype)
    return Outcome(value, format_of(dtype), gradient, gradient_format, crashes)


def _by_settings(formula: Formula, points: Points) -> Iterator[np.ndarray]:
    settings = [points.columns[name] for name in formula.inputs if isinstance(points.columns[name], tuple)]
    if not settings:
        yield np.arange(len(points))
        return
    rows: dict[tuple[Any, ...], list[int]] = {}
    for i in range(len(points)):
        rows.setdefault(tuple(column[i] for column in settings), []).append(i)
    for indices in rows.values():
        yield np.array(indices)


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
            return _Batch(torch.full((count,), torch.nan), None, dict.fromkeys(range(count), message))
    middle = count // 2
    left, right = (
        _attempt(
            routine, points.select(rows), device, None if component is None else component[rows], backward
        )
        for rows in (np.arange(middle), np.arange(middle, count))
    )
    return _combined(left, right, middle)


def _always_raises(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> bool:
    """Whether eight points spread over the batch each raise alone: then so, we take it, does every one."""
    for i in np.unique(np.linspace(0, len(points) - 1, 8).astype(int)):
        try:
            part = None if component is None else component[[i]]
            _run(routine, points.select(np.array([i])), device, part, backward)
            return False
        except RoutineError:
            raise
        except Exception:  # raising is what is asked about
            continue
    return True


def _combined(left: _Batch, right: _Batch, middle: int) -> _Batch:
    crashes = left.crashes | {middle + i: message for i, message in right.crashes.items()}
    sound = left if len(left.crashes) < len(left.value) else right

    def padded(batch: _Batch) -> _Batch:
        if len(batch.crashes) < len(batch.value):
            return batch
        count = len(batch.value)
        value = torch.full((count, *sound.value.shape[1:]), torch.nan, dtype=sound.value.dtype)
        if sound.gradient is None:
            return _Batch(value, None, batch.crashes)
        gradient = torch.full((count, *sound.gradient.shape[1:]), torch.nan, dtype=sound.gradient.dtype)
        return _Batch(value, gradient, batch.crashes)

    a, b = padded(left), padded(right)
    gradient = None if a.gradient is None or b.gradient is None else torch.cat([a.gradient, b.gradient])
    return _Batch(torch.cat([a.value, b.value]), gradient, crashes)


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


def _run(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> _Batch:
    arguments = arguments_of(routine, points, device, backward)
    with torch.set_grad_enabled(backward):
        out = routine.function(**arguments)
    _check_result(routine, out, len(points))
    value = out.detach().cpu()
    if not backward:
        return _Batch(value, None, {})
    variables = [arguments[name] for name in routine.formula.wrt]
    if not out.requires_grad:
        raise RuntimeError("the result does not depend on its inputs through autograd")
    slopes = torch.autograd.grad(out, variables, cotangent_of(out, component), allow_unused=True)
    rows = [
        (torch.zeros_like(x) if slope is None else slope).detach().cpu().reshape(len(points), -1)
        for x, slope in zip(variables, slopes, strict=True)
    ]
    return _Batch(value, torch.cat(rows, dim=1), {})


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


def has_gradient(routine: Routine) -> bool:
    """Whether the routine promises a gradient."""
    return routine.grad is not None and bool(routine.formula.wrt)
