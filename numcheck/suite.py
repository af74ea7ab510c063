"""Whole runs: routines x formats x devices, gathered into the report's JSON.

One unit of work is one formula in one format on one device: its points are drawn once, their truth is proved once, and
every routine is measured against it. Units are independent and handed to worker processes, because Arb's precision is
global to a process.
"""

import importlib.metadata
import itertools
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import numcheck
from numcheck import case
from numcheck.case import FAILING, Cause, Fate, Formula, Routine, UsageError, formula_named, load_catalog
from numcheck.diagnose import Cluster, Finding, clusters, diagnose, findings
from numcheck.domain import Points, draw
from numcheck.formats import Format, format_of
from numcheck.measure import FATES, Measurement, RoutineError, measure, tally
from numcheck.quantify import cancellations, ladder, law_defects, scalings, underflow
from numcheck.reals.settle import Enclosure
from numcheck.truth import second_opinion, settle

FORMATS = ("float32", "bfloat16", "float16")
POINTS = 2000
SEED = 0
SECOND_OPINION = 0.01  # least share of points that mpmath recomputes
UNRESOLVED = 0.002  # share of unresolved points that a run may have

Progress = Callable[[str, int, int], None]


# One unit of work -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """One formula in one format on one device."""

    formula: str
    format: str
    device: str
    points: int
    seed: int


@dataclass(frozen=True)
class Result:
    """What one unit found: measurements in the report's form, the second opinion's count, and complaints."""

    measurements: list[dict[str, Any]]
    checked: int
    disagreements: tuple[str, ...]
    errors: tuple[str, ...]


def run_unit(unit: Unit, routines: Sequence[Routine] | None = None, formula: Formula | None = None) -> Result:
    """Measure every routine of a formula in one format on one device."""
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
    if not chosen:
        return Result([], 0, (), ())
    backward = any(routine.grad is not None for routine in chosen)
    drawn = draw(formula.inputs, format, unit.points, unit.seed, formula.name)
    truths = [settle(formula, points, format, with_gradient=backward) for points in drawn]
    checked, disagreements = 0, []
    for points, truth in zip(drawn, truths, strict=True):
        share = max(2, int(np.ceil(SECOND_OPINION * len(points))))
        rows = np.unique(np.linspace(0, len(points) - 1, share).astype(int))
        opinion = second_opinion(formula, points, truth, format, rows)
        checked += opinion.checked
        disagreements.extend(opinion.disagreements)
    climb = ladder(formula, drawn[0], format, backward)
    measurements: list[dict[str, Any]] = []
    errors: list[str] = []
    for routine in chosen:
        try:
            measured = [
                measure(routine, p, t, format, unit.device) for p, t in zip(drawn, truths, strict=True)
            ]
        except RoutineError as error:
            errors.append(f"{formula.name}: {error}")
            continue
        lost = cancellations(measured[-1])
        climbed = scalings(routine, climb, format, unit.device)
        for parts in zip(*measured, strict=True):
            of = parts[0].of
            measurements.append(_entry(routine, unit, format, list(parts), lost[of], climbed[of]))
    return Result(measurements, checked, tuple(disagreements), tuple(errors))


# The report's form of one measurement -----------------------------------------------------------------------------


def _number(x: float) -> float | str:
    """A JSON number; infinities and not-a-number as text."""
    if np.isfinite(x):
        return float(f"{float(x):.6g}")
    return "nan" if np.isnan(x) else ("inf" if x > 0 else "-inf")


def _short(x: float) -> float | str:
    return float(f"{float(x):.4g}") if np.isfinite(x) else _number(x)


def _value(x: float) -> dict[str, str]:
    return {"hex": float(x).hex() if np.isfinite(x) else str(x), "decimal": repr(float(x))}


def _input(column: Any, i: int) -> Any:
    if isinstance(column, tuple):
        setting = column[i]
        return _value(setting) if isinstance(setting, float) else str(setting)
    entry = column[i]
    if entry.ndim:
        return [_input(entry, j) for j in range(len(entry))]
    return int(entry) if not entry.is_floating_point() else _value(float(entry))


