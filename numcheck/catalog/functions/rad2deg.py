"""Radians in degrees.

Where it is hard: nowhere. One product with a rounded constant.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="BIPM 2019, The International System of Units, 9th edition, table 8",
    known=[
        ((0,), "0"),
        ((1,), "57.2957795130823208767981548141"),
        ((-0.5,), "-28.6478897565411604383990774071"),
    ],
    x=real(-float("inf"), float("inf")),
)
def rad2deg(x):
    """An angle of x radians, in degrees."""
    return x * 180 / m.pi()


@rad2deg.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x):
    """torch.rad2deg."""
    return torch.rad2deg(x)
