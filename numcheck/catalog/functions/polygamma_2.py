"""Polygamma function of order 2.

Where it is hard: left of zero, where it is reflected beside a pole at each integer, and has a zero between
each two.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 5.15",
    known=[
        ((1,), "-2.40411380631918857079947632302"),
        ((0.25,), "-129.327739937536920333337967179"),
        ((100,), "-0.000101004999833349997000833004461"),
    ],
    x=real(-100, float("inf")),
)
def polygamma_2(x):
    """The second derivative of digamma."""
    return m.polygamma(2, x)


@gap("special_value", "nan_gradient", why="at infinity zeta multiplies infinity by zero")
@gap(
    "cancellation",
    "underflow",
    why="zeta's terms, a power of x smaller than the result, are subnormal before it is",
    formats=("bfloat16",),
)
@polygamma_2.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.polygamma."""
    return torch.polygamma(2, x)
