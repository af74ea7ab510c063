"""What a kind of input answers: all that the rest of the house asks of an input of a formula.

A kind is one file of this room: a final frozen dataclass that answers the questions of `Domain` and of the protocol for
its sort, and nobody asks which kind it is. Of sorts there are three: a choice (`discrete`), on which a formula may
branch, so points are grouped by it; a number that is only drawn; and a real or several (`differentiable`), by which a
gradient is taken and along which a search moves. Kinds share functions, not classes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

import torch
from numpy.random import Generator

from numcheck.domain.measures import Measure
from numcheck.domain.meetings import Meetings
from numcheck.domain.numbers import Mask
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

Ordinals = range | tuple[int, ...]
"""Increasing ordinals: consecutive ones, or those of a grid."""

Column = torch.Tensor | tuple[object, ...]
"""One input's values at all points: a tensor whose leading axis counts them, or a tuple of settings."""


@runtime_checkable
class Domain(Protocol):
    """What one input of a formula may be."""

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The sizes in which the input comes, the same for all such inputs of a formula; None for a single value."""
        ...

    @property
    def discrete(self) -> bool:
        """Whether its values are choices: see `Discrete`. Every other kind answers what `Numeric` asks."""
        ...

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to the input means anything: see `Continuous`.

        If not, a column holds whole numbers as int64, or is a tuple of settings.
        """
        ...

    def describe(self) -> str:
        """The domain in words, for reports."""
        ...

    def parse(self, text: str, format: Format) -> Any:
        """One value from the command line, which may lie outside the domain; ValueError says what to write."""
        ...

    def column(self, values: Sequence[Any], format: Format) -> Column:
        """Values side by side, rounded to the format once."""
        ...

    def contains(self, column: Any, format: Format) -> Mask:
        """Which values of a column lie in the domain, whatever their size, as a mask."""
        ...

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[Any]":
        """A hypothesis strategy whose minimal inputs are readable: it shrinks the significand bits first."""
        ...


class Discrete(Domain, Protocol):
    """A choice, which points are grouped by."""

    def choices(self, size: int | None) -> tuple[Any, ...]:
        """All values for one size."""
        ...


class Numeric(Domain, Protocol):
    """Numbers, drawn in four ways; a column is a tensor."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What regions tell of its values beside their numbers."""
        ...

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """The inputs at which code breaks: zeros, bounds, ends of the format, powers of two, kinks, neighbours."""
        ...

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Uniform in the format's ordinals, so that every magnitude gets its share."""
        ...

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """What data look like: normal, log-normal, a large common offset with a small spread."""
        ...

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """How its values stand to those of another input of the kind, and their entries to each other."""
        ...


class Continuous(Numeric, Protocol):
    """Real numbers, along whose `magnitude` a search moves; a column is a tensor of the format."""

    @property
    def scalable(self) -> bool:
        """Whether a ladder of powers of two scales it; shares of one, for instance, have no scale."""
        ...

    def enumerated(self, format: Format, grid: int | None) -> Ordinals | None:
        """The ordinals of all values, or with `grid` of so many evenly spaced ones beside bounds and corners.

        None where a value is more than one number.
        """
        ...

    def shortenings(self, column: torch.Tensor, format: Format) -> torch.Tensor:
        """Values that take less ink than the column's only one; some may lie outside the domain."""
        ...


def listed(column: Column) -> list[Any]:
    """A column's values as Python has them."""
    return list(column) if isinstance(column, tuple) else column.tolist()


def is_number(value: object) -> bool:
    """Whether a Python number that a double can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**1024


def as_tuple(kind: str, what: str, values: Iterable[T]) -> tuple[T, ...]:
    """What was given for the argument `what` of the function `kind`, as a tuple."""
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise ValueError(f"{kind}({what}={values!r}): write a tuple, {what}=({values!r},)")
    return tuple(values)


def check_interval(kind: str, low: float, high: float, near: tuple[float, ...]) -> None:
    """Refuse what is no interval with finite `near` points in it."""
    for what, bound in (("low", low), ("high", high)):
        if not is_number(bound) and bound not in (math.inf, -math.inf):
            raise ValueError(f"{kind}({what}={bound!r}): write a Python number or math.inf")
    if low > high or low == math.inf or high == -math.inf:
        raise ValueError(f"{kind}({low}, {high}) is empty: write the smaller bound first")
    for value in near:
        if not is_number(value) or not low <= value <= high:
            raise ValueError(f"{kind}(near={value!r}): write finite numbers in [{low}, {high}]")


def check_sizes(kind: str, sizes: object, least: int) -> None:
    """Refuse what is no tuple of different sizes from `least` on."""
    if not isinstance(sizes, tuple) or not sizes or any(type(n) is not int or n < least for n in sizes):
        raise ValueError(
            f"{kind}(sizes={sizes!r}): write a tuple of ints from {least} on, such as sizes=(3, 8)"
        )
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"{kind}(sizes={sizes!r}): write each size once")


def known_size(kind: str, size: int | None) -> int:
    """The size, which a ragged input cannot do without."""
    if size is None:
        raise ValueError(f"{kind} needs a size: give one of its sizes")
    return size


def one_choice(domain: Discrete, format: Format, size: int | None) -> "SearchStrategy[Any]":
    """One of the choices for this size, the first being the simplest."""
    from hypothesis import strategies as st

    return st.sampled_from(domain.choices(size))


def no_list(format: Format, grid: int | None) -> None:
    """None, for the values are too many and differ from size to size."""


def discrete(inputs: Mapping[str, Domain]) -> dict[str, Discrete]:
    """The inputs that are choices."""
    return {name: cast(Discrete, domain) for name, domain in inputs.items() if domain.discrete}


def numeric(inputs: Mapping[str, Domain]) -> dict[str, Numeric]:
    """The inputs that are numbers."""
    return {name: cast(Numeric, domain) for name, domain in inputs.items() if not domain.discrete}


def continuous(inputs: Mapping[str, Domain]) -> dict[str, Continuous]:
    """The inputs along which a search moves."""
    return {name: cast(Continuous, domain) for name, domain in inputs.items() if domain.differentiable}
