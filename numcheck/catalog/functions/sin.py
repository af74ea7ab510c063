"""Sine.

Where it is hard: at large numbers, and near multiples of pi, where what is left of x without them needs many digits
of pi.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.14",
    known=[
        ((0,), "0"),
        ((1,), "0.841470984807896506652502321630"),
        ((-100,), "0.506365641109758793656557610460"),
    ],
    x=real(-1e308, 1e308),
)
def sin(x):
    """The sine of an angle in radians."""
    return m.sin(x)


@sin.law
def it_is_odd(f, x):
    """sin(-x) = -sin(x)."""
    return f(-x), -f(x)


@sin.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x):
    """torch.sin."""
    return torch.sin(x)
