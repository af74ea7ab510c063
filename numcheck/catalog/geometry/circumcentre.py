"""Centre of the circle through three points: hard where they are nearly in line, and far from the origin."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Shewchuk 2013, Lecture Notes on Geometric Robustness (circumcenters and circumradii)",
    known=[],  # two numbers at a time: the laws speak for it
    wrt=(),
    abc=polygon(sizes=(3,)),
)
def circumcentre(abc):
    """The point (x, y) that is equally far from a, b and c, in their unit; undefined where these lie in a line."""
    a, b, c = abc
    p, q = a - c, b - c
    twice_area = p[0] * q[1] - p[1] * q[0]
    far_p, far_q = p[0] ** 2 + p[1] ** 2, q[0] ** 2 + q[1] ** 2
    turned = m.stack([far_p * q[1] - far_q * p[1], far_q * p[0] - far_p * q[0]])
    return c + turned / (2 * twice_area)


@circumcentre.law
def it_is_equally_far_from_two_corners(f, abc):
    """The circle passes through both."""
    centre = f(abc)
    return m.sum((abc[0] - centre) ** 2), m.sum((abc[1] - centre) ** 2)


@circumcentre.law
def any_corner_may_come_first(f, abc):
    """Three points have one circle."""
    return f(m.roll(abc, 1)), f(abc)


@circumcentre.law
def the_centre_moves_along(f, abc):
    """Moving the corners moves it by the same."""
    return f(abc + 1024), f(abc) + 1024


thin = gap(
    "cancellation",
    "special_value",
    "absorption",
    why="of a thin triangle's rounded sides the area cancels, even to 0",
)
range_ = gap("overflow", "underflow", why="products of three lengths leave the range")


@circumcentre.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float64_from_a_corner(abc):
    """The formula in float64, rounded once."""
    return from_a_corner.function(abc.double()).to(abc.dtype)


@thin
@range_
@circumcentre.routine(value=ulps(4, cond=8))
def from_a_corner(abc):
    """The formula as it is printed, seen from a corner and moved back."""
    a, b, c = abc.unbind(1)
    p, q = a - c, b - c
    twice_area = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    far_p, far_q = (p * p).sum(1), (q * q).sum(1)
    turned = torch.stack([far_p * q[:, 1] - far_q * p[:, 1], far_q * p[:, 0] - far_p * q[:, 0]], dim=1)
    return c + turned / (2 * twice_area)[:, None]


@gap("cancellation", "special_value", "absorption", why="squares of far coordinates cancel three times over")
@range_
@circumcentre.routine(value=ulps(4, cond=8))
def from_the_origin(abc):
    """The symmetric form of encyclopedias, on the coordinates as they are."""
    x, y = abc.unbind(-1)
    far = x * x + y * y
    after, before = y.roll(-1, 1) - y.roll(1, 1), x.roll(1, 1) - x.roll(-1, 1)
    twice = 2 * (x * after).sum(1)
    return torch.stack([(far * after).sum(1) / twice, (far * before).sum(1) / twice], dim=1)
