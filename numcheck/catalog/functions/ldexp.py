"""A number times a power of two.

Where it is hard: where the power leaves the range and the product does not.
"""

import torch

from numcheck import formula, gap, integer, real, ulps


@formula(
    source="ISO/IEC 9899:2018 (C17), section 7.12.6.6",
    known=[((3, 2), "12"), ((1, -3), "0.125"), ((0.75, 1), "1.5")],
    x=real(-float("inf"), float("inf")),
    n=integer(-300, 300),
)
def ldexp(x, n):
    """x times two to the power n, exactly."""
    return x * 2**n


@gap("wrong_formula", "overflow", why="the backward takes 2**n in 64-bit integers: 0 for n < 0", of="grad")
@ldexp.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x, n):
    """torch.ldexp."""
    return torch.ldexp(x, n)
