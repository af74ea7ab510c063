"""Sums, products and quotients, at scales and without; choices and comparisons.

The exponential stands here, because a sum at two scales takes one.
"""

import operator
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.ball64.balls import (
    FAR,
    FLOOR,
    GROW,
    INF,
    NAN,
    SMALL,
    Balls,
    Error,
    U,
    broadcast,
    filled,
    like,
    only_finite,
    only_where,
    quick_two_sum,
    radius_of,
    scale_of,
    size_of,
    some,
    times,
    total_of,
    two_product,
    two_sum,
    uncertainty,
    up_to,
    where,
)
from numcheck.reals.ball64.bounds import called, grown

TINY = 2.0**-937  # more than exp(-FAR)
COMPARABLE = 2.0**850  # numbers up to which `comparable` keeps a ball as it is
NEAR = 2.0**-10  # where exp is summed as a series


def _instead(x: Balls, y: Balls, number: Fraction | float) -> Balls:
    """The constant that an operation on two constants makes, in their common shape."""
    return like(x, number).reshape((1,) * max(x.ndim, y.ndim))


def _power_of_two(x: Balls) -> bool:
    """Whether this is a constant by which a product is exact but for underflow."""
    if not x.number:
        return False
    top, bottom = abs(x.number.numerator), x.number.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0 and 2.0**-60 <= abs(x.number) <= 2.0**60


# Sums, products, quotients -------------------------------------------------------------------------------------------


def negated(x: Balls) -> Balls:
    """-x, exactly."""
    low = None if x.low is None else -x.low
    return replace(x, high=-x.high, low=low, number=None if x.number is None else -x.number)


def added(x: Balls, y: Balls) -> Balls:
    """x + y.

    s + e = xh + yh exactly. t = RN(xl + yl) and w = RN(e + t) err by u*abs(t) and u*abs(w) at most; s + w is
    renormalised exactly.
    """
    if x.number is not None and y.number is not None:
        return _instead(x, y, x.number + y.number)
    if x.scale is not None or y.scale is not None:
        return _added_at_scales(x, y)
    return _added(x, y)


def _added(x: Balls, y: Balls) -> Balls:
    high, low = two_sum(x.high, y.high)
    t = total_of(x.low, y.low)
    errors: list[Error] = [x.radius, y.radius]
    if t is not None:
        if x.low is not None and y.low is not None:
            errors.append((U, t.abs()))
        w = low + t
        errors.append((U, w.abs()))
        high, low = two_sum(high, w)
    return Balls(high, low, radius_of(*errors), reach=x.reach + y.reach)


def multiplied(x: Balls, y: Balls) -> Balls:
    """x * y.

    p + e = xh * yh but for underflow. t = RN(RN(xh*yl) + RN(xl*yh)) errs by 2.1u(abs(xh*yl) + abs(xl*yh)) at most,
    the product xl*yl that is left out is below u*abs(xh*yl), and w = RN(e + t) errs by u*abs(w). Radii:
    abs(X*Y - x*y) <= abs(x)*ry + abs(y)*rx + rx*ry, and abs(x) <= (1 + u)*abs(xh) is left to GROW. FLOOR covers at
    most seven products below the normal range, half a unit each, and 4 units of two_product.
    """
    if x.number is not None and y.number is not None:
        return _instead(x, y, x.number * y.number)
    for one, other in ((x, y), (y, x)):
        if one.number is not None and one.ndim <= other.ndim:
            if abs(one.number) == 1:
                return other if one.number > 0 else negated(other)
            if _power_of_two(one):
                return times_power(other, float(one.number))
    return _rescaled(_multiplied(x, y), x.scale, y.scale)


def times_power(x: Balls, by: float) -> Balls:
    """x times a power of two between 2**-60 and 2**60, exact but for underflow, in which a radius may vanish too."""
    radius = times(x.radius, abs(by))
    high = x.high * by
    if abs(by) < 1:
        exact = (x.high == 0) if x.low is not None else (x.high.abs() > SMALL) | (x.high == 0)
        if x.radius is not None:
            exact = exact & (x.radius == 0)
        radius = radius_of(radius, where(exact, 0.0, FLOOR))
    else:
        high = only_finite(high)  # lest what has overflowed be scaled down again
    return Balls(high, times(x.low, by), radius, scale=x.scale, reach=x.reach * abs(by))


