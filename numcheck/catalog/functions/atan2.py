"""Angle of a point of the plane.

Where it is hard: on the negative axis, where the sign of a zero decides, and where the quotient y / x leaves
the range.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 9.2",
    known=[
        ((0, 1), "0"),
        ((1, 1), "0.785398163397448309615660845820"),
        ((-1, -2), "-2.67794504458898712224838715182"),
    ],
    y=real(-float("inf"), float("inf")),
    x=real(-float("inf"), float("inf")),
)
def atan2(y, x):
    """The angle of the point (x, y), in radians from -pi to pi."""
    return m.atan2(y, x)


@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="the backward divides by x*x + y*y, out of the range",
    of="grad",
)
@atan2.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(y, x):
    """torch.atan2."""
    return torch.atan2(y, x)
