"""Subnormal numbers were taken for zero, because the processor had been told to flush them.

## Why digits are lost

Below 1.2e-38 float32 has subnormal numbers: fewer digits, down to 1.4e-45, so that x - y is zero
only where x is y. `torch.set_flush_denormal(True)`, or a library built with -ffast-math that sets
the same when it is loaded, makes zeros of them, operands and results alike, in the whole thread:
not in this routine only, but in all that runs after it. float16 and bfloat16 are widened for most
operators, and then lose what is subnormal in float32.

## Example

>>> import torch
>>> x = torch.tensor([1e-38]) - torch.tensor([0.9e-38])
>>> (x != 0).item()
True
>>> if torch.set_flush_denormal(True):
...     flushed = torch.tensor([1e-38]) - torch.tensor([0.9e-38])
...     _ = torch.set_flush_denormal(False)
... else:  # a processor without such a mode
...     flushed = torch.zeros(1)
>>> flushed.item()
0.0

Don't set the mode where numbers of any size are right; or scale, so that none is subnormal.

## Told from its neighbours

- underflow: the number is too small for the format itself, whatever the mode; so it is where a
  kernel flushes by itself.
- placement: other results in another arrangement, in the mode that keeps subnormals.

## How numcheck proves it

Its own arithmetic keeps subnormals always. The mode is looked at before each truth and after each
routine; a routine runs in the mode that was found, set by an import for example. Where that or the
routine's own mode flushes, failing points run once more with subnormals kept at every operator:
those that are right then were lost to the flush.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real

REMEDY = "don't flush subnormals, or scale so that none is met"


def _flushing(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The difference, in a mode that stays set."""
    torch.set_flush_denormal(True)
    return x - y


PLANTED = planted(
    "Demmel 1984: gradual underflow",
    lambda x, y: x - y,
    wrong=_flushing,
    right=lambda x, y: x - y,
    value=1,
    formats=("float32",),
    x=real(2**-126, 2**-125),
    y=real(2**-126, 2**-125),
)
