"""Negation.

Where it is hard: nowhere. One bit changes, that of a zero, too.
"""

import torch

from numcheck import formula, real, ulps


@formula(
    source="IEEE 754-2019, section 5.5.1",
    known=[((0,), "0"), ((-1.5,), "1.5"), ((0.25,), "-0.25")],
    x=real(-float("inf"), float("inf")),
)
def neg(x):
    """The number that adds up to zero with x."""
    return -x


@neg.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.neg."""
    return torch.neg(x)
