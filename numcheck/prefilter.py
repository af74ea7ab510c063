"""Points that lie plainly within a routine's budget, told at the speed of float64.

A sweep asks of every input of a format, and at nearly all of them a routine is right by a wide margin. Here the truth
is a float64 ball for the whole batch, recorded once as a graph of torch's operators and compiled where a sweep is long
enough to pay for that. A point is *plain* where that ball is narrow enough to judge the format and the error is within
the ulps of the budget, whatever conditioning would forgive beside them. All others, failing ones included, are left to
`truth.settle` and `measure.assess`; so nothing here decides a failure, and what is not plain costs time only.

Some plain points of every batch are proved again by Arb, with what the compiled code gave.
"""

import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula
from numcheck.domain import Column, Points
from numcheck.formats import Format
from numcheck.reals import trust
from numcheck.reals.arrays import Reals
from numcheck.reals.ball64 import COMPARABLE, Ball64Arithmetic, Balls, comparable, only_where, recording
from numcheck.reals.settle import TOLERANCE, enclosure_of_float64
from numcheck.truth import FILTERED, Wanted, audit_enclosures, evaluate, lifted

BATCH = 1 << 16
"""Points of a batch: their balls still fit into a processor's cache."""
LONG = 1 << 24
"""Points from which a sweep pays for compiling the truth, some 10 to 60 seconds for each formula."""
AUDITED = 4
"""Points of a batch that Arb proves again."""
NARROW_REACH = 600.0
"""Inputs up to which exponentials of them need no scale; most batches lie within."""
LOOKED_AT = 16
"""Points of a batch, its ends among them, that tell whether it seems to."""


@dataclass(frozen=True, eq=False)
class Exact:
    """The balls of a batch: of the value, and on request of the gradient, side by side for all inputs."""

    value: Balls
    gradient: Balls | None


def applies(format: Format) -> bool:
    """Whether float64 balls can judge the format at all."""
    return format.precision <= FILTERED and format.bits <= 32


def missing_compiler(device: str) -> str | None:
    """What keeps graphs from being compiled for this device, in a line; None where nothing does."""
    if not device.startswith("cpu"):
        return None
    named = os.environ.get("CXX")
    if any(shutil.which(name) for name in ([named] if named else ["g++", "clang++", "c++"])):
        return None
    return "no C++ compiler is found, so the truth runs uncompiled, several times slower"


# The truth of a batch ---------------------------------------------------------------------------------------------


class Truths:
    """Float64 balls of one formula, batch by batch; each graph is recorded, and compiled, when it is first needed."""

    def __init__(self, formula: Formula, device: str, backward: bool, compiled: bool) -> None:
        self.formula = formula
        self.backward = backward
        self.compiled = compiled
        self.arithmetic = Ball64Arithmetic(device)
        trust.look(device)
        self.device = torch.device(device)  # a name would be read again for every batch
        self.numbers = [name for name, domain in formula.inputs.items() if domain.differentiable]
        self.choices = [name for name, domain in formula.inputs.items() if not domain.differentiable]
        self.graphs: dict[tuple[Any, ...], Callable[..., tuple[Tensor | None, ...]]] = {}

    def of(self, points: Points) -> Exact:
        """The balls at these points, which share their choices."""
        if not self.compiled or len(points) != BATCH:
            return _exact(
                self._evaluate(lifted(self.formula, points, self.arithmetic, self.backward), len(points))
            )
        columns: list[Any] = [points.columns[name] for name in self.numbers]
        chosen = [_choice(points.columns[name]) for name in self.choices]
        narrow = all(_seems_within(column, NARROW_REACH) for column in columns)
        columns = [column.to(self.device) for column in columns]
        reach = NARROW_REACH if narrow else math.inf
        graph = self.graphs.get((*chosen, reach))
        if graph is None:
            graph = self.graphs[*chosen, reach] = self._compiled(points, columns, reach)
        return _exact(graph(*columns))

    def _compiled(
        self, points: Points, columns: list[Any], reach: float
    ) -> Callable[..., tuple[Tensor | None, ...]]:
        import torch._inductor as inductor  # torch.compile would capture the graph once more, and slow every call
        from torch.fx.experimental.proxy_tensor import make_fx

        alone = lifted(self.formula, points.select(np.array([0])), self.arithmetic, self.backward)

        def function(*tensors: Tensor) -> tuple[Tensor | None, ...]:
            lifts = [_within(self.arithmetic.lift(tensor), reach) for tensor in tensors]
            inputs = {
                name: Reals(self.arithmetic, x, None, self.backward)
                for name, x in zip(self.numbers, lifts, strict=True)
            }
            return self._evaluate(alone | inputs, BATCH)

        with recording():
            graph = make_fx(function)(*columns)
        compiled: Any = inductor.compile(graph, columns, options=trust.compiler_options(self.device))
        return compiled

    def _evaluate(self, arguments: Mapping[str, Any], lanes: int) -> tuple[Tensor | None, ...]:
        wanted = Wanted(self.backward, False)
        found = evaluate(self.formula, arguments, lanes, np.zeros(1, dtype=np.int64), wanted)
        parts: list[Tensor | None] = []
        for balls in (found.value, found.gradient):
            if balls is not None:
                balls = balls if balls.scale is None else comparable(balls)
                parts += [balls.high, balls.low, balls.radius]
        return tuple(parts)


