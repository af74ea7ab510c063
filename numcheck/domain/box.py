"""A box with sides along the axes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import check_interval, no_list
from numcheck.domain.measures import Measure
from numcheck.domain.meetings import Follow, Meeting, Meetings, a_part_off, some_ulps_off, the_same
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Doubles, Mask, nearest, parse_numbers, rounded
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FORMS: dict[str, tuple[Callable[[Doubles], Doubles], Callable[[Doubles], Doubles]]] = {
    "xyxy": (lambda edges: edges, lambda box: box),
    "ltrb": (lambda edges: edges, lambda box: box),
    "xywh": (
        lambda e: np.concatenate([e[:, :2], e[:, 2:] - e[:, :2]], axis=1),
        lambda b: np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], axis=1),
    ),
    "cxcywh": (
        lambda e: np.concatenate([e[:, :2] / 2 + e[:, 2:] / 2, e[:, 2:] - e[:, :2]], axis=1),
        lambda b: np.concatenate([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], axis=1),
    ),
}
"""How the four numbers of a box are written: made of its edges (left, top, right, bottom), and edges of them."""

CORNERS = ("xyxy", "ltrb")
"""The forms of edges alone."""

GRID = 8
"""Sides of a box beside another, and the way between them, are fewer double units than this."""


@final
@dataclass(frozen=True)
class Box:
    """A box with edges in [low, high], as `form` writes it; a column has shape (N, 4).

    "xyxy" is left, top, right, bottom ("ltrb" by another name), "xywh" the first corner, width and height, "cxcywh" the
    centre, width and height. Right is never left of left; boxes without width, height or both are among them.
    """

    low: float
    high: float
    form: str = "xyxy"

    sizes = None
    discrete = False
    differentiable = True
    scalable = True
    enumerated = staticmethod(no_list)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        check_interval("box", self.low, self.high, ())
        if math.inf in (abs(self.low), abs(self.high)) or self.low == self.high:
            raise ValueError(f"box({self.low}, {self.high}): write finite bounds with room between them")
        if self.form not in FORMS:
            raise ValueError(f"box(form={self.form!r}): write one of {', '.join(FORMS)}")

    def describe(self) -> str:
        return f"a box ({self.form}) with edges in [{self.low:g}, {self.high:g}]"

    def parse(self, text: str, format: Format) -> list[float]:
        """Four numbers with commas between them, such as 0,0,2,1."""
        numbers = parse_numbers(text, format)
        if len(numbers) != 4:
            raise ValueError(f"write the four numbers of a box ({self.form}) instead of {text!r}")
        return numbers

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("least side of {}", self._least_side, "{} has no width or no height"),
            Measure("overlap of {} and {}", self._overlap, "{} and {} touch", inputs=2),
        )

    def edges(self, column: torch.Tensor) -> Doubles:
        """Left, top, right and bottom of each box."""
        return FORMS[self.form][1](column.double().numpy())

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        """Boxes of which no side is negative, and no edge outside by more than rounding moves it."""
        wide = column.double().numpy()
        with np.errstate(invalid="ignore"):
            edges = self.edges(column)
            sides = edges[:, 2:] >= edges[:, :2] if self.form in CORNERS else wide[:, 2:] >= 0
            reach = max(abs(self.low), abs(self.high))
            slack = 0.0 if self.form in CORNERS else 4 * format.unit_roundoff * reach
            inside = (edges >= self.low - slack) & (edges <= self.high + slack)
        told: Mask = np.concatenate([np.isfinite(wide), sides, inside], axis=1)
        return np.logical_and.reduce(told, axis=1)

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """The whole room, boxes without width or height or both, slivers, small ones far away, and unit boxes."""
        low, high = self._room(format)
        middle, p = low / 2 + high / 2, format.precision
        thin = [2.0**-k for k in (p // 2, p - 2)]
        rows = [(low, low, high, high), (low, low, low, low), (high, high, high, high), (middle,) * 4]
        rows += [(low, low, low, high), (low, low, high, low), (low, middle, high, middle)]
        near = [place for place in (0.0, 1.0, -1.0, 2.0, 0.5) if low <= place <= high]
        rows += [(a, b, c, d) for a in near for b in near for c in near for d in near if a <= c and b <= d]
        far = high if abs(high) >= abs(low) else low
        for part in thin:  # at the far end, where a side is a few ulps of the place
            small = (high / 2 - low / 2) * part
            rows += [(low, low, low + small, high), (low, low, low + small, low + small)]
            rows += (
                [(far - small, far - small, far, far)]
                if far == high
                else [(far, far, far + small, far + small)]
            )
        return self._written(np.array(list(dict.fromkeys(rows))), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Sides log-uniform from a few ulps of the place up to the room, the place anywhere."""
        shape = (count, 2)
        sides = np.exp2(-rng.random(shape) * (format.precision + 1))
        return self._written(self._placed(sides, rng.random(shape), format), format)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Boxes as data have them: sides of a few hundredths to a half of the room, in all or in a corner of it."""
        shape = (count, 2)
        low, high = self._room(format)
        sides = np.exp(-rng.uniform(0.7, 4, size=(count, 1))) * np.exp(0.3 * rng.standard_normal(shape))
        part = 2.0 ** -rng.integers(0, 6, size=(count, 1))  # of the room, around where it is nearest to zero
        start = min(max(0.0, low), high)
        edges = self._placed(np.minimum(sides, 1), rng.random(shape), format)
        return self._written(start + (edges - start) * part, format)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        """Equal, disjoint, touching at an edge or a corner, nested, perhaps with edges in common, sizeless, close."""

        def beside(make: Callable[[Doubles, Doubles, Generator], Doubles]) -> Follow:
            def follow(
                leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator
            ) -> torch.Tensor:
                one = self.edges(leading)
                unit = self._unit(one, format)
                return self._written(make(one, unit, rng), format)

            return follow

        def on_grid(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
            return self._written(self._snapped(self.edges(own), format), format)

        follows: dict[str, Follow] = {"equal": the_same, "ulps apart": some_ulps_off, "close": a_part_off}
        made = {"disjoint": _apart, "touching": _touching, "one corner shared": _at_a_corner}
        made |= {"nested": _nested, "nested with a corner shared": _in_a_corner, "overlapping": _crossing}
        made |= {"zero-sized": _without_size}
        gridded = {name: Meeting(on_grid, beside(make)) for name, make in made.items()}
        between = {name: Meeting(follow=follow) for name, follow in follows.items()}
        alone = {"no width or height": Meeting(lambda own, format, rng: self._flat(own, format, rng))}
        return {**between, **gridded, **alone}

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Boxes on a grid of small integers times a power of two that the room has; the smallest is of no size."""
        from hypothesis import strategies as st

        low, high = self._room(format)
        exponent = math.frexp(high - low)[1] - 5
        places = st.integers(0, 15)

        def made(x: int, y: int, w: int, h: int, smaller: int, far: bool) -> list[float]:
            unit = math.ldexp(1.0, exponent - smaller)
            start = min(max(0.0, low), high) if not far else (high if abs(high) > abs(low) else low)
            base = math.ceil(min(start, high - 31 * unit) / (2 * unit)) * 2 * unit
            edges = base + np.array([[x, y, x + w, y + h]], dtype=np.float64) * unit
            return self._written(np.clip(edges, low, high), format).double()[0].tolist()

        return st.builds(made, places, places, places, places, st.integers(0, 4), st.booleans())

    def _least_side(self, column: torch.Tensor) -> Doubles:
        edges = self.edges(column)
        return (edges[:, 2:] - edges[:, :2]).min(axis=1)

    def _overlap(self, column: torch.Tensor, other: torch.Tensor) -> Doubles:
        """The lesser side of what two boxes have in common; where they lie apart it is negative."""
        a, b = self.edges(column), self.edges(other)
        return (np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])).min(axis=1)

    def _room(self, format: Format) -> tuple[float, float]:
        """The bounds, as the format has them."""
        low, high = nearest(self.low, format), nearest(self.high, format)
        if not low < high:
            raise ValueError(f"box({self.low}, {self.high}) has no room in {format.name}: write wider bounds")
        return low, high

    def _written(self, edges: Doubles, format: Format) -> torch.Tensor:
        """Boxes of these edges in the form, rounded to the format."""
        low, high = self._room(format)
        held = format.round(torch.from_numpy(np.clip(edges, low, high) + 0.0)).double().numpy()
        return format.round(torch.from_numpy(FORMS[self.form][0](held) + 0.0))

    def _placed(self, sides: Doubles, where: Doubles, format: Format) -> Doubles:
        """Edges with sides that are such parts of the room, placed at such parts of what is left of it."""
        low, high = self._room(format)
        first = low * (1 - where) + high * where - (high - low) * sides * where
        return np.concatenate([first, first + (high - low) * sides], axis=1)

    def _unit(self, edges: Doubles, format: Format) -> Doubles:
        """A power of two, of which boxes that meet have multiples as edges, so that centres and quarters are exact."""
        least = max(abs(self.low), abs(self.high)) * 2.0 ** (6 - format.precision)
        side = np.maximum((edges[:, 2:] - edges[:, :2]).max(axis=1), least)
        return np.ldexp(1.0, np.frexp(side)[1] - 4)[:, None]

    def _snapped(self, edges: Doubles, format: Format) -> Doubles:
        """Edges moved to multiples of twice the unit, inwards where the room ends."""
        unit = 2 * self._unit(edges, format)
        least, most = np.ceil(self.low / unit), np.floor(self.high / unit)
        return np.clip(np.round(edges / unit), least, np.maximum(most, least)) * unit

    def _flat(self, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
        """Boxes of no width, no height or neither."""
        edges = self.edges(own).copy()
        flat = rng.integers(1, 4, size=len(edges))
        for axis in (0, 1):
            edges[:, 2 + axis] = np.where(flat >> axis & 1, edges[:, axis], edges[:, 2 + axis])
        return self._written(edges, format)


def box(low: float, high: float, form: str = "xyxy") -> Box:
    """A box with edges in [low, high], written as xyxy (or ltrb), xywh or cxcywh."""
    return Box(low, high, form)


# Boxes beside a box: edges of the one and a unit of which they are multiples ------------------------------------------


def _sides(unit: Doubles, rng: Generator) -> Doubles:
    """Widths and heights of an even number of units."""
    return 2 * rng.integers(1, GRID, size=(len(unit), 2)) * unit


def _moved(edges: Doubles, by: Doubles, sides: Doubles) -> Doubles:
    return np.concatenate([by, by + sides], axis=1)


def _touching(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Right of the box or above it, with an edge in common and the same place along it."""
    sides = _sides(unit, rng)
    right = rng.random((len(one), 1)) < 0.5
    first = np.where(np.concatenate([right, ~right], axis=1), one[:, 2:], one[:, :2])
    return _moved(one, first, sides)


def _at_a_corner(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Beyond the last corner of the box, which they share."""
    return _moved(one, one[:, 2:], _sides(unit, rng))


def _apart(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Some units away from the box on both axes."""
    away = one[:, 2:] + 2 * unit * rng.integers(1, GRID, size=(len(one), 2))
    return _moved(one, away, _sides(unit, rng))


def _nested(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Inside the box, some edges perhaps in common."""
    part = np.sort(rng.integers(0, 4, size=(2, len(one), 2), endpoint=True), axis=0) / 4
    side = one[:, 2:] - one[:, :2]
    return np.concatenate([one[:, :2] + side * part[0], one[:, :2] + side * part[1]], axis=1)


def _in_a_corner(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Inside the box with one of its corners."""
    half = (one[:, 2:] - one[:, :2]) * rng.choice([0.25, 0.5, 0.75], size=(len(one), 2))
    last = rng.random((len(one), 2)) < 0.5
    first = np.where(last, one[:, 2:] - half, one[:, :2])
    return _moved(one, first, half)


def _crossing(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """Beginning inside the box and ending outside."""
    half = (one[:, 2:] - one[:, :2]) * rng.choice([0.25, 0.5, 0.75], size=(len(one), 2))
    return _moved(one, one[:, :2] + half, one[:, 2:] - one[:, :2])


def _without_size(one: Doubles, unit: Doubles, rng: Generator) -> Doubles:
    """A point or a stretch in the box, on its edge or at its corner."""
    place = one[:, :2] + (one[:, 2:] - one[:, :2]) * rng.choice([0.0, 0.5, 1.0], size=(len(one), 2))
    end = np.where(rng.random((len(one), 2)) < 0.7, place, one[:, 2:])
    return np.concatenate([place, end], axis=1)
