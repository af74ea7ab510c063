"""What a sweep keeps of its points: a few numbers that merge, however many points there were.

`summary_of` makes a summary of judged points, `tallied` one of points that are known to be within, and `merged` joins
two. Summaries of the same points are equal however the points were split and in whatever order the parts came, so a
sweep may be cut into chunks, handed to any number of workers, stopped, and gone on with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from numcheck.declaration.words import Fate

MOST_REGIONS = 4096
"""Failing regions of which a stretch keeps the ends: the first ones; of the others it only knows how many."""

EDGES = (0.5, *(2.0**k for k in range(25)))
"""Upper ends of the histogram's bins, in ulps; one more bin holds what lies beyond, infinite errors included."""
BINS = ("<=1/2", *(f"<={edge:.0f}" for edge in EDGES[1:]), f">{EDGES[-1]:.0f}")
"""The bins in words."""


class Region(NamedTuple):
    """A longest run of consecutive points, `first` to `last`, that fail with one fate.

    Consecutive points lie on one line: only the last real input changes along it.
    """

    first: int
    last: int
    fate: Fate

    def told(self, first: Any, last: Any) -> dict[str, Any]:
        """The region as a result has it, with what the result tells of its ends."""
        return {"fate": self.fate.word, "points": self.last - self.first + 1, "first": first, "last": last}


@dataclass(frozen=True)
class Stretch:
    """The failing regions among the points start to stop: their number, the first ones, and the last one.

    The last one is kept for its own sake: a stretch that follows may continue it. Lines begin at the multiples of
    `line`.
    """

    start: int
    stop: int
    line: int
    count: int
    regions: tuple[Region, ...]
    last: Region | None


class Worst(NamedTuple):
    """The largest figure, and the first point that has it."""

    figure: float
    point: int


@dataclass(frozen=True)
class Summary:
    """Of one routine's value or gradient at some points.

    `fates` counts them at the place of each fate's number, `histogram` those with a truth by their error in the bins
    of `EDGES`. `error` (in ulps) and `spent` are the largest, None where no point has a truth. `stretches` are
    increasing and do not touch: all points that were looked at one by one lie in them.
    """

    fates: tuple[int, ...]
    histogram: tuple[int, ...]
    error: Worst | None
    spent: Worst | None
    stretches: tuple[Stretch, ...]

    @property
    def points(self) -> int:
        """How many points it is of."""
        return sum(self.fates)

    def count(self, fate: Fate) -> int:
        """How many points met a fate."""
        return self.fates[fate]

    @property
    def failing(self) -> int:
        """How many points fail."""
        return sum(self.count(fate) for fate in Fate if fate.fails)


EMPTY = Summary((0,) * len(Fate), (0,) * len(BINS), None, None, ())
"""The summary of no point."""

State = Mapping[tuple[str, str], Summary]
"""A summary for each routine's value and gradient, or for each way and kind of a table's results.

All that speak of a range speak of the same one.
"""


def histogram_of(error: np.ndarray) -> np.ndarray:
    """How many errors fall into each bin of `EDGES` and beyond."""
    beyond = [error.size]
    for edge in EDGES:  # most errors are small, and few edges are asked about; a NaN lies beyond all
        beyond.append(error.size - int(np.count_nonzero(error <= edge)) if beyond[-1] else 0)
    return -np.diff([*beyond, 0])


def summary_of(
    start: int,
    stop: int,
    line: int,
    points: np.ndarray,
    fates: np.ndarray,
    error: np.ndarray,
    spent: np.ndarray | None,
) -> Summary:
    """Of those of the points start to stop that `points` names, increasing; `fates` are numbers.

    The others are known to be within: count them by `tallied`, and merge.
    """
    judged = ~np.isin(fates, (Fate.INVALID, Fate.UNRESOLVED))
    return Summary(
        tuple(np.bincount(fates, minlength=len(Fate)).tolist()),
        tuple(histogram_of(error[judged]).tolist()),
        _largest(error[judged], points[judged]),
        None if spent is None else _largest(spent[judged], points[judged]),
        (_stretch(start, stop, line, fates, points),),
    )


def clear(start: int, stop: int, line: int) -> Summary:
    """Of the points start to stop where none fails: count them by `tallied` or `counted`, and merge."""
    return replace(EMPTY, stretches=(Stretch(start, stop, line, 0, (), None),))


def tallied(histogram: np.ndarray, error: Worst, spent: Worst | None) -> Summary:
    """Of points within their budget, of which only the histogram and the largest figures are known.

    It speaks of no range: merge it with the summary of the range in which they lie.
    """
    within = counted({Fate.WITHIN: int(histogram.sum())})
    return replace(within, histogram=tuple(histogram.tolist()), error=error, spent=spent)


