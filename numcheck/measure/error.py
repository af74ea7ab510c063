"""How far a result is from an enclosure of the truth, in ulps of the format: the one law of errors.

An infinity counts as the power of two after the format's largest number, which is what rounding to nearest takes it
for (IEEE 754-2019, section 4.3.1), beside a truth in the last binade; from a smaller one it is infinitely far. Where
the truth itself rounds to an infinity, that one is right, and the other is infinitely far from it. Conditioning
forgives nothing of that. A wide truth is met anywhere inside: it is an interval on purpose (a kink), or a ball around
zero. Of a narrow one the middle counts, but a result that nothing tells from the truth has no error. A NaN is
infinitely far from every number.

The law has no branches: checks run it as it stands, and sweeps compile it into the graph that judges their batches.
"""

import numpy as np
import torch
from torch import Tensor

from numcheck.formats import Format
from numcheck.reals.enclosures import Enclosure, scaled

SLIGHT = 2.0**-10
"""Ulps up to which an error is so small that nothing hangs on its unit."""
WIDE = 1 / 8
"""Ulps that a truth may be open before the nearer end of its enclosure counts rather than its middle."""
LARGEST_POWER = 2.0**900
"""Stands for that of all larger numbers, far beyond every format that a sweep judges."""
_INFINITE = float("inf")


def error(
    got: Tensor,
    in_ulps: Tensor,
    high: Tensor,
    low: Tensor,
    radius: Tensor,
    beyond: Tensor,
    past: Tensor,
    last_binade: bool = True,
) -> Tensor:
    """The error of each result; the truth (high + low, give or take radius) and all but `got` are in ulps.

    `in_ulps` are the results `got` in that unit, `beyond` the power of two after the largest number; `past` is where
    the truth rounds to an infinity. Without `last_binade` an infinity counts as that power of two beside any number.
    """
    distance = ((in_ulps.clamp(-beyond, beyond) - high) - low).abs()
    outside = torch.where(radius <= WIDE, distance, distance - radius)
    off = torch.where(distance <= radius, 0.0, outside)
    # one question after the other, for compiled code is slow at answers that are joined
    if last_binade:
        near, far = torch.where(high.abs() + radius >= beyond / 2, off, _INFINITE), _INFINITE
    else:
        near, far = off, torch.where(past, _INFINITE, off)
    infinite = torch.where(got * high > 0, torch.where(past, 0.0, near), far)
    off = torch.where(got.abs() == _INFINITE, infinite, off)
    return torch.where(got == got, off, _INFINITE)


# Of float64 balls, in sweeps --------------------------------------------------------------------------------------


def power_below(high: Tensor, low: Tensor, radius: Tensor, format: Format) -> Tensor:
    """The power of two at or below each ball's magnitude, the format's smallest normal one at least.

    Where a ball reaches across a power of two that counts, as in `enclosures.binade`. In sums and products alone, on
    which compiled code works by whole vectors, as it does not on bits: Rump, Ogita & Oishi 2008, Accurate
    Floating-Point Summation, algorithm 3.5.
    """
    size = high.abs().clamp(format.smallest_normal, LARGEST_POWER)
    wide = size * (2.0**52 + 1)
    power = (wide - wide * (1 - 2.0**-53)).abs()
    # of a power of two the predecessor has the lower one
    below = (high.sign() * low + radius < 0) & (size == power)
    return torch.where(below, power / 2, power).clamp(min=format.smallest_normal)


def if_clear(
    told: Tensor, high: Tensor, low: Tensor, radius: Tensor, power: Tensor, format: Format
) -> Tensor:
    """What is told, but NaN where a ball reaches across a power of two, below which the ulp is half of what is told."""
    rest, size = high.sign() * low, high.abs()
    above = torch.where((size - power) + (rest - radius) >= 0, told, torch.nan)
    above = torch.where(power <= format.smallest_normal, told, above)
    return torch.where((size - 2 * power) + (rest + radius) < 0, above, torch.nan)


def error_of_ball(
    got: Tensor, high: Tensor, low: Tensor, radius: Tensor, power: Tensor, format: Format
) -> tuple[Tensor, Tensor, Tensor]:
    """The error of each result against a float64 ball, the ball's radius in ulps, and where the truth is infinite.

    `power` is the `power_below` the truth. A truth that rounds to an infinity counts as infinite.
    """
    scale = 2.0 ** (format.precision - 1) / power  # of formats narrower than float64 this is a normal number
    past = high.abs() - radius >= format.overflow_threshold
    width, beyond = radius * scale, 2.0 ** (format.max_exponent + 1) * scale
    return error(got, got * scale, high * scale, low * scale, width, beyond, past), width, past


# Of enclosures, in checks -----------------------------------------------------------------------------------------


def errors(
    got: np.ndarray, truth: Enclosure, exponent: np.ndarray, format: Format
) -> tuple[np.ndarray, np.ndarray]:
    """The error of each number against its truth, and the truth's radius, both in units of 2**exponent."""
    # in that unit from the start: a truth near zero has an exponent so low that a result scaled by it is infinite
    high, low, radius = scaled(np.array([truth.high, truth.low, truth.radius]), truth.exponent - exponent)
    ulps, beyond = scaled(got, -exponent), _beyond(exponent, format)
    parts = (got, ulps, high, low, radius, beyond, rounds_to_infinity(truth, format))
    given, ulps, high, low, width, beyond, past = (torch.from_numpy(part) for part in parts)
    return error(given, ulps, high, low, width, beyond, past).numpy(), radius


def apart(
    got: np.ndarray,
    format: Format,
    other: np.ndarray,
    other_format: Format,
    exponent: np.ndarray,
    radius: np.ndarray,
) -> np.ndarray:
    """How far results lie from other results, each give or take `radius`, all in units of 2**exponent."""
    ulps, middle = (torch.from_numpy(scaled(numbers, -exponent)) for numbers in (got, other))
    beyond, further = (torch.from_numpy(_beyond(exponent, form)) for form in (format, other_format))
    given, wide = torch.from_numpy(got), torch.from_numpy(2 * radius)
    nothing = torch.zeros_like(middle)
    middle = middle.clamp(-further, further)
    return error(given, ulps, middle, nothing, wide, beyond, nothing > 0, last_binade=False).numpy()


def _beyond(exponent: np.ndarray, format: Format) -> np.ndarray:
    return scaled(np.array(1.0), format.max_exponent + 1 - exponent)


def rounds_to_infinity(truth: Enclosure, format: Format) -> np.ndarray:
    """Where the truth is infinite or rounds beyond the format's largest number."""
    magnitude, exponent = np.abs(truth.high), truth.exponent - 1
    least = 1.0 - format.unit_roundoff / 2  # the mantissa in [1/2, 1) from which the last binade rounds up
    beyond = (exponent > format.max_exponent) | ((exponent == format.max_exponent) & (magnitude >= least))
    return (magnitude == np.inf) | (beyond & (magnitude != 0))
