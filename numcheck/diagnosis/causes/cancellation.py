"""Close numbers were subtracted: the digits they share are gone, their rounding errors stay.

## Why digits are lost

The subtraction itself is innocent: of two numbers within a factor of two it is exact. But it
removes the leading digits, where they agree, and keeps the trailing ones, where each was rounded.
exp(1e-4) = 1.0001000050... is rounded to 24 bits in float32; without its leading 1 some 11 bits
are right. At x = 1e-8 none is: exp(x) is rounded to 1. See Higham 2002, section 1.7.

## Example

>>> import torch
>>> x = torch.tensor(1e-4)
>>> f"{(torch.exp(x) - 1).item():.5e}"
'1.00017e-04'
>>> (1 - torch.cos(x)).item()
0.0

Rewrite the difference, so that no close numbers meet:

>>> f"{torch.expm1(x).item():.5e}"
'1.00005e-04'
>>> f"{(2 * torch.sin(x / 2) ** 2).item():.4e}"
'5.0000e-09'

A variance wants the mean subtracted before squaring, a polygon far from the origin a corner
subtracted first, a quadratic's smaller root the form c / (b + sqrt(b*b - c)).

## Told from its neighbours

- absorption: there the digits go where the small term is added, here where the large ones are
  subtracted. (1 + x) - 1 is absorption, made visible by a subtraction.
- sensitivity: where the inputs themselves are close and inexact, no code can do better, and the
  budget forgives it. Here the numbers that were close are intermediates, rounded by the code.
- order: a long sum loses digits little by little, without one subtraction in which two or more
  leading bits vanish.
- underflow: healed by a wider range of exponents, which does nothing for cancellation.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits and goes back from the wrong
result to the operator whose operands agreed with the shadow and whose result does not. That more
digits heal it is what the shadow shows; no addition shortly before it may have swallowed a term,
and the range by itself may not do more harm than rounding.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "rewrite the difference (log1p, expm1, a shifted origin): subtract no close numbers"
PLANTED = planted(
    "Kahan 1980, interest rates",
    lambda x: m.exp(x) - 1,
    wrong=lambda x: torch.exp(x) - 1,  # exp(x) is close to 1
    right=lambda x: torch.expm1(x),
    value=2,
    x=real(2**-30, 0.25),
)