def _multiplied(x: Balls, y: Balls) -> Balls:
    p, w = two_product(x.high, y.high)
    errors: list[Error] = []
    crossed = times(y.low, x.high), times(x.low, y.high)
    cross = total_of(*crossed)
    if cross is not None:
        w = w + cross
        errors += [(4 * U, part.abs()) for part in crossed if part is not None]
        errors.append((U, w.abs()))
        p, w = quick_two_sum(p, w)
    if y.radius is not None:
        errors.append(y.radius * x.high.abs())
    if x.radius is not None:
        errors.append(x.radius * (y.high.abs() if y.radius is None else y.high.abs() + y.radius))
    radius = radius_of(*errors, floor=FLOOR)
    if radius is None:  # exact but for underflow, and exact at zero
        radius = where((p.abs() > SMALL) | (x.high == 0) | (y.high == 0), 0.0, FLOOR)
    return Balls(p, w, radius, reach=x.reach * y.reach if x.reach and y.reach else 0.0)


def divided(x: Balls, y: Balls) -> Balls:
    """x / y.

    q = RN(xh/yh), and r = xh - q*yh is a double (Joldes et al. 2017, section 5), so two_product gives it exactly but
    for underflow. t = RN(r + RN(xl - RN(q*yl))) errs by u(abs(q*yl) + abs(xl - q*yl) + abs(t)); x/y = q + (t + that)
    / (yh + yl), and RN(t*RN(1/yh)) errs by 3.1u of itself, for what is split has a normal reciprocal. Radii:
    abs(X/Y - x/y) <= (rx + abs(x/y)*ry)/abs(y)/(1 - s) with s = ry/abs(y), where abs(x/y - q) <= 3.1u*abs(q) but for
    underflow, and 1/(1 - s) <= 1 + 2s for s <= 1/2. FLOOR covers what underflows, in q and after division by yh too.
    """
    if x.number is not None and y.number:
        return _instead(x, y, x.number / y.number)
    if _power_of_two(y) and y.number is not None:
        return multiplied(x, like(y, 1 / y.number).reshape(y.shape))
    return _rescaled(_divided(x, y), x.scale, None if y.scale is None else negated(y.scale))


def _divided(x: Balls, y: Balls) -> Balls:
    inverse = y.high.reciprocal()
    q = inverse if x.number == 1 and x.ndim <= y.ndim else x.high / y.high
    p, e = two_product(q, y.high)
    t = (x.high - p) - e
    lost: list[Error] = [x.radius]
    if y.radius is not None:
        lost.append(y.radius * q.abs())
    correction = None if x.low is None else -x.low
    if y.low is not None:
        correction = q * y.low
        lost.append((U, correction.abs()))
        if x.low is not None:
            correction = correction - x.low
            lost.append((U, correction.abs()))
    if correction is not None:
        t = t - correction
        lost.append((U, t.abs()))
    rest = t * inverse
    size = inverse.abs()
    top = radius_of(*lost, floor=FLOOR)
    off = size * FLOOR if top is None else top * size
    if y.radius is not None:
        off = off * (1 + 3 * up_to(0.49, y.radius * size))
    radius = radius_of((1 + 2.0**-49, off), (4 * U, rest.abs()), floor=FLOOR)
    high, low = quick_two_sum(q, rest)
    return Balls(high, low, radius)


# Scales --------------------------------------------------------------------------------------------------------------


def _rescaled(y: Balls, one: Balls | None, other: Balls | None) -> Balls:
    """y at the sum of two scales."""
    if one is None or other is None:
        return replace(y, scale=other if one is None else one)
    return replace(y, scale=_added(one, other), reach=INF)


