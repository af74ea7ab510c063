"""Complete loss of the intersection over union: distance of the centres and shape."""

import torch

from numcheck import box, formula, gap, m, ulps
from numcheck.catalog.losses_box.box_iou import shared_and_union


@formula(
    source="Zheng et al. 2020, Distance-IoU Loss, equations 8 to 11",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "1.01916454944710059350712499587"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "1.45121951219512195121951219512"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "0.884732269078515674070009104326"),
        (((1, 2, 4, 7), (1, 2, 4, 7)), "0"),
    ],
    wrt=(),
    first=box(-512, 512),
    second=box(-512, 512),
)
def ciou_loss(first, second):
    """The loss with distance, and a term for the angle by which the diagonals of `first` and `second` differ.

    Its weight is a constant for training, so that what people call its gradient is no derivative; none is judged.
    Undefined where a box has no height, or no area is covered. For equal boxes 0/0 is taken for 0."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    around = m.maximum(first[2:], second[2:]) - m.minimum(first[:2], second[:2])
    apart = (first[:2] + first[2:]) / 2 - (second[:2] + second[2:]) / 2
    shared = sides[0] * sides[1]
    loss = 1 - shared / (areas - shared)
    angles = [m.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (second, first)]
    shape = 4 / m.pi() ** 2 * (angles[0] - angles[1]) ** 2
    alike = (first[2] - first[0]) * (second[3] - second[1]) == (second[2] - second[0]) * (first[3] - first[1])
    weighted = m.where(alike, 0 * shape, shape**2 / m.where(alike, 1, loss + shape))
    return loss + m.sum(apart**2) / m.sum(around**2) + weighted


@ciou_loss.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@ciou_loss.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@ciou_loss.law
def twice_the_lengths_change_nothing(f, first, second):
    """Homogeneous of degree zero."""
    return f(2 * first, 2 * second), f(first, second)


@ciou_loss.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


def _angles(first, second):
    return [torch.atan((box[:, 2] - box[:, 0]) / (box[:, 3] - box[:, 1])) for box in (second, first)]


@ciou_loss.routine(value=ulps(2, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow", "underflow", "nan_gradient", why="areas, or slopes over their squares, leave the range"
)


@large_areas
@ciou_loss.routine(value=ulps(2, cond=4))
def as_printed(first, second):
    """The difference of two angles, and its weight where the shapes differ."""
    shared, union = shared_and_union(first, second)
    around = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    apart = (first[:, :2] + first[:, 2:]) / 2 - (second[:, :2] + second[:, 2:]) / 2
    loss, (one, other) = 1 - shared / union, _angles(first, second)
    shape = 4 / torch.pi**2 * (one - other) ** 2
    weighted = torch.where(shape == 0, 0.0, shape * (shape / (loss + shape)))
    return loss + (apart**2).sum(1) / (around**2).sum(1) + weighted


@gap("wrong_formula", why="1e-7 is much beside a small area or diagonal, or a small loss")
@ciou_loss.routine(value=ulps(2, cond=4))
def small_numbers_below(first, second):
    """As torchvision has it: in float32 at least, with 1e-7 added to three denominators."""
    wide = torch.promote_types(first.dtype, torch.float32)
    first, second = first.to(wide), second.to(wide)
    shared, union = shared_and_union(first, second)
    around = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    apart = (first[:, :2] + first[:, 2:]) / 2 - (second[:, :2] + second[:, 2:]) / 2
    share, (one, other) = shared / (union + 1e-7), _angles(first, second)
    shape = 4 / torch.pi**2 * (one - other) ** 2
    weight = shape / (1 - share + shape + 1e-7)
    return 1 - share + (apart**2).sum(1) / ((around**2).sum(1) + 1e-7) + weight * shape
