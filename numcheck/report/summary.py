"""What a report says, gathered for a reader: verdicts, tallies, and measurements grouped as the pages show them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from numcheck.declaration.words import Fate, Harm
from numcheck.report.figures import count, counted, number, percent

Report = Mapping[str, Any]
Measurement = Mapping[str, Any]

FATES: Mapping[str, str] = {fate.word: fate.sentence for fate in Fate}
"""What each fate means, in the order in which bars and legends show them."""
VERDICTS: Mapping[str, str] = {
    "over": "over budget",
    "stale": "stale gap",
    "unresolved": "unresolved",
    "gap": "declared gap",
    "within": "within budget",
}
OF: Mapping[str, str] = {"value": "value", "grad": "gradient"}


@dataclass(frozen=True)
class Row:
    """One line of the index: the value or the gradient of one routine, in every column."""

    formula: str
    routine: str
    of: str
    cells: tuple[Measurement | None, ...]
    verdict: str
    causes: tuple[tuple[str, str], ...]
    """Each cause found, with the columns it was found in."""


@dataclass(frozen=True)
class Finding:
    """Findings that differ only in the format: one reason, with one line for each format."""

    cause: str
    of: str
    operator: str | None
    line: str | None
    remedy: str | None
    forgiven: bool
    gap: str | None
    places: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class RoutineSection:
    """Everything measured on one routine."""

    name: str
    budgets: tuple[tuple[str, str], ...]
    measurements: tuple[tuple[str, Measurement], ...]
    """Column title and measurement, values before gradients."""
    findings: tuple[Finding, ...]
    gaps: tuple[tuple[tuple[str, ...], str, bool, str], ...]
    """Causes, reason, stale, and where it held."""
    verdict: str


@dataclass(frozen=True)
class FormulaSection:
    """A formula's declaration and what its routines made of it."""

    name: str
    declaration: Mapping[str, Any]
    routines: tuple[RoutineSection, ...]
    verdict: str


def verdict(measurement: Measurement) -> str:
    """The most serious thing to say of a measurement: over, stale, unresolved, gap or within."""
    if any(measurement["fates"].get(fate.word) for fate in Fate if fate.fails):
        return "over"
    if any(gap["stale"] for gap in measurement.get("gaps") or ()):
        return "stale"
    if measurement["fates"].get("unresolved"):
        return "unresolved"
    return "gap" if measurement["fates"].get("gap") else "within"


def worst_verdict(verdicts: Iterable[str]) -> str:
    """The most serious of several verdicts."""
    return min(verdicts, key=list(VERDICTS).index, default="within")


def fate_totals(report: Report) -> dict[str, int]:
    """Points of the whole report by fate, in the order of the legend."""
    total: Counter[str] = Counter()
    for measurement in report["measurements"]:
        total.update(measurement["fates"])
    return {fate: total[fate] for fate in FATES}


def unbalanced(report: Report) -> list[str]:
    """Measurements whose fates do not add up to their points: numcheck's own mistake, said on the page."""
    return [
        f"{label(measurement)}: the fates add up to {count(total)} of {counted(measurement['points'], 'point')}"
        for measurement in report["measurements"]
        if (total := sum(measurement["fates"].values())) != measurement["points"]
    ]


def label(measurement: Measurement) -> str:
    """A measurement in one breath: `softplus.naive, float32, cpu, gradient`."""
    return (
        f"{measurement['formula']}.{measurement['routine']}, {measurement['format']}, "
        f"{measurement['device']}, {OF[measurement['of']]}"
    )


