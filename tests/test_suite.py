"""A run's report is complete, reproducible, and says honestly how it ended."""

import importlib.resources
import json
from typing import Any

import jsonschema
import pytest
import torch

import numcheck
from numcheck import m, real, ulps
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Of
from numcheck.formats import format_of
from numcheck.report import deterministic, figure, json_text
from numcheck.report.summary import opinion_sentence
from numcheck.runs import check as suite
from numcheck.runs import witnesses
from numcheck.runs.check import check_catalog
from numcheck.runs.verdict import verdict_of
from numcheck.truth import ContradictionError, Opinion


def stated(x):
    return m.log(1 + m.exp(x))


FORMULA = formula_of(
    stated,
    "Dugas 2001",
    [((0,), "0.69314718055994530942")],
    None,
    {"x": real(-200, 200)},
)


def softplus(x):
    """The right one."""
    return torch.nn.functional.softplus(x)


def report_of(function, **settings) -> dict[str, Any]:
    routine = routine_of(FORMULA, function, "routine", ulps(2), ulps(4))
    return check_catalog(points=200, routine=routine, jobs=1, **settings)


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Any]:
    return check_catalog(["softplus", "softmax"], formats=["float32", "float16"], points=150, jobs=1)


def test_the_report_keeps_to_its_schema(catalogue):
    schema = json.loads(importlib.resources.files("numcheck.report").joinpath("schema.json").read_text())
    jsonschema.validate(json.loads(json_text(catalogue)), schema)


def test_fates_add_up_to_the_points(catalogue):
    assert all(sum(entry["fates"].values()) == entry["points"] for entry in catalogue["measurements"])


def test_every_example_tells_the_ulps_that_its_routine_promised(catalogue):
    for entry in catalogue["measurements"]:
        routine = numcheck.formulas()[entry["formula"]].routines[entry["routine"]]
        budget = routine.value if entry["of"] == "value" else routine.grad
        points = [entry["worst"], *(f[which] for f in entry["findings"] for which in ("worst", "simplest"))]
        assert {point["budget_ulp_term"] for point in points} == {budget.ulps}


def test_every_routine_is_measured_in_every_format_of_value_and_gradient(catalogue):
    measured = {(e["formula"], e["routine"], e["format"], e["of"]) for e in catalogue["measurements"]}
    expected = {
        (name, routine, format, of)
        for name in ("softplus", "softmax")
        for routine, declared in numcheck.formulas()[name].routines.items()
        for format in ("float32", "float16")
        if declared.formats is None or format in declared.formats
        for of in ("value", "grad")
        if of == "value" or declared.grad is not None
    }
    assert measured == expected


def test_a_percent_of_the_points_has_a_second_opinion_and_none_disagrees(catalogue):
    opinion = catalogue["second_opinion"]
    assert opinion["checked"] >= 0.01 * 150 * 4
    assert opinion["disagreed"] == 0


def test_shares_are_of_the_points_that_were_drawn(catalogue):
    formula, float32 = numcheck.formulas()["softmax_cross_entropy"], format_of("float32")
    drawn = sum(len(points) for points in formula.points(float32, 800, 0))
    drawn += len(witnesses.first(formula, witnesses.read(formula).known, float32))
    report = check_catalog(["softmax_cross_entropy"], formats=["float32"], points=800, jobs=1)
    assert drawn > 800
    for told, count in ((report["in_float64"], "points"), (report["second_opinion"], "checked")):
        assert told["share"] == figure(told[count] / drawn)
    assert 0.9 < report["in_float64"]["share"] <= 1


def test_one_seed_gives_one_report_in_one_process_and_in_two(catalogue):
    again = check_catalog(["softplus", "softmax"], formats=["float32", "float16"], points=150, jobs=2)
    assert json_text(deterministic(again)) == json_text(deterministic(catalogue))


def test_another_seed_draws_other_points(catalogue):
    other = check_catalog(["softplus"], formats=["float32"], points=150, seed=1, jobs=1)
    plots = [e["plot"] for e in other["measurements"]]
    assert plots != [e["plot"] for e in catalogue["measurements"] if e["formula"] == "softplus"][: len(plots)]


def test_a_right_routine_passes():
    code, sentence = verdict_of(report_of(softplus))
    assert (code, sentence.split(":")[0]) == (0, "passed")


def test_a_wrong_routine_fails_and_its_finding_says_how_to_see_it_again():
    report = report_of(lambda x: torch.log(1 + torch.exp(x)), formats=["float32"])
    assert verdict_of(report)[0] == 1
    assert verdict_of(report, "none")[0] == 0
    overflow = next(f for e in report["measurements"] for f in e["findings"] if f["cause"] == "overflow")
    assert overflow["region"] == "x >= 88.72"
    # what lives in this file's variables only is shown again from Python
    assert overflow["reproduce"] == "numcheck.explain(routine, stated, {'x': '128'}, format='float32')"
    assert overflow["worst"]["inputs"]["x"]["hex"].startswith("0x")


