"""Rounding down.

Where it is hard: nowhere. It is flat, but at integers, where it jumps.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE 754-2019, section 5.9",
    known=[((0,), "0"), ((-1.5,), "-2"), ((0.75,), "0")],
    x=real(-float("inf"), float("inf")),
)
def floor(x):
    """The largest integer up to x."""
    return m.floor(x)


@floor.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.floor."""
    return torch.floor(x)
