"""One whole number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.meetings import Meeting, Meetings, the_same
from numcheck.domain.numbers import Mask, all_within, stratified
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def whole_numbers(values: Sequence[int | Sequence[int]], format: Format) -> torch.Tensor:
    """Integers as a column, which is int64 in every format."""
    return torch.tensor(values, dtype=torch.int64)


def parse_integer(text: str, format: Format) -> int:
    """The integer that is written like this, decimal or with a prefix such as 0x."""
    try:
        return int(text.strip(), 0)
    except ValueError:
        raise ValueError(f"write an integer instead of {text!r}") from None


@final
@dataclass(frozen=True)
class Integer:
    """One whole number in [low, high]; a column is int64 with shape (N,)."""

    low: int
    high: int

    sizes = None
    discrete = False
    measures = ()
    differentiable = False
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

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return all_within(column, self.low, self.high)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Bounds, small numbers, powers of two, and the first integers that the format skips; increasing."""
        powers = [1 << k for k in (0, 1, 2, 3, 4, 7, 8, 10, format.precision)]
        wanted = {self.low, self.low + 1, self.high - 1, self.high, 0}
        wanted |= {sign * (power + step) for power in powers for sign in (-1, 1) for step in (-1, 0, 1)}
        return whole_numbers(sorted(n for n in wanted if self.low <= n <= self.high), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """One number from each of `count` equal stretches of the interval, shuffled."""
        return torch.from_numpy(stratified(self.low, self.high, count, rng))

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Mostly small steps away from the bound nearest to zero, log-uniform, as counters and sizes are."""
        start = min(max(0, self.low), self.high)
        up, down = self.high - start, start - self.low
        upwards = rng.random(count) * (up + down) < up
        room = np.where(upwards, up, down).astype(np.float64)
        steps = np.minimum(np.expm1(rng.random(count) * np.log1p(room)).round(), room).astype(np.int64)
        values = np.clip(start + np.where(upwards, steps, -steps), self.low, self.high)
        return torch.from_numpy(values)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, next to each other, or one at a corner."""

        def next_to(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            return leading + torch.from_numpy(rng.choice([-1, 1], size=len(leading)))

        def a_corner(
            leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator
        ) -> torch.Tensor:
            corners = self.corners(format, size, rng)
            return corners[torch.from_numpy(rng.integers(0, len(corners), size=len(own)))]

        follows = {"equal": the_same, "one apart": next_to, "one special": a_corner}
        return {name: Meeting(follow=follow) for name, follow in follows.items()}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[int]":
        """Integers, nearest to zero first."""
        from hypothesis import strategies as st

        return st.integers(self.low, self.high)


def integer(low: int, high: int) -> Integer:
    """One integer in [low, high], which a formula sees as an exact real."""
    return Integer(low, high)
