"""Loss of the intersection over union and the distance of the centres."""

import torch

from numcheck import box, formula, gap, m, ulps
from numcheck.catalog.losses_box.box_iou import shared_and_union


@formula(
    source="Zheng et al. 2020, Distance-IoU Loss, equation 7",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "1.01888888888888888888888888889"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "1.45121951219512195121951219512"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "0.8828125"),
        (((0, 0, 2, 1), (0, 0, 2, 1)), "0"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def diou_loss(first, second):
    """The loss of the share, and the squared distance of the centres in parts of the diagonal of the box around both.

    Boxes that lie apart have a gradient. Hard for nearly equal boxes; undefined for two boxes without area."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    around = m.maximum(first[2:], second[2:]) - m.minimum(first[:2], second[:2])
    apart = (first[:2] + first[2:]) / 2 - (second[:2] + second[2:]) / 2
    shared = sides[0] * sides[1]
    return 1 - shared / (areas - shared) + m.sum(apart**2) / m.sum(around**2)


@diou_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@diou_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@diou_loss.law
def twice_the_lengths_change_nothing(f, first, second):
    """Homogeneous of degree zero."""
    return f(2 * first, 2 * second), f(first, second)


@diou_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


@diou_loss.routine(
    value=ulps(2, cond=4), grad=ulps(4, cond=4, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow", "underflow", "nan_gradient", why="areas, or slopes over their squares, leave the range"
)


@large_areas
@gap("cancellation", "absorption", of="grad", why="the slopes of both quotients are taken off each other")
@diou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4, coupled=True))
def as_printed(first, second):
    """Centres, diagonal and share."""
    shared, union = shared_and_union(first, second)
    around = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    apart = (first[:, :2] + first[:, 2:]) / 2 - (second[:, :2] + second[:, 2:]) / 2
    return 1 - shared / union + (apart**2).sum(1) / (around**2).sum(1)


@gap("wrong_formula", why="1e-7 is much beside a small area or diagonal")
@diou_loss.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4, coupled=True))
def small_numbers_below(first, second):
    """As torchvision has it: in float32 at least, with 1e-7 added to both denominators."""
    wide = torch.promote_types(first.dtype, torch.float32)
    first, second = first.to(wide), second.to(wide)
    shared, union = shared_and_union(first, second)
    around = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    apart = (first[:, :2] + first[:, 2:]) / 2 - (second[:, :2] + second[:, 2:]) / 2
    return 1 - shared / (union + 1e-7) + (apart**2).sum(1) / ((around**2).sum(1) + 1e-7)
