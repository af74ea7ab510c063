"""Inverse tangent.

Where it is hard: in its slope far out, where x * x leaves the range.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.23",
    known=[
        ((0,), "0"),
        ((1,), "0.785398163397448309615660845820"),
        ((-100,), "-1.56079666010823138102498157543"),
    ],
    x=real(-float("inf"), float("inf")),
)
def atan(x):
    """The angle between -pi/2 and pi/2 whose tangent is x."""
    return m.atan(x)


@atan.law
def it_is_odd(f, x):
    """atan(-x) = -atan(x)."""
    return f(-x), -f(x)


@gap("overflow", why="the backward squares x", of="grad")
@atan.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.atan."""
    return torch.atan(x)
