"""Several whole numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.integer import Integer, parse_integer, whole_numbers
from numcheck.domain.kinds import as_tuple, check_sizes, known_size
from numcheck.domain.meetings import Follow, Meeting, Meetings, chosen, first_of, the_same
from numcheck.domain.numbers import Mask, all_within
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def parse_integers(text: str, format: Format) -> list[int]:
    """Integers with commas between them, such as 3,-100,0."""
    return [parse_integer(part, format) for part in text.split(",")]


def one_apart(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """The next number up or down."""
    return leading + torch.from_numpy(rng.choice([-1, 1], size=leading.shape))


def of_rows(rows: torch.Tensor) -> Follow:
    """For each point one of these rows."""
    return lambda leading, own, format, rng: rows[torch.from_numpy(rng.integers(0, len(rows), size=len(own)))]


def entries_of_integers() -> Meetings:
    """Several whole numbers that are equal, or two of them."""

    def all_equal(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
        return first_of(own, rng).expand_as(own).contiguous()

    def two_equal(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
        return torch.where(chosen(own, 2, rng), first_of(own, rng), own)

    return {"entries equal": Meeting(all_equal), "two entries equal": Meeting(two_equal)}


@final
@dataclass(frozen=True)
class Integers:
    """Several whole numbers in [low, high]; a column is int64 with shape (N, size)."""

    low: int
    high: int
    sizes: tuple[int, ...] = (2, 3, 8)

    discrete = False
    measures = ()
    differentiable = False
    parse = staticmethod(parse_integers)
    column = staticmethod(whole_numbers)

    def __post_init__(self) -> None:
        check_sizes("integers", self.sizes, 1)
        _ = self.entry  # which refuses bounds that are none

    @property
    def entry(self) -> Integer:
        """What one of them may be."""
        return Integer(self.low, self.high)

    def describe(self) -> str:
        return f"{', '.join(map(str, self.sizes))} integers in [{self.low}, {self.high}]"

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return all_within(column, self.low, self.high)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Rows of one number, rows from bound to bound, and each corner of a number among ordinary ones."""
        n = known_size("integers", size)
        single = self.entry.corners(format, None, rng)
        usual = self.sample(format, len(single), size, rng)
        usual[torch.arange(len(single)), torch.arange(len(single)) % n] = single
        ends = torch.tensor([self.low, self.high]).repeat(n)[:n]
        rows = [single[:, None].expand(-1, n), ends[None], ends.flip(0)[None], usual]
        return torch.unique(torch.cat(rows), dim=0)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Entries that are drawn evenly, each for itself."""
        axes = [self.entry.sweep(format, count, None, rng) for _ in range(known_size("integers", size))]
        return torch.stack(axes, dim=1)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        n = known_size("integers", size)
        return self.entry.sample(format, count * n, None, rng).reshape(count, n)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, one apart, or one at a corner; and the entries of one equal."""
        corner = of_rows(self.corners(format, size, np.random.default_rng(0)))
        follows = {"equal": the_same, "one apart": one_apart, "one special": corner}
        between = {name: Meeting(follow=follow) for name, follow in follows.items()}
        return {**between, **(entries_of_integers() if known_size("integers", size) > 1 else {})}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[int]]":
        """Lists of integers, nearest to zero first."""
        from hypothesis import strategies as st

        n = known_size("integers", size)
        return st.lists(self.entry.strategy(format, None), min_size=n, max_size=n)


def integers(low: int, high: int, sizes: Iterable[int] = (2, 3, 8)) -> Integers:
    """Several integers in [low, high], which a routine gets as int64 and a formula sees as exact reals."""
    return Integers(low, high, as_tuple("integers", "sizes", sizes))
