"""Points of a formula: the draws of its inputs side by side."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from numcheck.domain.kinds import Column, Discrete, Domain, Numeric, continuous, discrete, numeric
from numcheck.domain.numbers import Ints
from numcheck.formats import Format

MOST_LISTED = 1 << 16
"""Most combinations of choices that are all drawn."""


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one formula in one format: a column for each input, all of one length, and where each point
    comes from.

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

    def spread(self, most: int) -> Ints:
        """The rows of so many points at most, evenly spread over all."""
        return np.unique(np.linspace(0, len(self) - 1, most).astype(int))

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


def _joined(columns: Sequence[Column]) -> Column:
    tensors = [column for column in columns if isinstance(column, torch.Tensor)]
    if tensors:
        return torch.cat(tensors)
    return tuple(value for column in columns if isinstance(column, tuple) for value in column)


# -- draw ----------------------------------------------------------------------------------------------------


def draw(inputs: Mapping[str, Domain], format: Format, count: int, seed: int, name: str) -> list[Points]:
    """At least `count` points of the formula called `name`, as one `Points` for each size of its ragged
    inputs.

    About a third each are corners, sweep and sample. Every corner of every input occurs, beside corners and
    beside samples of the others; choices are spread evenly, and where there are few of them each meets every
    corner. Inputs of one kind are equal, or a few ulps apart, at some of the corners and samples, because
    that is where differences cancel.
    """
    sizes = _sizes_of(inputs)
    words = [zlib.crc32(word.encode()) for word in (name, format.name)]
    seeds = np.random.SeedSequence([seed, *words]).spawn(len(sizes))
    each = -(-count // len(sizes))
    return [
        _draw_size(inputs, format, each, size, np.random.default_rng(s))
        for size, s in zip(sizes, seeds, strict=True)
    ]


def _sizes_of(inputs: Mapping[str, Domain]) -> tuple[int | None, ...]:
    ragged = {name: domain.sizes for name, domain in inputs.items() if domain.sizes is not None}
    if len(set(ragged.values())) > 1:
        listed = ", ".join(f"{name} has {sizes}" for name, sizes in ragged.items())
        raise ValueError(f"inputs of one formula must declare the same sizes: {listed}")
    return next(iter(ragged.values()), (None,))


def _draw_size(
    inputs: Mapping[str, Domain], format: Format, count: int, size: int | None, rng: Generator
) -> Points:
    third = -(-count // 3)
    numbers = numeric(inputs)
    combinations = _Combinations.of(inputs, size, rng)
    corners = _corner_points(numbers, combinations, format, third, size, rng)
    rest = max(count - len(corners), 2 * third)
    swept = {name: domain.sweep(format, rest // 2, size, rng) for name, domain in numbers.items()}
    sampled = {name: domain.sample(format, rest - rest // 2, size, rng) for name, domain in numbers.items()}
    close, reach = (rest - rest // 2) // 8, 1 << (format.precision // 2)
    sampled = _brought_together(numbers, sampled, close, reach, format, rng)
    parts = [corners]
    for origin, columns, share in (("sweep", swept, rest // 2), ("sample", sampled, rest - rest // 2)):
        beside = combinations.columns(np.arange(share), format)
        parts.append(_points(columns | beside, origin, share, size))
    points = Points.concatenate(parts)
    return Points({name: points.columns[name] for name in inputs}, points.origin, size)


def _corner_points(
    numbers: Mapping[str, Numeric],
    combinations: "_Combinations",
    format: Format,
    third: int,
    size: int | None,
    rng: Generator,
) -> Points:
    corners = {name: domain.corners(format, size, rng) for name, domain in numbers.items()}
    longest = max((len(column) for column in corners.values()), default=0)
    if not corners:
        count = min(combinations.total, max(third, 1))
        return _points(combinations.columns(np.arange(count), format), "corner", count, size)

    # Corners beside corners: in each round every corner of every input occurs, and the choices move on
    # by a number coprime to theirs, so that each round brings a corner others and no choice is left out.
    rounds = min(combinations.total, max(1, third // longest))
    stride = max(1, combinations.total // rounds)
    while math.gcd(stride, combinations.total) > 1:
        stride += 1
    parts: list[Points] = []
    for turn in range(rounds):
        columns: dict[str, torch.Tensor] = {}
        for place, (name, column) in enumerate(corners.items()):
            # The first input keeps its order on its first lap; the others are shuffled beside it.
            laps = range(-(-longest // len(column)))
            orders = [
                rng.permutation(len(column)) if place or lap else np.arange(len(column)) for lap in laps
            ]
            columns[name] = column[torch.from_numpy(np.concatenate(orders)[:longest])]
        beside = combinations.columns(np.arange(longest) + turn * stride, format)
        parts.append(_points(columns | beside, "corner", longest, size))
    if len(corners) == 1:
        return Points.concatenate(parts)

    # Corners beside samples, as many as there is room for.
    chosen = np.concatenate(
        [np.stack([np.full(len(c), i), np.arange(len(c))], 1) for i, c in enumerate(corners.values())]
    )
    room = max(third - rounds * longest, third // 2)
    chosen = torch.from_numpy(rng.permutation(chosen)[:room])
    columns = {}
    for place, (name, domain) in enumerate(numbers.items()):
        columns[name] = domain.sample(format, len(chosen), size, rng).clone()
        mine = (chosen[:, 0] == place).nonzero()[:, 0]  # as positions, for float8 takes no masks
        columns[name][mine] = corners[name][chosen[mine, 1]]
    beside = combinations.columns(np.arange(len(chosen)), format)
    parts.append(_points(columns | beside, "corner", len(chosen), size))

    # Inputs of one kind that are equal or nearly so.
    points = Points.concatenate(parts)
    close = points.select(rng.permutation(len(points))[: max(16, third // 8)])
    tensors = {name: column for name, column in close.columns.items() if isinstance(column, torch.Tensor)}
    together = _brought_together(numbers, tensors, len(close), 3, format, rng)
    return Points.concatenate([points, Points({**close.columns, **together}, close.origin, size)])


def _points(columns: Mapping[str, Column], origin: str, count: int, size: int | None) -> Points:
    return Points(columns, np.full(count, origin, dtype="<U6"), size)


def _brought_together(
    inputs: Mapping[str, Domain],
    columns: Mapping[str, torch.Tensor],
    count: int,
    reach: int,
    format: Format,
    rng: Generator,
) -> dict[str, torch.Tensor]:
    """The columns with, at the first `count` points, one input equal or up to `reach` ulps from another."""
    changed = dict(columns)
    reals = continuous(inputs)
    pairs = [
        (one, other)
        for one, domain in reals.items()
        for other, target in reals.items()
        if one != other and type(domain) is type(target)
    ]
    if not pairs or not count:
        return changed
    which = rng.integers(0, len(pairs), size=count)
    for number, (one, other) in enumerate(pairs):
        places = torch.from_numpy(np.flatnonzero(which == number))
        changed[other] = changed[other].clone()
        changed[other][places] = reals[other].close_to(changed[one][places], reach, format, rng)
    return changed


@dataclass(frozen=True)
class _Combinations:
    """All ways to choose the discrete inputs, as numbers in mixed radix, in a shuffled order."""

    domains: Mapping[str, Discrete]
    choices: Mapping[str, tuple[Any, ...]]
    order: Ints

    @staticmethod
    def of(inputs: Mapping[str, Domain], size: int | None, rng: Generator) -> "_Combinations":
        domains = discrete(inputs)
        choices = {name: domain.choices(size) for name, domain in domains.items()}
        total = math.prod(len(c) for c in choices.values())
        if total <= MOST_LISTED:
            return _Combinations(domains, choices, rng.permutation(total))
        return _Combinations(domains, choices, rng.integers(0, min(total, 2**62), size=MOST_LISTED))

    @property
    def total(self) -> int:
        return len(self.order)

    def columns(self, turns: Ints, format: Format) -> dict[str, Column]:
        """The combinations of these turns, one for each point."""
        numbers = self.order[turns % self.total]
        columns: dict[str, Column] = {}
        for name, domain in self.domains.items():
            choices = self.choices[name]
            columns[name] = domain.column([choices[i] for i in (numbers % len(choices)).tolist()], format)
            numbers = numbers // len(choices)
        return columns
