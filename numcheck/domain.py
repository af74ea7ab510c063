"""What an input may be, and the points at which routines are judged.

A formula declares one domain for each of its inputs. A domain is a frozen dataclass, written with the
function of the same name in lower case (`real(-200, 200)` is `Real(low=-200, high=200, near=())`), and
answers for one format at a time:

- `corners`: the inputs at which code breaks: zeros, bounds, the ends of the format, powers of two, kinks and
  their neighbours;
- `sweep`: uniform in the format's ordinals, so that every magnitude gets its share;
- `sample`: what data look like: normal, log-normal, a large common offset with a small spread;
- `exhaustive`: every input there is, where that is few enough;
- `strategy`: a hypothesis strategy whose minimal inputs are readable, because it shrinks the number of
  significand bits first;
- `parse`: one value from the command line.

`draw` puts them together for all inputs of a formula. Everything drawn is a value of the format and lies in
the domain, and the same seed, name and format draw the same points bit for bit.

Bounds are read in the format's own order, in which -0 lies below +0: `real(0, 1)` begins at +0, `real(-0.0,
1)` at -0, and `real(-1, 0)` holds both. A bound that the format lacks moves inwards; an infinite bound says
that infinity is an input, too.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from numcheck.formats import Format

if TYPE_CHECKING:  # hypothesis takes longer to import than a check of one formula takes to run
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = [
    "CURVES",
    "Column",
    "Curve",
    "Domain",
    "Index",
    "Integer",
    "OneOf",
    "Points",
    "Polygon",
    "Real",
    "Simplex",
    "Vector",
    "contains",
    "curve",
    "draw",
    "index",
    "integer",
    "one_of",
    "polygon",
    "real",
    "simplex",
    "vector",
]

Column = torch.Tensor | tuple[object, ...]
"""One input's values at all points: a tensor whose leading axis counts them, or a tuple of settings."""

_Ints = NDArray[np.int64]
_Doubles = NDArray[np.float64]
_T = TypeVar("_T")

_FEW = 1 << 16
"""Most values that an exhaustive list may have."""


