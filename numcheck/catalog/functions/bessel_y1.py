"""Bessel function of the second kind of order 1.

Where it is hard: beside its zeros, and far out, where it is a cosine whose angle has lost its digits unless
it is reduced as exactly as a cosine's. At zero it is minus infinity.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.2, equation 10.2.3",
    known=[
        ((0.5,), "-1.47147239267024306918858463532"),
        ((1,), "-0.781212821300288716547150000048"),
        ((100,), "-0.0203723120027597933047039326664"),
    ],
    wrt=(),
    x=real(0, float("inf"), near=(2.197141326031017, 5.429681040794135)),
)
def bessel_y1(x):
    """The Bessel function of the second kind of order 1."""
    return m.y1(x)


@gap("cancellation", why="computed in float32: polynomials up to 5, the sine of a rounded x - 3 pi/4 beyond")
@gap("overflow", why="1 / x overflows before it is multiplied by 2 / pi")
@gap("special_value", why="at infinity it is the sine of infinity")
@bessel_y1.routine(value=ulps(2), formats=("float32",))
def torch_builtin(x):
    """torch.special.bessel_y1."""
    return torch.special.bessel_y1(x)
