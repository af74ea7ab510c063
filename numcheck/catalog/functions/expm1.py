"""Exponential function less one.

Where it is hard: near zero, where exp(x) has lost the digits of x.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((1,), "1.718281828459045235360287471"), ((-20,), "-0.9999999979388463775614421720")],
    x=real(-float("inf"), float("inf")),
)
def expm1(x):
    """What the exponential function exceeds one by."""
    return m.exp(x) - 1


@gap("cancellation", why="the backward adds 1 to the rounded result, which is nearly -1 far left", of="grad")
@expm1.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.expm1."""
    return torch.expm1(x)
