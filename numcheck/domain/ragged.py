"""Inputs that come in several sizes: a vector, a simplex, a polygon, and an index into them.

All ragged inputs of one formula declare the same `sizes`; the points of one draw have one of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from numcheck.domain.intervals import (
    Doubles,
    as_tuple,
    check_interval,
    corner_ordinals,
    data_like,
    interval_in_words,
    is_number,
    nearest,
    number_strategy,
    ordinal_bounds,
    ordinal_of,
    parse_number,
    rounded,
    stratified,
    value_of,
    values_at,
)
from numcheck.domain.scalars import evenly, parse_integer, whole_numbers
from numcheck.formats import Format

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


def _check_sizes(kind: str, sizes: object, least: int) -> None:
    if not isinstance(sizes, tuple) or not sizes or any(type(n) is not int or n < least for n in sizes):
        raise ValueError(
            f"{kind}(sizes={sizes!r}): write a tuple of ints from {least} on, such as sizes=(3, 8)"
        )
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"{kind}(sizes={sizes!r}): write each size once")


def _known_size(kind: str, size: int | None) -> int:
    if size is None:
        raise ValueError(f"{kind} needs a size: give one of its sizes")
    return size


def _no_list(format: Format) -> None:
    """None, for the values are too many and differ from size to size."""


def _parse_numbers(text: str, format: Format) -> list[float]:
    """Numbers with commas between them, such as 0.5,0.25,0.25."""
    return [parse_number(part, format) for part in text.split(",")]


# -- index ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Index:
    """A position in [0, size) of the ragged inputs, or one of `extra`; a column is int64 with shape (N,)."""

    sizes: tuple[int, ...]
    extra: tuple[int, ...] = ()

    differentiable: ClassVar[bool] = False
    exhaustive = staticmethod(_no_list)
    column = staticmethod(whole_numbers)

    def __post_init__(self) -> None:
        _check_sizes("index", self.sizes, 1)
        if not isinstance(self.extra, tuple) or any(type(n) is not int for n in self.extra):
            raise ValueError(f"index(extra={self.extra!r}): write a tuple of ints such as extra=(-100,)")

    @property
    def ragged(self) -> tuple[int, ...]:
        return self.sizes

    def choices(self, size: int | None) -> tuple[int, ...]:
        """All values for one size."""
        return (*range(_known_size("index", size)), *self.extra)

    def describe(self) -> str:
        return "an index" + (f", or {', '.join(map(str, self.extra))}" if self.extra else "")

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """All values for this size."""
        return whole_numbers(self.choices(size), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Values in random order, each as often as any other (one more at most)."""
        return whole_numbers(evenly(self.choices(size), count, rng), format)

    sample = sweep

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[int]":
        """Values for this size, 0 being the simplest."""
        from hypothesis import strategies as st

        return st.sampled_from(self.choices(size))

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


