"""Area of a box."""

from numcheck import box, formula, gap, m, ulps


@formula(
    source="Rezatofighi et al. 2019, Generalized Intersection over Union, algorithm 2, steps 1 and 2",
    known=[(((0, 0, 2, 3),), "6"), (((1, 1, 1, 5),), "0"), (((-1, -2, 0.5, 2),), "6")],
    edges=box(-512, 512),
)
def box_area(edges):
    """Width times height of [left, top, right, bottom], in the square of their unit, y downwards: never negative.

    With y upwards the same order has its top above its bottom: columns 0, 3, 2, 1 of these. Code for the one gives
    boxes of the other a negative area. Hard for small boxes far out, and in float16, where areas overflow.
    """
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


@box_area.law
def moving_the_box_changes_nothing(f, edges):
    """The origin does not matter."""
    return f(edges + 3), f(edges)


@box_area.law
def twice_the_lengths_are_four_times_the_area(f, edges):
    """Homogeneous of degree two."""
    return f(2 * edges), 4 * f(edges)


@box_area.law
def exchanging_the_axes_changes_nothing(f, edges):
    """Width and height take each other's place."""
    return f(m.stack([edges[1], edges[0], edges[3], edges[2]])), f(edges)


@box_area.routine(value=ulps(2, cond=2), grad=ulps(1))
def as_printed(edges):
    """Width times height, each rounded to the format."""
    return (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])


@box_area.routine(value=ulps(2, cond=2), grad=ulps(1))
def top_above_bottom(edges):
    """(right - left) (top - bottom) with y upwards."""
    upwards = edges[:, [0, 3, 2, 1]]
    return (upwards[:, 2] - upwards[:, 0]) * (upwards[:, 1] - upwards[:, 3])


@gap("scale", "wrong_formula", "overflow", why="top less bottom is negative with y downwards")
@box_area.routine(value=ulps(2, cond=2), grad=ulps(1))
def top_above_bottom_of_downward_boxes(edges):
    """The same of boxes with y downwards: a negative area."""
    return (edges[:, 2] - edges[:, 0]) * (edges[:, 1] - edges[:, 3])


@gap("cancellation", "absorption", of="value", why="products of far coordinates cancel")
@gap("overflow", why="products of coordinates leave float16's range where sides' do not", formats=["float16"])
@box_area.routine(value=ulps(2, cond=2), grad=ulps(1))
def expanded_product(edges):
    """x2 y2 - x2 y1 - x1 y2 + x1 y1."""
    x1, y1, x2, y2 = edges.unbind(1)
    return x2 * y2 - x2 * y1 - x1 * y2 + x1 * y1
