"""What a run says of the gaps of a routine: what shows them, and which are stale.

One rule serves command and plugin. A gap is stale, in a format and half, where witnesses name this environment and
neither they, which every run tries, nor any other point fails by its mechanism. In another environment, and of a gap
without witnesses, that nothing fails is only a remark.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, Of
from numcheck.diagnosis import Finding, complexity
from numcheck.domain import Points
from numcheck.measure import RoutineError
from numcheck.runs.examine import Examined, examine_at
from numcheck.runs.points import argument
from numcheck.runs.witnesses import Witness, Witnesses, environment_name


def is_stale(examined: Examined, gap: Gap, known: Witnesses) -> bool:
    """Whether a gap is stale in this half and format."""
    cell = _cell(examined, gap)
    named = [one for one in known.known if (one.routine, one.gap, one.format, one.of) == cell]
    here = environment_name(examined.device)
    return not examined.covered[gap].any() and any(here in one.environments for one in named)


def _cell(examined: Examined, gap: Gap) -> tuple[str, str, str, Of]:
    return examined.routine.name, gap.name, examined.format.name, examined.of


def shown_by(examined: Examined, told: Sequence[Finding]) -> Iterator[Witness]:
    """The simplest and the worst input that showed each gap of a half; `told` are its findings."""

    def at(number: int) -> tuple[Points, int]:
        part, row = examined.point(number)
        return part.points.select([row]), int(part.component[row])

    ink = np.concatenate([complexity(part.points) for part in examined.parts])
    here = (environment_name(examined.device),)
    for gap, mask in examined.covered.items():
        rows = np.flatnonzero(mask)
        if not rows.size:
            continue
        worst = at(int(rows[np.argmax(examined.judged[1][rows])]))
        simplest, least = at(int(rows[np.argmin(ink[rows])])), float(ink[rows].min())
        for finding in told:
            shown = finding.simplest, finding.component
            taken = float(complexity(finding.simplest)[0])
            if finding.gap == gap and taken < least and _shows(examined, gap, *shown):
                simplest, least = shown, taken
        for which, (point, component) in (("simplest", simplest), ("worst", worst)):
            inputs = tuple(argument(column, 0, hexadecimal=True) for column in point.columns.values())
            output = component if examined.of is Of.GRAD else 0
            yield Witness(*_cell(examined, gap), which, inputs, output, here)


def _shows(examined: Examined, gap: Gap, point: Points, component: int) -> bool:
    """Whether a point fails by the gap where it is asked about alone."""
    where = examined.format, examined.device, examined.of
    try:
        return bool(examine_at(examined.routine, point, component, *where).covered[gap][0])
    except RoutineError:
        return False


def uncovered(formulas: Sequence[Formula], report: Mapping[str, Any]) -> list[str]:
    """A remark on each gap that covered no point of a complete run: of all its formats, with the default points."""
    if report["points"] < DEFAULT_POINTS:
        return []
    covers: dict[tuple[str, str, str], bool] = {}
    for entry in report["measurements"]:
        for gap in entry["gaps"]:
            key = entry["formula"], entry["routine"], ", ".join(gap["causes"])
            covers[key] = covers.get(key, False) or gap["points"] > 0 or gap["stale"]
    return [
        f"{formula.name}.{routine.name}: the gap {gap.name} covers no point of this run: delete it, "
        "or find one that shows it"
        for formula in formulas
        for routine in formula.routines.values()
        for gap in routine.gaps
        if _formats(routine, gap) <= set(report["formats"])
        and not covers.get((formula.name, routine.name, gap.name), True)
    ]


def _formats(routine: Routine, gap: Gap) -> set[str]:
    """The usual formats in which a gap may show."""
    limits = (routine.formats, gap.formats)
    return {name for name in DEFAULT_FORMATS if all(limit is None or name in limit for limit in limits)}