# -- vector --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vector:
    """Several numbers of the format in [low, high]; a column has shape (N, size)."""

    low: float
    high: float
    sizes: tuple[int, ...] = (2, 3, 8)
    near: tuple[float, ...] = ()

    differentiable: ClassVar[bool] = True
    exhaustive = staticmethod(_no_list)
    parse = staticmethod(_parse_numbers)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        check_interval("vector", self.low, self.high, self.near)
        _check_sizes("vector", self.sizes, 1)

    @property
    def ragged(self) -> tuple[int, ...]:
        return self.sizes

    def describe(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        return f"a vector of {sizes} reals" + interval_in_words(self.low, self.high, self.near)

    def ordinals(self, format: Format) -> tuple[int, int]:
        """First and last ordinal of an entry in the format."""
        return ordinal_bounds("vector", self.low, self.high, format)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """All equal, one huge, one tiny, extremes, ties, offsets with a small spread; each scalar corner."""
        low, high = self.ordinals(format)
        n = _known_size("vector", size)
        rows = np.clip(np.array(_patterns(low, high, n, format), dtype=np.int64), low, high)
        # Each scalar corner once, in turn at every position, among ordinary numbers.
        single = corner_ordinals(low, high, self.near, format)
        usual = format.to_ordinals(data_like(low, high, (len(single), n), format, rng)).numpy().copy()
        usual[np.arange(len(single)), np.arange(len(single)) % n] = single
        return values_at(np.unique(np.concatenate([rows, usual]), axis=0), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Entries that are ordinal-uniform each for itself."""
        low, high = self.ordinals(format)
        axes = [stratified(low, high, count, rng) for _ in range(_known_size("vector", size))]
        return values_at(np.stack(axes, axis=1), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Data-like rows: normal, log-normal, a large common offset with a small spread within the row."""
        return data_like(*self.ordinals(format), (count, _known_size("vector", size)), format, rng)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Lists of unlike entries, and of entries a few ulps apart; see `Real.strategy`."""
        from hypothesis import strategies as st

        low, high = self.ordinals(format)
        length = _known_size("vector", size)
        entries = st.lists(number_strategy(low, high, self.near, format), min_size=length, max_size=length)
        steps = st.lists(st.integers(-8, 8), min_size=length, max_size=length)

        def row(alike: bool, entries: list[float], steps: list[int]) -> list[float]:
            if not alike:
                return entries
            middle = ordinal_of(entries[0], format)
            return [value_of(min(max(middle + step, low), high), format) for step in steps]

        return st.builds(row, st.booleans(), entries, steps)


def vector(low: float, high: float, sizes: Iterable[int] = (2, 3, 8), near: Iterable[float] = ()) -> Vector:
    """Several reals in [low, high], as many as each of `sizes` says."""
    return Vector(low, high, as_tuple("vector", "sizes", sizes), as_tuple("vector", "near", near))


def _patterns(low: int, high: int, n: int, format: Format) -> list[list[int]]:
    """Rows of ordinals in which the entries matter to one another; some lie outside and are to be clipped."""
    repeated = [0.0, 1.0, format.largest, format.smallest_normal, format.smallest_subnormal, math.inf]
    wanted = {ordinal_of(sign * value, format) for value in repeated for sign in (1, -1)} | {low, high}
    core = sorted(ordinal for ordinal in wanted if low <= ordinal <= high)
    finite = [ordinal for ordinal in core if math.isfinite(value_of(ordinal, format))] or core
    least, most = min(finite), max(finite)
    plain = min(max(ordinal_of(1.0, format), low), high)
    small = min(max(0, low), high)
    middle, last = n // 2, n - 1

    rows = [[value] * n for value in core]
    for value in (least, most, low, high):  # one huge, beside zeros and beside ones; the others infinite
        rows += [[value] + [small] * last, [plain] * last + [value]]
        rows += [[plain if i == middle else value for i in range(n)]]
    for value in finite:  # one tiny beside ones is among these, and so is a tie of all but one at the maximum
        rows += [[plain] * last + [value], [value] * last + [value - 1]]
    for value in (plain, most):  # a tie of two at the maximum
        rows += [[value if i in (0, last) else small for i in range(n)]]
    for even, odd in ((most, least), (least, most), (small, low)):
        rows += [[odd if i % 2 else even for i in range(n)]]
    p = format.precision
    reach = max(abs(value_of(end, format)) for end in finite)
    octaves = (p // 2, p - 1, p, math.frexp(reach)[1] - 2)  # the last is within the domain if it is near zero
    sizes = [2.0**k for k in dict.fromkeys(octaves) if k < format.max_exponent]
    pairs = [[ordinal_of(nearest(v, format), format) for v in (size, -size)] for size in sizes]
    offsets = [
        (place, other) for pair in pairs for place, other in (pair, pair[::-1]) if low <= place <= high
    ]
    for place in (*(place for place, _ in offsets), most, least):
        rows += [[place + i for i in range(n)], [place - 3 * i for i in range(n)]]
    for place, other in offsets:  # sums that cancel
        rows += [[place, other, *[plain] * n][:n]]
    return rows


# -- simplex -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Simplex:
    """Several numbers of the format, none negative, whose sum is one; a column has shape (N, size).

    Dyadic ones sum to one exactly. The others are rounded entry by entry, so that their sum differs from one
    by at most the unit roundoff plus, for each entry, the smallest subnormal.
    """

    sizes: tuple[int, ...] = (2, 3, 8)

    differentiable: ClassVar[bool] = True
    exhaustive = staticmethod(_no_list)
    parse = staticmethod(_parse_numbers)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        _check_sizes("simplex", self.sizes, 1)

    @property
    def ragged(self) -> tuple[int, ...]:
        return self.sizes

    def describe(self) -> str:
        return f"{', '.join(map(str, self.sizes))} probabilities that sum to one"

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One-hot, uniform, halves, a dyadic cascade, tiny entries; each rotated to every position."""
        n = _known_size("simplex", size)
        tiny, u = format.smallest_subnormal, format.unit_roundoff
        rows = [[1.0] + [0.0] * (n - 1), [1 / n] * n]
        if n > 1:
            rest = [0.0] * (n - 2)
            rows += [[0.5, 0.5, *rest], [1 - u, u, *rest], [1.0, tiny, *rest], [1.0] + [tiny] * (n - 1)]
            rows += [[1.0, min(format.smallest_normal, u / n), *rest]]
            rows += [[2.0**-k for k in range(1, n)] + [2.0 ** (1 - n)]]
        unlike = dict.fromkeys(tuple(np.roll(row, by)) for row in rows for by in range(n))
        return rounded(list(unlike), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Entries with logarithms uniform over the magnitudes below one, before they are normalised."""
        shape = (count, _known_size("simplex", size))
        # A reach for each row: else one entry would nearly always be one, and the others nothing.
        reach = math.log(format.smallest_subnormal) * rng.random((count, 1))
        return _normalised(np.exp(reach * rng.random(shape)), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Softmax outputs of normal logits, some with entries masked to exactly zero."""
        shape = (count, _known_size("simplex", size))
        scale = rng.choice([0.1, 1.0, 5.0, 20.0], size=(count, 1))
        weights = np.exp(np.clip(scale * rng.standard_normal(shape), -300, 300))
        masked = (rng.random(shape) < 0.3) & (rng.random((count, 1)) < 0.2)
        masked[:, 0] &= ~masked.all(axis=1)
        return _normalised(np.where(masked, 0.0, weights), format)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Shares n / 2**k that sum to one exactly; a small k is simple."""
        from hypothesis import strategies as st

        length = _known_size("simplex", size)

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


# -- polygon -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Polygon:
    """Vertices of a star-shaped polygon, counter-clockwise before they are rounded; a column has shape (N,
    size, 2).

    `radius` bounds the distance of the vertices from the centre, `centre` that of the centre from the origin.
    In a small format a far centre leaves no room for a shape, so most centres are kept within radius *
    2**(precision - 2), and both within the format's range; a few polygons do collapse.
    """

    sizes: tuple[int, ...] = (3, 4, 8)
    radius: tuple[float, float] = (1e-6, 1e3)
    centre: tuple[float, float] = (0, 1e8)

    differentiable: ClassVar[bool] = True
    exhaustive = staticmethod(_no_list)
    column = staticmethod(rounded)

    def __post_init__(self) -> None:
        _check_sizes("polygon", self.sizes, 3)
        _check_distances("radius", self.radius, "(1e-6, 1e3)")
        _check_distances("centre", self.centre, "(0, 1e8)")

    @property
    def ragged(self) -> tuple[int, ...]:
        return self.sizes

    def describe(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        near, far = self.radius, self.centre
        away = f"radius {near[0]:g} to {near[1]:g}, centre {far[0]:g} to {far[1]:g} away"
        return f"a polygon of {sizes} vertices, {away}"

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Small integer and regular polygons, scaled, moved and flattened by powers of two."""
        n = _known_size("polygon", size)
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
        rows = [
            scale * (shape + move * np.array([1, 0.5]))
            for shape in shapes
            for scale in scales
            for move in moves
        ]
        rows += [shape * [1, 2.0**-k] for shape in shapes for k in (2, p // 2, p - 1, p + 1)]
        rows += [shapes[0] * 0.0, shapes[0] * [1, 0], parabola]
        return _finite(np.array(rows), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
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
        return _stars(radius, distance, thin, _known_size("polygon", size), format, rng)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Stars as data have them: log-normal sizes, at most a few hundred radii away, seldom thin."""
        radius = np.clip(np.exp(rng.standard_normal(count)), *self._radii(format))
        centred = rng.random(count) < 0.2
        away = radius * 2.0 ** (rng.random(count) * min(8, format.precision - 2))
        distance = np.clip(np.where(centred, 0.0, away), *self.centre)
        thin = np.where(rng.random(count) < 0.2, 2.0 ** -(rng.random(count) * 4), 1.0)
        return _stars(radius, distance, thin, _known_size("polygon", size), format, rng)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[list[float]]]":
        """Small integer vertices in order of angle, then scaled, flattened and moved by powers of two."""
        from hypothesis import strategies as st

        n = _known_size("polygon", size)
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
        vertices = [_parse_numbers(vertex, format) for vertex in text.split(";")]
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
    numbers = isinstance(pair, tuple) and all(is_number(x) and math.isfinite(x) for x in pair)
    if not isinstance(pair, tuple) or not numbers or len(pair) != 2:
        raise ValueError(f"polygon({what}={pair!r}): write a pair of finite numbers such as {what}={example}")
    if not 0 <= pair[0] <= pair[1] or (what == "radius" and pair[0] == 0):
        raise ValueError(
            f"polygon({what}={pair!r}): write the smaller distance first, as in {what}={example}"
        )


def _stars(
    radius: Doubles, distance: Doubles, thin: Doubles, n: int, format: Format, rng: np.random.Generator
) -> torch.Tensor:
    """Star polygons, each of a radius, with its centre so far from the origin, flattened and turned."""
    count = len(radius)
    turn = (np.arange(n) + 0.8 * rng.random((count, n))) * (2 * math.pi / n)
    reach = radius[:, None] * (0.5 + 0.5 * rng.random((count, n)))
    x, y = reach * np.cos(turn), reach * np.sin(turn) * thin[:, None]
    tilt, bearing = 2 * math.pi * rng.random((2, count, 1))
    cos, sin = np.cos(tilt), np.sin(tilt)
    far = distance[:, None]
    xy = np.stack(
        [far * np.cos(bearing) + x * cos - y * sin, far * np.sin(bearing) + x * sin + y * cos], axis=2
    )
    return _finite(xy, format)


def _finite(xy: Doubles, format: Format) -> torch.Tensor:
    """Vertices rounded to the format, those beyond its range to its largest value; no zero is negative."""
    return format.round(torch.from_numpy(np.clip(xy, -format.largest, format.largest) + 0.0))
