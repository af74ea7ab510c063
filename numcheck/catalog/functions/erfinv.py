"""Inverse of the error function.

Where it is hard: near the ends, where 1 - |x| is what counts, and near zero, where the result is x sqrt(pi) /
2.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.17",
    known=[
        ((0,), "0"),
        ((0.5,), "0.476936276204469873381418353643"),
        ((-0.9375,), "-1.31715033498613074888392979208"),
    ],
    x=real(-1, 1),
)
def erfinv(x):
    """The number whose error function is x."""
    return m.erfinv(x)


@erfinv.law
def it_is_the_inverse(f, x):
    """erf(erfinv(x)) = x."""
    return m.erf(f(x)), x


@erfinv.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.erfinv."""
    return torch.erfinv(x)
