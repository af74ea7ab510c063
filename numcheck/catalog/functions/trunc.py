"""Rounding towards zero.

Where it is hard: nowhere. It is flat, but at integers other than zero, where it jumps.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE 754-2019, section 5.9",
    known=[((0,), "0"), ((-1.5,), "-1"), ((0.75,), "0")],
    x=real(-float("inf"), float("inf")),
)
def trunc(x):
    """The integer part of x."""
    return m.trunc(x)


@trunc.law
def it_is_odd(f, x):
    """trunc(-x) = -trunc(x)."""
    return f(-x), -f(x)


@trunc.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.trunc."""
    return torch.trunc(x)
