"""What a routine does beside computing, found by running it again: in another arrangement, and under watch.

A routine is judged by one call of a whole batch, so that what it gives at a point hangs on no company. Here some of the
same points are given to it again: backwards, with gaps in memory and fewer at a time; and each alone. Where a result
has other bits, that is told. Where results lie farther apart than both budgets allow, by the law of `devices`, one of
them at least is over, whatever the truth is: then all points are tried, and such a point has the worse of the two. A
routine that raises in another arrangement says so itself; that is told, and counts nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis.causes import placement
from numcheck.diagnosis.devices import disagreement
from numcheck.diagnosis.records import Records, call_at, failing, ordinary
from numcheck.measure import (
    ALONE,
    BACKWARDS,
    WHOLE,
    Layout,
    Measurement,
    Outcome,
    RoutineError,
    by_settings,
    errors,
    execute,
    measure,
    whole_vectors,
    with_rows,
)
from numcheck.operators import subnormals_kept, watched
from numcheck.reals import subnormals
from numcheck.reals.enclosures import scaled
from numcheck.truth import Truth

MOST_FAILING = 32
"""Failing points in the sample, the worst of all."""
MOST_ALONE = 4
"""Points of the sample that are given to the routine each alone, and failing ones among them."""


# In another arrangement -------------------------------------------------------------------------------------------


def called_again(measured: Sequence[Measurement], truth: Truth) -> list[Measurement]:
    """The halves of a routine at some points, with what further calls show of it.

    A routine that varies on purpose is held against nothing.
    """
    halves, first = list(measured), measured[0]
    if first.routine.varies is not None:
        return [replace(one, remarks=(f"varies on purpose: {first.routine.varies}",)) for one in halves]
    raised = np.array(sorted(first.crashes), dtype=int)
    sample, over, cause = np.setdiff1d(ordinary(first), raised), _over(halves), None
    if not sample.size:
        return halves
    few = sample[:: -(-len(sample) // MOST_ALONE)]
    tries = [
        (BACKWARDS, np.union1d(sample, over[:MOST_FAILING])),
        (ALONE, np.union1d(few, over[:MOST_ALONE])),
    ]
    for layout, rows in tries if len(first.points) > 1 else tries[1:]:  # one point has no order
        found = _held_against(measured, truth, layout, rows)
        if isinstance(found, str):
            halves = [replace(one, remarks=(*one.remarks, found)) for one in halves]
            continue
        if not any(other.differs.any() for other in found):
            continue
        if cause is None:
            cause = Cause.NOT_DETERMINISTIC if _varies(measured, found, layout) else Cause.PLACEMENT
        told = [f"{cause}: {other.remark(layout)}" if other.differs.any() else None for other in found]
        parts = [found]
        if any((other.shares > 1).any() for other in found):
            # as few at a time as in the sample, for it may be the company that matters; alone only what fails
            left = np.setdiff1d(over if layout.alone else np.arange(len(first.points)), [*rows, *raised])
            step = -(-len(left) // len(sample))
            more = (_held_against(measured, truth, layout, left[start::step]) for start in range(step))
            parts += [part for part in more if part and not isinstance(part, str)]
        for place, remark in enumerate(told):
            for part in parts:
                halves[place] = _worse(halves[place], part[place], cause)
            if remark is not None:
                halves[place] = replace(halves[place], remarks=(*halves[place].remarks, remark))
    return [_varying(half) for half in halves]


def _varying(half: Measurement) -> Measurement:
    """Where results vary beyond the budgets no failure has another cause: it may be right the next time."""
    if Cause.NOT_DETERMINISTIC not in half.conduct.values():
        return half
    return replace(half, conduct=dict.fromkeys(failing(half).tolist(), Cause.NOT_DETERMINISTIC))


def _over(halves: Sequence[Measurement]) -> np.ndarray:
    """The points at which a half fails, the worst first, but for those at which the routine raises."""
    spent = np.zeros(len(halves[0].points))
    for one in halves:
        rows, worst = failing(one), one.judgement.worst
        spent[rows] = np.fmax(spent[rows], np.nan_to_num(worst.spent[rows], nan=np.inf))
    return np.argsort(-spent, kind="stable")[: np.count_nonzero(spent)]


@dataclass(frozen=True, eq=False)
class _Other:
    """One half of a routine in another arrangement, at some rows of the first: which results have other bits, and how
    far they are apart, as a share of what both budgets allow."""

    rows: np.ndarray
    measurement: Measurement
    differs: np.ndarray
    shares: np.ndarray

    def remark(self, layout: Layout) -> str:
        share = float(self.shares.max(initial=0.0))
        return (
            f"other bits {layout.words} at {int(self.differs.sum())} of {len(self.rows)} points, "
            f"up to {share:.3g} of what the budgets allow"
        )


def _outcome(halves: Sequence[Measurement], layout: Layout, rows: np.ndarray) -> Outcome:
    first = halves[0]
    backward = any(one.of is Of.GRAD for one in halves)
    points, component = first.points.select(rows), first.component[rows]
    return execute(first.routine, points, first.format, first.device, component, backward, layout)


def _held_against(
    halves: Sequence[Measurement], truth: Truth, layout: Layout, rows: np.ndarray
) -> list[_Other] | str:
    """Each half in another arrangement, none where all bits are the same; or in words that the routine raises there,
    where it did not before."""
    first = halves[0]
    points = first.points.select(rows)
    try:
        outcome = _outcome(halves, layout, rows)
        raised = [told for row, told in outcome.crashes.items() if rows[row] not in first.crashes]
        if raised:
            return f"raises {layout.words}: {raised[0]}"
        if all(_as_before(one, outcome, rows) for one in halves):
            return []  # which needs no judging
        others = measure(first.routine, points, truth.select(rows), first.format, first.device, outcome)
    except RoutineError as error:
        return f"breaks its contract {layout.words}: {error}"
    found: list[_Other] = []
    for one, other in zip(halves, others, strict=True):
        differs = np.asarray(~_same_bits(one.judgement.got[rows], other.judgement.got).all(axis=1))
        shares = np.zeros(len(rows))
        if differs.any():
            apart = disagreement(one.judgement.select(rows), other.judgement).max(axis=1, initial=0.0)
            shares = np.where(differs, apart, 0.0)
        found.append(_Other(rows, other, differs, shares))
    return found


def _as_before(one: Measurement, outcome: Outcome, rows: np.ndarray) -> bool:
    """Whether a half has the same bits as in the first call."""
    before, given = one.judgement.got[rows], outcome.halves.get(one.of)
    again = None if given is None else given.numbers.reshape(len(rows), -1)
    return again is not None and again.shape == before.shape and bool(_same_bits(before, again).all())


def _varies(halves: Sequence[Measurement], found: Sequence[_Other], layout: Layout) -> bool:
    """Whether the very calls that gave other bits give others again: that in the other arrangement, or the first."""
    again = _outcome(halves, layout, found[0].rows), _outcome(halves, WHOLE, np.arange(len(halves[0].points)))
    before = [other.measurement for other in found], halves
    return any(
        not _same_bits(
            one.judgement.got, outcome.halves[one.of].numbers.reshape(one.judgement.got.shape)
        ).all()
        for outcome, measured in zip(again, before, strict=True)
        for one in measured
        if one.of in outcome.halves
    )


def _same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))


def _worse(one: Measurement, other: _Other, cause: Cause) -> Measurement:
    """A half whose points have the worse of two results wherever these are farther apart than budgets allow."""
    apart = np.flatnonzero(other.shares > 1)
    if not apart.size:
        return one
    rows, theirs = other.rows[apart], other.measurement.judgement.select(apart)
    mine = one.judgement.select(rows).worst
    graver = (theirs.worst.fate > mine.fate) | (
        (theirs.worst.fate == mine.fate) & (theirs.worst.spent > mine.spent)
    )
    judged = with_rows(one.judgement, rows[graver], theirs.select(graver))
    marked = rows[judged.worst.fate[rows] >= Fate.OVER]
    return replace(one, judgement=judged, conduct={**one.conduct, **dict.fromkeys(marked.tolist(), cause)})


def by_placement(
    measurement: Measurement, causes: Mapping[int, Cause | None], known: set[Cause]
) -> list[int]:
    """The rows that fail by how the routine is called; `causes` is what the routine's operators tell of each.

    It is not that where one of the routine's gaps is told, nor where rounding each operator otherwise, by a unit or
    two, moves the result about as far: then the operators that magnify it are to blame, and not the arrangement.
    """
    rows = [row for row, cause in measurement.conduct.items() if cause is Cause.PLACEMENT]
    # a loop that all points of a batch leave together stops too early for some: that it stops is the mistake
    rows = [row for row in rows if causes[row] not in known | {Cause.UNCONVERGED}]
    if not rows:
        return rows
    places, tried = np.array(rows), placement.TRIALS
    worst = measurement.judgement.worst.select(places)
    noise = placement.SHAKEN * worst.format.unit_roundoff
    # each copy of a point is shaken by itself
    copies, lanes = measurement.select(np.repeat(places, tried)), np.arange(len(places) * tried)
    plain, shaken = (
        Records(copies, lanes, sharp).shadow(lanes).reshape(-1, tried) for sharp in (None, noise)
    )
    with np.errstate(all="ignore"):
        moved = scaled(np.abs(shaken - plain), -worst.unit[:, None]).max(
            axis=1
        )  # which takes a NaN for the most
    magnified = np.isfinite(plain[:, 0]) & ~(moved < placement.MAGNIFIED * worst.error)
    return places[~magnified].tolist()


# Under watch ------------------------------------------------------------------------------------------------------


def beside_computing(measurement: Measurement, failed: np.ndarray) -> dict[int, Cause]:
    """The causes of those failing points that no operator's rounding is to blame for."""
    known = {row: c for row, c in measurement.conduct.items() if c is not Cause.PLACEMENT}
    told = {row: known[row] for row in failed.tolist() if row in known}
    left = np.array([row for row in failed.tolist() if row not in measurement.conduct], dtype=int)
    for places in by_settings(measurement.points, left) if left.size else ():
        told |= _under_watch(measurement, left[places])
    return told


