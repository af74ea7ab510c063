"""Functions of one number and of two, by the names that `arithmetic.forward` has for them."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from numcheck.reals.ball64.balls import (
    FAR,
    FLOOR,
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
    total_of,
    two_product,
    uncertainty,
    unknown_like,
    up_to,
    where,
)
from numcheck.reals.ball64.bounds import BOUNDS, ORDERS, called, grown, trusted
from numcheck.reals.ball64.operations import (
    absolute,
    added,
    divided,
    exponential_of,
    is_exactly,
    maximum,
    minimum,
    multiplied,
    negated,
    picked,
    times_power,
    unscaled,
)


def exponential(x: Balls) -> Balls:
    """exp(x) = E + E*xl + E*(exp(xl) - 1 - xl), E = exp(xh) within its bound; the last term is below E*xl*xl.

    Where x may be large it becomes the scale; exp of an exact minus infinity is an exact zero.
    """
    if x.number == 0:
        return like(x, 1).reshape(x.shape)
    if x.reach <= FAR:
        return replace(exponential_of(x.high, x), reach=math.exp(x.reach) * (1 + 2.0**-40))
    nothing = is_exactly(x, -INF)
    scale = replace(x, high=where(nothing, 0.0, only_finite(x.high)), reach=INF, number=None, absent=None)
    return Balls(where(nothing, 0.0, where(scale.high.isnan(), NAN, 1.0)), scale=scale)


def logarithm(x: Balls) -> Balls:
    """log(x) = log(xh) + log(1 + xl/xh), where the second logarithm is t - t*t/2 + ..., abs(t) <= u.

    The first is at least as large or zero: beside 1 it is twice the half ulp that xl may be.
    Radii: abs(log X - log x) <= -log(1 - q) <= 1.39q for q = rx/x <= 1/2. What underflows is hidden in what GROW adds
    to the first logarithm's bound, but for xh = 1, where that is zero: there t*t/2 may be lost, below abs(t) and FLOOR.
    """
    if x.number == 1:
        return like(x, 0).reshape(x.shape)
    y = _logarithm(x)
    return y if x.scale is None else added(x.scale, y)


def _logarithm(x: Balls) -> Balls:
    y, error = called("log", x.high)
    low = floor = None
    errors: list[Error] = [error]
    inverse = x.high.reciprocal() if x.low is not None or x.radius is not None else x.high
    if x.low is not None:
        t = x.low * inverse
        size = t.abs()
        errors.append((4 * U, size))
        floor = size.clamp(max=FLOOR)
        y, low = quick_two_sum(y, t)
    if x.radius is not None:
        errors.append((1.5, up_to(0.5, x.radius * inverse)))
    reach = 1050.0 if x.reach < INF else INF  # of float64's logarithms
    return Balls(y, low, radius_of(*errors, floor=floor), reach=reach)


def square_root(x: Balls) -> Balls:
    """sqrt(x) = s + (x - s*s)/(s + sqrt(x)), s = RN(sqrt(xh)) or near it.

    xh - RN(s*s) is exact (Sterbenz), d = x - s*s is computed within 3u of its parts and FLOOR, for s*s loses digits
    below 2**-969, and 2s is off from s + sqrt(x) by the bound of s. Radii: abs(sqrt X - sqrt x) = abs(X - x)/(sqrt X +
    sqrt x) <= rx/sqrt(x), where X cannot be negative.
    """
    s, (rate, _) = called("sqrt", x.high)
    p, e = two_product(s, s)
    rest = x.high - p
    d = rest - e
    errors: list[Error] = [(4 * U, rest.abs()), (4 * U, e.abs())]
    if x.low is not None:
        d = d + x.low
        errors.append((4 * U, x.low.abs()))
    if x.radius is not None:
        certain = x.high * (1 - 2.0**-50) - x.radius > 0
        errors.append(only_where(certain, x.radius))
    off = radius_of(*errors, floor=FLOOR)
    assert off is not None
    part = d / (2 * s)
    radius = radius_of(off / s, (16 * U + rate, part.abs()), floor=FLOOR)
    high, low = quick_two_sum(s, part)
    reach, scale = math.sqrt(x.reach) * (1 + 4 * U), None if x.scale is None else times_power(x.scale, 0.5)
    return Balls(high, low, radius, scale=scale, reach=reach)


def _log1p(x: Balls) -> Balls:
    """log(1 + x): the sum loses nothing of a small x, which stays in `low`."""
    return logarithm(added(like(x, 1), x))


def _expm1(x: Balls) -> Balls:
    """exp(x) - 1, near zero (y - 1) + y*(x - log(y)) with y = exp(x) (Kahan), whatever the error of y.

    exp(x) - 1 = y*exp(d) - 1 with d = x - log(y) exactly, and exp(d) = 1 + d + ..., abs(d) below 2**-40.
    """
    plain = added(exponential(replace(x, number=None)), like(x, -1))
    argument = Balls(x.high.clamp(-1, 1), x.low, x.radius)
    y = Balls(called("exp", argument.high)[0])
    d = added(argument, negated(logarithm(y)))
    near = added(added(y, like(x, -1)), multiplied(y, d))
    furthest = radius_of(d.high.abs(), uncertainty(d))
    assert furthest is not None
    rest = where(furthest <= 1, y.high * (furthest * furthest), NAN)
    near = replace(near, radius=radius_of(near.radius, rest))
    return picked(x.high.abs() <= 0.5, near, plain)


def _sinh(x: Balls) -> Balls:
    grown = _expm1(x)
    near = times_power(added(grown, divided(grown, added(grown, like(x, 1)))), 0.5)
    far = times_power(added(exponential(x), negated(exponential(negated(x)))), 0.5)
    return picked(x.high.abs() <= 0.5, near, far)


def _cosh(x: Balls) -> Balls:
    """(exp(x) + exp(-x))/2, near zero 1 + 2*sinh(x/2)**2, which keeps what exceeds 1."""
    far = times_power(added(exponential(x), exponential(negated(x))), 0.5)
    half = _sinh(times_power(replace(x, high=x.high.clamp(-1, 1), reach=1.0, number=None), 0.5))
    near = added(like(x, 1), times_power(multiplied(half, half), 2.0))
    return picked(x.high.abs() <= 1, near, far)


def _tanh(x: Balls) -> Balls:
    """1 - 2/(exp(2a) + 1) with a = abs(x), which keeps what 1 lacks; near zero g/(g + 2) with g = exp(2a) - 1.

    Beyond a = 320 the complement is below 2**-900 and is not told from zero.
    """
    a = absolute(replace(x, number=None))
    spread = filled(uncertainty(a), a.high)
    far, sure = a.high > 320, a.high - spread > 320
    low = None if a.low is None else where(far, 0.0, a.low)
    radius = None if a.radius is None else where(far, 0.0, a.radius)
    capped = replace(a, high=a.high.clamp(max=320.0), low=low, radius=radius, reach=320.0)
    doubled = times_power(capped, 2.0)
    lacking = divided(like(x, 2), added(exponential(doubled), like(x, 1)))
    radius = where(far, where(sure, SMALL, NAN), filled(lacking.radius, a.high))
    lacking = replace(lacking, radius=radius)
    near = _expm1(replace(doubled, high=doubled.high.clamp(max=2.0)))
    near = divided(near, added(near, like(x, 2)))
    y = picked(a.high <= 0.5, near, added(like(x, 1), negated(lacking)))
    return replace(picked(x.high < 0, negated(y), y), reach=1.0)


def _erf(x: Balls) -> Balls:
    """torch's erf up to 1, whose slope is below 1.13; beyond, 1 - erfc(abs(x)) with the complement in `low`."""
    y, error = called("erf", x.high.clamp(-1.0, 1.0))
    spread = uncertainty(x)
    near = Balls(y, None, radius_of(error, None if spread is None else (1.13, spread), floor=FLOOR))
    tail = _complement(x.high.abs(), spread)
    far = added(like(x, 1), negated(tail))
    signed = picked(x.high < 0, negated(far), far)
    return replace(picked(x.high.abs() < 1, near, signed), reach=1.0)


