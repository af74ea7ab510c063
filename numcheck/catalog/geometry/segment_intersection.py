"""Where two lines cross: hard where they are nearly parallel, and where they cross far from the origin."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="O'Rourke 1998, Computational Geometry in C, section 7.2 (segment-segment intersection)",
    known=[],  # two numbers at a time: the laws speak for it
    wrt=(),
    corners=polygon(sizes=(4,)),
)
def segment_intersection(corners):
    """The point (x, y) where the line of corners 0 and 2 crosses that of 1 and 3, a quadrilateral's diagonals.

    Undefined where they are parallel.
    """
    a, b, c, d = corners
    along, across, apart = c - a, d - b, b - a
    determinant = along[0] * across[1] - along[1] * across[0]
    share = (apart[0] * across[1] - apart[1] * across[0]) / determinant
    return a + share * along


@segment_intersection.law
def either_segment_may_come_first(f, corners):
    """Two lines have one point in common."""
    return f(m.roll(corners, 1)), f(corners)


@segment_intersection.law
def the_crossing_moves_along(f, corners):
    """Moving both lines moves it by the same."""
    return f(corners + 1024), f(corners) + 1024


@segment_intersection.law
def twice_the_size_is_twice_as_far(f, corners):
    """The crossing is homogeneous of degree one."""
    return f(2 * corners), 2 * f(corners)


@segment_intersection.law
def it_lies_on_the_second_line(f, corners):
    """Its difference to corner 1 is parallel to that of 3 and 1."""
    apart, across = f(corners) - corners[1], corners[3] - corners[1]
    return apart[0] * across[1], apart[1] * across[0]


thin = gap(
    "cancellation",
    "special_value",
    "absorption",
    why="of nearly parallel lines the determinant cancels, even to 0",
)
range_ = gap("overflow", "underflow", why="products of lengths leave the format's range")


@gap("cancellation", "absorption", why="a crossing that is nearly zero is a corner less a step")
@segment_intersection.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float64_parameter(corners):
    """The parameter of the crossing in float64, rounded once."""
    return parameter_form.function(corners.double()).to(corners.dtype)


@thin
@range_
@segment_intersection.routine(value=ulps(2, cond=8))
def parameter_form(corners):
    """The formula as it is printed: differences first, one step from the first corner at the end."""
    a, b, c, d = corners.unbind(1)
    along, across, apart = c - a, d - b, b - a
    determinant = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    share = (apart[:, 0] * across[:, 1] - apart[:, 1] * across[:, 0]) / determinant
    return a + share[:, None] * along


@thin
@segment_intersection.routine(value=ulps(2, cond=8))
def torch_solve(corners):
    """`linalg.solve` for both parameters, whose elimination is one of the differences."""
    a, b, c, d = corners.unbind(1)
    if corners.dtype not in (torch.float32, torch.float64):
        return torch_solve.function(corners.float()).to(corners.dtype)
    shares, _ = torch.linalg.solve_ex(torch.stack([c - a, b - d], dim=2), b - a)
    return a + shares[:, :1] * (c - a)


@gap(
    "cancellation",
    "special_value",
    "absorption",
    why="products of far coordinates cancel, in pairs and again",
)
@range_
@segment_intersection.routine(value=ulps(2, cond=8))
def determinants_of_coordinates(corners):
    """Cramer's rule for both lines written as a x + b y = c, as encyclopedias print it."""
    (x1, y1), (x3, y3), (x2, y2), (x4, y4) = (corner.unbind(-1) for corner in corners.unbind(1))
    first, second = x1 * y2 - y1 * x2, x3 * y4 - y3 * x4
    determinant = (x1 - x2) * (y3 - y4) - (y1 - y2) * (x3 - x4)
    x = (first * (x3 - x4) - (x1 - x2) * second) / determinant
    y = (first * (y3 - y4) - (y1 - y2) * second) / determinant
    return torch.stack([x, y], dim=-1)
