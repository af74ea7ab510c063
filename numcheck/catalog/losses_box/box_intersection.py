"""Area that two boxes have in common."""

import torch

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Rezatofighi et al. 2019, Generalized Intersection over Union, algorithm 2, steps 3 and 4",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "1"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "0"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "2"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def box_intersection(first, second):
    """Area of the common part, 0 where the boxes lie apart: unclamped, two negative sides have a positive product.

    Boxes are [left, top, right, bottom] with y downwards. Code with y upwards, top above bottom, has the same order of
    names: columns 0, 3, 2, 1 of these."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    return sides[0] * sides[1]


@box_intersection.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@box_intersection.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@box_intersection.law
def twice_the_lengths_are_four_times_that(f, first, second):
    """Homogeneous of degree two."""
    return f(2 * first, 2 * second), 4 * f(first, second)


@box_intersection.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@box_intersection.routine(
    value=ulps(1, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(first, second):
    """Sides clamped at 0, in float64, rounded once at the end."""
    return clamped_sides.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="areas, or slopes over their squares, leave the range",
    formats=["float16"],
)


@box_intersection.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def clamped_sides(first, second):
    """Both sides clamped at 0 before they are multiplied, as torchvision has it."""
    sides = (torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])).clamp(
        min=0
    )
    return sides[:, 0] * sides[:, 1]


@large_areas
@gap("wrong_formula", why="where the boxes lie apart on one axis or both, a side is negative")
@box_intersection.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def sides_without_a_clamp(first, second):
    """The sides as they are, y upwards: boxes apart on one axis have a negative area, on both axes a positive one."""
    a, b = first[:, [0, 3, 2, 1]], second[:, [0, 3, 2, 1]]
    wide = torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])
    return wide * (torch.minimum(a[:, 1], b[:, 1]) - torch.maximum(a[:, 3], b[:, 3]))


@large_areas
@gap("wrong_formula", why="boxes apart on both axes have a positive product of two negative sides")
@box_intersection.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def clamped_product(first, second):
    """The product clamped at 0 instead of the sides: right for boxes that lie apart on one axis."""
    sides = torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])
    return (sides[:, 0] * sides[:, 1]).clamp(min=0)
