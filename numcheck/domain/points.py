"""Points of a formula: the draws of its inputs side by side."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, permutations
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from numcheck.domain.kinds import Column, Domain, continuous, discrete, numeric
from numcheck.domain.numbers import Ints
from numcheck.formats import Format

MOST_LISTED = 1 << 16
"""Most combinations of choices that are all drawn."""


def spread(count: int, most: int) -> Ints:
    """So many rows of `count` at most, evenly spread over all."""
    return np.unique(np.linspace(0, count - 1, most).astype(int))


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one formula in one format: a column for each input, all of one length, and where each point comes from.

    `origin` holds "corner", "sweep", "sample", "ladder", "given" or "witness" (an earlier run found it);
    `size` is that of the ragged inputs, None where there are none.
    """

    columns: Mapping[str, Column]
    origin: NDArray[np.str_]
    size: int | None = None

    def __len__(self) -> int:
        return len(self.origin)

    def select(self, index: NDArray[Any] | Sequence[int]) -> "Points":
        """The points at these positions (or where a mask is true), in this order."""
        places = np.asarray(index)
        places = np.flatnonzero(places) if places.dtype == np.bool_ else places.astype(np.int64)
        columns = {name: _taken(column, places) for name, column in self.columns.items()}
        return Points(columns, self.origin[places], self.size)

    def with_each(self, name: str, column: Column) -> "Points":
        """Copies of the first point, each with another value of a column in place of one input."""
        copies = self.select(np.zeros(len(column), dtype=np.int64))
        return replace(copies, columns={**copies.columns, name: column})

    def spread(self, most: int) -> Ints:
        """The rows of so many points at most, evenly spread over all."""
        return spread(len(self), most)

    def to(self, dtype: torch.dtype) -> "Points":
        """The same numbers in another format, which has to hold them."""
        columns = {
            name: column.to(dtype)
            if isinstance(column, torch.Tensor) and column.is_floating_point()
            else column
            for name, column in self.columns.items()
        }
        return replace(self, columns=columns)

    @staticmethod
    def concatenate(parts: Sequence["Points"]) -> "Points":
        """All points of several draws of the same inputs and size, one after the other."""
        columns = {name: _joined([part.columns[name] for part in parts]) for name in parts[0].columns}
        return Points(columns, np.concatenate([part.origin for part in parts]), parts[0].size)


def _taken(column: Column, places: Ints) -> Column:
    if isinstance(column, tuple):
        return tuple(column[i] for i in places.tolist())
    return column[torch.from_numpy(places)]


def _joined(columns: Sequence[Any]) -> Column:
    return torch.cat(list(columns)) if isinstance(columns[0], torch.Tensor) else tuple(chain(*columns))


