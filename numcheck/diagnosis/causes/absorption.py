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

Keep the small term apart, or sum in a wider format:

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
result to the operator that lost most digits. One of the few operators before it, along the error,
is an addition that returned one operand though the other was not zero, or, before a function that
magnifies, one that had no room for bits of the smaller term: two, or one where it magnifies twice.
Where its terms had been rounded before, or a root after it rounds by more than it passes on, that
is cancellation. A sum or mean has absorbed digits where all terms but one lie two bits below it.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "keep the small term apart: log1p(x) for log(1 + x), a wider accumulator, or compensation"
PLANTED = planted(
    "Goldberg 1991, theorem 4",
    lambda x: m.log(1 + x),
    wrong=lambda x: torch.log(1 + x),  # 1 + x has no room for x
    right=lambda x: torch.log1p(x),
    value=2,
    x=real(2**-40, 2**-10),
)
