"""Logarithmic derivative of the gamma function.

Where it is hard: near its zeros, one right of zero and one between each two poles, and left of zero, where
the reflection takes a cotangent beside its poles.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 5.2, equation 5.2.2",
    known=[
        ((1,), "-0.577215664901532860606512090082"),
        ((0.25,), "-4.22745353337626540808953014610"),
        ((-2.5,), "1.10315664064524318722569033367"),
    ],
    x=real(-float("inf"), float("inf"), near=(1.4616321449683623, -0.504083008264455)),
)
def digamma(x):
    """The derivative of the logarithm of the gamma function."""
    return m.digamma(x)


@digamma.law
def a_step_adds_the_reciprocal(f, x):
    """digamma(x + 1) = digamma(x) + 1 / x."""
    return f(x + 1), f(x) + 1 / x


@gap("cancellation", why="a sum of reciprocals up to 10 is taken off a logarithm in float32", of="value")
@gap("cancellation", why="left of 1/2 trigamma takes the sine of a rounded pi x", of="grad")
@digamma.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.digamma."""
    return torch.digamma(x)
