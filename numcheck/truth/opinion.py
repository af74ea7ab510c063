"""Whether truths are true: some are proved again by Arb, and some recomputed in mpmath."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.reals.arrays import Reals, as_reals
from numcheck.reals.ball64 import EXPONENT_LIMIT
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
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import LIMIT, precision
from numcheck.truth.batches import chunks, describe, groups, lifted
from numcheck.truth.proofs import CHUNK, FLOAT64, Truth, proved

AUDITED = 1 / 256  # share of the points settled in float64 that Arb proves again


def audit(formula: Formula, points: Points, truth: Truth, format: Format, share: float = AUDITED) -> int:
    """Prove some of the points that float64 balls have settled again with Arb, others each time; how many those were.

    Raises ContradictionError where the two have no number in common.
    """
    settled = np.flatnonzero(truth.precision == FLOAT64)
    if not settled.size:
        return 0
    count = min(len(settled), max(2, int(share * len(settled))))
    rows = np.sort(np.random.default_rng().choice(settled, count, replace=False))
    slopes = None if truth.gradient is None else truth.gradient[rows]
    audit_enclosures(formula, points.select(rows), truth.value[rows], slopes, truth.component[rows], format)
    return len(rows)


def audit_enclosures(
    formula: Formula,
    points: Points,
    value: Enclosure,
    slopes: Enclosure | None,
    component: np.ndarray,
    format: Format,
) -> None:
    """Prove these points with Arb; ContradictionError where an enclosure has no number in common with Arb's."""
    wanted = Wanted(slopes is not None, False)
    # apart by every choice, also where a batch was not: so the audit sees whether choices side by side were kept apart
    for group in groups(formula, points):
        for rows in chunks(group, CHUNK):
            chosen = points.select(rows)
            told = proved(formula, chosen, format, wanted, component[rows], TOLERANCE)
            for of, ours, theirs in (("value", value, told.value), ("gradient", slopes, told.gradient)):
                if ours is None or theirs is None:
                    continue
                wrong = contradiction(ours[rows], theirs).reshape(len(rows), -1).any(axis=1)
                if wrong.any():
                    where = describe(chosen.select(np.flatnonzero(wrong)[:1]))
                    raise ContradictionError(
                        f"{formula.name}: float64 balls and Arb prove different {of}s at {where}"
                    )


# The second opinion -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opinion:
    """How many truths were recomputed in mpmath, and every one that came out elsewhere."""

    checked: int
    disagreements: tuple[str, ...]


def second_opinion(formula: Formula, points: Points, truth: Truth, format: Format) -> Opinion:
    """Recompute truths in mpmath at two precisions: values, and gradients as central differences.

    The differences share no rule with the tape: each point's gradient is tested along one direction in which every
    component counts about the same. Kinks and what is not proved are left to the value alone.
    """
    told: list[str] = []
    for row in np.arange(len(points)).reshape(-1, 1):
        point, proof = points.select(row), truth.select(row)
        instead = _of_value(formula, point, proof, format) or _of_gradient(formula, point, proof, format)
        if instead:
            told.append(f"{formula.name} in {format.name}: {instead} at {describe(point)}")
    return Opinion(len(points), tuple(told))


def _of_value(formula: Formula, point: Points, truth: Truth, format: Format) -> str | None:
    """What mpmath has instead of a value, at two precisions that tell the same.

    More than settled the point may be needed, for a formula may cancel more bits than that.
    """
    bits = 2 * int(truth.precision[0]) + 64
    with precision(bits):
        first = _mp_value(formula, point)
    while True:
        with precision(2 * bits):
            second = _mp_value(formula, point)
            places = np.ndindex(second.shape)
            found = (_of_number(truth.value[(0, *key)], first[key], second[key], format) for key in places)
            told, sure = next((each for each in found if each is not None), (None, True))
        if sure or bits >= LIMIT:
            return told
        first, bits = second, 2 * bits


