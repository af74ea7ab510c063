"""A routine as it is run in a mode: judged as a check judges it, given numbers, ready to be called again.

What a check finds of a routine is asked of `examine` at the points of a sample, so the figures are those of a check.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import COMPILED, EAGER, Of, UsageError
from numcheck.domain import Column, Points
from numcheck.formats import Format
from numcheck.measure import RoutineError, by_settings, execute
from numcheck.reals import subnormals
from numcheck.report import size_name
from numcheck.runs.entry import errors_of
from numcheck.runs.examine import Examined, Sample, examine
from numcheck.runs.stopwatch import finished, memory_of, once, threads
from numcheck.truth import missing_compiler

DIRECTIONS = {Of.VALUE: "forward", Of.GRAD: "backward"}
"""What is timed for each half."""
MOST_COMPILED = 1 << 12
"""Graphs of one function: torch would run it eagerly beyond eight, and say so to nobody who reads the figures."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A routine as it is run in a mode, and of each half how wrong it is: figures as a check of it has them.

    Of a compiled one `differs` says at how many of the check's points its bits are others than those of the eager one.
    """

    routine: Routine
    mode: str
    errors: Mapping[Of, Mapping[str, Any]]
    differs: Mapping[Of, int] = field(default_factory=dict[Of, int])

    @property
    def name(self) -> tuple[str, str]:
        """What tells it apart from the others of its formula."""
        return self.routine.name, self.mode

    def function(self) -> Callable[..., Any]:
        """What is called; compiled anew by each function that is handed out."""
        own = self.routine.function
        return own if self.mode == EAGER else torch.compile(own, dynamic=False)


def kernels_of(
    routine: Routine, modes: Sequence[str], sample: Sample, device: str
) -> Generator[Kernel | tuple[str, BaseException]]:
    """The routine in each mode, judged at the points of a sample; of a mode in which it raises, that and the error."""
    with threads(1):  # as a check runs it
        try:
            eager = examine(routine, sample, device)
        except RoutineError as error:
            yield from ((mode, error) for mode in modes)
            return
        for mode in modes:
            if mode == EAGER:
                yield Kernel(routine, mode, {one.of: errors_of(one) for one in eager})
                continue
            try:
                yield _compiled(routine, mode, sample, device, eager)
            except Exception as error:  # of the compiler's, too
                yield mode, error


def _compiled(routine: Routine, mode: str, sample: Sample, device: str, eager: Sequence[Examined]) -> Kernel:
    made = replace(routine, function=torch.compile(routine.function, dynamic=False))
    backward = Of.GRAD in routine.budgets and all(Of.GRAD in truth.halves for truth in sample.truths)
    with compiling():
        outcomes = [
            execute(made, points, sample.format, device, truth.component, backward)
            for points, truth in zip(sample.points, sample.truths, strict=True)
        ]
    found = {one.of: one for one in examine(made, sample, device, outcomes)}
    differs = {one.of: _other_bits(one, found[one.of]) for one in eager if one.of in found}
    return Kernel(routine, mode, {of: errors_of(one) for of, one in found.items()}, differs)


def _other_bits(one: Examined, other: Examined) -> int:
    """The points at which two give other bits; NaNs are all alike, and zeros are not."""
    count = 0
    for mine, theirs in zip(one.parts, other.parts, strict=True):
        a, b = mine.judgement.got, theirs.judgement.got
        same = (a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))
        count += int((~same.reshape(len(a), -1).all(axis=1)).sum())
    return count


def lacking(mode: str, device: str) -> str | None:
    """What keeps routines from being run in this mode there, in a line; None where nothing does."""
    if mode == COMPILED and missing_compiler(device) is not None:
        return f"no C++ compiler is found for {device}: install g++, or name one in CXX"
    return None


@contextmanager
def compiling(any_at_all: bool = True) -> Generator[None]:
    """Compile from the beginning, every function as often as it is asked for, and keep what its gradients need."""
    if not any_at_all:  # torch's compiler takes seconds to import
        yield
        return
    import torch._dynamo.config as dynamo
    import torch._functorch.config as functorch

    torch.compiler.reset()
    limits: dict[str, Any] = {
        "cache_size_limit": MOST_COMPILED,
        "accumulated_cache_size_limit": MOST_COMPILED,
    }
    # older torch gives buffers of a graph away, which can be gone through once only then
    with dynamo.patch(**limits), functorch.patch(donated_buffer=False):
        yield


# How long ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Inputs:
    """So many points that a formula's routines can take in one call, made of fewer ones again and again."""

    points: Points
    rows: int

    @property
    def elements(self) -> int:
        """Numbers of the largest input."""
        return self.rows * _width(self.points)

    @property
    def bytes(self) -> int:
        """What the arguments take of the memory."""
        row = sum(_bytes(column[:1]) for column in self.points.columns.values() if isinstance(column, Tensor))
        return self.rows * row

    def on(self, device: str, wrt: Sequence[str] = ()) -> dict[str, Any]:
        """The arguments, of which those by which there is a gradient ask for one."""
        return {
            name: column[0]
            if isinstance(column, tuple)
            else _repeated(column.to(device), self.rows).requires_grad_(name in wrt)
            for name, column in self.points.columns.items()
        }


