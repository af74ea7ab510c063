"""Why digits were lost: a cause for every failing point.

Two questions tell causes apart. Does far more precision give the same wrong result? The trace's shadow carries some 106
bits; what it shares with the native run, sharply evaluated, is the formula's fault or the iteration's: a wrong formula,
a wrong scale, unconverged. Does the format's range alone do more harm than its rounding alone? Then digits were lost
to underflow, however rounding carried the damage on. The rest was lost to rounding, or left the range at once, and the
trace names the operator that did it.

A cause is a property of its point: it hangs on no other points that happen to be looked at with it, so that whoever
asks about a point is told the same. Causes name what was proved elsewhere to be wrong: no verdict depends on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis import conduct
from numcheck.diagnosis.causes import scale, unconverged
from numcheck.diagnosis.proof import wrong_code
from numcheck.diagnosis.records import ROUNDING, Loss, Records, call_at, failing, records_of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import Judgement, Measurement, by_settings, errors, measure, whole_vectors
from numcheck.operators import emulate
from numcheck.reals import subnormals
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.enclosures import scaled, ulp_exponent
from numcheck.truth import Truth, settle

USUAL = 32  # points that show whether a routine is wrong by one factor
UNCHANGED = 0.25  # ulps, below which the range by itself does nothing to a result
NOISE = 2.0**-98  # of a sharp shadow, beside which its own rounding, some 2**-104, does not count
HARDLY = 2.0  # times the budget, up to which many small losses count as the one by which the routine is known to fail


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Per point the cause of its failure, None where it did not fail; and what lost its digits, where it was found."""

    causes: np.ndarray
    losses: Mapping[int, Loss]


def diagnose(measurement: Measurement) -> Diagnosis:
    """A cause for every failing point of a measurement."""
    failed = failing(measurement)
    causes = np.full(len(measurement.points), None, dtype=object)
    beside = conduct.beside_computing(measurement, failed)
    causes[list(beside)] = list(beside.values())
    failed = np.setdiff1d(failed, list(beside))
    if not failed.size:
        return Diagnosis(causes, {})
    records, worst = records_of(measurement), measurement.judgement.worst
    unfinished = _unconverged(measurement, records, failed)
    code = _wrong_code(measurement, records, np.setdiff1d(failed, unfinished))
    causes[code.wrong] = _scale_or_formula(measurement, code.wrong, code.exact)
    causes[unfinished] = Cause.UNCONVERGED
    rest = np.setdiff1d(failed, np.union1d(code.wrong, unfinished))
    blamed = code.losses | records.losses(np.setdiff1d(rest, list(code.losses)))
    losses = _range_or_rounding(measurement, records, blamed | _rounded_to_a_pole(measurement, blamed))
    known = {cause for gap in measurement.gaps for cause in gap.causes}
    for row, loss in losses.items():
        alike = (loss.cause, *loss.beside) if worst.spent[row] < HARDLY else ()
        told = next((cause for cause in alike if cause in known), loss.cause)
        causes[row] = _not_a_number(measurement, row, told)
    blameless = np.array([row for row in rest.tolist() if row not in losses], dtype=int)
    losses |= _left_behind(measurement, records, blameless, np.isin(blameless, code.right))
    for row in blameless.tolist():
        cause = losses[row].cause if row in losses else _by_result(worst, row, row in code.finite)
        causes[row] = _not_a_number(measurement, row, cause)
    for row in code.untold.tolist():
        loss = losses.get(row) or Loss(Cause(causes[row]), "", "", False, False)
        losses[row] = replace(loss, note=f"not proved whether the code is another formula's: {code.why_not}")
    placed = conduct.by_placement(measurement, dict(enumerate(causes.tolist())), known)
    causes[placed] = Cause.PLACEMENT
    return Diagnosis(causes, {row: loss for row, loss in losses.items() if row not in placed})


