"""A long sum was rounded after every term, and the many small errors add up.

## Why digits are lost

Adding n numbers one after the other rounds n - 1 times, each time to the spacing of the sum so
far. The error may grow as n * u (Higham 2002, section 4.2): for 10,000 terms that is 13 of
float32's 24 bits. Pairwise summation rounds each term log2(n) times only: 14 instead of 9,999.

## Example

>>> import torch
>>> x = torch.full((10_000,), 0.1)
>>> total = torch.tensor(0.0)
>>> for number in x:
...     total = total + number
>>> abs(total.item() - 1000) > 0.05
True

Sum pairwise, as torch's own sum does, or in a wider format:

>>> abs(x.sum().item() - 1000) < 0.001
True
>>> abs(x.double().sum().float().item() - 1000) < 0.0001
True

## Told from its neighbours

- cancellation: one operator in which two or more leading bits vanish; here none stands out.
- absorption: one term outweighs all others, or a sum came out as one of its terms.
- sensitivity: a sum of terms of both signs may be ill-conditioned in whatever order; a budget
  with `gamma` forgives n roundings on top, where a routine is meant to sum in any order.

## How numcheck proves it

It runs the routine beside a shadow with some 106 significand bits and goes back from the wrong
result. Either a sum (sum, mean, a matrix product) lost the digits without cancelling and without
a term that outweighs the others, or no operator on the way lost two bits, and the way leads
through such a sum, or through one line that added three times or more. The name says what the
chain did; what another order would give isn't tried.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import vector
from numcheck.reals import vocabulary as m

REMEDY = "sum pairwise or in a wider format"


def _one_after_the_other(x: torch.Tensor) -> torch.Tensor:
    """127 roundings."""
    total = torch.zeros_like(x[:, 0])
    for i in range(x.shape[1]):
        total = total + x[:, i]
    return total


PLANTED = planted(
    "Higham 2002, section 4.2",
    lambda x: m.sum(x),
    wrong=_one_after_the_other,
    right=lambda x: x.double().sum(1).to(x.dtype),  # one rounding
    value=2,
    formats=("float32", "float16"),  # in bfloat16 a term of 0.5 finds no room beside 128: that is absorption
    x=vector(0.5, 1, sizes=(128,)),
)
