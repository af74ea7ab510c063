"""Signed area of a polygon: of size r, at distance R, shoelaces err by u*R*R; after one difference u*R*r, two u*r*r."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Braden 1986, The surveyor's area formula, College Mathematics Journal 17(4), pages 326-337",
    known=[
        (([[0, 0], [1, 0], [0, 1]],), "0.5"),
        (([[0, 0], [0, 1], [1, 0]],), "-0.5"),
        (([[2**26, 2**26], [2**26 + 8, 2**26], [2**26 + 8, 2**26 + 8], [2**26, 2**26 + 8]],), "64"),
        (([[3, 4], [5, 11], [12, 8], [9, 5], [5, 6]],), "-30"),
        # rings that touch themselves: a square whose hole hangs on a seam, and a figure of eight
        (([[0, 0], [8, 0], [8, 8], [0, 8], [0, 0], [2, 2], [2, 4], [4, 4], [4, 2], [2, 2]],), "60"),
        (([[0, 0], [1, 1], [1, 0], [0, 1]],), "0"),
    ],
    xy=polygon(sizes=(3, 4, 8)),
)
def polygon_area(xy):
    """Area of the (n, 2) vertices `xy`, in their unit squared: k windings count k-fold, clockwise ones negative."""
    x, y = xy[:, 0], xy[:, 1]
    return (m.dot(x, m.roll(y, -1)) - m.dot(m.roll(x, -1), y)) / 2


@polygon_area.law
def moving_changes_nothing(f, xy):
    """The area does not depend on the origin."""
    return f(xy + 1024), f(xy)


@polygon_area.law
def reversing_the_order_changes_the_sign(f, xy):
    """Clockwise is negative."""
    return f(xy[::-1]), -f(xy)


@polygon_area.law
def twice_the_size_is_four_times_the_area(f, xy):
    """The area is homogeneous of degree two."""
    return f(2 * xy), 4 * f(xy)


@polygon_area.law
def any_vertex_may_come_first(f, xy):
    """The area does not depend on where the list of vertices begins."""
    return f(m.roll(xy, 1)), f(xy)


@polygon_area.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_shoelace(xy):
    """The formula as printed, in float64, rounded once at the end: squares of float32 numbers fit in 48 bits."""
    return absolute_shoelace.function(xy.double()).to(xy.dtype)


@polygon_area.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def triangle_fan(xy):
    """Triangles from the first vertex, half a float64 det each; torch 2.13 differentiates a det of 0 to 0."""
    spokes = xy[:, 1:].double() - xy[:, :1].double()
    return (torch.linalg.det(torch.stack([spokes[:, :-1], spokes[:, 1:]], dim=-2)).sum(-1) / 2).to(xy.dtype)


# Budgets: from a vertex coordinates are at most twice as large as from the middle, products four times: cond=4 for all.
products_too_large = gap("overflow", why="products of two lengths leave the range long before lengths do")
thin = gap("cancellation", "absorption", of="value", why="rounded differences cancel in a thin polygon")


@products_too_large
@gap("cancellation", why="x*y' and x'*y grow with the square of the distance, their difference does not")
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(2))
def absolute_shoelace(xy):
    """The formula as printed, on the coordinates as they are."""
    x, y = xy.unbind(-1)
    return (x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1) / 2


@products_too_large
@thin
@polygon_area.routine(value=ulps(4, cond=4))
def differenced(xy):
    """x1*y2 - x2*y1 rewritten as (x1 - x2)*y2 - x2*(y1 - y2): one factor of each product has become small."""
    (x1, y1), (x2, y2) = xy.unbind(-1), xy.roll(-1, -2).unbind(-1)
    return ((x1 - x2) * y2 - x2 * (y1 - y2)).sum(-1) / 2


@products_too_large
@thin
@polygon_area.routine(value=ulps(4, cond=4))
def trapezoids(xy):
    """Sum of the trapezoids between each edge and the y axis, (x1 + x2)*(y2 - y1)/2."""
    (x1, y1), (x2, y2) = xy.unbind(-1), xy.roll(-1, -2).unbind(-1)
    return ((x1 + x2) * (y2 - y1)).sum(-1) / 2


@products_too_large
@thin
@gap("cancellation", "absorption", of="grad", why="autograd subtracts the corner from both neighbours first")
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(2))
def corner_origin(xy):
    """Seen from the first vertex, a constant for autograd: small factors, far out exact (Higham 2002, theorem 2.5)."""
    return absolute_shoelace.function(xy - xy[:, :1].detach())


class _NeighbourDifferences(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xy):
        ctx.save_for_backward(xy)
        return corner_origin.function(xy)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (xy,) = ctx.saved_tensors
        across = (xy.roll(-1, -2) - xy.roll(1, -2)) / 2
        return cotangent[:, None, None] * torch.stack([across[..., 1], -across[..., 0]], dim=-1)


@products_too_large
@thin
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(1))
def corner_origin_own_backward(xy):
    """The corner-origin form, with a backward that takes the difference of the two neighbours at once."""
    return _NeighbourDifferences.apply(xy)