def _complement(a: Tensor, spread: Tensor | None) -> Balls:
    """erfc(a) for a >= 0; its relative derivative is below 2a + 2 (NIST DLMF 7.8.2), and smaller where a - spread < 0.

    Beyond 26 it is below 2**-980.
    """
    y, error = called("erfc", a.clamp(max=26.0))
    slope = None if spread is None else grown(y, (2 * (a + spread) + 2) * spread)
    radius = radius_of(error, slope, floor=FLOOR)
    assert radius is not None
    far = a > 26.0
    sure = far if spread is None else a - spread > 26.0
    radius = where(far, where(sure, SMALL, NAN), radius)
    return Balls(where(far, 0.0, y), None, radius, reach=1.0)


def _erfcx(x: Balls) -> Balls:
    """torch's erfcx right of 0, where its relative derivative is below 2/(x + 1); left of it 2*exp(x*x) - erfcx(-x).

    For 2/(sqrt(pi)*erfcx(x)) - 2x lies between 0 and sqrt(x*x + 2) - x (NIST DLMF 7.8.2).
    """
    x = replace(x, number=None)
    a = absolute(x)
    y, error = called("erfcx", a.high)
    spread = uncertainty(a)
    slope = None
    if spread is not None:
        least = a.high - 2 * spread
        slope = grown(y, only_where((least >= 0) | (spread == 0), 2 / (least + 1)) * spread)
    right = Balls(y, None, radius_of(error, slope, floor=FLOOR))
    left = added(times_power(exponential(multiplied(x, x)), 2.0), negated(right))
    return picked(x.high < 0, left, right)


