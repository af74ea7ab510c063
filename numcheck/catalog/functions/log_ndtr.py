"""Logarithm of the distribution function of the standard normal distribution.

Where it is hard: far left, where the share itself has left the range, and far right, where it rounds to one
and the result is minus the other tail.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.20, equation 7.20.1",
    known=[
        ((0,), "-0.693147180559945309417232121458"),
        ((-40,), "-804.608442013753788166606832919"),
        ((5,), "-2.86651612963763593384596258496e-7"),
    ],
    x=real(-float("inf"), float("inf")),
)
def log_ndtr(x):
    """The logarithm of the share of the standard normal distribution below x."""
    return m.log_ndtr(x)


@gap("cancellation", "underflow", why="x / sqrt(2) is rounded before the tail is taken of it", of="value")
@gap(
    "cancellation",
    "overflow",
    "underflow",
    "nan_gradient",
    why="the backward exponentiates minus the sum of the result and x*x / 2, which cancel far left",
    of="grad",
)
@log_ndtr.routine(value=ulps(2), grad=ulps(4), formats=("float32",))
def torch_builtin(x):
    """torch.special.log_ndtr."""
    return torch.special.log_ndtr(x)
