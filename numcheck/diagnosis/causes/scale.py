"""The result is the formula's times a constant, in any precision: a factor is missing or doubled.

## Why digits are lost

None is lost: the routine computes another number, and just as well in float64. A loss that lacks
its factor 1/2 trains at twice the learning rate; a sum where the formula has a mean does so by
the size of the batch. The minimum is where it was, so that training hides it, and only a
comparison with the formula shows it.

## Example

The sum-of-squares error has a factor of one half (Bishop 2006, equation 3.26):

>>> import torch
>>> prediction, target = torch.tensor(3.0), torch.tensor(1.0)
>>> ((prediction - target) ** 2).item()
4.0

Write the whole formula:

>>> (0.5 * (prediction - target) ** 2).item()
2.0

Look at the reduction too: mean or sum, over which axes, divided by n or by n - 1; and at a
backward of one's own that leaves out a factor.

## Told from its neighbours

- wrong_formula: the same proof, but the ratio to the truth differs from point to point.
- unconverged: also a loop that stops at a part of the truth everywhere; the value still moves
  from pass to pass.
- Every cause of lost bits: more digits heal those.

## How numcheck proves it

First as for wrong_formula: the code, executed exactly, gives the wrong result too. Then by those
that fail of some points drawn for the formula, the same in every run: at least 8, and 9 of 10, have
finite ratios to the truth that are not zero; more than 9 of 10 of these lie within
t = max(8 * u, min(2**-10, d / 16)) of their median, where u is the unit roundoff and d the
median's distance from 1; and d is more than 2 * t. A point whose own ratio lies within t of that
median, or two ulps, is wrong by this factor.
"""

import numpy as np

from numcheck.diagnosis.causes import planted
from numcheck.domain import real

REMEDY = "the result is a constant multiple of the formula's: look for a missing or doubled factor"

FEWEST = 8  # ratios that can show that they are one
MOST = 0.9  # of the ratios must be that one


def tolerance(factor: float, roundoff: float) -> float:
    """How far from a factor results may scatter: near 1 far less than they differ from it."""
    return max(8 * roundoff, min(2.0**-10, abs(factor - 1) / 16))


def factor_of(ratios: np.ndarray, roundoff: float) -> float | None:
    """The one multiple of the truth that results are, None where they are none, or where it is 1."""
    finite = ratios[np.isfinite(ratios) & (ratios != 0)]
    if len(finite) < FEWEST or len(finite) < MOST * len(ratios):
        return None
    middle = float(np.median(finite))
    near = tolerance(middle, roundoff)
    constant = abs(middle - 1) > 2 * near and np.mean(np.abs(finite / middle - 1) < near) > MOST
    return middle if constant else None


PLANTED = planted(
    "Bishop 2006, equation 3.26",
    lambda prediction, target: (prediction - target) ** 2 / 2,
    wrong=lambda prediction, target: (prediction - target) ** 2,  # twice the formula
    right=lambda prediction, target: 0.5 * (prediction - target) ** 2,
    value=2,
    prediction=real(-100, 100),
    target=real(-100, 100),
)
