"""Cosine.

Where it is hard: at large numbers, and near odd multiples of pi/2, where what is left of x needs many digits of pi.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.14",
    known=[
        ((0,), "1"),
        ((1,), "0.540302305868139717400936607443"),
        ((-100,), "0.862318872287683934101938513951"),
    ],
    x=real(-1e308, 1e308),
)
def cos(x):
    """The cosine of an angle in radians."""
    return m.cos(x)


@cos.law
def it_is_even(f, x):
    """cos(-x) = cos(x)."""
    return f(-x), f(x)


@cos.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x):
    """torch.cos."""
    return torch.cos(x)
