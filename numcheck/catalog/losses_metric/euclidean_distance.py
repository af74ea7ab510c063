"""Euclidean distance of two vectors."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.PairwiseDistance, with p = 2 and without its eps",
    known=[(((1, 2), (4, 6)), "5"), (((1, 2, 3), (0, 0, 0)), "3.7416573867739413855837487323165")],
    first=vector(-1000, 1000),
    second=vector(-1000, 1000),
)
def euclidean_distance(first, second):
    """Length of the difference; where the vectors are equal any slope from -1 to 1 is right by each entry.

    Hard where squares of small or large differences leave the range, and where products are subtracted instead.
    """
    return m.norm(first - second)


@euclidean_distance.law
def exchanging_the_vectors_changes_nothing(f, first, second):
    """Distance is symmetric."""
    return f(first, second), f(second, first)


@euclidean_distance.law
def moving_both_changes_nothing(f, first, second):
    """Only the difference counts."""
    return f(first + 3, second + 3), f(first, second)


@euclidean_distance.law
def twice_the_vectors_are_twice_as_far(f, first, second):
    """Homogeneous of degree one."""
    return f(2 * first, -2 * second), 2 * f(first, -second)


@euclidean_distance.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def scaled_in_float32(first, second):
    """Differences over a power of two near the largest before they are squared, in float32 at least."""
    wide = torch.promote_types(first.dtype, torch.float32)
    difference = first.to(wide) - second.to(wide)
    # 2**30 keeps the unit, which multiplies the gradient on its way back, and the smallest square from being subnormal
    least = torch.finfo(wide).tiny * 2.0**30
    exponent = torch.frexp(difference.detach().abs().amax(1, keepdim=True).clamp(min=least)).exponent
    unit = torch.ldexp(torch.ones_like(difference[:, :1]), exponent)
    squares = ((difference / unit) ** 2).sum(1)
    root = torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)
    return (unit[:, 0] * root).to(first.dtype)


squares_out_of_range = gap("overflow", "underflow", why="squares leave the range, which their root would not")


@squares_out_of_range
@euclidean_distance.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def torch_vector_norm(first, second):
    """`linalg.vector_norm`, whose derivative at 0 is 0."""
    return torch.linalg.vector_norm(first - second, dim=1)


@squares_out_of_range
@gap("nan_gradient", why="the root's infinite slope at 0 meets a slope of 0")
@euclidean_distance.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def root_of_the_squares(first, second):
    """The formula as it is printed."""
    return ((first - second) ** 2).sum(1).sqrt()


@squares_out_of_range
@gap("wrong_formula", "absorption", "cancellation", why="1e-6, rounded, moves every difference")
@euclidean_distance.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def torch_pairwise_distance(first, second):
    """`pairwise_distance`, which adds 1e-6 to every difference."""
    return functional.pairwise_distance(first, second)


@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="squares of the vectors leave the range, or the root is taken of 0",
)
@gap(
    "cancellation",
    "absorption",
    "special_value",
    why="near ones' squares and product cancel, even to below 0",
)
@euclidean_distance.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def expanded_square(first, second):
    """sqrt(x x - 2 x y + y y), as distances by matrix products have it."""
    products = (first * first).sum(1) - 2 * (first * second).sum(1) + (second * second).sum(1)
    return products.sqrt()
