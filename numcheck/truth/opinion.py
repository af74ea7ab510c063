"""Whether truths are true: some are proved again by Arb, and some recomputed in mpmath."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.reals.arithmetic import BeyondError
from numcheck.reals.arrays import Reals, as_reals, on_the_way
from numcheck.reals.ball64 import BEYOND, EXPONENT_LIMIT
from numcheck.reals.enclosures import (
    PROVED,
    TOLERANCE,
    ContradictionError,
    Enclosure,
    contradiction,
    narrow,
    ulp_exponent,
)
from numcheck.reals.evaluation import Wanted
from numcheck.reals.mp import CONTEXT, MP, MpArithmetic
from numcheck.reals.precision import LIMIT, precision
from numcheck.truth.batches import chunks, describe, fewer, groups, lifted
from numcheck.truth.proofs import CHUNK, FLOAT64, Truth, proved

AUDITED = 1 / 256  # share of the points settled in float64 that Arb proves again


def audit(formula: Formula, points: Points, truth: Truth, format: Format, share: float = AUDITED) -> int:
    """Prove some of the points that float64 balls have settled again with Arb; how many those were.

    Which ones hangs on the points alone, so that the seed of a run reproduces its audit too. Raises
    ContradictionError where the two have no number in common.
    """
    settled = np.flatnonzero(truth.precision == FLOAT64)
    if not settled.size:
        return 0
    count = min(len(settled), fewer(max(2, int(share * len(settled))), formula, points))
    rows = np.sort(_dice(points).choice(settled, count, replace=False))
    exact = {of: half.exact[rows] for of, half in truth.halves.items()}
    value, slopes = exact.get(Of.VALUE), exact.get(Of.GRAD)
    audit_enclosures(formula, points.select(rows), value, slopes, truth.component[rows], format)
    return len(rows)


def _dice(points: Points) -> np.random.Generator:
    """Chance that is the same for the same points."""
    told = (
        repr(c).encode() if isinstance(c, tuple) else c.double().numpy().tobytes()
        for c in points.columns.values()
    )
    return np.random.default_rng([zlib.crc32(column) for column in told])


def audit_enclosures(
    formula: Formula,
    points: Points,
    value: Enclosure | None,
    slopes: Enclosure | None,
    component: np.ndarray,
    format: Format,
) -> None:
    """Prove these points with Arb; ContradictionError where an enclosure has no number in common with Arb's."""
    wanted = Wanted(slopes is not None, False, value=value is not None)
    # apart by every choice, also where a batch was not: so the audit sees whether choices side by side were kept apart
    for group in groups(formula, points):
        for rows in chunks(group, fewer(CHUNK, formula, points)):
            chosen = points.select(rows)
            told = proved(formula, chosen, format, wanted, component[rows], TOLERANCE)
            for name, of, ours in (("value", Of.VALUE, value), ("gradient", Of.GRAD, slopes)):
                if ours is None or of not in told.halves:
                    continue
                theirs = told.halves[of].exact
                wrong = np.asarray(contradiction(ours[rows], theirs).reshape(len(rows), -1).any(axis=1))
                if wrong.any():
                    where = describe(chosen.select(wrong))
                    raise ContradictionError(
                        f"{formula.name}: float64 balls and Arb prove different {name}s at {where}"
                    )


# The second opinion -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opinion:
    """How many truths were recomputed in mpmath, and every one that came out elsewhere."""

    checked: int
    disagreements: tuple[str, ...]


def second_opinion(formula: Formula, points: Points, truth: Truth, format: Format) -> Opinion:
    """Recompute truths in mpmath at two precisions: values, and gradients as differences.

    The differences share no rule with the tape: each point's gradient is tested along one direction in which every
    component counts about the same. Nothing is asked of a gradient where the formula has a kink, a jump or a branch cut
    within the step, for there its own text says which side counts, nor where mpmath would take too long.
    """
    told: list[str] = []
    for row in np.arange(len(points)).reshape(-1, 1):
        point, proof = points.select(row), truth.select(row)
        instead = _asked(_of_value, formula, point, proof, format) or _asked(
            _of_gradient, formula, point, proof, format
        )
        if instead:
            told.append(f"{formula.name} in {format.name}: {instead} at {describe(point)}")
    return Opinion(len(points), tuple(told))


_Question = Callable[[Formula, Points, Truth, Format], str | None]


def _asked(question: _Question, *of: Any) -> str | None:
    try:
        return question(*of)
    except BeyondError:
        return None


