"""A routine measured at points: what it gave and how that was judged, of its value and of its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from flint import arb

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.error import SLIGHT
from numcheck.measure.execute import Given, Outcome, RoutineError, components_of, execute, told_at
from numcheck.measure.judge import Judgement, judge, with_rows
from numcheck.reals.arb import ARB, PATIENCE
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.enclosures import TOLERANCE, enclosure, narrow, reaches_across
from numcheck.truth import FLOAT64, Half, Truth, answered, conditioning_at, hanging_on_signs, settle, signed

MOST_ASKED = 16
"""Numbers of a point of more than `ROWS` whose conditioning is asked, the worst first: each takes a pass backwards."""
PAIR = 102
"""Bits to which an enclosure of two doubles is narrow."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """A routine at points: what it gave and how that was judged, of its value or of its gradient."""

    routine: Routine
    of: Of
    format: Format
    device: str
    points: Points
    judgement: Judgement
    crashes: Mapping[int, str]
    component: np.ndarray
    made: str = ""
    """The dtype that the result came in."""
    changed: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    """Of each input that the routine wrote into how far that moved at each point, in ulps."""
    flushed: bool = False
    """Whether subnormals were flushed to zero while it ran."""
    conduct: Mapping[int, Cause] = field(default_factory=dict[int, Cause])
    """The points that fail by what the routine does beside computing, or by how it is called."""
    remarks: tuple[str, ...] = ()
    """What else its calls have shown of it."""

    @property
    def budget(self) -> Budget:
        """What was promised of this half."""
        return self.routine.budgets[self.of]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The routine's gaps that speak of this half, format and device."""
        return tuple(g for g in self.routine.gaps if g.speaks_of(self.of, self.format.name, self.device))

    def select(self, rows: np.ndarray) -> "Measurement":
        """At some of the points."""
        return replace(
            self,
            points=self.points.select(rows),
            judgement=self.judgement.select(rows),
            crashes=told_at(self.crashes, rows),
            component=self.component[rows],
            conduct=told_at(self.conduct, rows),
            changed={name: moved[rows] for name, moved in self.changed.items()},
        )


def measure(
    routine: Routine,
    points: Points,
    truth: Truth,
    format: Format,
    device: str,
    outcome: Outcome | None = None,
) -> list[Measurement]:
    """Each half of the truth that the routine makes a promise of, the value first, judged at every point.

    `outcome` is what the routine gave there, where it has been run already.
    """
    if outcome is None:
        backward = Of.GRAD in routine.budgets and Of.GRAD in truth.halves
        outcome = execute(routine, points, format, device, truth.component, backward)
    components = components_of(routine.formula, points)
    measurements: list[Measurement] = []
    for of, given in outcome.halves.items():
        if of not in truth.halves:  # a question about the other half
            continue
        half, budget = truth.halves[of], routine.budgets[of]
        expected, got = half.exact.shape[1:], given.numbers.shape[1:]
        if expected != got:
            if len(outcome.raised(of)) < len(points):
                raise RoutineError(
                    f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives "
                    f"{expected or 'one number'}"
                )
            given = replace(given, numbers=np.full(half.exact.shape, np.nan))
        half = _sharpened(routine.formula, points, truth, of, format, given.format)
        crashes = outcome.raised(of)
        judgement = judge(of, given, half, budget, components, crashes)
        measured = Measurement(
            routine,
            of,
            format,
            device,
            points,
            judgement,
            crashes,
            truth.component,
            given.made,
            outcome.changed if of is Of.VALUE else {},
            outcome.flushed,
        )
        measurements.append(_spoiled(_by_sign_of_zero(_decided(measured, half, truth), half)))
    return measurements


def _by_sign_of_zero(measurement: Measurement, half: Half) -> Measurement:
    """Where a point fails that has a negative zero, what IEEE has for its sign counts as right, too."""
    formula, judged = measurement.routine.formula, measurement.judgement
    fate = judged.worst.fate
    failing = np.flatnonzero((fate >= Fate.OVER) & (fate != Fate.CRASH))
    if not failing.size:
        return measurement
    component = measurement.component[failing]
    hanging = hanging_on_signs(formula, measurement.points.select(failing), measurement.of, component)
    for row in failing[hanging].tolist():
        rows, point = np.array([row]), measurement.points.select([row])
        conditioning = half.conditioning[rows]
        truth = judged.truth[rows].reshaped(conditioning.shape)
        told = signed(formula, point, truth, measurement.of, int(measurement.component[row]), judged.format)
        given = Given(judged.got[rows].reshape(conditioning.shape), judged.format)
        components = components_of(formula, point)
        again = judge(measurement.of, given, Half(told, conditioning), measurement.budget, components, {})
        if again.worst.fate[0] == Fate.WITHIN:
            measurement = replace(measurement, judgement=with_rows(measurement.judgement, rows, again))
    return measurement


