"""Spherical Bessel function of the first kind of order 0.

Where it is hard: beside its zeros, the multiples of pi, and at zero, where sin(x) / x has no value but the
limit 1.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.49, equation 10.49.3",
    known=[
        ((0,), "1"),
        ((1,), "0.841470984807896506652502321630"),
        ((100,), "-0.00506365641109758793656557610460"),
    ],
    wrt=(),
    x=real(-float("inf"), float("inf"), near=(3.141592653589793, 6.283185307179586)),
)
def spherical_bessel_j0(x):
    """The sine of x over x, the sinc function without pi."""
    return m.sinc(x / m.pi())


@spherical_bessel_j0.routine(value=ulps(2), formats=("float32",))
def torch_builtin(x):
    """torch.special.spherical_bessel_j0."""
    return torch.special.spherical_bessel_j0(x)
