"""Hyperbolic sine.

Where it is hard: near zero, where the exponentials cancel, and where exp(x) has left the range and half of it has
not.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.28",
    known=[
        ((0,), "0"),
        ((1,), "1.17520119364380145688238185060"),
        ((-20,), "-242582597.704895137953976604051"),
    ],
    x=real(-float("inf"), float("inf"), near=(-88.72, 88.72)),
)
def sinh(x):
    """Half of exp(x) - exp(-x)."""
    return (m.exp(x) - m.exp(-x)) / 2


@sinh.law
def it_is_odd(f, x):
    """sinh(-x) = -sinh(x)."""
    return f(-x), -f(x)


@gap("placement", "overflow", why="the vector kernel takes half of an exponential that overflows")
@sinh.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.sinh."""
    return torch.sinh(x)
