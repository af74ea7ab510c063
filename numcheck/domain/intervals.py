"""An interval of reals as a format has it: the ordinals between two bounds, and what is drawn from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.meetings import BETWEEN, ENTRIES, Meeting, Meetings, around, chosen
from numcheck.domain.numbers import (
    Doubles,
    Ints,
    Mask,
    all_within,
    nearest,
    nearest_ordinals,
    stratified,
    values_at,
)
from numcheck.formats import Format

if TYPE_CHECKING:  # hypothesis takes longer to import than a check of one formula takes to run
    from hypothesis.strategies import DrawFn, SearchStrategy


def interval_in_words(low: float, high: float, near: Sequence[float]) -> str:
    """`" in [0, 1], near 0.5"`, to follow the name of what lies in it."""
    around = f", near {', '.join(_short(value) for value in near)}" if near else ""
    return f" in [{_short(low)}, {_short(high)}]{around}"


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


@dataclass(frozen=True)
class Interval:
    """The values of a format with ordinals from `first` to `last`, between which lies all that is drawn from them."""

    first: int
    last: int
    near: tuple[float, ...]
    format: Format

    def clipped(self, ordinal: int) -> int:
        """The ordinal, or the end of the interval beyond which it lies."""
        return min(max(ordinal, self.first), self.last)

    def contains(self, column: torch.Tensor) -> Mask:
        """Which rows of values lie in the interval with all their entries."""
        if self.format.bits < 16:  # of which torch compares none
            return all_within(self.format.to_ordinals(column), self.first, self.last)
        inside = (column >= self.format.value_of(self.first)) & (column <= self.format.value_of(self.last))
        if self.first == 0:  # -0 stands below 0
            inside &= ~column.signbit()
        elif self.last == -1:
            inside &= column.signbit()
        return inside.reshape(len(column), -1).all(1).numpy()

    def corners(self) -> Ints:
        """Increasing ordinals at which code breaks: zeros, bounds, `near`, format's ends, powers of two, neighbours."""
        format = self.format
        largest, p = format.largest, format.precision
        exponents = {*range(-3, 4), -1 - p, -p, 1 - p, -(p // 2), p // 2, p - 1, p, p + 1}
        exponents |= {format.min_exponent // 2, format.min_exponent}
        exponents |= {(format.max_exponent + 1) // 2, format.max_exponent}
        exponents |= {math.frexp(end)[1] - k for end in self.finite_ends() if end != 0 for k in (0, 1, 2, 3)}
        marks = [(0.0, 3), (1.0, 1), (format.smallest_normal, 1), (largest, 1)]
        # exp leaves the format's range beyond the first, and its normal and subnormal numbers below the others.
        extremes = (largest, format.smallest_normal, format.smallest_subnormal)
        marks += [(nearest(abs(math.log(extreme)), format), 1) for extreme in extremes]
        marks += [(2.0**e, 0) for e in exponents if format.min_exponent - p < e <= format.max_exponent]
        places = [(format.ordinal_of(sign * value), reach) for value, reach in marks for sign in (1, -1)]
        places += [(place, 3) for place in (self.first, self.last, *nearest_ordinals(self.near, format))]
        wanted = {place + step for place, reach in places for step in range(-reach, reach + 1)}
        return np.array(sorted(place for place in wanted if place == self.clipped(place)), dtype=np.int64)

    def finite_ends(self) -> tuple[float, float]:
        """The least and the greatest finite value."""
        most = self.format.largest
        least, greatest = (self.format.value_of(end) for end in (self.first, self.last))
        return max(least, -most), min(greatest, most)

    def grid(self, count: int) -> tuple[int, ...]:
        """So many ordinals of the interval, evenly spaced, beside its ends and corners; increasing."""
        low, high = self.first, self.last
        steps = min(count - 1, high - low)
        even = {low + (high - low) * i // max(steps, 1) for i in range(steps + 1)}
        return tuple(sorted(even | set(self.corners().tolist())))

    def sweep(self, count: int, rng: Generator) -> Ints:
        """One ordinal from each of `count` equal stretches of the interval, shuffled."""
        return stratified(self.first, self.last, count, rng)

    def sample(self, shape: tuple[int, ...], rng: Generator) -> torch.Tensor:
        """Finite values as data have them; each row along the first axis is of one sort.

        Standard normal, normal as wide as the domain, log-normal, or a large offset (of the row) with a small
        spread. What would fall outside is drawn uniformly instead, so that the bounds collect no points.
        """
        format, (least, top) = self.format, self.finite_ends()
        of_row = (shape[0],) + (1,) * (len(shape) - 1)
        _, centre = self._reach_and_centre()
        normal = rng.standard_normal(shape)
        sign, row_sign = (
            np.where(least >= 0, 1.0, np.where(top <= 0, -1.0, rng.choice([-1.0, 1.0], size=of)))
            for of in (shape, of_row)
        )
        standard = normal if least < 0 < top else sign * np.abs(normal)
        # Halved before they are added: the width of a whole format overflows.
        middle, half = least / 2 + top / 2, top / 2 - least / 2
        wide = (
            middle + half / 3 * normal if half < 1e6 else standard * 10.0 ** rng.integers(0, 6, size=of_row)
        )
        with np.errstate(over="ignore"):  # what is beyond the interval is drawn again, below
            lognormal = sign * centre * np.exp(np.clip(2.5 * normal, -80, 80))
        offset = self._offsets(row_sign, rng)
        spread = offset * (1 + normal * 2.0 ** -rng.integers(2, format.precision, size=of_row, endpoint=True))

        sort = rng.integers(0, 4, size=of_row)
        values = np.choose(sort, [np.broadcast_to(v, shape) for v in (standard, wide, lognormal, spread)])
        where = rng.random(shape)
        uniform = least * (1 - where) + top * where
        values = np.clip(np.where((values < least) | (values > top), uniform, values), least, top)
        ordinals = format.to_ordinals(format.round(torch.from_numpy(values)))
        return format.from_ordinals(ordinals.clamp(format.ordinal_of(least), format.ordinal_of(top)))

    def _offsets(self, sign: Doubles, rng: Generator) -> Doubles:
        """Powers of two from one (or what is nearest to it) towards the ends, as far as a sum still sees one."""
        reach, centre = self._reach_and_centre()
        octaves = min(max(math.log2(reach / centre) if reach > 0 else 0.0, 0.0), self.format.precision + 2.0)
        offset = sign * centre * 2.0 ** rng.integers(0, int(octaves), size=sign.shape, endpoint=True)
        return np.where(np.abs(offset) >= reach, sign * reach / 2, offset)

    def _reach_and_centre(self) -> tuple[float, float]:
        """The largest finite magnitude, and of all the one nearest to one."""
        least, top = self.finite_ends()
        reach = max(abs(least), abs(top))
        floor = max(min(abs(least), abs(top)) if least * top > 0 else 0.0, self.format.smallest_subnormal)
        return reach, min(max(1.0, floor), reach) if reach > 0 else 1.0

    def far(self, own: torch.Tensor, rng: Generator) -> torch.Tensor:
        """Values around one far from zero, which is the point's, spread by a part of it."""
        of_row = (len(own), *(1,) * (own.ndim - 1))
        least, top = self.finite_ends()
        sign = np.where(least >= 0, 1.0, np.where(top <= 0, -1.0, rng.choice([-1.0, 1.0], size=of_row)))
        offset = np.clip(self._offsets(sign, rng), least, top)
        parts = np.ldexp(rng.standard_normal(own.shape), -rng.integers(2, self.format.precision, size=of_row))
        return self.format.round(torch.from_numpy(np.clip(offset * (1 + parts), least, top)))

    def special(self, own: torch.Tensor, rng: Generator) -> torch.Tensor:
        """For each point one of the values that stand out, in turn: bounds, zeros, ones, `near`, the format's ends."""
        format = self.format
        marks = [0.0, 1.0, format.largest, format.smallest_normal, format.smallest_subnormal, math.inf]
        places = {format.ordinal_of(sign * mark) for mark in marks for sign in (1, -1)}
        places |= {self.first, self.last, *nearest_ordinals(self.near, format)}
        inside = np.array(sorted(place for place in places if place == self.clipped(place)), dtype=np.int64)
        taken = np.resize(rng.permutation(inside), (len(own), *(1,) * (own.ndim - 1)))
        return values_at(np.broadcast_to(taken, own.shape).copy(), format)

    def between(self) -> Meetings:
        """How numbers of this interval stand to those of another input."""
        return {
            **BETWEEN,
            "far offset": Meeting(lambda own, format, rng: self.far(own, rng), around),
            "one special": Meeting(follow=lambda leading, own, format, rng: self.special(own, rng)),
        }

    def entries(self) -> Meetings:
        """How several numbers of this interval stand to each other."""

        def one_special(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            special = self.special(own, rng).double()
            return format.round(torch.where(chosen(own, 1, rng), special, own.double()))

        return {
            **ENTRIES,
            "entries far": Meeting(lambda own, format, rng: self.far(own, rng)),
            "one entry special": Meeting(one_special),
        }

    def strategy(self) -> "SearchStrategy[float]":
        """Values: those with few significand bits first, then those nearest to 1.

        First a sort of value is drawn: zero; a stretch of magnitudes of one sign, around one, wherever the domain
        reaches, or at its far end; some ulps away from a `near` point; minus zero or infinity. Then a number of
        significand bits, a binade, and a place in it that is rounded to so many bits. So when hypothesis lowers the
        number of bits the value hardly moves and keeps failing, and then the binade walks towards that of one. Every
        sort draws the same choices, needed or not: else hypothesis could not leave a sort for a simpler one.
        """
        from hypothesis import strategies as st

        format, p = self.format, self.format.precision
        hidden = 1 << (p - 1)
        one = format.ordinal_of(1.0) // hidden
        lengths = [*(bits for bits in (1, 2, 3, 4, 6, 8, 11, 16, 24, 32) if bits < p), p]
        # hypothesis draws evenly from short ranges but mostly small numbers from long ones, so it gets short ones.
        rest = max(p - 1 - 16, 0)
        regions = self._regions()
        zero, minus_zero = format.ordinal_of(0.0), format.ordinal_of(-0.0)
        sorts: list[tuple[str, int, int, int]] = [("exact", 1, zero, zero)]
        # An example that begins near a kink or at infinity seldom finds its way to a simpler sort, so these are few.
        sorts += [("rounded", *region) for region in regions] * 3
        sorts += [("near", 1, place, place) for place in dict.fromkeys(nearest_ordinals(self.near, format))]
        ends = (self.first, self.last)
        others = [minus_zero, *(end for end in ends if not regions or math.isinf(format.value_of(end)))]
        sorts += [("exact", 1, place, place) for place in dict.fromkeys(others) if place != zero]
        sorts = [sort for sort in sorts if sort[0] == "rounded" or sort[2] == self.clipped(sort[2])]

        @st.composite
        def values(draw: "DrawFn") -> float:
            sort, sign, least, greatest = draw(st.sampled_from(sorts))
            bits = draw(st.sampled_from(lengths))
            across = regions[0][1:] if regions and sort != "rounded" else (least, greatest)
            binade = one + draw(st.integers(across[0] // hidden - one, across[1] // hidden - one))
            leading = draw(st.integers(0, (1 << (p - 1 - rest)) - 1))
            place = leading << rest | draw(st.integers(0, (1 << rest) - 1))
            steps = draw(st.integers(-8, 8))
            if sort == "exact":
                return format.value_of(least)
            if sort == "near":
                return format.value_of(self.clipped(least + steps))
            # Ends of the stretch that lie within a binade cut it short.
            start, stop = max(binade * hidden, least), min(binade * hidden + hidden - 1, greatest)
            magnitude = start + place * (stop - start + 1) // hidden
            # A normal magnitude has p significand bits; a subnormal one has only its own.
            grain = 1 << max((p if magnitude >= hidden else magnitude.bit_length()) - bits, 0)
            # Upwards, so that what lies just above a limit stays above it however few bits it is given.
            below = magnitude // grain * grain
            above = below + grain if below < magnitude else below
            for shortened in (above, below):
                if least <= shortened <= greatest:
                    return sign * format.value_of(shortened)
            return sign * format.value_of(magnitude)

        return values()

    def _regions(self) -> list[tuple[int, int, int]]:
        """Sign, least and greatest finite magnitude: around one, everywhere, and in the last two binades."""
        format, minus = self.format, self.format.has_negative_zero
        most = format.ordinal_of(format.largest)
        signed = [(1, max(self.first, 1), min(self.last, most))]
        signed += [(-1, max(-self.last - minus, 1), min(-self.first - minus, most))]
        low, high = nearest_ordinals((2.0**-5, 2.0**8), format)
        middling = [(sign, max(least, low), min(greatest, high)) for sign, least, greatest in signed]
        two_binades = 2 << (format.precision - 1)
        far = [(sign, max(least, greatest - two_binades), greatest) for sign, least, greatest in signed]
        return [region for region in (*middling, *signed, *far) if region[1] <= region[2]]


def interval_of(kind: str, low: float, high: float, near: tuple[float, ...], format: Format) -> Interval:
    """[low, high] in a format: bounds between two of its values move inwards."""
    least, most = nearest(low, format), nearest(high, format)
    first, last = format.ordinal_of(least) + (least < low), format.ordinal_of(most) - (most > high)
    if first > last:
        raise ValueError(f"{kind}({low}, {high}) holds no value of {format.name}: write wider bounds")
    return Interval(first, last, near, format)
