"""Euclidean distance of two boxes, as points of four coordinates."""

import torch

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Cross Validated, Loss function for bounding box regression using CNN (Euclidean loss, its text)",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "2.64575131106459059050161575364"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "6.16441400296897645025019238145"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "2.64575131106459059050161575364"),
        (((0, 0, 2, 1), (0, 0, 2, 1)), "0"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def euclidean_box_loss(first, second):
    """Root of the sum of the squared differences of all four edges, in the boxes' unit; it does not see their overlap.

    Where the boxes are equal any slope from -1 to 1 is right by each edge."""
    return m.norm(first - second)


@euclidean_box_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@euclidean_box_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@euclidean_box_loss.law
def twice_the_lengths_are_twice_the_loss(f, first, second):
    """Homogeneous of degree one."""
    return f(2 * first, 2 * second), 2 * f(first, second)


@euclidean_box_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@euclidean_box_loss.routine(
    value=ulps(2, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(first, second):
    """`linalg.vector_norm` in float64, rounded once at the end."""
    return vector_norm.function(first.double(), second.double()).to(first.dtype)


@euclidean_box_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def vector_norm(first, second):
    """`linalg.vector_norm`, whose derivative at 0 is 0."""
    return torch.linalg.vector_norm(first - second, dim=1)


@gap("overflow", "underflow", why="squares leave the range, which their root would not")
@gap("nan_gradient", why="the root's infinite slope at 0 meets a slope of 0")
@euclidean_box_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def root_of_the_squares(first, second):
    """The formula as it is printed."""
    return ((first - second) ** 2).sum(1).sqrt()


@gap(
    "wrong_formula", "overflow", "underflow", why="it lacks the root, and has a mean where the text has a sum"
)
@euclidean_box_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def mean_of_squares(first, second):
    """The code beside that text: the mean squared error of all four coordinates."""
    return torch.nn.functional.mse_loss(first, second, reduction="none").mean(1)