def decimal(truth: Enclosure, key: Any, digits: int = 20) -> str:
    """The enclosure's midpoint in decimal digits, outside float64's range too."""
    import mpmath

    high = float(truth.high[key])
    if not np.isfinite(high):
        return "undefined" if np.isnan(high) else str(high)
    with mpmath.workprec(160):
        exact = (mpmath.mpf(high) + mpmath.mpf(float(truth.low[key]))) * mpmath.mpf(2) ** int(
            truth.exponent[key]
        )
        return str(mpmath.nstr(exact, digits, min_fixed=-5, max_fixed=16))


def _point(measurement: Measurement, i: int) -> dict[str, Any]:
    judged = measurement.judgement
    element = int(judged.worst_element[i])
    allowed, forgiven = float(judged.allowed[i, element]), float(judged.forgiven[i, element])
    return {
        "inputs": {name: _input(column, i) for name, column in measurement.points.columns.items()},
        "got": _value(float(judged.got[i, element])),
        "truth": decimal(judged.truth, (i, element)),
        "error_ulp": _number(float(judged.error[i, element])),
        "spent": _number(float(judged.spent[i, element])),
        "budget_ulp_term": _number(allowed - forgiven),
        "budget_cond_term": _number(forgiven),
        "component": element,
        "fate": FATES[int(judged.fate[i, element])].value,
    }


def _argument(column: Any, i: int) -> str:
    if isinstance(column, tuple):
        return str(column[i])
    entry = column[i]
    if entry.ndim == 2:
        return ";".join(",".join(f"{float(x):.9g}" for x in row) for row in entry)
    if entry.ndim == 1:
        return ",".join(f"{float(x):.9g}" for x in entry)
    return str(int(entry)) if not entry.is_floating_point() else f"{float(entry):.9g}"


def reproduce(
    routine: Routine, points: Points, i: int, format: Format, of: str, component: int | None = None
) -> str:
    """The command that shows one point again; of a vector-valued formula's gradient, the component's row."""
    at = " ".join(f"--at '{name}={_argument(column, i)}'" for name, column in points.columns.items())
    gradient = " --of grad" if of == "grad" else ""
    gradient += f" --component {component}" if component else ""
    return f"numcheck explain {routine.formula.name} {routine.name} {at} --format {format.name}{gradient}"


def _finding(finding: Finding) -> dict[str, Any]:
    measurement = finding.measurement
    routine, format = measurement.routine, measurement.format
    simple = _simple_point(measurement, finding.simplest, finding.component)
    return {
        "cause": finding.cause.value,
        "region": finding.region,
        "bits_lost": _number(finding.bits_lost),
        "points": finding.points,
        "forgiven": finding.forgiven,
        "gap": finding.gap,
        "operator": finding.operator,
        "line": finding.line,
        "remedy": finding.remedy,
        "reproduce": reproduce(routine, finding.simplest, 0, format, measurement.of, finding.component),
        "worst": _point(measurement, finding.worst),
        "simplest": simple,
    }


def _simple_point(measurement: Measurement, point: Points, component: int) -> dict[str, Any]:
    return _point(_measured_alone(measurement.routine, point, component, measurement), 0)


def _measured_alone(routine: Routine, point: Points, component: int, like: Measurement) -> Measurement:
    truth = settle(
        routine.formula, point, like.format, with_gradient=like.of == "grad", component=np.array([component])
    )
    found = measure(routine, point, truth, like.format, like.device, like.of == "grad")
    return next(m for m in found if m.of == like.of)


