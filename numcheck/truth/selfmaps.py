"""Whether a map takes an interval into itself and contracts it: proved in ball arithmetic, piece by piece."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, final

import numpy as np
from flint import arb

from numcheck.declaration.mistakes import spoken
from numcheck.declaration.words import UsageError
from numcheck.reals.arb import ARB, ball, is_infinite, is_undefined
from numcheck.reals.arithmetic import UNDECIDED, BeyondError, aligned
from numcheck.reals.arrays import (
    Constant,
    Number,
    Origin,
    Reals,
    VariesError,
    as_reals,
    on_the_way,
    zeros_like,
)
from numcheck.reals.precision import START, precision
from numcheck.reals.tape import gradient, traced

ROUNDS, PIECES = 48, 2**11
"""So often pieces that are left open are split, and so many of them are evaluated in a round at most."""
MANY, MOST_BITS = 16, 1024
"""Where none of so many pieces is settled more digits are asked for, up to so many."""
TIGHT = Fraction(1, 2**10)
"""A contraction constant is told to such a share of itself."""
KINKS_FROM = 1024  # bits from which the slope beside a kink is told as the interval between both sides

SMOOTH = frozenset(
    "add sub mul div neg power pow exp expm1 log log1p sqrt cbrt rsqrt inverse sin cos asin acos atan sinh cosh "
    "tanh asinh acosh atanh erf erfc erfcx erfinv erfcinv entr gamma lgamma digamma zeta bessel_i bessel_j "
    "bessel_y spherical_j times_pi sum index scatter reshape transpose broadcast concatenate".split()
)
"""Operations that are as smooth as can be wherever they and their derivatives are finite."""
KINKED = frozenset("abs norm bessel_ie maximum minimum".split())
"""Operations that are continuous, with a slope that leaps somewhere."""


class Answer(StrEnum):
    """What is known of a claim."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class SelfMap:
    """What is known of a map `phi` on [a, b]; its string says it in a sentence.

    `answer` tells whether phi maps the interval into itself, and `witness` is a point of it where phi is proved to lie
    outside, or to have no value. `open` are the pieces of which neither was proved. `constant` is an upper bound of
    abs(phi'), so that any two images are at most `constant` times as far apart as their points; infinite where none
    was proved.
    """

    phi: Callable[..., Any] = field(repr=False)
    a: Fraction
    b: Fraction
    answer: Answer
    witness: Fraction | None
    open: tuple[tuple[Fraction, Fraction], ...] = field(repr=False)
    constant: float

    @property
    def contracts(self) -> bool:
        """Whether phi is proved to be a contraction of [a, b]: it then has one fixed point there (Banach 1922)."""
        return self.answer is Answer.PROVED and self.constant < 1

    def iterations(self, tolerance: Number, start: Number | None = None) -> int:
        """Passes of x = phi(x) after which x is proved to be within `tolerance` of the fixed point.

        From `start`, or the middle of the interval: the least n with q**n / (1 - q) * abs(x1 - x0) <= tolerance, the
        bound that is known before the first pass (Burden & Faires 2011, corollary 2.5).
        """
        within = _number("iterations", "tolerance", tolerance)
        x = (self.a + self.b) / 2 if start is None else _number("iterations", "start", start)
        if within <= 0 or not self.a <= x <= self.b:
            raise UsageError(
                f"iterations({tolerance}, start={start}): write a positive tolerance and a start in the interval"
            )
        if not self.contracts:
            raise UsageError(f"iterations: {self}; without a contraction no number of passes is known")
        with precision(2 * START):
            first, rate = ball(x), ball(self.constant)
            far = abs(_derivatives(self.phi, _variable([first]), 0)[0].data[0] - first) / (1 - rate)

            def near(n: int) -> bool:
                return bool(rate**n * far <= ball(within))

            if near(0):
                return 0
            few, enough = 0, 1
            while not near(enough):
                few, enough = enough, 2 * enough
            while enough - few > 1:
                middle = (few + enough) // 2
                few, enough = (few, middle) if near(middle) else (middle, enough)
        return enough

    def __str__(self) -> str:
        where, name = f"[{_told(self.a)}, {_told(self.b)}]", _name(self.phi)
        match self.answer:
            case Answer.PROVED:
                rate = (
                    f"contracts it by {self.constant:.6g}" if self.contracts else "is no proved contraction"
                )
                return f"{name} maps {where} into itself and {rate}"
            case Answer.REFUTED:
                return f"{name} leaves {where} at {_told(self.witness or 0)}"
            case Answer.UNDECIDED:
                low, high = self.open[0]
                return f"{name} may leave {where} within [{_told(low)}, {_told(high)}]"


