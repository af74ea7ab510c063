"""Signed distance of a point from a line: hard near the line, and far from the origin."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="O'Rourke 1998, Computational Geometry in C, section 1.3 (area of a triangle), over half the base",
    known=[
        (([[0, 5], [0, 0], [3, 4]],), "3"),
        (([[7, 1], [0, 0], [1, 0]],), "1"),
        (([[2, 2], [0, 0], [5, 5]],), "0"),
    ],
    pab=polygon(sizes=(3,)),
)
def point_line_distance(pab):
    """Distance of corner p from the line through a and b, in their unit; positive on the left of a to b."""
    p, a, b = pab
    along, apart = b - a, p - a
    return (along[0] * apart[1] - along[1] * apart[0]) / m.sqrt(along[0] ** 2 + along[1] ** 2)


@point_line_distance.law
def turning_the_line_round_changes_the_sign(f, pab):
    """Left of a to b is right of b to a."""
    return f(m.stack([pab[0], pab[2], pab[1]])), -f(pab)


@point_line_distance.law
def moving_changes_nothing(f, pab):
    """Only differences count."""
    return f(pab + 1024), f(pab)


@point_line_distance.law
def twice_the_size_is_twice_the_distance(f, pab):
    """The distance is homogeneous of degree one."""
    return f(2 * pab), 2 * f(pab)


@point_line_distance.routine(
    value=ulps(1), grad=ulps(2, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def float64_cross_product(pab):
    """The formula in float64 with hypot, rounded once."""
    p, a, b = pab.double().unbind(1)
    along, apart = b - a, p - a
    cross = along[:, 0] * apart[:, 1] - along[:, 1] * apart[:, 0]
    return (cross / torch.hypot(along[:, 0], along[:, 1])).to(pab.dtype)


near = gap(
    "cancellation", "absorption", why="near the line the two products cancel after their factors were rounded"
)
small = gap(
    "underflow",
    "overflow",
    "special_value",
    "nan_gradient",
    why="squares and products of lengths leave the range",
)


@near
@small
@point_line_distance.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4, coupled=True))
def unit_direction(pab):
    """The line's direction divided by its length first, so that no product of two lengths is formed."""
    p, a, b = pab.unbind(1)
    along, apart = b - a, p - a
    along = along / torch.hypot(along[:, 0], along[:, 1])[:, None]
    return along[:, 0] * apart[:, 1] - along[:, 1] * apart[:, 0]


@near
@small
@point_line_distance.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4, coupled=True))
def cross_product(pab):
    """The formula as it is printed."""
    p, a, b = pab.unbind(1)
    along, apart = b - a, p - a
    cross = along[:, 0] * apart[:, 1] - along[:, 1] * apart[:, 0]
    return cross / torch.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)


@gap("cancellation", "absorption", why="the constant of a far line is a product of two far coordinates")
@small
@point_line_distance.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4, coupled=True))
def general_form(pab):
    """A x + B y + C over the root of A*A + B*B, with C = ax by - bx ay taken from the coordinates."""
    (px, py), (ax, ay), (bx, by) = (corner.unbind(-1) for corner in pab.unbind(1))
    normal_x, normal_y = ay - by, bx - ax
    return (normal_x * px + normal_y * py + (ax * by - bx * ay)) / torch.sqrt(normal_x**2 + normal_y**2)
