"""A routine measured at points: what it gave and how that was judged, of its value and of its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import arb

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Fate, Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.error import SLIGHT
from numcheck.measure.execute import Given, Outcome, RoutineError, components_of, crashes_at, execute
from numcheck.measure.judge import Judgement, judge
from numcheck.reals.arb import ARB, PATIENCE
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.enclosures import TOLERANCE, enclosure, narrow, reaches_across
from numcheck.truth import Half, Truth, answered, settle

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
            crashes=crashes_at(self.crashes, rows),
            component=self.component[rows],
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
        half, budget = truth.halves[of], routine.budgets[of]
        expected, got = half.exact.shape[1:], given.numbers.shape[1:]
        if expected != got:
            if len(outcome.crashes) < len(points):
                raise RoutineError(
                    f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives "
                    f"{expected or 'one number'}"
                )
            given = Given(np.full(half.exact.shape, np.nan), given.format)
        half = _sharpened(routine.formula, points, truth, of, format, given.format)
        judgement = judge(of, given, half, budget, components, outcome.crashes)
        made = Measurement(routine, of, format, device, points, judgement, outcome.crashes, truth.component)
        measurements.append(_decided(made, truth.loose))
    return measurements


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
        with_gradient=of is Of.GRAD,
        with_conditioning=False,
        component=truth.component[rows],
    )
    sharper = half.exact.copy()
    sharper.put(rows, again.halves[of].exact)
    return Half(sharper, half.conditioning)


_VERDICT = ("error", "allowed", "forgiven", "spent", "margin", "fate", "unit")


def _decided(measurement: Measurement, loose: np.ndarray) -> Measurement:
    """Settle again, more tightly, the points whose verdict hangs on the truth's radius or on loose conditioning.

    And those with an error at a truth that may lie just below a power of two, where the unit is half as large.
    """
    judged = measurement.judgement
    again = _hanging(judged) | (loose[:, None] & (judged.spent > 1))
    again |= reaches_across(judged.truth, judged.format) & (judged.error > SLIGHT)
    rows = np.flatnonzero((again & np.isfinite(judged.spent)).any(axis=1))
    if not rows.size:
        return measurement
    routine, points = measurement.routine, measurement.points.select(rows)
    tight = settle(
        routine.formula,
        points,
        judged.format,
        with_gradient=measurement.of is Of.GRAD,
        component=measurement.component[rows],
        tolerance=max(2.0**-60, 2.0 ** (judged.format.precision - PAIR)),
    )
    half = _off_the_powers(measurement.select(rows), tight.halves[measurement.of])
    given = Given(judged.got[rows].reshape(half.exact.shape), judged.format)
    components = components_of(routine.formula, points)
    found = _to_the_last_bit(
        measurement.select(rows), judge(measurement.of, given, half, measurement.budget, components, {})
    )
    decided = {name: getattr(judged, name).copy() for name in _VERDICT}
    for name, numbers in decided.items():
        numbers[rows] = getattr(found, name)
    return replace(measurement, judgement=replace(judged, **decided))


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
