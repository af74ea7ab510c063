"""Continuously differentiable exponential linear unit, of width two.

Where it is hard: just below zero, where exp(x/2) - 1 has lost the digits of x.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Barron 2017, Continuously differentiable exponential linear units, arXiv:1704.07483",
    known=[((0,), "0"), ((-1.5,), "-1.05526689451797058572390689811"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def celu(x):
    """x above zero, 2 (exp(x/2) - 1) below."""
    return m.where(x > 0, x, 2 * (m.exp(x / 2) - 1))


@celu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.celu with alpha = 2."""
    return functional.celu(x, alpha=2.0)


rounded_to_minus_one = gap(
    "cancellation", of="grad", why="the backward of expm1 adds 1 to its rounded result"
)


@rounded_to_minus_one
@celu.routine(value=ulps(2), grad=ulps(2))
def clamped_expm1(x):
    """expm1 of the negative part, and the positive part beside it."""
    return torch.where(x > 0, x, 2 * torch.expm1((x / 2).clamp(max=0)))


@gap(
    "nan_gradient", why="0 times the infinite slope of expm1, which overflowed in the half that is not taken"
)
@rounded_to_minus_one
@celu.routine(value=ulps(2), grad=ulps(2))
def expm1_in_where(x):
    """torch.where of x and expm1, of which both are computed everywhere."""
    return torch.where(x > 0, x, 2 * torch.expm1(x / 2))


@gap("cancellation", of="value", why="exp(x) - 1 has lost the digits of a small x")
@gap("nan_gradient", why="0 times the infinite exponential of the half that is not taken")
@celu.routine(value=ulps(2), grad=ulps(2))
def naive_form(x):
    """The formula as it is printed."""
    return torch.where(x > 0, x, 2 * (torch.exp(x / 2) - 1))
