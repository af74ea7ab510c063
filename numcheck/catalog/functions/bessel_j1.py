"""Bessel function of the first kind of order 1.

Where it is hard: beside its zeros, and far out, where it is a cosine whose angle has lost its digits unless
it is reduced as exactly as a cosine's.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.2, equation 10.2.2",
    known=[
        ((0,), "0"),
        ((1,), "0.440050585744933515959682203719"),
        ((100,), "-0.0771453520141121580326854949272"),
    ],
    wrt=(),
    x=real(-float("inf"), float("inf"), near=(3.8317059702075125, 7.015586669815619)),
)
def bessel_j1(x):
    """The Bessel function of the first kind of order 1."""
    return m.j1(x)


@gap(
    "cancellation", why="computed in float32: polynomials up to 5, the cosine of a rounded x - 3 pi/4 beyond"
)
@gap("underflow", why="x meets the small one of its factors first and is subnormal before the large ones")
@gap("special_value", why="at infinity it is the cosine of infinity")
@bessel_j1.routine(value=ulps(2), formats=("float32",))
def torch_builtin(x):
    """torch.special.bessel_j1."""
    return torch.special.bessel_j1(x)
