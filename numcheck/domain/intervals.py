"""An interval of reals as a format has it: the ordinals between two bounds, and what is drawn from them.

`real` and every entry of a `vector` are an interval with points to look `near`. Functions that draw take the
first and last ordinal, which `ordinal_bounds` finds once; what they draw lies between the two by construction.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from numcheck.formats import Format

if TYPE_CHECKING:  # hypothesis takes longer to import than a check of one formula takes to run
    from hypothesis.strategies import DrawFn, SearchStrategy

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")

Ordinals = range | tuple[int, ...]
"""Increasing ordinals: consecutive ones, or those of a grid."""


# -- values and their ordinals -------------------------------------------------------------------------------


def values_at(ordinals: Ints, format: Format) -> torch.Tensor:
    """Values with these ordinals, as a tensor of the format."""
    return format.from_ordinals(torch.from_numpy(np.ascontiguousarray(ordinals, dtype=np.int64)))


def nearest(value: float, format: Format) -> float:
    """The format's value nearest to a number, its largest one where that is finite but out of range."""
    if math.isinf(value) or value == 0:
        return value
    return format.round_rational(Fraction(min(max(value, -format.largest), format.largest)))


def nearest_ordinals(values: Iterable[float], format: Format) -> list[int]:
    """Ordinals of the values nearest to these numbers."""
    return [format.ordinal_of(nearest(value, format)) for value in values]


def rounded(values: Sequence[Any], format: Format) -> torch.Tensor:
    """Numbers, or nested lists of them, rounded to the format once, as a column."""
    return format.round(torch.tensor(values, dtype=torch.float64))


def parse_number(text: str, format: Format) -> float:
    """The format's value nearest to a decimal, hexadecimal float, fraction or inf."""
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
    value = format.round_rational(exact) if isinstance(exact, Fraction) else rounded([exact], format).item()
    if math.isnan(value):
        raise ValueError(f"{stripped} is beyond {format.name}: write a number up to {format.largest:g}")
    return value


def parse_numbers(text: str, format: Format) -> list[float]:
    """Numbers with commas between them, such as 0.5,0.25,0.25."""
    return [parse_number(part, format) for part in text.split(",")]


def all_within(rows: torch.Tensor, low: int, high: int) -> Mask:
    """Which rows of integers, such as ordinals, lie in [low, high] with all their entries."""
    return ((rows >= low) & (rows <= high)).reshape(len(rows), -1).all(1).numpy()


# -- declarations --------------------------------------------------------------------------------------------


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


def interval_in_words(low: float, high: float, near: Sequence[float]) -> str:
    """`" in [0, 1], near 0.5"`, to follow the name of what lies in it."""
    around = f", near {', '.join(_short(value) for value in near)}" if near else ""
    return f" in [{_short(low)}, {_short(high)}]{around}"


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def ordinal_bounds(kind: str, low: float, high: float, format: Format) -> tuple[int, int]:
    """First and last ordinal of [low, high]: bounds between two values of the format move inwards."""
    least, most = nearest(low, format), nearest(high, format)
    first, last = format.ordinal_of(least) + (least < low), format.ordinal_of(most) - (most > high)
    if first > last:
        raise ValueError(f"{kind}({low}, {high}) holds no value of {format.name}: write wider bounds")
    return first, last


# -- corners, sweep, sample ----------------------------------------------------------------------------------


