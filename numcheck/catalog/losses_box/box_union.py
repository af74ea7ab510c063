"""Area that two boxes cover together."""

import torch

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Rezatofighi et al. 2019, Generalized Intersection over Union, algorithm 2, steps 1 to 5",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "9"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "5"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "16"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def box_union(first, second):
    """Both areas less the common part, which would count twice. Hard in float16, where areas overflow."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    return areas - sides[0] * sides[1]


@box_union.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@box_union.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@box_union.law
def twice_the_lengths_are_four_times_that(f, first, second):
    """Homogeneous of degree two."""
    return f(2 * first, 2 * second), 4 * f(first, second)


@box_union.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@box_union.routine(value=ulps(1, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return areas_less_the_shared.function(first.double(), second.double()).to(first.dtype)


def _area(box):
    return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])


large_areas = gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="areas, or slopes over their squares, leave the range",
    formats=["float16"],
)


common_sides = gap("cancellation", of="grad", why="a box's side is taken off the part of it that is shared")


@large_areas
@common_sides
@box_union.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def areas_less_the_shared(first, second):
    """The formula as it is printed."""
    sides = (torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])).clamp(
        min=0
    )
    return _area(first) + _area(second) - sides[:, 0] * sides[:, 1]


@large_areas
@common_sides
@gap("wrong_formula", why="where the boxes lie apart, the product of the sides is no area")
@box_union.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def shared_without_a_clamp(first, second):
    """The shared part of the sides as they are: boxes apart on both axes cover less than they do."""
    sides = torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])
    return _area(first) + _area(second) - sides[:, 0] * sides[:, 1]
