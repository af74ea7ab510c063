"""Rounding up.

Where it is hard: nowhere. It is flat, but at integers, where it jumps.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE 754-2019, section 5.9",
    known=[((0,), "0"), ((-1.5,), "-1"), ((0.75,), "1")],
    x=real(-float("inf"), float("inf")),
)
def ceil(x):
    """The smallest integer from x."""
    return m.ceil(x)


@ceil.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.ceil."""
    return torch.ceil(x)
