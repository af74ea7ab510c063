"""Euclidean length of a vector: the squares leave the range where the length does not."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Blue 1978, A Portable Fortran Program to Find the Euclidean Norm of a Vector, section 1",
    known=[
        (([3, 4],), "5"),
        (([1, 1],), "1.4142135623730950488016887242097"),
        (([1, 2, 3],), "3.7416573867739413855837487323165"),
    ],
    x=vector(-torch.inf, torch.inf),
)
def norm(x):
    """Square root of the sum of squares of the entries of `x`; at 0 every slope from -1 to 1 is right."""
    return m.norm(x)


@norm.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@norm.law
def twice_the_vector_is_twice_as_long(f, x):
    """norm(-2 x) = 2 norm(x)."""
    return f(-2 * x), 2 * f(x)


@gap("overflow", "underflow", why="the squares leave the range where the length does not")
@norm.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(x):
    """torch.linalg.vector_norm."""
    return torch.linalg.vector_norm(x, dim=-1)