def _spoiled(measurement: Measurement) -> Measurement:
    """A point whose inputs moved by more than the budget's ulps fails: whoever called has other inputs now."""
    if not measurement.changed:
        return measurement
    judged, ulps = measurement.judgement, measurement.budget.ulps
    moved = np.maximum.reduce(list(measurement.changed.values()))
    rows = np.flatnonzero((moved > ulps) & (judged.worst.fate == Fate.WITHIN))
    key = rows, judged.worst_element[rows]
    fate, spent, error = judged.fate.copy(), judged.spent.copy(), judged.error.copy()
    with np.errstate(divide="ignore"):
        fate[key], spent[key], error[key] = Fate.OVER, moved[rows] / ulps, moved[rows]
    spoiled = replace(judged, fate=fate, spent=spent, error=error)
    told = dict.fromkeys(rows.tolist(), Cause.MUTATION)
    return replace(measurement, judgement=spoiled, conduct=told)


def _sharpened(
    formula: Formula, points: Points, truth: Truth, of: Of, format: Format, out_format: Format
) -> Half:
    """The truth, tight enough for the format of the result where that is finer than the points' own.

    A ball that is wide only because a coarse format settled it must not pass for the interval of a kink.
    """
    half = truth.halves[of]
    if out_format.precision <= format.precision and out_format.min_exponent >= format.min_exponent:
        return half
    wide = ~narrow(half.exact, out_format, TOLERANCE).reshape(len(points), -1).all(axis=1)
    rows = np.flatnonzero(wide)
    if not rows.size:
        return half
    again = settle(
        formula,
        points.select(rows),
        out_format,
        with_value=of is Of.VALUE,
        with_gradient=of is Of.GRAD,
        with_conditioning=False,
        component=truth.component[rows],
    )
    sharper = half.exact.copy()
    sharper.put(rows, again.halves[of].exact)
    return Half(sharper, half.conditioning)


def _decided(measurement: Measurement, half: Half, truth: Truth) -> Measurement:
    """Settle again, more tightly, the points whose verdict hangs on the truth's radius or on loose conditioning.

    And those with an error at a truth that may lie just below a power of two, where the unit is half as large.
    """
    judged = measurement.judgement
    again = _hanging(judged) | (truth.loose[:, None] & (judged.spent > 1))
    again |= reaches_across(judged.truth, judged.format) & (judged.error > SLIGHT)
    rows = np.flatnonzero((again & np.isfinite(judged.spent)).any(axis=1))
    if not rows.size:
        return measurement
    routine, points = measurement.routine, measurement.points.select(rows)
    open_ = bool((truth.loose | (truth.precision == FLOAT64))[rows].any())  # else Arb has told conditioning
    tight = settle(
        routine.formula,
        points,
        judged.format,
        with_value=measurement.of is Of.VALUE,
        with_gradient=measurement.of is Of.GRAD,
        with_conditioning=open_,
        component=measurement.component[rows],
        tolerance=max(2.0**-60, 2.0 ** (judged.format.precision - PAIR)),
    )
    exact = tight.halves[measurement.of]
    exact = exact if open_ else Half(exact.exact, half.conditioning[rows])
    half = _off_the_powers(measurement.select(rows), exact)
    given = Given(judged.got[rows].reshape(half.exact.shape), judged.format)
    components = components_of(routine.formula, points)
    found = judge(measurement.of, given, half, measurement.budget, components, {})
    if tight.loose.any():
        found = _forgiven(measurement.select(rows), given, half, components, found)
    found = _to_the_last_bit(measurement.select(rows), found)
    return replace(measurement, judgement=with_rows(judged, rows, found))


