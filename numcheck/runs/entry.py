"""One routine's value or gradient in one format, as the report tells it: the entry of its JSON.

Everything that a reader sees of a measurement is made here, from measurements and their diagnosis: the tally of fates,
the worst and the simplest point with the command that shows it again, findings, gaps, histogram, plot and map.
"""

import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Routine
from numcheck.declaration.registry import loaded_by_name
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis import devices
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import Cluster, Finding, clusters, findings
from numcheck.diagnosis.quantities import underflow
from numcheck.diagnosis.questions import Question, Search, asked, beside
from numcheck.domain import Points, magnitude
from numcheck.formats import Format
from numcheck.measure.laws import law_defects
from numcheck.measure.measurement import Measurement, tally
from numcheck.reals.enclosures import Enclosure
from numcheck.report import figure

COLUMNS = 8  # stretches of an input that a map tells apart
MOST_ROWS = 24  # combinations of choices up to which a map is drawn

# Numbers and points -----------------------------------------------------------------------------------------------


def _short(x: float) -> float | str:
    return float(f"{float(x):.4g}") if np.isfinite(x) else figure(x)


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
    """The enclosure's midpoint in decimal digits, as far as it proves them, outside float64's range too.

    Where it proves not even two, as at a kink and around a zero, its radius stands beside it.
    """
    import mpmath

    high, radius = float(truth.high[key]), float(truth.radius[key])
    if not np.isfinite(high):
        return "undefined" if np.isnan(high) else str(high)
    with mpmath.workprec(160):
        unit = mpmath.mpf(2) ** int(truth.exponent[key])
        exact = (mpmath.mpf(high) + mpmath.mpf(float(truth.low[key]))) * unit
        proved = digits
        if radius > 0:
            proved = int(-np.log10(min(radius / abs(high), 1.0))) if high else 0
        told = str(mpmath.nstr(exact, max(2, min(digits, proved)), min_fixed=-5, max_fixed=16))
        if proved >= 2:
            return told
        return f"{told} ± {mpmath.nstr(radius * unit, 2, min_fixed=-5, max_fixed=16)}"


def _point(measurement: Measurement, i: int, element: int | None = None) -> dict[str, Any]:
    judged = measurement.judgement
    element = int(judged.worst_element[i]) if element is None else element
    budget = measurement.routine.value if measurement.of == "value" else measurement.routine.grad
    assert budget is not None
    return {
        "inputs": {name: _input(column, i) for name, column in measurement.points.columns.items()},
        "got": _value(float(judged.got[i, element])),
        "truth": decimal(judged.truth, (i, element)),
        "error_ulp": figure(float(judged.error[i, element])),
        "spent": figure(float(judged.spent[i, element])),
        "budget_ulp_term": figure(budget.ulps),
        "budget_cond_term": figure(float(judged.forgiven[i, element])),
        "component": element,
        "fate": Fate(int(judged.fate[i, element])).word,
    }


def argument(column: Any, i: int) -> str:
    """One point's value of one input, as `--at` takes it: nine digits, which tell every number of float32 apart."""
    if isinstance(column, tuple):
        return str(column[i])
    entry = column[i]
    if not entry.is_floating_point():
        return str(entry.tolist())
    digits = 17 if entry.dtype == torch.float64 else 9
    if entry.ndim == 2:
        return ";".join(",".join(f"{float(x):.{digits}g}" for x in row) for row in entry)
    if entry.ndim == 1:
        return ",".join(f"{float(x):.{digits}g}" for x in entry)
    return f"{float(entry):.{digits}g}"


def reproduce(
    routine: Routine,
    points: Points,
    i: int,
    format: Format,
    of: str,
    component: int | None = None,
    device: str = "cpu",
) -> str:
    """What shows one point again: a command, or a line of Python where the code lives in a notebook.

    Of a vector-valued formula's gradient it names the component, too.
    """
    formula = routine.formula
    registered = formula.routines.get(routine.name) is routine
    words = (
        _word(formula.function, formula.name),
        routine.name if registered else _word(routine.function, routine.name),
    )
    at = {name: argument(column, i) for name, column in points.columns.items()}
    if all(words):
        inputs = " ".join(f"--at '{name}={text}'" for name, text in at.items())
        gradient = " --of grad" if of == "grad" else ""
        gradient += f" --component {component}" if component else ""
        there = "" if device == "cpu" else f" --device {device}"
        return f"numcheck explain {words[0]} {words[1]} {inputs} --format {format.name}{gradient}{there}"
    inside = f"{formula.name}.routines[{routine.name!r}]" if registered else routine.name.rpartition(":")[2]
    gradient = ', of="grad"' if of == "grad" else ""
    gradient += f", component={component}" if component else ""
    there = "" if device == "cpu" else f", device={device!r}"
    return f"numcheck.explain({inside}, {formula.name}, {at}, format={format.name!r}{gradient}{there})"


