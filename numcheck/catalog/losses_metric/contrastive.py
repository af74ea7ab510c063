"""Contrastive loss with a margin."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, ulps, vector


@formula(
    source="Hadsell, Chopra & LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping, equation 4",
    known=[
        (((1, 2), (0, 0), 0, 1.0), "2.5"),
        (((1, 2), (0, 0), 1, 4.0), "1.55572809000084121436330532507"),
        (((1, 2), (0, 0), 1, 1.0), "0"),
        (((1, 2), (1, 2), 1, 4.0), "8"),
        (((1, -1), (0, 0), 1, 4.0), "3.34314575050761980479324510316"),
        (((1, 0), (0, 0), 1, 0.5), "0"),
    ],
    first=vector(-32, 32),
    second=vector(-32, 32),
    unlike=one_of(0, 1),
    margin=one_of(0.5, 1.0, 4.0),
)
def contrastive(first, second, unlike, margin):
    """Half the squared distance of two alike embeddings; of two unlike ones, half the square of what lacks to `margin`.

    Hard at and beside equal embeddings: their gradient is 0 by convention, their neighbours' as long as the margin.
    """
    difference = first - second
    if not unlike:
        return m.sum(difference**2) / 2
    lacking = margin - m.where(m.sum(difference**2) == 0, 0, m.norm(difference))
    return m.where(lacking > 0, lacking, 0) ** 2 / 2


@contrastive.law
def exchanging_the_embeddings_changes_nothing(f, first, second, unlike, margin):
    """Distance is symmetric."""
    return f(first, second, unlike, margin), f(second, first, unlike, margin)


@contrastive.law
def twice_all_lengths_is_four_times_the_loss(f, first, second, unlike, margin):
    """Homogeneous of degree two, the margin included."""
    return 4 * f(first, second, unlike, margin), f(2 * first, 2 * second, unlike, 2 * margin)


@contrastive.law
def moving_both_changes_nothing(f, first, second, unlike, margin):
    """Only the difference counts."""
    return f(first, second, unlike, margin), f(first + 3, second + 3, unlike, margin)


@gap("underflow", of="grad", why="the gradient is subnormal, with few digits, before it is scaled back")
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def scaled_distance_in_float32(first, second, unlike, margin):
    """Differences over the largest of them before they are squared, in float32 at least, and rounded at the end."""
    wide = torch.promote_types(first.dtype, torch.float32)
    difference = first.to(wide) - second.to(wide)
    largest = difference.detach().abs().amax(1, keepdim=True)
    # 2**30 keeps the scale, which multiplies the gradient on its way back, and the smallest square from being subnormal
    least = torch.finfo(wide).tiny * 2.0**30
    scale = torch.where(largest > least, largest, least)
    squared = ((difference / scale) ** 2).sum(1)
    apart = squared > 0
    distance = scale[:, 0] * torch.where(apart, torch.sqrt(torch.where(apart, squared, 1.0)), 0.0)
    lacking = (margin - distance).clamp(min=0)
    return (0.5 * torch.where(unlike == 1, lacking**2, (difference**2).sum(1))).to(first.dtype)


small_squares = gap("underflow", "absorption", why="small distances or their squares keep few digits or none")
beside_margin = gap("cancellation", why="a distance rounded to below the margin has a loss where none is due")


@small_squares
@beside_margin
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def guarded_square_root(first, second, unlike, margin):
    """The root of 1 where the squares sum to 0, and 0 in its place: both branches have derivatives."""
    squared = ((first - second) ** 2).sum(1)
    apart = squared > 0
    distance = torch.where(apart, torch.sqrt(torch.where(apart, squared, 1.0)), 0.0)
    lacking = (margin - distance).clamp(min=0)
    return 0.5 * torch.where(unlike == 1, lacking**2, squared)


@small_squares
@beside_margin
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(2, gamma=True))
def torch_vector_norm(first, second, unlike, margin):
    """`linalg.vector_norm`, whose derivative at 0 is 0."""
    distance = torch.linalg.vector_norm(first - second, dim=1)
    lacking = (margin - distance).clamp(min=0)
    return 0.5 * torch.where(unlike == 1, lacking**2, distance**2)


@gap("underflow", "nan_gradient", why="small squares vanish, and 0 times the root's infinite slope is NaN")
@beside_margin
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def plain_square_root(first, second, unlike, margin):
    """The formula as it is printed; sqrt has no derivative at 0."""
    squared = ((first - second) ** 2).sum(1)
    return 0.5 * torch.where(unlike == 1, (margin - torch.sqrt(squared)).clamp(min=0) ** 2, squared)


@gap("wrong_formula", "cancellation", "absorption", "underflow", why="1e-6, rounded, moves every difference")
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(2, gamma=True))
def torch_pairwise_distance(first, second, unlike, margin):
    """`pairwise_distance`, which adds 1e-6 to every difference."""
    distance = functional.pairwise_distance(first, second)
    lacking = (margin - distance).clamp(min=0)
    return 0.5 * torch.where(unlike == 1, lacking**2, distance**2)


@gap("wrong_formula", "cancellation", "absorption", why="1e-8, rounded, lengthens every distance")
@gap("underflow", "nan_gradient", why="in float16 small squares and 1e-8 are 0, and 0 times infinity is NaN")
@contrastive.routine(value=ulps(2, gamma=True), grad=ulps(2, gamma=True))
def small_number_under_the_root(first, second, unlike, margin):
    """sqrt(sum of squares + 1e-8), against the infinite derivative at 0."""
    squared = ((first - second) ** 2).sum(1)
    return 0.5 * torch.where(unlike == 1, (margin - torch.sqrt(squared + 1e-8)).clamp(min=0) ** 2, squared)
