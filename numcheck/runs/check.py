"""Whole runs: routines x formats x devices, gathered into the report's JSON.

One unit of work is one formula in one format: its points are drawn once, their truth is proved once, and every routine
is measured against it on every device. Units are independent and handed to worker processes, because Arb's precision is
global to a process.
"""

import itertools
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import numcheck
from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formula_named, load_catalog
from numcheck.declaration.registry import formulas as registered
from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, DEFAULT_SEED
from numcheck.diagnosis.quantities import cancellations
from numcheck.diagnosis.questions import Search, alone, beside
from numcheck.domain import Points
from numcheck.foreign import adapt
from numcheck.formats import Format, format_of
from numcheck.measure.execute import RoutineError, check_device
from numcheck.measure.measurement import Measurement, measure
from numcheck.measure.scaling import ladder, scalings
from numcheck.report import figure
from numcheck.runs.entry import disagreement_of, entry_of
from numcheck.runs.environment import environment
from numcheck.runs.verdict import _mark_stale
from numcheck.runs.workers import workers
from numcheck.runs.worst_inputs import Row, points_of, replay
from numcheck.truth import FLOAT64, ContradictionError, second_opinion, settle

SECOND_OPINION = 0.01  # least share of points that mpmath recomputes


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Unit:
    """One formula in one format, on some devices; `worst` are inputs in words that are judged before drawn ones."""

    formula: str
    format: str
    devices: tuple[str, ...]
    points: int
    seed: int
    worst: tuple[Row, ...] = ()


@dataclass
class Result:
    """What one unit found: measurements in the report's form, and complaints of the truth and of routines.

    Of all `truths`, `in_float64` were settled by float64 balls, and the rest by Arb; `checked` had a second opinion.
    """

    measurements: list[dict[str, Any]] = field(default_factory=list)
    truths: int = 0
    checked: int = 0
    in_float64: int = 0
    disagreements: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def run_unit(unit: Unit, routines: Sequence[Routine] | None = None, formula: Formula | None = None) -> Result:
    """Measure every routine of a formula in one format on the unit's devices.

    Where the first device and another disagree on a routine, that is a finding of the other. Where two arithmetics
    disagree on a truth the unit ends there, and what was measured before is kept.
    """
    torch.set_num_threads(1)
    if formula is None:
        load_catalog()
        formula = formula_named(unit.formula)
    format = format_of(unit.format)
    chosen = [
        routine
        for routine in (formula.routines.values() if routines is None else routines)
        if routine.formats is None or format.name in routine.formats
    ]
    result = Result()
    try:
        _measure_all(result, unit, formula, format, chosen)
    except ContradictionError as error:
        result.contradictions.append(str(error))
    return result


def _measure_all(
    result: Result, unit: Unit, formula: Formula, format: Format, routines: Sequence[Routine]
) -> None:
    if not routines:
        return
    backward = any(routine.grad is not None for routine in routines)
    drawn = formula.points(format, unit.points, unit.seed)
    if unit.worst:
        drawn[0] = Points.concatenate([points_of(formula, unit.worst, format), drawn[0]])
    truths = [settle(formula, points, format, with_gradient=backward) for points in drawn]
    result.truths = sum(len(points) for points in drawn)
    result.in_float64 = sum(int((truth.precision == FLOAT64).sum()) for truth in truths)
    for points, truth in zip(drawn, truths, strict=True):
        share = max(2, int(np.ceil(SECOND_OPINION * len(points))))
        rows = np.unique(np.linspace(0, len(points) - 1, share).astype(int))
        opinion = second_opinion(formula, points, truth, format, rows)
        result.checked += opinion.checked
        result.disagreements.extend(opinion.disagreements)
    climb = ladder(formula, drawn[0], format, backward)
    elsewhere: dict[tuple[str, str], Sequence[Measurement]] = {}
    made: dict[int, dict[str, Any]] = {}
    searches: list[Search[None]] = []

    def entry(number: int, parts: list[Measurement], lost: Any, climbed: Any) -> Search[None]:
        told = yield from entry_of(parts[0].routine, format, parts[0].device, parts, lost, climbed)
        one = elsewhere[parts[0].routine.name, parts[0].of]
        differs = None if one is parts else (yield from disagreement_of(one, parts))
        told["findings"] += [] if differs is None else [differs]
        made[number] = told

    for device in unit.devices:
        for routine in routines:
            try:
                measured = [
                    measure(routine, p, t, format, device) for p, t in zip(drawn, truths, strict=True)
                ]
            except RoutineError as error:
                result.errors.append(f"{formula.name}: {error}")
                continue
            lost = cancellations(measured[-1])
            climbed = scalings(routine, climb, format, device)
            for parts in map(list, zip(*measured, strict=True)):
                of = parts[0].of
                elsewhere.setdefault((routine.name, of), parts)
                searches.append(entry(len(searches), parts, lost[of], climbed[of]))
    try:
        alone(beside(searches))
    finally:
        result.measurements.extend(made[number] for number in sorted(made))


