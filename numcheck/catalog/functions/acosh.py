"""Inverse hyperbolic cosine.

Where it is hard: near 1, where it is the root of a difference, and far out, where x * x leaves the range.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.37",
    known=[
        ((1,), "0"),
        ((2,), "1.31695789692481670862504634731"),
        ((100,), "5.29829236561048459070166683494"),
    ],
    x=real(1, float("inf")),
)
def acosh(x):
    """The number from zero whose hyperbolic cosine is x."""
    return m.acosh(x)


@gap("overflow", "nan_gradient", why="t + sqrt(t) sqrt(t + 2), twice x, leaves the range")
@acosh.routine(value=ulps(4), grad=ulps(4))
def shifted_form(x):
    """log1p(t + sqrt(t) sqrt(t + 2)) with t = x - 1: no difference near 1, no square far out."""
    t = x - 1
    return torch.log1p(t + torch.sqrt(t) * torch.sqrt(t + 2))


@gap("overflow", why="the backward squares x", of="grad")
@acosh.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.acosh."""
    return torch.acosh(x)