def draw(inputs: Mapping[str, Domain], format: Format, count: int, seed: int, name: str) -> list[Points]:
    """At least `count` points of the formula called `name`, as one `Points` for each size of its ragged inputs.

    About a third each are corners, sweep and sample. Every corner of every input occurs, beside corners and
    beside samples of the others; choices are spread evenly, and where there are few of them each meets every
    corner. Inputs of one kind are equal, or a few ulps apart, at some of the corners and samples, because
    that is where differences cancel.
    """
    sizes = next((domain.sizes for domain in inputs.values() if domain.sizes), (None,))
    words = [zlib.crc32(word.encode()) for word in (name, format.name)]
    seeds = np.random.SeedSequence([seed, *words]).spawn(len(sizes))
    each = -(-count // len(sizes))
    return [
        _Draw.of(inputs, format, size, np.random.default_rng(s)).points(each)
        for size, s in zip(sizes, seeds, strict=True)
    ]


@dataclass(frozen=True)
class _Draw:
    """What points of one size are drawn from: the inputs, and all ways to combine their choices.

    Those are numbers in mixed radix, in the shuffled `order` in which turns take them.
    """

    inputs: Mapping[str, Domain]
    format: Format
    size: int | None
    rng: Generator
    choices: Mapping[str, tuple[Any, ...]]
    order: Ints

    @staticmethod
    def of(inputs: Mapping[str, Domain], format: Format, size: int | None, rng: Generator) -> "_Draw":
        choices = {name: domain.choices(size) for name, domain in discrete(inputs).items()}
        total = math.prod(len(listed) for listed in choices.values())
        few = total <= MOST_LISTED
        order = rng.permutation(total) if few else rng.integers(0, min(total, 2**62), size=MOST_LISTED)
        return _Draw(inputs, format, size, rng, choices, order)

    def points(self, count: int) -> Points:
        """At least so many points: corners, sweep and sample."""
        format, size, rng, numbers = self.format, self.size, self.rng, numeric(self.inputs)
        third = -(-count // 3)
        corners = self.corners(third)
        rest = max(count - len(corners), 2 * third)
        half, other = rest // 2, rest - rest // 2
        swept = {name: domain.sweep(format, half, size, rng) for name, domain in numbers.items()}
        sampled = {name: domain.sample(format, other, size, rng) for name, domain in numbers.items()}
        sampled = self.brought_together(sampled, other // 8, 1 << (format.precision // 2))
        sweep = self.beside_choices(swept, "sweep", np.arange(half))
        return Points.concatenate([corners, sweep, self.beside_choices(sampled, "sample", np.arange(other))])

    def corners(self, third: int) -> Points:
        """Every corner of every input, in at least so many points if the corners allow."""
        format, size, rng, numbers = self.format, self.size, self.rng, numeric(self.inputs)
        corners = {name: domain.corners(format, size, rng) for name, domain in numbers.items()}
        longest = max((len(column) for column in corners.values()), default=0)
        total = len(self.order)
        if not corners:
            return self.beside_choices({}, "corner", np.arange(min(total, max(third, 1))))

        # Corners beside corners: in each round every corner of every input occurs, and the choices move on
        # by a number coprime to theirs, so that each round brings a corner others and no choice is left out.
        rounds = min(total, max(1, third // longest))
        stride = max(1, total // rounds)
        while math.gcd(stride, total) > 1:
            stride += 1
        parts: list[Points] = []
        for turn in range(rounds):
            columns: dict[str, torch.Tensor] = {}
            for place, (name, column) in enumerate(corners.items()):
                # The first input keeps its order on its first lap; the others are shuffled beside it.
                n, laps = len(column), range(-(-longest // len(column)))
                orders = [rng.permutation(n) if place or lap else np.arange(n) for lap in laps]
                columns[name] = column[torch.from_numpy(np.concatenate(orders)[:longest])]
            parts.append(self.beside_choices(columns, "corner", np.arange(longest) + turn * stride))
        if len(corners) == 1:
            return Points.concatenate(parts)

        # Corners beside samples, as many as there is room for.
        every = np.array([(i, j) for i, column in enumerate(corners.values()) for j in range(len(column))])
        room = max(third - rounds * longest, third // 2)
        chosen = torch.from_numpy(rng.permutation(every)[:room])
        columns = {}
        for place, (name, domain) in enumerate(numbers.items()):
            columns[name] = domain.sample(format, len(chosen), size, rng).clone()
            mine = (chosen[:, 0] == place).nonzero()[:, 0]  # as positions, for float8 takes no masks
            columns[name][mine] = corners[name][chosen[mine, 1]]
        parts.append(self.beside_choices(columns, "corner", np.arange(len(chosen))))

        # Inputs of one kind that are equal or nearly so.
        points = Points.concatenate(parts)
        close = points.select(rng.permutation(len(points))[: max(16, third // 8)])
        together = self.brought_together(close.columns, len(close), 3)
        return Points.concatenate([points, replace(close, columns=together)])

    def beside_choices(self, columns: Mapping[str, Column], origin: str, turns: Ints) -> Points:
        """Points of these numbers, beside them the choices whose turn it is."""
        numbers = self.order[turns % len(self.order)]
        columns = dict(columns)
        for name, listed in self.choices.items():
            numbers, place = np.divmod(numbers, len(listed))
            columns[name] = self.inputs[name].column([listed[i] for i in place.tolist()], self.format)
        ordered = {name: columns[name] for name in self.inputs}
        return Points(ordered, np.full(len(turns), origin, dtype="<U6"), self.size)

    def brought_together(self, columns: Mapping[str, Any], count: int, reach: int) -> dict[str, Any]:
        """The columns with, at the first `count` points, one input equal or up to `reach` ulps from another."""
        changed, reals = dict(columns), continuous(self.inputs)
        pairs = [(a, b) for a, b in permutations(reals, 2) if type(reals[a]) is type(reals[b])]
        if not pairs or not count:
            return changed
        which = self.rng.integers(0, len(pairs), size=count)
        for number, (one, other) in enumerate(pairs):
            places = torch.from_numpy(np.flatnonzero(which == number))
            changed[other] = changed[other].clone()
            changed[other][places] = reals[other].close_to(changed[one][places], reach, self.format, self.rng)
        return changed
