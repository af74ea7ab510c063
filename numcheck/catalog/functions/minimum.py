"""The smaller of two numbers.

Where it is hard: at a tie, where its slope is anything between two.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 9.6",
    known=[((1, 2), "1"), ((-1, -2), "-2"), ((0.5, 0.5), "0.5")],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def minimum(x, y):
    """Whichever of two numbers is smaller."""
    return m.minimum(x, y)


@minimum.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x, y):
    """torch.minimum."""
    return torch.minimum(x, y)


@minimum.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_fmin(x, y):
    """torch.fmin, which is another number than NaN where it can."""
    return torch.fmin(x, y)
