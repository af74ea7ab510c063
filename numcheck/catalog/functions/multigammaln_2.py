"""Logarithm of the multivariate gamma function of dimension 2.

Where it is hard: near its zeros, where two logarithms of gamma functions and log(pi) / 2 cancel.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 35.3",
    known=[
        ((1,), "1.14472988584940017414342735135"),
        ((2,), "0.451582705289454864726195229895"),
        ((0.75,), "2.06366841905407291592375708776"),
    ],
    a=real(0.5, float("inf"), near=(1.3,)),
)
def multigammaln_2(a):
    """The logarithm of the gamma function of 2 x 2 positive definite matrices."""
    return m.log(m.pi()) / 2 + m.lgamma(a) + m.lgamma(a - 0.5)


@gap("cancellation", why="digamma takes a sum of reciprocals up to 10 off a logarithm in float32", of="grad")
@multigammaln_2.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(a):
    """torch.special.multigammaln."""
    return torch.special.multigammaln(a, 2)
