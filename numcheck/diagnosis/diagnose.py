"""Why digits were lost: a cause for every failing point.

Two questions tell causes apart. Does far more precision give the same wrong result? The trace's shadow carries some 106
bits; what it shares with the native run, sharply evaluated, is the formula's fault or the iteration's: a wrong formula,
a wrong scale, unconverged. Does the format's range alone do more harm than its rounding alone? Then digits were lost
to underflow, however rounding carried the damage on. The rest was lost to rounding, or left the range at once, and the
trace names the operator that did it.

A cause is a property of its point: it hangs on no other points that happen to be looked at with it, so that whoever
asks about a point is told the same. Causes name what was proved elsewhere to be wrong: no verdict depends on them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis.causes import scale, unconverged, wrong_formula
from numcheck.diagnosis.records import Loss, Records, arguments_at, component_of, failing, records_of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import Measurement, by_settings, errors, measure, whole_vectors
from numcheck.operators import emulate
from numcheck.reals.enclosures import scaled, ulp_exponent
from numcheck.truth import Truth, settle

USUAL = 32  # points that show whether a routine is wrong by one factor
UNCHANGED = 0.25  # ulps, below which the range by itself does nothing to a result
HARDLY = 2.0  # times the budget, up to which many small losses are not told apart


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Per point the cause of its failure, None where it did not fail; and what lost its digits, where it was found."""

    causes: np.ndarray
    losses: Mapping[int, Loss]


def diagnose(measurement: Measurement) -> Diagnosis:
    """A cause for every failing point of a measurement."""
    failed = failing(measurement)
    causes = np.full(len(measurement.points), None, dtype=object)
    if not failed.size:
        return Diagnosis(causes, {})
    records, (_, spent, _) = records_of(measurement), measurement.judgement.of_points()
    unfinished = _unconverged(measurement, records, failed)
    mathematical, losses = _sharply(measurement, records, np.setdiff1d(failed, unfinished))
    causes[mathematical] = _scale_or_formula(measurement, mathematical)
    causes[unfinished] = Cause.UNCONVERGED
    rest = failed[[causes[row] is None for row in failed]]
    losses = records.losses(rest) | losses
    known = {cause for gap in measurement.gaps for cause in gap.causes}
    for row, loss in _range_or_rounding(measurement, records, losses).items():
        if causes[row] is None:
            losses[row] = loss
            told = _as_declared(loss, known) if spent[row] < HARDLY else loss.cause
            causes[row] = _not_a_number(measurement, row, told)
    blameless = rest[[causes[row] is None for row in rest]]
    diverged = dict(zip(blameless.tolist(), records.diverged(blameless).tolist(), strict=True))
    for row, left in records.range_left(blameless).items():
        # the shadow follows the branch that a vanished number chose, and errs as the routine does
        sunk = left is Cause.UNDERFLOW and (diverged[row] or _lost_all(measurement, row))
        causes[row] = Cause.UNDERFLOW if sunk else _by_result(measurement, row)
    return Diagnosis(causes, losses)


# The formula ------------------------------------------------------------------------------------------------------


def _error(measurement: Measurement, rows: np.ndarray) -> np.ndarray:
    """Distance from the truth of the number that speaks for each point."""
    judged = measurement.judgement
    elements = judged.worst_element[rows]
    exact = judged.truth[rows, elements].nearest()
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(judged.got[rows, elements] - exact), nan=np.inf)


def _distance(measurement: Measurement, rows: np.ndarray, records: Records) -> np.ndarray:
    """How far the number that speaks for each point is from the shadow, or from what the format has in its place.

    Infinite where there is no shadow.
    """
    judged, shadow = measurement.judgement, records.shadow(rows)
    held = judged.format.round(torch.from_numpy(shadow)).double().numpy()
    got = judged.got[rows, judged.worst_element[rows]]
    with np.errstate(all="ignore"):
        distance = np.fmin(np.abs(got - shadow), np.abs(got - held))
    return np.nan_to_num(distance, nan=np.inf)


