"""A routine measured at points: what it gave and how that was judged, of its value and of its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.execute import Given, Outcome, RoutineError, components_of, execute, told_at
from numcheck.measure.judge import Judgement, judge, with_rows
from numcheck.reals.enclosures import TOLERANCE, narrow
from numcheck.truth import Half, Truth, negative_zeros, settle, signed


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
        half, budget = truth.halves[of], routine.budgets[of]
        expected, got = half.exact.shape[1:], given.numbers.shape[1:]
        if expected != got:
            if len(outcome.crashes) < len(points):
                raise RoutineError(
                    f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives "
                    f"{expected or 'one number'}"
                )
            given = replace(given, numbers=np.full(half.exact.shape, np.nan))
        half = _sharpened(routine.formula, points, truth, of, format, given.format)
        judgement = judge(of, given, half, budget, components, outcome.crashes)
        measured = Measurement(
            routine,
            of,
            format,
            device,
            points,
            judgement,
            outcome.crashes,
            truth.component,
            given.made,
            outcome.changed if of is Of.VALUE else {},
            outcome.flushed,
        )
        measurements.append(_spoiled(_by_sign_of_zero(_decided(measured, truth.loose), half)))
    return measurements


def _by_sign_of_zero(measurement: Measurement, half: Half) -> Measurement:
    """Where a point fails that has a negative zero, what IEEE has for its sign counts as right, too."""
    formula, judged = measurement.routine.formula, measurement.judgement
    for row in np.intersect1d(
        np.flatnonzero(judged.worst.fate >= Fate.OVER), negative_zeros(formula, measurement.points)
    ).tolist():
        if row in measurement.crashes:
            continue
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
