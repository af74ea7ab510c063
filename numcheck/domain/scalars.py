"""Inputs of one value at each point: a real, an integer, one of a few choices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from numcheck.domain.intervals import (
    MOST_LISTED,
    T,
    as_tuple,
    check_interval,
    corner_ordinals,
    data_like,
    interval_in_words,
    number_strategy,
    ordinal_bounds,
    parse_number,
    rounded,
    stratified,
    values_at,
)
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Column = torch.Tensor | tuple[object, ...]
"""One input's values at all points: a tensor whose leading axis counts them, or a tuple of settings."""


@dataclass(frozen=True)
class Real:
    """One number of the format in [low, high]; a column has shape (N,).

    `near` lists points around which the formula or its routines change their ways (a kink, a threshold); they
    are drawn rounded to the format, with their neighbours up to 3 ulps away. Zero needs no mention.
    """

    low: float
    high: float
    near: tuple[float, ...] = ()

    ragged: ClassVar[None] = None
    differentiable: ClassVar[bool] = True
    parse = staticmethod(parse_number)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        check_interval("real", self.low, self.high, self.near)

    def describe(self) -> str:
        return "a real" + interval_in_words(self.low, self.high, self.near)

    def ordinals(self, format: Format) -> tuple[int, int]:
        """First and last ordinal of the domain in the format."""
        return ordinal_bounds("real", self.low, self.high, format)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Zeros, bounds, `near` points, ends of the format, powers of two and neighbours; increasing."""
        return values_at(corner_ordinals(*self.ordinals(format), self.near, format), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One value from each of `count` equal stretches of the format's ordinals, shuffled."""
        return values_at(stratified(*self.ordinals(format), count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Data-like values: normal, log-normal, and clusters far from zero."""
        return data_like(*self.ordinals(format), (count,), format, rng)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        low, high = self.ordinals(format)
        return values_at(np.arange(low, high + 1), format) if high - low < MOST_LISTED else None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[float]":
        """Values of the format: those with few significand bits first, then those nearest to 1."""
        return number_strategy(*self.ordinals(format), self.near, format)


def real(low: float, high: float, near: Iterable[float] = ()) -> Real:
    """One real number in [low, high]; `near` lists its kinks. Infinite bounds make infinities inputs."""
    return Real(low, high, as_tuple("real", "near", near))


def whole_numbers(values: Sequence[int], format: Format) -> torch.Tensor:
    """Integers as a column, which is int64 in every format."""
    return torch.tensor(values, dtype=torch.int64)


def parse_integer(text: str, format: Format) -> int:
    """The integer that is written like this, decimal or with a prefix such as 0x."""
    try:
        return int(text.strip(), 0)
    except ValueError:
        raise ValueError(f"write an integer instead of {text!r}") from None


@dataclass(frozen=True)
class Integer:
    """One whole number in [low, high]; a column is int64 with shape (N,)."""

    low: int
    high: int

    ragged: ClassVar[None] = None
    differentiable: ClassVar[bool] = False
    parse = staticmethod(parse_integer)
    column = staticmethod(whole_numbers)

    def __post_init__(self) -> None:
        for what, bound in (("low", self.low), ("high", self.high)):
            if type(bound) is not int or not -(2**62) <= bound <= 2**62:
                raise ValueError(f"integer({what}={bound!r}): write an int between -2**62 and 2**62")
        if self.low > self.high:
            raise ValueError(f"integer({self.low}, {self.high}) is empty: write the smaller bound first")

    def describe(self) -> str:
        return f"an integer in [{self.low}, {self.high}]"

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Bounds, small numbers, powers of two, and the first integers that the format skips; increasing."""
        powers = [1 << k for k in (0, 1, 2, 3, 4, 7, 8, 10, format.precision)]
        wanted = {self.low, self.low + 1, self.high - 1, self.high, 0}
        wanted |= {sign * (power + step) for power in powers for sign in (-1, 1) for step in (-1, 0, 1)}
        return whole_numbers(sorted(n for n in wanted if self.low <= n <= self.high), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One number from each of `count` equal stretches of the interval, shuffled."""
        return torch.from_numpy(stratified(self.low, self.high, count, rng))

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Mostly small steps away from the bound nearest to zero, log-uniform, as counters and sizes are."""
        start = min(max(0, self.low), self.high)
        up, down = self.high - start, start - self.low
        upwards = rng.random(count) * (up + down) < up
        room = np.where(upwards, up, down).astype(np.float64)
        steps = np.minimum(np.expm1(rng.random(count) * np.log1p(room)).round(), room).astype(np.int64)
        values = np.clip(start + np.where(upwards, steps, -steps), self.low, self.high)
        return torch.from_numpy(values)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        return torch.arange(self.low, self.high + 1) if self.high - self.low < MOST_LISTED else None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[int]":
        """Integers, nearest to zero first."""
        from hypothesis import strategies as st

        return st.integers(self.low, self.high)


def integer(low: int, high: int) -> Integer:
    """One integer in [low, high], which a formula sees as an exact real."""
    return Integer(low, high)


@dataclass(frozen=True)
class OneOf:
    """One of a few choices.

    Where all are ints (class labels) a column is int64 with shape (N,); otherwise they are settings (a rate,
    a mode, a curve) and a column is a tuple of N Python values. A setting that is a float is that double,
    whatever the format under test.
    """

    choices: tuple[Any, ...]

    ragged: ClassVar[None] = None
    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("one_of() has no choices: write them as arguments, one_of(0, 1)")
        texts = [str(choice) for choice in self.choices]
        if len(set(texts)) < len(texts):
            raise ValueError(f"one_of({', '.join(texts)}): write each choice once")
        for choice in self.choices:
            if isinstance(choice, (list, dict, set, np.ndarray, torch.Tensor)) or choice != choice:
                raise ValueError(
                    f"one_of(..., {choice!r}, ...): write numbers, strings, None or frozen objects"
                )

    @property
    def is_setting(self) -> bool:
        """Whether a routine gets a plain Python value rather than a tensor: unless all choices are ints."""
        return not all(type(choice) is int for choice in self.choices)

    def describe(self) -> str:
        return "one of " + ", ".join(str(choice) for choice in self.choices)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> Column:
        """All choices, in the order of their declaration."""
        return self.column(self.choices, format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> Column:
        """Choices in random order, each as often as any other (one more at most)."""
        return self.column(evenly(self.choices, count, rng), format)

    sample = sweep

    def exhaustive(self, format: Format) -> Column | None:
        return self.column(self.choices, format)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[Any]":
        """Choices, the first declared being the simplest."""
        from hypothesis import strategies as st

        return st.sampled_from(self.choices)

    def parse(self, text: str, format: Format) -> Any:
        """The choice that is written like this; numbers are compared by value."""
        for choice in self.choices:
            if text.strip() == str(choice) or _same_number(text, choice):
                return choice
        raise ValueError(
            f"write one of {', '.join(str(choice) for choice in self.choices)} instead of {text!r}"
        )

    def column(self, values: Sequence[Any], format: Format) -> Column:
        return tuple(values) if self.is_setting else whole_numbers(values, format)


def one_of(*choices: Any) -> OneOf:
    """One of the arguments: class labels where all are ints, settings otherwise."""
    return OneOf(choices)


def evenly(choices: tuple[T, ...], count: int, rng: np.random.Generator) -> list[T]:
    """So many choices in random order, each as often as any other (one more at most)."""
    return [choices[i] for i in (rng.permutation(count) % len(choices)).tolist()]


def _same_number(text: str, choice: object) -> bool:
    if isinstance(choice, bool) or not isinstance(choice, (int, float)):
        return False
    try:
        return float(text) == choice
    except ValueError:
        return False
