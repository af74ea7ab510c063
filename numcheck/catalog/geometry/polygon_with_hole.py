"""Area of a polygon with a hole: two areas of nearly the same size, far from the origin, may leave little between."""

from numcheck import formula, gap, m, polygon, ulps
from numcheck.catalog.geometry.polygon_area import corner_origin


@formula(
    source="Bourke 1988, Calculating the area and centroid of a polygon, paulbourke.net/geometry/polygonmesh (holes)",
    known=[
        (([[0, 0], [8, 0], [8, 8], [0, 8]], [[2, 2], [4, 2], [4, 4], [2, 4]]), "60"),
        (([[0, 0], [8, 0], [8, 8], [0, 8]], [[2, 2], [2, 4], [4, 4], [4, 2]]), "60"),
        (([[0, 0], [4, 0], [0, 4]], [[0, 0], [4, 0], [0, 4]]), "0"),
    ],
    wrt=(),
    outer=polygon(sizes=(4,)),
    hole=polygon(sizes=(4,)),
)
def polygon_with_hole(outer, hole):
    """Area within the vertices of `outer` and without those of `hole`, whichever way round either goes."""

    def area(xy):
        x, y = xy[:, 0], xy[:, 1]
        return abs(m.dot(x, m.roll(y, -1)) - m.dot(m.roll(x, -1), y)) / 2

    return area(outer) - area(hole)


@polygon_with_hole.law
def a_hole_may_go_either_way_round(f, outer, hole):
    """Only its size counts."""
    return f(outer, hole), f(outer, hole[::-1])


@polygon_with_hole.law
def moving_both_changes_nothing(f, outer, hole):
    """The area does not depend on the origin."""
    return f(outer + 1024, hole + 1024), f(outer, hole)


@polygon_with_hole.law
def exchanging_both_changes_the_sign(f, outer, hole):
    """A hole in nothing counts as negative."""
    return f(outer, hole), -f(hole, outer)


@polygon_with_hole.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_both(outer, hole):
    """Both shoelaces in float64, rounded once."""
    return shoelaces.function(outer.double(), hole.double()).to(outer.dtype)


# Budgets: as for `polygon_area` cond=4.
products_too_large = gap("overflow", why="products of two lengths leave the range long before lengths do")


@products_too_large
@polygon_with_hole.routine(value=ulps(4, cond=4))
def corner_of_each(outer, hole):
    """Each seen from a corner of its own: areas do not depend on where they are seen from."""
    return corner_origin.function(outer).abs() - corner_origin.function(hole).abs()


far = gap(
    "cancellation",
    "absorption",
    why="from the origin, or a corner of the other, products are larger than areas",
)


@products_too_large
@far
@polygon_with_hole.routine(value=ulps(4, cond=4))
def corner_of_the_outer(outer, hole):
    """Both seen from one corner of the outer polygon."""
    corner = outer[:, :1]
    return _shoelace(outer - corner).abs() - _shoelace(hole - corner).abs()


def _shoelace(xy):
    x, y = xy.unbind(-1)
    return (x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1) / 2


@products_too_large
@far
@polygon_with_hole.routine(value=ulps(4, cond=4))
def shoelaces(outer, hole):
    """The formula as it is printed, on the coordinates as they are."""
    return _shoelace(outer).abs() - _shoelace(hole).abs()
