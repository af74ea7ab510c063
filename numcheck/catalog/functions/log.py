"""Natural logarithm.

Where it is hard: near 1, where the result is small and the logarithm of the exponent must not enter the sum.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "0"), ((2,), "0.693147180559945309417232121"), ((0.75,), "-0.287682072451780927439219006")],
    x=real(0, float("inf")),
)
def log(x):
    """The natural logarithm."""
    return m.log(x)


@log.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(x):
    """torch.log."""
    return torch.log(x)
