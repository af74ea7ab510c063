"""Logarithm of the gamma function's absolute value.

Where it is hard: near its zeros: 1, 2, and two between each two poles left of -2, where a reflection
subtracts nearly equal numbers.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 5.2, equation 5.2.1",
    known=[
        ((1,), "0"),
        ((0.5,), "0.572364942924700087071713675677"),
        ((-2.5,), "-0.0562437164976740506725945300977"),
    ],
    x=real(-float("inf"), float("inf"), near=(1, 2, 4.05e36, -2.4570247382208006, -2.7476826467274127)),
)
def lgamma(x):
    """The logarithm of the absolute value of the gamma function."""
    return m.lgamma(x)


@lgamma.law
def a_step_adds_the_logarithm(f, x):
    """lgamma(x + 1) = lgamma(x) + log|x|."""
    return f(x + 1), f(x) + m.log(abs(x))


@gap("overflow", why="x log(x) overflows before x is taken off it", of="value")
@gap("cancellation", why="digamma takes a sum of reciprocals up to 10 off a logarithm in float32", of="grad")
@lgamma.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.lgamma."""
    return torch.lgamma(x)
