"""Power of three halves.

Where it is hard: where the logarithm of x has to be right to more digits than the format has.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((2,), "2.82842712474619009760337744842"), ((0.0625,), "0.015625")],
    x=real(0, float("inf")),
)
def power_three_halves(x):
    """x times its square root."""
    return x * m.sqrt(x)


@power_three_halves.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.pow with the exponent 3/2."""
    return torch.pow(x, 1.5)