def counted(fates: Mapping[Fate, int]) -> Summary:
    """Of points of which only the fates are known; like `tallied` it speaks of no range."""
    return replace(EMPTY, fates=tuple(fates.get(fate, 0) for fate in sorted(Fate)))


def _largest(figures: np.ndarray, numbers: np.ndarray) -> Worst | None:
    if not figures.size:
        return None
    known = np.nan_to_num(figures, nan=np.inf, posinf=np.inf)
    at = int(np.argmax(known))
    return Worst(float(known[at]), int(numbers[at]))


def _stretch(start: int, stop: int, line: int, fates: np.ndarray, numbers: np.ndarray) -> Stretch:
    failing = np.flatnonzero(fates >= Fate.OVER)
    where, fate = numbers[failing], fates[failing]
    begins = np.ones(len(failing), dtype=bool)
    begins[1:] = (np.diff(where) != 1) | (np.diff(fate) != 0) | (where[1:] % line == 0)
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(failing)) - 1

    def region(i: int) -> Region:
        return Region(int(where[firsts[i]]), int(where[lasts[i]]), Fate(int(fate[firsts[i]])))

    kept = tuple(region(i) for i in range(min(len(firsts), MOST_REGIONS)))
    return Stretch(start, stop, line, len(firsts), kept, region(-1) if len(firsts) else None)


def merged(one: Summary, other: Summary) -> Summary:
    """Of the points of both, which have none in common: associative and commutative, to the last bit."""
    return Summary(
        tuple(a + b for a, b in zip(one.fates, other.fates, strict=True)),
        tuple(a + b for a, b in zip(one.histogram, other.histogram, strict=True)),
        _worse(one.error, other.error),
        _worse(one.spent, other.spent),
        _joined([*one.stretches, *other.stretches]),
    )


def added(state: State, more: State) -> State:
    """A state with what is summed up of further points; either may lack what the other has."""
    return {**state, **{key: merged(state.get(key, EMPTY), part) for key, part in more.items()}}


def _worse(one: Worst | None, other: Worst | None) -> Worst | None:
    if one is None or other is None:
        return one or other
    # the first of equal ones, so that no order of merging tells
    return max(one, other, key=lambda worst: (worst.figure, -worst.point))


def _joined(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda one: one.start):
        if joined and joined[-1].stop > stretch.start:
            raise ValueError(f"points {stretch.start} to {joined[-1].stop} are in both summaries")
        if joined and joined[-1].stop == stretch.start:
            stretch = _continued(joined.pop(), stretch)
        joined.append(stretch)
    return tuple(joined)


def _continued(before: Stretch, after: Stretch) -> Stretch:
    """Two stretches that touch as one; a region that ends where the other begins is one region."""
    first, last, rest = before.last, after.last, after.regions
    kept, count = before.regions, before.count + after.count
    touching = first is not None and bool(rest) and first.last + 1 == rest[0].first
    # a new line begins a new region
    if first is not None and touching and first.fate == rest[0].fate and rest[0].first % before.line:
        first, rest, count = Region(first.first, rest[0].last, first.fate), rest[1:], count - 1
        if before.count <= MOST_REGIONS:  # its last region is among those that it kept
            kept = (*kept[:-1], first)
        last = first if after.count == 1 else last
    # What both have kept suffices: of each, the first regions in order.
    room = MOST_REGIONS - len(kept)
    return Stretch(before.start, after.stop, before.line, count, (*kept, *rest[:room]), last or first)


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary in plain values, from which `from_json` makes an equal one."""
    return vars(summary) | {"stretches": [vars(stretch) for stretch in summary.stretches]}


def from_json(told: Mapping[str, Any]) -> Summary:
    """The summary that `as_json` wrote."""

    def region(part: list[int]) -> Region:
        return Region(part[0], part[1], Fate(part[2]))

    def worst(pair: list[Any] | None) -> Worst | None:
        return None if pair is None else Worst(float(pair[0]), pair[1])

    def stretch(one: dict[str, Any]) -> Stretch:
        last = None if one["last"] is None else region(one["last"])
        regions = tuple(map(region, one["regions"]))
        return Stretch(one["start"], one["stop"], one["line"], one["count"], regions, last)

    return Summary(
        tuple(told["fates"]),
        tuple(told["histogram"]),
        worst(told["error"]),
        worst(told["spent"]),
        tuple(map(stretch, told["stretches"])),
    )


def ranges_left(summary: Summary, chunks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The chunks that the summary's stretches do not hold yet."""
    done = summary.stretches
    return [chunk for chunk in chunks if not any(one.start <= chunk[0] < one.stop for one in done)]
