"""Proved enclosures of reals as float64 numbers, and when one is narrow enough.

A point is *proved* when its balls are narrow enough to judge the format; *invalid* when the formula proves to have no
value there; *unresolved* when neither is reached at `precision.LIMIT` bits. Narrow enough: the radius is at most 1/64
of the format's ulp at the value, the ulp floored at the smallest subnormal; no rounding has to be decided, so exact
ties settle too. Of a ball that holds zero an ulp says nothing: sums that cancel to zero are never proved to be it, and
there 1/64 of what conditioning forgives is enough.

A gradient at a kink is an interval on purpose: it is proved when doubling the precision no longer narrows it, which is
sound, for the ball encloses the truth at every precision.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from numcheck.formats import Format
from numcheck.reals.arb import is_infinite, is_undefined
from numcheck.reals.ball64 import EXPONENT_LIMIT, Balls, covering, normalised

TOLERANCE = 1 / 64
KEPT = 2.0**-20  # FLINT's radii have 30 bits, rounded up at every operation

PROVED, INVALID, UNRESOLVED = 0, 1, 2


class ContradictionError(RuntimeError):
    """Two arithmetics have proved different things of one number: no result of this run can be trusted."""


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Proved enclosures of reals: (high + low) * 2**exponent give or take radius * 2**exponent, elementwise.

    `high` in float64 carries infinities; its finite part is normalised to [0.5, 1), so neither tiny nor huge truths
    leave float64's range. `state` is PROVED, INVALID or UNRESOLVED.
    """

    high: np.ndarray
    low: np.ndarray
    radius: np.ndarray
    exponent: np.ndarray
    state: np.ndarray

    def __getitem__(self, key: Any) -> "Enclosure":
        return Enclosure(self.high[key], self.low[key], self.radius[key], self.exponent[key], self.state[key])

    @property
    def shape(self) -> tuple[int, ...]:
        return self.high.shape

    def nearest(self) -> np.ndarray:
        """The nearest float64, infinite or zero where float64 ends."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.high, np.clip(self.exponent, -5000, 5000).astype(np.int32))

    def copy(self) -> "Enclosure":
        return Enclosure(*(getattr(self, name).copy() for name in self.__dataclass_fields__))

    def put(self, rows: Any, other: "Enclosure") -> None:
        """Overwrite some rows in place."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[rows] = getattr(other, name)

    def reshaped(self, shape: tuple[int, ...]) -> "Enclosure":
        return Enclosure(*(getattr(self, name).reshape(shape) for name in self.__dataclass_fields__))


# From balls to float64 pairs --------------------------------------------------------------------------------------


def _extreme_parts(ball: Any) -> tuple[float, float, float, int, int]:
    """(high, low, radius, exponent, state), not yet normalised, of a ball around zero or not finite."""
    if is_undefined(ball):
        return np.nan, 0.0, 0.0, 0, INVALID
    if is_infinite(ball):
        return (np.inf if ball > 0 else -np.inf), 0.0, 0.0, 0, PROVED
    if not ball.is_finite():
        return np.nan, 0.0, np.inf, 0, UNRESOLVED
    middle, radius = ball.mid(), ball.rad()
    size = radius if middle == 0 else (abs(middle) + radius).mid()
    by = _exponent(size)
    # rounded up by more than the sum and the conversion can have rounded down
    widest = float(size * arb((1, -by))) * (1 + 2**-20 if middle != 0 else 1)
    return 0.0, 0.0, widest, _stored(by), PROVED


def _exponent(number: Any) -> int:
    """The power of two by which an exact ball is divided to lie in [0.5, 1)."""
    mantissa, exponent = number.man_exp()
    return int(exponent) + mantissa.bit_length()


def _stored(exponent: int) -> int:
    return max(-EXPONENT_LIMIT, min(EXPONENT_LIMIT, exponent))


_radius_of: Any = np.frompyfunc(arb.rad, 1, 1)
_is_exact: Any = np.frompyfunc(arb.is_exact, 1, 1)
_is_finite: Any = np.frompyfunc(arb.is_finite, 1, 1)
_is_zero: Any = np.frompyfunc(arb.is_zero, 1, 1)