def _under_watch(measurement: Measurement, rows: np.ndarray) -> dict[int, Cause]:
    """The rows, run in one call, that were lost to a flush of subnormals, or where an operator's whole numbers left
    their type, or were exact from beginning to end, and wrong.
    """
    padded = rows[whole_vectors(len(rows))]
    call, _ = call_at(measurement, padded)
    try:
        with subnormals.as_found(), torch.no_grad(), watched(len(padded)) as watch:
            call.function(**call.arguments)
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever the routine itself raises
        return {}
    wrapped = watch.wrapped.numpy()[: len(rows)]
    told = dict.fromkeys(rows[wrapped].tolist(), Cause.WRAPAROUND)
    if watch.exact and measurement.of is Of.VALUE:
        told |= dict.fromkeys(rows[~wrapped].tolist(), Cause.WRONG_FORMULA)
    if watch.flushed or measurement.flushed:
        told |= dict.fromkeys(_healed_by_subnormals(measurement, rows).tolist(), Cause.FLUSHED)
    return told


def _healed_by_subnormals(measurement: Measurement, rows: np.ndarray) -> np.ndarray:
    """Those of the rows at which the routine is right where subnormals are kept."""
    with subnormals_kept():
        given = _outcome([measurement], WHOLE, rows).halves.get(measurement.of)
    worst = measurement.judgement.worst.select(rows)
    if given is None:
        return rows[:0]
    numbers = given.numbers.reshape(len(rows), -1)
    got = numbers[np.arange(len(rows)), measurement.judgement.worst_element[rows]]
    off, _ = errors(got, worst.truth, worst.unit, worst.format)
    return rows[off <= worst.allowed]
