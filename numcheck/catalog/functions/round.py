"""Rounding to the nearest integer.

Where it is hard: halfway between two integers, where the even one is right; x + 1/2, rounded down, is not it.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE 754-2019, section 5.9",
    known=[((0.5,), "0"), ((-1.5,), "-2"), ((0.75,), "1")],
    x=real(-float("inf"), float("inf"), near=(0.5, 1.5, 2.5)),
)
def round(x):
    """The nearest integer; of two the even one."""
    return m.round(x)


@round.law
def it_is_odd(f, x):
    """round(-x) = -round(x)."""
    return f(-x), -f(x)


@round.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.round."""
    return torch.round(x)
