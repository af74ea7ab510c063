"""Leaky rectified linear unit whose slope is learned.

Where it is hard: nowhere but at zero, where any slope between one and the learned one is right.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="He, Zhang, Ren & Sun 2015, Delving Deep into Rectifiers, ICCV, equation 1",
    known=[((-2, 0.25), "-0.5"), ((3, 0.25), "3"), ((-2, -1), "2")],
    x=real(-1e30, 1e30),
    slope=real(-4, 4, near=(1,)),
)
def prelu(x, slope):
    """x above zero, `slope` times x below."""
    return m.where(x > 0, x, slope * x)


@prelu.law
def with_slope_one_it_changes_nothing(f, x, slope):
    """Both halves of the line are one."""
    return f(x, 1), x


@prelu.law
def with_slope_minus_one_it_is_the_absolute_value(f, x, slope):
    """|x| is a rectifier of slope -1."""
    return f(x, -1), abs(x)


@prelu.routine(value=ulps(1), grad=ulps(1))
def chosen_half(x, slope):
    """torch.where of both halves."""
    return torch.where(x > 0, x, slope * x)


@prelu.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x, slope):
    """torch.nn.functional.prelu, a channel a point because each has a slope of its own."""
    return functional.prelu(x[None], slope)[0]


@gap(
    "wrong_formula", of="grad", why="at 0 both rectifiers have slope 0, which lies not between slopes above 0"
)
@prelu.routine(value=ulps(1), grad=ulps(1))
def both_relus(x, slope):
    """relu(x) - slope * relu(-x), as it was written before torch had it."""
    return functional.relu(x) - slope * functional.relu(-x)


@gap(
    "wrong_formula",
    "overflow",
    "underflow",
    "cancellation",
    why="x is the smaller for slopes above one; a product rounds to a tie",
)
@prelu.routine(value=ulps(1), grad=ulps(1))
def larger_of_both(x, slope):
    """max(x, slope * x)."""
    return torch.maximum(x, slope * x)
