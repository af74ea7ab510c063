"""What a batch of results shows beside its errors: turns against the truth, broken symmetry, flushed subnormals.

Each is a summary of counts that merges as those of errors do: `OVER` counts what is wrong, `WITHIN` what is right of
that which was looked at, and `error` keeps the first wrong point.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.words import Fate
from numcheck.reals.enclosures import PROVED, Enclosure, scaled
from numcheck.runs.sweep.summary import Summary, Worst, counted

TURNED, MIRRORED, FLUSHED = "turned", "mirrored", "flushed"
"""The names of these summaries, beside the kinds of errors."""


def looked_at(wrong: Tensor, right: int, begin: int) -> Summary:
    """Which of the points from `begin` on are wrong, and how many are right."""
    many = int(wrong.sum())
    found = counted({Fate.OVER: many, Fate.WITHIN: right})
    return replace(found, error=Worst(1.0, begin + int(wrong.int().argmax()))) if many else found


def turns(got: Tensor, high: Tensor, low: Tensor, radius: Tensor, told: Tensor) -> Tensor:
    """Where a result falls from one point to the next although the truth rises for sure, or rises where it falls."""
    gap = (high[1:] - high[:-1]) + (low[1:] - low[:-1])
    rounded = 2.0**-50 * (gap.abs() + low[1:].abs() + low[:-1].abs())
    sure = told[1:] & told[:-1] & (gap.abs() > radius[1:] + radius[:-1] + rounded)
    return sure & torch.where(gap > 0, got[1:] < got[:-1], got[1:] > got[:-1])


def turns_closely(got: Tensor, truth: Enclosure) -> Tensor:
    """The same of enclosures, of which neighbours are brought to one exponent."""
    common = np.maximum(truth.exponent[1:], truth.exponent[:-1])
    told = torch.from_numpy(truth.state == PROVED)
    with np.errstate(all="ignore"):
        pairs = [
            [scaled(part[side], truth.exponent[side] - common) for side in (slice(-1), slice(1, None))]
            for part in (truth.high, truth.low, truth.radius)
        ]
    high, low, radius = (torch.from_numpy(np.stack(sides, axis=1).ravel()) for sides in pairs)
    twice = torch.stack([got[:-1], got[1:]], dim=1).ravel()
    every = torch.stack([told[:-1], told[1:]], dim=1).ravel()
    return turns(twice, high, low, radius, every)[::2]


def flushed(got: Tensor, size: Tensor, subnormal: Tensor, smallest: float, begin: int) -> Summary:
    """Zeros in place of subnormal numbers that round to none; `size` are the truths."""
    some = subnormal & (size >= smallest)
    zero = some & (got == 0)
    return looked_at(zero, int(some.sum()) - int(zero.sum()), begin)


def unlike(got: Tensor, mirrored: Tensor, sign: int, looked: Tensor, begin: int) -> Summary:
    """Where the result at -x is not that at x times the sign, whatever the sign of a zero; of the points looked at."""
    same = (mirrored == sign * got) | ((mirrored != mirrored) & (got != got))
    wrong = looked & ~same
    return looked_at(wrong, int(looked.sum()) - int(wrong.sum()), begin)
