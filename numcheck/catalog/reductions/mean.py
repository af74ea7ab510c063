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


sum_leaves = gap("overflow", "placement", of="value", why="the sum leaves the range where the mean does not")


@sum_leaves
@mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def sum_over_number(x):
    """The formula as it is printed."""
    return x.sum(-1) / x.shape[-1]


@mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def sum_of_parts(x):
    """Each entry over the number before they are added."""
    return (x / x.shape[-1]).sum(-1)


@gap(
    "overflow",
    "special_value",
    of="value",
    why="entry less mean leaves the range, or is infinity less infinity",
)
@mean.routine(value=ulps(2, cond=3, gamma=True), grad=ulps(8))
def running_mean(x):
    """Each entry moves the mean of those before it by its part of the difference."""
    average = x[:, 0]
    for count, entry in enumerate(x.unbind(-1)[1:], 2):
        average = average + (entry - average) / count
    return average


@mean.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x):
    """Averaged in float64, rounded once at the end."""
    return x.double().mean(-1).to(x.dtype)
