"""Tangent.

Where it is hard: at large numbers, and near multiples of pi/2, where what is left of x needs many digits of pi.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.14",
    known=[
        ((0,), "0"),
        ((1,), "1.55740772465490223050697480746"),
        ((-100,), "0.587213915156929076677809635645"),
    ],
    x=real(-1e308, 1e308),
)
def tan(x):
    """The tangent of an angle in radians."""
    return m.tan(x)


@tan.law
def it_is_odd(f, x):
    """tan(-x) = -tan(x)."""
    return f(-x), -f(x)


@tan.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.tan."""
    return torch.tan(x)
