"""Whole runs: routines x formats x devices, gathered into the report's JSON; a formula is one unit of work."""

import itertools
import logging
import math
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import add
from pathlib import Path
from typing import Any

import torch

import numcheck
from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import patience
from numcheck.declaration.registry import format_named, load_catalog
from numcheck.declaration.registry import formulas as registered
from numcheck.declaration.words import (
    DEFAULT_FORMATS,
    DEFAULT_POINTS,
    DEFAULT_SEED,
    FEW_FORMULAS,
    POINTS_OF_EACH,
    Cause,
    Fate,
    Of,
    UsageError,
)
from numcheck.diagnosis import Search, alone, beside, cancellation, underflow
from numcheck.domain import discrete
from numcheck.foreign import adapt, formula_at
from numcheck.formats import Format, format_of
from numcheck.measure import RoutineError, check_device, ladder, scalings
from numcheck.report import figure
from numcheck.runs import witnesses
from numcheck.runs.entry import disagreement_of, entry_of
from numcheck.runs.environment import environment
from numcheck.runs.examine import Examined, drawn, examine
from numcheck.runs.gaps import shown_by, uncovered
from numcheck.runs.witnesses import Witness
from numcheck.runs.workers import workers
from numcheck.truth import FLOAT64, ContradictionError

Progress = Callable[[str, int, int], None]

SHOWN = 4
"""Routines that a remark names."""


@dataclass(frozen=True)
class Unit:
    """One formula in some formats, on some devices; where `witness` is set, what shows its gaps is gathered too.

    A call of a routine may take `timeout` seconds.
    """

    formula: str
    formats: tuple[str, ...]
    devices: tuple[str, ...]
    points: int
    seed: int
    witness: bool = False
    timeout: float | None = None


@dataclass
class Result:
    """What one unit found: measurements in the report's form, and complaints of the truth, of formulas and of routines.

    Of all `truths`, `in_float64` were settled by float64 balls, and the rest by Arb; `checked` had a second opinion.
    """

    measurements: list[dict[str, Any]] = field(default_factory=list)
    truths: int = 0
    checked: int = 0
    in_float64: int = 0
    disagreements: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)

    def __add__(self, other: "Result") -> "Result":
        return Result(*map(add, vars(self).values(), vars(other).values()))