def _erf_run_back(a: Balls, tail: Balls) -> Balls:
    """The z >= 0 with erf(z) = a and erfc(z) = tail, of which the smaller tells more.

    One step of Newton from torch's z: (a - erf(z))/D, D = erf'(z). Within d = 2**-24*z/(1 + z*z) of z the slope is D
    times exp(-2*z*d - d*d) at least and exp(2*z*d) at most, both within 2**-21 of 1: by the mean value theorem the step
    is right to that, where it is no longer than d. So nothing is trusted of the z that it starts from.
    """
    near = a.high <= 0.5
    far = torch.special.ndtri(tail.high / 2) * -math.sqrt(0.5)
    z = torch.where(near, torch.special.erfinv(a.high), far)
    start = Balls(z)
    rest = picked(near, added(a, negated(_erf(start))), added(_erfc(start), negated(tail)))
    root = square_root(_times_pi(like(a, 1)))
    slope = divided(times_power(exponential(negated(multiplied(start, start))), 2.0), root)
    step = unscaled(divided(rest, slope))
    most = radius_of(step.high.abs(), uncertainty(step))
    assert most is not None
    sure = most <= 2.0**-25 * z / (1 + z * z)
    y = added(start, replace(step, radius=radius_of(step.radius, (2.0**-20, most))))
    return replace(y, high=only_where(sure, y.high))


def _erfinv(x: Balls) -> Balls:
    x = replace(x, number=None)
    a = absolute(x)
    y = _erf_run_back(a, added(like(x, 1), negated(a)))
    return picked(x.high < 0, negated(y), y)


def _erfcinv(x: Balls) -> Balls:
    x = replace(x, number=None)
    rest = added(like(x, 1), negated(x))
    y = _erf_run_back(absolute(rest), picked(x.high < 1, x, added(like(x, 2), negated(x))))
    return picked(rest.high < 0, negated(y), y)


