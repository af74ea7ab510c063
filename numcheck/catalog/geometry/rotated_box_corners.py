"""Corners of a rotated box: hard where one of them comes near an axis, and at angles of many turns."""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="Golub & Van Loan 2013, Matrix Computations, section 5.1.8 (rotations), about the box's centre",
    known=[],  # eight numbers at a time: the laws speak for it
    x=real(-1024, 1024),
    y=real(-1024, 1024),
    width=real(0, 512),
    height=real(0, 512),
    angle=real(-64, 64, near=(1.5707963267948966, 3.141592653589793)),
)
def rotated_box_corners(x, y, width, height, angle):
    """Four corners (x, y), counter-clockwise from the lower left, of a box turned by `angle` radians."""
    cos, sin = m.cos(angle) / 2, m.sin(angle) / 2
    right, up = m.stack([width * cos, width * sin]), m.stack([-height * sin, height * cos])
    centre = m.stack([x, y])
    return m.stack([centre - right - up, centre + right - up, centre + right + up, centre - right + up])


@rotated_box_corners.law
def the_centre_is_the_mean_of_opposite_corners(f, x, y, width, height, angle):
    """A box is symmetric about its centre."""
    corners = f(x, y, width, height, angle)
    return corners[0] + corners[2], 2 * m.stack([x, y])


@rotated_box_corners.law
def a_quarter_turn_exchanges_width_and_height(f, x, y, width, height, angle):
    """And moves the list of corners on by one."""
    return f(x, y, width, height, angle + m.pi() / 2), m.roll(f(x, y, height, width, angle), -1)


@rotated_box_corners.law
def twice_all_lengths_is_twice_as_far(f, x, y, width, height, angle):
    """Homogeneous of degree one in the lengths."""
    return f(2 * x, 2 * y, 2 * width, 2 * height, angle), 2 * f(x, y, width, height, angle)


SIGNS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


@rotated_box_corners.routine(value=ulps(1), grad=ulps(1), formats=["bfloat16", "float16"])
def float64_sides(x, y, width, height, angle):
    """The formula in float64, rounded once."""
    return half_sides.function(*(z.double() for z in (x, y, width, height, angle))).to(x.dtype)


@rotated_box_corners.routine(value=ulps(2, cond=2), grad=ulps(4, cond=2))
def half_sides(x, y, width, height, angle):
    """The formula as it is printed."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    right, up = (
        torch.stack([width * cos, width * sin], 1) / 2,
        torch.stack([-height * sin, height * cos], 1) / 2,
    )
    centre = torch.stack([x, y], 1)
    return torch.stack([centre + s * right + t * up for s, t in SIGNS], 1)


@rotated_box_corners.routine(value=ulps(2, cond=2), grad=ulps(4, cond=2))
def rotation_matrix(x, y, width, height, angle):
    """Corners of the box at the origin times a matrix of rotation."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    signs = torch.tensor(SIGNS, dtype=x.dtype) / 2
    return (signs * torch.stack([width, height], 1)[:, None]) @ matrix + torch.stack([x, y], 1)[:, None]


@rotated_box_corners.routine(value=ulps(2, cond=2), grad=ulps(4, cond=2), formats=["float32"])
def complex_numbers(x, y, width, height, angle):
    """Corners as complex numbers, times one of length 1."""
    signs = torch.tensor(SIGNS, dtype=x.dtype) / 2
    corners = torch.complex(signs[:, 0] * width[:, None], signs[:, 1] * height[:, None])
    turned = corners * torch.polar(torch.ones_like(angle), angle)[:, None]
    return torch.view_as_real(turned + torch.complex(x, y)[:, None])
