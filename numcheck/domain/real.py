"""One real number."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from numpy.random import Generator

from numcheck.domain.intervals import Interval, interval_in_words, interval_of
from numcheck.domain.kinds import Ordinals, as_tuple, check_interval
from numcheck.domain.meetings import Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Mask, parse_number, rounded, values_at
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@final
@dataclass(frozen=True)
class Real:
    """One number of the format in [low, high]; a column has shape (N,).

    `near` lists points around which the formula or its routines change their ways (a kink, a threshold); they
    are drawn rounded to the format, with their neighbours up to 3 ulps away. Zero needs no mention.
    """

    low: float
    high: float
    near: tuple[float, ...] = ()

    sizes = None
    discrete = False
    measures = ()
    differentiable = True
    scalable = True
    parse = staticmethod(parse_number)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        check_interval("real", self.low, self.high, self.near)

    def describe(self) -> str:
        return "a real" + interval_in_words(self.low, self.high, self.near)

    def interval(self, format: Format) -> Interval:
        """The domain as the format has it."""
        return interval_of("real", self.low, self.high, self.near, format)

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return self.interval(format).contains(column)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        return values_at(self.interval(format).corners(), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return values_at(self.interval(format).sweep(count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return self.interval(format).sample((count,), rng)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        return self.interval(format).between()

    def enumerated(self, format: Format, grid: int | None) -> Ordinals:
        values = self.interval(format)
        return range(values.first, values.last + 1) if grid is None else values.grid(grid)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[float]":
        return self.interval(format).strategy()


def real(low: float, high: float, near: Iterable[float] = ()) -> Real:
    """One real number in [low, high]; `near` lists its kinks. Infinite bounds make infinities inputs."""
    return Real(low, high, as_tuple("real", "near", near))
