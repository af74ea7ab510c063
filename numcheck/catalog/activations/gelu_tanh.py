"""Gaussian error linear unit by a tanh: 1 + tanh(u) cancels for negative u, and x**3 leaves float16 beyond 40.3."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps

_ROOT = 0.79788456080286535588  # sqrt(2 / pi)
power_overflows = gap("nan_gradient", why="a power of x overflows, and the backward multiplies it by zero")
tanh_rounds = gap("cancellation", "absorption", why="1 + tanh and 1 - tanh**2 are taken of a rounded tanh")


@formula(
    source="Hendrycks & Gimpel 2016, Gaussian error linear units, section 2, the approximation with 0.044715",
    known=[((0,), "0"), ((1,), "0.841191990608276704781995777"), ((-5,), "-2.29179619662950604559275533e-7")],
    x=real(-1e308, 1e308, near=(-10.46, -10.07, -5.07, -2.88, -0.7525, 2.88, 5.07, 40.3)),
)
def gelu_tanh(x):
    """x times about the probability that a standard normal variable lies below x."""
    inner = m.sqrt(2 / (m.zeros_like(x) + m.pi())) * (x + m.ratio(44715, 1000000) * x**3)
    return x * (1 + m.tanh(inner)) / 2


@gelu_tanh.law
def both_sides_share_x(f, x):
    """gelu_tanh(x) - gelu_tanh(-x) = x."""
    return f(x) - f(-x), x


# value ulps(4): near the minimum at -0.75 the conditioning vanishes, the roundings of the cubic do not
@gap("underflow", why="the exponential is subnormal where x, or the slope of the cubic, times it is not")
@gap("absorption", of="grad", why="exp magnifies the cubic's roundings, unforgiven where the slope is flat")
@gelu_tanh.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def stable_form(x):
    """The sigmoid form, through a log-sigmoid on a clamped argument so that nothing overflows."""
    near = torch.clamp(x, -32, 32)
    return x * torch.exp(functional.logsigmoid(2 * _ROOT * near * (1 + 0.044715 * near * near)))


# cond=4: the cubic under the exponential is rounded four times, and the exponential magnifies each by the cubic itself
@tanh_rounds
@power_overflows
@gelu_tanh.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def naive_form(x):
    """As the paper prints it."""
    return 0.5 * x * (1 + torch.tanh(_ROOT * (x + 0.044715 * x**3)))


@tanh_rounds
@power_overflows
@gelu_tanh.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def factored_form(x):
    """The same with x taken out of the cubic, as fused kernels do."""
    return 0.5 * x * (1 + torch.tanh(_ROOT * x * (1 + 0.044715 * x * x)))


@gap("underflow", why="the sigmoid is subnormal or flushed to zero where x times it is not yet")
@gap("cancellation", "absorption", why="the backward computes s (1 - s) from the rounded s")
@power_overflows
@gelu_tanh.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def sigmoid_form(x):
    """x sigmoid(2 u), for 1 + tanh(u) = 2 sigmoid(2 u)."""
    return x * torch.sigmoid(2 * _ROOT * x * (1 + 0.044715 * x * x))


@gap("cancellation", "underflow", why="1 + tanh(u), in float32, is zero or a few units of its last place")
@power_overflows
@gelu_tanh.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.nn.functional.gelu(x, approximate='tanh')."""
    return functional.gelu(x, approximate="tanh")