def _word(function: Callable[..., Any], name: str) -> str | None:
    """How the command line finds what `function` declares: its name, MODULE:NAME or FILE:NAME; None in a notebook."""
    if ":" in name:
        return name  # as the command line was given it
    module = getattr(function, "__module__", None) or ""
    if loaded_by_name(module):
        return name
    home = sys.modules.get(module)
    file = getattr(home, "__file__", None)
    if not file or not hasattr(home, name):
        return None
    if module != "__main__" and not Path(file).is_relative_to(Path.cwd()):
        return f"{module}:{name}"
    return f"{os.path.relpath(file)}:{name}"


def _findings(found: Sequence[Cluster], reasons: Mapping[Cause, str]) -> Search[list[dict[str, Any]]]:
    told = yield from findings(found, reasons)
    return (yield from beside([_finding(finding) for finding in told]))


def _finding(finding: Finding) -> Search[dict[str, Any]]:
    measurement = finding.measurement
    routine, format = measurement.routine, measurement.format
    (simple,) = yield from asked([Question(measurement, finding.simplest, finding.component)])
    return {
        "cause": finding.cause.value,
        "region": finding.region,
        "bits_lost": figure(finding.bits_lost),
        "points": finding.points,
        "forgiven": finding.forgiven,
        "gap": finding.gap,
        "operator": finding.operator,
        "line": finding.line,
        "remedy": finding.remedy,
        "reproduce": reproduce(
            routine, finding.simplest, 0, format, measurement.of, finding.component, measurement.device
        ),
        "worst": _point(measurement, finding.worst),
        "simplest": _point(simple, 0),
    }


def disagreement_of(
    one: Sequence[Measurement], other: Sequence[Measurement]
) -> Search[dict[str, Any] | None]:
    """What a reader is told where a routine's results on two devices disagree, among the findings of the `other`."""
    found = yield from devices.compared(one, other)
    if found is None:
        return None
    here, there = found.other, found.one
    alone = yield from asked([Question(m, found.simplest, found.component) for m in (here, there)])
    rows = {"worst": (here, there, found.worst), "simplest": (*alone, 0)}
    shown: dict[str, list[dict[str, Any]]] = {}
    for name, (a, b, row) in rows.items():
        element = devices.element(b.judgement, a.judgement, row)
        shown[name] = [_point(m, row, element) for m in (a, b)]
    return {
        "cause": devices.NAME,
        "region": found.region,
        "bits_lost": figure(found.bits),
        "points": found.points,
        "forgiven": False,
        "gap": None,
        "operator": None,
        "line": None,
        "remedy": devices.REMEDY,
        "reproduce": reproduce(
            here.routine, found.simplest, 0, here.format, here.of, found.component, here.device
        ),
        "worst": shown["worst"][0],
        "simplest": shown["simplest"][0],
        "elsewhere": {
            "device": there.device,
            "worst": shown["worst"][1],
            "simplest": shown["simplest"][1],
        },
    }


# The whole entry ----------------------------------------------------------------------------------------------------


