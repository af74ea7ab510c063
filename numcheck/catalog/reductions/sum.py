"""Sum of a vector: terms cancel, and each addition rounds at the size of what it has so far."""

import torch

from numcheck import formula, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.1",
    known=[(([1, 2, 3],), "6"), (([2**53, 1, -(2**53)],), "1"), (([0.5, 0.25, -0.75],), "0")],
    x=vector(-1e37, 1e37),
)
def sum(x):
    """All entries of the vector `x` added up."""
    return m.sum(x)


@sum.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@sum.law
def the_negated_vector_has_the_negated_sum(f, x):
    """sum(-x) = -sum(x)."""
    return f(-x), -f(x)


@sum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.sum."""
    return torch.sum(x, -1)
