"""Class labels, one for each row of the ragged inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.integer import whole_numbers
from numcheck.domain.integers import entries_of_integers, of_rows, parse_integers
from numcheck.domain.kinds import as_tuple, check_sizes, known_size
from numcheck.domain.meetings import Meeting, Meetings, the_same
from numcheck.domain.numbers import Mask
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@final
@dataclass(frozen=True)
class Labels:
    """Several labels in [0, classes), or `ignored` where that is given; a column is int64 with shape (N, size).

    A formula picks by one what belongs to its class, `scores[i][labels[i]]`, once it has put a class in the place of an
    ignored one: `m.where(labels[i] == -100, 0, labels[i])`.
    """

    classes: int
    sizes: tuple[int, ...] = (2, 3, 8)
    ignored: int | None = None

    discrete = False
    measures = ()
    differentiable = False
    parse = staticmethod(parse_integers)
    column = staticmethod(whole_numbers)

    def __post_init__(self) -> None:
        check_sizes("labels", self.sizes, 1)
        if type(self.classes) is not int or self.classes < 1:
            raise ValueError(
                f"labels(classes={self.classes!r}): write how many classes there are, such as classes=3"
            )
        if self.ignored is not None and (type(self.ignored) is not int or 0 <= self.ignored < self.classes):
            raise ValueError(
                f"labels(ignored={self.ignored!r}): write an int that is no class, such as ignored=-100"
            )

    @property
    def values(self) -> tuple[int, ...]:
        """All that a label may be, the ignored one last."""
        return (*range(self.classes), *(() if self.ignored is None else (self.ignored,)))

    def describe(self) -> str:
        ignored = "" if self.ignored is None else f" or {self.ignored}"
        return f"{', '.join(map(str, self.sizes))} labels from 0 to {self.classes - 1}{ignored}"

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return torch.isin(column, torch.tensor(self.values)).all(1).numpy()

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Every label everywhere, labels in turn, and the ignored one alone, in one place, and in all but one."""
        n = known_size("labels", size)
        rows = [[value] * n for value in self.values]
        rows += [[(i + start) % self.classes for i in range(n)] for start in (0, self.classes - 1)]
        if self.ignored is not None:
            for place in range(n):
                rows += [[self.ignored if i == place else i % self.classes for i in range(n)]]
                rows += [[i % self.classes if i == place else self.ignored for i in range(n)]]
        return whole_numbers(list(dict.fromkeys(map(tuple, rows))), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Labels that are drawn evenly, the ignored one as any other."""
        return torch.from_numpy(rng.choice(np.array(self.values), size=(count, known_size("labels", size))))

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Labels of which a few are ignored."""
        shape = (count, known_size("labels", size))
        labels = rng.integers(0, self.classes, size=shape)
        if self.ignored is not None:
            labels = np.where(
                rng.random(shape) < rng.choice([0.0, 0.2, 0.8], size=(count, 1)), self.ignored, labels
            )
        return torch.from_numpy(labels)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, or one at a corner; and the labels of one equal."""
        corner = of_rows(self.corners(format, size, np.random.default_rng(0)))
        between = {"equal": Meeting(follow=the_same), "one special": Meeting(follow=corner)}
        return {**between, **(entries_of_integers() if known_size("labels", size) > 1 else {})}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[int]]":
        """Lists of labels, the least first, the ignored one last."""
        from hypothesis import strategies as st

        n = known_size("labels", size)
        return st.lists(st.sampled_from(self.values), min_size=n, max_size=n)


def labels(classes: int, sizes: Iterable[int] = (2, 3, 8), ignored: int | None = None) -> Labels:
    """Labels from 0 to `classes` - 1, one for each row of the ragged inputs, or `ignored`, such as -100."""
    return Labels(classes, as_tuple("labels", "sizes", sizes), ignored)
