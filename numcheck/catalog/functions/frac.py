"""Fractional part of a number.

Where it is hard: nowhere. What is left is a difference of close numbers without rounding.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="ISO/IEC 9899:2018, section 7.12.6.12 (modf)",
    known=[((0,), "0"), ((-1.5,), "-0.5"), ((2.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def frac(x):
    """What is left of x without its integer part, with the sign of x."""
    return x - m.trunc(x)


@frac.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.frac."""
    return torch.frac(x)
