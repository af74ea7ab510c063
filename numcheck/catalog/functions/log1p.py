"""Logarithm of one plus a number.

Where it is hard: near zero, where 1 + x has lost the digits of x.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((1,), "0.693147180559945309417232121"), ((-0.5,), "-0.693147180559945309417232121")],
    x=real(-1, float("inf")),
)
def log1p(x):
    """The natural logarithm of what exceeds zero by one."""
    return m.log(1 + x)


@log1p.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.log1p."""
    return torch.log1p(x)