def _converted(balls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(high, low, radius) by plain conversion, which loses what is tiny, huge or not finite."""
    high = balls.astype(np.float64)
    rest = balls - high.astype(object)
    low, radius = rest.astype(np.float64), _radius_of(balls).astype(np.float64)
    still = np.flatnonzero((radius == 0) & (high != 0))
    rest, kept = rest[still], low[still].astype(object)
    exact = np.equal(rest, kept).astype(bool) & _is_exact(rest).astype(bool)
    radius[still[~exact]] = 5e-324
    return high, low, radius


def _brought_near_one(balls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finite balls times a power of two, so that their middles lie in [0.5, 1), and the exponents taken out."""
    scaled, exponents = balls.copy(), np.zeros(balls.shape, np.int64)
    for i, ball in enumerate(balls):
        by = _exponent(ball.mid())
        scaled[i], exponents[i] = ball * arb((1, -by)), _stored(by)
    return scaled, exponents


def enclosure(data: np.ndarray) -> Enclosure:
    """The float64 pairs of an array of balls."""
    balls = data.ravel()
    exponent, state = np.zeros(balls.shape, np.int64), np.full(balls.shape, PROVED, np.int8)
    with np.errstate(all="ignore"):  # float64's range is what the second and third way are for
        high, low, radius = _converted(balls)
        size = np.abs(high)
        plain = ((size > 1e-250) & (size < 1e250) & (radius < 1e18 * size)) | _is_zero(balls).astype(bool)
        far = np.flatnonzero(~plain)
        far = far[_is_finite(balls[far]).astype(bool)]
        if far.size:
            scaled, taken = _brought_near_one(balls[far])
            parts = _converted(scaled)
            kept = parts[2] < np.abs(parts[0])
            where = far[kept]
            high[where], low[where], radius[where] = (part[kept] for part in parts)
            exponent[where], plain[where] = taken[kept], True
    for i in np.flatnonzero(~plain):
        high[i], low[i], radius[i], exponent[i], state[i] = _extreme_parts(balls[i])
    high, shift = np.frexp(high)  # zeros, infinities and nans keep a shift of 0
    lossy = (radius > 0) & (high != 0)  # before scaling, in which a radius may underflow
    low = np.ldexp(low, -shift)
    radius = covering(np.ldexp(radius, -shift), low, lossy)
    return Enclosure(high, low, radius, exponent + shift, state).reshaped(data.shape)


def enclosure_of_float64(x: Balls) -> Enclosure:
    """The float64 pairs of an array of balls that are such pairs already, perhaps at a scale."""
    high, low, radius, exponent = normalised(x)
    state = np.where(np.isnan(high), UNRESOLVED, PROVED).astype(np.int8)
    return Enclosure(high, low, radius, exponent, state)


def contradiction(one: Enclosure, other: Enclosure) -> np.ndarray:
    """Where two enclosures of the same numbers, both proved or proved undefined, have nothing in common.

    Compared in float64 at the scale of the larger one, which hides what is below 2**-100 of it. An exact zero has no
    scale, so that it differs from the least number.
    """
    told = (one.state != UNRESOLVED) & (other.state != UNRESOLVED)
    differ = (one.state != other.state) | (np.isinf(one.high) != np.isinf(other.high))
    both = one, other
    exponents = [np.where((e.high == 0) & (e.radius == 0), -2 * EXPONENT_LIMIT, e.exponent) for e in both]
    shift = np.maximum(*exponents)
    with np.errstate(all="ignore"):
        by = [np.clip(exponent - shift, -2000, 0).astype(np.int32) for exponent in exponents]
        a, b = ([np.ldexp(x, n) for x in (e.high, e.low, e.radius)] for e, n in zip(both, by, strict=True))
        # beyond the limit an exponent is not told, only its sign
        far = np.minimum(np.abs(one.exponent), np.abs(other.exponent)) > 2**40
        open_ = far & ((one.exponent > 0) == (other.exponent > 0))
        apart = np.abs((a[0] - b[0]) + (a[1] - b[1])) > (a[2] + b[2]) * (1 + 2.0**-20) + 2.0**-100
    # of a ball that holds zero no sign is told
    signed = (one.radius < np.abs(one.high)) & (other.radius < np.abs(other.high))
    unlike = signed & (np.signbit(one.high) != np.signbit(other.high))
    finite = np.isfinite(one.high) & np.isfinite(other.high)
    return told & (differ | (finite & np.where(open_, unlike, apart)) | (np.isinf(one.high) & unlike))


def ulp_exponent(truth: Enclosure, format: Format) -> np.ndarray:
    """Exponent of the format's unit in the last place at the truth, floored at the smallest subnormal's."""
    return np.maximum(binade(truth), format.min_exponent) - (format.precision - 1)


def largest_ulp_exponent(truth: Enclosure, format: Format) -> np.ndarray:
    """For each point, the exponent of the largest unit among its numbers, which keep axes of length 1.

    What is infinite, undefined or not known has no unit.
    """
    numbers = (truth.state == PROVED) & np.isfinite(truth.high)
    least = format.min_exponent - (format.precision - 1)
    exponent = np.where(numbers, ulp_exponent(truth, format), least)
    return exponent.max(axis=tuple(range(1, exponent.ndim)), keepdims=True)


def scaled(numbers: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Numbers times two to an exponent, however far that is beyond float64's."""
    return np.ldexp(numbers, np.minimum(np.maximum(exponent, -2100), 2100).astype(np.int32))


def binade(truth: Enclosure) -> np.ndarray:
    """Exponent of the largest power of two that is not beyond the truth; far below every format's at zero.

    Where a ball reaches across a power of two the upper binade counts, whichever side its middle has come to lie on:
    it may be the power itself, and nothing hangs on the unit where the result is (`reaches_across` asks for more).
    """
    # high is in [0.5, 1), so the truth lies in the binade exponent - 1, or just beside it
    beyond_1, beyond_half = (_beyond(truth, end, truth.radius) for end in (1.0, 0.5))
    return np.where(
        truth.high == 0, -(2**40), truth.exponent - 1 + (beyond_1 & _is_thin(truth)) - ~beyond_half
    )


def _beyond(truth: Enclosure, end: float, by: np.ndarray) -> np.ndarray:
    """Where the mantissa's middle, and `by` more, is not below the end of its binade."""
    with np.errstate(invalid="ignore"):
        # high less the end is exact, and where that is zero low decides
        return np.asarray((np.abs(truth.high) - end) + (np.sign(truth.high) * truth.low + by) >= 0)


def _is_thin(truth: Enclosure) -> np.ndarray:
    """Where a ball is far narrower than its binade: others, as those of kinks, have their middle's."""
    return truth.radius < 2.0**-20


def reaches_across(truth: Enclosure, format: Format) -> np.ndarray:
    """Where a ball holds a power of two and numbers below it, whose ulp in the format is half of that."""
    ends = [_beyond(truth, end, truth.radius) & ~_beyond(truth, end, -truth.radius) for end in (1.0, 0.5)]
    across = (ends[0] | ends[1]) & _is_thin(truth) & (truth.high != 0)
    return across & (binade(truth) > format.min_exponent) if across.any() else across


def narrow(found: Enclosure, format: Format, tolerance: float) -> np.ndarray:
    """Where the radius is at most `tolerance` of the format's ulp at the truth."""
    with np.errstate(over="ignore", under="ignore"):
        gap = np.clip(ulp_exponent(found, format) - found.exponent, -1000, 1000).astype(np.int32)
        return (found.state != UNRESOLVED) & (found.radius <= tolerance * np.ldexp(1.0, gap))


def negligible(found: Enclosure, forgiven: np.ndarray, tolerance: float) -> np.ndarray:
    """Where a ball holds zero and its radius is at most `tolerance` of what a budget forgives beside ulps."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        small = scaled(found.radius, found.exponent) <= tolerance * forgiven
        return (found.state == PROVED) & (found.radius >= np.abs(found.high)) & small


def no_longer_narrows(before: Enclosure, now: Enclosure, format: Format, tolerance: float) -> np.ndarray:
    """Where twice the precision left the ball as it was: an interval on purpose, between one-sided derivatives.

    As it was, up to `tolerance` ulp or the few bits that a radius is kept in. A ball that rounding made wide loses far
    more of its radius, and an undecided tie is unknown until precision is unlikely to decide it (`arb.PATIENCE`).
    """
    same = (before.exponent == now.exponent) & np.isfinite(before.radius) & np.isfinite(now.radius)
    with np.errstate(invalid="ignore"):
        moved = np.abs((before.high - now.high) + (before.low - now.low))
        change = np.abs(before.radius - now.radius) + moved
        change = np.where(np.isfinite(change), change, np.inf)
    changed = Enclosure(now.high, now.low, change, now.exponent, now.state)
    kept = (change <= KEPT * now.radius) | narrow(changed, format, tolerance)
    return same & (now.radius > 0) & np.isfinite(now.high) & (now.state == PROVED) & kept
