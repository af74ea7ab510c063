"""Bessel function of the second kind of order 0.

Where it is hard: beside its zeros, and far out, where it is a cosine whose angle has lost its digits unless
it is reduced as exactly as a cosine's. At zero it is minus infinity.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.2, equation 10.2.3",
    known=[
        ((0.5,), "-0.444518733506706557148398475068"),
        ((1,), "0.0882569642156769579829267660235"),
        ((100,), "-0.0772443133650831522542282213672"),
    ],
    wrt=(),
    x=real(0, float("inf"), near=(0.8935769662791675, 3.957678419314858)),
)
def bessel_y0(x):
    """The Bessel function of the second kind of order 0."""
    return m.y0(x)


@gap("cancellation", why="computed in float32: polynomials up to 5, the sine of a rounded x - pi/4 beyond")
@gap("special_value", why="at infinity it is the sine of infinity")
@bessel_y0.routine(value=ulps(2), formats=("float32",))
def torch_builtin(x):
    """torch.special.bessel_y0."""
    return torch.special.bessel_y0(x)
