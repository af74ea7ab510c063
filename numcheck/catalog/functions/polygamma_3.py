"""Polygamma function of order 3.

Where it is hard: left of zero, where it is reflected beside a pole at each integer.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 5.15",
    known=[
        ((1,), "6.49393940226682914909602217925"),
        ((0.25,), "1538.78214400918839602279124383"),
        ((100,), "2.03019999000133303343328729464e-6"),
    ],
    x=real(-100, float("inf")),
)
def polygamma_3(x):
    """The third derivative of digamma."""
    return m.polygamma(3, x)


@gap("special_value", "nan_gradient", why="at infinity zeta multiplies infinity by zero")
@gap(
    "underflow",
    why="a subnormal zeta is rounded before it is multiplied by 3! or 4!",
    formats=("float32", "float16"),
)
@gap(
    "cancellation",
    "underflow",
    why="zeta's terms, a power of x smaller than the result, are subnormal before it is",
    formats=("bfloat16",),
)
@polygamma_3.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.polygamma."""
    return torch.polygamma(3, x)