def test_a_routine_that_breaks_its_contract_does_not_lose_the_others():
    routine = routine_of(FORMULA, lambda x: x.sum(), "total", ulps(2), None)
    report = check_catalog(points=100, routine=routine, formats=["float32"], jobs=1)
    code, sentence = verdict_of(report)
    assert code == 2
    assert "return one result per point" in sentence


def test_a_routine_that_always_raises_is_a_crash_with_its_message():
    def broken(x):
        raise ArithmeticError("out of order")

    report = report_of(broken, formats=["float32"])
    entry = report["measurements"][0]
    assert entry["fates"]["crash"] == entry["points"]
    assert entry["message"] == "ArithmeticError: out of order"
    assert verdict_of(report)[0] == 1


def test_a_second_opinion_that_disagrees_is_exit_code_3(monkeypatch):
    monkeypatch.setattr(
        "numcheck.runs.examine.second_opinion", lambda *_: Opinion(2, ("softplus in float32: elsewhere",))
    )
    code, sentence = verdict_of(report_of(softplus, formats=["float32"]))
    assert code == 3
    assert sentence.endswith("softplus in float32: elsewhere")


def test_proofs_that_contradict_each_other_end_a_unit_with_what_was_measured(monkeypatch):
    right = suite.entry_of

    def second_fails(*arguments):
        if arguments[0].of == "grad":
            raise ContradictionError("stated: float64 balls and Arb prove different values at x=1.0")
        return right(*arguments)

    monkeypatch.setattr(suite, "entry_of", second_fails)
    report = report_of(softplus, formats=["float32", "float16"])
    code, sentence = verdict_of(report)
    assert code == 3
    assert "2 contradicted" in sentence and "prove different values at x=1.0" in sentence
    assert [(e["format"], e["of"]) for e in report["measurements"]] == [
        ("float32", "value"),
        ("float16", "value"),
    ]
    assert "prove different values" in opinion_sentence(report)


def test_a_stale_gap_fails_the_run_and_is_named(monkeypatch):
    routine = numcheck.gap("overflow", why="it does not")(
        FORMULA.routine(value=ulps(2), grad=ulps(4))(lambda x: torch.nn.functional.softplus(x))
    )
    here = witnesses.environment_name("cpu")
    witness = witnesses.Witness(
        routine.name, "overflow", "float32", Of.VALUE, "worst", ("0x1p0",), 0, (here,)
    )
    monkeypatch.setattr(witnesses, "read", lambda formula: witnesses.Witnesses(None, (witness,)))
    report = check_catalog(points=100, routine=routine, formats=["float32"], jobs=1)
    code, sentence = verdict_of(report)
    assert code == 1
    assert "stale" in sentence and "overflow in float32 value" in sentence


def test_a_gap_that_covers_nothing_is_a_remark_where_no_witness_speaks_of_it():
    def twice(x):
        """Twice a number."""
        return 2 * x

    stated = formula_of(twice, "a school book", [((1,), "2")], None, {"x": real(-1, 1)})
    numcheck.gap("overflow", why="it does not")(stated.routine(value=ulps(0))(lambda x: x + x))
    report = check_catalog([stated], jobs=1)
    assert verdict_of(report)[0] == 0
    (remark,) = report["remarks"]
    assert "twice.<lambda>: the gap overflow covers no point of this run" in remark
    assert "remarks" not in check_catalog([stated], formats=["float32"], jobs=1)


def test_check_judges_a_formula_that_was_just_defined():
    report = numcheck.check(torch.nn.functional.softplus, formula=FORMULA, formats=["float32"], points=100)
    assert report["measurements"][0]["fates"]["within"] == report["measurements"][0]["points"]


def test_a_map_tells_at_which_choices_and_where_plain_newton_fails():
    report = check_catalog(["blend_inverse"], formats=["float32"], points=200, jobs=1)
    maps = {entry["routine"]: entry["map"] for entry in report["measurements"]}
    assert maps["bracketed_newton"] is None and maps["bisection"] is None
    newton = maps["newton"]
    assert newton["x"] == "alpha"
    assert newton["rows"] == [
        f"f {f}, g {g}" for f in ("ninth", "plateau", "slow_start") for g in ("line", "quick_start")
    ]
    (entry,) = [entry for entry in report["measurements"] if entry["routine"] == "newton"]
    failing = sum(
        count for fate, count in entry["fates"].items() if fate not in ("within", "invalid", "unresolved")
    )
    assert sum(cell[0] for row in newton["cells"] for cell in row) == entry["points"]
    assert sum(cell[1] for row in newton["cells"] for cell in row) == failing > 0


def test_there_is_no_map_without_choices():
    report = report_of(lambda x: torch.log(1 + torch.exp(x)), formats=["float32"])
    assert [entry["map"] for entry in report["measurements"]] == [None, None]
