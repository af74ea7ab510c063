"""Intersection over union of two boxes."""

import torch

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Rezatofighi et al. 2019, Generalized Intersection over Union, equation 1",
    known=[
        (((0, 0, 2, 2), (1, 1, 4, 3)), "0.111111111111111111111111111111"),
        (((0, 0, 1, 1), (2, 3, 4, 5)), "0"),
        (((0, 0, 4, 4), (1, 1, 3, 2)), "0.125"),
        (((0, 0, 2, 1), (0, 0, 2, 1)), "1"),
    ],
    first=box(-512, 512),
    second=box(-512, 512),
)
def box_iou(first, second):
    """Share of the covered area that both boxes cover, from 0 to 1; undefined for two boxes without area.

    Boxes are [left, top, right, bottom] with y downwards. Code with y upwards, top above bottom, has the same order of
    names: columns 0, 3, 2, 1 of these."""
    sides = m.maximum(m.minimum(first[2:], second[2:]) - m.maximum(first[:2], second[:2]), 0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    shared = sides[0] * sides[1]
    return shared / (areas - shared)


@box_iou.law
def exchanging_the_boxes_changes_nothing(f, first, second):
    """Neither box comes first."""
    return f(first, second), f(second, first)


@box_iou.law
def moving_both_boxes_changes_nothing(f, first, second):
    """The origin does not matter."""
    return f(first + 3, second + 3), f(first, second)


@box_iou.law
def twice_the_lengths_change_nothing(f, first, second):
    """Homogeneous of degree zero."""
    return f(2 * first, 2 * second), f(first, second)


@box_iou.law
def exchanging_the_axes_changes_nothing(f, first, second):
    """Left and top take each other's place, and right and bottom."""
    turned = [m.stack([box[1], box[0], box[3], box[2]]) for box in (first, second)]
    return f(*turned), f(first, second)


def shared_and_union(first, second):
    """The area that both cover, and the area that any covers."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    sides = (high - low).clamp(min=0)
    shared = sides[:, 0] * sides[:, 1]
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (first, second)]
    return shared, areas[0] + areas[1] - shared


@box_iou.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(first, second):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(first.double(), second.double()).to(first.dtype)


large_areas = gap(
    "overflow", "underflow", "nan_gradient", why="areas, or slopes over their squares, leave the range"
)
one_beside_the_other = gap(
    "absorption", of="grad", why="beside a large box the small one's area has few digits in their union"
)


@large_areas
@one_beside_the_other
@box_iou.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def as_printed(first, second):
    """Clamped sides, both areas, one quotient."""
    shared, union = shared_and_union(first, second)
    return shared / union


@large_areas
@one_beside_the_other
@gap("wrong_formula", why="1e-7 is much beside a small union")
@box_iou.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def small_number_below(first, second):
    """The union with 1e-7 added, against division by 0."""
    shared, union = shared_and_union(first, second)
    return shared / (union + 1e-7)


@gap("overflow", "underflow", why="areas, or slopes over their squares, leave the range", formats=["float16"])
@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    "special_value",
    "nan_gradient",
    why="where the boxes lie apart, the product of the sides is no area, and the union may be 0",
)
@box_iou.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def sides_without_a_clamp(first, second):
    """A published answer's code, y upwards: disjoint boxes get a share of less than 0, or of any size."""
    a, b = first[:, [0, 3, 2, 1]], second[:, [0, 3, 2, 1]]
    shared = (torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])) * (
        torch.minimum(a[:, 1], b[:, 1]) - torch.maximum(a[:, 3], b[:, 3])
    )
    areas = [(box[:, 2] - box[:, 0]) * (box[:, 1] - box[:, 3]) for box in (a, b)]
    return shared / (areas[0] + areas[1] - shared)
