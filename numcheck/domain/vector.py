"""Several real numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.intervals import Interval, interval_in_words, interval_of
from numcheck.domain.kinds import as_tuple, check_interval, check_sizes, known_size, no_list
from numcheck.domain.meetings import Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Mask, nearest_ordinals, parse_numbers, rounded, values_at
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@final
@dataclass(frozen=True)
class Vector:
    """Several numbers of the format in [low, high]; a column has shape (N, size)."""

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
        check_interval("vector", self.low, self.high, self.near)
        check_sizes("vector", self.sizes, 1)

    def describe(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        return f"a vector of {sizes} reals" + interval_in_words(self.low, self.high, self.near)

    def interval(self, format: Format) -> Interval:
        """Where an entry lies, as the format has it."""
        return interval_of("vector", self.low, self.high, self.near, format)

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return self.interval(format).contains(column)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """All equal, one huge, one tiny, extremes, ties, offsets with a small spread; each scalar corner."""
        entries = self.interval(format)
        n = known_size("vector", size)
        rows = np.clip(np.array(_patterns(entries, n), dtype=np.int64), entries.first, entries.last)
        # Each scalar corner once, in turn at every position, among ordinary numbers.
        single = entries.corners()
        usual = format.to_ordinals(entries.sample((len(single), n), rng)).numpy().copy()
        usual[np.arange(len(single)), np.arange(len(single)) % n] = single
        return values_at(np.unique(np.concatenate([rows, usual]), axis=0), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Entries that are ordinal-uniform each for itself."""
        entry = self.interval(format)
        axes = [entry.sweep(count, rng) for _ in range(known_size("vector", size))]
        return values_at(np.stack(axes, axis=1), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        return self.interval(format).sample((count, known_size("vector", size)), rng)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        entries = self.interval(format)
        alone = entries.entries() if known_size("vector", size) > 1 else {}
        return {**entries.between(), **alone}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Lists of unlike entries, and of entries a few ulps apart; see `Interval.strategy`."""
        from hypothesis import strategies as st

        interval, length = self.interval(format), known_size("vector", size)
        entries = st.lists(interval.strategy(), min_size=length, max_size=length)
        steps = st.lists(st.integers(-8, 8), min_size=length, max_size=length)

        def row(alike: bool, entries: list[float], steps: list[int]) -> list[float]:
            if not alike:
                return entries
            middle = format.ordinal_of(entries[0])
            return [format.value_of(interval.clipped(middle + step)) for step in steps]

        return st.builds(row, st.booleans(), entries, steps)


def vector(low: float, high: float, sizes: Iterable[int] = (2, 3, 8), near: Iterable[float] = ()) -> Vector:
    """Several reals in [low, high], as many as each of `sizes` says."""
    return Vector(low, high, as_tuple("vector", "sizes", sizes), as_tuple("vector", "near", near))


def _patterns(entries: Interval, n: int) -> list[list[int]]:
    """Rows of ordinals in which the entries matter to one another; some lie outside and are to be clipped."""
    format, low, high = entries.format, entries.first, entries.last
    repeated = [0.0, 1.0, format.largest, format.smallest_normal, format.smallest_subnormal, math.inf]
    wanted = {format.ordinal_of(sign * value) for value in repeated for sign in (1, -1)} | {low, high}
    core = sorted(ordinal for ordinal in wanted if low <= ordinal <= high)
    finite = [ordinal for ordinal in core if math.isfinite(format.value_of(ordinal))] or core
    least, most = min(finite), max(finite)
    plain, small = entries.clipped(format.ordinal_of(1.0)), entries.clipped(0)
    middle, last = n // 2, n - 1

    rows = [[value] * n for value in core]
    for value in (least, most, low, high):  # one huge, beside zeros and beside ones; the others infinite
        rows += [[value] + [small] * last, [plain] * last + [value]]
        rows += [[plain if i == middle else value for i in range(n)]]
    for value in finite:  # one tiny beside ones is among these, and so is a tie of all but one at the maximum
        rows += [[plain] * last + [value], [value] * last + [value - 1]]
    for value in (plain, most):  # a tie of two at the maximum
        rows += [[value if i in (0, last) else small for i in range(n)]]
    for even, odd in ((most, least), (least, most), (small, low)):
        rows += [[odd if i % 2 else even for i in range(n)]]
    p = format.precision
    reach = max(abs(format.value_of(end)) for end in finite)
    octaves = (p // 2, p - 1, p, math.frexp(reach)[1] - 2)  # the last is within the domain if it is near zero
    sizes = [2.0**k for k in dict.fromkeys(octaves) if k < format.max_exponent]
    both = [nearest_ordinals((size, -size), format) for size in sizes]
    offsets = [pair for ends in both for pair in permutations(ends) if low <= pair[0] <= high]
    for place in (*(place for place, _ in offsets), most, least):
        rows += [[place + i for i in range(n)], [place - 3 * i for i in range(n)]]
    for place, other in offsets:  # sums that cancel
        rows += [[place, other, *[plain] * n][:n]]
    return rows
