"""A position along the ragged inputs of a formula."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import torch

from numcheck.domain.integer import parse_integer, whole_numbers
from numcheck.domain.kinds import as_tuple, check_sizes, known_size, one_choice
from numcheck.domain.numbers import Mask
from numcheck.formats import Format


@final
@dataclass(frozen=True)
class Index:
    """A position in [0, size) of the ragged inputs, or one of `extra`; a column is int64 with shape (N,)."""

    sizes: tuple[int, ...]
    extra: tuple[int, ...] = ()

    discrete = True
    differentiable = False
    column = staticmethod(whole_numbers)
    strategy = one_choice

    def __post_init__(self) -> None:
        check_sizes("index", self.sizes, 1)
        if not isinstance(self.extra, tuple) or any(type(n) is not int for n in self.extra):
            raise ValueError(f"index(extra={self.extra!r}): write a tuple of ints such as extra=(-100,)")

    def choices(self, size: int | None) -> tuple[int, ...]:
        return (*range(known_size("index", size)), *self.extra)

    def describe(self) -> str:
        return "an index" + (f", or {', '.join(map(str, self.extra))}" if self.extra else "")

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        return ((column >= 0) | torch.isin(column, torch.tensor(self.extra, dtype=torch.int64))).numpy()

    def parse(self, text: str, format: Format) -> int:
        """An index that counts from zero, or one of `extra`."""
        number = parse_integer(text, format)
        if number < 0 and number not in self.extra:
            allowed = ", or ".join(map(str, ("an index from 0 on", *self.extra)))
            raise ValueError(f"write {allowed} instead of {text!r}")
        return number


def index(sizes: Iterable[int] = (2, 3, 8), extra: Iterable[int] = ()) -> Index:
    """A position along the ragged inputs, or one of `extra`, such as the -100 of an ignored target."""
    return Index(as_tuple("index", "sizes", sizes), as_tuple("index", "extra", extra))