def _shared_with_the_shadow(measurement: Measurement, rows: np.ndarray, records: Records) -> np.ndarray:
    """The points whose error is, for the greater part, the shadow's too: far more digits do not heal it."""
    judged = measurement.judgement
    elements = judged.worst_element[rows]
    error = _error(measurement, rows)
    size = np.maximum(np.abs(judged.truth[rows, elements].nearest()), judged.format.smallest_normal)
    # where a fused operator's float64 result is all that the shadow knows, a small error is no other formula's
    gross = ~np.isfinite(size) | (error > max(judged.format.unit_roundoff, wrong_formula.GROSS) * size)
    shared = (
        (_distance(measurement, rows, records) < error / 2) & np.isfinite(judged.got[rows, elements]) & gross
    )
    return rows[shared & ~records.diverged(rows)]


def _sharply(
    measurement: Measurement, records: Records, rows: np.ndarray
) -> tuple[np.ndarray, dict[int, Loss]]:
    """Which of the rows have a wrong result that depends on no rounding; and what is to blame where it only seemed so.

    The shadow of `records` may share a wrong result because float64's functions lose what the format's lose. So it is
    asked again, sharply, with noise of two sizes: what noise of one size makes by chance, a far larger one does not.
    """
    suspects = _shared_with_the_shadow(measurement, rows, records)
    if not suspects.size:
        return suspects, {}

    def sharing(rows: np.ndarray, shaken: Records) -> np.ndarray:
        alike = _shared_with_the_shadow(measurement, rows, shaken)
        with np.errstate(all="ignore"):
            moved = np.abs(shaken.shadow(alike) - records.shadow(alike))
        return alike[moved < _error(measurement, alike) / 16]

    sharp = Records(measurement, suspects, wrong_formula.NOISE)
    shared = sharing(suspects, sharp)
    if shared.size:
        shared = sharing(shared, Records(measurement, shared, wrong_formula.LOUDER))
    return shared, sharp.losses(np.setdiff1d(suspects, shared))


def _unconverged(measurement: Measurement, records: Records, rows: np.ndarray) -> np.ndarray:
    """Points whose shadow runs the same loop to the same wrong value, which still moves from pass to pass."""
    if measurement.of is not Of.VALUE:
        return rows[:0]
    moving = records.moving(rows, unconverged.MOVING * measurement.judgement.format.unit_roundoff)
    return rows[moving & (_distance(measurement, rows, records) < _error(measurement, rows) / 4)]


def _scale_or_formula(measurement: Measurement, rows: np.ndarray) -> list[Cause]:
    """Of points that are wrong whatever the precision: whether by the factor by which the routine usually is."""
    routine, format, points = measurement.routine, measurement.format, measurement.points
    factor = (
        _usual_factor(routine, measurement.of, format, measurement.device, points.size) if rows.size else None
    )
    if factor is None:
        return [Cause.WRONG_FORMULA] * len(rows)
    judged, elements = measurement.judgement, measurement.judgement.worst_element[rows]
    got, exact = judged.got[rows, elements], factor * judged.truth[rows, elements].nearest()
    nearness = np.ldexp(2.0, np.clip(judged.unit[rows, elements], -1074, 1000).astype(np.int32))
    nearness = np.maximum(nearness, scale.tolerance(factor, judged.format.unit_roundoff) * np.abs(exact))
    return [Cause.SCALE if near else Cause.WRONG_FORMULA for near in np.abs(got - exact) < nearness]


@lru_cache(maxsize=64)
def _usual_factor(routine: Routine, of: Of, format: Format, device: str, size: int | None) -> float | None:
    """The factor by which what a routine gives is wrong at points drawn for its formula, the same in every run."""
    points, truth = _usual(routine.formula, format, size, of is Of.GRAD)
    (usual,) = (one for one in measure(routine, points, truth, format, device) if one.of is of)
    judged, rows = usual.judgement, np.flatnonzero(usual.judgement.of_points()[0] >= Fate.OVER)
    exact = judged.truth[rows, judged.worst_element[rows]].nearest()
    with np.errstate(all="ignore"):
        ratios = judged.got[rows, judged.worst_element[rows]] / np.where(exact == 0, np.nan, exact)
    return scale.factor_of(ratios, judged.format.unit_roundoff)


