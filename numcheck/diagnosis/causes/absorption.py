"""An addition had no room for its smaller term, whose digits were needed.

## Why digits are lost

The spacing of float32 numbers above 1 is 1.2e-7, so 1 + 1e-8 is 1, and 1 + 1e-5 keeps 7 bits of
1e-5's 24. Above 1 the spacing of bfloat16 is 0.0078: a weight of 1 stays 1 however many steps of
0.001 are added. The sum itself is as right as the format allows. What shows the damage comes
later: a logarithm, a difference, a thousand more such steps.

## Example

>>> import torch
>>> x = torch.tensor(1e-8)
>>> torch.log(1 + x).item()
0.0
>>> weight = torch.tensor(1.0, dtype=torch.bfloat16)
>>> for _ in range(1000):
...     weight = weight + 0.001
>>> weight.item()
1.0

Keep the small term apart, or sum in a wider format and round once:

>>> f"{torch.log1p(x).item():.1e}"
'1.0e-08'
>>> weight = torch.tensor(1.0)
>>> for _ in range(1000):
...     weight = weight + 0.001
>>> weight.bfloat16().item()
2.0

## Told from its neighbours

- cancellation: there the operands were rounded before, and the subtraction uncovers it.
  (1 + x) - 1 is absorption: the digits of x went with the addition.
- order: a sum that loses a little with every term, of many alike; absorption where one term
  outweighs all others.
- underflow: the small number itself has lost nothing here; a wider range of exponents changes
  nothing.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits and goes back from the wrong
result to the operator that lost most digits. Then it looks at the few operators before it, along
the error: one of them is an addition that returned one operand though the other was not zero, or,
before a function that magnifies, one that had no room for bits of the smaller term: two, or one
where it magnifies twice. A sum (sum, mean, a matrix product) that lost digits has absorbed them
where all of its terms but one lie two or more bits below it.
"""

from typing import Any

import torch

from numcheck.declaration.budgets import ulps
from numcheck.diagnosis.causes import Harm, planted, stated
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "keep the small term apart: log1p(x) for log(1 + x), a wider accumulator, or compensation"
HARM = Harm.LOST_BITS


@stated("Goldberg 1991, theorem 4", x=real(2**-40, 2**-10))
def log_of_one_plus(x: Any) -> Any:
    """The logarithm of a number just above 1."""
    return m.log(1 + x)


def one_added_first(x: torch.Tensor) -> torch.Tensor:
    """1 + x has no room for x."""
    return torch.log(1 + x)


def log1p(x: torch.Tensor) -> torch.Tensor:
    """x never meets the 1."""
    return torch.log1p(x)


PLANTED = planted(log_of_one_plus, wrong=one_added_first, right=log1p, value=ulps(2))