def run_unit(
    unit: Unit,
    routines: Sequence[Routine] | None = None,
    formula: Formula | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Examine every routine of a formula in the unit's formats on its devices, and tell what is being done.

    Where the first device and another disagree on a routine, that is a finding of the other. Where two arithmetics
    disagree on a truth each format is examined by itself, and ends there with what was measured before.
    """
    torch.set_num_threads(1)
    formula = formula_at(unit.formula if formula is None else formula)
    known = list(formula.routines.values() if routines is None else routines)
    chosen: dict[Format, list[Routine]] = {}
    for name in unit.formats:
        if some := [one for one in known if one.written_for(name)]:
            chosen[format_of(name)] = some
    result = Result()
    try:
        with patience(unit.timeout):
            _examine_all(result, unit, formula, chosen, tell)
    except ContradictionError as error:
        if len(chosen) > 1:  # each format by itself, so that only what is in doubt is lost
            apart = (run_unit(replace(unit, formats=(one.name,)), known, formula, tell) for one in chosen)
            return sum(apart, Result())
        result.contradictions.append(str(error))
    except UsageError as error:  # the formula's own: others are judged all the same
        logging.getLogger(__name__).debug("%s", error, exc_info=error)
        result.errors.append(str(error))
    return result


def _examine_all(
    result: Result,
    unit: Unit,
    formula: Formula,
    chosen: Mapping[Format, Sequence[Routine]],
    tell: Callable[[str], None],
) -> None:
    known = witnesses.read(formula)
    everyone = [routine for some in chosen.values() for routine in some]
    first: dict[tuple[str, Of, Format], Examined] = {}
    made: dict[int, dict[str, Any]] = {}
    searches: list[Search[None]] = []

    def entry(number: int, examined: Examined, climbed: dict[str, Any]) -> Search[None]:
        asking = examined.findings()
        cancelled = cancellation(examined.parts[-1])  # while the diagnosis' traces are at hand
        found, sunk = (yield from asking), underflow(examined.parts)
        told = entry_of(examined, found, known, sunk, cancelled, climbed)
        if unit.witness:
            result.witnesses.extend(shown_by(examined, found))
        one = first[examined.routine.name, examined.of, examined.format]
        if one is not examined and (differs := (yield from disagreement_of(one, examined))):
            told["findings"].append(differs)
        made[number] = told

    for taken in drawn(formula, list(chosen), unit.points, unit.seed, known, everyone):
        format = taken.format
        result.truths += sum(map(len, taken.points))
        result.in_float64 += sum(int((truth.precision == FLOAT64).sum()) for truth in taken.truths)
        result.checked += taken.opinion.checked
        result.disagreements.extend(taken.opinion.disagreements)
        climb = ladder(formula, taken.points[0], format, Of.GRAD in taken.truths[0].halves)
        for device, routine in itertools.product(unit.devices, chosen[format]):
            tell(f"{formula.name}.{routine.name} in {format.name}")
            try:
                halves = examine(routine, taken, device)
            except RoutineError as error:
                result.errors.append(f"{formula.name}: {error}")
                continue
            climbed = scalings(routine, climb, format, device)
            for examined in halves:
                first.setdefault((routine.name, examined.of, format), examined)
                searches.append(entry(len(searches), examined, climbed[examined.of]))
    tell(f"{formula.name}: why digits are lost")
    try:
        alone(beside(searches))
    finally:
        result.measurements.extend(made[number] for number in sorted(made))


def check_catalog(
    formulas: Sequence[Formula | str] = (),
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int | None = None,
    seed: int = DEFAULT_SEED,
    routine: Routine | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
    witness: bool = False,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Judge the routines of some formulas (all by default), or one given routine, and return the report.

    Every formula's promises are held against its truth before anything is judged by it, and its witnesses are tried
    first, beside the drawn points: `DEFAULT_POINTS` of them, or `POINTS_OF_EACH` where more than `FEW_FORMULAS` are
    judged, unless `points` says how many. With `witness` what shows its gaps here is written into its file of
    witnesses. A call of a routine that takes longer than `timeout` seconds is given up, and its points crash (see
    `patience`).

    Raises UsageError for names, formats or devices that do not exist, and where witnesses cannot be written.
    """
    started = time.perf_counter()
    load_catalog()
    if routine is not None:
        selected: list[Formula] = [routine.formula]
    else:
        selected = list(dict.fromkeys(map(formula_at, formulas))) or list(registered().values())
    _expect_one_of_each_name(selected)
    names = tuple(dict.fromkeys(format_named(name).name for name in formats))
    devices = tuple(dict.fromkeys(devices))
    with patience(timeout):
        for device in devices:
            check_device(device)
    for f in selected if witness else ():
        witnesses.expect_writable(f)
    longest = sorted(selected, key=_work, reverse=True)  # so that at the end no worker waits for another
    if points is None:
        points = DEFAULT_POINTS if len(selected) <= FEW_FORMULAS else POINTS_OF_EACH
    units = [Unit(f.name, names, devices, points, seed, witness, timeout) for f in longest]
    own = {f.name: f for f in selected}

    def tell(what: str) -> None:
        if progress is not None:
            progress(what, len(results), len(units))

    def run_here(unit: Unit) -> Result:
        return run_unit(unit, None if routine is None else [routine], own[unit.formula], tell)

    shippable = routine is None and all(f.module.startswith("numcheck.") for f in selected)
    several = jobs if jobs is not None else min(len(units), multiprocessing.cpu_count())
    results: dict[str, Result] = {}
    interrupted = False
    try:
        with workers(several if shippable else 1, "numcheck.runs.check") as hands:
            for unit, result in hands.completed(run_unit if shippable else run_here, units):
                results[unit.formula] = result
                if progress is not None:
                    progress(unit.formula, len(results), len(units))
    except KeyboardInterrupt:  # what is measured already is worth reporting
        interrupted = True
    whole = sum((results[f.name] for f in selected if f.name in results), Result())
    judged = {name for name, result in results.items() if result.errors or _judged(result)}
    asked = bool(formulas) or routine is not None or not judged
    whole.errors += [
        _unjudged(f, [routine] if routine else list(f.routines.values()), names, results[f.name])
        for f in selected
        if asked and f.name in results and f.name not in judged
    ]
    report = _report(selected, names, devices, points, seed, whole)
    report["seconds"] = round(time.perf_counter() - started, 3)
    if interrupted:
        return report | {"interrupted": True}
    written = [_record(f, results[f.name]) for f in selected if witness]
    remarks = [text for f in selected for text in witnesses.read(f).remarks]
    remarks += [f"{path} has what shows the gaps" for path in written if path is not None]
    if routine is None:  # of fewer points a gap may well cover none
        remarks += uncovered(selected, report)
    remarks += _conduct(report["measurements"])
    return report | ({"remarks": remarks} if remarks else {})


def _expect_one_of_each_name(selected: Sequence[Formula]) -> None:
    """A report tells formulas apart by their names."""
    modules: dict[str, str] = {}
    for formula in selected:
        if modules.setdefault(formula.name, formula.module) != formula.module:
            raise UsageError(
                f"{formula.name} is declared in {modules[formula.name]} and in {formula.module}: check one at a time, "
                "each as MODULE:NAME or FILE.py:NAME"
            )


def _judged(result: Result) -> int:
    """At how many points there was a truth to judge by, or a routine that crashed."""
    return sum(
        one["fates"].get(fate.word, 0) for one in result.measurements for fate in Fate if fate.is_judged
    )


def _unjudged(formula: Formula, routines: Sequence[Routine], formats: Sequence[str], result: Result) -> str:
    """Why nothing of a formula was judged, and what to write instead."""
    if result.contradictions:
        return f"{formula.name}: its truth is in doubt"
    if not routines:
        return (
            f"{formula.name} has no routine to judge: write @{formula.name}.routine(value=ulps(2)) above a function of "
            "tensors"
        )
    if not result.measurements:
        written = ",".join(dict.fromkeys(name for one in routines for name in one.formats or ()))
        return f"no routine of {formula.name} was written for {', '.join(formats)}: write --formats {written}"
    if any(one["fates"].get(Fate.UNRESOLVED.word) for one in result.measurements):
        return f"{formula.name}: no truth could be proved at any point: narrow its domains"
    return f"{formula.name} is undefined at every point that was drawn: declare the domains in which it has a value"


def _work(formula: Formula) -> tuple[bool, int]:
    """What of two formulas takes longer: vectors, then routines that are called with more combinations of choices."""
    ragged = any(domain.sizes for domain in formula.inputs.values())
    choices = [] if ragged else [len(domain.choices(None)) for domain in discrete(formula.inputs).values()]
    return ragged, len(formula.routines) * math.prod(choices)


def _report(
    selected: Sequence[Formula],
    formats: Sequence[str],
    devices: Sequence[str],
    points: int,
    seed: int,
    result: Result,
) -> dict[str, Any]:
    truths = max(1, result.truths)
    return {
        "schema": 1,
        "numcheck": numcheck.__version__,
        "environment": environment(devices),
        "seed": seed,
        "points": points,
        "formats": list(formats),
        "devices": list(devices),
        "precision": {name: format_of(name).precision for name in formats},
        "second_opinion": {
            "checked": result.checked,
            "disagreed": len(result.disagreements),
            "share": figure(result.checked / truths),
            "disagreements": result.disagreements,
        },
        "in_float64": {
            "points": result.in_float64,
            "share": figure(result.in_float64 / truths),
            "contradictions": result.contradictions,
        },
        "formulas": [
            {
                "name": f.name,
                "topic": f.topic,
                "source": f.source,
                "doc": f.doc,
                "inputs": {name: domain.describe() for name, domain in f.inputs.items()},
                "gradient_by": list(f.wrt),
                "laws": [law.doc for law in f.laws.values()],
                "routines": [{"name": r.name, "doc": r.doc} for r in f.routines.values()],
            }
            for f in selected
        ],
        "measurements": result.measurements,
        "notes": result.errors,
    }


def _conduct(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What routines do beside computing, one line for all that do alike."""
    told: dict[str, dict[str, dict[str, None]]] = {}
    for entry in entries:
        for text in entry["remarks"]:
            cause, found, _ = text.partition(": ")
            alike = {
                Cause.PLACEMENT: "other bits in another arrangement",
                Cause.NOT_DETERMINISTIC: "other bits each time",
            }
            what = f"{cause}: {alike[Cause(cause)]}" if found and cause in alike else text
            who = told.setdefault(what, {}).setdefault(f"{entry['formula']}.{entry['routine']}", {})
            who[entry["format"]] = None
    lines: list[str] = []
    for what, routines in told.items():
        named = [f"{name} in {', '.join(formats)}" for name, formats in routines.items()]
        more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        lines.append(f"{what}: {'; '.join(named[:SHOWN])}{more}")
    return lines


def _record(formula: Formula, result: Result) -> Path | None:
    """Put what showed a formula's gaps in a run into its file of witnesses; its path where there is anything."""
    cells: set[witnesses.Cell] = {
        (False, one["routine"], one["format"], Of(one["of"]), witnesses.environment_name(one["device"]))
        for one in result.measurements
    }
    return witnesses.record(formula, result.witnesses, cells)


def check(
    routine: Callable[..., Any] | Routine,
    formula: Formula | str,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int | None = None,
    seed: int = DEFAULT_SEED,
    value: Budget | None = None,
    grad: Budget | None = None,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Judge one function against a formula, registered or just defined, and return the report.

    `routine` takes the formula's inputs as batched tensors; where its argument names differ they are matched by order.
    The budgets default to 4 ulps for the value and 8 for the gradient, beside what conditioning forgives. Where
    `timeout` is given, a call that takes more seconds is given up, and its points crash.
    """
    with patience(timeout):
        judged = adapt(routine, formula_at(formula), value=value, grad=grad)
    return check_catalog(
        formats=formats, devices=devices, points=points, seed=seed, routine=judged, jobs=1, timeout=timeout
    )
