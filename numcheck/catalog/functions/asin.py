"""Inverse sine.

Where it is hard: near the ends, where its slope is infinite.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.23",
    known=[
        ((0,), "0"),
        ((0.5,), "0.523598775598298873077107230547"),
        ((-0.875,), "-1.06543581651073931226000681765"),
    ],
    x=real(-1, 1),
)
def asin(x):
    """The angle in [-pi/2, pi/2] whose sine is x."""
    return m.asin(x)


@asin.law
def it_is_odd(f, x):
    """asin(-x) = -asin(x)."""
    return f(-x), -f(x)


@asin.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.asin."""
    return torch.asin(x)
