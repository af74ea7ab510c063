"""Balls as numpy arrays with an exponent of their own: what became of the lanes."""

import math
from dataclasses import replace

import numpy as np

from numcheck.reals.ball64.balls import FAR, GROW, Balls, U, filled, uncertainty
from numcheck.reals.ball64.operations import is_exactly, unscaled

REMAINDER = 2.0**-51  # of low, what high and low together may leave unsaid of a midpoint in [0.5, 1)
VANISHED = 2.0**-1000  # more than a low that has become zero was
EXPONENT_LIMIT = 2**60  # stands for every exponent beyond float64's integers
BEYOND = 2.0**40  # logarithm from which only a number's sign is told, and on which side it is out of range
_LOG2 = math.log(2)


def normalised(x: Balls) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(high, low, radius, exponent) of (high + low) * 2**exponent give or take radius * 2**exponent.

    As in `Enclosure`: high is zero or in [1/2, 1), and a nan, with an infinite radius, where nothing is known. A ball
    that holds zero is given as one around it.
    """
    found = _normalised(unscaled(x))
    if x.scale is None:
        return found
    far = (x.scale.high.abs() > FAR) & ~is_exactly(x, 0)
    if not bool(far.any()):
        return found
    spread = filled(uncertainty(x.scale), x.scale.high)
    bare, scale = _normalised(replace(x, scale=None)), x.scale.high.cpu().numpy()
    pairs = zip(_at_scale(bare, scale, spread.cpu().numpy()), found, strict=True)
    chosen = far.cpu().numpy()
    high, low, radius, exponent = (np.where(chosen, a, b) for a, b in pairs)
    return high, low, radius, exponent


def covering(radius: np.ndarray, low: np.ndarray, lossy: np.ndarray) -> np.ndarray:
    """Radii that also hold what high and low leave unsaid, where they may; rounded up, for a wide one would hide it.

    That is little beside low, so that just below a power of two a pair still tells on which side it lies.
    """
    return np.where(lossy, np.nextafter(radius + (REMAINDER * np.abs(low) + VANISHED), np.inf), radius)


_Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _normalised(x: Balls) -> _Parts:
    parts = x.high, filled(x.low, x.high), filled(x.radius, x.high)
    high, low, radius = (part.cpu().numpy() for part in parts)
    low, radius = np.broadcast_to(low, high.shape), np.broadcast_to(radius, high.shape)
    with np.errstate(all="ignore"):
        known = np.isfinite(high) & np.isfinite(low) & np.isfinite(radius)
        around_zero = known & (radius >= np.abs(high))
        middle = np.where(around_zero, (np.abs(high) + np.abs(low) + radius) * GROW, high)
        mantissa, shift = np.frexp(np.where(known, middle, np.nan))
        lower, width = np.ldexp(low, -shift), np.ldexp(radius, -shift)
        lost = (radius > 0) | (np.ldexp(lower, shift) != low)
        width = np.where(around_zero, mantissa, covering(width, lower, lost))
        mantissa, lower = np.where(around_zero, 0.0, mantissa), np.where(around_zero, 0.0, lower)
    return (
        np.where(known, mantissa, np.nan),
        np.where(known, lower, 0.0),
        np.where(known, width, np.inf),
        shift.astype(np.int64),
    )


def _at_scale(found: _Parts, scale: np.ndarray, spread: np.ndarray) -> _Parts:
    """The same numbers times exp(scale give or take spread); beyond BEYOND only signs are told."""
    mantissa, lower, width, exponent = found
    with np.errstate(all="ignore"):
        binade = np.floor(scale / _LOG2)
        factor = np.exp(scale - binade * _LOG2)
        error = spread + 8 * U * np.abs(scale) + 2.0**-40
        size = np.abs(mantissa) + np.abs(lower) + width
        beyond = (np.abs(scale) - spread > BEYOND) & (np.abs(mantissa) - np.abs(lower) > width)
        near = (np.abs(scale) <= BEYOND) & (error < 0.25)
        high, more = np.frexp(mantissa * factor)
        radius = np.ldexp((width + size * error * (1 + error)) * factor * (1 + 2.0**-40), -more)
        end = np.copysign(float(EXPONENT_LIMIT), scale)
        told = exponent + np.where(near, binade, 0) + more
        return (
            np.where(near, high, np.where(beyond, np.copysign(0.75, mantissa), np.nan)),
            np.where(near, np.ldexp(lower * factor, -more), 0.0),
            np.where(near, radius, np.where(beyond, 0.25, np.inf)),
            np.where(beyond, end, told).astype(np.int64),
        )
