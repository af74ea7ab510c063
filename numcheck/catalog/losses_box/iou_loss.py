"""Loss of the intersection over union."""

import torch

from numcheck import box, formula, gap, m, ulps
from numcheck.catalog.losses_box.box_iou import shared_and_union


@formula(
    source="Rezatofighi et al. 2019, Generalized Intersection over Union, equation 1 and algorithm 2, step 9",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "0.888888888888888888888888888889"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "1"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "0.875"),
        (((0, 0, 2, 1), (0, 0, 2, 1)), "0"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def iou_loss(first, second):
    """1 less the share of the covered area that both boxes cover: 1 for all that lie apart, with no gradient.

    Hard for nearly equal boxes, where a number near 1 is taken from 1. Undefined for two boxes without area."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    shared = sides[0] * sides[1]
    return 1 - shared / (areas - shared)


@iou_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@iou_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@iou_loss.law
def twice_the_lengths_change_nothing(f, first, second):
    """Homogeneous of degree zero."""
    return f(2 * first, 2 * second), f(first, second)


@iou_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow", "underflow", "nan_gradient", why="areas, or slopes over their squares, leave the range"
)


@large_areas
@iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def as_printed(first, second):
    """1 less a quotient."""
    shared, union = shared_and_union(first, second)
    return 1 - shared / union


@large_areas
@gap("cancellation", "absorption", of="grad", why="the slopes of both quotients are taken off each other")
@iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def rest_over_union(first, second):
    """(union - intersection) / union."""
    shared, union = shared_and_union(first, second)
    return (union - shared) / union


@gap("overflow", "underflow", why="areas, or slopes over their squares, leave the range")
@gap(
    "wrong_formula",
    "cancellation",
    "special_value",
    "nan_gradient",
    why="where the boxes lie apart, the product of the sides is no area, and the union may be 0",
)
@iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def sides_without_a_clamp(first, second):
    """A published answer's code, y upwards: disjoint boxes cost more than 1, less, or infinitely much."""
    a, b = first[:, [0, 3, 2, 1]], second[:, [0, 3, 2, 1]]
    shared = (torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])) * (
        torch.minimum(a[:, 1], b[:, 1]) - torch.maximum(a[:, 3], b[:, 3])
    )
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 1] - box[:, 3]) for box in (a, b)]
    return 1.0 - shared / (areas[0] + areas[1] - shared)
