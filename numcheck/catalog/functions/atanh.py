"""Inverse hyperbolic tangent.

Where it is hard: near zero, where the quotient (1 + x)/(1 - x) has lost the digits of x.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.37",
    known=[
        ((0,), "0"),
        ((0.5,), "0.549306144334054845697622618461"),
        ((-0.875,), "-1.35402510055110503299800228507"),
    ],
    x=real(-1, 1),
)
def atanh(x):
    """The number whose hyperbolic tangent is x."""
    return m.atanh(x)


@atanh.law
def it_is_odd(f, x):
    """atanh(-x) = -atanh(x)."""
    return f(-x), -f(x)


@atanh.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.atanh."""
    return torch.atanh(x)