def exponential_of(argument: Tensor, x: Balls) -> Balls:
    """exp(x), where `argument` is x.high or what is left of it.

    Near zero 1 + q with q = x + x*x*(1/2 + ... + x**3/120): what is cut off is below x**6/719, the second term is below
    2**-11*abs(x), so that its roundings are lost in the last one, of u*abs(q); 1 + q is renormalised exactly. All that
    is below 2u*abs(x), or abs(x) and FLOOR where x is so small that this underflows; exp(0) is exact. So exp(x) - 1
    keeps its digits. What E*xl leaves out is at most abs(xl) <= 650u of it, beside 16u for E and two roundings.
    """
    y, (rate, size) = called("exp", argument, min(x.reach, FAR))  # it is never given more
    low = floor = None
    errors: list[Error] = []
    small = argument.abs()
    near = small <= NEAR
    if some(near):
        rest = 0.5 + argument * (1 / 6 + argument * (1 / 24 + argument * (1 / 120)))
        series = argument + argument * argument * rest
        y, low = quick_two_sum(where(near, 1.0, y), where(near, series, 0.0))
        size = where(near, small, size)  # the rate is wide enough for both
        floor = small.clamp(max=FLOOR)
    errors.append((rate, size))
    if x.low is not None:
        part = y * x.low
        errors.append((700 * U, part.abs()))
        if low is not None:
            part = low + part
            errors.append((U, part.abs()))
        y, low = quick_two_sum(y, part)
    if x.radius is not None:
        errors.append(grown(y, x.radius))
    return Balls(y, low, radius_of(*errors, floor=floor))


def _exponential_below(x: Balls) -> Balls:
    """exp(x) for an x that is hardly positive; where it is below -FAR, a number between 0 and TINY."""
    y = exponential_of(x.high.clamp(min=-FAR), x)
    lost = x.high + filled(uncertainty(x), x.high) < -FAR
    high = where(lost, TINY / 2, only_where(x.high >= -FAR, y.high))
    low = None if y.low is None else where(lost, 0.0, y.low)
    return Balls(high, low, where(lost, TINY / 2, filled(y.radius, y.high)))


def is_exactly(x: Balls, number: float | Tensor) -> Tensor:
    """Where the ball, but for its scale, is exactly this number."""
    exact = x.high == number
    for part in (x.low, x.radius):
        if part is not None:
            exact = exact & (part == 0)
    return exact


def _added_at_scales(x: Balls, y: Balls) -> Balls:
    """The sum at the larger scale; an exact zero takes that of the other number."""
    one, other = scale_of(x), scale_of(y)
    one, other = picked(is_exactly(x, 0), other, one), picked(is_exactly(y, 0), one, other)
    first = one.high >= other.high
    scale, lower = picked(first, one, other), picked(first, other, one)
    x, y = replace(x, scale=None), replace(y, scale=None)
    lead, small = picked(first, x, y), picked(first, y, x)
    product = _multiplied(small, _exponential_below(_added(lower, negated(scale))))
    assert product.radius is not None
    product = replace(product, radius=where(is_exactly(small, 0), 0.0, product.radius))
    return replace(_added(lead, product), scale=scale, reach=INF)


def unscaled(x: Balls) -> Balls:
    """x without a scale: zero within TINY times its size where that is below -FAR, unknown where it is beyond FAR."""
    if x.scale is None:
        return x
    bare, scale = replace(x, scale=None), x.scale
    y = _multiplied(bare, exponential_of(scale.high.clamp(-FAR, FAR), scale))
    size = filled(radius_of(x.high.abs(), size_of(x.low), x.radius), x.high)
    zero = is_exactly(bare, 0)
    tiny = scale.high + filled(uncertainty(scale), scale.high) < -FAR
    high = where(zero | tiny, 0.0, only_where(scale.high.abs() <= FAR, y.high))
    low = where(zero | tiny, 0.0, filled(y.low, y.high))
    radius = where(zero, 0.0, where(tiny, size * TINY + FLOOR, filled(y.radius, y.high)))
    return Balls(high, low, radius, x.absent)


# Choices and comparisons ---------------------------------------------------------------------------------------------


def picked(condition: Tensor, x: Balls, y: Balls) -> Balls:
    """x where the condition holds, y elsewhere."""

    def part(a: Tensor | None, b: Tensor | None, dtype: torch.dtype = torch.float64) -> Tensor | None:
        if a is None and b is None:
            return None
        return where(condition, filled(a, x.high, dtype), filled(b, y.high, dtype))

    return Balls(
        where(condition, x.high, y.high),
        part(x.low, y.low),
        part(x.radius, y.radius),
        part(x.absent, y.absent, torch.bool),
        x.scale if x.scale is y.scale else picked(condition, scale_of(x), scale_of(y)),
        max(x.reach, y.reach),
    )


