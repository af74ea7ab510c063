"""Polygamma function of order 1.

Where it is hard: left of zero, where it is reflected beside a pole at each integer.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 5.15",
    known=[
        ((1,), "1.64493406684822643647241516665"),
        ((0.25,), "17.1973291545071107392713191193"),
        ((100,), "0.0100501666633335713952456684657"),
    ],
    x=real(-100, float("inf")),
)
def polygamma_1(x):
    """The first derivative of digamma."""
    return m.polygamma(1, x)


@gap("cancellation", why="left of 1/2 it is reflected by the sine of a rounded pi x", of="value")
@gap("nan_gradient", why="at infinity zeta multiplies infinity by zero", of="grad")
@gap(
    "cancellation",
    "underflow",
    why="x**-3 is subnormal in zeta, the result is not",
    of="grad",
    formats=("bfloat16",),
)
@polygamma_1.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.polygamma."""
    return torch.polygamma(1, x)