def entry_of(
    routine: Routine,
    format: Format,
    device: str,
    parts: list[Measurement],
    cancelled: dict[str, Any] | None,
    scaled: dict[str, Any],
) -> Search[dict[str, Any]]:
    """One routine's value or gradient in one format: the tally over all sizes, findings and examples."""
    of = parts[0].of
    budget = routine.value if of == "value" else routine.grad
    applicable = [g for g in routine.gaps if g.covers(of, format.name, device)]
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
            fate[struck] = Fate.GAP
        fates.append(fate)
    spents = [part.judgement.of_points()[1] for part in parts]
    errors = [part.judgement.of_points()[2] for part in parts]
    spent, error, fate = np.concatenate(spents), np.concatenate(errors), np.concatenate(fates)
    searches: list[Search[Any]] = [_findings(found, reasons), underflow(parts)]
    shown, sunk = yield from beside(searches)
    widest = max(
        range(len(parts)), key=lambda k: float(np.max(np.nan_to_num(spents[k], posinf=1e308), initial=0))
    )
    worst_part, worst_row = parts[widest], int(np.argmax(np.nan_to_num(spents[widest], posinf=1e308)))
    made: dict[str, Any] = {
        "formula": routine.formula.name,
        "routine": routine.name,
        "format": format.name,
        "device": device,
        "of": of,
        "points": len(fate),
        "fates": tally(fate),
        "spent": figure(float(np.max(spent, initial=0))),
        "worst_ulp": figure(float(np.max(error, initial=0))),
        "evidence": "sampled",
        "budget": str(budget),
        "output_format": parts[0].judgement.format.name,
        "worst": _point(worst_part, worst_row),
        "simplest": None,
        "findings": shown,
        "gaps": [
            {"cause": g.cause.value, "reason": g.reason, "points": covered[g.cause], "stale": False}
            for g in applicable
        ],
        "ulp_histogram": histogram(
            error[np.isin(fate, [f for f in Fate if f.is_judged and f != Fate.CRASH])]
        ),
        "underflow": sunk,
        "cancellation": cancelled,
        "scaling": scaled,
        "laws": law_defects(routine, parts[0], format, device) if of == "value" else [],
        "plot": plot(parts),
        "map": failure_map(parts),
        "message": next((message for part in parts for message in part.crashes.values()), None),
    }
    failing = [f for f in made["findings"] if not f["forgiven"]]
    made["simplest"] = failing[0]["simplest"] if failing else None
    return made


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
        vector = column.ndim > 1
        xs.append(format.to_ordinals(format.round(magnitude(column))).numpy())
        spents.append(part.judgement.of_points()[1])
        errors.append(part.judgement.of_points()[2])
    x = np.concatenate(xs)
    order = np.argsort(x)
    x, error, spent = x[order], np.concatenate(errors)[order], np.concatenate(spents)[order]
    edges = np.unique(np.linspace(x[0], x[-1] + 1, 25).astype(np.int64))
    ends = (format.from_ordinals(torch.from_numpy(at)).tolist() for at in (edges[:-1], edges[1:] - 1))
    bins: list[list[float | str | int]] = []
    for low, high, (start, stop) in zip(*ends, itertools.pairwise(np.searchsorted(x, edges)), strict=True):
        inside = np.sort(error[start:stop])
        if inside.size:
            worst = float(np.max(spent[start:stop]))
            figures = (low, high, inside[0], inside[inside.size // 2], inside[-1])
            bins.append([*(_short(e) for e in figures), int(inside.size), _short(worst)])
    return {"x": [f"max|{name}|" if vector else name], "bins": bins}


def failure_map(parts: Sequence[Measurement]) -> dict[str, Any] | None:
    """Where a routine fails among the choices of its discrete inputs and the stretches of its first real input.

    A row for each combination of choices, a column for each stretch between quantiles of the points drawn; a cell
    holds the points there and how many fail, declared gaps included. None where nothing fails, where there are no
    such inputs, or where the combinations are more than a reader would compare.
    """
    inputs = parts[0].routine.formula.inputs
    chosen = [name for name, domain in inputs.items() if domain.discrete and domain.ragged is None]
    name = next((n for n, domain in inputs.items() if domain.differentiable), None)
    if not chosen or name is None:
        return None
    fates = np.concatenate([part.judgement.of_points()[0] for part in parts])
    failing = fates >= Fate.OVER
    if not failing.any():
        return None
    rows = [
        ", ".join(f"{n} {argument(part.points.columns[n], i)}" for n in chosen)
        for part in parts
        for i in range(len(part.points))
    ]
    names, row = np.unique(rows, return_inverse=True)
    if not 1 < len(names) <= MOST_ROWS:
        return None
    x = np.concatenate([_magnitudes(part, name) for part in parts])
    finite = np.sort(x[np.isfinite(x)])
    edges = np.unique(finite[np.linspace(0, len(finite) - 1, COLUMNS + 1).astype(int)])
    column = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))
    cells = [
        [
            [int(here.sum()), int((here & failing).sum())]
            for k in range(max(len(edges) - 1, 1))
            if (here := (row == r) & (column == k)) is not None
        ]
        for r in range(len(names))
    ]
    vector = parts[0].points.columns[name].ndim > 1  # type: ignore[union-attr]
    return {
        "x": f"max|{name}|" if vector else name,
        "edges": [_short(float(e)) for e in edges],
        "rows": names.tolist(),
        "cells": cells,
    }


def _magnitudes(part: Measurement, name: str) -> np.ndarray:
    """An input's value at each point; of a vector, that of its largest component."""
    column = part.points.columns[name]
    assert isinstance(column, torch.Tensor)
    return magnitude(column).numpy()
