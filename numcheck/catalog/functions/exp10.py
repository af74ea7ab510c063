"""Exponential function to base ten.

Where it is hard: at large numbers: x times log(10) has to be right to more digits than the format has.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[
        ((0,), "1"),
        ((0.5,), "3.16227766016837933199889354443"),
        ((-20,), "1.00000000000000000000000000000e-20"),
    ],
    x=real(-float("inf"), float("inf")),
)
def exp10(x):
    """Ten to the power x."""
    return m.exp10(x)


@exp10.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.pow with the base 10: torch has no function of that name."""
    return torch.pow(10, x)