@lru_cache(maxsize=16)
def _usual(formula: Formula, format: Format, size: int | None, with_gradient: bool) -> tuple[Points, Truth]:
    """Some points of a formula with their truths, for all of its routines."""
    (drawn,) = (part for part in formula.points(format, USUAL, 0) if part.size == size)
    points = drawn.select(drawn.spread(USUAL))
    return points, settle(formula, points, format, with_gradient=with_gradient)


# Range or rounding ------------------------------------------------------------------------------------------------


def _range_or_rounding(
    measurement: Measurement, records: Records, losses: Mapping[int, Loss]
) -> dict[int, Loss]:
    """The same losses, but of the range where that alone breaks the budget by more than rounding alone, and of rounding
    where that does, whatever left the range: it may have been another element of that operator's result.

    The routine runs again with every operator's result rounded to the format's significand and to no range, and once
    more the other way round; where only both together break it, the losses stay as they are. That tells something where
    the run with both limits gives the failing result again: not inside of fused operators. For those the size of what
    they return has to tell.
    """
    judged = measurement.judgement
    # a NaN in a gradient has its name whatever made it
    open_rows = [
        row for row in losses if measurement.of is Of.VALUE or not np.isnan(_speaking(measurement, row))
    ]
    rounding = np.array([row for row in open_rows if losses[row].cause in _ROUNDING], dtype=int)
    left = {row: cause for row, cause in records.range_left(rounding).items() if cause is not None}
    outside = [
        row for row in open_rows if losses[row].cause in _RANGE and np.isfinite(_speaking(measurement, row))
    ]
    by_range: set[int] = set()
    sunken: set[int] = set()
    by_rounding: set[int] = set()
    doubtful = np.array([*left, *outside], dtype=int)
    if doubtful.size and judged.format == measurement.format:
        sank = records.sank_inside(doubtful)
        for positions in by_settings(measurement.points, doubtful):
            rows = doubtful[positions]
            ranged, rounded, inside, as_it_did = _alone(measurement, rows, records.shadow(rows))
            allowed = judged.allowed[rows, judged.worst_element[rows]]
            more_by_range = as_it_did & (ranged > np.maximum(rounded, allowed))
            by_range.update(rows[more_by_range].tolist())
            sunken.update(rows[inside & sank[positions]].tolist())
            # what sank in a plain operator is known to the emulation, whatever its other roundings
            plain = np.array([losses[row].plain for row in rows.tolist()])
            more_by_rounding = (rounded > np.maximum(ranged, allowed)) | (ranged < UNCHANGED)
            by_rounding.update(rows[(plain | as_it_did) & more_by_rounding].tolist())
    told = dict(losses)
    told.update(
        records.losses(np.array([row for row in outside if row in by_rounding], dtype=int), ranged=False)
    )
    for row, loss in losses.items():
        if row in by_range and row in left:
            told[row] = replace(loss, cause=left[row], beside=())
        elif row in sunken or (loss.cause in _ROUNDING and loss.sank and row not in by_rounding):
            told[row] = replace(loss, cause=Cause.UNDERFLOW, beside=())
    return told