def _forgiven(
    measurement: Measurement, given: Given, half: Half, components: int, judged: Judgement
) -> Judgement:
    """The verdicts where conditioning is told as the least that it can be: what it is, of each point's worst numbers.

    A point fails where one number does, so that the worst decides; where conditioning forgives it, the next one. The
    least that conditioning can be is usually half of it, and where it forgives `MOST_ASKED` of them the point is in.
    """
    formula, asked = measurement.routine.formula, np.zeros(judged.spent.shape, dtype=bool)
    conditioning = half.conditioning.copy().reshape(judged.spent.shape)
    for _ in range(MOST_ASKED):
        failing = (judged.spent > 1) & np.isfinite(judged.spent)
        doubtful = np.where(failing & ~asked, judged.spent, 0.0)
        rows = np.flatnonzero((doubtful > 0).any(axis=1) & ~(failing & asked).any(axis=1))
        if not rows.size:
            break
        worst = np.argmax(doubtful[rows], axis=1)
        points, component = measurement.points.select(rows), measurement.component[rows]
        conditioning[rows, worst] = conditioning_at(formula, points, component, measurement.of, worst)
        asked[rows, worst] = True
        told = Half(half.exact, conditioning.reshape(half.conditioning.shape))
        judged = judge(measurement.of, given, told, measurement.budget, components, {})
    # its worst numbers speak for a point: the others are neither known to be over nor asked about
    spared = (judged.spent > 1) & np.isfinite(judged.spent) & ~asked
    return replace(
        judged,
        fate=np.where(spared, Fate.WITHIN, judged.fate).astype(np.int8),
        spent=np.where(spared, 0.0, judged.spent),
    )


def _off_the_powers(measurement: Measurement, half: Half) -> Half:
    """The truth, as narrow as it takes to tell whether it lies below a power of two, of the numbers where that matters.

    What looks like the power of two itself at so many bits counts as that.
    """
    judged, exact = measurement.judgement, half.exact.reshaped(measurement.judgement.got.shape)
    matters = reaches_across(exact, judged.format) & (judged.error > SLIGHT)
    rows = np.flatnonzero(matters.any(axis=1))
    if not rows.size:
        return half
    exact, matters = exact.copy(), matters[rows]

    def clear(places: np.ndarray, balls: np.ndarray) -> np.ndarray:
        found = enclosure(balls)
        open_ = matters[places] & reaches_across(found, judged.format)
        apart = np.nonzero(matters[places] & ~open_)
        exact.put((rows[places[apart[0]]], apart[1]), found[apart])
        return np.where(open_, UNDECIDED, YES)

    some = measurement.select(rows)
    answered(measurement.routine.formula, some.points, some.component, measurement.of, clear, PATIENCE)
    return Half(exact.reshaped(half.exact.shape), half.conditioning)


def _hanging(judged: Judgement) -> np.ndarray:
    """Numbers of which the truth's radius leaves open whether they are within."""
    return (np.abs(judged.spent - 1) <= judged.margin) & (judged.margin > 0)


def _to_the_last_bit(measurement: Measurement, judged: Judgement) -> Judgement:
    """The verdicts that an enclosure of float64 pairs still leaves open, by balls of as many bits as it takes."""
    rows = np.flatnonzero(_hanging(judged).any(axis=1))
    if not rows.size:
        return judged
    hanging = _hanging(judged)[rows]
    some = judged.select(rows)
    infinite = np.sign(some.got) * np.isinf(some.got)
    exponent = np.where(infinite != 0, judged.format.max_exponent + 1, 0)
    got = _exactly(np.where(infinite != 0, infinite, some.got), exponent)
    allowed = _exactly(some.allowed, some.unit)

    def within(places: np.ndarray, balls: np.ndarray) -> np.ndarray:
        near = ARB.compare("le", np.absolute(balls - got[places]), allowed[places])
        return np.where(hanging[places], near, YES)

    found = measurement.select(rows)
    told = answered(measurement.routine.formula, found.points, found.component, measurement.of, within)
    spent, margin, fate = (getattr(judged, name).copy() for name in ("spent", "margin", "fate"))
    for state, share, word in (
        (YES, 1.0, Fate.WITHIN),
        (NO, np.nextafter(1.0, 2.0), Fate.OVER),
        (UNDECIDED, 0.0, Fate.UNRESOLVED),
    ):
        here = np.zeros(judged.spent.shape, dtype=bool)
        here[rows] = hanging & (told == state)
        spent[here], margin[here], fate[here] = share, 0.0, word
    return replace(judged, spent=spent, margin=margin, fate=fate)


def _exactly(numbers: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Doubles times powers of two as exact balls."""
    return np.asarray(_times_power(numbers, exponent), dtype=object)


_times_power: Any = np.frompyfunc(lambda x, e: arb(float(x)) * arb((1, int(e))), 2, 1)


def tally(fates: np.ndarray) -> dict[str, int]:
    """How many points met each fate; the counts add up to the points."""
    return {fate.word: int((fates == fate).sum()) for fate in Fate}