def _exact(parts: tuple[Tensor | None, ...]) -> Exact:
    def balls(first: int) -> Balls:
        high, low, radius = parts[first : first + 3]
        assert high is not None
        return Balls(high, low, radius)

    return Exact(balls(0), balls(3) if len(parts) > 3 else None)


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


# Plain points -----------------------------------------------------------------------------------------------------


def _plain(
    got: Tensor,
    high: Tensor,
    low: Tensor,
    radius: Tensor,
    ulps: Tensor,
    min_exponent: int,
    precision: int,
    overflow: float,
) -> tuple[Tensor, Tensor]:
    """Where a result is plainly within, and its error in ulps of the format there.

    `overflow` is the least magnitude that rounds to infinity. A zero must have the sign of a truth whose sign is known.
    """
    # where the ball reaches across a power of two, the larger unit counts, as in settle.ulp_exponent
    binade = (((high.abs() + radius).view(torch.int64) >> 52) & 0x7FF) - 1023
    ulp = binade.clamp(min=min_exponent) - (precision - 1)
    scale = ((1023 - ulp) << 52).view(torch.float64)  # formats narrower than float64 keep this normal
    error = ((got - high) - low).abs() * scale
    width = radius * scale
    signed = (got != 0) | (radius >= high.abs()) | (torch.signbit(got) == torch.signbit(high))
    within = (width <= TOLERANCE) & (error + width <= ulps) & signed
    beyond = (high.abs() - radius >= overflow) & got.isinf() & ((got > 0) == (high > 0))
    return within | beyond, torch.where(beyond, 0.0, error)


@lru_cache(maxsize=8)
def _judge(compiled: bool) -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_plain) if compiled else _plain


def plain(
    got: np.ndarray, exact: Balls, budget: Budget, format: Format, compiled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points are plainly within, and the largest error in ulps of each, valid at those."""
    device = exact.high.device
    results = torch.from_numpy(got).to(device).reshape(exact.high.shape)
    zeros = torch.zeros_like(exact.high)
    sure, error = _judge(compiled)(
        results,
        exact.high,
        zeros if exact.low is None else exact.low,
        zeros if exact.radius is None else exact.radius,
        torch.tensor(budget.ulps, dtype=torch.float64, device=device),
        format.min_exponent,
        format.precision,
        format.overflow_threshold,
    )
    by_point = (len(got), -1)
    everywhere = sure.reshape(by_point).all(dim=1), error.reshape(by_point).amax(dim=1)
    return everywhere[0].cpu().numpy(), everywhere[1].cpu().numpy()


def audit(formula: Formula, points: Points, exact: Exact, sure: np.ndarray, format: Format) -> int:
    """Prove some of the plain points again, others each time; ContradictionError where Arb disagrees."""
    # of a number beyond every format's range the ball tells no more than that
    within_range = exact.value.high.abs().reshape(len(points), -1).amax(dim=1) < COMPARABLE
    rows = np.flatnonzero(sure & within_range.cpu().numpy())
    if len(rows) > AUDITED:  # with replacement, which need not shuffle them all
        rows = np.unique(np.random.default_rng().choice(rows, AUDITED))
    if rows.size:
        picked = torch.from_numpy(rows).to(exact.value.high.device)

        def enclosures(balls: Balls) -> Any:
            return enclosure_of_float64(balls.each(lambda part: part[picked]))

        slopes = None if exact.gradient is None else enclosures(exact.gradient)
        component = np.zeros(len(rows), dtype=np.int64)
        audit_enclosures(formula, points.select(rows), enclosures(exact.value), slopes, component, format)
    return len(rows)
