"""Numbers of a format as the kinds share them: read from text, rounded, listed by their ordinals."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from numcheck.formats import Format

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]


def values_at(ordinals: Ints | range, format: Format) -> torch.Tensor:
    """Values with these ordinals, as a tensor of the format."""
    if isinstance(ordinals, range):
        return format.consecutive(ordinals)
    return format.from_ordinals(torch.from_numpy(np.ascontiguousarray(ordinals, dtype=np.int64)))


def nearest(value: float, format: Format) -> float:
    """The format's value nearest to a number, its largest one where that is finite but out of range."""
    if math.isinf(value) or value == 0:
        return value
    return format.round_rational(Fraction(min(max(value, -format.largest), format.largest)))


def nearest_ordinals(values: Iterable[float], format: Format) -> list[int]:
    """Ordinals of the values nearest to these numbers."""
    return [format.ordinal_of(nearest(value, format)) for value in values]


def rounded(values: Sequence[Any], format: Format) -> torch.Tensor:
    """Numbers, or nested lists of them, rounded to the format once, as a column."""
    return format.round(torch.tensor(values, dtype=torch.float64))


def parse_number(text: str, format: Format) -> float:
    """The format's value nearest to a decimal, hexadecimal float, fraction or inf."""
    stripped = text.strip()
    try:
        if "0x" in stripped.lower():
            exact: float | Fraction = float.fromhex(stripped)
        elif "/" in stripped:
            exact = Fraction(stripped)
        else:
            exact = float(stripped)
            if exact != 0 and math.isfinite(exact):  # in one rounding, not through a double
                exact = Fraction(stripped)
    except (ValueError, ZeroDivisionError, OverflowError):
        exact = math.nan
    if exact != exact:
        raise ValueError(f"write a number such as -20, 1e-3, 1/3, 0x1.8p-3 or inf instead of {text!r}")
    value = format.round_rational(exact) if isinstance(exact, Fraction) else rounded([exact], format).item()
    if math.isnan(value):
        raise ValueError(f"{stripped} is beyond {format.name}: write a number up to {format.largest:g}")
    return value


def parse_numbers(text: str, format: Format) -> list[float]:
    """Numbers with commas between them, such as 0.5,0.25,0.25."""
    return [parse_number(part, format) for part in text.split(",")]


def all_within(rows: torch.Tensor, low: int, high: int) -> Mask:
    """Which rows of integers, such as ordinals, lie in [low, high] with all their entries."""
    return ((rows >= low) & (rows <= high)).reshape(len(rows), -1).all(1).numpy()


def stratified(low: int, high: int, count: int, rng: Generator) -> Ints:
    """One integer from each of `count` equal stretches of [low, high], shuffled."""
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    span = high - low + 1  # float64 has nearly 2**64 ordinals, so this stays a Python integer
    width, rest = divmod(span, count)
    if width == 0:
        return rng.permutation(low + np.arange(count) * span // count)
    steps = rng.integers(0, width, size=count, dtype=np.uint64)
    steps[-1] = rng.integers(0, width + rest, dtype=np.uint64)
    places = np.arange(count, dtype=np.uint64) * np.uint64(width) + steps
    return rng.permutation((places + np.uint64(low % 2**64)).view(np.int64))
