"""Points of a formula: the draws of its inputs side by side."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from numcheck.domain.kinds import Column, Domain, Numeric, discrete, numeric
from numcheck.domain.meetings import Meetings, formations, turns
from numcheck.domain.numbers import Ints, Mask
from numcheck.formats import Format

MOST_LISTED = 1 << 16
"""Most combinations of choices that are all drawn."""
MOST_ENDS = 4
"""Inputs up to which their ends are brought together in every way."""
LONG = 256
"""Of inputs with more entries than this fewer points are drawn than of sizes with less: an entry costs as any."""


def spread(count: int, most: int) -> Ints:
    """So many rows of `count` at most, evenly spread over all."""
    return np.unique(np.linspace(0, count - 1, most).astype(int))


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one formula in one format: a column for each input, all of one length, and where each point comes from.

    `origin` holds "corner", "sweep", "sample", "given" or "witness" (an earlier run found it), or the name of the
    meeting for which its inputs were brought together, such as "equal" or "far offset";
    `size` is that of the ragged inputs, None where there are none.
    """

    columns: Mapping[str, Column]
    origin: NDArray[np.str_]
    size: int | None = None

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def are_numbers(self) -> bool:
        """Whether no input is infinite."""
        tensors = [column for column in self.columns.values() if isinstance(column, torch.Tensor)]
        return not any(bool(column.isinf().any()) for column in tensors)

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
    return column.index_select(0, torch.from_numpy(places))  # far quicker than column[places]


def _joined(columns: Sequence[Any]) -> Column:
    return torch.cat(list(columns)) if isinstance(columns[0], torch.Tensor) else tuple(chain(*columns))


def draw(inputs: Mapping[str, Domain], format: Format, count: int, seed: int, name: str) -> list[Points]:
    """At least `count` points of the formula called `name`, as one `Points` for each size of its ragged inputs.

    About a third each are corners, sweep and sample. Every corner of every input occurs, beside corners and
    beside samples of the others; choices are spread evenly, and where there are few of them each meets every
    corner. Where there are inputs of one kind, or of several numbers, it is a quarter each, and at the fourth
    quarter of the points inputs of a kind, or the entries of one, meet in the ways that the kind tells, because that
    is where differences cancel: equal, a few ulps apart, close, opposite, zero, at a common far offset. Which of many
    inputs meet in which way the seed chooses; the origin of a point names the way.
    """
    sizes = next((domain.sizes for domain in inputs.values() if domain.sizes), (None,))
    words = [zlib.crc32(word.encode()) for word in (name, format.name)]
    seeds = np.random.SeedSequence([seed, *words]).spawn(len(sizes))
    shares = [min(1.0, LONG / size) if size else 1.0 for size in sizes]
    return [
        _Draw.of(inputs, format, size, np.random.default_rng(s)).points(
            math.ceil(count * share / sum(shares))
        )
        for size, share, s in zip(sizes, shares, seeds, strict=True)
    ]


def as_data(
    inputs: Mapping[str, Domain], format: Format, size: int, count: int, seed: int, name: str
) -> Points:
    """So many points of one size of the formula called `name`, as data have them: no corner, no meeting."""
    words = [zlib.crc32(word.encode()) for word in (name, format.name)]
    return _Draw.of(inputs, format, size, np.random.default_rng([seed, size, *words])).sampled(count)


