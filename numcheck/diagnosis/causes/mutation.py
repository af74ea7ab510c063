"""The routine wrote into its inputs: whoever called it has other numbers now than were given.

## Why digits are lost

An operator whose name ends in an underscore, an `out=` or an assignment to a slice writes into the
tensor that it was handed. The result may be right. But the caller's tensor is another one now, and
what is computed from it next (another loss, the gradient, the next step) is wrong in all 24 bits.
In training code that shows up far from its cause.

## Example

>>> import torch
>>> def clipped_log(p):
...     return p.clamp_(min=0.5).log_()
>>> p = torch.tensor([0.25])
>>> clipped_log(p) is p
True
>>> f"{p.item():.4f}"
'-0.6931'

Leave the underscore away, or copy first:

>>> p = torch.tensor([0.25])
>>> f"{p.clamp(min=0.5).log_().item():.4f}"
'-0.6931'
>>> p.item()
0.25

## Told from its neighbours

- not_deterministic: a second call with the same tensor gives something else as well, but because
  the tensor has changed.
- wrong_formula: the result itself is wrong. A point that fails by its result has that cause.

## How numcheck proves it

It compares the tensors that it handed over with the points, bit for bit, after every call. What
differs is told. A point fails where an input moved by more ulps than the budget of the value has,
or at all where it is a whole number; its error is then how far that input moved.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "write into a copy: leave the underscore away, or clone the input first"


def _in_place(x: torch.Tensor) -> torch.Tensor:
    """The result is right, and the caller's tensor its absolute value."""
    return torch.sqrt(x.abs_())


PLANTED = planted(
    "the square root of a distance",
    lambda x: m.sqrt(m.abs(x)),
    wrong=_in_place,
    right=lambda x: torch.sqrt(x.clone().abs_()),
    value=1,
    x=real(-100, 100),
)
