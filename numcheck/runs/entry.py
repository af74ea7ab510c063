"""All that a reader is told of one routine's value or gradient in one format: the entry of the report's JSON."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from numcheck.declaration.words import Fate
from numcheck.diagnosis import Finding, Question, Search, asked, devices
from numcheck.domain import continuous, discrete, listed, magnitude
from numcheck.measure import Measurement, tally
from numcheck.report import figure
from numcheck.runs.examine import Examined
from numcheck.runs.gaps import is_stale
from numcheck.runs.points import decimal, shown_again
from numcheck.runs.witnesses import Witnesses

COLUMNS = 8  # stretches of an input that a map tells apart
MOST_ROWS = 24  # combinations of choices up to which a map is drawn


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


def _told(found: Finding | devices.Disagreement, **points: Any) -> dict[str, Any]:
    gap, loss = found.gap, found.loss
    return {
        "cause": str(found.cause),
        "region": found.region,
        "region_fails": None if found.where.fails is None else figure(found.where.fails),
        "region_covers": None if found.where.covers is None else figure(found.where.covers),
        "harm": str(found.harm),
        "coupled": found.coupled,
        "bits_lost": figure(found.bits_lost),
        "points": found.points,
        "forgiven": found.forgiven,
        "gap": None if gap is None else gap.why,
        "operator": (loss.operator or None) if loss else None,
        "line": (loss.line or None) if loss and loss.operator else None,
        "remedy": found.remedy,
        "reproduce": shown_again(found.measurement, found.simplest, found.component),
        **points,
    }


def disagreement_of(one: Examined, other: Examined) -> Search[dict[str, Any] | None]:
    """What a reader is told where a routine's results on two devices disagree, among the findings of the `other`."""
    found = yield from devices.compared(one.parts, other.parts)
    if found is None:
        return None
    here, there = found.measurement, found.one
    simple = yield from asked([Question(m, found.simplest, found.component) for m in (here, there)])
    shown: dict[str, Any] = {}
    elsewhere: dict[str, Any] = {"device": there.device}
    for name, mine, theirs, row in (("worst", here, there, found.worst), ("simplest", *simple, 0)):
        element = devices.element(theirs.judgement, mine.judgement, row)
        shown[name], elsewhere[name] = _point(mine, row, element), _point(theirs, row, element)
    return _told(found, **shown, elsewhere=elsewhere)


def errors_of(examined: Examined) -> dict[str, float | str]:
    """The largest share of the budget and the largest error in ulps, whatever gaps are declared."""
    _, spent, error = examined.judged
    return {
        "spent": figure(float(np.max(spent, initial=0))),
        "worst_ulp": figure(float(np.max(error, initial=0))),
    }


def entry_of(
    examined: Examined,
    found: Sequence[Finding],
    known: Witnesses,
    sunk: dict[str, Any],
    cancelled: dict[str, Any] | None,
    scaled: dict[str, Any],
) -> dict[str, Any]:
    """One routine's value or gradient in one format: the tally over all sizes, findings and examples."""
    routine, parts = examined.routine, examined.parts
    _, spent, error = examined.judged
    axis = _axis(examined)
    shown = [
        _told(
            finding,
            worst=_point(finding.measurement, finding.worst),
            outside=None if finding.outside is None else _point(finding.outside, 0),
            simplest=_point(finding.shown, 0),
        )
        for finding in found
    ]
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
        **errors_of(examined),
        "evidence": "sampled",
        "budget": str(routine.budgets[examined.of]),
        "output_format": parts[0].made or parts[0].judgement.format.name,
        "remarks": list(examined.remarks),
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
        "plot": None if axis is None else plot(examined, *axis),
        "map": None if axis is None else failure_map(examined, *axis),
        **_raised(examined),
    }


def _raised(examined: Examined) -> dict[str, Any]:
    """What the routine raised, and an input at which it did."""
    if examined.crash is None:
        return {"message": None}
    part, row = examined.crash
    alone, component = part.points.select([row]), int(part.component[row])
    shown = {
        "points": sum(len(one.crashes) for one in examined.parts),
        "inputs": {name: _input(column, 0) for name, column in alone.columns.items()},
        "reproduce": shown_again(part, alone, component),
    }
    return {"message": part.crashes[row], "raised": shown}


