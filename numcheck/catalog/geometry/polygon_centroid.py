"""Centroid of a polygon's area: hard where that is, for it divides by it, and ill-conditioned in a thin polygon."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Bourke 1988, Calculating the area and centroid of a polygon, paulbourke.net/geometry/polygonmesh",
    known=[],  # two numbers at a time: the laws speak for it
    xy=polygon(sizes=(3, 4, 8)),
)
def polygon_centroid(xy):
    """Centre of mass (x, y) of the area within the (n, 2) vertices `xy`, in their unit; undefined if that is 0."""
    after = m.roll(xy, -1)
    cross = xy[:, 0] * after[:, 1] - after[:, 0] * xy[:, 1]
    area = m.sum(cross) / 2
    return m.sum((xy + after) * m.reshape(cross, (len(xy), 1)), 0) / (6 * area)


@polygon_centroid.law
def the_centroid_moves_along(f, xy):
    """Moving the polygon moves its centroid by the same."""
    return f(xy + 1024), f(xy) + 1024


@polygon_centroid.law
def reversing_the_order_changes_nothing(f, xy):
    """The centroid knows no orientation."""
    return f(xy[::-1]), f(xy)


@polygon_centroid.law
def twice_the_size_is_twice_as_far(f, xy):
    """The centroid is homogeneous of degree one."""
    return f(2 * xy), 2 * f(xy)


@polygon_centroid.law
def any_vertex_may_come_first(f, xy):
    """The centroid does not depend on where the list of vertices begins."""
    return f(m.roll(xy, 1)), f(xy)


def _moments(xy):
    # sums over the edges of cross and of (sum of both ends) * cross: 2A and 6A times the centroid
    after = xy.roll(-1, -2)
    cross = xy[..., 0] * after[..., 1] - after[..., 0] * xy[..., 1]
    return cross.sum(-1, keepdim=True), ((xy + after) * cross[..., None]).sum(-2)


# A triangle's derivative is constant, and nothing forgives what autograd loses in the quotient: hence coupled, float64.
@gap("cancellation", of="grad", why="autograd divides by the square of a thin polygon's area")
@polygon_centroid.routine(
    value=ulps(1), grad=ulps(1, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def float64_corner_origin(xy):
    """The corner-origin form in float64, rounded once; the origin cancels out, and is a constant for autograd."""
    wide = xy.double()
    corner = wide[:, :1].detach()
    twice_area, moment = _moments(wide - corner)
    return (corner[:, 0] + moment / (3 * twice_area)).to(xy.dtype)


# Budgets: as for the area cond=4, and as much again for the moment's second factor, a sum of two coordinates: cond=8.
# In float16 the products of three coordinates leave the range both ways: `corner_origin` stands for all there.
thin = gap("cancellation", "special_value", why="a thin polygon's cross products cancel, even down to 0")


@thin
@gap("underflow", why="in a flat polygon the product of two short sides and a long one is subnormal")
@polygon_centroid.routine(value=ulps(4, cond=8))
def corner_origin_scaled(xy):
    """Seen from the first vertex in a unit, a power of two, that makes the extent about one: it stays in range."""
    corner, apart = xy[:, :1], xy - xy[:, :1]
    extent = apart.abs().amax(dim=(-2, -1), keepdim=True)
    unit = torch.ldexp(torch.ones_like(extent), torch.frexp(extent).exponent - 1)
    twice_area, moment = _moments(apart / unit)
    return corner[:, 0] + moment / (3 * twice_area) * unit[:, 0]


@thin
@gap("overflow", "underflow", why="products of three lengths leave float16's range on either side")
@polygon_centroid.routine(value=ulps(4, cond=8))
def corner_origin(xy):
    """The formula seen from the first vertex, and moved back at the end."""
    twice_area, moment = _moments(xy - xy[:, :1])
    return xy[:, 0] + moment / (3 * twice_area)


@thin
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def triangle_fan(xy):
    """Mean of the centroids of the triangles fanned from the first vertex, weighted by their areas."""
    spokes = xy[:, 1:] - xy[:, :1]
    a, b = spokes[:, :-1], spokes[:, 1:]
    weight = (a[..., 0] * b[..., 1] - b[..., 0] * a[..., 1])[..., None]
    return xy[:, 0] + ((a + b) * weight).sum(-2) / (3 * weight.sum(-2))


@gap("cancellation", "order", "special_value", why="a far coordinate stays in each product, and they cancel")
@gap("absorption", why="beside a long edge, the difference of two vertices absorbs the lesser one's digits")
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def differenced(xy):
    """The cross product rewritten as (x1 - x2)*y2 - x2*(y1 - y2), the rest as printed."""
    after, apart = xy.roll(-1, -2), xy - xy.roll(-1, -2)
    cross = apart[..., 0] * after[..., 1] - after[..., 0] * apart[..., 1]
    return ((xy + after) * cross[..., None]).sum(-2) / (3 * cross.sum(-1, keepdim=True))


@gap("cancellation", "order", "special_value", why="cross products grow with distance squared, not their sum")
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def absolute_shoelace(xy):
    """The formula as printed, on the coordinates as they are."""
    twice_area, moment = _moments(xy)
    return moment / (3 * twice_area)
