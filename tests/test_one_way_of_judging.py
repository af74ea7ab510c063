"""Whoever asks about a routine at a point is told the same fate, the same cause and the same words."""

from typing import Any

import numpy as np
import pytest
from planted import Planted, planted

from numcheck import explain
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.domain import continuous
from numcheck.formats import Format, format_of
from numcheck.runs.check import check_catalog
from numcheck.runs.examine import Examined, drawn, examine, examine_at, sample
from numcheck.runs.points import argument
from numcheck.runs.search import property_of, sampled
from numcheck.runs.sweep.plan import plan_of
from numcheck.runs.sweep.run import sweep_chunk
from numcheck.runs.witnesses import Witnesses

POINTS = 60
ASKED = 3  # failing points of each routine that are asked about alone
BY_NAME = {
    name: mistake
    for name, mistake in planted().items()
    # what these two say is that a result hangs on company, or on nothing that can be repeated
    if mistake.cause not in (Cause.PLACEMENT, Cause.NOT_DETERMINISTIC)
}
FLOAT16 = format_of("float16")


def examined(mistake: Planted, format: Format, count: int = POINTS) -> Examined:
    (points,) = drawn(mistake.wrong.formula, [format], count, 0, Witnesses(None), [mistake.wrong])
    (half,) = (one for one in examine(mistake.wrong, points, "cpu") if one.of == mistake.of)
    return half


def told(half: Examined, part: int, row: int) -> dict[str, Any]:
    """What is said of a point: its fate and cause, and the operator and line that are blamed."""
    loss = half.diagnoses[part].losses.get(row)
    return {
        "fate": Fate(int(half.parts[part].judgement.worst.fate[row])).word,
        "cause": half.diagnoses[part].causes[row],
        "operator": loss and loss.operator,
        "line": loss and loss.line,
    }


def failing(half: Examined) -> list[tuple[int, int]]:
    rows = [
        (part, int(row))
        for part, one in enumerate(half.parts)
        for row in np.flatnonzero(one.judgement.worst.fate >= Fate.OVER)
    ]
    return [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, ASKED).astype(int))]


@pytest.mark.parametrize("mistake", BY_NAME.values(), ids=BY_NAME)
def test_a_point_alone_is_told_what_it_is_told_in_company_and_by_explain(mistake: Planted):
    format = format_of(mistake.formats[0])
    half = examined(mistake, format)
    for part, row in failing(half):
        points, component = half.parts[part].points, int(half.parts[part].component[row])
        here = told(half, part, row)
        alone = examine_at(mistake.wrong, points.select([row]), component, format, "cpu", half.of)
        assert told(alone, 0, 0) == here
        at = {name: argument(column, row, hexadecimal=True) for name, column in points.columns.items()}
        component = component if half.of is Of.GRAD else 0
        lines = explain(
            mistake.wrong, mistake.wrong.formula, at, format=format.name, of=mistake.of, component=component
        ).lines()
        words = "\n".join(lines)
        assert f": {here['fate']}" in words
        assert f"{here['cause'].value}, " in words
        if here["operator"]:
            assert any(here["operator"] in line and here["line"] in line for line in lines)


@pytest.mark.parametrize("mistake", BY_NAME.values(), ids=BY_NAME)
def test_check_and_plugin_count_what_is_examined(mistake: Planted):
    format = format_of(mistake.formats[0])
    report = check_catalog(routine=mistake.wrong, formats=[format.name], points=POINTS, jobs=1)
    (entry,) = (one for one in report["measurements"] if one["of"] == mistake.of)
    half = examined(mistake, format)
    assert entry["fates"] == {fate.word: int((half.fates == fate).sum()) for fate in Fate}
    causes = {cause for cause in half.causes if cause is not None}
    found = {one["cause"] for one in entry["findings"] if not one["forgiven"]}
    assert found == {cause.value for cause in causes}
    worst = {one["cause"]: (one["worst"]["fate"], one["operator"], one["line"]) for one in entry["findings"]}
    for cluster in half.broken:
        part = half.parts.index(cluster.measurement)
        words = told(half, part, int(cluster.rows[0]))
        if len(half.parts) == 1:  # of several sizes the gravest speaks for all
            assert worst[cluster.cause.value] == (
                words["fate"],
                words["operator"] or None,
                words["line"] or None,
            )


ONE_NUMBER = {
    name: mistake
    for name, mistake in BY_NAME.items()
    if "float16" in mistake.formats
    and len(mistake.wrong.formula.inputs) == 1
    and all(domain.sizes is None for domain in continuous(mistake.wrong.formula.inputs).values())
    and continuous(mistake.wrong.formula.inputs)
}


@pytest.mark.parametrize("mistake", ONE_NUMBER.values(), ids=ONE_NUMBER)
def test_a_sweep_counts_the_fates_that_its_points_have_elsewhere(mistake: Planted):
    formula = mistake.wrong.formula
    plan = plan_of(formula, [mistake.wrong], format="float16")
    size = min(plan.space.size, plan.chunk)
    summary = sweep_chunk(plan, 0, size)[mistake.wrong.name, mistake.of]
    points = plan.space.at(np.arange(0, size, 7))
    component = np.zeros(len(points), dtype=np.int64)
    thinned = sample(formula, FLOAT16, points, component, mistake.of == "grad")
    (half,) = (one for one in examine(mistake.wrong, thinned, "cpu") if one.of == mistake.of)
    (whole,) = summary.stretches
    regions = {fate: np.zeros(size, dtype=bool) for fate in Fate}
    for region in whole.regions:
        regions[region.fate][region.first : region.last + 1] = True
    assert whole.count == len(whole.regions)
    for fate in (fate for fate in Fate if fate.fails):
        assert (half.judged[0] == fate).tolist() == regions[fate][::7].tolist()


def test_a_routine_is_told_the_same_by_the_property_as_by_the_check():
    mistake = next(iter(ONE_NUMBER.values()))
    half = examined(mistake, FLOAT16)
    points, known = sampled(mistake.wrong.formula, FLOAT16, POINTS, 0)
    tested = property_of(mistake.wrong, points, known, "cpu")
    (one,) = (each for each in tested if each.examined.of == mistake.of)
    assert one.examined.causes.tolist() == half.causes.tolist()
    assert one.examined.fates.tolist() == half.fates.tolist()
