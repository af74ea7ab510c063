"""Logarithm to base two.

Where it is hard: near 1, where the result is small and the exponent of x must not enter the sum.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "0"), ((8,), "3"), ((0.75,), "-0.415037499278843818546261056052")],
    x=real(0, float("inf")),
)
def log2(x):
    """The power of two that is x."""
    return m.log2(x)


@log2.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x):
    """torch.log2."""
    return torch.log2(x)