def check_catalog(
    formulas: Sequence[Formula | str] = (),
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int = DEFAULT_POINTS,
    seed: int = DEFAULT_SEED,
    routine: Routine | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Judge the routines of some formulas (all by default), or one given routine, and return the report.

    `worst` is a folder of worst inputs that sweeps left: those of a formula, format and device are judged first,
    beside the drawn points. Where it has none for them, the report is what it is without a folder.

    Raises UsageError for names, formats or devices that do not exist, and for a damaged file of worst inputs.
    """
    started = time.perf_counter()
    load_catalog()
    known = registered()
    if routine is not None:
        selected: list[Formula] = [routine.formula]
    else:
        named = [f if isinstance(f, Formula) else formula_named(f) for f in formulas]
        selected = named or list(known.values())
    names = tuple(format_named(name).name for name in formats)
    devices = tuple(dict.fromkeys(devices))
    for device in devices:
        check_device(device)
    units: list[Unit] = []
    ignored: list[str] = []
    for f, name in itertools.product(selected, names):
        found = [replay(worst, f, format_of(name), device) for device in devices]
        rows = tuple(dict.fromkeys(row for again in found for row in again.rows))
        units.append(Unit(f.name, name, devices, points, seed, rows))
        ignored.extend(text for again in found for text in again.ignored)
    shippable = routine is None and all(f.module.startswith("numcheck.") for f in selected)
    several = jobs if jobs is not None else min(len(units), multiprocessing.cpu_count())

    def run_here(unit: Unit) -> Result:
        own = next(f for f in selected if f.name == unit.formula)
        return run_unit(unit, None if routine is None else [routine], own)

    results: dict[Unit, Result] = {}
    interrupted = False
    try:
        with workers(several if shippable else 1, "numcheck.runs.check") as hands:
            for unit, result in hands.completed(run_unit if shippable else run_here, units):
                results[unit] = result
                if progress is not None:
                    progress(f"{unit.formula} {unit.format}", len(results), len(units))
    except KeyboardInterrupt:  # what is measured already is worth reporting
        interrupted = True
    ordered = [results[unit] for unit in units if unit in results]
    measurements = [entry for result in ordered for entry in result.measurements]
    truths, checked = sum(r.truths for r in ordered), sum(r.checked for r in ordered)
    in_float64 = sum(r.in_float64 for r in ordered)
    if not interrupted:
        _mark_stale(measurements)
    disagreements = [text for result in ordered for text in result.disagreements]
    report: dict[str, Any] = {
        "schema": 1,
        "numcheck": numcheck.__version__,
        "environment": environment(devices),
        "seed": seed,
        "points": points,
        "formats": list(names),
        "devices": list(devices),
        "precision": {name: format_of(name).precision for name in names},
        "seconds": round(time.perf_counter() - started, 3),
        "second_opinion": {
            "checked": checked,
            "disagreed": len(disagreements),
            "share": figure(checked / max(1, truths)),
            "disagreements": disagreements,
        },
        "in_float64": {
            "points": in_float64,
            "share": figure(in_float64 / max(1, truths)),
            "contradictions": [text for result in ordered for text in result.contradictions],
        },
        "formulas": [described(f) for f in selected],
        "measurements": measurements,
        "notes": [text for result in ordered for text in result.errors],
    }
    if ignored or any(unit.worst for unit in units):
        report["worst"] = {"points": sum(len(unit.worst) for unit in units), "ignored": ignored}
    return report | {"interrupted": True} if interrupted else report


def described(formula: Formula) -> dict[str, Any]:
    """A formula as reports and `numcheck list --json` tell it."""
    return {
        "name": formula.name,
        "topic": formula.topic,
        "source": formula.source,
        "doc": formula.doc,
        "inputs": {name: domain.describe() for name, domain in formula.inputs.items()},
        "gradient_by": list(formula.wrt),
        "laws": [law.doc for law in formula.laws.values()],
        "routines": [{"name": r.name, "doc": r.doc} for r in formula.routines.values()],
    }


def check(
    routine: Callable[..., Any] | Routine,
    formula: Formula | str,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int = DEFAULT_POINTS,
    seed: int = DEFAULT_SEED,
    value: Budget | None = None,
    grad: Budget | None = None,
) -> dict[str, Any]:
    """Judge one function against a formula, registered or just defined, and return the report.

    `routine` takes the formula's inputs as batched tensors; where its argument names differ they are matched by order.
    The budgets default to 4 ulps for the value and 8 for the gradient, beside what conditioning forgives.
    """
    if isinstance(formula, str):
        load_catalog()
        formula = formula_named(formula)
    judged = adapt(routine, formula, value=value, grad=grad)
    return check_catalog(formats=formats, devices=devices, points=points, seed=seed, routine=judged, jobs=1)