def verdict_sentence(report: Report) -> str:
    """The report in one sentence."""
    tally = Counter(verdict(measurement) for measurement in report["measurements"])
    total = tally.total()
    if not total:
        return "Nothing was measured."
    kept = "All" if tally["within"] == total else f"{count(tally['within'])} of"
    rest = [
        f"{count(tally[name])} {one if tally[name] == 1 else several}"
        for name, one, several in (
            ("over", "breaks it", "break it"),
            ("gap", "fails only in a declared gap", "fail only where a declared gap says so"),
            ("stale", "has a stale gap", "have a stale gap"),
            ("unresolved", "is not fully resolved", "are not fully resolved"),
        )
        if tally[name]
    ]
    inside = f"{kept} {counted(total, 'measurement')} stay inside their budget everywhere"
    return "; ".join([inside, ", ".join(rest)] if rest else [inside]) + "."


def opinion_sentence(report: Report) -> str:
    """What the independent second opinion said."""
    opinion = report["second_opinion"]
    disagreed = opinion["disagreed"]
    if not opinion["checked"]:
        return "No truth was checked by a second opinion."
    share = f" ({percent(opinion['share'])} of all)" if "share" in opinion else ""
    outcome = "it agrees with every one" if not disagreed else f"it disagrees with {count(disagreed)}"
    quick = report.get("in_float64") or {}
    settled = ""
    if quick.get("points"):
        settled = f"{percent(quick['share'])} of all truths were settled by float64 balls, the rest by Arb. "
    settled += "".join(f"In doubt: {text}. " for text in quick.get("contradictions", ()))
    return settled + (
        f"{counted(opinion['checked'], 'truth')}{share} "
        f"{'was' if opinion['checked'] == 1 else 'were'} recomputed in mpmath at two precisions: {outcome}."
    )


def columns(report: Report) -> dict[tuple[str, str], str]:
    """Formats on devices, in the order in which the report names them, with their titles.

    The device is shown where there are several.
    """
    seen = {(m["format"], m["device"]) for m in report["measurements"]}
    several = len({device for _, device in seen}) > 1
    return {
        (name, device): f"{name} {device}" if several else name
        for device, name in product(report["devices"], report["formats"])
        if (name, device) in seen
    }


Gravity = tuple[bool, bool, int]
"""Of two findings the smaller is told first."""


def gravity(finding: Mapping[str, Any]) -> Gravity:
    """What breaks a budget before what is declared, and that before what is forgiven; of those the more harmful."""
    told = finding.get("harm")
    harm = [*map(str, Harm), told].index(told)  # reports of an older numcheck tell nothing of it
    return bool(finding.get("forgiven")), finding.get("gap") is not None, harm


def index_rows(sections: Iterable[FormulaSection], titles: Sequence[str]) -> list[Row]:
    """The index, one row for the value and one for the gradient of every routine, with a cell under each title.

    A formula's rows stay together; formulas stand as grave as their gravest finding is, others in the report's order.
    """
    groups: list[tuple[tuple[int, Gravity], list[Row]]] = []
    for section in sections:
        rows = _rows_of(section, titles)
        found = [
            f
            for routine in section.routines
            for _, measured in routine.measurements
            for f in measured["findings"]
        ]
        gravest = min(map(gravity, found), default=(True, True, len(Harm)))
        groups.append(((list(VERDICTS).index(section.verdict), gravest), rows))
    return [row for _, rows in sorted(groups, key=lambda group: group[0]) for row in rows]


