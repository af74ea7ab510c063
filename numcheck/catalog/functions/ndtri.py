"""Quantile of the standard normal distribution.

Where it is hard: near 1/2, where the result passes through zero, and near 1, where only the digits of 1 - p
count.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.17 with equation 7.20.1",
    known=[
        ((0.5,), "0"),
        ((0.25,), "-0.674489750196081743202227014541"),
        ((0.9375,), "1.53412054435254631170839905904"),
    ],
    p=real(0, 1),
)
def ndtri(p):
    """The number below which a share p of the standard normal distribution lies."""
    return m.ndtri(p)


@ndtri.law
def it_is_the_inverse(f, p):
    """ndtr(ndtri(p)) = p."""
    return m.ndtr(f(p)), p


@gap("cancellation", why="two terms of an asymptotic form are subtracted in float32", of="value")
@gap("cancellation", why="the backward exponentiates half the square of the rounded result", of="grad")
@ndtri.routine(value=ulps(2), grad=ulps(4), formats=("float32",))
def torch_builtin(p):
    """torch.special.ndtri."""
    return torch.special.ndtri(p)
