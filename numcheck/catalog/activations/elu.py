"""Exponential linear unit.

Where it is hard: just below zero, where exp(x) - 1 has lost the digits of x.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Clevert, Unterthiner & Hochreiter 2016, Exponential linear units, ICLR, section 3",
    known=[((0,), "0"), ((-1.5,), "-0.776869839851570171066719529236"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def elu(x):
    """x above zero, exp(x) - 1 below."""
    return m.where(x > 0, x, m.exp(x) - 1)


@elu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.elu."""
    return functional.elu(x)


rounded_to_minus_one = gap(
    "cancellation", of="grad", why="the backward of expm1 adds 1 to its rounded result"
)


@rounded_to_minus_one
@elu.routine(value=ulps(2), grad=ulps(2))
def clamped_expm1(x):
    """expm1 of the negative part, and the positive part beside it."""
    return torch.where(x > 0, x, torch.expm1(x.clamp(max=0)))


@gap(
    "nan_gradient", why="0 times the infinite slope of expm1, which overflowed in the half that is not taken"
)
@rounded_to_minus_one
@elu.routine(value=ulps(2), grad=ulps(2))
def expm1_in_where(x):
    """torch.where of x and expm1, of which both are computed everywhere."""
    return torch.where(x > 0, x, torch.expm1(x))


@gap("cancellation", of="value", why="exp(x) - 1 has lost the digits of a small x")
@gap("nan_gradient", why="0 times the infinite exponential of the half that is not taken")
@elu.routine(value=ulps(2), grad=ulps(2))
def naive_form(x):
    """The formula as it is printed."""
    return torch.where(x > 0, x, (torch.exp(x) - 1))
