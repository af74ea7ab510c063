"""Points that lie plainly within a routine's budget, told at the speed of float64.

A sweep asks of every input of a format, and at nearly all of them a routine is right by a wide margin. Here the truth
is a float64 ball for the whole batch (`truth.Truths`). A point is *plain* where that ball is narrow enough to judge the
format and the error is within the ulps of the budget, whatever conditioning would forgive beside them. All others are
left to `runs.examine`: nothing here decides a failure, and what is not plain costs time only.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.error import SLIGHT, error_of_ball, is_clear, power_below
from numcheck.reals.ball64 import COMPARABLE, Balls
from numcheck.reals.ball64.balls import filled
from numcheck.reals.enclosures import TOLERANCE, enclosure_of_float64
from numcheck.truth import FILTERED, Exact, audit_enclosures

NEARLY = 1 - 2.0**-40
"""So much of the ulps is plain beside a pair: what errs by all of them may err by more, which a double rounds away."""
AUDITED = 4
"""Points of a batch that Arb proves again."""


def applies(format: Format) -> bool:
    """Whether float64 balls can judge the format at all."""
    return format.precision <= FILTERED and format.bits <= 32


def _plain(
    got: Tensor, high: Tensor, low: Tensor, radius: Tensor, power: Tensor, ulps: Tensor, format: Format
) -> tuple[Tensor, Tensor]:
    """Where a result is plainly within, a zero with the truth's sign if that is known; and its error in ulps there."""
    error, width, past = error_of_ball(got, high, low, radius, power, format)
    signed = (got != 0) | (radius >= high.abs()) | (torch.signbit(got) == torch.signbit(high))
    clear = (error <= SLIGHT) | is_clear(high, low, radius, power, format)
    room = torch.where(low == 0, ulps, ulps * NEARLY)
    within = (width <= TOLERANCE) & (error + width <= room) & signed & clear
    return within | (past & (error == 0)), error


@lru_cache(maxsize=8)
def _judge(compiled: bool) -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_plain) if compiled else _plain


def plain(
    got: np.ndarray, exact: Balls, budget: Budget, format: Format, compiled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points are plainly within, and the largest error in ulps of each, valid at those."""
    high = exact.high
    results = torch.from_numpy(got).to(high.device).reshape(high.shape)
    low, radius = filled(exact.low, high), filled(exact.radius, high)
    power = power_below(high, low, radius, format)
    ulps = torch.tensor(budget.ulps, dtype=torch.float64, device=high.device)
    sure, error = _judge(compiled)(results, high, low, radius, power, ulps, format)
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
