"""Several real numbers in increasing order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, known_size, no_list
from numcheck.domain.meetings import Follow, Lead, Meeting, Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Mask, parse_numbers, rounded
from numcheck.domain.vector import Vector
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def _in_order(column: torch.Tensor, format: Format) -> torch.Tensor:
    """Each row sorted, a negative zero before zero."""
    return format.from_ordinals(format.to_ordinals(column).sort(1).values)


@final
@dataclass(frozen=True)
class Ordered:
    """Several numbers of the format in [low, high], none below the one before; a column has shape (N, size)."""

    low: float
    high: float
    sizes: tuple[int, ...] = (2, 3, 8)
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
        _ = self.unordered  # which refuses what is no interval or no sizes

    @property
    def unordered(self) -> Vector:
        """The same numbers in any order, from which these are drawn and sorted."""
        return Vector(self.low, self.high, self.sizes, self.near)

    def describe(self) -> str:
        return self.unordered.describe().replace("a vector", "an increasing row")

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        places = format.to_ordinals(column)
        rising = (places[:, 1:] >= places[:, :-1]).all(1).numpy()
        return self.unordered.contains(column, format) & rising

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Those of a vector, sorted, each once: all equal, one gap, ties at either end, neighbours far from zero."""
        places = format.to_ordinals(self.unordered.corners(format, size, rng)).sort(1).values
        return format.from_ordinals(torch.unique(places, dim=0))

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return _in_order(self.unordered.sweep(format, count, size, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return _in_order(self.unordered.sample(format, count, size, rng), format)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Those of a vector, sorted; numbers of either sign have no order to tell."""

        def lead(one: Lead) -> Lead:
            return lambda own, format, rng: _in_order(one(own, format, rng), format)

        def follow(one: Follow) -> Follow:
            return lambda leading, own, format, rng: _in_order(one(leading, own, format, rng), format)

        return {
            name: Meeting(one.lead and lead(one.lead), one.follow and follow(one.follow), one.everyone)
            for name, one in self.unordered.meetings(format, size).items()
        }

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Those of a vector, sorted."""
        known_size("ordered", size)

        def sort(row: list[float]) -> list[float]:
            return _in_order(rounded([row], format), format).double()[0].tolist()

        return self.unordered.strategy(format, size).map(sort)


def ordered(low: float, high: float, sizes: Iterable[int] = (2, 3, 8), near: Iterable[float] = ()) -> Ordered:
    """Several reals in [low, high] in increasing order, ties included: knots, quantiles, times."""
    return Ordered(low, high, as_tuple("ordered", "sizes", sizes), as_tuple("ordered", "near", near))
