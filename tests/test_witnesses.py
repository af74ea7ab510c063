"""Witnesses: inputs beside a page, tried first in every run, and never written over what can't be read."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from numcheck import UsageError
from numcheck.declaration.words import Of
from numcheck.faces import cli
from numcheck.foreign import formula_at
from numcheck.formats import format_of
from numcheck.runs import witnesses
from numcheck.runs.check import check_catalog
from numcheck.runs.verdict import verdict_of
from numcheck.runs.witnesses import Witness, environment_name, merged, path_of, read

PAGE = '''
import torch
from numcheck import formula, gap, m, real, ulps


@formula(source="a school book", known=[((1,), "2")], x=real(-1000, 1000))
def twice(x):
    """The sum of a number and itself."""
    return x + x


@twice.routine(value=ulps(1), grad=ulps(1))
def right(x):
    return x + x


@gap("wrong_formula", why="planted: at one number only")
@twice.routine(value=ulps(1), grad=ulps(1))
def wrong_at_one_number(x):
    return torch.where(x == NUMBER, x, x + x)
'''
RARE = 0.7119140625
"""A number of every 16-bit format that no drawing of points is likely to hit."""
FLOAT16 = format_of("float16")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with a routine that is wrong at one corner of its domain, or wherever NUMBER says."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "school.py"
    path.write_text(PAGE.replace("NUMBER", "1000"))
    yield path
    forget(path)


def forget(page: Path) -> None:
    for name in [
        name for name, module in sys.modules.items() if getattr(module, "__file__", "") == str(page)
    ]:
        del sys.modules[name]


def rewrite(page: Path, old: str, new: str) -> None:
    """Edit the page, as a user does between two runs."""
    page.write_text(page.read_text().replace(old, new))
    forget(page)


def run(*words: str) -> int:
    return cli.run(["check", "school.py:twice", "--formats", "float16", "--points", "200", *words])


def stored(page: Path) -> dict[str, Any]:
    return json.loads(page.with_name("twice.witnesses.json").read_text())


def test_a_run_that_is_asked_to_writes_what_shows_each_gap(page: Path):
    assert run("--witness") == 0
    told = stored(page)
    assert (told["schema"], told["formula"]) == (1, "twice")
    assert told["environments"] == [environment_name("cpu")]
    rows = {(row["gap"], row["of"], row["which"]): row["inputs"] for row in told["witnesses"]}
    assert rows == {
        ("wrong_formula", of, which): {"x": "0x1.f4p+9"}
        for of in ("value", "grad")
        for which in ("simplest", "worst")
    }


def test_what_is_written_does_not_change_when_it_is_written_again(page: Path):
    run("--witness")
    before = page.with_name("twice.witnesses.json").read_bytes()
    run("--witness", "--seed", "5")
    assert page.with_name("twice.witnesses.json").read_bytes() == before


def rare(page: Path) -> None:
    """Let the routine be wrong where nobody looks, and a witness say so."""
    page.write_text(PAGE.replace("NUMBER", repr(RARE)))
    here = (environment_name("cpu"),)
    row = Witness(
        "wrong_at_one_number", "wrong_formula", "float16", Of.VALUE, "worst", (RARE.hex(),), 0, here
    )
    formula = formula_at("school.py:twice")
    witnesses.record(formula, [row], set())


def test_a_witness_is_tried_whatever_the_seed(page: Path):
    rare(page)
    for seed in (1, 2, 3):
        report = check_catalog(
            [formula_at("school.py:twice")], formats=["float16"], points=200, seed=seed, jobs=1
        )
        assert verdict_of(report)[0] == 0
        (gap,) = [gap for one in report["measurements"] if one["of"] == "value" for gap in one["gaps"]]
        assert (gap["points"], gap["stale"]) == (1, False)


def test_a_gap_whose_witness_is_mended_is_stale(page: Path, capsys: pytest.CaptureFixture[str]):
    rare(page)
    rewrite(page, f"x == {RARE!r}", "x != x")
    assert run() == 1
    assert "stale gap" in capsys.readouterr().out


def test_elsewhere_a_witness_that_fails_no_more_is_no_failure(page: Path):
    rare(page)
    path = page.with_name("twice.witnesses.json")
    path.write_text(path.read_text().replace(environment_name("cpu"), "torch-1.0-abacus"))
    rewrite(page, f"x == {RARE!r}", "x != x")
    assert run() == 0


def test_a_run_of_another_format_says_nothing_of_a_witness(page: Path):
    rare(page)
    rewrite(page, f"x == {RARE!r}", "x != x")
    assert cli.run(["check", "school.py:twice", "--formats", "bfloat16", "--points", "200"]) == 0


def one_row(**changed: Any) -> str:
    """A file with one witness, of which something is as nobody wrote it."""
    row = {"routine": "wrong_at_one_number", "gap": "wrong_formula", "format": "float16", "of": "value"}
    row |= {"which": "worst", "inputs": {"x": "0x1p0"}, "component": 0, "environments": [0]} | changed
    return json.dumps({"schema": 1, "formula": "twice", "environments": ["here"], "witnesses": [row]})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices must be integers"),
        ('{"schema": 2}', "its schema is 2, not 1"),
        ('{"schema": 1, "formula": "thrice"}', "it is of the formula thrice"),
        ('{"schema": 1, "formula": "twice"}', "no 'witnesses'"),
        (
            '{"schema": 1, "formula": "twice", "environments": [], "witnesses": [{"inputs": {"y": "1"}}]}',
            "a witness has the inputs y",
        ),
        ("[" * 200_000, "recursion"),
        (one_row(inputs={"x": 5}), "holds something else than text"),
        (one_row(inputs={"x": ["0x1p0"]}), "holds something else than text"),
        (one_row(component="0"), "holds something else than text"),
        (one_row(component=-1), "holds something else than text"),
        (one_row(routine=["wrong_at_one_number"]), "holds something else than text"),
        (one_row(format=7), "7"),
        (one_row(environments=[3]), "list index out of range"),
    ],
)
def test_a_damaged_file_is_told_in_one_line_and_never_overwritten(
    page: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
):
    path = page.with_name("twice.witnesses.json")
    path.write_text(text)
    assert run() == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "witnesses" in line]
    assert why in line and "restore or delete it" in line
    assert run("--witness") == 2
    assert "nothing is written over it" in capsys.readouterr().err
    assert path.read_text() == text


def test_witnesses_outside_of_the_domain_are_left_out_with_a_remark_until_they_are_written_again(
    page: Path, capsys: pytest.CaptureFixture[str]
):
    run("--witness")
    rewrite(page, "real(-1000, 1000)", "real(-10, 10)")
    capsys.readouterr()
    assert run() == 0
    assert "4 of 4 witnesses lie outside of the present domains" in capsys.readouterr().out
    assert run("--witness") == 0
    capsys.readouterr()
    assert run() == 0
    assert "witnesses" not in capsys.readouterr().out


def test_a_file_named_alone_stands_for_all_formulas_that_it_declares(
    page: Path, capsys: pytest.CaptureFixture[str]
):
    page.write_text(
        page.read_text() + "\n\n@formula(source='a school book', known=[((1,), '3')], x=real(-9, 9))\n"
        "def thrice(x):\n    return 3 * x\n\n\n"
        "@thrice.routine(value=ulps(1), grad=ulps(1))\ndef times_three(x):\n    return 3 * x\n"
    )
    assert cli.run(["check", "school.py", "--formats", "float16", "--points", "50"]) == 0
    told = capsys.readouterr().out
    assert "wrong_at_one_number" in told and "times_three" in told
    (page.parent / "empty.py").write_text("")
    assert cli.run(["check", "empty.py"]) == 2
    assert "empty.py declares no formula" in capsys.readouterr().err


def test_witnesses_have_no_place_where_a_formula_stands_in_no_file(page: Path):
    formula = replace(formula_at("school.py:twice"), module="nowhere")
    assert path_of(formula) is None
    assert read(formula).known == ()
    with pytest.raises(UsageError, match="stands in no file"):
        check_catalog([formula], formats=["float16"], witness=True, jobs=1)


def test_the_command_says_whose_witnesses_it_writes(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["check", "--witness"]) == 2
    assert "numcheck check FORMULA... --witness" in capsys.readouterr().err


# Merging ----------------------------------------------------------------------------------------------------------


ROW = Witness("wrong", "overflow", "float16", Of.VALUE, "worst", ("0x1p0",), 0, ("here",))
CELL = (False, "wrong", "float16", Of.VALUE, "here")


def test_a_witness_that_is_found_again_names_both_environments():
    there = replace(ROW, environments=("there",))
    assert merged([ROW], [there], {(*CELL[:-1], "there")}) == [replace(ROW, environments=("here", "there"))]


def test_a_witness_that_shows_nothing_any_more_goes_from_the_environment_that_looked():
    both = replace(ROW, environments=("here", "there"))
    assert merged([both], [], {CELL}) == [replace(ROW, environments=("there",))]
    assert merged([ROW], [], {CELL}) == []


@pytest.mark.parametrize("place", range(5))
def test_witnesses_of_other_cells_stay(place: int):
    other: list[Any] = [True, "other", "float32", Of.GRAD, "there"]
    cell: Any = (*CELL[:place], other[place], *CELL[place + 1 :])
    assert merged([ROW], [], {cell}) == [ROW]


def test_what_a_sweep_left_stays_when_a_check_looks_and_goes_when_a_sweep_does():
    swept = replace(ROW, gap="", which="swept")
    assert merged([swept], [], {CELL}) == [swept]
    assert merged([swept], [], {(True, *CELL[1:])}) == []


def test_witnesses_are_sorted():
    rows = [replace(ROW, inputs=(text,)) for text in ("0x1p1", "0x1p0")]
    assert merged(rows, [], set()) == rows[::-1]
