"""Exponential function to base two.

Where it is hard: nowhere. The integer part of x is the exponent of the result.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "1"), ((0.5,), "1.41421356237309504880168872421"), ((-20,), "0.00000095367431640625")],
    x=real(-float("inf"), float("inf")),
)
def exp2(x):
    """Two to the power x."""
    return m.exp2(x)


@gap("overflow", why="the backward multiplies an infinite result by log(2)", of="grad")
@exp2.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(x):
    """torch.exp2."""
    return torch.exp2(x)
