"""Probabilities that sum to one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, check_sizes, known_size, no_list
from numcheck.domain.meetings import Meeting, Meetings, a_part_off, the_same
from numcheck.domain.moves import shorter_versions
from numcheck.domain.numbers import Doubles, Mask, all_within, parse_numbers, rounded
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


@final
@dataclass(frozen=True)
class Simplex:
    """Several numbers of the format, none negative, whose sum is one; a column has shape (N, size).

    Dyadic ones sum to one exactly. The others are rounded entry by entry, so that their sum differs from one
    by at most the unit roundoff plus, for each entry, the smallest subnormal.
    """

    sizes: tuple[int, ...] = (2, 3, 8)

    discrete = False
    measures = ()
    differentiable = True
    scalable = False
    enumerated = staticmethod(no_list)
    parse = staticmethod(parse_numbers)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        check_sizes("simplex", self.sizes, 1)

    def describe(self) -> str:
        return f"{', '.join(map(str, self.sizes))} probabilities that sum to one"

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        """Entries from 0 to 1 whose sum misses one by no more than rounding does to it."""
        # Beside what the class promises, the sums here and in `sweep` and `sample` are those of doubles.
        slack = format.unit_roundoff + column.shape[1] * (format.smallest_subnormal + 2.0**-52)
        sums_to_one = ((column.double().sum(1) - 1).abs() <= slack).numpy()
        return sums_to_one & all_within(format.to_ordinals(column), 0, format.ordinal_of(1.0))

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """One-hot, uniform, halves, a dyadic cascade, tiny entries; each rotated to every position."""
        n = known_size("simplex", size)
        tiny, u = format.smallest_subnormal, format.unit_roundoff
        rows = [[1.0] + [0.0] * (n - 1), [1 / n] * n]
        if n > 1:
            rest = [0.0] * (n - 2)
            rows += [[0.5, 0.5, *rest], [1 - u, u, *rest], [1.0, tiny, *rest], [1.0] + [tiny] * (n - 1)]
            rows += [[1.0, min(format.smallest_normal, u / n), *rest]]
            rows += [[2.0**-k for k in range(1, n)] + [2.0 ** (1 - n)]]
        unlike = dict.fromkeys(tuple(np.roll(row, by)) for row in rows for by in range(n))
        return rounded(list(unlike), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Entries with logarithms uniform over the magnitudes below one, before they are normalised."""
        shape = (count, known_size("simplex", size))
        # A reach for each row: else one entry would nearly always be one, and the others nothing.
        reach = math.log(format.smallest_subnormal) * rng.random((count, 1))
        return _normalised(np.exp(reach * rng.random(shape)), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Softmax outputs of normal logits, some with entries masked to exactly zero."""
        shape = (count, known_size("simplex", size))
        scale = rng.choice([0.1, 1.0, 5.0, 20.0], size=(count, 1))
        weights = np.exp(np.clip(scale * rng.standard_normal(shape), -300, 300))
        masked = (rng.random(shape) < 0.3) & (rng.random((count, 1)) < 0.2)
        masked[:, 0] &= ~masked.all(axis=1)
        return _normalised(np.where(masked, 0.0, weights), format)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Shares that are equal or close; one ulp apart they would no longer sum to one."""

        def close(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            return _normalised(a_part_off(leading, own, format, rng).double().numpy(), format)

        def a_corner(
            leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator
        ) -> torch.Tensor:
            corners = self.corners(format, size, rng)
            return corners[torch.from_numpy(rng.integers(0, len(corners), size=len(own)))]

        follows = {"equal": the_same, "close": close, "one special": a_corner}
        return {name: Meeting(follow=follow) for name, follow in follows.items()}

    def shortenings(self, column: torch.Tensor, format: Format) -> torch.Tensor:
        """Shares rounded to a few bits, also with the largest as what the others leave of one."""
        x = column.double().numpy()
        versions = shorter_versions(column)
        versions += [np.round(x * 2.0**bits) * 2.0**-bits for bits in range(1, 7)]
        largest = int(x[0].argmax())
        versions += [row for shares in versions for row in _completed(shares[0], largest, format)]
        return format.round(torch.from_numpy(np.concatenate(versions)))

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Shares n / 2**k that sum to one exactly; a small k is simple."""
        from hypothesis import strategies as st

        length = known_size("simplex", size)

        @st.composite
        def shares(draw: "DrawFn") -> list[float]:
            bits = draw(st.integers(0, format.precision - 1))
            left, parts = 1 << bits, list[int]()
            for _ in range(length - 1):
                parts.append(draw(st.integers(0, left)))
                left -= parts[-1]
            return [math.ldexp(part, -bits) for part in (left, *parts)]

        return shares()


def simplex(sizes: Iterable[int] = (2, 3, 8)) -> Simplex:
    """Probabilities: numbers from 0 to 1 whose sum is one."""
    return Simplex(as_tuple("simplex", "sizes", sizes))


def _normalised(weights: Doubles, format: Format) -> torch.Tensor:
    return format.round(torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)))


def _completed(shares: Doubles, place: int, format: Format) -> list[Doubles]:
    """The row of shares that the entry at this place brings to a sum of one; none where the format has no such."""
    others = np.delete(shares, place).tolist()
    left = math.fsum([1.0, *(-share for share in others)])
    exact = math.fsum([left, *others, -1.0]) == 0
    exact &= float(format.round(torch.tensor(left, dtype=torch.float64))) == left
    return [np.insert(others, place, left)[None]] if exact else []
