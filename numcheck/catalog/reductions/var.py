"""Sample variance: a large common offset cancels, and squares of deviations leave the range where entries do not."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, equation 1.4",
    known=[
        (([2, 4, 4, 4, 5, 5, 7, 9],), "4.5714285714285714285714285714286"),
        (([2**30, 2**30 + 1, 2**30 + 2],), "1"),
        (([0.5, 0.25],), "0.03125"),
    ],
    x=vector(-1e30, 1e30),
)
def var(x):
    """Sum of the squared deviations of the entries of `x` from their mean, over one less than their number."""
    return m.sum((x - m.mean(x)) ** 2) / (len(x) - 1)


@var.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@var.law
def a_common_offset_changes_nothing(f, x):
    """var(x + 3) = var(x)."""
    return f(x + 3), f(x)


@gap(
    "overflow",
    of="grad",
    formats=("float16",),
    why="a deviation leaves the range before 2 / (n - 1) scales it",
)
@var.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(x):
    """torch.var."""
    return torch.var(x, -1)
