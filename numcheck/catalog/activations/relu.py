"""Rectified linear unit.

Where it is hard: nowhere but at zero, where any slope from 0 to 1 is right.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines, ICML",
    known=[((0,), "0"), ((-1.5,), "0"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def relu(x):
    """The positive part of x."""
    return m.maximum(x, 0)


@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.relu."""
    return functional.relu(x)


@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def clamped(x):
    """torch.clamp from 0."""
    return x.clamp(min=0)


@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def larger_of_x_and_zero(x):
    """torch.maximum with 0, which shares the slope at a tie."""
    return torch.maximum(x, torch.zeros_like(x))


@gap("special_value", why="infinity times 0 is NaN")
@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def times_the_sign(x):
    """x * (x > 0)."""
    return x * (x > 0)


@gap("overflow", "special_value", of="value", why="x + |x| leaves the range, and -inf + inf is NaN")
@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def half_of_sum_and_absolute_value(x):
    """(x + |x|)/2."""
    return (x + x.abs()) / 2
