"""Hyperbolic cosine.

Where it is hard: where exp(x) has left the range and half of it has not.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.28",
    known=[
        ((0,), "1"),
        ((1,), "1.54308063481524377847790562076"),
        ((-20,), "242582597.704895140015130226490"),
    ],
    x=real(-float("inf"), float("inf"), near=(-88.72, 88.72)),
)
def cosh(x):
    """Half of exp(x) + exp(-x)."""
    return (m.exp(x) + m.exp(-x)) / 2


@cosh.law
def it_is_even(f, x):
    """cosh(-x) = cosh(x)."""
    return f(-x), f(x)


@gap("placement", "overflow", why="the vector kernel takes half of an exponential that overflows")
@cosh.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.cosh."""
    return torch.cosh(x)
