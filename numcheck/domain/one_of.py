"""One of a few choices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from numcheck.domain.integer import whole_numbers
from numcheck.domain.kinds import Column, listed, one_choice
from numcheck.domain.numbers import Mask
from numcheck.formats import Format


@final
@dataclass(frozen=True)
class OneOf:
    """One of a few choices.

    Where all are ints (class labels) a column is int64 with shape (N,). Otherwise they are settings (a rate, a mode, a
    curve), a column is a tuple of N Python values, and a routine gets such a value instead of a tensor; a float is
    that double, whatever the format under test.
    """

    values: tuple[Any, ...]

    sizes = None
    discrete = True
    differentiable = False
    strategy = one_choice

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("one_of() has no choices: write them as arguments, one_of(0, 1)")
        texts = [str(choice) for choice in self.values]
        if len(set(texts)) < len(texts):
            raise ValueError(f"one_of({', '.join(texts)}): write each choice once")
        for choice in self.values:
            if isinstance(choice, (list, dict, set, np.ndarray, torch.Tensor)) or choice != choice:
                raise ValueError(
                    f"one_of(..., {choice!r}, ...): write numbers, strings, None or frozen objects"
                )

    def describe(self) -> str:
        return "one of " + ", ".join(str(choice) for choice in self.values)

    def choices(self, size: int | None) -> tuple[Any, ...]:
        return self.values

    def contains(self, column: Column, format: Format) -> Mask:
        return np.array([value in self.values for value in listed(column)], dtype=np.bool_)

    def parse(self, text: str, format: Format) -> Any:
        """The choice that is written like this; numbers are compared by value."""
        for choice in self.values:
            if text.strip() == str(choice) or _same_number(text, choice):
                return choice
        raise ValueError(f"write {self.describe()} instead of {text!r}")

    def column(self, values: Sequence[Any], format: Format) -> Column:
        labels = all(type(choice) is int for choice in self.values)
        return whole_numbers(values, format) if labels else tuple(values)


def one_of(*choices: Any) -> OneOf:
    """One of the arguments: class labels where all are ints, settings otherwise."""
    return OneOf(choices)


def _same_number(text: str, choice: object) -> bool:
    try:
        return isinstance(choice, (int, float)) and not isinstance(choice, bool) and float(text) == choice
    except ValueError:
        return False
