"""Negative logarithm of the intersection over union."""

import torch

from numcheck import box, formula, gap, m, ulps
from numcheck.catalog.losses_box.box_iou import shared_and_union


@formula(
    source="Yu et al. 2016, UnitBox: An Advanced Object Detection Network, section 3.1, equation 2",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "2.19722457733621938279049047384"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "2.07944154167983592825169636437"),
        (((0, 0, 2, 1), (0, 0, 2, 1)), "0"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def log_iou_loss(first, second):
    """Nats lost on the share of the covered area that both boxes cover; infinite where they share none.

    Hard for nearly equal boxes: the logarithm of a number near 1. Undefined for two boxes without area."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    shared = sides[0] * sides[1]
    return -m.log(shared / (areas - shared))


@log_iou_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@log_iou_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@log_iou_loss.law
def twice_the_lengths_change_nothing(f, first, second):
    """Homogeneous of degree zero."""
    return f(2 * first, 2 * second), f(first, second)


@log_iou_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@log_iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow", "underflow", "nan_gradient", why="areas, or slopes over their squares, leave the range"
)


@large_areas
@log_iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def as_printed(first, second):
    """The logarithm of a quotient."""
    shared, union = shared_and_union(first, second)
    return -torch.log(shared / union)


@large_areas
@gap("cancellation", "absorption", of="grad", why="the slopes of both logarithms are taken off each other")
@gap("cancellation", of="value", why="so are the logarithms, of nearly equal areas")
@log_iou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def difference_of_logarithms(first, second):
    """log(union) - log(shared)."""
    shared, union = shared_and_union(first, second)
    return torch.log(union) - torch.log(shared)
