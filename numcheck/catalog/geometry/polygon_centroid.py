"""Centroid of a polygon's area.

Where it is hard: where the area is (`polygon_area`), for it divides by the area. A division of two numbers that are
right is right to half an ulp however small they are; when a tiny far polygon's centroid jumps about, numerator and
denominator had lost their digits before. Thin polygons are ill-conditioned by themselves: the share of a vertex in the
centroid grows like length over width, which the conditioning term forgives.
"""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Bourke 1988, Calculating the area and centroid of a polygon, paulbourke.net/geometry/polygonmesh",
    known=[],  # two numbers at a time: the laws speak for it
    examples=[
        # thin: its area cancels to 0 in bfloat16 and in float16, with the moments and without
        (
            [
                [1.85966492e-05, 2.06232071e-05],
                [1.39474869e-05, 3.24249268e-05],
                [1.7285347e-05, 2.39610672e-05],
            ],
        ),
        (
            [
                [0.000694274902, -0.000164985657],
                [0.000647068024, -3.42130661e-05],
                [0.000598430634, 0.000100314617],
                [0.000668525696, -9.36388969e-05],
            ],
        ),
        (
            [
                [-0.036895751953125, -0.042694091796875],
                [0.0274200439453125, 0.031890869140625],
                [-0.0301666259765625, -0.03466796875],
            ],
        ),
        ([[-12.8502827, 9.75731182], [-11.8338499, 8.51753426], [-11.3105583, 10.1909618]],),
        ([[1.125, -18.5], [2.125, -18.5], [1.46875, -18]],),
        (
            [
                [9.45126534, -7.65280962],
                [9.05963802, -7.29395866],
                [8.97317696, -7.50890684],
                [9.24688053, -7.88959074],
            ],
        ),
        # flat: one side's products are subnormal in float16 though the other's are not
        (
            [
                [0.0625, 1.43051147e-06],
                [-0.09375, 6.10351562e-05],
                [-0.0234375, -9.15527344e-05],
                [0.015625, -9.15527344e-05],
            ],
        ),
        # long edges, in bfloat16
        ([[-41.25, 134], [69, -225], [-0.2470703125, 5.53125]],),
        (
            [
                [-101.083992, -6.26574659],
                [-100.538574, -5.38507366],
                [-100.436951, -5.2209878],
                [-100.756187, -5.73644733],
            ],
        ),
    ],
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
    """Sums over the edges of cross and of (sum of both ends) * cross: 2A and 6A times the centroid."""
    after = xy.roll(-1, -2)
    cross = xy[..., 0] * after[..., 1] - after[..., 0] * xy[..., 1]
    return cross.sum(-1, keepdim=True), ((xy + after) * cross[..., None]).sum(-2)


# Budgets: as for the area cond=4, and as much again for the moment's second factor, a sum of two coordinates: cond=8.
# In float16 the products of three coordinates leave the range both ways: `corner_origin` stands for all there.


@gap("order", why="what is left of cancelling cross products depends on the order of their sum")
@gap("cancellation", why="cross products grow with the square of the distance, their sum does not")
@gap("special_value", why="the cross products cancel to an area of 0, and the moments with them: 0/0")
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def absolute_shoelace(xy):
    """The formula as printed, on the coordinates as they are."""
    twice_area, moment = _moments(xy)
    return moment / (3 * twice_area)


@gap("order", why="what is left of cancelling cross products depends on the order of their sum")
@gap(
    "cancellation",
    why="the cross products are good, but far coordinates multiply them before they are summed",
)
@gap("absorption", why="beside a long edge, the difference of two vertices absorbs the lesser one's digits")
@gap("special_value", why="the cross products cancel to an area of 0, and the moments with them: 0/0")
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def differenced(xy):
    """The cross product rewritten as (x1 - x2)*y2 - x2*(y1 - y2), the rest as printed."""
    after = xy.roll(-1, -2)
    apart = xy - after
    cross = apart[..., 0] * after[..., 1] - after[..., 0] * apart[..., 1]
    return ((xy + after) * cross[..., None]).sum(-2) / (3 * cross.sum(-1, keepdim=True))


@gap("overflow", why="products of three lengths leave the range beyond 40")
@gap("underflow", why="products of three lengths leave the range below 2**-8")
@gap("cancellation", why="subnormal products have few digits left to subtract")
@gap(
    "special_value",
    why="a thin polygon's cross products cancel to an area of 0, and the moments with them: 0/0",
)
@polygon_centroid.routine(value=ulps(4, cond=8))
def corner_origin(xy):
    """The formula seen from the first vertex, and moved back at the end."""
    corner = xy[:, :1]
    twice_area, moment = _moments(xy - corner)
    return corner[:, 0] + moment / (3 * twice_area)


@gap(
    "cancellation", why="a thin polygon's cross products cancel to an area of 0, and the quotient is infinite"
)
@gap(
    "special_value",
    why="a thin polygon's cross products cancel to an area of 0, and the moments with them: 0/0",
)
@gap("underflow", why="a flat polygon's products of two short sides and a long one are subnormal in float16")
@polygon_centroid.routine(value=ulps(4, cond=8))
def corner_origin_scaled(xy):
    """The same in a unit, a power of two, in which the polygon's extent is about one: nothing leaves the range."""
    corner = xy[:, :1]
    apart = xy - corner
    extent = apart.abs().amax(dim=(-2, -1), keepdim=True)
    unit = torch.ldexp(torch.ones_like(extent), torch.frexp(extent).exponent - 1)
    twice_area, moment = _moments(apart / unit)
    return corner[:, 0] + moment / (3 * twice_area) * unit[:, 0]


@gap(
    "cancellation", why="a thin polygon's cross products cancel to an area of 0, and the quotient is infinite"
)
@gap(
    "special_value",
    why="a thin polygon's cross products cancel to an area of 0, and the moments with them: 0/0",
)
@polygon_centroid.routine(value=ulps(4, cond=8), formats=["float32", "bfloat16"])
def triangle_fan(xy):
    """Mean of the centroids of the triangles fanned from the first vertex, weighted by their areas."""
    spokes = xy[:, 1:] - xy[:, :1]
    a, b = spokes[:, :-1], spokes[:, 1:]
    weight = (a[..., 0] * b[..., 1] - b[..., 0] * a[..., 1])[..., None]
    return xy[:, 0] + ((a + b) * weight).sum(-2) / (3 * weight.sum(-2))


# A triangle's centroid is the mean of its vertices, whatever its shape: its derivative is constant, and nothing
# forgives what autograd loses in the quotient. Hence a budget relative to the largest component, and float64.


@polygon_centroid.routine(
    value=ulps(1), grad=ulps(1, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def float64_corner_origin(xy):
    """The corner-origin form in float64, rounded once at the end.

    The centroid moves along with the origin, so that its derivative by the origin is zero: a constant for autograd.
    """
    wide = xy.double()
    corner = wide[:, :1].detach()
    twice_area, moment = _moments(wide - corner)
    return (corner[:, 0] + moment / (3 * twice_area)).to(xy.dtype)
