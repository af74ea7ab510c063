"""A routine measured at points: what it gave and how that was judged, of its value and of its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Fate, Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.execute import Given, Outcome, RoutineError, components_of, crashes_at, execute
from numcheck.measure.judge import Judgement, judge
from numcheck.reals.enclosures import TOLERANCE, narrow
from numcheck.truth import Half, Truth, settle


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
            if len(outcome.raised(of)) < len(points):
                raise RoutineError(
                    f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives "
                    f"{expected or 'one number'}"
                )
            given = Given(np.full(half.exact.shape, np.nan), given.format)
        half = _sharpened(routine.formula, points, truth, of, format, given.format)
        crashes = outcome.raised(of)
        judgement = judge(of, given, half, budget, components, crashes)
        made = Measurement(routine, of, format, device, points, judgement, crashes, truth.component)
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


_VERDICT = ("error", "allowed", "forgiven", "spent", "margin", "fate")


def _decided(measurement: Measurement, loose: np.ndarray) -> Measurement:
    """Settle again, more tightly, the points whose verdict hangs on the truth's radius or on loose conditioning."""
    judged = measurement.judgement
    open_verdict = (np.abs(judged.spent - 1) <= judged.margin) & (judged.margin > 0)
    open_verdict |= loose[:, None] & (judged.spent > 1)
    rows = np.flatnonzero((open_verdict & np.isfinite(judged.spent)).any(axis=1))
    if not rows.size:
        return measurement
    routine, points = measurement.routine, measurement.points.select(rows)
    tight = settle(
        routine.formula,
        points,
        judged.format,
        with_gradient=measurement.of is Of.GRAD,
        component=measurement.component[rows],
        tolerance=2.0**-60,
    )
    half = tight.halves[measurement.of]
    given = Given(judged.got[rows].reshape(half.exact.shape), judged.format)
    components = components_of(routine.formula, points)
    again = judge(measurement.of, given, half, measurement.budget, components, {})
    decided = {name: getattr(judged, name).copy() for name in _VERDICT}
    for name, numbers in decided.items():
        numbers[rows] = getattr(again, name)
    return replace(measurement, judgement=replace(judged, **decided))


def tally(fates: np.ndarray) -> dict[str, int]:
    """How many points met each fate; the counts add up to the points."""
    return {fate.word: int((fates == fate).sum()) for fate in Fate}