BUCKETS = {"0": 0.0, "<=0.5": 0.5, "<=1": 1.0, "<=2": 2.0, "<=4": 4.0, "<=16": 16.0, "<=256": 256.0,
           "<=65536": 65536.0, ">65536": np.inf}  # fmt: skip


def histogram(error: np.ndarray) -> dict[str, int]:
    """How many points erred by how many ulps."""
    up_to = [np.count_nonzero(error <= limit) for limit in BUCKETS.values()]
    return dict(zip(BUCKETS, np.diff(up_to, prepend=0).tolist(), strict=True))


def _axis(examined: Examined) -> tuple[str, torch.Tensor] | None:
    """The first continuous input, by what a plot calls it: a number at each point, the largest of a vector."""
    name = next(iter(continuous(examined.routine.formula.inputs)), None)
    if name is None:
        return None
    columns: list[Any] = [part.points.columns[name] for part in examined.parts]
    label = f"max|{name}|" if columns[0].ndim > 1 else name
    return label, torch.cat([magnitude(column) for column in columns])


def plot(examined: Examined, label: str, numbers: torch.Tensor) -> dict[str, Any]:
    """Error against the numbers along an axis, aggregated over 24 stretches of their ordinals."""
    format = examined.format
    x = format.to_ordinals(format.round(numbers)).numpy()
    order = np.argsort(x)
    x, (_, spent, error) = x[order], (figures[order] for figures in examined.judged)
    edges = np.unique(np.linspace(x[0], x[-1] + 1, 25).astype(np.int64))
    ends = (format.from_ordinals(torch.from_numpy(at)).tolist() for at in (edges[:-1], edges[1:] - 1))
    bins: list[list[float | str | int]] = []
    for low, high, (start, stop) in zip(*ends, itertools.pairwise(np.searchsorted(x, edges)), strict=True):
        inside = np.sort(error[start:stop])
        if inside.size:
            worst = float(np.max(spent[start:stop]))
            figures = (low, high, inside[0], inside[inside.size // 2], inside[-1])
            bins.append([*(_short(e) for e in figures), int(inside.size), _short(worst)])
    return {"x": [label], "bins": bins}


def failure_map(examined: Examined, label: str, numbers: torch.Tensor) -> dict[str, Any] | None:
    """Where a routine fails among the choices of its discrete inputs and the stretches of an axis.

    A row for each combination of choices, a column for each stretch between quantiles of the points drawn; a cell
    holds the points there and how many fail, declared gaps included. None where nothing fails, where there are no
    such inputs, or where the combinations are more than a reader would compare.
    """
    inputs = examined.routine.formula.inputs
    chosen = [name for name, domain in discrete(inputs).items() if domain.sizes is None]
    failing = examined.judged[0] >= Fate.OVER
    if not chosen or not failing.any():
        return None
    rows: list[str] = []
    for part in examined.parts:
        points = list(zip(*(listed(part.points.columns[name]) for name in chosen), strict=True))
        told = {
            point: ", ".join(f"{n} {c}" for n, c in zip(chosen, point, strict=True)) for point in {*points}
        }
        rows += [told[point] for point in points]
    names, row = np.unique(rows, return_inverse=True)
    if not 1 < len(names) <= MOST_ROWS:
        return None
    x = numbers.numpy()
    finite = np.sort(x[np.isfinite(x)])
    edges = np.unique(finite[np.linspace(0, len(finite) - 1, COLUMNS + 1).astype(int)])
    cells = np.zeros((len(names), max(len(edges) - 1, 1), 2), dtype=int)
    column = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, cells.shape[1] - 1)
    np.add.at(cells[..., 0], (row, column), 1)
    np.add.at(cells[..., 1], (row, column), failing)
    return {
        "x": label,
        "edges": [_short(float(e)) for e in edges],
        "rows": names.tolist(),
        "cells": cells.tolist(),
    }
