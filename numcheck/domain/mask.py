"""Which entries of the ragged inputs count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, check_sizes, known_size
from numcheck.domain.meetings import Follow, Lead, Meeting, Meetings, chosen, the_same
from numcheck.domain.numbers import Mask as Rows
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@final
@dataclass(frozen=True)
class Mask:
    """For each entry of the ragged inputs whether it counts; a column is bool with shape (N, size).

    A formula sees ones and zeros: `m.sum(x * mask)`, `m.where(mask == 1, x, 0)`.
    """

    sizes: tuple[int, ...] = (2, 3, 8)

    discrete = False
    measures = ()
    differentiable = False

    def __post_init__(self) -> None:
        check_sizes("mask", self.sizes, 1)

    def describe(self) -> str:
        return f"a mask of {', '.join(map(str, self.sizes))} entries"

    def parse(self, text: str, format: Format) -> list[bool]:
        """Ones and zeros with commas between them, such as 1,0,1."""
        words = [word.strip() for word in text.split(",")]
        if any(word not in ("0", "1") for word in words):
            raise ValueError(
                f"write ones and zeros with commas between them, such as 1,0,1, instead of {text!r}"
            )
        return [word == "1" for word in words]

    def column(self, values: Sequence[Any], format: Format) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.bool)

    def contains(self, column: torch.Tensor, format: Format) -> Rows:
        """All: there is nothing else."""
        return np.ones(len(column), dtype=np.bool_)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """All, none, every single one, all but every single one, the first ones, and every other."""
        n = known_size("mask", size)
        one = np.eye(n, dtype=np.bool_)
        every_other = np.arange(n) % 2 == 0
        rows = [np.ones((1, n), np.bool_), np.zeros((1, n), np.bool_), one, ~one, np.tri(n, dtype=np.bool_)]
        return torch.from_numpy(
            np.unique(np.concatenate([*rows, every_other[None], ~every_other[None]]), axis=0)
        )

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Each entry one way or the other, all masks being as likely."""
        return torch.from_numpy(rng.random((count, known_size("mask", size))) < 0.5)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Nearly all, about half or few entries; or the first ones, as padding leaves them."""
        n = known_size("mask", size)
        some = rng.random((count, n)) < rng.choice([0.1, 0.5, 0.9], size=(count, 1))
        first = np.arange(n) < rng.integers(0, n, size=(count, 1), endpoint=True)
        return torch.from_numpy(np.where(rng.random((count, 1)) < 0.5, some, first))

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """All, none, and all but one; two that are equal, or leave to the other what they lack."""

        def every(counts: bool) -> Lead:
            return lambda own, format, rng: torch.full_like(own, counts)

        def all_but_one(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            return ~chosen(own, 1, rng)

        others: dict[str, Follow] = {
            "equal": the_same,
            "opposite": lambda leading, own, format, rng: ~leading,
        }
        alone = {"all counted": every(True), "none counted": every(False), "one not counted": all_but_one}
        between = {name: Meeting(follow=follow) for name, follow in others.items()}
        return {**between, **{name: Meeting(lead) for name, lead in alone.items()}}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[bool]]":
        """Lists of booleans; all false is the simplest."""
        from hypothesis import strategies as st

        n = known_size("mask", size)
        return st.lists(st.booleans(), min_size=n, max_size=n)


def mask(sizes: Iterable[int] = (2, 3, 8)) -> Mask:
    """Whether each entry of the ragged inputs counts; none and all included."""
    return Mask(as_tuple("mask", "sizes", sizes))