def met_once(inputs: Mapping[str, Domain], points: Points, format: Format, rng: Generator) -> Points:
    """The points with inputs of some kind brought together in some way; as they are where nothing can meet."""
    kin = _kin(inputs, format, points.size)
    return kin[int(rng.integers(len(kin)))].brought_together(points, rng) if kin else points


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
        """At least so many points: corners, sweep and sample, and where inputs can meet as many that do."""
        meeting = _kin(self.inputs, self.format, self.size)
        share = -(-count // (4 if meeting else 3))
        corners = self.corners(share)
        if not meeting:
            rest = max(count - len(corners), 2 * share)
            swept, sampled = self.swept(rest // 2), self.sampled(rest - rest // 2)
            return Points.concatenate([corners, swept, sampled])
        rest = max(count - len(corners) - share, 2 * share)
        swept, sampled = self.swept(rest // 2), self.sampled(rest - rest // 2)
        return Points.concatenate([corners, swept, sampled, self.met(corners, share, meeting)])

    def swept(self, count: int) -> Points:
        """So many points of which every input is uniform in the format's ordinals."""
        numbers = numeric(self.inputs)
        columns = {name: x.sweep(self.format, count, self.size, self.rng) for name, x in numbers.items()}
        return self.beside_choices(columns, "sweep", np.arange(count))

    def sampled(self, count: int) -> Points:
        """So many points as data have them."""
        numbers = numeric(self.inputs)
        columns = {name: x.sample(self.format, count, self.size, self.rng) for name, x in numbers.items()}
        return self.beside_choices(columns, "sample", np.arange(count))

    def met(self, corners: Points, count: int, meeting: Sequence["_Kin"]) -> Points:
        """So many points, of corners, sweep and sample, at which inputs of a kind meet as far as the domains allow."""
        chosen = corners.select(self.rng.permutation(len(corners))[: count // 4])
        swept = self.swept((count - len(chosen)) // 3)
        drawn = Points.concatenate([chosen, swept, self.sampled(count - len(chosen) - len(swept))])
        points = drawn.select(self.rng.permutation(count))
        parts = [rows for rows in np.array_split(np.arange(count), len(meeting)) if len(rows)]
        met = [
            self.beside_special(kin.brought_together(points.select(rows), self.rng), kin)
            for rows, kin in zip(parts, meeting, strict=False)
        ]
        return Points.concatenate(met)

    def beside_special(self, points: Points, kin: "_Kin") -> Points:
        """The points, a quarter of them with special values of the inputs of other kinds.

        A zero vector at the end of an angle's range, say: at each meeting the special values take turns.
        """
        rows = np.sort(self.rng.permutation(len(points))[: len(points) // 4])
        rows = rows[np.argsort(points.origin[rows], kind="stable")]
        for name, domain in numeric(self.inputs).items():
            special = domain.meetings(self.format, self.size).get("one special")
            if name in kin.inputs or special is None or special.follow is None or not rows.size:
                continue
            column = points.columns[name]
            assert isinstance(column, torch.Tensor)
            own = column[rows]
            found = special.follow(own, own, self.format, self.rng)
            kept = np.flatnonzero(domain.contains(found, self.format))
            changed = column.clone()
            changed[rows[kept]] = found[kept]
            points = replace(points, columns={**points.columns, name: changed})
        return points

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
        parts.append(self.ends(corners))

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
        return Points.concatenate(parts)

    def ends(self, corners: Mapping[str, torch.Tensor]) -> Points:
        """The inputs at their ends together: of few in every way, of many all, and one by one against the others."""
        ways = np.array(list(product((0, 1), repeat=min(len(corners), MOST_ENDS))))
        if len(corners) > MOST_ENDS:
            one = np.eye(len(corners), dtype=int)
            ways = np.concatenate([np.zeros_like(one[:1]), np.ones_like(one[:1]), one, 1 - one])
        columns: dict[str, torch.Tensor] = {}
        for place, (name, column) in enumerate(corners.items()):
            wide = column.double().reshape(len(column), -1)
            size = torch.where(wide.isfinite().all(dim=1), wide.mean(dim=1), torch.nan).numpy()
            both = (0, 0) if np.isnan(size).all() else (int(np.nanargmin(size)), int(np.nanargmax(size)))
            columns[name] = column[torch.tensor(both)[torch.from_numpy(ways[:, place])]]
        return self.beside_choices(columns, "corner", np.arange(len(ways)))

    def beside_choices(self, columns: Mapping[str, Column], origin: str, turns: Ints) -> Points:
        """Points of these numbers, beside them the choices whose turn it is."""
        numbers = self.order[turns % len(self.order)]
        columns = dict(columns)
        for name, listed in self.choices.items():
            numbers, place = np.divmod(numbers, len(listed))
            columns[name] = self.inputs[name].column([listed[i] for i in place.tolist()], self.format)
        ordered = {name: columns[name] for name in self.inputs}
        return Points(ordered, np.full(len(turns), origin), self.size)


def _kin(inputs: Mapping[str, Domain], format: Format, size: int | None) -> list["_Kin"]:
    """Of each kind that has anything to meet its inputs; values of several shapes, as of matrices, do not meet."""
    kinds: dict[tuple[type, tuple[int, ...]], dict[str, Numeric]] = {}
    for name, domain in numeric(inputs).items():
        shape = tuple(domain.sample(format, 1, size, np.random.default_rng(0)).shape)
        kinds.setdefault((type(domain), shape), {})[name] = domain
    found = [_Kin.of(alike, format, size) for alike in kinds.values()]
    return [kin for kin in found if kin.names]


@dataclass(frozen=True)
class _Kin:
    """The inputs of one kind, and for each the ways in which all of them can meet."""

    inputs: Mapping[str, Numeric]
    meetings: Mapping[str, Meetings]
    format: Format

    @staticmethod
    def of(inputs: Mapping[str, Numeric], format: Format, size: int | None) -> "_Kin":
        meetings = {name: domain.meetings(format, size) for name, domain in inputs.items()}
        return _Kin(inputs, meetings, format)

    @property
    def names(self) -> list[str]:
        """The meetings that there can be: several inputs of a kind follow one another, one meets itself at most."""
        told = next(iter(self.meetings.values()))
        return [name for name, meeting in told.items() if meeting.follow is None or len(self.inputs) > 1]

    def brought_together(self, points: Points, rng: Generator) -> Points:
        """The points with inputs that meet, or as they were drawn where no domain allows it.

        Where several groups of inputs meet at once, each but the first is sometimes equal instead, or stays as it is.
        """
        origin, columns = points.origin.astype("<U32"), dict[str, Any](points.columns)
        for name in self.inputs:
            columns[name] = columns[name].clone()
        told = next(iter(self.meetings.values()))
        alone = {name: told[name] for name in self.names if told[name].follow is None}
        beside = {name: told[name] for name in self.names if told[name].follow is not None}
        places = rng.permutation(len(points))
        split = len(points) * len(alone) // len(self.names)
        by_itself, together = [[[name]] for name in self.inputs], formations(self.inputs, rng)
        for meetings, who, mine in ((alone, by_itself, places[:split]), (beside, together, places[split:])):
            for name, groups, part in turns(meetings, who, len(mine), rng):
                rows = mine[part]
                for place, group in enumerate(groups):
                    dice = rng.random(len(rows)) if place else np.zeros(len(rows))
                    origin[self.meet(columns, group, name, rows[dice < 0.6], rng)] = name
                    if "equal" in told:
                        self.meet(columns, group, "equal", rows[dice >= 0.8], rng)
                if meetings[name].everyone and len(together) > 2:
                    # Of what ties already two by two: boxes on a grid of which some sides are one.
                    for group in together[int(rng.integers(1, 3))]:
                        self.meet(columns, group, "equal", rows[rng.random(len(rows)) < 0.5], rng)
        return Points(columns, origin, points.size)

    def meet(
        self, columns: dict[str, Any], group: Sequence[str], name: str, rows: Ints, rng: Generator
    ) -> Ints:
        """Let a group of inputs meet at some rows of the columns, and tell at which of them their domains allowed it.

        Where they do not the last one leads: of two inputs the one with the narrower domain can. And then what was
        drawn for any of them, at whatever point, and lies in the domains of all.
        """
        left = rows
        for order in dict.fromkeys((tuple(group), tuple(group[::-1]))):
            if not left.size:
                return rows
            left = left[
                ~self._met_at(columns, order, {one: columns[one][left] for one in order}, name, left, rng)
            ]
        if left.size and len(group) > 1:
            every = torch.cat([columns[one] for one in group])
            shared = np.logical_and.reduce([self.inputs[one].contains(every, self.format) for one in group])
            if shared.any():
                taken = torch.from_numpy(rng.choice(np.flatnonzero(shared), size=len(left)))
                drawn = {one: columns[one][left] for one in group} | {group[0]: every[taken]}
                left = left[~self._met_at(columns, group, drawn, name, left, rng)]
        return np.setdiff1d(rows, left)

    def _met_at(
        self,
        columns: dict[str, Any],
        order: Sequence[str],
        drawn: Mapping[str, torch.Tensor],
        name: str,
        rows: Ints,
        rng: Generator,
    ) -> Mask:
        """Let inputs meet at these rows, the first leading, as far as they then lie in their domains: where they do."""
        made: dict[str, torch.Tensor] = {}
        for one in order:
            meeting, own = self.meetings[one][name], drawn[one]
            if one == order[0]:
                made[one] = own if meeting.lead is None else meeting.lead(own, self.format, rng)
            elif meeting.follow is not None:
                made[one] = meeting.follow(made[order[0]], own, self.format, rng)
        inside = np.logical_and.reduce([self.inputs[one].contains(x, self.format) for one, x in made.items()])
        fitting = np.flatnonzero(inside)
        for one, column in made.items():
            columns[one][rows[fitting]] = column[fitting]
        return inside
