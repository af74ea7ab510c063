"""On which side of a line a point lies: a sign, on which hulls and triangulations stand or fall."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Shewchuk 1997, Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, part 4",
    known=[
        (([[0, 0], [1, 0], [0, 1]],), "1"),
        (([[0.5, 0.5], [12, 12], [24, 24]],), "0"),
        (([[0.5 + 2**-53, 0.5], [12, 12], [24, 24]],), "-1"),
    ],
    wrt=(),
    abc=polygon(sizes=(3,)),
)
def orientation(abc):
    """1 where c lies left of the line from a to b, -1 on the right, 0 on it.

    Hard where the three are nearly in line: what a sign is taken of cancels, and nothing forgives a wrong one.
    """
    (ax, ay), (bx, by), (cx, cy) = abc
    return m.sign((ax - cx) * (by - cy) - (ay - cy) * (bx - cx))


@orientation.law
def any_corner_may_come_first(f, abc):
    """Turning the list round changes nothing."""
    return f(m.roll(abc, 1)), f(abc)


@orientation.law
def exchanging_two_corners_changes_the_sign(f, abc):
    """Clockwise is negative."""
    return f(abc[::-1]), -f(abc)


@orientation.law
def moving_changes_nothing(f, abc):
    """Only differences count."""
    return f(abc + 1024), f(abc)


def _exact(abc):
    # every double is a multiple of 2**-1074, and Python's integers have as many bits as it takes
    pairs = ([n * (2**1074 // d) for n, d in map(float.as_integer_ratio, corner)] for corner in abc)
    (ax, ay), (bx, by), (cx, cy) = pairs
    twice_area = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
    return float((twice_area > 0) - (twice_area < 0))


@orientation.routine(value=ulps(1))
def filtered(abc):
    """The differences' determinant where it is beyond its error bound, exact integers elsewhere (Shewchuk's part 4).

    The bound is 4 u of the products' sizes, taken double; it is none where they may have underflowed, or are infinite.
    """
    a, b = abc[:, 0] - abc[:, 2], abc[:, 1] - abc[:, 2]
    left, right = a[:, 0] * b[:, 1], a[:, 1] * b[:, 0]
    limits, sizes = torch.finfo(abc.dtype), left.abs() + right.abs()
    sure = (
        ((left - right).abs() >= 4 * limits.eps * sizes)
        & (sizes > limits.tiny / limits.eps)
        & sizes.isfinite()
    )
    sign = torch.sign(left - right)
    sign[~sure] = torch.tensor([_exact(one) for one in abc[~sure].tolist()], dtype=abc.dtype)
    return sign


rounded = gap("cancellation", "absorption", why="differences were rounded before their products cancel")
tiny = gap("underflow", "overflow", why="products of two lengths leave the range")


@orientation.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_differences(abc):
    """The differences' determinant in float64."""
    return differences.function(abc.double()).to(abc.dtype)


@rounded
@tiny
@orientation.routine(value=ulps(1))
def differences(abc):
    """The formula as it is printed."""
    a, b = abc[:, 0] - abc[:, 2], abc[:, 1] - abc[:, 2]
    return torch.sign(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


@gap("cancellation", "absorption", why="products of coordinates cancel down to those of differences")
@tiny
@orientation.routine(value=ulps(1))
def expanded(abc):
    """The determinant of the coordinates and ones, multiplied out."""
    (ax, ay), (bx, by), (cx, cy) = (corner.unbind(-1) for corner in abc.unbind(1))
    return torch.sign(ax * by - ay * bx + (bx * cy - by * cx) + (cx * ay - cy * ax))
