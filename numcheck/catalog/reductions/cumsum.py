"""Running sums of a vector: each of them is one more addition on top of the last, however small it is."""

import torch

from numcheck import formula, m, ulps, vector


@formula(
    source="Blelloch 1990, Prefix Sums and Their Applications, section 1.2",
    known=[
        (([1, 2, 3],), "1, 3, 6"),
        (([2**53, 1, -(2**53)],), "9007199254740992, 9007199254740993, 1"),
        (([0.5, 0.25, -0.75],), "0.5, 0.75, 0"),
    ],
    x=vector(-torch.inf, torch.inf),
)
def cumsum(x):
    """Of each entry of the vector `x` the sum of it and of all before it."""
    return m.cumsum(x)


@cumsum.law
def the_negated_vector_has_the_negated_sums(f, x):
    """cumsum(-x) = -cumsum(x)."""
    return f(-x), -f(x)


@cumsum.law
def twice_the_vector_has_twice_the_sums(f, x):
    """cumsum(2 x) = 2 cumsum(x)."""
    return f(2 * x), 2 * f(x)


@cumsum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.cumsum."""
    return torch.cumsum(x, -1)