def _cbrt(x: Balls) -> Balls:
    """y + (x - y**3)/(3*y*y) from torch's y, whatever its error.

    With cbrt(x) = y*(1 + d) the exact divisor is y*y*(3 + 3*d + d*d), and (1 + d)**3 - 1 is the rest over y**3. Where
    that is below 2**-30 so is d, and the divisor within 2**-29 of 3*y*y.
    """
    x = replace(x, number=None)
    guess = Balls(torch.pow(x.high.abs(), 1 / 3) * torch.sign(x.high))
    square = multiplied(guess, guess)
    rest = added(x, negated(multiplied(square, guess)))
    step = divided(rest, multiplied(square, like(x, 3)))
    most = radius_of(step.high.abs(), uncertainty(step))
    assert most is not None
    sure = most <= 2.0**-32 * guess.high.abs()
    y = added(guess, replace(step, radius=radius_of(step.radius, (2.0**-28, most))))
    return replace(y, high=only_where(sure, y.high))


def _acosh(x: Balls) -> Balls:
    """log(1 + t + sqrt(t*(t + 2))), t = x - 1."""
    t = added(replace(x, number=None), like(x, -1))
    return _log1p(added(t, square_root(multiplied(t, added(t, like(x, 2))))))


def _stepped(rounding: Callable[[Tensor], Tensor]) -> Callable[[Balls], Balls]:
    """An integer; unknown where the ball may reach across a jump."""

    def rule(x: Balls) -> Balls:
        y, spread = rounding(x.high), uncertainty(x)
        if spread is not None:
            reach = 2 * spread + 4 * U * x.high.abs()  # more than the two sums may lose
            same = (rounding(x.high - reach) == y) & (rounding(x.high + reach) == y)
            y = only_where(same | (spread == 0), y)
        return Balls(y)

    return rule


def _erfc(x: Balls) -> Balls:
    tail = _complement(x.high.abs(), uncertainty(x))
    return picked(x.high < 0, added(like(x, 2), negated(tail)), tail)


def _lipschitz(name: str, rate: Callable[[Tensor, Tensor], Tensor] | None = None) -> Callable[[Balls], Balls]:
    """A function of `high` alone, off by at most `rate`, 1 by default, times how far the argument may be from it."""

    def rule(x: Balls) -> Balls:
        y, error = called(name, x.high)
        spread = uncertainty(x)
        slope = spread if rate is None or spread is None else rate(x.high, spread) * spread
        return Balls(y, None, radius_of(error, slope, floor=FLOOR))

    return rule


def _least(x: Tensor, spread: Tensor) -> Tensor:
    return where(x > 2 * spread, x - spread, NAN)


def _beside_one(x: Tensor, spread: Tensor) -> Tensor:
    """Less than sqrt(1 - x*x) all over the ball; a nan where that reaches 1."""
    a = x.abs() + 2 * spread + 4 * U
    return ((1 - a) * (1 + a)).sqrt() * (1 - 2.0**-40)


def _asinh(x: Balls) -> Balls:
    """log(1 + (a + a*a/(1 + sqrt(1 + a*a)))), a = abs(x)."""
    a = absolute(replace(x, number=None))
    square = multiplied(a, a)
    root = square_root(added(like(x, 1), square))
    y = _log1p(added(a, divided(square, added(like(x, 1), root))))
    return picked(x.high < 0, negated(y), y)


def _atanh(x: Balls) -> Balls:
    """log(1 + 2x/(1 - x))/2."""
    x = replace(x, number=None)
    return times_power(_log1p(divided(times_power(x, 2.0), added(like(x, 1), negated(x)))), 0.5)


_PI = Fraction(math.pi) + Fraction(1.2246467991473532e-16)  # the next double; what is left is below 2**-106


def _times_pi(x: Balls) -> Balls:
    pi = replace(like(x, _PI), radius=torch.full_like(like(x, 1).high, 2.0**-104), number=None)
    return multiplied(x, pi)


