"""Signed area of a polygon.

Where it is hard: a small polygon far from the origin. With vertices at distance R and a shape of size r the terms of
the shoelace formula are of size R*R and the area of size r*r. The area's own conditioning grows only like R*r, because
moving one coordinate by u*R sweeps at most u*R*r; so of the error u*R*R that the absolute formula makes, all but one
part in R/r is the code's and not the problem's. Differences of neighbouring vertices are exact there (Sterbenz's
lemma, Higham 2002, theorem 2.5), and forms that take them first have errors of u*R*r (one difference) or u*r*r (two).
"""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Braden 1986, The surveyor's area formula, College Mathematics Journal 17(4), pages 326-337",
    known=[
        (([[0, 0], [1, 0], [0, 1]],), "0.5"),
        (([[0, 0], [0, 1], [1, 0]],), "-0.5"),
        # a square of side 8 at a distance where float32's products of coordinates are 2**29 apart
        (([[2**26, 2**26], [2**26 + 8, 2**26], [2**26 + 8, 2**26 + 8], [2**26, 2**26 + 8]],), "64"),
        (([[3, 4], [5, 11], [12, 8], [9, 5], [5, 6]],), "-30"),
    ],
    examples=[
        # one long edge, in bfloat16
        ([[0.2578125, 0.021240234375], [3.359375, 3.5625], [-0.205078125, 0.00677490234375]],),
        # thin, in bfloat16
        (
            [
                [5.36441803e-06, 5.93066216e-06],
                [-0.000100135803, -9.91821289e-05],
                [-2.98023224e-06, -3.96370888e-06],
            ],
        ),
        ([[3.53125, -1.3125], [138, 161], [-11.8125, -5.0625]],),
    ],
    xy=polygon(sizes=(3, 4, 8)),
)
def polygon_area(xy):
    """Area of the (n, 2) vertices `xy`, in the square of their unit: counter-clockwise is positive.

    A part that is wound around k times counts k times, clockwise windings with a minus sign.
    """
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


# Budgets: seen from a vertex the coordinates are at most twice as large as from the middle of the polygon, and their
# products four times, hence cond=4; the other in-format forms have the same, so that they can be compared.


@gap("cancellation", why="x*y' and x'*y grow with the square of the distance, their difference does not")
@gap("overflow", why="products of coordinates leave the range beyond 256")
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(2))
def absolute_shoelace(xy):
    """The formula as printed, on the coordinates as they are."""
    x, y = xy.unbind(-1)
    return (x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1) / 2


@gap("overflow", why="products of a coordinate and a difference leave the range")
@gap("cancellation", why="a thin polygon's products cancel further than its neighbours' differences do")
@gap("absorption", why="beside a long edge, the difference of two vertices absorbs the lesser one's digits")
@polygon_area.routine(value=ulps(4, cond=4))
def differenced(xy):
    """x1*y2 - x2*y1 rewritten as (x1 - x2)*y2 - x2*(y1 - y2): one factor of each product has become small."""
    x1, y1 = xy.unbind(-1)
    x2, y2 = xy.roll(-1, -2).unbind(-1)
    return ((x1 - x2) * y2 - x2 * (y1 - y2)).sum(-1) / 2


@gap("overflow", why="products of a sum and a difference leave the range")
@gap("cancellation", why="a thin polygon's products cancel further than its neighbours' differences do")
@polygon_area.routine(value=ulps(4, cond=4))
def trapezoids(xy):
    """Sum of the trapezoids between each edge and the y axis, (x1 + x2)*(y2 - y1)/2."""
    x1, y1 = xy.unbind(-1)
    x2, y2 = xy.roll(-1, -2).unbind(-1)
    return ((x1 + x2) * (y2 - y1)).sum(-1) / 2


@gap("cancellation", why="autograd takes the first vertex away from both neighbours before their difference")
@gap("absorption", why="it swallows a neighbour's smaller coordinate")
@gap("overflow", why="products of differences leave the range beyond 256")
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(2))
def corner_origin(xy):
    """The shoelace formula seen from the first vertex: both factors of each product are as small as the polygon.

    The area does not depend on the origin, so the origin is a constant for autograd.
    """
    x, y = (xy - xy[:, :1].detach()).unbind(-1)
    return (x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1) / 2


class _NeighbourDifferences(torch.autograd.Function):
    """The corner-origin area with the derivative by hand: dA/dx_i = (y_{i+1} - y_{i-1})/2, dA/dy_i the other way."""

    @staticmethod
    def forward(ctx, xy):
        ctx.save_for_backward(xy)
        return corner_origin.function(xy)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (xy,) = ctx.saved_tensors
        across = (xy.roll(-1, -2) - xy.roll(1, -2)) / 2
        return cotangent[:, None, None] * torch.stack([across[..., 1], -across[..., 0]], dim=-1)


@gap("overflow", why="products of differences leave the range beyond 256")
@polygon_area.routine(value=ulps(4, cond=4), grad=ulps(1))
def corner_origin_own_backward(xy):
    """The corner-origin form, with a backward that takes the difference of the two neighbours at once."""
    return _NeighbourDifferences.apply(xy)


@polygon_area.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def triangle_fan(xy):
    """Triangles fanned from the first vertex, each half a determinant of two edges, in float64.

    Its gradient isn't promised: where a triangle has collapsed, torch.linalg.det's backward gives 0 instead of the
    cofactors (torch 2.13, any exactly singular matrix of two rows).
    """
    spokes = xy[:, 1:].double() - xy[:, :1].double()
    edges = torch.stack([spokes[:, :-1], spokes[:, 1:]], dim=-2)
    return (torch.linalg.det(edges).sum(-1) / 2).to(xy.dtype)


@polygon_area.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_shoelace(xy):
    """The formula as printed, in float64, rounded once at the end: squares of float32 numbers fit in 48 bits."""
    x, y = xy.double().unbind(-1)
    return ((x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1) / 2).to(xy.dtype)
