"""Squared differences of the corners of two boxes, summed before they are squared."""

import torch

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Cross Validated, Loss function for bounding box regression using CNN (squared diameter difference)",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "6.5"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "37"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "6.5"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def squared_diameter_loss(first, second):
    """Mean over both axes of the squared sum of what both edges are off by, in the square of their unit.

    Boxes that lie apart have a gradient. Any slope between both sides' is right where an edge is hit."""
    off = abs(first - second)
    return m.mean((off[:2] + off[2:]) ** 2)


@squared_diameter_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@squared_diameter_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@squared_diameter_loss.law
def twice_the_lengths_are_four_times_that(f, first, second):
    """Homogeneous of degree two."""
    return f(2 * first, 2 * second), 4 * f(first, second)


@squared_diameter_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@squared_diameter_loss.routine(
    value=ulps(2, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_squares = gap(
    "overflow", why="squares leave float16's range, where lengths do not", formats=["float16"]
)


@large_squares
@squared_diameter_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def as_printed(first, second):
    """The absolute differences of both corners, summed, squared and averaged."""
    return (((first[:, :2] - second[:, :2]).abs() + (first[:, 2:] - second[:, 2:]).abs()) ** 2).mean(1)


@large_squares
@squared_diameter_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def with_torch_l1_loss(first, second):
    """`l1_loss` of the corners, summed over each axis."""
    off = torch.nn.functional.l1_loss(first, second, reduction="none").reshape(-1, 2, 2).sum(1)
    return (off * off).mean(1)
