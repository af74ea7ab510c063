"""The truth of whole batches as float64 balls, recorded once as a graph of torch's operators and compiled."""

import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula
from numcheck.domain import Column, Points, continuous
from numcheck.reals import trust
from numcheck.reals.arrays import Reals
from numcheck.reals.ball64 import Ball64Arithmetic, Balls, comparable, only_where, recording
from numcheck.reals.evaluation import Wanted
from numcheck.truth.batches import evaluated, lifted

BATCH = 1 << 16
"""Points of a batch: their balls still fit into a processor's cache."""
LONG = 1 << 24
"""Points from which a sweep pays for compiling the truth, some 10 to 60 seconds for each formula."""
NARROW_REACH = 600.0
"""Inputs up to which exponentials of them need no scale; most batches lie within."""
LOOKED_AT = 16
"""Points of a batch, its ends among them, that tell whether it seems to."""


@dataclass(frozen=True, eq=False)
class Exact:
    """The balls of a batch: of the value, and on request of the gradient, side by side for all inputs."""

    value: Balls
    gradient: Balls | None = None


Judge = Callable[[Exact, Sequence[Tensor]], Sequence[Tensor]]
"""What is made of a batch's balls and of results at its points, one array for each, in the same graph; equal judges do
the same."""


def compiler() -> str | None:
    """The C++ compiler by which graphs are compiled for processors: where it stands, None where there is none."""
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else ["g++", "clang++", "c++"])), None)


def missing_compiler(device: str) -> str | None:
    """What keeps graphs from being compiled for this device, in a line; None where nothing does."""
    if device.startswith("cpu"):
        lacking = None if compiler() else "C++ compiler"
    else:
        lacking = None if find_spec("triton") else "Triton"
    return lacking and f"no {lacking} is found, so the truth runs uncompiled, several times slower"


class Truths:
    """Float64 balls of one formula, batch by batch; each graph is recorded, and compiled, when it is first needed."""

    def __init__(self, formula: Formula, device: str, backward: bool, compiled: bool) -> None:
        self.formula = formula
        self.backward = backward
        self.compiled = compiled
        self.arithmetic = Ball64Arithmetic(device)
        trust.look(device)
        self.device = torch.device(device)  # a name would be read again for every batch
        self.numbers = list(continuous(formula.inputs))
        self.choices = [name for name in formula.inputs if name not in self.numbers]
        self.graphs: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def of(self, points: Points) -> Exact:
        """The balls at these points, which share their choices."""
        return self.judged(points)[0]

    def judged(
        self, points: Points, results: Sequence[Tensor] = (), judge: Judge | None = None
    ) -> tuple[Exact, Sequence[Tensor]]:
        """The balls at these points, which share their choices, and what `judge` makes of them and of the results."""
        results = [result.to(self.device) for result in results]
        if not self.compiled or len(points) != BATCH:
            arguments = lifted(self.formula, points, self.arithmetic, self.backward)
            exact = _exact(self._evaluate(arguments, len(points)))
            return exact, () if judge is None else judge(exact, results)
        columns: list[Any] = [points.columns[name] for name in self.numbers]
        chosen = [_choice(points.columns[name]) for name in self.choices]
        narrow = all(_seems_within(column, NARROW_REACH) for column in columns)
        columns = [column.to(self.device) for column in columns]
        reach = NARROW_REACH if narrow else math.inf
        key = *chosen, reach, judge
        graph = self.graphs.get(key)
        if graph is None:
            graph = self.graphs[key] = self._compiled(points, columns, reach, results, judge)
        told = graph(*columns, *results)
        parts = len(told) - len(results)
        return _exact(told[:parts]), told[parts:]

    def _compiled(
        self,
        points: Points,
        columns: list[Any],
        reach: float,
        results: Sequence[Tensor],
        judge: Judge | None,
    ) -> Callable[..., Any]:
        import torch._inductor as inductor  # torch.compile would capture the graph once more, and slow every call
        from torch.fx.experimental.proxy_tensor import make_fx

        alone = lifted(self.formula, points.select(np.array([0])), self.arithmetic, self.backward)

        def function(*tensors: Tensor) -> tuple[Tensor | None, ...]:
            lifts = [_within(self.arithmetic.lift(tensor), reach) for tensor in tensors[: len(columns)]]
            inputs = (Reals(self.arithmetic, x, None, self.backward) for x in lifts)
            parts = self._evaluate(alone | dict(zip(self.numbers, inputs, strict=True)), BATCH)
            told = () if judge is None else judge(_exact(parts), tensors[len(columns) :])
            return *parts, *told

        given = [*columns, *results]
        with recording():
            graph = make_fx(function)(*given)
        compiled: Any = inductor.compile(graph, given, options=trust.compiler_options(self.device))
        return compiled

    def _evaluate(self, arguments: Mapping[str, Any], lanes: int) -> tuple[Tensor | None, ...]:
        wanted = Wanted(self.backward, False)
        halves = evaluated(
            self.formula, arguments, lanes, np.zeros(1, dtype=np.int64), wanted, self.arithmetic
        )
        plain = [balls if balls.scale is None else comparable(balls) for balls, _ in halves]
        return tuple(part for balls in plain for part in (balls.high, balls.low, balls.radius))


def _exact(parts: Sequence[Any]) -> Exact:
    """The balls of each half, of which a graph gives high, low and radius one after another."""
    return Exact(*(Balls(*parts[first : first + 3]) for first in range(0, len(parts), 3)))


def _choice(column: Column) -> str:
    return str(column[0] if isinstance(column, tuple) else column.numpy().item(0))


def _seems_within(column: Tensor, reach: float) -> bool:
    some = column.float().numpy().ravel()[:: max(1, (column.numel() - 1) // (LOOKED_AT - 1))]
    return all(abs(x) <= reach for x in some.tolist())


def _within(x: Balls, reach: float) -> Balls:
    """The numbers up to `reach`, and of others that they are not known, so that they are not plain."""
    if math.isinf(reach):
        return x
    return replace(x, high=only_where(x.high.abs() <= reach, x.high), reach=reach)