def _left_behind(
    measurement: Measurement, records: Records, rows: np.ndarray, code_is_right: np.ndarray
) -> dict[int, Loss]:
    """What to blame where the shadow errs as the routine does, because both follow the branch that an infinity or a
    vanished number chose; or because the shadow, too, ends too early, which exact code has shown.
    """
    worst, found = measurement.judgement.worst, dict[int, Loss]()
    left, other_branch = records.range_left(rows), records.diverged(rows) | code_is_right
    swallowed = records.swallowed(rows)
    for row, loss, branched, next_best in zip(rows.tolist(), left, other_branch, swallowed, strict=True):
        lost_all = worst.got[row] == 0 and not _truth_is_small(worst, row)
        shows = np.isinf(worst.got[row]) if loss and loss.cause is Cause.OVERFLOW else lost_all
        if loss is not None and (branched or shows):
            found[row] = loss
        elif next_best is not None:
            found[row] = next_best
    return found


# The formula ------------------------------------------------------------------------------------------------------


def _error(measurement: Measurement, rows: np.ndarray) -> np.ndarray:
    """Distance from the truth of the number that speaks for each point."""
    worst = measurement.judgement.worst
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(worst.got[rows] - worst.truth[rows].nearest()), nan=np.inf)


def _distance(measurement: Measurement, rows: np.ndarray, records: Records) -> np.ndarray:
    """How far the number that speaks for each point is from the shadow, rounded to the format or not; if any."""
    worst, shadow = measurement.judgement.worst, records.shadow(rows)
    held = worst.format.round(torch.from_numpy(shadow)).double().numpy()
    with np.errstate(all="ignore"):
        distance = np.fmin(np.abs(worst.got[rows] - shadow), np.abs(worst.got[rows] - held))
    return np.nan_to_num(distance, nan=np.inf)


@dataclass(frozen=True, eq=False)
class _Code:
    """Rows that are proved to be wrong whatever the precision, proved not to be, and of which that could not be told;
    and what is to blame where it only seemed so.
    """

    wrong: np.ndarray
    right: np.ndarray
    untold: np.ndarray
    finite: np.ndarray
    """Those at which it gives a finite number, as far as it was asked."""
    exact: np.ndarray
    """What it gives at the wrong ones, NaN where that was not asked."""
    why_not: str
    losses: dict[int, Loss]


def _wrong_code(measurement: Measurement, records: Records, rows: np.ndarray) -> _Code:
    """What exact arithmetic says of the code, at those of the rows whose error is for the greater part the shadow's.

    Where the code is not wrong, the shadow shares a wrong result because float64's functions lose what the format's
    lose: so it is asked again, sharply.
    """
    got = measurement.judgement.worst.got[rows]
    shared = (_distance(measurement, rows, records) < _error(measurement, rows) / 2) & np.isfinite(got)
    asked = shared | records.untraced(rows)
    if not asked.any():
        return _Code(rows[:0], rows[:0], rows[:0], rows[:0], np.zeros(0), "", {})
    suspects = rows[asked]
    proof = wrong_code(measurement, suspects)
    wrong, right, untold = (suspects[proof.states == state] for state in (YES, NO, UNDECIDED))
    seeming = np.union1d(right, untold)
    losses = Records(measurement, seeming, NOISE).losses(seeming) if seeming.size else {}
    exact = proof.exact[proof.states == YES]
    return _Code(wrong, right, untold, suspects[proof.finite], exact, proof.why_not, losses)


def _unconverged(measurement: Measurement, records: Records, rows: np.ndarray) -> np.ndarray:
    """Points whose shadow runs the same loop to the same wrong value, which still moves from pass to pass."""
    if measurement.of is not Of.VALUE:
        return rows[:0]
    moving = records.moving(rows, unconverged.MOVING * measurement.judgement.format.unit_roundoff)
    return rows[moving & (_distance(measurement, rows, records) < _error(measurement, rows) / 4)]


def _scale_or_formula(measurement: Measurement, rows: np.ndarray, exact: np.ndarray) -> list[Cause]:
    """Of points that are wrong whatever the precision: whether by the factor by which the routine usually is.

    What the code gives exactly tells it, where that is known, for what it gives has lost digits besides.
    """
    if not rows.size:
        return []
    routine, of, points = measurement.routine, measurement.of, measurement.points
    factor = _usual_factor(routine, of, measurement.format, measurement.device, points.size)
    if factor is None:
        return [Cause.WRONG_FORMULA] * len(rows)
    worst = measurement.judgement.worst.select(rows)
    got, scaled_truth = np.where(np.isfinite(exact), exact, worst.got), factor * worst.truth.nearest()
    nearness = np.ldexp(2.0, np.clip(worst.unit, -1074, 1000).astype(np.int32))
    nearness = np.maximum(
        nearness, scale.tolerance(factor, worst.format.unit_roundoff) * np.abs(scaled_truth)
    )
    return [Cause.SCALE if near else Cause.WRONG_FORMULA for near in np.abs(got - scaled_truth) < nearness]


