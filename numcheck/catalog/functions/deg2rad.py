"""Degrees in radians.

Where it is hard: nowhere. One product with a rounded constant.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="BIPM 2019, The International System of Units, 9th edition, table 8",
    known=[
        ((0,), "0"),
        ((180,), "3.14159265358979323846264338328"),
        ((-1,), "-0.0174532925199432957692369076849"),
    ],
    x=real(-float("inf"), float("inf")),
)
def deg2rad(x):
    """An angle of x degrees, in radians."""
    return x * m.pi() / 180


@deg2rad.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x):
    """torch.deg2rad."""
    return torch.deg2rad(x)
