"""The logistic function: exp(-x) leaves the range before the result does, and 1 - s is taken of an s rounded to 1."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10, equation 3.30",
    known=[
        ((0,), "0.5"),
        ((2,), "0.8807970779778824440597291413023967952064"),
        # nothing cancels here in the formula, but everything does in 0.5 (1 + tanh(x/2))
        ((-20,), "2.061153618190203581430862129474592690752e-9"),
    ],
    x=real(-float("inf"), float("inf"), near=(-88.72, -16.6, 16.6, 88.72)),
)
def sigmoid(x):
    """Share in (0, 1) of odds exp(x)."""
    return 1 / (1 + m.exp(-x))


@sigmoid.law
def opposite_odds_share_the_rest(f, x):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(-x), 1 - f(x)


@sigmoid.routine(value=ulps(2), grad=ulps(6))
def stable_form(x):
    """Each half of the line by the form whose exponential is at most one."""
    z = torch.exp(torch.where(x >= 0, -x, x))
    return torch.where(x >= 0, 1 / (1 + z), z / (1 + z))


@sigmoid.routine(value=ulps(2), grad=ulps(4))
def exponential_of_log_sigmoid(x):
    """Through the logarithm, whose derivative keeps its digits on both sides."""
    return torch.exp(functional.logsigmoid(x))


@gap("overflow", "underflow", "nan_gradient", why="exp(-x), and its square in the backward, leave the range")
@sigmoid.routine(value=ulps(2), grad=ulps(6))
def naive_form(x):
    """As the book prints it."""
    return 1 / (1 + torch.exp(-x))


@gap("overflow", "underflow", "special_value", "nan_gradient", why="exp(x) or its square leaves the range")
@gap("cancellation", "absorption", why="autograd adds 1/(1 + z) and -z/(1 + z)**2, which cancel for large z")
@sigmoid.routine(value=ulps(2), grad=ulps(6))
def exponential_ratio(x):
    """exp(x) / (1 + exp(x)): good for negative x only."""
    z = torch.exp(x)
    return z / (1 + z)


@gap("wrong_formula", why="autograd takes the slope of abs at 0 as 0, so this form is flat there")
@sigmoid.routine(value=ulps(2), grad=ulps(6))
def absolute_value_form(x):
    """The stable form with abs(x) in place of a choice."""
    z = torch.exp(-torch.abs(x))
    return torch.where(x >= 0, 1, z) / (1 + z)


@gap("cancellation", why="1 + tanh(x/2), for negative x, and 1 - tanh**2 are taken of a rounded tanh")
@sigmoid.routine(value=ulps(2), grad=ulps(4))
def half_tanh(x):
    """0.5 (1 + tanh(x/2)), as written for hardware that has a tanh."""
    return 0.5 * (1 + torch.tanh(0.5 * x))


@gap("underflow", why="the kernel's exp(-x) overflows where the result is still subnormal")
@gap("cancellation", why="the backward computes s (1 - s) from the rounded s: log_sigmoid keeps both")
@sigmoid.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.sigmoid."""
    return torch.sigmoid(x)
