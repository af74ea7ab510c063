"""A routine measured at points: what it gave and how that was judged, of its value and of its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.execute import Outcome, RoutineError, components_of, execute, has_gradient
from numcheck.measure.judge import Judgement, judge
from numcheck.reals.enclosures import TOLERANCE, Enclosure, narrow
from numcheck.truth import Truth, settle


@dataclass(frozen=True, eq=False)
class Measurement:
    """A routine at points: what it gave and how that was judged, of its value or of its gradient."""

    routine: Routine
    of: str
    format: Format
    device: str
    points: Points
    judgement: Judgement
    crashes: Mapping[int, str]
    component: np.ndarray


def measure(
    routine: Routine, points: Points, truth: Truth, format: Format, device: str, backward: bool = True
) -> list[Measurement]:
    """Value, and gradient where the routine promises one, judged at every point."""
    backward = backward and has_gradient(routine) and truth.gradient is not None
    outcome = execute(routine, points, format, device, truth.component, backward)
    return assess(routine, points, truth, format, device, outcome)


def assess(
    routine: Routine, points: Points, truth: Truth, format: Format, device: str, outcome: Outcome
) -> list[Measurement]:
    """What a routine gave at some points, judged there: its value, and the gradient where it gave one."""
    components = components_of(routine.formula, points)
    expected, got = truth.value.shape[1:], outcome.value.shape[1:]
    if expected != got and len(outcome.crashes) < len(points):
        raise RoutineError(
            f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives {expected or 'one number'}"
        )
    value = outcome.value if expected == got else np.full(truth.value.shape, np.nan)
    made = [("value", value, truth.value, truth.conditioning, routine.value, outcome.value_format)]
    if outcome.gradient is not None and truth.gradient is not None and routine.grad is not None:
        assert truth.gradient_conditioning is not None
        made.append(
            (
                "grad",
                outcome.gradient,
                truth.gradient,
                truth.gradient_conditioning,
                routine.grad,
                outcome.gradient_format,
            )
        )
    measurements: list[Measurement] = []
    for of, numbers, exact, conditioning, budget, out_format in made:
        exact = _sharpened(routine.formula, points, truth, of, exact, format, out_format)
        judgement = judge(
            numbers, exact, conditioning, budget, out_format, components, outcome.crashes, of == "value"
        )
        measurements.append(
            Measurement(routine, of, format, device, points, judgement, outcome.crashes, truth.component)
        )
    return [_decided(m, truth.loose) for m in measurements]


def _sharpened(
    formula: Formula,
    points: Points,
    truth: Truth,
    of: str,
    exact: Enclosure,
    format: Format,
    out_format: Format,
) -> Enclosure:
    """The truth, tight enough for the format of the result where that is finer than the points' own.

    A ball that is wide only because a coarse format settled it must not pass for the interval of a kink.
    """
    if out_format.precision <= format.precision and out_format.min_exponent >= format.min_exponent:
        return exact
    wide = ~narrow(exact, out_format, TOLERANCE).reshape(len(points), -1).all(axis=1)
    rows = np.flatnonzero(wide)
    if not rows.size:
        return exact
    again = settle(
        formula,
        points.select(rows),
        out_format,
        with_gradient=of == "grad",
        with_conditioning=False,
        component=truth.component[rows],
    )
    tight = again.value if of == "value" else again.gradient
    assert tight is not None
    sharper = exact.copy()
    sharper.put(rows, tight)
    return sharper


_VERDICT = ("error", "allowed", "forgiven", "spent", "margin", "fate")


def _decided(measurement: Measurement, loose: np.ndarray) -> Measurement:
    """Settle again, more tightly, the points whose verdict hangs on the truth's radius or on loose conditioning."""
    judged = measurement.judgement
    open_verdict = (
        (np.abs(judged.spent - 1) <= judged.margin) & (judged.margin > 0) & np.isfinite(judged.spent)
    )
    open_verdict |= loose[:, None] & (judged.spent > 1) & np.isfinite(judged.spent)
    rows = np.flatnonzero(open_verdict.any(axis=1))
    if not rows.size:
        return measurement
    routine, points = measurement.routine, measurement.points.select(rows)
    tight = settle(
        routine.formula,
        points,
        judged.format,
        with_gradient=measurement.of == "grad",
        component=measurement.component[rows],
        tolerance=2.0**-60,
    )
    exact = tight.value if measurement.of == "value" else tight.gradient
    conditioning = tight.conditioning if measurement.of == "value" else tight.gradient_conditioning
    budget = routine.value if measurement.of == "value" else routine.grad
    assert exact is not None and conditioning is not None and budget is not None
    again = judge(
        judged.got[rows].reshape(exact.shape),
        exact,
        conditioning,
        budget,
        judged.format,
        components_of(routine.formula, points),
        {},
        measurement.of == "value",
    )
    decided = {name: getattr(judged, name).copy() for name in _VERDICT}
    for name, numbers in decided.items():
        numbers[rows] = getattr(again, name)
    return replace(measurement, judgement=replace(judged, **decided))


def tally(fates: np.ndarray) -> dict[str, int]:
    """How many points met each fate; the counts add up to the points."""
    return {fate.word: int((fates == fate).sum()) for fate in Fate}