@lru_cache(maxsize=64)
def _usual_factor(routine: Routine, of: Of, format: Format, device: str, size: int | None) -> float | None:
    """The factor by which what a routine gives is wrong at points drawn for its formula, the same in every run."""
    points, truth = _usual(routine.formula, format, size, of is Of.GRAD)
    (usual,) = (one for one in measure(routine, points, truth, format, device) if one.of is of)
    worst = usual.judgement.worst
    rows = np.flatnonzero(worst.fate >= Fate.OVER)
    if not rows.size:
        return None
    over, told = worst.select(rows), wrong_code(usual, rows).exact
    got, exact = np.where(np.isfinite(told), told, over.got), over.truth.nearest()
    with np.errstate(all="ignore"):
        ratios = got / np.where(exact == 0, np.nan, exact)
    return scale.factor_of(ratios, worst.format.unit_roundoff)


@lru_cache(maxsize=16)
def _usual(formula: Formula, format: Format, size: int | None, with_gradient: bool) -> tuple[Points, Truth]:
    """Some points of a formula with their truths, for all of its routines."""
    points = _usual_points(formula, format)[size]
    return points, settle(formula, points, format, with_value=not with_gradient, with_gradient=with_gradient)


@lru_cache(maxsize=6)
def _usual_points(formula: Formula, format: Format) -> dict[int | None, Points]:
    """Some points of each size, for either half."""
    return {part.size: part.select(part.spread(USUAL)) for part in formula.points(format, USUAL, 0)}


# A pole -----------------------------------------------------------------------------------------------------------


def _rounded_to_a_pole(measurement: Measurement, losses: Mapping[int, Loss]) -> dict[int, Loss]:
    """What is to blame where only float64's own functions took the shadow to a pole, as tanh(20) does 1 - t * t."""
    infinite = np.isinf(measurement.judgement.worst.got)
    poles = [row for row, loss in losses.items() if loss.cause is Cause.SPECIAL_VALUE and infinite[row]]
    rows = np.array(poles, dtype=int)
    if not rows.size:
        return {}
    sharp = Records(measurement, rows, NOISE).losses(rows)
    return {row: loss for row, loss in sharp.items() if loss.cause in ROUNDING}


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
    worst = measurement.judgement.worst
    # a NaN in a gradient has its name whatever made it
    asked = [row for row in losses if measurement.of is Of.VALUE or not np.isnan(worst.got[row])]
    rounding = np.array([row for row in asked if losses[row].cause in ROUNDING], dtype=int)
    first = zip(rounding.tolist(), records.range_left(rounding), strict=True)
    left = {row: loss for row, loss in first if loss is not None}
    outside = [row for row in asked if losses[row].cause in _RANGE and np.isfinite(worst.got[row])]
    doubtful = np.array([*left, *outside], dtype=int)
    by_range, by_rounding, sunken = np.zeros((3, len(measurement.points)), dtype=bool)
    emulable = doubtful.size and worst.format == measurement.format
    for positions in by_settings(measurement.points, doubtful) if emulable else ():
        rows = doubtful[positions]
        ranged, rounded, inside, as_it_did = _alone(measurement, rows, records.shadow(rows))
        by_range[rows] = as_it_did & (ranged > np.maximum(rounded, worst.allowed[rows]))
        sunken[rows] = inside & records.sank_inside(rows)
        # what sank in a plain operator is known to the emulation, whatever its other roundings
        plain = np.array([losses[row].plain for row in rows.tolist()])
        more_by_rounding = (rounded > np.maximum(ranged, worst.allowed[rows])) | (ranged < UNCHANGED)
        by_rounding[rows] = (plain | as_it_did) & more_by_rounding
    again = np.array([row for row in outside if by_rounding[row]], dtype=int)
    told = {**losses, **records.losses(again, ranged=False)}
    for row, loss in losses.items():
        if by_range[row] and row in left:
            told[row] = left[row]
        elif sunken[row] or (loss.cause in ROUNDING and loss.sank and not by_rounding[row]):
            told[row] = replace(loss, cause=Cause.UNDERFLOW, beside=())
    return told