def _entry(
    routine: Routine,
    unit: Unit,
    format: Format,
    parts: list[Measurement],
    cancelled: dict[str, Any] | None,
    scaled: dict[str, Any],
) -> dict[str, Any]:
    """One routine's value or gradient in one format: the tally over all sizes, findings and examples."""
    of = parts[0].of
    budget = routine.value if of == "value" else routine.grad
    applicable = [g for g in routine.gaps if g.covers(of, format.name, unit.device)]
    reasons = {g.cause: g.reason for g in applicable}
    covered: dict[Cause, int] = dict.fromkeys(reasons, 0)
    fates: list[np.ndarray] = []
    found: list[Cluster] = []
    for part in parts:
        diagnosis = diagnose(part)
        found.extend(clusters(part, diagnosis))
        fate = part.judgement.of_points()[0].copy()
        for cause in reasons:
            struck = diagnosis.causes == cause
            covered[cause] += int(struck.sum())
            fate[struck] = FATES.index(Fate.GAP)
        fates.append(fate)
    spents = [part.judgement.of_points()[1] for part in parts]
    errors = [part.judgement.of_points()[2] for part in parts]
    spent, error, fate = np.concatenate(spents), np.concatenate(errors), np.concatenate(fates)
    widest = max(
        range(len(parts)), key=lambda k: float(np.max(np.nan_to_num(spents[k], posinf=1e308), initial=0))
    )
    worst_part, worst_row = parts[widest], int(np.argmax(np.nan_to_num(spents[widest], posinf=1e308)))
    entry: dict[str, Any] = {
        "formula": routine.formula.name,
        "routine": routine.name,
        "format": format.name,
        "device": unit.device,
        "of": of,
        "points": len(fate),
        "fates": tally(fate),
        "spent": _number(float(np.max(spent, initial=0))),
        "worst_ulp": _number(float(np.max(error, initial=0))),
        "evidence": "sampled",
        "budget": str(budget),
        "output_format": parts[0].judgement.format.name,
        "worst": _point(worst_part, worst_row),
        "simplest": None,
        "findings": [_finding(finding) for finding in findings(found, reasons)],
        "gaps": [
            {"cause": g.cause.value, "reason": g.reason, "points": covered[g.cause], "stale": False}
            for g in applicable
        ],
        "ulp_histogram": histogram(error[np.isin(fate, [FATES.index(f) for f in _JUDGED])]),
        "underflow": underflow(parts),
        "cancellation": cancelled,
        "scaling": scaled,
        "laws": law_defects(routine, parts[0], format, unit.device) if of == "value" else [],
        "plot": plot(parts),
        "message": next((message for part in parts for message in part.crashes.values()), None),
    }
    failing = [f for f in entry["findings"] if not f["forgiven"]]
    entry["simplest"] = failing[0]["simplest"] if failing else None
    return entry


def _mark_stale(measurements: Sequence[dict[str, Any]]) -> None:
    """A gap is stale where it covers no point of the whole run, in no format and of neither value nor gradient."""
    met: dict[tuple[str, str, str, str], int] = {}
    for entry in measurements:
        for gap in entry["gaps"]:
            key = (entry["formula"], entry["routine"], gap["cause"], gap["reason"])
            met[key] = met.get(key, 0) + gap["points"]
    for entry in measurements:
        for gap in entry["gaps"]:
            gap["stale"] = not met[entry["formula"], entry["routine"], gap["cause"], gap["reason"]]


_JUDGED = (Fate.WITHIN, Fate.OVER, Fate.SPECIAL, Fate.OVERFLOW, Fate.UNDERFLOW, Fate.GAP)


BUCKETS = (("0", 0.0), ("<=0.5", 0.5), ("<=1", 1.0), ("<=2", 2.0), ("<=4", 4.0), ("<=16", 16.0), ("<=256", 256.0),
           ("<=65536", 65536.0), (">65536", np.inf))  # fmt: skip


def histogram(error: np.ndarray) -> dict[str, int]:
    """How many points erred by how many ulps."""
    counts: dict[str, int] = {}
    below = -1.0
    for name, limit in BUCKETS:
        counts[name] = int(((error > below) & (error <= limit)).sum())
        below = limit
    return counts


