"""Directions: vectors of length one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, check_sizes, known_size, no_list
from numcheck.domain.measures import Measure
from numcheck.domain.meetings import Follow, Meeting, Meetings, a_part_off, opposite, some_ulps_off, the_same
from numcheck.domain.moves import shorter_versions
from numcheck.domain.numbers import Doubles, Mask, parse_numbers, rounded
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@final
@dataclass(frozen=True)
class UnitVector:
    """Several numbers of the format whose squares sum to one; a column has shape (N, size).

    Axes have length one exactly. The others are rounded entry by entry, so that their length misses one by a few units
    of roundoff: a routine that must not assume more is judged at them as they are.
    """

    sizes: tuple[int, ...] = (2, 3, 4)

    discrete = False
    differentiable = True
    scalable = False
    enumerated = staticmethod(no_list)
    parse = staticmethod(parse_numbers)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        check_sizes("unit_vector", self.sizes, 1)

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (Measure("angle between {} and {}", _angle, "{} = {}", inputs=2),)

    def describe(self) -> str:
        return f"a unit vector of {', '.join(map(str, self.sizes))} reals"

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        """Rows whose length misses one by no more than a few roundings of their entries do to it."""
        wide = column.double()
        slack = 8 * format.unit_roundoff + column.shape[1] * (2.0**-52 + format.smallest_subnormal)
        return ((wide.square().sum(1) - 1).abs() <= 2 * slack).numpy()

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Axes either way, diagonals, Pythagorean pairs, and what is nearly an axis, down to a subnormal off."""
        n = known_size("unit_vector", size)
        rows = [*np.eye(n), *-np.eye(n), np.ones(n), -np.ones(n), np.where(np.arange(n) % 2, -1.0, 1.0)]
        p = format.precision
        off = [2.0**-k for k in (1, p // 2, p - 1, p, p + 1)] + [
            format.smallest_normal,
            format.smallest_subnormal,
        ]
        for axis, small in product(range(n), off if n > 1 else []):
            rows += [np.where(np.arange(n) == axis, 1.0, small), np.where(np.arange(n) == axis, -1.0, 0.0)]
            rows[-1][(axis + 1) % n] = small
        if n > 1:
            rows += [np.roll([3.0, 4.0, *[0.0] * (n - 2)], by) for by in range(n)]
            rows += [np.roll([5.0, -12.0, *[0.0] * (n - 2)], by) for by in range(n)]
        return format.from_ordinals(
            torch.unique(format.to_ordinals(_normalised(np.array(rows), format)), dim=0)
        )

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Entries with logarithms uniform over the magnitudes below one, before they are normalised."""
        shape = (count, known_size("unit_vector", size))
        reach = math.log(format.smallest_subnormal) * rng.random((count, 1))
        signs = rng.choice([-1.0, 1.0], size=shape)
        return _normalised(signs * np.exp(reach * rng.random(shape)), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Directions that are uniform on the sphere."""
        return _normalised(rng.standard_normal((count, known_size("unit_vector", size))), format)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, opposite, one ulp or a part of themselves apart, and at a right angle."""

        def again(follow: Follow) -> Follow:
            def normalised(
                leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator
            ) -> torch.Tensor:
                return _normalised(follow(leading, own, format, rng).double().numpy(), format)

            return normalised

        def turned(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            return opposite(a_part_off(leading, own, format, rng), own, format, rng)

        def upright(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            one, other = leading.double(), own.double()
            along = (one * other).sum(1, keepdim=True) / one.square().sum(1, keepdim=True)
            return _normalised((other - along * one).numpy(), format)

        follows: dict[str, Follow] = {
            "equal": the_same,
            "opposite": opposite,
            "ulps apart": some_ulps_off,
            "close": again(a_part_off),
            "nearly opposite": again(turned),
            "upright": upright,
        }
        return {name: Meeting(follow=follow) for name, follow in follows.items()}

    def shortenings(self, column: torch.Tensor, format: Format) -> torch.Tensor:
        """Directions through few digits, and those with entries left out."""
        versions = np.concatenate(shorter_versions(column))
        kept = versions[(versions != 0).any(axis=1)]
        left_out = [
            np.where(np.arange(kept.shape[1]) == place, 0.0, kept[:1]) for place in range(kept.shape[1])
        ]
        rows = np.concatenate([kept, *left_out])
        rows = _normalised(rows[(rows != 0).any(axis=1)], format)
        return torch.cat([column, rows])

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Directions through small integers; the first axis is the simplest."""
        from hypothesis import strategies as st

        n = known_size("unit_vector", size)
        steps = st.lists(st.integers(-8, 8), min_size=n - 1, max_size=n - 1)
        firsts = st.sampled_from([1, 2, 3, 8, -1, -8])

        def direction(first: int, others: list[int], flat: int) -> list[float]:
            row = np.array([[first, *(other * 2.0**-flat for other in others)]])
            return _normalised(row, format).double()[0].tolist()

        flats = st.sampled_from([0, 4, format.precision // 2, format.precision])
        axes = st.integers(0, n - 1)
        return st.builds(
            lambda row, by: row[-by:] + row[:-by], st.builds(direction, firsts, steps, flats), axes
        )


def unit_vector(sizes: Iterable[int] = (2, 3, 4)) -> UnitVector:
    """A direction: several reals whose squares sum to one, as far as the format has such; size 4 is a quaternion."""
    return UnitVector(as_tuple("unit_vector", "sizes", sizes))


def _angle(column: torch.Tensor, other: torch.Tensor) -> Doubles:
    """In radians, to full accuracy where it is small or near to pi."""
    a, b = column.double().numpy(), other.double().numpy()
    return 2 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))


def _normalised(rows: Doubles, format: Format) -> torch.Tensor:
    """Rows of length one, those of zeros along the first axis; in two steps, for squares of small entries vanish."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows = np.where(largest > 0, rows, np.arange(rows.shape[1]) == 0) / np.where(largest > 0, largest, 1.0)
    return format.round(torch.from_numpy(rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))))
