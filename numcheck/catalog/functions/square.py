"""Square.

Where it is hard: where it leaves the range.
"""

import torch

from numcheck import formula, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((-1.5,), "2.25"), ((3,), "9")],
    x=real(-float("inf"), float("inf")),
)
def square(x):
    """x times x."""
    return x * x


@square.law
def it_is_even(f, x):
    """square(-x) = square(x)."""
    return f(-x), f(x)


@square.routine(value=ulps(0.5), grad=ulps(0.5))
def torch_builtin(x):
    """torch.square."""
    return torch.square(x)
