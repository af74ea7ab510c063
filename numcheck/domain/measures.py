"""What regions tell of values of a kind beside their numbers: overlaps of boxes, how nearly a matrix is singular."""

from collections.abc import Callable
from dataclasses import dataclass

from numcheck.domain.numbers import Doubles


@dataclass(frozen=True)
class Measure:
    """A number of each value of an input, or of what two inputs of one domain are to each other.

    `of` takes a column for each input. `told` names the number, with {} for each input; `at_zero` is what is said where
    it is exactly zero.
    """

    told: str
    of: Callable[..., Doubles]
    at_zero: str = ""
    inputs: int = 1
