"""The worst failures of a report as text: what a terminal is told of them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numcheck.report.figures import encoded, figure, number, shortened
from numcheck.report.summary import Measurement, Report

OUTSIDE = "; far worse, but outside of the region"


@dataclass(frozen=True)
class Worst:
    """One failure of a routine, in the measurement where it does most harm, and the columns where it is met too."""

    measurement: Measurement
    finding: Mapping[str, Any] | None
    """None where the routine raised."""
    elsewhere: tuple[str, ...]


def worst_findings(report: Report) -> list[list[str]]:
    """The failures that no gap covers in lines, one for each routine, half and cause, those that do most harm first.

    That is what raises, and NaN and infinities where the truth is finite; then other mathematics; then lost bits.
    """
    alike: dict[tuple[str, ...], list[tuple[Measurement, Mapping[str, Any] | None]]] = {}
    for one in report["measurements"]:
        told = [f for f in one["findings"] if not f.get("forgiven") and f.get("gap") is None]
        raised: list[Mapping[str, Any] | None] = [None] if one.get("message") else []
        for finding in (*raised, *told):
            # what raises takes the gradient along
            why = ("", str(one["message"])) if finding is None else (one["of"], finding["cause"])
            alike.setdefault((one["formula"], one["routine"], *why), []).append((one, finding))
    several = len({one["device"] for one in report["measurements"]}) > 1
    found: list[Worst] = []
    for each in alike.values():
        measurement, finding = min(each, key=lambda pair: _harmless(pair[1]))
        places = dict.fromkeys((one["format"], one["device"]) for one, _ in each)
        places.pop((measurement["format"], measurement["device"]))
        elsewhere = tuple(f"{name} {device}" if several else name for name, device in places)
        found.append(Worst(measurement, finding, elsewhere))
    return [list(_lines(one)) for one in sorted(found, key=lambda one: _harmless(one.finding))]


def _harmless(finding: Mapping[str, Any] | None) -> tuple[float, ...]:
    """The less, the more harm."""
    if finding is None:
        return (0, 0, 0)
    got = number(encoded((finding.get("worst") or {}).get("got")))
    finite = got is None or math.isfinite(got)
    rank = 1 if not finite else 2 if finding["cause"] in ("wrong_formula", "scale") else 3
    return rank, -(number(finding["bits_lost"]) or 0), -(finding.get("points") or 0)


def _lines(one: Worst) -> Iterator[str]:
    """What failed where, and for what reason; then what else is known of it, each with its name before it."""
    measured, finding = one.measurement, one.finding
    also = f" (and {', '.join(one.elsewhere)})" if one.elsewhere else ""
    there = "" if measured["device"] == "cpu" else f" on {measured['device']}"
    where = (
        f"{measured['formula']}.{measured['routine']}, {measured['of']} in {measured['format']}{there}{also}"
    )
    rows: list[tuple[str, str]] = []
    if finding is None:
        shown = measured.get("raised")
        yield f"{where}: raises" + (f" at {shown['points']} of {measured['points']} points" if shown else "")
        rows.append(("message", measured["message"]))
        if shown:
            rows += [("input", _inputs(shown["inputs"])), ("reproduce", shown["reproduce"])]
    else:
        budget = f"its budget of {measured['budget']}" if "budget" in measured else "its budget"
        at = f", at {finding['points']} of {measured['points']} points" if "points" in finding else ""
        lost = f"{figure(finding['bits_lost'])} bits lost"
        yield f"{where}: spends more than {budget}: {finding['cause']}, {lost}{at}"
        operator, line = finding.get("operator"), finding.get("line")
        rows += [("operator", f"{operator} at {line}" if line else operator)] if operator else []
        rows += [(name, finding[name]) for name in ("region", "remedy") if finding.get(name)]
        shown = [name for name in ("worst", "outside", "simplest") if finding.get(name)]
        rows += [(name, _point(finding[name]) + OUTSIDE * (name == "outside")) for name in shown]
        rows.append(("reproduce", finding["reproduce"]))
    for name, content in rows:
        yield f"  {name:<10} {content}"


def _point(point: Mapping[str, Any]) -> str:
    spent = f", spent {figure(point['spent'])}" if point.get("spent") is not None else ""
    return f"{_inputs(point['inputs'])}: got {encoded(point['got'])}, truth {encoded(point['truth'])}{spent}"


def _inputs(inputs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shortened(encoded(value))}" for name, value in inputs.items())