def _alone(measurement: Measurement, rows: np.ndarray, shadow: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the format's range does to the result where nothing is rounded to the format, and the error that rounding
    makes where there is no range; where the result is subnormal and the emulation, range or not, is right; and where
    the emulation of the format fails as the routine did.
    """
    worst = measurement.judgement.worst.select(rows)
    truth, format, exponent = worst.truth, worst.format, ulp_exponent(worst.truth, worst.format)
    try:
        narrow, unlimited, limited, free = (
            _emulated(measurement, rows, widen) for widen in (None, "range", "significand", "both")
        )
    except KeyboardInterrupt:
        raise
    except BaseException:  # an operator that cannot run in float64, or whatever the routine itself raises
        return (np.zeros(len(rows), dtype=bool),) * 4
    with np.errstate(all="ignore"):
        both, rounded, native = (
            errors(x, truth, exponent, format)[0] for x in (narrow, unlimited, worst.got)
        )
        as_it_did = np.abs(both - native) <= native / 4
        ranged = np.where(limited == free, 0.0, scaled(np.abs(limited - free), -exponent))
        # digits that the shadow has and float64 lacks, too, are no matter of the range
        ranged = np.where(scaled(np.abs(free - shadow), -exponent) > ranged / 4, 0.0, ranged)
    sunken = (np.abs(worst.got) < format.smallest_normal) & (truth.exponent <= format.min_exponent)
    inside = sunken & (both <= worst.allowed) & (rounded <= worst.allowed)
    return np.nan_to_num(ranged, nan=np.inf), rounded, inside, as_it_did


def _emulated(measurement: Measurement, rows: np.ndarray, widen: str | None) -> np.ndarray:
    """The number that speaks for each point, of a run in which `widen` has more room than the format gives it."""
    padded = rows[whole_vectors(len(rows))]
    call, component = call_at(measurement, padded)
    with subnormals.as_found():
        out, slopes = emulate(*call, format=measurement.format, widen=widen, component=component)
    if measurement.of is Of.VALUE:
        parts = [out]
    else:
        parts = [torch.zeros_like(call.arguments[name]) if x is None else x for name, x in slopes.items()]
    numbers = [part.double().cpu().numpy().reshape(len(padded), -1) for part in parts]
    return np.concatenate(numbers, axis=1)[np.arange(len(rows)), measurement.judgement.worst_element[rows]]


_RANGE = (Cause.OVERFLOW, Cause.UNDERFLOW)


def _not_a_number(measurement: Measurement, row: int, blamed: Cause) -> Cause:
    """A NaN gradient is called that, whatever made it, for it is what training meets; so is a NaN out of rounding."""
    if not np.isnan(measurement.judgement.worst.got[row]):
        return blamed
    if measurement.of is Of.GRAD:
        return Cause.NAN_GRADIENT
    return Cause.SPECIAL_VALUE if blamed in ROUNDING else blamed


def _by_result(worst: Judgement, row: int, exactly_finite: bool) -> Cause:
    """The cause that the number itself shows which speaks for a point, where no operator could be blamed.

    An infinity to which no operator overflowed is no overflow, unless exact arithmetic has a finite number there.
    """
    got = worst.got[row]
    if np.isinf(got):
        return Cause.OVERFLOW if exactly_finite else Cause.SPECIAL_VALUE
    subnormal = abs(got) < worst.format.smallest_normal and _truth_is_small(worst, row)
    return Cause.UNDERFLOW if subnormal else Cause.CANCELLATION


def _truth_is_small(worst: Judgement, row: int) -> bool:
    """Whether the number that speaks for a point is so small that steps on the way to it were subnormal."""
    return bool(worst.truth.exponent[row] <= worst.format.min_exponent + worst.format.precision)