def maps_into(phi: Callable[[Reals], Any], a: Number, b: Number) -> SelfMap:
    """Whether `phi`, written with `m` for one real number, maps [a, b] into itself, and how it contracts it.

    Pieces of the interval are evaluated as balls, by the mean value form where phi is smooth, and split until each
    image is proved inside or a point is proved to lie outside. An image that touches an end, as that of x**2 on [0, 1]
    does, is proved inside where phi is monotone up to a point at which its value is exact: an end, or a number with few
    bits. Source: Moore, Kearfott & Cloud 2009, Introduction to Interval Analysis, sections 6.4 (mean value form) and
    8.1 (existence of fixed points).

    UsageError, a ValueError, for ends that are not finite or stand in the wrong order, and for what is no function of a
    real.
    """
    if not callable(phi):
        raise UsageError(f"maps_into({phi!r}, ...): write a function such as lambda x: m.cos(x)")
    low, high = _number("maps_into", "a", a), _number("maps_into", "b", b)
    if low > high:
        raise UsageError(f"maps_into(phi, {a}, {b}): write the smaller end first")
    witness, left = _inside(phi, low, high)
    answer = Answer.REFUTED if witness is not None else Answer.UNDECIDED if left else Answer.PROVED
    return SelfMap(phi, low, high, answer, witness, tuple(left), _constant(phi, low, high))