def _of_number(value: Enclosure, first: Any, second: Any, format: Format) -> tuple[str, bool] | None:
    """What mpmath has instead of a proved number, at two precisions, and whether those agree with each other."""
    if value.state != PROVED:
        return None
    same = bool(first == second)
    if np.isinf(value.high):
        return None if second == value.high else (f"value {value.high}, but mpmath has {second}", same)
    if abs(int(value.exponent)) >= EXPONENT_LIMIT:  # only the sign and the end that it lies beyond are told
        beyond = CONTEXT.mag(second) * int(value.exponent) > 0
        if beyond and (value.high == 0 or CONTEXT.sign(second) * value.high > 0):
            return None
        return f"value beyond every exponent, but mpmath has {CONTEXT.nstr(second, 20)}", same
    exact, allowed = _exact(value), _allowed(value, format)
    if abs(second - exact) <= allowed and abs(first - exact) <= allowed:
        return None
    told = f"value {CONTEXT.nstr(exact, 20)}, but mpmath has {CONTEXT.nstr(second, 20)}"
    return told, bool(abs(first - second) <= allowed)


def _of_gradient(formula: Formula, point: Points, truth: Truth, format: Format) -> str | None:
    """What mpmath's central difference along one direction has instead of the proved slopes."""
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
    places = np.flatnonzero(live)
    exponents: list[int] = slopes.exponent[places].tolist()
    # a constant input may lie as close to a kink as a moved one
    near = [point.columns[name] for name in continuous(formula.inputs)]
    step_exponent = min(0, *exponents) - 200 + min(0, *(_smallest_exponent(column) for column in near))
    for_bits = 4 * -step_exponent + 2 * max(0, *exponents) + 1000
    with precision(min(for_bits, 40_000)):
        # direction_j = 2**-exponent(slope_j): every component adds between 1/2 and 1 to the directional derivative
        units = [CONTEXT.mpf(2) ** -exponent for exponent in exponents]
        direction = np.full(live.shape, CONTEXT.mpf(0), dtype=object)
        direction[places] = units
        got = _difference(formula, point, direction, CONTEXT.mpf(2) ** step_exponent, int(truth.component[0]))
        terms = [(slopes[j], unit) for j, unit in zip(places, units, strict=True)]
        want = sum((_exact(slope) * unit for slope, unit in terms), CONTEXT.mpf(0))
        # each term is known to 1/64 ulp of the format, and adds at most one
        allowed = len(terms) * (CONTEXT.mpf(2) ** (1 - format.precision) / 64 + CONTEXT.mpf(2) ** -60)
        floored = sum((_allowed(slope, format) * unit for slope, unit in terms), CONTEXT.mpf(0))
        if abs(got - want) <= max(allowed, floored):
            return None
        told, found = CONTEXT.nstr(want, 20), CONTEXT.nstr(got, 20)
        return f"directional derivative {told}, but mpmath's difference has {found}"


def _difference(formula: Formula, point: Points, direction: np.ndarray, step: Any, component: int) -> Any:
    """The central difference of one component along a direction of all numbers that the gradient is by."""
    columns: list[Any] = [point.columns[name] for name in formula.wrt]
    parts = np.split(direction * step, np.cumsum([column.numel() for column in columns])[:-1])
    shaped = [part.reshape(column.shape) for part, column in zip(parts, columns, strict=True)]
    moves = dict(zip(formula.wrt, shaped, strict=True))
    ahead = _mp_value(formula, point, moves)
    behind = _mp_value(formula, point, {name: -move for name, move in moves.items()})
    return (ahead.reshape(-1)[component] - behind.reshape(-1)[component]) / (2 * step)


def _mp_value(formula: Formula, point: Points, moved: Mapping[str, Any] | None = None) -> np.ndarray:
    arguments = lifted(formula, point, MP, False)
    for name, shift in (moved or {}).items():
        arguments[name] = Reals(MP, arguments[name].data + shift)
    data = as_reals(formula(*arguments.values()), MP).data
    return data[:1].reshape(data.shape[1:])


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
