"""A singular operation, such as 0/0 or log(0), gave NaN or an infinity that the formula has not.

## Why digits are lost

A formula with a hole has a limit there, or a convention: sin(x) / x is 1 at 0, and 0 * log(0)
counts as 0. The code meets the hole with exact operands and does what IEEE 754 asks: 0/0 and
0 * inf are NaN. No format heals that. Such inputs are rare in random data and common in real
data: a probability of exactly 0, two equal points, an empty or wholly masked row.

## Example

>>> import torch
>>> x = torch.tensor([0.0, 1.0])
>>> (torch.sin(x) / x)[0].item()
nan
>>> (x * torch.log(x))[0].item()
nan

Treat the singular input by itself, before the division, so that the gradient is right as well:

>>> safe = torch.where(x == 0, 1, x)
>>> torch.where(x == 0, 1, torch.sin(safe) / safe)[0].item()
1.0
>>> torch.xlogy(x, x)[0].item()
0.0

`nan_to_num` hides the NaN and leaves a 0 where 1 is right: that is wrong_formula.

## Told from its neighbours

- overflow, underflow: there an operand became infinite or zero because the range was too narrow;
  here it is so in truth.
- nan_gradient: the same in the gradient, where the value may be right.
- cancellation: where rounding alone made the operand zero, the loss before is to blame; but a
  value that is NaN in the end is called special_value.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits and goes back from the result
to the first operator that made a NaN out of numbers, or an infinity by a division by zero or a
logarithm of zero, while its operands were right. No operator shortly before it may have left the
format's range.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "treat the singular input by itself before dividing or taking the logarithm"


def _limit_at_zero(x: torch.Tensor) -> torch.Tensor:
    """The hole is filled, the rest computed once in float64."""
    safe = torch.where(x == 0, 1, x.double())
    return torch.where(x == 0, 1, torch.sin(safe) / safe).to(x.dtype)


PLANTED = planted(
    "Woodward 1953: the unnormalised sinc",
    lambda x: m.where(x == 0, 1, m.sin(x) / x),
    wrong=lambda x: torch.sin(x) / x,  # 0/0 at 0
    right=_limit_at_zero,
    value=2,
    x=real(-8, 8),
)