UNARY: dict[str, Callable[[Balls], Balls]] = {
    "neg": negated,
    "abs": absolute,
    "exp": exponential,
    "expm1": _expm1,
    "log": logarithm,
    "log1p": _log1p,
    "sqrt": square_root,
    "rsqrt": lambda x: divided(like(x, 1), square_root(x)),
    "inverse": lambda x: divided(like(x, 1), x),
    "cbrt": _cbrt,
    **{name: _lipschitz(name) for name in ("sin", "cos", "atan")},
    **{name: _lipschitz(name, lambda x, s: 1 / _beside_one(x, s)) for name in ("asin", "acos")},
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "erf": _erf,
    "erfc": _erfc,
    "erfcx": _erfcx,
    "erfinv": _erfinv,
    "erfcinv": _erfcinv,
    "entr": lambda x: negated(multiplied(x, logarithm(x))),
    **{name: _stepped(getattr(torch, name)) for name in ("floor", "ceil", "trunc", "round")},
    # abs(digamma(x)) <= 1/x + log(1 + x) + 1, and 0 < trigamma(x) <= 1/x + 1/x**2 (NIST DLMF 5.11, 5.15)
    "lgamma": _lipschitz("lgamma", lambda x, s: 1 / _least(x, s) + torch.log1p(x + s) + 1),
    "digamma": _lipschitz("digamma", lambda x, s: 1 / _least(x, s) + 1 / _least(x, s) ** 2),
    "times_pi": _times_pi,
}


SCALED = {"neg", "abs", "inverse", "log", "log1p", "sqrt", "rsqrt", "times_pi"}
"""Functions that know what to do with a scale, or pass it to such a function."""

# Of two numbers ------------------------------------------------------------------------------------------------------


def power(x: Balls, n: int) -> Balls:
    """The integer power, by squaring; 1 for n = 0, whatever number x is."""
    if n == 0:
        one = broadcast(like(x, 1), x.shape)
        return replace(one, high=only_where(x.high == x.high, one.high))
    if n < 0:
        return divided(like(x, 1), power(x, -n))
    result: Balls | None = None
    square = x
    while n:
        if n & 1:
            result = square if result is None else multiplied(result, square)
        n >>= 1
        if n:
            square = multiplied(square, square)
    assert result is not None
    return result


def _pow(x: Balls, y: Balls) -> Balls:
    """exp(y*log(x)), for a positive x."""
    return exponential(multiplied(y, logarithm(x)))


def _atan2(y: Balls, x: Balls) -> Balls:
    """torch's atan2, which turns by asin(spread/r) <= 1.6*spread/r at most; unknown near zero and across the cut."""
    r = torch.maximum(x.high.abs(), y.high.abs())
    angle, error = trusted("atan2", torch.atan2(y.high, x.high), r)
    spread = total_of(uncertainty(y), uncertainty(x))
    if spread is None:
        known, turned = (y.high != 0) | (x.high > 0), None
    else:
        cut = (x.high < 0) & (y.high.abs() <= spread)
        known, turned = (r > 2 * spread) & ~cut, 1.6 * spread / r
    return Balls(only_where(known, angle), None, radius_of(error, turned, floor=FLOOR))


def _zeta(s: Balls, x: Balls, k: int = 0) -> Balls:
    """Hurwitz zeta for a constant s and x > 0; its relative derivative is below s/x.

    For its derivative is -s times the sum of (x + k)**(-s - 1), each term at most 1/x of one of zeta's.
    """
    if s.number is None or s.number not in ORDERS or k:
        return unknown_like(broadcast(x, torch.broadcast_shapes(s.shape, x.shape)))
    order = float(s.number)
    at = x.high.clamp(
        min=BOUNDS["zeta"].low
    )  # left of zero torch takes one step for each unit: 2**52 of them
    y, error = trusted("zeta", torch.special.zeta(torch.full_like(at, order), at), x.high)
    spread = uncertainty(x)
    slope = None if spread is None else grown(y.abs(), order / _least(x.high, spread) * spread)
    return Balls(y, None, radius_of(error, slope))


BINARY: dict[str, Callable[..., Balls]] = {
    "add": added,
    "sub": lambda x, y: added(x, negated(y)),
    "mul": multiplied,
    "div": divided,
    "pow": _pow,
    "atan2": _atan2,
    "maximum": maximum,
    "minimum": minimum,
    "zeta": _zeta,
}


PLAIN = {"pow", "atan2", "zeta"}
"""Those that know nothing of scales."""
