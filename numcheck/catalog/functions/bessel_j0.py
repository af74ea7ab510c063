"""Bessel function of the first kind of order 0.

Where it is hard: beside its zeros, and far out, where it is a cosine whose angle has lost its digits unless
it is reduced as exactly as a cosine's.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.2, equation 10.2.2",
    known=[
        ((0,), "1"),
        ((1,), "0.765197686557966551449717526103"),
        ((100,), "0.0199858503042231224242283909508"),
    ],
    wrt=(),
    x=real(-float("inf"), float("inf"), near=(2.404825557695773, 5.520078110286311)),
)
def bessel_j0(x):
    """The Bessel function of the first kind of order 0."""
    return m.j0(x)


@gap("cancellation", why="computed in float32: polynomials up to 5, the cosine of a rounded x - pi/4 beyond")
@gap("special_value", why="at infinity it is the cosine of infinity")
@bessel_j0.routine(value=ulps(2), formats=("float32",))
def torch_builtin(x):
    """torch.special.bessel_j0."""
    return torch.special.bessel_j0(x)
