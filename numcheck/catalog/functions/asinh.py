"""Inverse hyperbolic sine.

Where it is hard: left of zero, where x and the root cancel, and far out, where x * x leaves the range.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.37",
    known=[
        ((0,), "0"),
        ((1,), "0.881373587019543025232609324980"),
        ((-100,), "-5.29834236561058875736882568911"),
    ],
    x=real(-float("inf"), float("inf")),
)
def asinh(x):
    """The number whose hyperbolic sine is x."""
    return m.asinh(x)


@asinh.law
def it_is_odd(f, x):
    """asinh(-x) = -asinh(x)."""
    return f(-x), -f(x)


@gap("overflow", why="the backward squares x", of="grad")
@asinh.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.asinh."""
    return torch.asinh(x)
