"""Third side of a triangle: hard where two sides are alike and the angle between them is small."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST DLMF 4.42(ii) (planar general triangles)",
    known=[((3, 4, 1), "3.46882467979640717707533022162"), ((3, 4, 0), "1"), ((2, 2, 0), "0")],
    wrt=(),
    a=real(0, 1000),
    b=real(0, 1000),
    angle=real(0, 3.140625),
)
def law_of_cosines(a, b, angle):
    """Length of the side opposite `angle` (radians), between sides a and b, in their unit."""
    # a*a + b*b - 2 a b cos(angle), as a length: at an angle of 0 it is a kink, the distance of a and b
    return m.norm(m.stack([a - b * m.cos(angle), b * m.sin(angle)]))


@law_of_cosines.law
def its_square_is_that_of_the_book(f, a, b, angle):
    """c**2 = a**2 + b**2 - 2 a b cos(angle)."""
    return f(a, b, angle) ** 2, a**2 + b**2 - 2 * a * b * m.cos(angle)


@law_of_cosines.law
def exchanging_the_sides_changes_nothing(f, a, b, angle):
    """The angle lies between both."""
    return f(a, b, angle), f(b, a, angle)


@law_of_cosines.law
def twice_the_sides_is_twice_the_third(f, a, b, angle):
    """Homogeneous of degree one."""
    return f(2 * a, 2 * b, angle), 2 * f(a, b, angle)


range_ = gap("underflow", "overflow", why="squares and products of lengths leave the range")


@law_of_cosines.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_half_angle(a, b, angle):
    """The half-angle form in float64, rounded once."""
    return half_angle.function(a.double(), b.double(), angle.double()).to(a.dtype)


@law_of_cosines.routine(value=ulps(2, cond=2))
def half_angle(a, b, angle):
    """hypot(a - b, 2 sqrt(a b) sin(angle / 2)): nothing cancels but a - b, which is exact where it is small."""
    return torch.hypot(a - b, 2 * torch.sqrt(a) * torch.sqrt(b) * torch.sin(angle / 2))


@law_of_cosines.routine(value=ulps(2, cond=2))
def complex_difference(a, b, angle):
    """Distance of a from the point at b and `angle`, in coordinates."""
    return torch.hypot(a - b * torch.cos(angle), b * torch.sin(angle))


@gap("cancellation", "absorption", "special_value", why="a*a + b*b and 2 a b cos are alike: even below 0")
@range_
@law_of_cosines.routine(value=ulps(2, cond=2))
def as_printed(a, b, angle):
    """The root of a*a + b*b - 2 a b cos(angle)."""
    return torch.sqrt(a * a + b * b - 2 * a * b * torch.cos(angle))
