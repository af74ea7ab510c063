"""A gradient is NaN, or infinite, where a finite one is right: often, zero met an infinite slope.

## Why digits are lost

Autograd differentiates every operator that ran, also those whose result was thrown away. The
square root has an infinite slope at 0 and none below. `where` hands the branch that it did not
take a gradient of zero, and 0 * inf is NaN; so is 0 * NaN. The value is right, the loss looks
healthy, and one optimizer step later every weight is NaN.

## Example

>>> import torch
>>> x = torch.tensor(0.5, requires_grad=True)
>>> torch.where(x > 1, torch.sqrt(x - 1), 0).backward()
>>> x.grad.item()
nan

Give the singular function a safe argument first, and choose afterwards:

>>> x = torch.tensor(0.5, requires_grad=True)
>>> safe = torch.where(x > 1, x, 2)
>>> torch.where(x > 1, torch.sqrt(safe - 1), 0).backward()
>>> x.grad.item()
0.0

The same helps the length of a vector that may be zero: choose before the root. Adding epsilon
under the root also ends the NaN, but computes another formula.

## Told from its neighbours

- special_value: there the value itself is NaN or infinite; here the value may well be right.
- overflow, underflow: whatever made a gradient NaN, it is called nan_gradient, for that is what
  training meets. So is one that a division by zero on the way back made infinite. One that only
  left the range, or is zero, keeps that cause's name.
- wrong_formula: a gradient that is finite and wrong.

## How numcheck proves it

The formula's derivative is proved to exist at the point (at a kink, to lie between the slopes on
its two sides), and the routine's gradient is NaN or infinite there. The trace goes back through
the backward pass to the operator that made it so out of numbers, and names the operator and the
line of the forward pass whose derivative it is: `sqrt` at 0, `log` of 0, `exp` that overflowed.
"""

import torch

from numcheck.diagnosis.causes import planted
from numcheck.domain import real
from numcheck.reals import vocabulary as m

REMEDY = "make the branch that is not taken safe before the singular function, not after it"


def remedy_for(operator: str, left_the_range: str, chosen: bool) -> str:
    """What helps where the derivative of this operator made a gradient NaN or infinite.

    `left_the_range` names the operator whose value did, if one is to blame; `chosen` tells whether a `where` of the
    routine may have left the value behind.
    """
    name, other = (
        word.split(".")[1].rstrip("_") if "." in word else word for word in (operator, left_the_range)
    )
    if other:
        also = "" if other == name else f", and the derivative of {name} is not finite there"
        return (
            f"{other} leaves the format's range{also}: limit or scale what goes into it, not what comes out"
        )
    if chosen:
        return f"the derivative of {name} is not finite there: choose a safe argument before it, not its result after"
    return f"the derivative of {name} is not finite there: give that input a branch of its own before {name} meets it"


PLANTED = planted(
    "a root that starts at 1",
    lambda x: m.where(x > 1, m.sqrt(x - 1), 0),
    # the root's slope is NaN below 1, and 0 * NaN is NaN
    wrong=lambda x: torch.where(x > 1, torch.sqrt(x - 1), 0),
    right=lambda x: torch.where(x > 1, torch.sqrt(torch.where(x > 1, x, 2) - 1), 0),
    value=2,
    grad=4,
    x=real(-4, 4),
)