def plot(parts: Sequence[Measurement]) -> dict[str, Any] | None:
    """Error against the first continuous input, aggregated over 24 stretches of its ordinals."""
    formula = parts[0].routine.formula
    name = next((n for n, domain in formula.inputs.items() if domain.differentiable), None)
    if name is None:
        return None
    format = parts[0].format
    xs, errors, spents = [], [], []
    vector = False
    for part in parts:
        column = part.points.columns[name]
        assert isinstance(column, torch.Tensor)
        if column.ndim > 1:
            vector = True
            column = column.reshape(len(column), -1).abs().amax(1)
        xs.append(format.to_ordinals(column).numpy())
        spents.append(part.judgement.of_points()[1])
        errors.append(part.judgement.of_points()[2])
    x, error, spent = np.concatenate(xs), np.concatenate(errors), np.concatenate(spents)
    edges = np.unique(np.linspace(x.min(), x.max() + 1, 25).astype(np.int64))
    bins: list[list[float | str | int]] = []
    for low, high in itertools.pairwise(edges):
        within = (x >= low) & (x < high)
        inside = np.sort(error[within])
        if inside.size:
            ends = format.from_ordinals(torch.tensor([low, high - 1])).double().tolist()
            middle = inside[inside.size // 2]
            worst = float(np.max(spent[within]))
            figures = (*ends, inside[0], middle, inside[-1])
            bins.append([*(_short(e) for e in figures), int(inside.size), _short(worst)])
    return {"x": [f"max|{name}|" if vector else name], "bins": bins}


# Whole runs -------------------------------------------------------------------------------------------------------


def environment(devices: Sequence[str]) -> dict[str, str]:
    """What results may depend on."""
    cuda = [d for d in devices if d.startswith("cuda")]
    device = torch.cuda.get_device_name(cuda[0]) if cuda else "cpu"
    tiny = torch.tensor([2.0**-140, 1.0], dtype=torch.float32)
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": device,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "platform": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "python_flint": importlib.metadata.version("python-flint"),
        "mpmath": importlib.metadata.version("mpmath"),
        "subnormals": "kept" if float((tiny * 0.5)[0]) != 0 else "flushed",
    }


def check_catalog(
    formulas: Sequence[str] = (),
    *,
    formats: Sequence[str] = FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int = POINTS,
    seed: int = SEED,
    routine: Routine | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> dict[str, Any]:
    """Judge the routines of some formulas (all by default), or one given routine, and return the report.

    Raises UsageError for names, formats or devices that do not exist.
    """
    started = time.perf_counter()
    load_catalog()
    known = case.formulas()
    if routine is not None:
        selected: list[Formula] = [routine.formula]
    else:
        selected = [formula_named(name) for name in formulas] if formulas else list(known.values())
    names = _checked_formats(formats)
    _check_devices(devices)
    units = [
        Unit(f.name, name, device, points, seed) for f in selected for name in names for device in devices
    ]
    workers = jobs if jobs is not None else min(len(units), multiprocessing.cpu_count())
    shippable = routine is None and all(f.module.startswith("numcheck.") for f in selected)
    results: dict[Unit, Result] = {}
    interrupted = False
    try:
        if workers > 1 and shippable:
            _in_processes(units, workers, progress, results)
        else:
            for done, unit in enumerate(units):
                if progress is not None:
                    progress(f"{unit.formula} {unit.format}", done, len(units))
                own = next(f for f in selected if f.name == unit.formula)
                results[unit] = run_unit(unit, None if routine is None else [routine], own)
    except KeyboardInterrupt:  # what is measured already is worth reporting
        interrupted = True
    ordered = [results[unit] for unit in units if unit in results]
    measurements = [entry for result in ordered for entry in result.measurements]
    checked, judged = sum(r.checked for r in ordered), sum(u.points for u in units)
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
            "share": _number(checked / max(1, judged)),
            "disagreements": disagreements,
        },
        "formulas": [described(f) for f in selected],
        "measurements": measurements,
        "notes": [text for result in ordered for text in result.errors],
    }
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


