"""Inputs that a function of the user draws."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, check_interval, check_sizes, known_size, no_list
from numcheck.domain.meetings import BETWEEN, Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Mask, parse_number, parse_numbers, rounded
from numcheck.domain.vector import Vector
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Sampler = Callable[..., Any]
"""Numbers of shape (count,), or (count, size) of several, as NumPy or torch has them: `sampler(count, rng)`, or
`sampler(count, size, rng)` where there are sizes."""


@final
@dataclass(frozen=True)
class Sampled:
    """Numbers that a function draws, in [low, high]; a column has shape (N,), or (N, size) where there are sizes.

    The function is asked for as many as are wanted, with a seeded generator of NumPy; what it gives is rounded to the
    format once, and what then lies outside the bounds is a mistake of the declaration. Nothing else is drawn: corners
    and sweep are samples, too.
    """

    sampler: Sampler
    low: float
    high: float
    sizes: tuple[int, ...] | None = None

    discrete = False
    measures = ()
    differentiable = True
    scalable = False
    enumerated = staticmethod(no_list)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        if not callable(self.sampler):
            raise ValueError(
                f"sampled({self.sampler!r}): write a function, sampled(lambda count, rng: rng.random(count))"
            )
        check_interval("sampled", self.low, self.high, ())
        if self.sizes is not None:
            check_sizes("sampled", self.sizes, 1)

    @property
    def bounds(self) -> Vector:
        """Where its numbers lie."""
        return Vector(self.low, self.high, self.sizes or (1,))

    def describe(self) -> str:
        how_many = "" if self.sizes is None else f"{', '.join(map(str, self.sizes))} "
        return f"{how_many}numbers drawn by {getattr(self.sampler, '__name__', 'a function')}"

    def parse(self, text: str, format: Format) -> Any:
        return parse_number(text, format) if self.sizes is None else parse_numbers(text, format)

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return self.bounds.contains(column, format)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        return self.sample(format, 16, size, rng)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return self.sample(format, count, size, rng)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        shape = (count,) if self.sizes is None else (count, known_size("sampled", size))
        given = self.sampler(*shape, rng)
        numbers = np.asarray(given, dtype=np.float64)
        if numbers.shape != shape:
            raise ValueError(f"{self.describe()}: the function gave shape {numbers.shape}; give {shape}")
        column = format.round(torch.from_numpy(numbers.copy()))
        inside = self.contains(column, format)
        if not inside.all():
            first = column[int(np.flatnonzero(~inside)[0])].tolist()
            raise ValueError(
                f"{self.describe()}: the function gave {first} in {format.name}; write bounds that hold it, or clip it"
            )
        return column

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, close and the like, as far as the bounds allow."""
        return {name: one for name, one in BETWEEN.items() if name != "small multiples"}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[Any]":
        """What the function draws with a seed; a small seed is the simplest."""
        from hypothesis import strategies as st

        def drawn(seed: int) -> Any:
            return self.sample(format, 1, size, np.random.default_rng(seed)).double()[0].tolist()

        return st.integers(0, 2**16).map(drawn)


def sampled(sampler: Sampler, low: float, high: float, sizes: Iterable[int] | None = None) -> Sampled:
    """Reals in [low, high] that a function draws: `sampled(lambda count, rng: rng.beta(2, 5, count), 0, 1)`."""
    return Sampled(sampler, low, high, None if sizes is None else as_tuple("sampled", "sizes", sizes))
