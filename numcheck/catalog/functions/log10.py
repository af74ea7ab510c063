"""Logarithm to base ten.

Where it is hard: near 1, where the result is small and the exponent of x must not enter the sum.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "0"), ((1000,), "3"), ((0.75,), "-0.124938736608299953132449886194")],
    x=real(0, float("inf")),
)
def log10(x):
    """The power of ten that is x."""
    return m.log10(x)


@gap("overflow", why="the backward multiplies x by log(10) before it divides", of="grad")
@log10.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x):
    """torch.log10."""
    return torch.log10(x)
