"""Leaky rectified linear unit.

Where it is hard: nowhere but at zero, where any slope from 1/100 to 1 is right.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models, section 2",
    known=[((0,), "0"), ((-25,), "-0.25"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def leaky_relu(x):
    """x, of which a hundredth is left below zero."""
    return m.maximum(x, x / 100)


@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def torch_builtin(x):
    """torch.nn.functional.leaky_relu with its slope of 0.01."""
    return functional.leaky_relu(x)


@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def chosen_half(x):
    """torch.where of both halves."""
    return torch.where(x > 0, x, 0.01 * x)


@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def larger_of_both(x):
    """max(x, 0.01 x), which is the formula as it is printed."""
    return torch.maximum(x, 0.01 * x)


@gap("wrong_formula", of="grad", why="at 0 both rectifiers have slope 0, which lies not between 0.01 and 1")
@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def both_relus(x):
    """relu(x) - 0.01 * relu(-x)."""
    return functional.relu(x) - 0.01 * functional.relu(-x)


@gap("cancellation", "special_value", why="x and |x| cancel below zero, minus infinity and infinity to NaN")
@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def by_absolute_value(x):
    """0.505 x + 0.495 |x|."""
    return 0.505 * x + 0.495 * x.abs()
