"""An intermediate grew beyond the format's largest number: an infinity or a NaN is what is left.

## Why digits are lost

float32 ends at 3.4e38, so exp(x) is infinite from x = 88.73 on; float16 ends at 65504, so there
exp(x) is from x = 11.1 on, and the square of 256 is. The result itself may be moderate, as
log(exp(100)) = 100. An infinity has no digit of it left, and inf - inf, inf / inf and 0 * inf
make it a NaN.

## Example

>>> import torch
>>> x = torch.tensor([100.0, 99.0])
>>> torch.log(torch.exp(x).sum()).item()
inf

Take the largest exponent out first, or call the function that does:

>>> largest = x.max()
>>> round((largest + torch.log(torch.exp(x - largest).sum())).item(), 3)
100.313
>>> round(torch.logsumexp(x, 0).item(), 3)
100.313

## Told from its neighbours

- special_value: 1/0 and log(0) are infinite in any format; overflow is what a wider range of
  exponents heals.
- nan_gradient: every NaN in a gradient has that name, also one that an overflow made.
- An infinity is no failure where the exact result itself lies beyond the format's largest number.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits, and goes back from the wrong
result, along the operands that explain its error, to the first operator that made an infinity out
of finite numbers without dividing by zero or taking a logarithm of zero. Where the infinity later
vanished and only lost digits are left (as in 1 / inf), it runs the routine with the format's range
but float64's digits, and the other way round: the range is to blame where it breaks the budget by
more. Where the code took another branch because of the infinity (`where(isinf(y), 0, y)`), or exact
arithmetic gives a right result though the shadow, too, left its range, the first operator that
overflowed is to blame. An infinity that no operator overflowed to is none of this cause's.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import vector
from numcheck.reals import vocabulary as m

REMEDY = "keep the intermediate in range: subtract the maximum or take logarithms before exponentiating"
PLANTED = planted(
    "Nielsen & Sun 2016, equation 10",
    lambda logits: m.log(m.sum(m.exp(logits))),
    # exp leaves the range before log brings it back
    wrong=lambda logits: torch.log(torch.exp(logits).sum(1)),
    right=lambda logits: torch.logsumexp(logits, 1),
    value=2,
    logits=vector(100, 700),
)
