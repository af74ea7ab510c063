"""Points that lie plainly within a routine's budget, told at the speed of float64.

A sweep asks of every input of a format, and at nearly all of them a routine is right by a wide margin. Here the truth
is a float64 ball for the whole batch (`truth.Truths`). A point is *plain* where that ball is narrow enough to judge the
format and the error is within the ulps of the budget, whatever conditioning would forgive beside them. All others,
failing ones included, are left to `truth.settle` and `measure.assess`; so nothing here decides a failure, and what is
not plain costs time only.

Some plain points of every batch are proved again by Arb, with what the compiled code gave.
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
from numcheck.reals.ball64 import COMPARABLE, Balls
from numcheck.reals.enclosures import TOLERANCE, enclosure_of_float64
from numcheck.truth import FILTERED, Exact, audit_enclosures

AUDITED = 4
"""Points of a batch that Arb proves again."""


def applies(format: Format) -> bool:
    """Whether float64 balls can judge the format at all."""
    return format.precision <= FILTERED and format.bits <= 32


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
    # where the ball reaches across a power of two, the larger unit counts, as in enclosures.ulp_exponent
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
