"""The larger of two numbers.

Where it is hard: at a tie, where its slope is anything between two.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 9.6",
    known=[((1, 2), "2"), ((-1, -2), "-1"), ((0.5, 0.5), "0.5")],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def maximum(x, y):
    """Whichever of two numbers is larger."""
    return m.maximum(x, y)


@maximum.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x, y):
    """torch.maximum."""
    return torch.maximum(x, y)


@maximum.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_fmax(x, y):
    """torch.fmax, which is another number than NaN where it can."""
    return torch.fmax(x, y)
