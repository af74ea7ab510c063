"""Arithmetic mean of a vector: it lies between the entries, and the sum on the way to it may leave the range."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9",
    known=[(([1, 2, 6],), "3"), (([2**53, 1, -(2**53), 0],), "0.25"), (([0.5, 0.25],), "0.375")],
    x=vector(-torch.inf, torch.inf),
)
def mean(x):
    """The sum of the entries of the vector `x` over their number."""
    return m.mean(x)


@mean.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@mean.law
def a_common_offset_moves_the_result(f, x):
    """mean(x + 3) = mean(x) + 3."""
    return f(x + 3), f(x) + 3


@gap(
    "overflow",
    "special_value",
    "placement",
    of="value",
    why="the sum leaves the range where the mean does not",
)
@mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def torch_builtin(x):
    """torch.mean."""
    return torch.mean(x, -1)
