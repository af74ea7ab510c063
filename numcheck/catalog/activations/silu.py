"""Sigmoid-weighted linear unit, or swish: a large x times the sigmoid's tail, and a derivative of zero at -1.278."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Elfwing, Uchibe & Doya 2018, Sigmoid-weighted linear units, Neural Networks 107, pages 3-11",
    known=[((0,), "0"), ((2,), "1.76159415595576488811945828"), ((-20,), "-4.12230723638040716286172426e-8")],
    x=real(-1e308, 1e308, near=(-95, -88.72, -16.6, -16, -1.278, 16.6, 88.72)),
)
def silu(x):
    """x times the share sigmoid(x)."""
    return x * (1 / (1 + m.exp(-x)))


@silu.law
def positive_minus_negative_part_is_x(f, x):
    """silu(x) - silu(-x) = x."""
    return f(x) + f(-x) + x, 2 * f(x)


odds_overflow = gap("overflow", "underflow", "nan_gradient", why="exp(-x) or its square leaves the range")
sigmoid_sinks = gap("underflow", why="the sigmoid is subnormal or zero where x times it is still normal")
rounded_sigmoid = gap("cancellation", why="the backward computes s (1 - s) from the rounded s")


# value ulps(3): exponential, sum, quotient and product are rounded, and near a power of two each rounding is an ulp
@sigmoid_sinks
@silu.routine(value=ulps(3), grad=ulps(4, cond=4))
def stable_form(x):
    """x times the two-sided sigmoid, whose exponential is at most one."""
    z = torch.exp(torch.where(x >= 0, -x, x))
    return x * torch.where(x >= 0, 1 / (1 + z), z / (1 + z))


# cond=4: the derivative s + x s (1 - s) is a difference near -1.278, and each of its terms is rounded up to four times
@odds_overflow
@silu.routine(value=ulps(3), grad=ulps(4, cond=4))
def naive_form(x):
    """As the paper prints it."""
    return x * (1 / (1 + torch.exp(-x)))


@odds_overflow
@silu.routine(value=ulps(2), grad=ulps(4, cond=4))
def quotient_form(x):
    """x / (1 + exp(-x))."""
    return x / (1 + torch.exp(-x))


@sigmoid_sinks
@rounded_sigmoid
@silu.routine(value=ulps(2), grad=ulps(4, cond=4))
def times_sigmoid(x):
    """x * torch.sigmoid(x)."""
    return x * torch.sigmoid(x)


@gap("cancellation", why="1 + tanh(x/2), for negative x, and 1 - tanh**2 are taken of a rounded tanh")
@silu.routine(value=ulps(2), grad=ulps(4, cond=4))
def half_tanh(x):
    """0.5 x (1 + tanh(x/2))."""
    return 0.5 * x * (1 + torch.tanh(0.5 * x))


@sigmoid_sinks
@rounded_sigmoid
@silu.routine(value=ulps(2), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.nn.functional.silu."""
    return functional.silu(x)
