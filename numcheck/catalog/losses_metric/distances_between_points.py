"""Distances of all points of one set from all of another."""

import torch

from numcheck import formula, gap, m, matrix, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.cdist, with p = 2",
    known=[
        (
            ([[0, 0], [1, 1], [3, 4]], [[0, 0], [1, 0]]),
            "0, 1, 1.4142135623730950488016887242097, 1, 5, 4.47213595499957939281834733746",
        ),
    ],
    wrt=(),
    first=matrix(-1000, 1000, shape=(3, 2)),
    second=matrix(-1000, 1000, shape=(2, 2)),
)
def distances_between_points(first, second):
    """Row i, column j: length of the difference of row i of `first` and row j of `second`.

    Hard at and beside equal points far from the origin, where products as large as their squares cancel.
    """
    apart = m.reshape(first, (3, 1, 2)) - m.reshape(second, (1, 2, 2))
    return m.norm(apart, 2)


@distances_between_points.law
def moving_both_sets_changes_nothing(f, first, second):
    """Only differences count."""
    return f(first + 3, second + 3), f(first, second)


@distances_between_points.law
def rolling_the_first_rolls_the_rows(f, first, second):
    """Each row belongs to a point of `first`."""
    return f(m.roll(first, 1), second), m.roll(f(first, second), 1)


@distances_between_points.routine(value=ulps(2, cond=4))
def hypot_of_the_differences(first, second):
    """`hypot` of both differences, which neither over- nor underflows, in float32 at least."""
    wide = torch.promote_types(first.dtype, torch.float32)
    apart = first.to(wide)[:, :, None] - second.to(wide)[:, None]
    return torch.hypot(apart[..., 0], apart[..., 1]).to(first.dtype)


squares_out_of_range = gap("overflow", "underflow", why="squares leave the range, which their root would not")


@squares_out_of_range
@distances_between_points.routine(value=ulps(2, cond=4))
def broadcast_difference(first, second):
    """`linalg.vector_norm` of all differences."""
    return torch.linalg.vector_norm(first[:, :, None] - second[:, None], dim=-1)


@gap("underflow", "cancellation", why="squares vanish within the operator, which their root would not")
@distances_between_points.routine(value=ulps(2, cond=4), formats=["float32"])
def torch_cdist(first, second):
    """`cdist`, which takes differences where there are few points; float32 alone, for CPUs have no other."""
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


products_cancel = gap(
    "cancellation",
    "absorption",
    "special_value",
    "order",
    why="near points' squares and product cancel, to 0 or less",
)


@products_cancel
@gap("underflow", why="squares vanish within the operator, which their root would not")
@distances_between_points.routine(value=ulps(2, cond=4), formats=["float32"])
def torch_cdist_by_matrix_product(first, second):
    """`cdist` as it is for more than 25 points: one matrix product, clamped at 0."""
    return torch.cdist(first, second, compute_mode="use_mm_for_euclid_dist")


@squares_out_of_range
@products_cancel
@distances_between_points.routine(value=ulps(2, cond=4))
def expanded_square(first, second):
    """x x + y y - 2 x y by `matmul`, clamped at 0, as nearest-neighbour code has it."""
    squares = (first**2).sum(2)[:, :, None] + (second**2).sum(2)[:, None]
    return (squares - 2 * first @ second.transpose(1, 2)).clamp(min=0).sqrt()