def _of_value(formula: Formula, point: Points, truth: Truth, format: Format) -> str | None:
    """What mpmath has instead of a value, at two precisions that tell the same.

    More than settled the point may be needed, for a formula may cancel more bits than that.
    """
    bits = 2 * int(truth.precision[0]) + 64
    first = _mp_value(formula, point, bits)
    while True:
        second = _mp_value(formula, point, 2 * bits)
        places = np.ndindex(second.shape)
        with precision(2 * bits):
            found = (_of_number(truth.value[(0, *key)], first[key], second[key], format) for key in places)
            told, sure = next((each for each in found if each is not None), (None, True))
        if sure or bits >= LIMIT:
            return told
        first, bits = second, 2 * bits


def _of_number(value: Enclosure, first: Any, second: Any, format: Format) -> tuple[str, bool] | None:
    """What mpmath has instead of a proved number, at two precisions, and whether those agree with each other."""
    if value.state != PROVED:
        return None
    if np.isinf(value.high):  # which Arb proves of exact numbers alone, and those mpmath has exactly, too
        return (
            None if second == value.high else (f"value {value.high}, but mpmath has {_shown(second)}", True)
        )
    if abs(int(value.exponent)) >= EXPONENT_LIMIT:  # only the sign and the end that it lies beyond are told
        beyond = CONTEXT.mag(second) * np.sign(value.exponent).item() >= BEYOND
        if beyond and (value.high == 0 or CONTEXT.sign(second) == np.sign(value.high)):
            return None
        return f"value beyond every exponent, but mpmath has {_shown(second)}", bool(first == second)
    exact, allowed = _exact(value), _allowed(value, format)
    if all(abs(number - exact) <= allowed for number in (first, second)):
        return None
    told = f"value {_shown(exact)}, but mpmath has {_shown(second)}"
    return told, bool(abs(first - second) <= allowed)


def _shown(number: Any) -> str:
    return str(CONTEXT.nstr(number, 20))


# Gradients --------------------------------------------------------------------------------------------------------

MOST_BITS = 40_000
"""Bits at which a difference is no longer taken."""


@dataclass(frozen=True, eq=False)
class Slope:
    """A proved gradient of one component along a direction, and the step by which differences test it.

    The direction has 2**-exponent of each slope in the place of that slope, so that every component adds between 1/2
    and 1 to the derivative `want`, which is known to `allowed`.
    """

    component: int
    direction: np.ndarray
    step_exponent: int
    want: Any
    allowed: Any


def _of_gradient(formula: Formula, point: Points, truth: Truth, format: Format) -> str | None:
    """What mpmath's difference along one direction has instead of the proved slopes.

    Two precisions have to tell the same, both beyond what the largest number on the way leaves of the difference.
    """
    slopes = None if truth.gradient is None else truth.gradient[0]
    if slopes is None or (slopes.state != PROVED).any() or not np.isfinite(slopes.high).all():
        return None
    # along a kink there is no derivative, and what is far below the format's range would only cost digits
    live = narrow(slopes, format, TOLERANCE) & (slopes.high != 0)
    live &= slopes.exponent > format.min_exponent - 2 * format.precision
    # far above every format a direction of its size would vanish beside the point
    live &= slopes.exponent < 2**13
    if not live.any():
        return None
    exponents: list[int] = slopes.exponent[live].tolist()
    # a constant input may lie as close to a kink as a moved one
    near = [point.columns[name] for name in continuous(formula.inputs)]
    step_exponent = min(0, *exponents) - 200 + min(0, *(_smallest_exponent(column) for column in near))
    bits = min(4 * -step_exponent + 2 * max(0, *exponents) + 1000, MOST_BITS)
    with precision(bits):
        slope = _along(slopes, live, step_exponent, int(truth.component[0]), format)
    if _difference_instead(formula, point, slope, bits) is None:
        return None
    # the formula may have waves as short as the largest number on the way is large
    largest = _largest_on_the_way(formula, point, bits)
    slope = replace(slope, step_exponent=step_exponent - largest)
    with precision(bits):
        needed = largest - slope.step_exponent - int(CONTEXT.mag(slope.allowed)) + 64
    bits, before = max(2 * bits, needed), None
    while bits <= MOST_BITS:
        instead = _difference_instead(formula, point, slope, bits)
        if instead is None or instead == before:
            return instead
        before, bits = instead, 2 * bits
    return None


