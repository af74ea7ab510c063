"""Every point of a formula as a number: an enumeration of its inputs that is never materialised.

A `Space` counts the points of a formula of real numbers and choices from 0 to its size, in mixed radix: the choices
are the leading digits, the places of the real inputs in their lists of ordinals the trailing ones. So any stretch of
numbers gives its points by itself, on any machine, and points that share their choices lie together.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numcheck.domain.kinds import Column, Domain, Ordinals, continuous, discrete
from numcheck.domain.numbers import Ints, values_at
from numcheck.domain.points import Points
from numcheck.formats import Format


@dataclass(frozen=True)
class Space:
    """The points 0 to `size` of inputs that are real numbers, each with its ordinals, or choices."""

    inputs: Mapping[str, Domain]
    format: Format
    ordinals: Mapping[str, Ordinals]

    @cached_property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The choices of each input that has some, in the order of the inputs: the leading digits."""
        return {name: domain.choices(None) for name, domain in discrete(self.inputs).items()}

    @cached_property
    def _listed(self) -> dict[str, Ints]:
        tuples = {name: listed for name, listed in self.ordinals.items() if isinstance(listed, tuple)}
        return {name: np.array(listed, dtype=np.int64) for name, listed in tuples.items()}

    @property
    def combinations(self) -> int:
        """In how many ways the choices combine."""
        return math.prod(len(listed) for listed in self.choices.values())

    @property
    def block(self) -> int:
        """How many consecutive points share their choices."""
        return math.prod(len(listed) for listed in self.ordinals.values())

    @property
    def line(self) -> int:
        """How many consecutive points differ in the last real input only."""
        return len(list(self.ordinals.values())[-1])

    @property
    def size(self) -> int:
        """The number of points."""
        return self.combinations * self.block

    def at(self, numbers: Ints | Sequence[int]) -> Points:
        """The points of these numbers, of origin "sweep"."""
        rest = numbers if isinstance(numbers, range) else np.asarray(numbers, dtype=np.int64)
        columns: dict[str, Column] = {}
        for name, listed in reversed(list(self.ordinals.items())):
            rest, place = _digit(rest, len(listed))
            if not isinstance(listed, range):
                taken = self._listed[name][_as_array(place)]
            elif isinstance(place, range):
                taken = range(listed.start + place.start, listed.start + place.stop)
            else:
                taken = listed.start + place
            columns[name] = values_at(taken, self.format)
        for name, listed in reversed(list(self.choices.items())):
            rest, place = _digit(rest, len(listed))
            chosen = [listed[i] for i in _as_array(place).tolist()]
            columns[name] = self.inputs[name].column(chosen, self.format)
        origin = np.broadcast_to(np.array("sweep"), len(numbers))
        return Points({name: columns[name] for name in self.inputs}, origin)

    def chunks(self, length: int) -> Iterator[tuple[int, int]]:
        """Ranges (start, stop) that make up the space: of this length, shorter where the choices change."""
        for begin in range(0, self.size, self.block):
            for start in range(begin, begin + self.block, length):
                yield start, min(start + length, begin + self.block)


def _digit(numbers: Ints | range, base: int) -> tuple[Ints, Ints | range]:
    """Quotient and remainder; dividing is most of the time that a space takes, and consecutive numbers need none."""
    if isinstance(numbers, range):
        first, rest = divmod(numbers[0], base)
        if numbers.step == 1 and rest + len(numbers) <= base:
            return np.full(len(numbers), first), range(rest, rest + len(numbers))
        numbers = np.array(numbers)
    if numbers.size and numbers.max() < base:
        return np.zeros_like(numbers), numbers
    return np.divmod(numbers, base)


def _as_array(numbers: Ints | range) -> Ints:
    return np.asarray(numbers, dtype=np.int64)


def space_of(inputs: Mapping[str, Domain], format: Format, grid: int | None = None) -> Space:
    """All points of these inputs, or with `grid` so many ordinals of each real input, evenly spaced.

    A grid also has the bounds, corners and `near` points of every real input. Raises ValueError for an input that is
    neither a real nor a choice, and where a domain holds no value of the format.
    """
    reals = continuous(inputs)
    ordinals: dict[str, Ordinals] = {}
    for name, domain in inputs.items():
        listed = reals[name].enumerated(format, grid) if name in reals else None
        if listed is not None:
            ordinals[name] = listed
        elif not domain.discrete or domain.sizes is not None:
            raise ValueError(f"its input {name} is {domain.describe()}")
    if not ordinals:
        raise ValueError("it has no real input")
    return Space(inputs, format, ordinals)
