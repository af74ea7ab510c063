"""What something with a state gets, step after step."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, known_size, no_list
from numcheck.domain.meetings import Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Mask, parse_numbers, rounded, values_at
from numcheck.domain.vector import Vector
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FEW = 64
"""Up to so many steps each point has company enough for all corners of its numbers."""


@final
@dataclass(frozen=True)
class Steps:
    """A number in [low, high] for each of several steps; a column has shape (N, steps).

    A formula folds over it, `m.fold(step, start, x)` or a plain loop, and a routine gets the whole sequence. Of long
    sequences few are drawn, since each costs as much as its steps.
    """

    low: float
    high: float
    sizes: tuple[int, ...] = (1, 3, 10, 100)
    near: tuple[float, ...] = ()

    discrete = False
    measures = ()
    differentiable = True
    scalable = True
    enumerated = staticmethod(no_list)
    parse = staticmethod(parse_numbers)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        _ = self.vector  # which refuses what is no interval or no sizes

    @property
    def vector(self) -> Vector:
        """The same numbers in no order."""
        return Vector(self.low, self.high, self.sizes, self.near)

    def describe(self) -> str:
        return self.vector.describe().replace("a vector of", "a sequence of").replace("reals", "steps")

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return self.vector.contains(column, format)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Constants, one step up at the beginning, in the middle and at the end, signs in turn, ramps and decays."""
        n, entry = known_size("steps", size), self.vector.interval(format)
        if n <= FEW:
            return self.vector.corners(format, size, rng)
        one, zero = entry.clipped(format.ordinal_of(1.0)), entry.clipped(0)
        least, most = (
            format.to_ordinals(format.round(torch.tensor(end).double())).item() for end in entry.finite_ends()
        )
        place = np.arange(n)
        rows = [np.full(n, value) for value in dict.fromkeys((zero, one, least, most))]
        rows += [np.where(place == at, one, zero) for at in (0, n // 2, n - 1)]
        rows += [np.where(place % 2 == 0, one, least), np.where(place < n // 2, one, zero)]
        rows += [
            np.where(place == 0, most, one),
            zero + (one - zero) * place // n,
            one - (one - zero) * place // n,
        ]
        return values_at(
            np.unique(np.clip(np.array(rows, dtype=np.int64), entry.first, entry.last), axis=0), format
        )

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return self.vector.sweep(format, count, size, rng)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Independent steps, and at a quarter of the points steps that are the same from some place on."""
        drawn = self.vector.sample(format, count, size, rng)
        n = drawn.shape[1]
        held = rng.random(count) < 0.25
        until = np.where(held, rng.integers(0, n, size=count), n)
        places = torch.from_numpy(np.minimum(np.arange(n), until[:, None]))
        return format.from_ordinals(format.to_ordinals(drawn).gather(1, places))

    def meetings(self, format: Format, size: int | None) -> Meetings:
        return self.vector.meetings(format, size)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Lists as of a vector; beyond a few steps a few numbers that come again and again."""
        n = known_size("steps", size)
        if n <= FEW:
            return self.vector.strategy(format, n)
        return self.vector.strategy(format, 8).map(lambda row: (row * (n // 8 + 1))[:n])


def steps(
    low: float, high: float, horizons: Iterable[int] = (1, 3, 10, 100), near: Iterable[float] = ()
) -> Steps:
    """A real in [low, high] for each step, over so many steps as each of `horizons` says, up to 100,000."""
    return Steps(low, high, as_tuple("steps", "horizons", horizons), as_tuple("steps", "near", near))
