"""One routine's value or gradient in one format, as the report tells it: the entry of its JSON.

Everything that a reader sees of a measurement is made here, from measurements and their diagnosis: the tally of fates,
the worst and the simplest point with the command that shows it again, findings, gaps, histogram, plot and map.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from numcheck.declaration.words import Fate
from numcheck.diagnosis import Finding, Question, Search, asked, beside, devices, underflow
from numcheck.domain import magnitude
from numcheck.measure import Measurement, tally
from numcheck.report import figure
from numcheck.runs.examine import Examined
from numcheck.runs.gaps import is_stale
from numcheck.runs.points import argument, decimal, shown_again
from numcheck.runs.witnesses import Witnesses

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


def _point(measurement: Measurement, i: int, element: int | None = None) -> dict[str, Any]:
    judged = measurement.judgement
    element = int(judged.worst_element[i]) if element is None else element
    return {
        "inputs": {name: _input(column, i) for name, column in measurement.points.columns.items()},
        "got": _value(float(judged.got[i, element])),
        "truth": decimal(judged.truth, (i, element)),
        "error_ulp": figure(float(judged.error[i, element])),
        "spent": figure(float(judged.spent[i, element])),
        "budget_ulp_term": figure(measurement.budget.ulps),
        "budget_cond_term": figure(float(judged.forgiven[i, element])),
        "component": element,
        "fate": Fate(int(judged.fate[i, element])).word,
    }


def _finding(finding: Finding) -> Search[dict[str, Any]]:
    measurement, loss = finding.measurement, finding.loss
    (simple,) = yield from asked([Question(measurement, finding.simplest, finding.component)])
    return {
        "cause": finding.cause.value,
        "region": finding.region,
        "bits_lost": figure(finding.bits_lost),
        "points": finding.points,
        "forgiven": finding.forgiven,
        "gap": None if finding.gap is None else finding.gap.why,
        "operator": (loss.operator or None) if loss else None,
        "line": (loss.line or None) if loss and loss.operator else None,
        "remedy": finding.remedy,
        "reproduce": shown_again(measurement, finding.simplest, finding.component),
        "worst": _point(measurement, finding.worst),
        "simplest": _point(simple, 0),
    }


def disagreement_of(one: Examined, other: Examined) -> Search[dict[str, Any] | None]:
    """What a reader is told where a routine's results on two devices disagree, among the findings of the `other`."""
    found = yield from devices.compared(one.parts, other.parts)
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
        "reproduce": shown_again(here, found.simplest, found.component),
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
    examined: Examined,
    found: Sequence[Finding],
    known: Witnesses,
    cancelled: dict[str, Any] | None,
    scaled: dict[str, Any],
) -> Search[dict[str, Any]]:
    """One routine's value or gradient in one format: the tally over all sizes, findings and examples."""
    routine, parts = examined.routine, examined.parts
    _, spent, error = examined.judged
    searches: list[Search[Any]] = [underflow(parts), *map(_finding, found)]
    sunk, *shown = yield from beside(searches)
    failing = [finding for finding in shown if not finding["forgiven"]]
    judged = np.isin(examined.fates, [fate for fate in Fate if fate.is_judged and fate != Fate.CRASH])
    return {
        "formula": routine.formula.name,
        "routine": routine.name,
        "format": examined.format.name,
        "device": examined.device,
        "of": examined.of.value,
        "points": len(spent),
        "fates": tally(examined.fates),
        "spent": figure(float(np.max(spent, initial=0))),
        "worst_ulp": figure(float(np.max(error, initial=0))),
        "evidence": "sampled",
        "budget": str(routine.budgets[examined.of]),
        "output_format": parts[0].judgement.format.name,
        "worst": _point(*examined.worst),
        "simplest": failing[0]["simplest"] if failing else None,
        "findings": shown,
        "gaps": [
            {
                "causes": [cause.value for cause in gap.causes],
                "reason": gap.why,
                "points": int(mask.sum()),
                "stale": is_stale(examined, gap, known),
            }
            for gap, mask in examined.covered.items()
        ],
        "ulp_histogram": histogram(error[judged]),
        "underflow": sunk,
        "cancellation": cancelled,
        "scaling": scaled,
        "laws": examined.laws(),
        "plot": plot(parts),
        "map": failure_map(parts),
        "message": None if examined.crash is None else examined.crash[0].crashes[examined.crash[1]],
    }


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
    chosen = [name for name, domain in inputs.items() if domain.discrete and domain.sizes is None]
    name = next((n for n, domain in inputs.items() if domain.differentiable), None)
    if not chosen or name is None:
        return None
    fates = np.concatenate([part.judgement.of_points()[0] for part in parts])
    failing = fates >= Fate.OVER
    if not failing.any():
        return None
    labels: dict[tuple[Any, ...], str] = {}
    rows: list[str] = []
    for part in parts:
        columns = {n: part.points.columns[n] for n in chosen}
        choices = (c if isinstance(c, tuple) else c.tolist() for c in columns.values())
        for i, key in enumerate(zip(*choices, strict=True)):
            if key not in labels:
                labels[key] = ", ".join(f"{n} {argument(column, i)}" for n, column in columns.items())
            rows.append(labels[key])
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