def absolute(x: Balls) -> Balls:
    """abs(x): changing a sign is exact, and abs moves no two numbers further apart."""
    low = None if x.low is None else where(x.high < 0, -x.low, x.low)
    return replace(x, high=x.high.abs(), low=low, number=None if x.number is None else abs(x.number))


def _difference(x: Balls, y: Balls) -> Balls:
    """A ball that compares with zero as x with y does."""
    x, y = replace(x, number=None, absent=None), replace(y, number=None, absent=None)
    return replace(added(x, negated(y)), scale=None)


def comparable(x: Balls) -> Balls:
    """Balls up to COMPARABLE and without a scale, with [2**860, 2**901] for all that are known to be beyond exp(640).

    Two of those with one sign stay undecided, for their balls are the same.
    """
    y = unscaled(x)
    y = replace(y, high=only_where(y.high.abs() < COMPARABLE, y.high), number=None)
    if x.scale is None:
        return y
    scale, beside = x.scale.high, filled(uncertainty(x), x.high)
    spread = filled(uncertainty(x.scale), scale)
    beyond = (scale - spread > 640.0) & (x.high.abs() - beside > 2.0**-60)
    tiny = (scale + spread < -FAR) & (x.high.abs() < 2.0**10) & (x.high.abs() > beside)
    sign = torch.sign(x.high)
    return Balls(
        where(beyond, sign * 2.0**900, where(tiny, sign * (TINY * 2.0**10), y.high)),
        where(beyond | tiny, 0.0, filled(y.low, y.high)),
        where(beyond, 2.0**900 - 2.0**860, where(tiny, TINY * 2.0**10, filled(y.radius, y.high))),
    )


def compared(name: str, x: Balls, y: Balls) -> Tensor:
    """YES, NO or UNDECIDED, elementwise."""
    if x.number is not None and y.number is not None:
        shape = tuple(max(sizes) for sizes in zip(x.shape, y.shape, strict=True))
        holds = getattr(operator, name)(x.number, y.number)
        return torch.tensor([YES if holds else NO], device=x.high.device).reshape(shape)
    d = _difference(x, y)
    edge = torch.zeros_like(d.high) if d.radius is None else d.radius * (1 + 2.0**-40)
    exact = (d.high == 0) & (edge == 0)
    above, below = d.high > edge, d.high < -edge
    if name in ("lt", "le"):
        above, below = below, above
    match name:
        case "gt" | "lt":
            yes, no = above, below | exact
        case "ge" | "le":
            yes, no = above | exact, below
        case _:
            yes, no = exact, above | below
    return torch.where(yes, YES, torch.where(no, NO, UNDECIDED))


def hull(x: Balls, y: Balls) -> Balls:
    """A ball around x that holds y too; absent only where both are."""
    x, y = unscaled(x), unscaled(y)
    d = _added(x, negated(y))
    width = total_of(d.high.abs(), size_of(d.low), d.radius)  # that of the difference holds both radii
    assert width is not None
    absent = None if x.absent is None or y.absent is None else x.absent & y.absent
    return replace(broadcast(x, d.shape), radius=width * GROW, number=None, absent=absent)


def maximum(x: Balls, y: Balls) -> Balls:
    """The larger; where it is not known which, the larger midpoint with the radius of the difference.

    The midpoint chosen is below the other by no more than what the difference lost to rounding, and maximum moves no
    two pairs further apart than the wider of both radii: the radius of the difference is the sum of all three.
    """
    d = _difference(x, y)
    larger = picked(d.high > 0, x, y)
    unknown, radius = d.high.isnan(), larger.radius
    if d.radius is not None:
        undecided = ~(d.high.abs() > d.radius * (1 + 2.0**-40))
        if larger.scale is not None:  # the difference has another scale
            unknown = unknown | undecided
        radius = where(undecided, d.radius * GROW, filled(larger.radius, larger.high))
    return replace(larger, high=where(unknown, NAN, larger.high), radius=radius)


def minimum(x: Balls, y: Balls) -> Balls:
    """The smaller, likewise."""
    return negated(maximum(negated(x), negated(y)))