def inputs_of(formula: Formula, format: Format, size: int, points: int, seed: int) -> Inputs:
    """`size` numbers for the formula, from the points that a check draws: those that look like data, with one setting.

    Of a formula of vectors they are rows of the longest that it declares.
    """
    parts = formula.points(format, points, seed)
    part = max(parts, key=lambda one: one.size or 0)
    if not any(isinstance(column, Tensor) for column in part.columns.values()):
        raise UsageError(f"{formula.name} takes no tensor, so there are no {size_name(size)} numbers to time")
    like_data = np.flatnonzero(part.origin == "sample")
    rows = like_data if like_data.size else np.arange(len(part))
    alike = max(by_settings(part, rows), key=len)
    chosen = part.select(rows[alike])
    width = _width(chosen)
    if size < width:
        raise UsageError(f"a row has {width} numbers: write --sizes {width} or more")
    return Inputs(chosen, size // width)


def _width(points: Points) -> int:
    columns: list[Column] = list(points.columns.values())
    return max(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, Tensor))


def _repeated(column: Tensor, rows: int) -> Tensor:
    times = -(-rows // len(column))
    return column.repeat(times, *[1] * (column.ndim - 1))[:rows]


@dataclass(frozen=True, eq=False)
class Ready:
    """A call that can be timed again and again; what it has to read and write at least, and how long the first took."""

    call: Callable[[], Any]
    device: str
    bytes_moved: int
    first: float

    def waited(self) -> None:
        """The call until its result is there, for a clock that knows of no device."""
        self.call()
        finished(self.device)


@contextmanager
def ready(
    function: Callable[..., Any], formula: Formula, inputs: Inputs, of: Of, device: str
) -> Generator[Ready]:
    """The call of one half, made once; its tensors go when it is left. Raises whatever the function raises.

    Within, subnormals are as the thread had them, and there is no graph but the one that a backward call goes through.
    """
    backward = of is Of.GRAD
    with memory_of(device), subnormals.as_found():
        arguments = inputs.on(device, formula.wrt if backward else ())
        moved = sum(_bytes(one) for one in arguments.values())
        with torch.set_grad_enabled(backward):
            first, out = once(partial(function, **arguments), device)
            _expect_result(out, inputs.rows)
            moved += _bytes(out)
            call = partial(function, **arguments)
            if backward:
                variables = [arguments[name] for name in formula.wrt]
                moved += sum(map(_bytes, variables))
                call = partial(_slopes, out, variables, torch.ones_like(out))
                seconds, _ = once(call, device)
                first += seconds
            del out
            yield Ready(call, device, moved, first)


@contextmanager
def prepared(
    kernel: Kernel, format: Format, device: str, size: int, of: Of, points: int, seed: int
) -> Generator[tuple[Inputs, Ready]]:
    """One half of a kernel alone with `size` numbers of its formula, ready to be timed with one thread."""
    formula = kernel.routine.formula
    if of not in kernel.errors:
        raise RoutineError("its formula has no gradient to time")
    inputs = inputs_of(formula, format, size, points, seed)
    with (
        threads(1),
        compiling(kernel.mode == COMPILED),
        ready(kernel.function(), formula, inputs, of, device) as made,
    ):
        yield inputs, made


def _slopes(out: Tensor, variables: Sequence[Tensor], cotangent: Tensor) -> Any:
    return torch.autograd.grad(out, variables, cotangent, retain_graph=True, allow_unused=True)


def _bytes(argument: Any) -> int:
    return argument.numel() * argument.element_size() if isinstance(argument, Tensor) else 0


def _expect_result(out: Any, rows: int) -> None:
    if not isinstance(out, Tensor) or out.ndim == 0 or len(out) != rows:
        shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise RoutineError(f"returned {shape} for a batch of {rows}")
