"""Whole numbers left their type and came back at its other end.

## Why digits are lost

An integer of n bits is kept modulo 2**n, without an infinity and without a warning. In int8,
127 + 1 is -128; in uint8, 200 + 100 is 44. int32 ends at 2,147,483,647: the product of two sides
of 46,341 pixels is negative. Torch sums int32 in int64, but multiplies it in int32.

## Example

>>> import torch
>>> side = torch.tensor([50_000], dtype=torch.int32)
>>> (side * side).item()
-1794967296
>>> a = torch.tensor([200], dtype=torch.uint8)
>>> ((a + a) // 2).item()
72

Widen before the operator that grows the number, not after it, or keep the number small:

>>> (side.long() * side.long()).item()
2500000000
>>> (a // 2 + a // 2 + (a & a & 1)).item()
200

int64 ends as well, before 21!. Beyond, a floating-point format keeps the leading digits.

## Told from its neighbours

- overflow: there a floating-point number became infinite, which the result still shows.
- wrong_formula: more bits don't heal it; here a wider integer would.
- absorption: a whole number that a floating-point format doesn't hold is rounded, not wrapped.

## How numcheck proves it

It runs the routine once more and looks at every operator on whole numbers: the same operator on
float64 has another result, by half of the type's range or more, in the failing point's own lane.
So does a conversion of a number that the type doesn't hold. Only points that fail are asked about.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import integer

REMEDY = "convert to a wider integer type before the operator whose result leaves the type"


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """In 32 bits, of sides up to 2**20."""
    return (a.int() * b.int()).double()


PLANTED = planted(
    "the area of a picture in pixels",
    lambda a, b: a * b,
    wrong=_product,
    right=lambda a, b: (a * b).double(),
    value=2,
    a=integer(1, 2**20),
    b=integer(1, 2**20),
)
