"""Reciprocal of the square.

Where it is hard: where the square leaves the range and its reciprocal does not.
"""

import torch

from numcheck import formula, gap, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "1"), ((-1.5,), "0.444444444444444444444444444444"), ((4,), "0.0625")],
    x=real(-float("inf"), float("inf")),
)
def inverse_square(x):
    """x to the power -2."""
    return 1 / (x * x)


@inverse_square.law
def it_is_even(f, x):
    """inverse_square(-x) = inverse_square(x)."""
    return f(-x), f(x)


@gap("underflow", "cancellation", why="the kernel squares x before it divides", of="value")
@inverse_square.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.pow with the exponent -2."""
    return torch.pow(x, -2)