def _alone(measurement: Measurement, rows: np.ndarray, shadow: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the format's range does to the result where nothing is rounded to the format, and the error that rounding
    makes where there is no range; where the result is subnormal and the emulation, range or not, is right; and where
    the emulation of the format fails as the routine did.
    """
    judged = measurement.judgement
    elements = judged.worst_element[rows]
    truth = judged.truth[rows, elements]
    got, exponent = judged.got[rows, elements], ulp_exponent(truth, judged.format)
    allowed = judged.allowed[rows, elements]
    found: dict[str | None, np.ndarray] = {}
    for widen in (None, "range", "significand", "both"):
        try:
            numbers = _emulated(measurement, rows, widen)
        except Exception:  # an operator that cannot run in float64, or whatever the routine itself raises
            nowhere = np.zeros(len(rows), dtype=bool)
            return (nowhere,) * 4
        found[widen] = numbers[np.arange(len(rows)), elements]
    limited, free = found["significand"], found["both"]
    with np.errstate(all="ignore"):
        (both, _), (rounded, _), (native, _) = (
            errors(x, truth, exponent, judged.format) for x in (found[None], found["range"], got)
        )
        as_it_did = np.abs(both - native) <= native / 4
        ranged = np.where(limited == free, 0.0, scaled(np.abs(limited - free), -exponent))
        # digits that the shadow has and float64 lacks, too, are no matter of the range
        ranged = np.where(scaled(np.abs(free - shadow), -exponent) > ranged / 4, 0.0, ranged)
    sunken = (np.abs(got) < judged.format.smallest_normal) & (truth.exponent <= judged.format.min_exponent)
    inside = sunken & (both <= allowed) & (rounded <= allowed)
    return np.nan_to_num(ranged, nan=np.inf), rounded, inside, as_it_did


def _emulated(measurement: Measurement, rows: np.ndarray, widen: str | None) -> np.ndarray:
    wrt = measurement.routine.formula.wrt if measurement.of is Of.GRAD else ()
    count, rows = len(rows), rows[whole_vectors(len(rows))]
    arguments = arguments_at(measurement, rows)
    out, slopes = emulate(
        measurement.routine.function,
        arguments,
        wrt,
        format=measurement.format,
        widen=widen,
        component=component_of(measurement, rows),
    )
    parts = [torch.zeros_like(arguments[name]) if slope is None else slope for name, slope in slopes.items()]
    shown = [out] if measurement.of is Of.VALUE else parts
    return np.concatenate(
        [part.double().cpu().numpy().reshape(len(rows), -1)[:count] for part in shown], axis=1
    )


_RANGE = (Cause.OVERFLOW, Cause.UNDERFLOW)
_ROUNDING = (Cause.CANCELLATION, Cause.ABSORPTION, Cause.ORDER)


def _as_declared(loss: Loss, known: Collection[Cause]) -> Cause:
    """Of the causes that have a part in a loss the first by which the routine is known to fail, if there is one."""
    return next((cause for cause in (loss.cause, *loss.beside) if cause in known), loss.cause)


def _not_a_number(measurement: Measurement, row: int, blamed: Cause) -> Cause:
    """A NaN gradient is called that, whatever made it, for it is what training meets; so is a NaN out of rounding."""
    if not np.isnan(_speaking(measurement, row)):
        return blamed
    if measurement.of is Of.GRAD:
        return Cause.NAN_GRADIENT
    return Cause.SPECIAL_VALUE if blamed in _ROUNDING else blamed


def _speaking(measurement: Measurement, row: int) -> float:
    """The number that speaks for a point."""
    judged = measurement.judgement
    return float(judged.got[row, judged.worst_element[row]])


def _by_result(measurement: Measurement, row: int) -> Cause:
    """The cause that the result itself shows, where no operator could be blamed."""
    judged = measurement.judgement
    element = judged.worst_element[row]
    got, truth = _speaking(measurement, row), judged.truth.high[row, element]
    if np.isnan(got):
        return Cause.NAN_GRADIENT if measurement.of is Of.GRAD else Cause.SPECIAL_VALUE
    if np.isinf(got) and np.isfinite(truth):
        return Cause.OVERFLOW
    small = _truth_is_small(measurement, row)
    return Cause.UNDERFLOW if small and abs(got) < judged.format.smallest_normal else Cause.CANCELLATION


def _lost_all(measurement: Measurement, row: int) -> bool:
    """Whether the number that speaks for a point is zero though the truth is far from being subnormal."""
    return _speaking(measurement, row) == 0 and not _truth_is_small(measurement, row)


def _truth_is_small(measurement: Measurement, row: int) -> bool:
    """Whether the number that speaks for a point is so small that steps on the way to it were subnormal."""
    judged = measurement.judgement
    exponent = judged.truth.exponent[row, judged.worst_element[row]]
    return bool(exponent <= judged.format.min_exponent + judged.format.precision)