def _rows_of(section: FormulaSection, titles: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for routine, of in product(section.routines, OF):
        found = {title: measured for title, measured in routine.measurements if measured["of"] == of}
        told = [
            (gravity(finding), finding["cause"], title)
            for title, m in found.items()
            for finding in m["findings"]
        ]
        causes: dict[str, dict[str, None]] = {}  # which keeps each title once, in order
        for _, cause, title in sorted(told, key=lambda one: one[0]):
            causes.setdefault(cause, {})[title] = None
        if found:
            places = tuple((cause, ", ".join(where)) for cause, where in causes.items())
            worst = worst_verdict(map(verdict, found.values()))
            rows.append(Row(section.name, routine.name, of, tuple(map(found.get, titles)), worst, places))
    return rows


def environment(report: Report) -> dict[str, Any]:
    """The environment with what most decides the figures first."""
    found = report["environment"]
    first = ("torch", "device", "device_name", "cpu_capability", "platform")
    return {name: found[name] for name in dict.fromkeys([*first, *found]) if name in found}


def cause_totals(report: Report) -> list[tuple[str, int, int]]:
    """Each cause with the measurements and the points it was found in, the most frequent first."""
    measurements: Counter[str] = Counter()
    points: Counter[str] = Counter()
    for measurement in report["measurements"]:
        measurements.update({finding["cause"] for finding in measurement["findings"]})
        for finding in measurement["findings"]:
            points[finding["cause"]] += finding.get("points") or 0
    ordered = sorted(measurements.items(), key=lambda item: (-item[1], item[0]))
    return [(cause, times, points[cause]) for cause, times in ordered]


def formula_sections(report: Report) -> list[FormulaSection]:
    """One section for each formula, in the order of the report, each with its routines in theirs."""
    declared = {formula["name"]: formula for formula in report["formulas"]}
    titles = columns(report)
    measured: dict[str, dict[str, list[tuple[str, Measurement]]]] = {name: {} for name in declared}
    for one in report["measurements"]:
        routines = measured.setdefault(one["formula"], {})
        routines.setdefault(one["routine"], []).append((titles[one["format"], one["device"]], one))
    sections: list[FormulaSection] = []
    for name, routines in measured.items():
        told = tuple(_routine_section(*found, list(titles.values())) for found in routines.items())
        worst = worst_verdict(routine.verdict for routine in told)
        if told:
            sections.append(FormulaSection(name, declared.get(name, {}), told, worst))
    return sections


def _routine_section(name: str, found: list[tuple[str, Measurement]], order: list[str]) -> RoutineSection:
    sides = list(OF)
    ordered = sorted(found, key=lambda item: (sides.index(item[1]["of"]), order.index(item[0])))
    budgets = dict.fromkeys((one["of"], one.get("budget") or "") for _, one in ordered)
    gaps: dict[tuple[tuple[str, ...], str, bool], list[str]] = {}
    for title, measurement in ordered:
        for gap in measurement.get("gaps") or ():
            key = (tuple(gap["causes"]), gap["reason"], gap["stale"])
            where = f"{title} {OF[measurement['of']]} ({counted(gap['points'], 'point')})"
            gaps.setdefault(key, []).append(where)
    return RoutineSection(
        name,
        tuple(budgets),
        tuple(ordered),
        _merged_findings(ordered),
        tuple((causes, reason, stale, ", ".join(places)) for (causes, reason, stale), places in gaps.items()),
        worst_verdict(verdict(measurement) for _, measurement in ordered),
    )


def _merged_findings(ordered: list[tuple[str, Measurement]]) -> tuple[Finding, ...]:
    merged: dict[Finding, list[tuple[str, Mapping[str, Any]]]] = {}
    for title, measurement in ordered:
        for finding in measurement["findings"]:
            reason = Finding(
                cause=finding["cause"],
                of=measurement["of"],
                operator=finding.get("operator"),
                line=finding.get("line"),
                remedy=finding.get("remedy"),
                forgiven=bool(finding.get("forgiven")),
                gap=finding.get("gap"),
                places=(),
            )
            merged.setdefault(reason, []).append((title, finding))
    gravest = {reason: min(gravity(finding) for _, finding in places) for reason, places in merged.items()}
    return tuple(
        replace(reason, places=tuple(merged[reason])) for reason in sorted(merged, key=gravest.__getitem__)
    )


def sort_key(measurement: Measurement | None) -> str:
    """The spent share as text that the page's script sorts by; a missing measurement sorts last."""
    spent = number(measurement.get("spent")) if measurement else None
    return "-1" if spent is None else f"{min(spent, 1e300):.6g}"