def corner_ordinals(low: int, high: int, near: Sequence[float], format: Format) -> Ints:
    """Ordinals in [low, high] at which code breaks, increasing.

    Zeros, bounds, `near` points, ends of the format, powers of two, and neighbours.
    """
    largest, p = format.largest, format.precision
    exponents = {*range(-3, 4), -1 - p, -p, 1 - p, -(p // 2), p // 2, p - 1, p, p + 1}
    exponents |= {format.min_exponent // 2, format.min_exponent}
    exponents |= {(format.max_exponent + 1) // 2, format.max_exponent}
    for bound in (low, high):
        value = _finite(bound, format)
        if value != 0:
            exponents |= {math.frexp(value)[1] - k for k in (0, 1, 2, 3)}
    marks = [(0.0, 3), (1.0, 1), (format.smallest_normal, 1), (largest, 1)]
    # exp leaves the format's range beyond the first, and its normal and subnormal numbers below the others.
    extremes = (largest, format.smallest_normal, format.smallest_subnormal)
    marks += [(nearest(abs(math.log(extreme)), format), 1) for extreme in extremes]
    marks += [(2.0**e, 0) for e in exponents if format.min_exponent - p < e <= format.max_exponent]
    places = [(format.ordinal_of(sign * value), reach) for value, reach in marks for sign in (1, -1)]
    places += [(place, 3) for place in (low, high, *nearest_ordinals(near, format))]
    wanted = {place + step for place, reach in places for step in range(-reach, reach + 1)}
    return np.array(sorted(ordinal for ordinal in wanted if low <= ordinal <= high), dtype=np.int64)


def _finite(ordinal: int, format: Format) -> float:
    """The value with this ordinal, of an infinity the largest one of its sign."""
    return min(max(format.value_of(ordinal), -format.largest), format.largest)


def grid_ordinals(low: int, high: int, near: Sequence[float], count: int, format: Format) -> tuple[int, ...]:
    """So many ordinals of [low, high], evenly spaced, beside its ends and corners; increasing."""
    steps = min(count - 1, high - low)
    even = {low + (high - low) * i // max(steps, 1) for i in range(steps + 1)}
    return tuple(sorted(even | set(corner_ordinals(low, high, near, format).tolist())))


def stratified(low: int, high: int, count: int, rng: np.random.Generator) -> Ints:
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


def data_like(
    low: int, high: int, shape: tuple[int, ...], format: Format, rng: np.random.Generator
) -> torch.Tensor:
    """Finite values between two ordinals, as data have them; each row along the first axis is of one sort.

    Standard normal, normal as wide as the domain, log-normal, or a large offset (of the row) with a small
    spread. What would fall outside is drawn uniformly instead, so that the bounds collect no points.
    """
    least, top = _finite(low, format), _finite(high, format)
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
    ordinals = format.to_ordinals(format.round(torch.from_numpy(values)))
    return format.from_ordinals(ordinals.clamp(format.ordinal_of(least), format.ordinal_of(top)))


def close_values(
    column: torch.Tensor, low: int, high: int, reach: int, format: Format, rng: np.random.Generator
) -> torch.Tensor:
    """Values with ordinals in [low, high], as near to these as can be or, at half of the points, `reach` ulps off."""
    rows = format.to_ordinals(column).numpy()
    steps = rng.integers(-reach, reach, size=rows.shape, endpoint=True)
    apart = (rng.random(len(rows)) < 0.5).reshape((-1,) + (1,) * (rows.ndim - 1))
    rows = np.clip(rows, low, high)
    return values_at(np.clip(rows + np.where(apart, steps, 0), low, high), format)


# -- hypothesis ----------------------------------------------------------------------------------------------


def number_strategy(low: int, high: int, near: Sequence[float], format: Format) -> "SearchStrategy[float]":
    """Values with ordinals in [low, high]: those with few significand bits first, then those nearest to 1.

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
    one = format.ordinal_of(1.0) // hidden
    lengths = [*(bits for bits in (1, 2, 3, 4, 6, 8, 11, 16, 24, 32) if bits < p), p]
    # hypothesis draws evenly from short ranges but mostly small numbers from long ones, so it gets short ones.
    rest = max(p - 1 - 16, 0)
    regions = _regions(low, high, format)
    zero, minus_zero = format.ordinal_of(0.0), format.ordinal_of(-0.0)
    sorts: list[tuple[str, int, int, int]] = [("exact", 1, zero, zero)]
    # An example that begins near a kink or at infinity seldom finds its way to a simpler sort, so these are few.
    sorts += [("rounded", *region) for region in regions] * 3
    sorts += [("near", 1, place, place) for place in dict.fromkeys(nearest_ordinals(near, format))]
    others = [minus_zero] + [end for end in (low, high) if not regions or math.isinf(format.value_of(end))]
    sorts += [("exact", 1, place, place) for place in dict.fromkeys(others) if place != zero]
    sorts = [sort for sort in sorts if sort[0] == "rounded" or low <= sort[2] <= high]

    @st.composite
    def values(draw: "DrawFn") -> float:
        sort, sign, least, greatest = draw(st.sampled_from(sorts))
        bits = draw(st.sampled_from(lengths))
        across = regions[0][1:] if regions and sort != "rounded" else (least, greatest)
        binade = one + draw(st.integers(across[0] // hidden - one, across[1] // hidden - one))
        leading = draw(st.integers(0, (1 << (p - 1 - rest)) - 1))
        place = leading << rest | draw(st.integers(0, (1 << rest) - 1))
        steps = draw(st.integers(-8, 8))
        if sort == "exact":
            return format.value_of(least)
        if sort == "near":
            return format.value_of(min(max(least + steps, low), high))
        # Ends of the stretch that lie within a binade cut it short.
        start, stop = max(binade * hidden, least), min(binade * hidden + hidden - 1, greatest)
        magnitude = start + place * (stop - start + 1) // hidden
        # A normal magnitude has p significand bits; a subnormal one has only its own.
        grain = 1 << max((p if magnitude >= hidden else magnitude.bit_length()) - bits, 0)
        # Upwards, so that what lies just above a limit stays above it however few bits it is given.
        below = magnitude // grain * grain
        above = below + grain if below < magnitude else below
        for shortened in (above, below):
            if least <= shortened <= greatest:
                return sign * format.value_of(shortened)
        return sign * format.value_of(magnitude)

    return values()


def _regions(low: int, high: int, format: Format) -> list[tuple[int, int, int]]:
    """Sign, least and greatest finite magnitude: around one, everywhere, and in the last two binades."""
    most = format.ordinal_of(format.largest)
    signed = [(1, max(low, 1), min(high, most))]
    signed += [(-1, max(-high - format.has_negative_zero, 1), min(-low - format.has_negative_zero, most))]
    around = nearest_ordinals((2.0**-5, 2.0**8), format)
    middling = [(sign, max(least, around[0]), min(greatest, around[1])) for sign, least, greatest in signed]
    two_binades = 2 << (format.precision - 1)
    far = [(sign, max(least, greatest - two_binades), greatest) for sign, least, greatest in signed]
    return [region for region in (*middling, *signed, *far) if region[1] <= region[2]]