# -- kinds of input ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Real:
    """One number of the format in [low, high]; a column has shape (N,).

    `near` lists points around which the formula or its routines change their ways (a kink, a threshold); they
    are drawn rounded to the format, with their neighbours up to 3 ulps away. Zero needs no mention.
    """

    low: float
    high: float
    near: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_interval("real", self.low, self.high, self.near)

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Sizes in which this input comes: None, for it is always one number."""
        return None

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return True

    def describe(self) -> str:
        """The domain in words, for reports."""
        return "a real" + _interval_in_words(self.low, self.high, self.near)

    def ordinals(self, format: Format) -> tuple[int, int]:
        """First and last ordinal of the domain in the format."""
        return _ordinal_bounds("real", self.low, self.high, format)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Zeros, bounds, `near` points, ends of the format, powers of two and neighbours; increasing."""
        return _values_at(_corner_ordinals(*self.ordinals(format), self.near, format), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One value from each of `count` equal stretches of the format's ordinals, shuffled."""
        return _values_at(_stratified(*self.ordinals(format), count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Data-like values: normal, log-normal, and clusters far from zero."""
        return _data_like(*self.ordinals(format), (count,), format, rng)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """Every value of the domain in increasing order, or None where they are more than 65,536."""
        low, high = self.ordinals(format)
        return _values_at(np.arange(low, high + 1), format) if high - low < _FEW else None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[float]":
        """Values of the format: those with few significand bits first, then those nearest to 1."""
        return _scalar_strategy(*self.ordinals(format), self.near, format)

    def parse(self, text: str, format: Format) -> float:
        """The format's value nearest to a decimal, hexadecimal float, fraction or inf."""
        return _parse_number(text, format)

    def column(self, values: Sequence[float], format: Format) -> torch.Tensor:
        """Values, rounded to the format once, as a column."""
        return format.round(torch.tensor(values, dtype=torch.float64))


@dataclass(frozen=True)
class Integer:
    """One whole number in [low, high]; a column is int64 with shape (N,)."""

    low: int
    high: int

    def __post_init__(self) -> None:
        for what, bound in (("low", self.low), ("high", self.high)):
            if type(bound) is not int or not -(2**62) <= bound <= 2**62:
                raise ValueError(f"integer({what}={bound!r}): write an int between -2**62 and 2**62")
        if self.low > self.high:
            raise ValueError(f"integer({self.low}, {self.high}) is empty: write the smaller bound first")

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Sizes in which this input comes: None, for it is always one number."""
        return None

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return False

    def describe(self) -> str:
        """The domain in words, for reports."""
        return f"an integer in [{self.low}, {self.high}]"

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Bounds, small numbers, powers of two, and the first integers that the format skips; increasing."""
        powers = [1 << k for k in (0, 1, 2, 3, 4, 7, 8, 10, format.precision)]
        wanted = {self.low, self.low + 1, self.high - 1, self.high, 0}
        wanted |= {sign * (power + step) for power in powers for sign in (-1, 1) for step in (-1, 0, 1)}
        return torch.tensor(sorted(n for n in wanted if self.low <= n <= self.high), dtype=torch.int64)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """One number from each of `count` equal stretches of the interval, shuffled."""
        return torch.from_numpy(_stratified(self.low, self.high, count, rng))

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Mostly small steps away from the bound nearest to zero, log-uniform, as counters and sizes are."""
        start = min(max(0, self.low), self.high)
        up, down = self.high - start, start - self.low
        upwards = rng.random(count) * (up + down) < up
        room = np.where(upwards, up, down).astype(np.float64)
        steps = np.minimum(np.expm1(rng.random(count) * np.log1p(room)).round(), room).astype(np.int64)
        values = np.clip(start + np.where(upwards, steps, -steps), self.low, self.high)
        return torch.from_numpy(values)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """Every number in increasing order, or None where they are more than 65,536."""
        return torch.arange(self.low, self.high + 1) if self.high - self.low < _FEW else None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[int]":
        """Integers, nearest to zero first."""
        from hypothesis import strategies as st

        return st.integers(self.low, self.high)

    def parse(self, text: str, format: Format) -> int:
        """An integer, decimal or with a prefix such as 0x; it may lie outside the domain."""
        return _parse_integer(text)

    def column(self, values: Sequence[int], format: Format) -> torch.Tensor:
        """Values as a column."""
        return torch.tensor(values, dtype=torch.int64)


@dataclass(frozen=True)
class OneOf:
    """One of a few choices.

    Where all are ints (class labels) a column is int64 with shape (N,); otherwise they are settings (a rate,
    a mode, a curve) and a column is a tuple of N Python values. A setting that is a float is that double,
    whatever the format under test.
    """

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("one_of() has no choices: write them as arguments, one_of(0, 1)")
        texts = [str(choice) for choice in self.choices]
        if len(set(texts)) < len(texts):
            raise ValueError(f"one_of({', '.join(texts)}): write each choice once")
        for choice in self.choices:
            if isinstance(choice, (list, dict, set, np.ndarray, torch.Tensor)) or choice != choice:
                raise ValueError(
                    f"one_of(..., {choice!r}, ...): write numbers, strings, None or frozen objects"
                )

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Sizes in which this input comes: None, for a choice is one value."""
        return None

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return False

    @property
    def is_setting(self) -> bool:
        """Whether a routine gets a plain Python value rather than a tensor: unless all choices are ints."""
        return not all(type(choice) is int for choice in self.choices)

    def describe(self) -> str:
        """The domain in words, for reports."""
        return "one of " + ", ".join(str(choice) for choice in self.choices)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> Column:
        """All choices, in the order of their declaration."""
        return self.column(self.choices, format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> Column:
        """Choices in random order, each as often as any other (one more at most)."""
        return self.column(_evenly(self.choices, count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> Column:
        """The same as `sweep`."""
        return self.sweep(format, count, size, rng)

    def exhaustive(self, format: Format) -> Column | None:
        """All choices, in the order of their declaration."""
        return self.column(self.choices, format)

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[Any]":
        """Choices, the first declared being the simplest."""
        from hypothesis import strategies as st

        return st.sampled_from(self.choices)

    def parse(self, text: str, format: Format) -> Any:
        """The choice that is written like this; numbers are compared by value."""
        for choice in self.choices:
            if text.strip() == str(choice) or _same_number(text, choice):
                return choice
        raise ValueError(
            f"write one of {', '.join(str(choice) for choice in self.choices)} instead of {text!r}"
        )

    def column(self, values: Sequence[Any], format: Format) -> Column:
        """Values as a column."""
        return tuple(values) if self.is_setting else torch.tensor(values, dtype=torch.int64)


@dataclass(frozen=True)
class Index:
    """A position in [0, size) of the ragged inputs, or one of `extra`; a column is int64 with shape (N,)."""

    sizes: tuple[int, ...]
    extra: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_sizes("index", self.sizes, 1)
        if not isinstance(self.extra, tuple) or any(type(n) is not int for n in self.extra):
            raise ValueError(f"index(extra={self.extra!r}): write a tuple of ints such as extra=(-100,)")

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Sizes of the axis that is indexed."""
        return self.sizes

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return False

    def choices(self, size: int | None) -> tuple[int, ...]:
        """All values for one size."""
        return (*range(_known_size("index", size)), *self.extra)

    def describe(self) -> str:
        """The domain in words, for reports."""
        return "an index" + (f", or {', '.join(map(str, self.extra))}" if self.extra else "")

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """All values for this size."""
        return self.column(self.choices(size), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Values in random order, each as often as any other (one more at most)."""
        return self.column(_evenly(self.choices(size), count, rng), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """The same as `sweep`."""
        return self.sweep(format, count, size, rng)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """None: there is another list for each size."""
        return None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[int]":
        """Values for this size, 0 being the simplest."""
        from hypothesis import strategies as st

        return st.sampled_from(self.choices(size))

    def parse(self, text: str, format: Format) -> int:
        """An index that counts from zero, or one of `extra`."""
        number = _parse_integer(text)
        if number < 0 and number not in self.extra:
            allowed = ", or ".join(map(str, ("an index from 0 on", *self.extra)))
            raise ValueError(f"write {allowed} instead of {text!r}")
        return number

    def column(self, values: Sequence[int], format: Format) -> torch.Tensor:
        """Values as a column."""
        return torch.tensor(values, dtype=torch.int64)


@dataclass(frozen=True)
class Vector:
    """Several numbers of the format in [low, high]; a column has shape (N, size).

    All ragged inputs of one formula declare the same `sizes`.
    """

    low: float
    high: float
    sizes: tuple[int, ...] = (2, 3, 8)
    near: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_interval("vector", self.low, self.high, self.near)
        _check_sizes("vector", self.sizes, 1)

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Numbers of entries that are tried."""
        return self.sizes

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return True

    def describe(self) -> str:
        """The domain in words, for reports."""
        sizes = ", ".join(map(str, self.sizes))
        return f"a vector of {sizes} reals" + _interval_in_words(self.low, self.high, self.near)

    def ordinals(self, format: Format) -> tuple[int, int]:
        """First and last ordinal of an entry in the format."""
        return _ordinal_bounds("vector", self.low, self.high, format)

    def corners(self, format: Format, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """All equal, one huge, one tiny, extremes, ties, offsets with a small spread; each scalar corner."""
        rows = _vector_corners(*self.ordinals(format), self.near, _known_size("vector", size), format, rng)
        return _values_at(rows, format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Entries that are ordinal-uniform each for itself."""
        low, high = self.ordinals(format)
        axes = [_stratified(low, high, count, rng) for _ in range(_known_size("vector", size))]
        return _values_at(np.stack(axes, axis=1), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Data-like rows: normal, log-normal, a large common offset with a small spread within the row."""
        return _data_like(*self.ordinals(format), (count, _known_size("vector", size)), format, rng)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """None: the values are too many."""
        return None

    def strategy(self, format: Format, size: int | None) -> "SearchStrategy[list[float]]":
        """Lists of unlike entries, and of entries a few ulps apart; see `Real.strategy`."""
        from hypothesis import strategies as st

        low, high = self.ordinals(format)
        length = _known_size("vector", size)
        entries = st.lists(_scalar_strategy(low, high, self.near, format), min_size=length, max_size=length)
        steps = st.lists(st.integers(-8, 8), min_size=length, max_size=length)

        def row(alike: bool, entries: list[float], steps: list[int]) -> list[float]:
            if not alike:
                return entries
            middle = _ordinal_of(entries[0], format)
            return [_value_of(min(max(middle + step, low), high), format) for step in steps]

        return st.builds(row, st.booleans(), entries, steps)

    def parse(self, text: str, format: Format) -> list[float]:
        """Numbers with commas between them, such as 1,2,3."""
        return [_parse_number(part, format) for part in text.split(",")]

    def column(self, values: Sequence[Sequence[float]], format: Format) -> torch.Tensor:
        """Values, rounded to the format once, as a column."""
        return format.round(torch.tensor(values, dtype=torch.float64))


@dataclass(frozen=True)
class Simplex:
    """Several numbers of the format, none negative, whose sum is one; a column has shape (N, size).

    Dyadic ones sum to one exactly. The others are rounded entry by entry, so that their sum differs from one
    by at most the unit roundoff plus, for each entry, the smallest subnormal.
    """

    sizes: tuple[int, ...] = (2, 3, 8)

    def __post_init__(self) -> None:
        _check_sizes("simplex", self.sizes, 1)

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Numbers of entries that are tried."""
        return self.sizes

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return True

    def describe(self) -> str:
        """The domain in words, for reports."""
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
        return format.round(torch.tensor(list(unlike), dtype=torch.float64))

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Entries with logarithms uniform over the magnitudes below one, before they are normalised."""
        shape = (count, _known_size("simplex", size))
        lowest = math.log(format.smallest_subnormal)
        reach = lowest * rng.random(
            (count, 1)
        )  # else one entry would nearly always be one, and the others nothing
        return _normalised(np.exp(reach * rng.random(shape)), format)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Softmax outputs of normal logits, some with entries masked to exactly zero."""
        shape = (count, _known_size("simplex", size))
        scale = rng.choice([0.1, 1.0, 5.0, 20.0], size=(count, 1))
        weights = np.exp(np.clip(scale * rng.standard_normal(shape), -300, 300))
        masked = (rng.random(shape) < 0.3) & (rng.random((count, 1)) < 0.2)
        masked[:, 0] &= ~masked.all(axis=1)
        return _normalised(np.where(masked, 0.0, weights), format)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """None: the values are too many."""
        return None

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

    def parse(self, text: str, format: Format) -> list[float]:
        """Numbers with commas between them, such as 0.5,0.25,0.25."""
        return [_parse_number(part, format) for part in text.split(",")]

    def column(self, values: Sequence[Sequence[float]], format: Format) -> torch.Tensor:
        """Values, rounded to the format once, as a column."""
        return format.round(torch.tensor(values, dtype=torch.float64))


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

    def __post_init__(self) -> None:
        _check_sizes("polygon", self.sizes, 3)
        for what, pair, example in (
            ("radius", self.radius, "(1e-6, 1e3)"),
            ("centre", self.centre, "(0, 1e8)"),
        ):
            if (
                not isinstance(pair, tuple)
                or len(pair) != 2
                or not all(_is_number(x) and math.isfinite(x) for x in pair)
            ):
                raise ValueError(
                    f"polygon({what}={pair!r}): write a pair of finite numbers such as {what}={example}"
                )
            if not 0 <= pair[0] <= pair[1] or (what == "radius" and pair[0] == 0):
                raise ValueError(
                    f"polygon({what}={pair!r}): write the smaller distance first, as in {what}={example}"
                )

    @property
    def ragged(self) -> tuple[int, ...] | None:
        """Numbers of vertices that are tried."""
        return self.sizes

    @property
    def differentiable(self) -> bool:
        """Whether a gradient with respect to this input means anything."""
        return True

    def describe(self) -> str:
        """The domain in words, for reports."""
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
        return self._rounded(np.array(rows), format)

    def sweep(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Stars whose radius, distance and flatness are log-uniform; far, tiny and thin ones are common."""
        low, high = self._radii(format)
        radius = low * (high / low) ** ((rng.permutation(count) + rng.random(count)) / max(count, 1))
        # Most distances leave at least two bits to the shape; a tenth may use up all of them.
        room = radius * 2.0 ** np.where(rng.random(count) < 0.9, format.precision - 2, format.precision + 2)
        nearest = np.maximum(self.centre[0], radius * 2.0**-4)
        farthest = np.maximum(np.minimum(self.centre[1], room), self.centre[0])
        spread = np.maximum(farthest / nearest, 1.0) ** rng.random(count)
        distance = np.where(
            (rng.random(count) < 0.25) & (self.centre[0] == 0), 0.0, np.minimum(nearest * spread, farthest)
        )
        thin = np.where(rng.random(count) < 0.5, 2.0 ** -(rng.random(count) * format.precision), 1.0)
        return self._stars(radius, distance, thin, _known_size("polygon", size), format, rng)

    def sample(self, format: Format, count: int, size: int | None, rng: np.random.Generator) -> torch.Tensor:
        """Stars as data have them: log-normal sizes, at most a few hundred radii away, seldom thin."""
        radius = np.clip(np.exp(rng.standard_normal(count)), *self._radii(format))
        away = np.where(
            rng.random(count) < 0.2, 0.0, radius * 2.0 ** (rng.random(count) * min(8, format.precision - 2))
        )
        distance = np.clip(away, *self.centre)
        thin = np.where(rng.random(count) < 0.2, 2.0 ** -(rng.random(count) * 4), 1.0)
        return self._stars(radius, distance, thin, _known_size("polygon", size), format, rng)

    def exhaustive(self, format: Format) -> torch.Tensor | None:
        """None: the values are too many."""
        return None

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
            return self._rounded(star[None] * 2.0**scale, format)[0].to(torch.float64).tolist()

        return lattice()

    def parse(self, text: str, format: Format) -> list[list[float]]:
        """Vertices x,y with semicolons between them, such as 0,0;1,0;0,1."""
        vertices = [[_parse_number(part, format) for part in vertex.split(",")] for vertex in text.split(";")]
        if any(len(vertex) != 2 for vertex in vertices):
            raise ValueError(f'write vertices as "x,y;x,y;x,y" instead of {text!r}')
        return vertices

    def column(self, values: Sequence[Sequence[Sequence[float]]], format: Format) -> torch.Tensor:
        """Values, rounded to the format once, as a column."""
        return format.round(torch.tensor(values, dtype=torch.float64))

    def _radii(self, format: Format) -> tuple[float, float]:
        """Smallest and largest radius, where the format has room for a shape."""
        least, most = 16 * format.smallest_subnormal, format.largest / 8
        return min(max(self.radius[0], least), most), min(max(self.radius[1], least), most)

    def _stars(
        self,
        radius: _Doubles,
        distance: _Doubles,
        thin: _Doubles,
        n: int,
        format: Format,
        rng: np.random.Generator,
    ) -> torch.Tensor:
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
        return self._rounded(xy, format)

    def _rounded(self, xy: _Doubles, format: Format) -> torch.Tensor:
        return format.round(torch.from_numpy(np.clip(xy, -format.largest, format.largest) + 0.0))


Domain = Real | Integer | OneOf | Index | Vector | Simplex | Polygon


# -- how a formula writes them -------------------------------------------------------------------------------


def real(low: float, high: float, near: Iterable[float] = ()) -> Real:
    """One real number in [low, high]; `near` lists its kinks. Infinite bounds make infinities inputs."""
    return Real(low, high, _as_tuple("real", "near", near))


def integer(low: int, high: int) -> Integer:
    """One integer in [low, high], which a formula sees as an exact real."""
    return Integer(low, high)


def one_of(*choices: Any) -> OneOf:
    """One of the arguments: class labels where all are ints, settings otherwise."""
    return OneOf(choices)


def index(sizes: Iterable[int] = (2, 3, 8), extra: Iterable[int] = ()) -> Index:
    """A position along the ragged inputs, or one of `extra`, such as the -100 of an ignored target."""
    return Index(_as_tuple("index", "sizes", sizes), _as_tuple("index", "extra", extra))


def vector(low: float, high: float, sizes: Iterable[int] = (2, 3, 8), near: Iterable[float] = ()) -> Vector:
    """Several reals in [low, high], as many as each of `sizes` says."""
    return Vector(low, high, _as_tuple("vector", "sizes", sizes), _as_tuple("vector", "near", near))


def simplex(sizes: Iterable[int] = (2, 3, 8)) -> Simplex:
    """Probabilities: numbers from 0 to 1 whose sum is one."""
    return Simplex(_as_tuple("simplex", "sizes", sizes))


def polygon(
    sizes: Iterable[int] = (3, 4, 8),
    radius: tuple[float, float] = (1e-6, 1e3),
    centre: tuple[float, float] = (0, 1e8),
) -> Polygon:
    """Vertices (size, 2) of a star polygon: far from the origin, tiny and thin ones included."""
    return Polygon(_as_tuple("polygon", "sizes", sizes), radius, centre)


def curve(*names: str) -> OneOf:
    """A setting: one of the named increasing curves on [0, 1], all of `CURVES` where none is named."""
    return OneOf(tuple(Curve(name) for name in names) or CURVES)


# -- curves --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """An increasing curve from (0, 0) to (1, 1), known by its name.

    `curve(x)` and `curve.derivative(x)` use only + - * / and integer powers of their argument and small
    integers, so they are exact on exact numbers (reals, `Fraction`) and work on tensors alike.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _SHAPES:
            raise ValueError(f"unknown curve {self.name!r}: write one of {', '.join(_SHAPES)}")

    def __str__(self) -> str:
        return self.name

    def __call__(self, x: Any) -> Any:
        """Height of the curve at x in [0, 1]."""
        return _SHAPES[self.name].height(x)

    def derivative(self, x: Any) -> Any:
        """Slope of the curve at x in [0, 1]; zero at the flat points of some."""
        return _SHAPES[self.name].slope(x)

    @property
    def inverse(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The function on tensors that finds the x at which the curve has a given height in [0, 1]."""
        return _SHAPES[self.name].inverse


@dataclass(frozen=True)
class _Shape:
    height: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    inverse: Callable[[torch.Tensor], torch.Tensor]


def _one(x: Any) -> Any:
    return x**0


def _cube_root(y: torch.Tensor) -> torch.Tensor:
    return y.sign() * y.abs() ** (1 / 3)


_SHAPES: Mapping[str, _Shape] = {
    "line": _Shape(lambda x: x * 1, _one, lambda y: y * 1),
    "square": _Shape(lambda x: x**2, lambda x: 2 * x, lambda y: y.sqrt()),
    "cube": _Shape(lambda x: x**3, lambda x: 3 * x**2, _cube_root),
    "ninth": _Shape(lambda x: x**9, lambda x: 9 * x**8, lambda y: y ** (1 / 9)),
    "late_cube": _Shape(
        lambda x: 1 - (1 - x) ** 3, lambda x: 3 * (1 - x) ** 2, lambda y: 1 - _cube_root(1 - y)
    ),
    "smoothstep": _Shape(
        lambda x: x * x * (3 - 2 * x),
        lambda x: 6 * x * (1 - x),
        # sin(3 t) = 3 sin t - 4 sin(t)**3 with sin t = 1/2 - x
        lambda y: 0.5 - ((1 - 2 * y).asin() / 3).sin(),
    ),
    # x / (x + c (1 - x)) for c = 4 and c = 1/4, each the inverse of the other
    "slow_start": _Shape(
        lambda x: x / (4 - 3 * x), lambda x: 4 / (4 - 3 * x) ** 2, lambda y: 4 * y / (1 + 3 * y)
    ),
    "quick_start": _Shape(
        lambda x: 4 * x / (1 + 3 * x), lambda x: 4 / (1 + 3 * x) ** 2, lambda y: y / (4 - 3 * y)
    ),
    # 4 (x - 1/2)**3 + 1/2: flat exactly at 1/2, where a Newton iteration likes to begin
    "plateau": _Shape(
        lambda x: ((2 * x - 1) ** 3 + 1) / 2,
        lambda x: 3 * (2 * x - 1) ** 2,
        lambda y: (1 + _cube_root(2 * y - 1)) / 2,
    ),
}

CURVES: tuple[Curve, ...] = tuple(Curve(name) for name in _SHAPES)
"""All named curves."""


# -- points --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one formula in one format: a column for each input, all of one length, and where each point
    comes from.

    `origin` holds "corner", "sweep", "sample", "ladder" or "given"; `size` is that of the ragged inputs, None
    where there are none.
    """

    columns: Mapping[str, Column]
    origin: NDArray[np.str_]
    size: int | None = None

    def __len__(self) -> int:
        return len(self.origin)

    def select(self, index: NDArray[Any] | Sequence[int]) -> "Points":
        """The points at these positions (or where a mask is true), in this order."""
        places = np.asarray(index)
        places = np.flatnonzero(places) if places.dtype == np.bool_ else places.astype(np.int64)
        columns = {name: _taken(column, places) for name, column in self.columns.items()}
        return Points(columns, self.origin[places], self.size)

    @staticmethod
    def concatenate(parts: Sequence["Points"]) -> "Points":
        """All points of several draws of the same inputs and size, one after the other."""
        columns = {name: _joined([part.columns[name] for part in parts]) for name in parts[0].columns}
        return Points(columns, np.concatenate([part.origin for part in parts]), parts[0].size)


def draw(inputs: Mapping[str, Domain], format: Format, count: int, seed: int, name: str) -> list[Points]:
    """At least `count` points of the formula called `name`, as one `Points` for each size of its ragged
    inputs.

    About a third each are corners, sweep and sample. Every corner of every input occurs, beside corners and
    beside samples of the others; choices are spread evenly, and where there are few of them each meets every
    corner. Inputs of one kind are equal, or a few ulps apart, at some of the corners and samples, because
    that is where differences cancel.
    """
    sizes = _sizes_of(inputs)
    words = [zlib.crc32(word.encode()) for word in (name, format.name)]
    seeds = np.random.SeedSequence([seed, *words]).spawn(len(sizes))
    each = -(-count // len(sizes))
    return [
        _draw_size(inputs, format, each, size, np.random.default_rng(s))
        for size, s in zip(sizes, seeds, strict=True)
    ]


def _draw_size(
    inputs: Mapping[str, Domain], format: Format, count: int, size: int | None, rng: np.random.Generator
) -> Points:
    third = -(-count // 3)
    numeric = {name: domain for name, domain in inputs.items() if not isinstance(domain, (OneOf, Index))}
    combinations = _Combinations.of(inputs, size, rng)
    parts = [_corner_points(numeric, combinations, format, third, size, rng)]
    rest = max(count - len(parts[0]), 2 * third)
    for origin, share in (("sweep", rest // 2), ("sample", rest - rest // 2)):
        columns: dict[str, Column] = {}
        for name, domain in numeric.items():
            pick = domain.sweep if origin == "sweep" else domain.sample
            columns[name] = pick(format, share, size, rng)
        if origin == "sample":
            columns = _brought_together(
                numeric, columns, share // 8, 1 << (format.precision // 2), format, rng
            )
        columns |= combinations.columns(np.arange(share), format)
        parts.append(_points(columns, origin, share, size))
    points = Points.concatenate(parts)
    return Points({name: points.columns[name] for name in inputs}, points.origin, size)


def _corner_points(
    numeric: Mapping[str, Domain],
    combinations: "_Combinations",
    format: Format,
    third: int,
    size: int | None,
    rng: np.random.Generator,
) -> Points:
    corners = {name: domain.corners(format, size, rng) for name, domain in numeric.items()}
    longest = max((len(column) for column in corners.values()), default=0)
    if not corners:
        count = min(combinations.total, max(third, 1))
        return _points(combinations.columns(np.arange(count), format), "corner", count, size)

    # Corners beside corners: in each round every corner of every input occurs, and the choices move on
    # by a number coprime to theirs, so that each round brings a corner others and no choice is left out.
    rounds = min(combinations.total, max(1, third // longest))
    stride = max(1, combinations.total // rounds)
    while math.gcd(stride, combinations.total) > 1:
        stride += 1
    parts: list[Points] = []
    for turn in range(rounds):
        columns: dict[str, Column] = {}
        for place, (name, column) in enumerate(corners.items()):
            laps = -(-longest // len(column))
            order = np.arange(len(column))
            order = np.concatenate(
                [rng.permutation(order) if place or lap else order for lap in range(laps)]
            )[:longest]
            columns[name] = _taken(column, order)
        columns |= combinations.columns(np.arange(longest) + turn * stride, format)
        parts.append(_points(columns, "corner", longest, size))
    if len(corners) == 1:
        return Points.concatenate(parts)

    # Corners beside samples, as many as there is room for.
    chosen = np.concatenate(
        [np.stack([np.full(len(c), i), np.arange(len(c))], 1) for i, c in enumerate(corners.values())]
    )
    room = max(third - rounds * longest, third // 2)
    chosen = rng.permutation(chosen)[:room]
    columns = {}
    for place, (name, domain) in enumerate(numeric.items()):
        usual = domain.sample(format, len(chosen), size, rng)
        mine = chosen[:, 0] == place
        columns[name] = _replaced(usual, np.flatnonzero(mine), _taken(corners[name], chosen[mine, 1]))
    columns |= combinations.columns(np.arange(len(chosen)), format)
    parts.append(_points(columns, "corner", len(chosen), size))

    # Inputs of one kind that are equal or nearly so.
    points = Points.concatenate(parts)
    close = points.select(rng.permutation(len(points))[: max(16, third // 8)])
    together = _brought_together(numeric, close.columns, len(close), 3, format, rng)
    return Points.concatenate([points, Points(together, close.origin, size)])


def _points(columns: Mapping[str, Column], origin: str, count: int, size: int | None) -> Points:
    return Points(columns, np.full(count, origin, dtype="<U6"), size)


def _brought_together(
    numeric: Mapping[str, Domain],
    columns: Mapping[str, Column],
    count: int,
    reach: int,
    format: Format,
    rng: np.random.Generator,
) -> dict[str, Column]:
    """The columns with, at the first `count` points, one input equal or up to `reach` ulps from another."""
    changed = dict(columns)
    kinds = (Real, Vector, Simplex, Polygon)
    pairs = [
        (one, other)
        for one, domain in numeric.items()
        for other, target in numeric.items()
        if one != other and type(domain) is type(target) and isinstance(domain, kinds)
    ]
    if not pairs or not count:
        return changed
    which = rng.integers(0, len(pairs), size=count)
    for number, (one, other) in enumerate(pairs):
        places = np.flatnonzero(which == number)
        source, target = changed[one], changed[other]
        if not isinstance(source, torch.Tensor) or not isinstance(target, torch.Tensor):
            raise TypeError(f"{one} and {other} must be tensors")
        rows = format.to_ordinals(source[torch.from_numpy(places)]).numpy()
        domain = numeric[other]
        if isinstance(domain, (Real, Vector)):
            steps = rng.integers(-reach, reach, size=rows.shape, endpoint=True)
            apart = (rng.random(len(places)) < 0.5).reshape((-1,) + (1,) * (rows.ndim - 1))
            rows = np.clip(rows, *domain.ordinals(format))
            rows = np.clip(rows + np.where(apart, steps, 0), *domain.ordinals(format))
        changed[other] = _replaced(target, places, _values_at(rows, format))
    return changed


@dataclass(frozen=True)
class _Combinations:
    """All ways to choose the discrete inputs, as numbers in mixed radix, in a shuffled order."""

    domains: Mapping[str, OneOf | Index]
    choices: Mapping[str, tuple[Any, ...]]
    order: _Ints

    @staticmethod
    def of(inputs: Mapping[str, Domain], size: int | None, rng: np.random.Generator) -> "_Combinations":
        domains = {name: domain for name, domain in inputs.items() if isinstance(domain, (OneOf, Index))}
        choices = {
            name: d.choices if isinstance(d, OneOf) else d.choices(size) for name, d in domains.items()
        }
        total = math.prod(len(c) for c in choices.values())
        order = rng.permutation(total) if total <= _FEW else rng.integers(0, min(total, 2**62), size=_FEW)
        return _Combinations(domains, choices, order)

    @property
    def total(self) -> int:
        return len(self.order)

    def columns(self, turns: _Ints, format: Format) -> dict[str, Column]:
        """The combinations of these turns, one for each point."""
        numbers = self.order[turns % self.total]
        columns: dict[str, Column] = {}
        for name, domain in self.domains.items():
            choices = self.choices[name]
            columns[name] = domain.column([choices[i] for i in (numbers % len(choices)).tolist()], format)
            numbers = numbers // len(choices)
        return columns


def _sizes_of(inputs: Mapping[str, Domain]) -> tuple[int | None, ...]:
    ragged = {name: domain.ragged for name, domain in inputs.items() if domain.ragged is not None}
    if len(set(ragged.values())) > 1:
        listed = ", ".join(f"{name} has {sizes}" for name, sizes in ragged.items())
        raise ValueError(f"inputs of one formula must declare the same sizes: {listed}")
    return next(iter(ragged.values()), (None,))


def _taken(column: Column, places: _Ints) -> Column:
    if isinstance(column, tuple):
        return tuple(column[i] for i in places.tolist())
    return column[torch.from_numpy(places)]


def _joined(columns: Sequence[Column]) -> Column:
    tensors = [column for column in columns if isinstance(column, torch.Tensor)]
    if tensors:
        return torch.cat(tensors)
    return tuple(value for column in columns if isinstance(column, tuple) for value in column)


def _replaced(column: Column, places: _Ints, rows: Column) -> torch.Tensor:
    if not isinstance(column, torch.Tensor) or not isinstance(rows, torch.Tensor):
        raise TypeError("only tensors have rows to replace")
    changed = column.clone()
    changed[torch.from_numpy(places)] = rows
    return changed


def _evenly(choices: tuple[_T, ...], count: int, rng: np.random.Generator) -> list[_T]:
    return [choices[i] for i in rng.permutation(count).__mod__(len(choices)).tolist()]


# -- ordinals of one number ----------------------------------------------------------------------------------


def _ordinal_of(value: float, format: Format) -> int:
    """Ordinal of one value of the format, as `Format.to_ordinals` has it, without a tensor around it."""
    if math.isinf(value):
        return format.highest_ordinal if value > 0 else format.lowest_ordinal
    significand, exponent = math.frexp(abs(value))
    if value == 0 or exponent - 1 < format.min_exponent:
        magnitude = int(math.ldexp(abs(value), format.precision - 1 - format.min_exponent))
    else:
        binades = (exponent - 1 - format.min_exponent) << (format.precision - 1)
        magnitude = binades + int(math.ldexp(significand, format.precision))
    return -magnitude - format.has_negative_zero if math.copysign(1, value) < 0 else magnitude


def _value_of(ordinal: int, format: Format) -> float:
    """Value with this ordinal, the inverse of `_ordinal_of`."""
    if ordinal < 0:
        return -_value_of(-ordinal - format.has_negative_zero, format)
    if format.has_infinity and ordinal == format.highest_ordinal:
        return math.inf
    hidden = 1 << (format.precision - 1)
    binade = max(ordinal // hidden - 1, 0)
    return math.ldexp(ordinal - binade * hidden, format.min_exponent - format.precision + 1 + binade)


def _values_at(ordinals: _Ints, format: Format) -> torch.Tensor:
    return format.from_ordinals(torch.from_numpy(np.ascontiguousarray(ordinals, dtype=np.int64)))


def _ordinal_bounds(kind: str, low: float, high: float, format: Format) -> tuple[int, int]:
    """First and last ordinal of [low, high]: bounds between two values of the format move inwards."""
    first = _first_ordinal(low, format)
    # Mirrored, because the last value up to `high` is minus the first one from -high on; -0 mirrors +0.
    last = (
        -_first_ordinal(-high if high != 0 else -math.copysign(0.0, high), format) - format.has_negative_zero
    )
    if first > last:
        raise ValueError(f"{kind}({low}, {high}) holds no value of {format.name}: write wider bounds")
    return first, last


def _first_ordinal(low: float, format: Format) -> int:
    if math.isinf(low):
        return format.lowest_ordinal
    if low == 0:
        return _ordinal_of(low, format)
    exact = Fraction(low)
    if abs(exact) > Fraction(format.largest):
        return _ordinal_of(math.copysign(format.largest, low), format) + (low > 0)
    nearest = format.round_rational(exact)
    return _ordinal_of(nearest, format) + (Fraction(nearest) < exact)


def _stratified(low: int, high: int, count: int, rng: np.random.Generator) -> _Ints:
    """One integer from each of `count` equal stretches of [low, high], shuffled."""
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    span = high - low + 1  # float64 has nearly 2**64 ordinals, so this stays a Python integer
    width, rest = divmod(span, count)
    if width == 0:
        return rng.permutation(low + np.arange(count) * span // count)
    steps = rng.integers(0, width, size=count, dtype=np.uint64)
    steps[-1] = rng.integers(0, width + rest, dtype=np.uint64)
    places = np.arange(count, dtype=np.uint64) * np.uint64(width) + steps
    return rng.permutation((places + np.uint64(low % 2**64)).view(np.int64))


def _corner_ordinals(low: int, high: int, near: Sequence[float], format: Format) -> _Ints:
    """Ordinals in [low, high] at which code breaks, increasing: see `Real.corners`."""
    largest, p = format.largest, format.precision
    most = _ordinal_of(largest, format)
    wanted: set[int] = set()

    def add(ordinal: int, reach: int) -> None:
        wanted.update(range(ordinal - reach, ordinal + reach + 1))

    def add_both(value: float, reach: int) -> None:
        add(_ordinal_of(value, format), reach)
        add(_ordinal_of(-value, format), reach)

    add_both(0.0, 3)
    add(low, 3)
    add(high, 3)
    for value in near:
        place = _ordinal_of(_nearest(value, format), format)
        add(place, 3)
        if value == 0:
            add_both(0.0, 3)
    add_both(1.0, 1)
    add_both(format.smallest_normal, 1)
    add_both(largest, 1)
    # exp leaves the format's range beyond the first, and its normal and subnormal numbers below the others.
    for extreme in (largest, format.smallest_normal, format.smallest_subnormal):
        add_both(_nearest(abs(math.log(extreme)), format), 1)
    exponents = {*range(-3, 4), -1 - p, -p, 1 - p, -(p // 2), p // 2, p - 1, p, p + 1}
    exponents |= {
        format.min_exponent // 2,
        format.min_exponent,
        (format.max_exponent + 1) // 2,
        format.max_exponent,
    }
    for bound in (low, high):
        value = _value_of(min(max(bound, -most - format.has_negative_zero), most), format)
        if value != 0:
            exponents |= {math.frexp(value)[1] - k for k in (0, 1, 2, 3)}
    for exponent in exponents:
        if format.min_exponent - p + 1 <= exponent <= format.max_exponent:
            add_both(2.0**exponent, 0)
    return np.array(sorted(ordinal for ordinal in wanted if low <= ordinal <= high), dtype=np.int64)


def _nearest(value: float, format: Format) -> float:
    """The format's value nearest to a number, its largest one (or infinity) where that is out of range."""
    if math.isinf(value) or value == 0:
        return value
    exact = min(max(Fraction(value), -Fraction(format.largest)), Fraction(format.largest))
    return format.round_rational(exact)


def _core_ordinals(low: int, high: int, format: Format) -> list[int]:
    """The few ordinals in [low, high] that a vector repeats in all its entries."""
    values = [0.0, 1.0, format.largest, format.smallest_normal, format.smallest_subnormal, math.inf]
    wanted = {_ordinal_of(sign * value, format) for value in values for sign in (1, -1)} | {low, high}
    return sorted(ordinal for ordinal in wanted if low <= ordinal <= high)


def _vector_corners(
    low: int, high: int, near: Sequence[float], size: int, format: Format, rng: np.random.Generator
) -> _Ints:
    """Rows of ordinals: see `Vector.corners`."""
    single = _corner_ordinals(low, high, near, format)
    core = _core_ordinals(low, high, format)
    finite = [ordinal for ordinal in core if math.isfinite(_value_of(ordinal, format))] or core
    plain = min(max(_ordinal_of(1.0, format), low), high)
    small = min(max(0, low), high)
    rows: list[_Ints] = []

    def add(row: Iterable[int]) -> None:
        rows.append(np.clip(np.fromiter(row, dtype=np.int64, count=size), low, high))

    for value in core:
        add([value] * size)
    for value in (
        min(finite),
        max(finite),
        low,
        high,
    ):  # one huge, beside zeros and beside ones; the others infinite
        add([value] + [small] * (size - 1))
        add([plain] * (size - 1) + [value])
        add([value if i != size // 2 else plain for i in range(size)])
    for value in finite:  # one tiny beside ones is among these, and so is a tie of all but one at the maximum
        add([value if i == size - 1 else plain for i in range(size)])
        add([value if i < size - 1 else value - 1 for i in range(size)])
    for value in (plain, max(finite)):  # a tie of two at the maximum
        add([value if i in (0, size - 1) else small for i in range(size)])
    add([min(finite) if i % 2 else max(finite) for i in range(size)])
    add([max(finite) if i % 2 else min(finite) for i in range(size)])
    add([low if i % 2 else small for i in range(size)])
    p = format.precision
    reach = max(abs(_value_of(end, format)) for end in finite)
    octaves = (p // 2, p - 1, p, math.frexp(reach)[1] - 2)  # the last is within the domain if it is near zero
    offsets = [sign * 2.0**k for k in dict.fromkeys(octaves) for sign in (1, -1) if k < format.max_exponent]
    offsets = [v for v in offsets if low <= _ordinal_of(_nearest(v, format), format) <= high]
    for value in (*offsets, _value_of(max(finite), format), _value_of(min(finite), format)):
        place = _ordinal_of(_nearest(value, format), format)
        add([place + i for i in range(size)])
        add([place - 3 * i for i in range(size)])
    for value in offsets:  # sums that cancel
        pair = [_ordinal_of(_nearest(v, format), format) for v in (value, -value)]
        add([pair[i] if i < 2 else plain for i in range(size)])
    # Each scalar corner once, in turn at every position, among ordinary numbers.
    usual = format.to_ordinals(_data_like(low, high, (len(single), size), format, rng)).numpy().copy()
    usual[np.arange(len(single)), np.arange(len(single)) % size] = single
    return np.unique(np.concatenate([np.stack(rows), usual]), axis=0)


def _data_like(
    low: int, high: int, shape: tuple[int, ...], format: Format, rng: np.random.Generator
) -> torch.Tensor:
    """Finite values between two ordinals, as data have them; each row along the first axis is of one sort.

    Standard normal, normal as wide as the domain, log-normal, or a large offset (of the row) with a small
    spread. What would fall outside is drawn uniformly instead, so that the bounds collect no points.
    """
    most = _ordinal_of(format.largest, format)
    low = min(max(low, -most - format.has_negative_zero), most)
    high = min(max(high, -most - format.has_negative_zero), most)
    least, top = _value_of(low, format), _value_of(high, format)
    of_row = (shape[0],) + (1,) * (len(shape) - 1)
    reach = max(abs(least), abs(top))
    floor = max(min(abs(least), abs(top)) if least * top > 0 else 0.0, format.smallest_subnormal)

    normal = rng.standard_normal(shape)
    sign, row_sign = (
        np.where(least >= 0, 1.0, np.where(top <= 0, -1.0, rng.choice([-1.0, 1.0], size=of)))
        for of in (shape, of_row)
    )
    standard = normal if least < 0 < top else sign * np.abs(normal)
    # Halved before they are added: the width of a whole format overflows.
    middle, half = least / 2 + top / 2, top / 2 - least / 2
    wide = middle + half / 3 * normal if half < 1e6 else standard * 10.0 ** rng.integers(0, 6, size=of_row)
    centre = min(max(1.0, floor), reach) if reach > 0 else 1.0
    lognormal = sign * centre * np.exp(np.clip(2.5 * normal, -80, 80))
    octaves = min(max(math.log2(reach / centre) if reach > 0 else 0.0, 0.0), format.precision + 2.0)
    offset = row_sign * centre * 2.0 ** rng.integers(0, int(octaves), size=of_row, endpoint=True)
    offset = np.where(np.abs(offset) >= reach, row_sign * reach / 2, offset)
    spread = offset * (1 + normal * 2.0 ** -rng.integers(2, format.precision, size=of_row, endpoint=True))

    sort = rng.integers(0, 4, size=of_row)
    values = np.choose(sort, [np.broadcast_to(v, shape) for v in (standard, wide, lognormal, spread)])
    where = rng.random(shape)
    uniform = least * (1 - where) + top * where
    values = np.clip(np.where((values < least) | (values > top), uniform, values), least, top)
    rounded = format.to_ordinals(format.round(torch.from_numpy(values)))
    return format.from_ordinals(rounded.clamp(low, high))


def _normalised(weights: _Doubles, format: Format) -> torch.Tensor:
    return format.round(torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)))


# -- hypothesis ----------------------------------------------------------------------------------------------


def _scalar_strategy(low: int, high: int, near: Sequence[float], format: Format) -> "SearchStrategy[float]":
    """Values with ordinals in [low, high].

    First a sort of value is drawn: zero; a stretch of magnitudes of one sign, around one, wherever the domain
    reaches, or at its far end; some ulps away from a `near` point; minus zero or infinity. Then a number of
    significand bits, a binade, and a place in it that is rounded to so many bits. So when hypothesis lowers
    the number of bits the value hardly moves and keeps failing, and then the binade walks towards that of
    one. Every sort draws the same choices, needed or not: else hypothesis could not leave a sort for a
    simpler one.
    """
    from hypothesis import strategies as st

    p = format.precision
    hidden = 1 << (p - 1)
    one = _ordinal_of(1.0, format) // hidden
    lengths = [*(bits for bits in (1, 2, 3, 4, 6, 8, 11, 16, 24, 32) if bits < p), p]
    # hypothesis draws evenly from short ranges but mostly small numbers from long ones, so it gets short ones.
    rest = max(p - 1 - 16, 0)
    regions = _regions(low, high, format)
    anchors = [_ordinal_of(_nearest(value, format), format) for value in near]
    zero, minus_zero = _ordinal_of(0.0, format), _ordinal_of(-0.0, format)
    sorts: list[tuple[str, int, int, int]] = [("exact", 1, zero, zero)]
    # An example that begins near a kink or at infinity seldom finds its way to a simpler sort, so these are few.
    sorts += [("rounded", *region) for region in regions] * 3
    sorts += [("near", 1, place, place) for place in dict.fromkeys(anchors)]
    others = [minus_zero] + [end for end in (low, high) if not regions or math.isinf(_value_of(end, format))]
    sorts += [("exact", 1, place, place) for place in dict.fromkeys(others) if place != zero]
    sorts = [sort for sort in sorts if sort[0] == "rounded" or low <= sort[2] <= high]

    @st.composite
    def values(draw: "DrawFn") -> float:
        sort, sign, least, greatest = draw(st.sampled_from(sorts))
        bits = draw(st.sampled_from(lengths))
        across = regions[0][1:] if regions and sort != "rounded" else (least, greatest)
        binade = one + draw(st.integers(across[0] // hidden - one, across[1] // hidden - one))
        place = draw(st.integers(0, (1 << (p - 1 - rest)) - 1)) << rest | draw(
            st.integers(0, (1 << rest) - 1)
        )
        steps = draw(st.integers(-8, 8))
        if sort == "exact":
            return _value_of(least, format)
        if sort == "near":
            return _value_of(min(max(least + steps, low), high), format)
        # Ends of the stretch that lie within a binade cut it short.
        start, stop = max(binade * hidden, least), min(binade * hidden + hidden - 1, greatest)
        magnitude = start + place * (stop - start + 1) // hidden
        # A normal magnitude has p significand bits; a subnormal one has only its own.
        grain = 1 << max((p if magnitude >= hidden else magnitude.bit_length()) - bits, 0)
        # Upwards, so that what lies just above a limit stays above it however few bits it is given.
        below = magnitude // grain * grain
        above = below + grain if below < magnitude else below
        for rounded in (above, below):
            if least <= rounded <= greatest:
                return sign * _value_of(rounded, format)
        return sign * _value_of(magnitude, format)

    return values()


def _regions(low: int, high: int, format: Format) -> list[tuple[int, int, int]]:
    """Sign, least and greatest finite magnitude: around one, everywhere, and in the last two binades."""
    most = _ordinal_of(format.largest, format)
    signed = [(1, max(low, 1), min(high, most))]
    signed += [(-1, max(-high - format.has_negative_zero, 1), min(-low - format.has_negative_zero, most))]
    around = [_ordinal_of(_nearest(2.0**k, format), format) for k in (-5, 8)]
    middling = [(sign, max(least, around[0]), min(greatest, around[1])) for sign, least, greatest in signed]
    two_binades = 2 << (format.precision - 1)
    far = [(sign, max(least, greatest - two_binades), greatest) for sign, least, greatest in signed]
    return [region for region in (*middling, *signed, *far) if region[1] <= region[2]]


# -- text and declarations -----------------------------------------------------------------------------------


def _parse_number(text: str, format: Format) -> float:
    stripped = text.strip()
    try:
        if "0x" in stripped.lower():
            exact: float | Fraction = float.fromhex(stripped)
        elif "/" in stripped:
            exact = Fraction(stripped)
        else:
            exact = float(stripped)
            if exact != 0 and math.isfinite(exact):  # in one rounding, not through a double
                exact = Fraction(stripped)
    except (ValueError, ZeroDivisionError, OverflowError):
        exact = math.nan
    if exact != exact:
        raise ValueError(f"write a number such as -20, 1e-3, 1/3, 0x1.8p-3 or inf instead of {text!r}")
    if isinstance(exact, float) and (exact == 0 or math.isinf(exact)):
        value = format.round(torch.tensor(exact, dtype=torch.float64)).to(torch.float64).item()
    else:
        value = format.round_rational(Fraction(exact))
    if math.isnan(value):
        raise ValueError(f"{stripped} is beyond {format.name}: write a number up to {format.largest:g}")
    return value


def _parse_integer(text: str) -> int:
    try:
        return int(text.strip(), 0)
    except ValueError:
        raise ValueError(f"write an integer instead of {text!r}") from None


def _same_number(text: str, choice: object) -> bool:
    if isinstance(choice, bool) or not isinstance(choice, (int, float)):
        return False
    try:
        return float(text) == choice
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value == value
        and abs(value) < 2**1024
    )


def _check_interval(kind: str, low: object, high: object, near: object) -> None:
    for what, bound in (("low", low), ("high", high)):
        if not _is_number(bound) and bound not in (math.inf, -math.inf):
            raise ValueError(f"{kind}({what}={bound!r}): write a Python number or math.inf")
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    if low > high or low == math.inf or high == -math.inf:
        raise ValueError(f"{kind}({low}, {high}) is empty: write the smaller bound first")
    if not isinstance(near, tuple):
        raise ValueError(f"{kind}(near={near!r}): write a tuple, near=({near!r},)")
    for value in near:
        if not _is_number(value) or not low <= value <= high:
            raise ValueError(f"{kind}(near={value!r}): write finite numbers in [{low}, {high}]")


def _check_sizes(kind: str, sizes: object, least: int) -> None:
    if not isinstance(sizes, tuple) or not sizes or any(type(n) is not int or n < least for n in sizes):
        raise ValueError(
            f"{kind}(sizes={sizes!r}): write a tuple of ints from {least} on, such as sizes=(3, 8)"
        )
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"{kind}(sizes={sizes!r}): write each size once")


def _as_tuple(kind: str, what: str, values: Iterable[_T]) -> tuple[_T, ...]:
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise ValueError(f"{kind}({what}={values!r}): write a tuple, {what}=({values!r},)")
    return tuple(values)


def _known_size(kind: str, size: int | None) -> int:
    if size is None:
        raise ValueError(f"{kind} needs a size: give one of its sizes")
    return size


def _interval_in_words(low: float, high: float, near: Sequence[float]) -> str:
    around = f", near {', '.join(_short(value) for value in near)}" if near else ""
    return f" in [{_short(low)}, {_short(high)}]{around}"


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def contains(domain: Domain, column: Column, format: Format) -> NDArray[np.bool_]:
    """Which values of a column lie in the domain, as a mask.

    Of a simplex only that each entry is in [0, 1] is looked at, of a polygon only that its vertices are finite.
    """
    if isinstance(column, tuple) or isinstance(domain, OneOf | Index):
        return np.ones(len(column), dtype=np.bool_)
    match domain:
        case Real() | Vector():
            low, high = domain.ordinals(format)
            ordinals = format.to_ordinals(column)
        case Integer():
            low, high, ordinals = domain.low, domain.high, column
        case Simplex():
            low, high = (
                format.to_ordinals(format.round(torch.tensor([x], dtype=torch.float64))).item()
                for x in (0.0, 1.0)
            )
            ordinals = format.to_ordinals(column)
        case Polygon():
            return torch.isfinite(column.double()).reshape(len(column), -1).all(1).numpy()
    return ((ordinals >= low) & (ordinals <= high)).reshape(len(column), -1).all(1).numpy()
