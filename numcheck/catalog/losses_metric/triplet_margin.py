"""Triplet margin loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.TripletMarginLoss (after Balntas et al. 2016), without its eps",
    known=[
        (((0, 0), (3, 4), (6, 8), 8.0), "3"),
        (((0, 0), (3, 4), (6, 8), 1.0), "0"),
        (((0, 0), (1, 1), (1, 0), 0.5), "0.91421356237309504880168872421"),
    ],
    anchor=vector(-32, 32, sizes=(2, 5)),
    positive=vector(-32, 32, sizes=(2, 5)),
    negative=vector(-32, 32, sizes=(2, 5)),
    margin=one_of(0.5, 1.0, 8.0),
)
def triplet_margin(anchor, positive, negative, margin):
    """What the negative's distance lacks to the positive's and the margin. Hard where two distances cancel.

    At and beside equal vectors: a distance of 0 has a gradient of 0 by convention.
    """
    near, far = _length(anchor - positive), _length(anchor - negative)
    return m.maximum(near - far + margin, 0)


def _length(difference):
    return m.where(m.sum(difference**2) == 0, 0, m.norm(difference))


@triplet_margin.law
def twice_all_lengths_is_twice_the_loss(f, anchor, positive, negative, margin):
    """Homogeneous of degree one, the margin included."""
    return f(2 * anchor, 2 * positive, 2 * negative, 2 * margin), 2 * f(anchor, positive, negative, margin)


@triplet_margin.law
def moving_all_changes_nothing(f, anchor, positive, negative, margin):
    """Only differences count."""
    return f(anchor + 3, positive + 3, negative + 3, margin), f(anchor, positive, negative, margin)


@triplet_margin.law
def equal_samples_cost_the_margin(f, anchor, positive, negative, margin):
    """A positive that is the negative lacks the whole margin."""
    return f(anchor, positive, positive, margin), 0 * f(anchor, positive, positive, margin) + margin


def _distance(first, second):
    # the root of 1 where the squares sum to 0, and 0 in its place: both branches have derivatives
    squares = ((first - second) ** 2).sum(1)
    return torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)


@triplet_margin.routine(
    value=ulps(2, cond=4, gamma=True),
    grad=ulps(4, cond=4, gamma=True, coupled=True),
    formats=["float32", "bfloat16", "float16"],
)
def float64_then_rounded(anchor, positive, negative, margin):
    """Guarded roots in float64, rounded once at the end."""
    return guarded_square_roots.function(anchor.double(), positive.double(), negative.double(), margin).to(
        anchor.dtype
    )


two_distances = gap(
    "cancellation",
    "absorption",
    why="rounded distances, and the units of the anchor's gradient, are subtracted",
)
small_squares = gap("underflow", why="small squares keep few digits or none")


@two_distances
@small_squares
@triplet_margin.routine(value=ulps(2, cond=4, gamma=True), grad=ulps(4, cond=4, gamma=True, coupled=True))
def guarded_square_roots(anchor, positive, negative, margin):
    """The formula as it is printed, with a derivative of 0 at a distance of 0."""
    return (_distance(anchor, positive) - _distance(anchor, negative) + margin).clamp(min=0)


@two_distances
@small_squares
@triplet_margin.routine(value=ulps(2, cond=4, gamma=True), grad=ulps(4, cond=4, gamma=True, coupled=True))
def with_vector_norm(anchor, positive, negative, margin):
    """`triplet_margin_with_distance_loss` with `linalg.vector_norm` of the difference."""
    return functional.triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x, y: torch.linalg.vector_norm(x - y, dim=1),
        margin=margin,
        reduction="none",
    )


@two_distances
@gap("wrong_formula", "placement", why="1e-6, rounded, moves every difference")
@small_squares
@triplet_margin.routine(value=ulps(2, cond=4, gamma=True), grad=ulps(4, cond=4, gamma=True, coupled=True))
def torch_builtin(anchor, positive, negative, margin):
    """`triplet_margin_loss`, which adds 1e-6 to every difference."""
    return functional.triplet_margin_loss(anchor, positive, negative, margin=margin, reduction="none")