def _in_processes(
    units: Sequence[Unit], workers: int, progress: Progress | None, results: dict[Unit, Result]
) -> None:
    """Fill `results` as worker processes finish their units."""
    # A fork server imports torch once, before any thread exists, and forks workers from there.
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["numcheck.suite"])
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        pending = {pool.submit(run_unit, unit): unit for unit in units}
        try:
            for done, future in enumerate(as_completed(pending)):
                unit = pending[future]
                results[unit] = future.result()
                if progress is not None:
                    progress(f"{unit.formula} {unit.format}", done + 1, len(units))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _checked_formats(formats: Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(format_of(name).name for name in formats)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _check_devices(devices: Sequence[str]) -> None:
    for device in devices:
        try:
            torch.zeros(1, device=device)
        except (RuntimeError, AssertionError):
            raise UsageError(
                f"no device {device!r} here: write cpu, or cuda where torch sees a GPU"
            ) from None


def check(
    routine: Callable[..., Any],
    formula: Formula | str,
    *,
    formats: Sequence[str] = FORMATS,
    devices: Sequence[str] = ("cpu",),
    points: int = POINTS,
    seed: int = SEED,
    value: case.Budget | None = None,
    grad: case.Budget | None = None,
) -> dict[str, Any]:
    """Judge one function against a formula, registered or just defined, and return the report.

    `routine` takes the formula's inputs as batched tensors; where its argument names differ they are matched by order.
    The budgets default to 4 ulps for the value and 8 for the gradient, beside what conditioning forgives.
    """
    from numcheck.adapter import adapt

    if isinstance(formula, str):
        load_catalog()
        formula = formula_named(formula)
    if isinstance(routine, Routine):
        return check_catalog(
            formats=formats, devices=devices, points=points, seed=seed, routine=routine, jobs=1
        )
    judged = adapt(routine, formula, value=value, grad=grad)
    return check_catalog(formats=formats, devices=devices, points=points, seed=seed, routine=judged, jobs=1)


# Verdict ----------------------------------------------------------------------------------------------------------


def verdict(report: Mapping[str, Any], fail_on: str = "over") -> tuple[int, str]:
    """Exit code and closing sentence: 0 passed, 1 over budget, 2 a routine broke its contract, 3 truth in doubt."""
    totals = {fate.value: 0 for fate in Fate}
    stale: set[str] = set()
    for entry in report["measurements"]:
        for fate, count in entry["fates"].items():
            totals[fate] += count
        where = f"{entry['formula']}.{entry['routine']}"
        stale |= {f"{where}: {gap['cause']}" for gap in entry["gaps"] if gap["stale"]}
    judged = sum(totals.values())
    failing = sum(totals[fate.value] for fate in FAILING)
    disagreed = report["second_opinion"]["disagreed"]
    unresolved = totals[Fate.UNRESOLVED.value]
    counts = ", ".join(f"{count} {fate}" for fate, count in totals.items() if count)
    if disagreed or unresolved > UNRESOLVED * max(1, judged):
        return (
            3,
            f"truth in doubt: {disagreed} second opinions disagreed, {unresolved} of {judged} points unresolved",
        )
    if report["notes"]:
        return 2, f"{len(report['notes'])} routines broke their contract: {report['notes'][0]}"
    if fail_on == "none":
        return 0, f"{judged} points: {counts}"
    if failing:
        return 1, f"over budget at {failing} of {judged} points: {counts}"
    if stale:
        return 1, f"{len(stale)} stale gaps: {'; '.join(sorted(stale)[:3])}: delete what no longer fails"
    if fail_on == "gap" and totals[Fate.GAP.value]:
        return 1, f"{totals[Fate.GAP.value]} of {judged} points lie in known gaps: {counts}"
    return 0, f"passed: {judged} points: {counts}"


# Explaining one point ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Explanation:
    """Everything about one routine at one point."""

    rows: tuple[tuple[str, str], ...]

    def lines(self) -> list[str]:
        """Aligned name and content."""
        width = max(len(name) for name, _ in self.rows)
        return [f"{name:<{width}}  {content}" for name, content in self.rows]


def explain(
    formula: str,
    routine: str,
    at: Mapping[str, str],
    format: str,
    device: str = "cpu",
    of: str = "value",
    component: int = 0,
) -> Explanation:
    """Truth to 30 digits, result, error, budget, and the finding of one routine at one point.

    `component` picks the output whose gradient is shown, of a formula with several.
    """
    load_catalog()
    stated = formula_named(formula)
    if routine not in stated.routines:
        raise UsageError(f"no routine {routine!r} of {formula}: write one of {', '.join(stated.routines)}")
    return explain_routine(stated.routines[routine], at, format, device, of, component)


def parsed_point(formula: Formula, at: Mapping[str, str], format: Format) -> Points:
    """The point that `name=value` texts describe, in the format."""
    missing, unknown = set(formula.inputs) - set(at), set(at) - set(formula.inputs)
    if missing or unknown:
        needed = " ".join(f"--at {name}=..." for name in formula.inputs)
        raise UsageError(f"{formula.name} takes {', '.join(formula.inputs)}: write {needed}")
    columns: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        try:
            given: list[Any] = [domain.parse(at[name], format)]
            columns[name] = domain.column(given, format)
        except ValueError as error:
            raise UsageError(f"--at {name}={at[name]}: {error}") from None
    sizes = {
        len(column[0]) for name, column in columns.items() if formula.inputs[name].ragged and column[0].ndim
    }
    if len(sizes) > 1:
        raise UsageError(
            f"the inputs of {formula.name} have one size, not {sorted(sizes)}: give each as many numbers"
        )
    return Points(columns, np.array(["given"]), next(iter(sizes), None))


def explain_routine(
    routine: Routine,
    at: Mapping[str, str],
    format_name: str,
    device: str = "cpu",
    of: str = "value",
    component: int = 0,
) -> Explanation:
    """`explain` for a routine that need not be registered."""
    (name,) = _checked_formats([format_name])
    format = format_of(name)
    if of not in ("value", "grad"):
        raise UsageError(f"--of {of}: write value or grad")
    if of == "grad" and (routine.grad is None or not routine.formula.wrt):
        raise UsageError(f"{routine.formula.name}.{routine.name} promises no gradient: write --of value")
    _check_devices([device])
    point = parsed_point(routine.formula, at, format)
    truth = settle(
        routine.formula, point, format, with_gradient=of == "grad", component=np.array([component])
    )
    outputs = int(np.prod(truth.value.shape[1:]))
    if not 0 <= component < outputs:
        raise UsageError(
            f"--component {component}: {routine.formula.name} has outputs 0 to {outputs - 1} here"
        )
    one = next(m for m in measure(routine, point, truth, format, device, of == "grad") if m.of == of)
    judged = one.judgement
    rows: list[tuple[str, str]] = [
        ("point", ", ".join(f"{n} = {_argument(c, 0)}" for n, c in point.columns.items())),
    ]
    for k in range(judged.got.shape[1]):
        label = f"{of}[{k}]" if judged.got.shape[1] > 1 else of
        allowed, forgiven = float(judged.allowed[0, k]), float(judged.forgiven[0, k])
        got = float(judged.got[0, k])
        rows += [
            (f"{label} truth", decimal(judged.truth, (0, k), 30)),
            (f"{label} result", f"{got!r} ({got.hex()}) in {judged.format.name}"),
            (f"{label} error", f"{float(judged.error[0, k]):.6g} ulp"),
            (
                f"{label} budget",
                f"{allowed - forgiven:.6g} ulp + {forgiven:.6g} ulp forgiven by conditioning",
            ),
            (f"{label} spent", f"{float(judged.spent[0, k]):.6g}: {FATES[int(judged.fate[0, k])].value}"),
        ]
    rows.append(("precision", f"{int(truth.precision[0])} bits settled the truth"))
    if one.crashes:
        rows.append(("crash", one.crashes[0]))
    for found in findings(clusters(one, diagnose(one)), {}):
        line = f" at {found.line}" if found.line else ""
        rows.append(("finding", f"{found.cause.value}, {found.bits_lost:.3g} bits lost{line}"))
        rows.append(("region", found.region))
        rows.append(("remedy", found.remedy))
    return Explanation(tuple(rows))
