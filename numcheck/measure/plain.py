"""Points that lie plainly within a routine's budget, told at the speed of float64.

A sweep asks of every input of a format, and at nearly all of them a routine is right by a wide margin. Here the truth
is a float64 ball for the whole batch (`truth.Truths`). A point is *plain* where that ball is narrow enough to judge the
format and the error is within the ulps of the budget, whatever conditioning would forgive beside them. All others are
left to `runs.examine`: nothing here decides a failure, and what is not plain costs time only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.error import SLIGHT, error_of_ball, if_clear, power_below
from numcheck.reals.ball64 import COMPARABLE, Balls
from numcheck.reals.ball64.balls import filled
from numcheck.reals.enclosures import TOLERANCE, enclosure_of_float64
from numcheck.truth import FILTERED, Exact, audit_enclosures

NEARLY = 1 - 2.0**-40
"""So much of the ulps is plain beside a pair: what errs by all of them may err by more, which a double rounds away."""
AUDITED = 4
"""Points of a batch that Arb proves again."""
RARELY = 16
"""Of so many batches those of one are proved again: a small share of the time that the batches take."""


def applies(format: Format) -> bool:
    """Whether float64 balls can judge the format at all."""
    return format.precision <= FILTERED and format.bits <= 32


def _plain(
    got: Tensor, high: Tensor, low: Tensor, radius: Tensor, power: Tensor, ulps: float, format: Format
) -> Tensor:
    """The error in ulps where a result is plainly within, a zero with the truth's sign if that is known; NaN elsewhere.

    One array of numbers, for compiled code stores truth values one by one.
    """
    error, width, past = error_of_ball(got, high, low, radius, power, format)
    told = torch.where(error <= SLIGHT, error, if_clear(error, high, low, radius, power, format))
    # compiled code asks for sign bits one by one, and knows the sign of a zero's infinite reciprocal as well
    signed = torch.where(got.reciprocal() * high > 0, told, torch.nan)
    told = torch.where(got != 0, told, torch.where(radius >= high.abs(), told, signed))
    room = torch.where(low == 0, torch.full_like(low, ulps), ulps * NEARLY)
    told = torch.where(error + width <= room, told, torch.nan)
    told = torch.where(width <= TOLERANCE, told, torch.nan)
    return torch.where(past, torch.where(error == 0, error, told), told)


def plain(got: Tensor, exact: Balls, ulps: float, format: Format) -> Tensor:
    """The largest error of each of the points that are plainly within so many ulps, and NaN of the others.

    Of results in another shape than the truth's none is.
    """
    high = exact.high
    if got.shape != high.shape:
        return torch.full((len(got),), torch.nan, dtype=torch.float64, device=high.device)
    low, radius = filled(exact.low, high), filled(exact.radius, high)
    power = power_below(high, low, radius, format)
    error = _plain(got.double(), high, low, radius, power, ulps, format)
    return error if error.ndim == 1 else error.reshape(len(got), -1).amax(dim=1)


@dataclass(frozen=True)
class Plainly:
    """Tells `plain` of several results, each of a half with so many ulps in a format.

    It runs in the graph that makes the truth (`truth.Truths.judged`).
    """

    asked: tuple[tuple[Of, float, Format], ...]

    def __call__(self, exact: Exact, results: Sequence[Tensor]) -> Sequence[Tensor]:
        told: list[Tensor] = []
        for (of, ulps, format), got in zip(self.asked, results, strict=True):
            ball = exact.value if of is Of.VALUE else exact.gradient
            assert ball is not None
            told.append(plain(got, ball, ulps, format))
        return told


def is_audited(batch: int, batches: int) -> bool:
    """Whether Arb proves some points of a batch again: of `RARELY` batches those of one, now of this and now of that.

    Where there are no more of them it looks at each.
    """
    return batches <= RARELY or batch % RARELY == batch // RARELY * 5 % RARELY


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
