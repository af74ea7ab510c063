"""Precision, and when it is enough: the only place that sets one.

A point is *proved* when its balls are narrow enough to judge the format; *invalid* when the formula proves to have no
value there; *unresolved* when neither is reached at `LIMIT` bits. Narrow enough: the radius is at most 1/64 of the
format's ulp at the value, the ulp floored at the smallest subnormal (Ziv 1991 raises precision in the same way until
a rounding is decided; we need no rounding decided, so exact ties settle too). Lanes that are settled are left alone,
the others run again at twice the precision.

A gradient at a kink is an interval on purpose: it is proved when doubling the precision no longer narrows it. That is
sound, for the ball encloses the truth at every precision.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import ctx

from numcheck.formats import Format
from numcheck.reals.arb import ARB
from numcheck.reals.mp import CONTEXT

START, LIMIT = 128, 10_000
TOLERANCE = 1 / 64

PROVED, INVALID, UNRESOLVED = 0, 1, 2


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

    def reshaped(self, shape: tuple[int, ...]) -> "Enclosure":
        return Enclosure(*(getattr(self, name).reshape(shape) for name in self.__dataclass_fields__))


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """FLINT's and mpmath's working precision, put back afterwards."""
    before, before_mp = ctx.prec, CONTEXT.prec
    ctx.prec = CONTEXT.prec = bits
    try:
        yield
    finally:
        ctx.prec, CONTEXT.prec = before, before_mp


def precisions() -> Iterator[int]:
    """128, 256, ... up to the limit."""
    bits = START
    while bits < LIMIT:
        yield bits
        bits *= 2
    yield LIMIT


# From balls to float64 pairs --------------------------------------------------------------------------------------


def _pair(ball: Any) -> tuple[float, float, float, int, int]:
    """(high, low, radius, exponent, state) of one ball."""
    if ball.is_finite():
        middle, radius = ball.mid(), ball.rad()
        if middle == 0 and radius == 0:
            return 0.0, 0.0, 0.0, 0, PROVED
        mantissa, exponent = (middle if middle != 0 else radius).man_exp()
        scale = int(mantissa).bit_length() + int(exponent)
        if abs(scale) < 900:
            high = float(middle)
            low = float(middle - high)
            unit = 2.0**-scale
            return high * unit, low * unit, float(radius) * unit, scale, PROVED
        shifted, width = middle * _two ** (-scale), radius * _two ** (-scale)
        high = float(shifted)
        return high, float(shifted - high), float(width), scale, PROVED
    if ball.is_nan():
        return np.nan, 0.0, 0.0, 0, INVALID
    if ball == _infinity or ball == -_infinity:
        return (np.inf if ball > 0 else -np.inf), 0.0, 0.0, 0, PROVED
    return np.nan, 0.0, np.inf, 0, UNRESOLVED


_two = ARB.lift([2])[0]
_infinity = -ARB.unary("log", ARB.lift([0]))[0]


def enclosure(data: np.ndarray) -> Enclosure:
    """The float64 pairs of an array of balls."""
    parts = np.array([_pair(ball) for ball in data.flat], dtype=np.float64).reshape(-1, 5)
    high, low, radius, exponent, state = (column.reshape(data.shape) for column in parts.T)
    return Enclosure(high, low, radius, exponent.astype(np.int64), state.astype(np.int8))


def ulp_exponent(truth: Enclosure, format: Format) -> np.ndarray:
    """Exponent of the format's unit in the last place at the truth, floored at the smallest subnormal's."""
    # high is in [0.5, 1), so the truth lies in the binade exponent - 1
    binade = np.where(truth.high == 0, -(2**40), truth.exponent - 1)
    return np.maximum(binade, format.min_exponent) - (format.precision - 1)


def narrow(found: Enclosure, format: Format, tolerance: float) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        gap = np.clip(ulp_exponent(found, format) - found.exponent, -1000, 1000).astype(np.int32)
        return (found.state != UNRESOLVED) & (found.radius <= tolerance * np.ldexp(1.0, gap))


def no_longer_narrows(before: Enclosure, now: Enclosure, format: Format, tolerance: float) -> np.ndarray:
    """Where twice the precision left the ball as it was: an interval on purpose, between one-sided derivatives."""
    same = (before.exponent == now.exponent) & np.isfinite(before.radius) & np.isfinite(now.radius)
    with np.errstate(invalid="ignore"):
        change = np.abs(before.radius - now.radius) + np.abs((before.high - now.high) + (before.low - now.low))
        change = np.where(np.isfinite(change), change, np.inf)
    moved = Enclosure(now.high, now.low, change, now.exponent, now.state)
    return same & (now.radius > 0) & np.isfinite(now.high) & narrow(moved, format, tolerance)
