"""One real number."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch

from numcheck.domain.intervals import (
    Mask,
    Ordinals,
    all_within,
    as_tuple,
    check_interval,
    close_values,
    corner_ordinals,
    data_like,
    grid_ordinals,
    interval_in_words,
    number_strategy,
    ordinal_bounds,
    parse_number,
    rounded,
    stratified,
    values_at,
)
from numcheck.domain.moves import shorter
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

    ragged = None
    discrete = False
    differentiable = True
    scalable = True
    parse = staticmethod(parse_number)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        check_interval("real", self.low, self.high, self.near)

    def describe(self) -> str:
        return "a real" + interval_in_words(self.low, self.high, self.near)

    def ordinals(self, format: Format) -> tuple[int, int]:
        """First and last ordinal of the domain in the format."""
        return ordinal_bounds("real", self.low, self.high, format)

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return all_within(format.to_ordinals(column), *self.ordinals(format))

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Zeros, bounds, `near` points, ends of the format, powers of two and neighbours; increasing."""
        return values_at(corner_ordinals(*self.ordinals(format), self.near, format), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One value from each of `count` equal stretches of the format's ordinals, shuffled."""
        return values_at(stratified(*self.ordinals(format), count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Data-like values: normal, log-normal, and clusters far from zero."""
        return data_like(*self.ordinals(format), (count,), format, rng)

    def close_to(
        self, column: torch.Tensor, reach: int, format: Format, rng: np.random.Generator
    ) -> torch.Tensor:
        return close_values(column, *self.ordinals(format), reach, format, rng)

    def enumerated(self, format: Format, grid: int | None) -> Ordinals:
        low, high = self.ordinals(format)
        return range(low, high + 1) if grid is None else grid_ordinals(low, high, self.near, grid, format)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[float]":
        """Values of the format: those with few significand bits first, then those nearest to 1."""
        return number_strategy(*self.ordinals(format), self.near, format)

    def extent(self, column: torch.Tensor, format: Format) -> tuple[float, float]:
        """The bounds, as far as they are finite in the format."""
        return max(self.low, -format.largest), min(self.high, format.largest)

    def moved(self, column: torch.Tensor, magnitudes: torch.Tensor, format: Format) -> torch.Tensor:
        return format.round(magnitudes)


def real(low: float, high: float, near: Iterable[float] = ()) -> Real:
    """One real number in [low, high]; `near` lists its kinks. Infinite bounds make infinities inputs."""
    return Real(low, high, as_tuple("real", "near", near))