def _along(slopes: Enclosure, live: np.ndarray, step_exponent: int, component: int, format: Format) -> Slope:
    places = np.flatnonzero(live)
    units = [CONTEXT.mpf(2) ** -exponent for exponent in slopes.exponent[places].tolist()]
    direction = np.full(live.shape, CONTEXT.mpf(0), dtype=object)
    direction[places] = units
    terms = [(slopes[j], unit) for j, unit in zip(places, units, strict=True)]
    want = sum((_exact(slope) * unit for slope, unit in terms), CONTEXT.mpf(0))
    # each term is known to 1/64 ulp of the format, and adds at most one
    allowed = len(terms) * (CONTEXT.mpf(2) ** (1 - format.precision) / 64 + CONTEXT.mpf(2) ** -60)
    floored = sum((_allowed(slope, format) * unit for slope, unit in terms), CONTEXT.mpf(0))
    return Slope(component, direction, step_exponent, want, max(allowed, floored))


def _difference_instead(formula: Formula, point: Points, slope: Slope, bits: int) -> str | None:
    """What the difference has instead of the slope; None where it agrees, or where the formula is not smooth."""
    (behind, before), (ahead, after) = (_value_along(formula, point, slope, bits, side) for side in (-1, 1))
    with precision(bits):
        step = CONTEXT.mpf(2) ** slope.step_exponent
        central = (ahead - behind) / (2 * step)
        if abs(central - slope.want) <= slope.allowed:
            return None
    here, now = _value_along(formula, point, slope, bits, 0)
    with precision(bits):
        forward, backward = (ahead - here) / step, (here - behind) / step
        smooth = before == now == after and abs(forward - backward) <= slope.allowed
        # a kink, a jump or a branch cut lies within the step, or a domain ends: the formula says which side counts;
        # and beside an infinity a difference says nothing
        if CONTEXT.isinf(here) or (CONTEXT.isfinite(here) and not smooth):
            return None
        return f"directional derivative {_shown(slope.want)}, but mpmath's difference has {_shown(central)}"


def _largest_on_the_way(formula: Formula, point: Points, bits: int) -> int:
    """The exponent of the largest number on the way to the value, beside which the step has to be seen; or zero."""
    with precision(bits):
        numbers = (x for node in on_the_way(_mp_reals(formula, point)) for x in node.data.flat)
        return max(0, max((int(CONTEXT.mag(x)) for x in numbers if x and CONTEXT.isfinite(x)), default=0))


def _value_along(
    formula: Formula, point: Points, slope: Slope, bits: int, side: int
) -> tuple[Any, list[bytes]]:
    """One component of the formula so many steps from the point, and what it decides on the way."""
    columns: list[Any] = [point.columns[name] for name in formula.wrt]
    with precision(bits):
        step = slope.direction * CONTEXT.mpf(2) ** slope.step_exponent
    parts = np.split(step, np.cumsum([column.numel() for column in columns])[:-1])
    shaped = [part.reshape(column.shape) for part, column in zip(parts, columns, strict=True)]
    moves = {name: side * part for name, part in zip(formula.wrt, shaped, strict=True)}
    decisions: list[bytes] = []
    listening = MpArithmetic(lambda states: decisions.append(states.tobytes()))
    return _mp_value(formula, point, bits, moves, listening).reshape(-1)[slope.component], decisions


def _mp_value(
    formula: Formula,
    point: Points,
    bits: int,
    moved: Mapping[str, Any] = MappingProxyType({}),
    arithmetic: MpArithmetic = MP,
) -> np.ndarray:
    with precision(bits):
        data = _mp_reals(formula, point, moved, arithmetic).data
    return data.reshape(data.shape[1:])  # of one point


def _mp_reals(
    formula: Formula,
    point: Points,
    moved: Mapping[str, Any] = MappingProxyType({}),
    arithmetic: MpArithmetic = MP,
) -> Reals:
    # traced as for Arb, for what a difference is made of tells what it lacks (`arrays.difference`)
    arguments = lifted(formula, point, arithmetic, True)
    for name, shift in moved.items():
        arguments[name] = Reals(arithmetic, arguments[name].data + shift, None, True)
    return as_reals(formula(*arguments.values()), arithmetic)


def _exact(number: Enclosure) -> Any:
    """The middle of one enclosure."""
    middle = CONTEXT.mpf(float(number.high)) + CONTEXT.mpf(float(number.low))
    return middle * CONTEXT.mpf(2) ** int(number.exponent)


def _allowed(number: Enclosure, format: Format) -> Any:
    """How far from the middle of one enclosure mpmath may be."""
    ulp = CONTEXT.mpf(2) ** int(ulp_exponent(number, format))
    return CONTEXT.mpf(float(number.radius)) * CONTEXT.mpf(2) ** int(number.exponent) + TOLERANCE * ulp


def _smallest_exponent(column: Any) -> int:
    values = np.abs(column.double().numpy())
    values = values[(values > 0) & np.isfinite(values)]
    return int(np.floor(np.log2(values.min()))) if values.size else 0
