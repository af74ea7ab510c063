"""Absolute value.

Where it is hard: nowhere but at zero, where any slope from -1 to 1 is right.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="Spivak 2008, Calculus, chapter 1",
    known=[((0,), "0"), ((-1.5,), "1.5"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def abs(x):
    """The distance from zero."""
    return m.abs(x)


@abs.law
def it_is_even(f, x):
    """abs(-x) = abs(x)."""
    return f(-x), f(x)


@abs.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.abs."""
    return torch.abs(x)
