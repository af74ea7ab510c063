"""Distance of a point from a segment: hard where the segment is short, or the point nearly on it."""

import torch

from numcheck import formula, gap, m, polygon, ulps


@formula(
    source="Ericson 2005, Real-Time Collision Detection, section 5.1.2 (closest point on line segment to point)",
    known=[
        (([[2, 3], [0, 0], [4, 0]],), "3"),
        (([[7, 4], [0, 0], [4, 0]],), "5"),
        (([[3, 4], [0, 0], [0, 0]],), "5"),
    ],
    wrt=(),
    pab=polygon(sizes=(3,)),
)
def point_segment_distance(pab):
    """Distance of corner p from the nearest point between a and b, in their unit."""
    p, a, b = pab
    along, apart = b - a, p - a
    squared = m.dot(along, along)
    share = m.where(squared == 0, 0, m.dot(apart, along)) / m.where(squared == 0, 1, squared)
    return m.norm(apart - m.clamp(share, 0, 1) * along)


@point_segment_distance.law
def the_ends_may_change_places(f, pab):
    """A segment has no direction."""
    return f(m.stack([pab[0], pab[2], pab[1]])), f(pab)


@point_segment_distance.law
def moving_changes_nothing(f, pab):
    """Only differences count."""
    return f(pab + 1024), f(pab)


@point_segment_distance.law
def twice_the_size_is_twice_the_distance(f, pab):
    """The distance is homogeneous of degree one."""
    return f(2 * pab), 2 * f(pab)


def _nearest(pab, share):
    p, a, b = pab.unbind(1)
    rest = (p - a) - share[:, None] * (b - a)
    return torch.hypot(rest[:, 0], rest[:, 1])


near = gap(
    "cancellation",
    "absorption",
    why="beside the line a rounded step along it leaves little right of the way across",
)
squares = gap("underflow", "overflow", why="squares of lengths leave the range")


@point_segment_distance.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_clamped_share(pab):
    """The formula in float64, rounded once."""
    return clamped_share.function(pab.double()).to(pab.dtype)


@near
@point_segment_distance.routine(value=ulps(4, cond=4))
def height_or_end(pab):
    """Where the foot lies between the ends the height, a cross product over the base; else the nearer end."""
    p, a, b = pab.unbind(1)
    along, apart = b - a, p - a
    base = torch.hypot(along[:, 0], along[:, 1])
    unit = along / torch.where(base == 0, 1.0, base)[:, None]
    foot = (unit * apart).sum(1)
    height = (unit[:, 0] * apart[:, 1] - unit[:, 1] * apart[:, 0]).abs()
    ends = torch.minimum(torch.hypot(apart[:, 0], apart[:, 1]), torch.hypot(*(p - b).unbind(1)))
    return torch.where((foot > 0) & (foot < base), height, ends)


@squares
@near
@point_segment_distance.routine(value=ulps(4, cond=4))
def clamped_share(pab):
    """The formula as it is printed."""
    p, a, b = pab.unbind(1)
    along, apart = b - a, p - a
    squared = (along * along).sum(1)
    share = (apart * along).sum(1) / torch.where(squared == 0, 1.0, squared)
    return _nearest(pab, share.clamp(0, 1))


@gap("special_value", why="0 / 0 where both ends are one point")
@squares
@near
@point_segment_distance.routine(value=ulps(4, cond=4))
def unguarded(pab):
    """The same, with the length's square as it is."""
    p, a, b = pab.unbind(1)
    along, apart = b - a, p - a
    return _nearest(pab, ((apart * along).sum(1) / (along * along).sum(1)).clamp(0, 1))
