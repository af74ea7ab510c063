"""An intermediate fell below the format's smallest normal number: it has few digits, or is zero.

## Why digits are lost

float32's normal numbers end at 1.2e-38. Below, every halving costs a bit, and below 7e-46 there
is only zero: the square of 1e-20 keeps 17 bits of 24, the square of 1e-30 none. float16's end at
6.1e-5, so that there the square of anything below 0.0078 loses bits. What is made of such a
number (a root, a logarithm, a quotient) may be of any size.

## Example

>>> import torch
>>> a = torch.tensor(1e-30)
>>> torch.sqrt(a * a + a * a).item()
0.0
>>> logits = torch.tensor([0.0, 200.0])
>>> torch.log(torch.softmax(logits, 0)).tolist()
[-inf, 0.0]

Scale before the number leaves the range, or keep its logarithm; torch has functions that do:

>>> f"{torch.hypot(a, a).item():.3e}"
'1.414e-30'
>>> torch.log_softmax(logits, 0).tolist()
[-200.0, 0.0]

## Told from its neighbours

- cancellation, absorption: more significand bits heal those; underflow is what a wider range of
  exponents alone heals.
- special_value: log(0) is that where the argument is zero in truth; here it only became zero.
- nan_gradient: every NaN in a gradient has that name, also one that an underflow made.
- Not each underflow does harm: 1 + exp(-200) is right. Only the operator that the lost digits
  come from is blamed.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits and goes back from the wrong
result to the operator that lost most of them: that operator's result, or an operand of it, lost
digits by being zero or subnormal. Then it runs the routine with the format's range but float64's
digits, and with the format's digits but float64's range: of the two, the one that breaks the
budget by more names the cause. Where only both together break it, the operator that lost the
digits does; where the range by itself leaves the result as it was, rounding does.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "keep the small factor's logarithm, or scale before it leaves the range"
PLANTED = planted(
    "Moler & Morrison 1983",
    lambda x, y: m.sqrt(x**2 + y**2),
    # the squares leave the range before the root brings them back
    wrong=lambda x, y: torch.sqrt(x * x + y * y),
    right=lambda x, y: torch.hypot(x.double(), y.double()).to(x.dtype),
    value=2,
    x=real(0, 2**-6),
    y=real(0, 2**-6),
)
