"""The vertices of a polygon."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.kinds import as_tuple, check_sizes, is_number, known_size, no_list
from numcheck.domain.meetings import BETWEEN, Meetings
from numcheck.domain.moves import shorter
from numcheck.domain.numbers import Doubles, Mask, parse_numbers, rounded
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


@final
@dataclass(frozen=True)
class Polygon:
    """Vertices of a star-shaped polygon, counter-clockwise before they are rounded; a column has shape (N, size, 2).

    `radius` bounds the distance of the vertices from the centre, `centre` that of the centre from the origin.
    In a small format a far centre leaves no room for a shape, so most centres are kept within radius *
    2**(precision - 2), and both within the format's range; a few polygons do collapse.
    """

    sizes: tuple[int, ...] = (3, 4, 8)
    radius: tuple[float, float] = (1e-6, 1e3)
    centre: tuple[float, float] = (0, 1e8)

    discrete = False
    measures = ()
    differentiable = True
    scalable = True
    enumerated = staticmethod(no_list)
    column = staticmethod(rounded)
    shortenings = staticmethod(shorter)

    def __post_init__(self) -> None:
        check_sizes("polygon", self.sizes, 3)
        _check_distances("radius", self.radius, "(1e-6, 1e3)")
        _check_distances("centre", self.centre, "(0, 1e8)")

    def describe(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        near, far = self.radius, self.centre
        return f"a polygon of {sizes} vertices, radius {near[0]:g} to {near[1]:g}, centre {far[0]:g} to {far[1]:g} away"

    def contains(self, column: torch.Tensor, format: Format) -> Mask:
        """Where all vertices are finite; nothing else is looked at, for some collapse in a small format."""
        return column.double().isfinite().flatten(1).all(1).numpy()

    def corners(self, format: Format, size: int | None, rng: Generator) -> torch.Tensor:
        """Small integer and regular polygons, scaled, moved and flattened by powers of two; and the thinnest."""
        n = known_size("polygon", size)
        p = format.precision
        steps = np.arange(n, dtype=np.float64)
        parabola = np.stack([steps, steps * steps], axis=1)
        block = {3: [(0, 0), (1, 0), (0, 1)], 4: [(0, 0), (1, 0), (1, 1), (0, 1)]}.get(n)
        turn = 2 * math.pi * steps / n
        shapes = [
            np.array(block, dtype=np.float64) if block else parabola,
            np.stack([np.cos(turn), np.sin(turn)], axis=1),
        ]
        scales = [1.0] + [2.0 ** math.frexp(r)[1] for r in self._radii(format)]
        # The centre at 2**k radii leaves p - 1 - k bits to the shape.
        moves = [0.0, 1.0, -1.0] + [2.0**k for k in (p // 2, p - 2, p - 1, p)]
        bearing = np.array([1, 0.5])
        rows = [scale * (shape + move * bearing) for shape, scale, move in product(shapes, scales, moves)]
        rows += [shape * [1, 2.0**-k] for shape in shapes for k in (2, p // 2, p - 1, p + 1)]
        rows += [scale / 2 * _thinnest(n, p) for scale in scales]
        rows += [shapes[0] * 0.0, shapes[0] * [1, 0], parabola]
        return _finite(np.array(rows), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Stars whose radius, distance and flatness are log-uniform; far, tiny and thin ones are common."""
        low, high = self._radii(format)
        radius = low * (high / low) ** ((rng.permutation(count) + rng.random(count)) / max(count, 1))
        # Most distances leave at least two bits to the shape; a tenth may use up all of them.
        room = radius * 2.0 ** np.where(rng.random(count) < 0.9, format.precision - 2, format.precision + 2)
        closest = np.maximum(self.centre[0], radius * 2.0**-4)
        farthest = np.maximum(np.minimum(self.centre[1], room), self.centre[0])
        spread = np.maximum(farthest / closest, 1.0) ** rng.random(count)
        distance = np.minimum(closest * spread, farthest)
        distance = np.where((rng.random(count) < 0.25) & (self.centre[0] == 0), 0.0, distance)
        thin = np.where(rng.random(count) < 0.5, 2.0 ** -(rng.random(count) * format.precision), 1.0)
        return _stars(radius, distance, thin, known_size("polygon", size), format, rng)

    def sample(self, format: Format, count: int, size: int | None, rng: Generator) -> torch.Tensor:
        """Stars as data have them: log-normal sizes, at most a few hundred radii away, seldom thin."""
        radius = np.clip(np.exp(rng.standard_normal(count)), *self._radii(format))
        centred = rng.random(count) < 0.2
        away = radius * 2.0 ** (rng.random(count) * min(8, format.precision - 2))
        distance = np.clip(np.where(centred, 0.0, away), *self.centre)
        thin = np.where(rng.random(count) < 0.2, 2.0 ** -(rng.random(count) * 4), 1.0)
        return _stars(radius, distance, thin, known_size("polygon", size), format, rng)

    def meetings(self, format: Format, size: int | None) -> Meetings:
        return BETWEEN

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[list[float]]]":
        """Small integer vertices in order of angle, then scaled, flattened and moved by powers of two."""
        from hypothesis import strategies as st

        n = known_size("polygon", size)
        p = format.precision
        low, high = (math.frexp(r)[1] for r in self._radii(format))
        near = min(max(0, low - 3), high - 3)  # the lattice reaches 2**3

        @st.composite
        def lattice(draw: "DrawFn") -> list[list[float]]:
            corner = st.tuples(st.integers(-8, 8), st.integers(-8, 8))
            spots = draw(st.lists(corner, min_size=n, max_size=n, unique=True))
            scale = near + draw(st.integers(min(0, low - 3 - near), max(0, high - 3 - near)))
            flat = draw(st.sampled_from((0, 1, 2, 4, p // 2, p)))
            move = draw(st.tuples(st.integers(-8, 8), st.integers(-8, 8)))
            away = draw(st.integers(0, p))
            middle = np.mean(np.array(spots), axis=0)
            spots.sort(key=lambda spot: (math.atan2(spot[1] - middle[1], spot[0] - middle[0]), spot))
            star = np.array(spots, dtype=np.float64) * [1, 2.0**-flat] + np.array(move) * 2.0**away
            return _finite(star[None] * 2.0**scale, format)[0].to(torch.float64).tolist()

        return lattice()

    def parse(self, text: str, format: Format) -> list[list[float]]:
        """Vertices x,y with semicolons between them, such as 0,0;1,0;0,1."""
        vertices = [parse_numbers(vertex, format) for vertex in text.split(";")]
        if any(len(vertex) != 2 for vertex in vertices):
            raise ValueError(f'write vertices as "x,y;x,y;x,y" instead of {text!r}')
        return vertices

    def _radii(self, format: Format) -> tuple[float, float]:
        """Smallest and largest radius, where the format has room for a shape."""
        least, most = 16 * format.smallest_subnormal, format.largest / 8
        return min(max(self.radius[0], least), most), min(max(self.radius[1], least), most)


def polygon(
    sizes: Iterable[int] = (3, 4, 8),
    radius: tuple[float, float] = (1e-6, 1e3),
    centre: tuple[float, float] = (0, 1e8),
) -> Polygon:
    """Vertices (size, 2) of a star polygon: far from the origin, tiny and thin ones included."""
    return Polygon(as_tuple("polygon", "sizes", sizes), radius, centre)


def _check_distances(what: str, pair: object, example: str) -> None:
    if not isinstance(pair, tuple) or len(pair) != 2 or not all(map(is_number, pair)):
        raise ValueError(f"polygon({what}={pair!r}): write a pair of finite numbers such as {what}={example}")
    if not 0 <= pair[0] <= pair[1] or (what == "radius" and pair[0] == 0):
        raise ValueError(
            f"polygon({what}={pair!r}): write the smaller distance first, as in {what}={example}"
        )


def _stars(
    radius: Doubles, distance: Doubles, thin: Doubles, n: int, format: Format, rng: Generator
) -> torch.Tensor:
    """Star polygons, each of a radius, with its centre so far from the origin, flattened and turned."""
    count = len(radius)
    turn = (np.arange(n) + 0.8 * rng.random((count, n))) * (2 * math.pi / n)
    reach = radius[:, None] * (0.5 + 0.5 * rng.random((count, n)))
    x, y = reach * np.cos(turn), reach * np.sin(turn) * thin[:, None]
    tilt, bearing = 2 * math.pi * rng.random((2, count, 1))
    cos, sin = np.cos(tilt), np.sin(tilt)
    far = distance[:, None]
    x, y = far * np.cos(bearing) + x * cos - y * sin, far * np.sin(bearing) + x * sin + y * cos
    return _finite(np.stack([x, y], axis=2), format)


def _thinnest(n: int, precision: int) -> Doubles:
    """A triangle of extent up to one and the least area that its digits allow; its first vertices coincide.

    Of successive Fibonacci numbers F(k)**2 - F(k-1) F(k+1) is 1 or -1 (Cassini's identity).
    """
    numbers = [1, 1]
    while numbers[-1] + numbers[-2] < 2**precision:
        numbers.append(numbers[-1] + numbers[-2])
    far = [numbers[-3:-1], numbers[-2:]]
    counter_clockwise = far if len(numbers) % 2 else far[::-1]
    return np.ldexp(np.array([[0, 0]] * (n - 2) + counter_clockwise, dtype=np.float64), -precision)


def _finite(xy: Doubles, format: Format) -> torch.Tensor:
    """Vertices rounded to the format, those beyond its range to its largest value; no zero is negative."""
    return format.round(torch.from_numpy(np.clip(xy, -format.largest, format.largest) + 0.0))