def _number(function: str, name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not math.isfinite(value):
        raise UsageError(
            f"{function}({name}={value!r}): write a finite number, an int, a float or a Fraction"
        )
    return Fraction(value)


def _told(x: Fraction | int) -> str:
    return str(x) if x == int(x) and abs(x) < 10**15 else f"{float(x)!r}"


def _name(phi: Callable[..., Any]) -> str:
    return getattr(phi, "__name__", "phi").replace("<lambda>", "phi")


# Pieces -----------------------------------------------------------------------------------------------------------

Piece = tuple[Fraction, Fraction]


def _inside(phi: Callable[..., Any], a: Fraction, b: Fraction) -> tuple[Fraction | None, list[Piece]]:
    """A point that phi takes out of [a, b], and the pieces that may hold others where there is none."""
    left, bits = [(a, b)], START
    for turn in range(ROUNDS):
        with precision(bits):
            found = Evaluated(phi, left, 4 if len(left) <= 64 else 2)
            low, high = ball(a), ball(b)
            outside = [x for x, value in found.points() if _leaves(value, low, high)]
            if outside:
                return min(outside, key=lambda x: (x.denominator, abs(x))), []
            still = [piece for i, piece in enumerate(left) if not found.stays(i, low, high)]
        if not still or (2 * len(still) > PIECES and bits >= MOST_BITS):
            return None, still
        stuck = len(still) == len(left) and len(still) >= MANY
        if stuck and bits < MOST_BITS:  # smaller pieces do not help, more digits may
            bits *= 2
        elif turn + 1 < ROUNDS:
            bits += 8
            still = [part for piece in still for part in _split(piece, a, b)]
        left = still
    return None, left


def _leaves(value: Any, low: Any, high: Any) -> bool:
    return bool(value < low or value > high) or is_undefined(value) or is_infinite(value)


def _constant(phi: Callable[..., Any], a: Fraction, b: Fraction) -> float:
    """An upper bound of abs(phi') on [a, b], not much above the least; infinite where none was found."""
    if a == b:
        return 0.0
    open_, done, least, bits = [(a, b)], 0.0, 0.0, START
    rest = [(math.inf, (a, b))]
    for _ in range(ROUNDS):
        with precision(bits):
            found = Evaluated(phi, open_, 2)
            if found.kinked and bits < KINKS_FROM:
                bits = KINKS_FROM
                continue
            bounds = [found.steepest(i) for i in range(len(open_))]
            least = max(least, found.steep())
        enough = least * float(1 + TIGHT)
        done = max([done, *(bound for bound in bounds if bound <= enough)])
        rest = [(bound, piece) for bound, piece in zip(bounds, open_, strict=True) if bound > enough]
        if not rest:
            return done
        if 2 * len(rest) > PIECES:
            break
        open_ = [part for _, piece in rest for part in _split(piece, a, b)]
    return max([done, *(bound for bound, _ in rest)])


def _split(piece: Piece, a: Fraction, b: Fraction) -> Iterator[Piece]:
    """Both parts of a piece, cut at the number with the fewest bits in its middle half.

    A ball's radius has 30 bits, so that one with more reaches beyond its piece. Where that is an end of the interval,
    beyond which phi may have no value, the cut is a power of two away from it.
    """
    low, high = piece
    if low == high:
        yield piece
        return
    width = high - low
    power = Fraction(2) ** (math.frexp(width)[1] - 2)  # a quarter of the width, up to the whole of that
    cut = _shortest(low + width / 4, high - width / 4)
    if low == a and not _short(cut - low):
        cut = low + power
    elif high == b and not _short(high - cut):
        cut = high - power
    yield from ((low, cut), (cut, high))


def _shortest(low: Fraction, high: Fraction) -> Fraction:
    """The multiple of the largest power of two between two numbers."""
    step = Fraction(2) ** math.frexp(max(abs(low), abs(high)))[1]
    while (found := math.ceil(low / step) * step) > high:
        step /= 2
    return found


def _short(x: Fraction) -> bool:
    return x.numerator.bit_length() - _zeros(x.numerator) <= 30 and not x.denominator & (x.denominator - 1)


def _zeros(n: int) -> int:
    return (n & -n).bit_length() - 1


def _covering(low: Fraction, high: Fraction) -> Any:
    """A ball over a piece, and no more than it where the radius has few bits."""
    middle, radius = (low + high) / 2, (high - low) / 2
    if radius and _short(radius):
        # FLINT cuts a radius to 30 bits and adds one to the last of them, also where nothing was cut
        less = Fraction(2) ** (_exponent(radius) - 31)
        narrow = arb(ball(middle), ball(radius - less))
        if narrow.mid() == ball(middle) and narrow.rad() >= ball(radius):
            return narrow
    return ball(low).union(ball(high))


def _exponent(x: Fraction) -> int:
    """The least e with abs(x) < 2**e, for an x with few bits."""
    return abs(x.numerator).bit_length() - (x.denominator.bit_length() - 1)


# Balls ------------------------------------------------------------------------------------------------------------


def _derivatives(phi: Callable[..., Any], x: Reals, orders: int) -> list[Reals]:
    """phi and its derivatives of so many orders, one lane for each ball of x or one for all."""
    try:
        result = spoken(_name(phi), phi, x)
    except VariesError as error:
        raise UsageError(f"{_name(phi)}: write m.where(condition, x, y) instead of if") from error
    except BeyondError as error:
        raise UsageError(f"{_name(phi)}: {error}") from error
    if not isinstance(result, Reals | Constant | int | float | Fraction) or as_reals(result, ARB).shape:
        raise UsageError(f"{_name(phi)}: return one real number, made of x with the functions of m")
    found = [as_reals(result, ARB)]
    for _ in range(orders):
        last = found[-1]
        slope = gradient(last, zeros_like(last) + 1, [x])[0] if last.traced else None
        found.append(zeros_like(x) if slope is None else slope)
    return found


def _variable(balls: list[Any]) -> Reals:
    return traced(Reals(ARB, np.array(balls, dtype=object)))


@final
class Evaluated:
    """A map and its derivatives on pieces, at their ends and in their middles."""

    def __init__(self, phi: Callable[..., Any], pieces: list[Piece], orders: int) -> None:
        self._pieces, n = pieces, len(pieces)
        self._numbers = [
            x for side in zip(*((a, b, (a + b) / 2) for a, b in pieces), strict=True) for x in side
        ]
        balls = [_covering(*piece) for piece in pieces] + [ball(x) for x in self._numbers]
        x = _variable(balls)
        nodes = _derivatives(phi, x, orders)
        told = [np.broadcast_to(node.data, (4 * n,)).reshape(4, n) for node in nodes]
        self._whole, self._low, self._high, self._middle = ([part[k] for part in told] for k in range(4))
        self._x = x.data.reshape(4, n)
        self._order, self.kinked = smoothness(nodes[0], x, n)

    def points(self) -> Iterable[tuple[Fraction, Any]]:
        """The exact points with what phi has there."""
        return zip(self._numbers, [*self._low[0], *self._high[0], *self._middle[0]], strict=True)

    def stays(self, i: int, low: Any, high: Any) -> bool:
        """Whether the image of a piece is proved to lie in [low, high]."""
        image, at_low, at_high = self._image(i), self._low[0][i], self._high[0][i]
        rises, falls = self._keeps(i, 1, 1), self._keeps(i, 1, -1)
        up_to = image <= high or (rises and at_high <= high) or (falls and at_low <= high)
        down_to = image >= low or (rises and at_low >= low) or (falls and at_high >= low)
        return bool(up_to and down_to)

    def steepest(self, i: int) -> float:
        """An upper bound of abs(phi') on a piece; infinite where phi may leap there, or its slope is not bounded."""
        slope = self._whole[1][i]
        if self._order[i] < 1 or not slope.is_finite():
            return math.inf
        bounds = [slope.abs_upper()]
        if self._order[i] > 1 and (bend := self._whole[2][i]).is_finite():
            bounds.append((self._middle[1][i] + bend * self._from_middle(i)).abs_upper())
            if bend >= 0 or bend <= 0:  # the slope is largest at an end
                bounds.append(max(self._low[1][i].abs_upper(), self._high[1][i].abs_upper()))
        return min(_above(bound) for bound in bounds)

    def steep(self) -> float:
        """A lower bound of the largest abs(phi')."""
        slopes = [s for side in (self._low, self._high, self._middle) for s in side[1] if s.is_finite()]
        return max((float(s.abs_lower()) * (1 - 2.0**-50) for s in slopes), default=0.0)

    def _from_middle(self, i: int) -> Any:
        return self._x[0][i] - self._x[3][i]

    def _image(self, i: int) -> Any:
        image, slope = self._whole[0][i], self._whole[1][i]
        if self._order[i] < 1 or not slope.is_finite():
            return image
        by_mean_value = self._middle[0][i] + slope * self._from_middle(i)
        return by_mean_value if not image.is_finite() or by_mean_value.rad() < image.rad() else image

    def _keeps(self, i: int, order: int, sign: int) -> bool:
        """Whether a derivative, times a sign, is proved to be nowhere negative on a piece."""
        if order >= len(self._whole) or self._order[i] < order:
            return False
        if sign * self._whole[order][i] >= 0:
            return True
        low, high = (sign * side[order][i] >= 0 for side in (self._low, self._high))
        return (low and self._keeps(i, order + 1, sign)) or (high and self._keeps(i, order + 1, -sign))


def _above(bound: Any) -> float:
    nearest = float(bound)
    return nearest if ball(nearest) >= bound else math.nextafter(nearest, math.inf)


ALL = 99
"""More derivatives than are ever asked for."""


def smoothness(value: Reals, x: Reals, pieces: int) -> tuple[np.ndarray, bool]:
    """How many derivatives by x a value has on each of the first `pieces` of its lanes, and whether it has kinks.

    None (0) where it may leap, one (1) where its slope may, and `ALL` elsewhere: a derivative's ball is no bound where
    an operation on the way is not known to be continuous.
    """
    order, kinked = np.full(pieces, ALL), False
    for node in on_the_way(value):
        origin, limit = node.origin, np.where(_everywhere(_is_finite, node.data, x.lanes), ALL, 0)
        if node is x or (origin is None and node.lanes == 1) or (origin and origin.operation in SMOOTH):
            pass
        elif origin is None:  # a choice between constants, by a comparison
            limit = np.where(_everywhere(_is_exact, node.data, x.lanes), ALL, 0)
        elif origin.operation in KINKED:
            kinked, clear = True, _everywhere(_is_not_zero, _kink(node, origin), x.lanes)
            limit = np.minimum(limit, np.where(clear, ALL, 1))
        elif origin.operation == "select":
            decided = _everywhere(lambda states: states != UNDECIDED, origin.parameters[0], x.lanes)
            limit = np.where(decided, limit, 0)
        else:
            limit = np.zeros_like(limit)
        order = np.minimum(order, limit[:pieces])
    return order, kinked


def _kink(node: Reals, origin: Origin) -> Any:
    """What is zero where an operation has its kink."""
    match origin.operation:
        case "maximum" | "minimum":
            return np.subtract(*aligned(*(x.data for x in origin.operands)))
        case "norm":
            return node.data
        case _:
            return origin.operands[0].data


_is_finite: Any = np.frompyfunc(arb.is_finite, 1, 1)
_is_exact: Any = np.frompyfunc(arb.is_exact, 1, 1)
_is_not_zero: Any = np.frompyfunc(lambda x: bool(x > 0 or x < 0), 1, 1)


def _everywhere(holds: Callable[[Any], Any], data: Any, lanes: int) -> np.ndarray:
    """At which lanes it holds of every element."""
    told = np.asarray(holds(np.asarray(data))).astype(bool)
    return np.broadcast_to(told.reshape(len(told), -1).all(axis=1), (lanes,))
