"""A sweep tries every input there is, once, and finds the same whoever does the work and however often it stops."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from numcheck import UsageError, one_of, real, report, sweep, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.domain import Space, space_of
from numcheck.domain.one_of import OneOf
from numcheck.domain.real import Real
from numcheck.faces import cli
from numcheck.faces.cli import terminal
from numcheck.formats import format_of
from numcheck.report.store import write_text
from numcheck.runs import witnesses
from numcheck.runs.check import check_catalog
from numcheck.runs.sweep import plan as plans
from numcheck.runs.sweep import run as sweeps
from numcheck.runs.sweep.checkpoint import alone_in
from numcheck.truth import ContradictionError

ROOT = Path(__file__).parents[1]
FLOAT16 = format_of("float16")


def scaled(x, k):
    return k * x


FORMULA = formula_of(scaled, "a test", [], None, {"x": real(-1, 1), "k": one_of(2, 4)})
WRONG_AT = 0.3017578125  # of float16, and drawn by no check below


def planted(x, k):
    """Right, but for one input."""
    return torch.where((x == WRONG_AT) & (k == 4), 5 * x, k.to(x.dtype) * x)


def routine(function: Callable[..., torch.Tensor] = planted, formula: Formula = FORMULA) -> Routine:
    return routine_of(formula, function, "routine", ulps(1), ulps(1))


# Enumeration ------------------------------------------------------------------------------------------------------


def places(space: Space, numbers: range) -> list[tuple[Any, ...]]:
    """The inputs of points: ordinals of real numbers, and choices."""
    points = space.at(torch.arange(numbers.start, numbers.stop).numpy())
    columns: list[list[Any]] = []
    for name, domain in space.inputs.items():
        column = points.columns[name]
        if isinstance(domain, Real):
            columns.append(space.format.to_ordinals(column).tolist())
        else:
            columns.append(list(column) if isinstance(column, tuple) else column.tolist())
    return list(zip(*columns, strict=True))


INPUTS = {
    "one real": {"x": real(-3, 0.75)},
    "all reals": {"x": real(-float("inf"), float("inf"))},
    "labels and settings": {"k": one_of(0, 1, 2), "x": real(-1, 1), "rate": one_of(0.1, "none")},
    "two reals": {"x": real(-1, 1), "side": one_of(-1, 1), "y": real(0, 4)},
}


@pytest.mark.parametrize("format_name", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"])
@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
def test_every_combination_of_values_is_one_point(inputs: dict[str, Any], format_name: str):
    format = format_of(format_name)
    space = space_of(inputs, format)
    listed = [
        domain.values
        if isinstance(domain, OneOf)
        else range(domain.interval(format).first, domain.interval(format).last + 1)
        for domain in inputs.values()
    ]
    found = places(space, range(space.size))
    assert sorted(found, key=str) == sorted(itertools.product(*listed), key=str)


@pytest.mark.parametrize("format_name", ["float16", "bfloat16"])
def test_consecutive_points_are_consecutive_values(format_name: str):
    format = format_of(format_name)
    low, high = real(-2, 5).interval(format).first, real(-2, 5).interval(format).last
    space = space_of({"x": real(-2, 5)}, format)
    assert places(space, range(space.size)) == [(ordinal,) for ordinal in range(low, high + 1)]


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("length", [1, 16, 1 << 20])
def test_chunks_make_up_the_space_and_each_has_one_combination_of_choices(
    inputs: dict[str, Any], length: int
):
    space = space_of(inputs, format_of("float8_e5m2"))
    chunks = list(space.chunks(length))
    assert [start for start, _ in chunks] == [0, *(stop for _, stop in chunks[:-1])]
    assert chunks[-1][1] == space.size
    chosen = [i for i, domain in enumerate(inputs.values()) if isinstance(domain, OneOf)]
    for start, stop in chunks if length > 1 else chunks[:10]:
        assert len({tuple(str(place[i]) for i in chosen) for place in places(space, range(start, stop))}) == 1


def test_the_points_of_32_bits_are_made_from_their_numbers_alone():
    space = space_of({"x": real(-float("inf"), float("inf"))}, format_of("float32"))
    assert space.size == 2**32 - 2**24 + 2  # all encodings but the NaNs
    assert places(space, range(space.size - 2, space.size)) == [(0x7F7FFFFF,), (0x7F800000,)]


def test_a_grid_has_the_bounds_the_corners_and_evenly_spaced_ordinals():
    domain = real(-30, 30, near=(1.7,))
    space = space_of({"x": domain, "y": domain}, format_of("float32"), grid=9)
    ordinals = space.ordinals["x"]
    low, high = domain.interval(space.format).first, domain.interval(space.format).last
    assert {low, high, 0, -1} | {low + (high - low) * i // 8 for i in range(9)} <= set(ordinals)
    assert any(
        abs(float(value) - 1.7) < 1e-7 for value in space.at(torch.arange(space.line).numpy()).columns["y"]
    )
    points = space.at(torch.arange(space.size).numpy())
    assert space.size == len(ordinals) ** 2
    assert domain.contains(points.columns["x"], space.format).all()


# What is found ----------------------------------------------------------------------------------------------------


def test_the_one_input_at_which_a_routine_is_wrong_is_found():
    result = sweep(FORMULA, [routine()], format="float16")
    value, grad = result["measurements"]
    assert (result["evidence"], value["evidence"]) == ("exhaustive", "exhaustive")
    assert result["points"] == value["points"] == 2 * 30722
    assert (value["fates"]["over"], value["fates"]["within"]) == (1, 2 * 30722 - 1)
    inputs = {"x": WRONG_AT.hex(), "k": "4"}
    assert value["first_regions"] == [{"fate": "over", "points": 1, "first": inputs, "last": inputs}]
    assert (value["regions"], value["failing"]) == (1, 1)
    assert value["worst_error"]["inputs"] == value["worst_spent"]["inputs"] == inputs
    assert grad["first_regions"] == value["first_regions"]
    assert sweeps.sweep_verdict(result)[0] == 1


def test_value_only_leaves_the_gradient_alone():
    result = sweep(FORMULA, [routine()], format="float8_e5m2", value_only=True)
    assert [entry["of"] for entry in result["measurements"]] == ["value"]


def test_all_pairs_of_two_reals_are_tried_in_8_bits():
    def difference(x, y):
        return x - y

    formula = formula_of(difference, "a test", [], None, {"x": real(-2, 2), "y": real(0, 1)})

    def in_float32(x, y):
        return (x.float() - y.float()).to(x.dtype)

    judged = routine_of(formula, in_float32, "in_float32", ulps(1), None)
    result = sweep(formula, [judged], format="float8_e5m2")
    assert result["points"] == 130 * 61
    assert result["measurements"][0]["fates"]["within"] == 130 * 61
    result = sweep(formula, [judged], format="bfloat16", grid=16)
    assert {entry["evidence"] for entry in result["measurements"]} == {"grid"}


def test_a_region_ends_where_the_choices_change():
    def wrong(x, k):
        return k.to(x.dtype) * x + 1

    result = sweep(FORMULA, [routine(wrong)], format="float8_e5m2")
    regions = result["measurements"][0]["first_regions"]
    assert all(region["first"]["k"] == region["last"]["k"] for region in regions)
    assert {region["first"]["k"] for region in regions} == {"2", "4"}


def test_the_size_of_the_chunks_changes_nothing():
    results = [sweep(FORMULA, [routine()], format="float16", chunk=chunk) for chunk in (256, 2048, 1 << 16)]
    assert results[0] == results[1] == results[2]


def test_two_workers_find_what_one_finds():
    asked: dict[str, Any] = {"format": "float16", "value_only": True}
    alone = sweep("tanh", ["torch_builtin", "naive_form"], **asked)
    assert sweep("tanh", ["torch_builtin", "naive_form"], jobs=2, **asked) == alone


def test_gaps_are_not_told_apart_but_named():
    result = sweep("sigmoid", ["half_tanh"], format="float16", value_only=True)
    (entry,) = result["measurements"]
    failing = entry["failing"]
    code, sentence = sweeps.sweep_verdict(result)
    assert (code, failing > 0) == (0, True)
    assert f"{failing} more fail where gaps are declared, and are not told apart: half_tanh value" in sentence
    assert "the routine declares: cancellation" in report.sweep_page(result)
    entry["fates"]["crash"] = 1  # which no gap covers
    assert sweeps.sweep_verdict(result)[0] == 1
    entry["fates"]["unresolved"] = entry["points"]
    assert sweeps.sweep_verdict(result)[0] == 3


# Checkpoints ------------------------------------------------------------------------------------------------------


def stopped(out: Path, monkeypatch: pytest.MonkeyPatch, after: int = 7, **asked: Any) -> None:
    """Begin a sweep, and press Ctrl-C during a chunk."""
    done = itertools.count()
    whole = sweeps.sweep_chunk

    def interrupted(plan: plans.Plan, start: int, stop: int, batch: sweeps.Batch) -> Any:
        if next(done) == after:
            raise KeyboardInterrupt
        return whole(plan, start, stop, batch)

    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "sweep_chunk", interrupted)
        with pytest.raises(KeyboardInterrupt, match=f"{after} of 32 chunks are kept"):
            sweep(FORMULA, [routine()], format="float16", chunk=2048, out=out, **asked)


def test_ctrl_c_keeps_the_finished_chunks_and_the_same_call_does_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stopped(tmp_path / "parts", monkeypatch)
    assert not (tmp_path / "parts" / "result.json").exists()
    shown: list[tuple[int, int]] = []
    sweep(
        *(FORMULA, [routine()]),
        format="float16",
        chunk=2048,
        out=tmp_path / "parts",
        progress=lambda what, done, total: shown.append((done, total)),
    )
    assert shown == [(done, 32) for done in range(7, 33)]
    sweep(FORMULA, [routine()], format="float16", chunk=2048, out=tmp_path / "whole")
    parts, whole = ((tmp_path / name / "result.json").read_bytes() for name in ("parts", "whole"))
    assert parts == whole


def test_a_kill_between_writing_and_renaming_leaves_the_checkpoint_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stopped(tmp_path, monkeypatch)
    before = (tmp_path / "checkpoint.json").read_bytes()

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(SystemExit):
            sweep(FORMULA, [routine()], format="float16", chunk=2048, out=tmp_path)
    assert (tmp_path / "checkpoint.json").read_bytes() == before


DRIVER = """
import os, random, signal, sys, time
from pathlib import Path

import torch

from numcheck import m, real, sweep, ulps
from numcheck.declaration.formulas import formula_of, routine_of

PAUSE = [0.0]

def doubled(x):
    return 2 * x

def slow(x):
    time.sleep(PAUSE[0])
    return torch.where(x.abs() < 0.125, 3 * x, 2 * x)

FORMULA = formula_of(doubled, "a test", [], None, {"x": real(-1, 1)})
ROUTINE = routine_of(FORMULA, slow, "slow", ulps(1), ulps(1))

def child(folder):
    pid = os.fork()
    if pid == 0:
        sweep(FORMULA, [ROUTINE], format="float16", chunk=256, out=folder)
        os._exit(0)
    return pid

folder = Path(sys.argv[1])
_, status = os.waitpid(child(folder / "whole"), 0)
assert status == 0
PAUSE[0] = 0.02  # 121 chunks of at least so long cannot end within the first 20 of these moments
chance = random.Random(0)
kills = 0
status = None
while status != 0:
    pid = child(folder / "parts")
    if kills < 40:
        time.sleep(chance.uniform(0, 0.06))
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    kills += os.WIFSIGNALED(status)
print(kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks one warmed process instead of starting forty")
def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_result(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert int(done.stdout) >= 20
    whole, parts = (
        {p.relative_to(f): p for p in f.rglob("*.json")} for f in (tmp_path / "whole", tmp_path / "parts")
    )
    assert set(whole) == set(parts)
    assert len(whole) == 2  # the checkpoint and the result
    assert all(whole[name].read_bytes() == parts[name].read_bytes() for name in whole)


def changed(x, k):
    """Another routine under the same name."""
    return k.to(x.dtype) * x


def damaged(text: str) -> dict[str, str]:
    return {
        "cut off": text[: len(text) // 2],
        "empty": "",
        "another number": text.replace('"fates": [', '"fates": [1', 1),
        "another file": '{"schema": 1}',
        "a list": "[]",
    }


@pytest.mark.parametrize("how", damaged(""))
def test_a_damaged_checkpoint_is_told_in_one_line_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
):
    stopped(tmp_path, monkeypatch)
    file = tmp_path / "checkpoint.json"
    file.write_text(damaged(file.read_text())[how])
    before = file.read_bytes()
    with pytest.raises(UsageError, match="no whole checkpoint") as told:
        sweep(FORMULA, [routine()], format="float16", chunk=2048, out=tmp_path)
    assert "--restart" in str(told.value)
    assert "\n" not in str(told.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"routine": changed}, "another source of the routine routine"),
        ({"chunk": 4096}, "another chunk size"),
        ({"value_only": True}, "another choice of value or gradient"),
        ({"format": "bfloat16"}, "another format"),
    ],
    ids=["routine", "chunk", "value_only", "format"],
)
def test_another_sweep_does_not_go_on_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], words: str
):
    stopped(tmp_path, monkeypatch)
    before = (tmp_path / "checkpoint.json").read_bytes()
    options = {"format": "float16", "chunk": 2048, "out": tmp_path} | asked
    judged = routine(options.pop("routine", planted))
    with pytest.raises(UsageError, match=words) as told:
        sweep(FORMULA, [judged], **options)
    assert "--restart" in str(told.value)
    assert (tmp_path / "checkpoint.json").read_bytes() == before
    result = sweep(FORMULA, [judged], restart=True, **options)
    assert result["points"] == result["measurements"][0]["points"]


def test_a_routine_without_a_text_is_known_by_what_it_is_compiled_to():
    def typed(text: str) -> Routine:
        names: dict[str, Any] = {"__name__": "typed_into_a_session"}
        exec(f"def typed(x, k):\n    return (lambda y: {text} * y)(x)", names)
        return routine(names["typed"])

    def fingerprint(text: str) -> dict[str, str]:
        return plans.fingerprint_of(plans.plan_of(FORMULA, [typed(text)], format="float16"))

    assert fingerprint("2") == fingerprint("2")
    assert fingerprint("2") != fingerprint("3")


@pytest.mark.parametrize(
    "asked",
    [{"device": "cuda:99"}, {"format": "float64"}, {"format": "float33"}, {"chunk": 1000}],
    ids=str,
)
def test_what_cannot_be_swept_leaves_the_finished_chunks_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
):
    stopped(tmp_path, monkeypatch)
    before = (tmp_path / "checkpoint.json").read_bytes()
    with pytest.raises(UsageError):
        sweep(FORMULA, [routine()], **({"format": "float16", "chunk": 2048, "out": tmp_path} | asked))
    assert (tmp_path / "checkpoint.json").read_bytes() == before


def test_every_formula_of_the_catalogue_is_swept_or_says_what_to_write_instead():
    load_catalog()
    for name, formula in formulas().items():
        reals = [domain for domain in formula.inputs.values() if isinstance(domain, Real)]
        choices = [domain for domain in formula.inputs.values() if isinstance(domain, OneOf)]
        apart = formula.relation is None and len(reals) + len(choices) == len(formula.inputs)
        if len(reals) in (1, 2) and apart:
            written = next(iter(formula.routines.values()))
            format_name = "float16" if written.written_for("float16") else "float32"
            assert plans.plan_of(name, [written.name], format=format_name, grid=8).space.size > 0
            continue
        with pytest.raises(UsageError, match=f"numcheck check {name} ") as told:
            plans.plan_of(name, (), format="float16", grid=8)
        assert "\n" not in str(told.value)


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path):
    write_text(tmp_path / "file", "")
    with pytest.raises(UsageError, match="cannot read the checkpoint"):
        sweep(FORMULA, [routine()], format="float8_e5m2", out=tmp_path / "file")


# Worst inputs as witnesses ------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of witnesses with the planted failure, which a sweep found."""
    monkeypatch.setattr(witnesses, "path_of", lambda formula: tmp_path / f"{formula.name}.witnesses.json")
    monkeypatch.setitem(FORMULA.routines, "routine", routine())
    sweep(FORMULA, [routine()], format="float16", witness=True)
    return tmp_path / f"{FORMULA.name}.witnesses.json"


def fates(report: dict[str, Any]) -> dict[str, int]:
    return {fate: n for fate, n in report["measurements"][0]["fates"].items() if n}


def checked(**asked: Any) -> dict[str, Any]:
    report = check_catalog(routine=routine(), points=200, jobs=1, **({"formats": ["float16"]} | asked))
    return {key: told for key, told in report.items() if key != "seconds"}


def test_a_check_tries_the_worst_inputs_of_a_sweep_first(recorded: Path):
    replayed = checked()
    recorded.unlink()
    drawn = checked()
    assert "over" not in fates(drawn)
    assert fates(replayed)["over"] == 1
    assert replayed["measurements"][0]["worst"]["inputs"]["x"]["hex"] == WRONG_AT.hex()


def test_what_is_tried_says_where_it_comes_from(recorded: Path):
    known = witnesses.read(FORMULA)
    points = [point for point, _ in witnesses.first(FORMULA, known.known, FLOAT16)]
    assert {origin for point in points for origin in point.origin} == {"witness"}
    assert WRONG_AT in [point.columns["x"].item() for point in points]


def test_witnesses_of_one_format_change_nothing_in_another(recorded: Path):
    with_them = checked(formats=["bfloat16"])
    recorded.unlink()
    assert checked(formats=["bfloat16"]) == with_them


def test_a_damaged_file_is_found_before_the_sweep(recorded: Path, monkeypatch: pytest.MonkeyPatch):
    recorded.write_text("[]")
    monkeypatch.setattr(sweeps, "sweep_chunk", lambda *_: pytest.fail("it was swept"))
    with pytest.raises(UsageError, match="no file of witnesses"):
        sweep(FORMULA, [routine()], format="float16", witness=True)
    assert recorded.read_text() == "[]"


def test_sweeping_one_routine_keeps_the_worst_inputs_of_the_others(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
):
    other = routine_of(FORMULA, changed, "other", ulps(1), ulps(1))
    monkeypatch.setitem(FORMULA.routines, "other", other)
    sweep(FORMULA, [other], format="float16", witness=True)
    assert {row.routine for row in witnesses.read(FORMULA).known} == {"routine", "other"}


def test_the_ends_of_so_many_regions_become_witnesses(recorded: Path, monkeypatch: pytest.MonkeyPatch):
    def wrong(x, k):
        return k.to(x.dtype) * x * (1 + (x.view(torch.int8) % 2).to(x.dtype))

    recorded.unlink()
    monkeypatch.setattr(sweeps, "MOST_BOUNDARIES", 3)
    result = sweep(FORMULA, [routine(wrong)], format="float8_e5m2", witness=True, value_only=True)
    (entry,) = result["measurements"]
    ends = [region[end]["x"] for region in entry["first_regions"][:3] for end in ("first", "last")]
    tried = {float.fromhex(row.inputs[0]) for row in witnesses.read(FORMULA).known}
    assert {float.fromhex(end) for end in ends} <= tried
    assert len(tried) <= 6 + 2


# The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


SWEEP = "sweep tanh torch_builtin --format float8_e5m2 --value-only --jobs 1".split()


def test_the_command_prints_what_was_found_and_where_it_is_kept(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    code = cli.run([arg for arg in SWEEP if arg != "--value-only"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tanh in float8_e5m2 on cpu: exhaustive, every input, 248 points"
    assert any(line.startswith("  worst error ") and " ulp at x = " in line for line in lines)
    assert lines[-1] == ".numcheck/sweeps/tanh.torch_builtin-float8_e5m2-cpu/result.json"
    assert code == sweeps.sweep_verdict(json.loads((here / lines[-1]).read_text()))[0]


def test_the_command_prints_the_result_as_json(here: Path, capsys: pytest.CaptureFixture[str]):
    cli.run([*SWEEP, "--json", "--out", "kept"])
    assert capsys.readouterr().out == (here / "kept" / "result.json").read_text()


def test_the_command_says_after_ctrl_c_that_it_goes_on(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "sweep_chunk", interrupt)
    assert cli.run(SWEEP) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("numcheck: interrupted: 0 of 1 chunks are kept in .numcheck/")
    assert "the same command" in line


def test_a_truth_in_doubt_is_one_line_and_keeps_the_finished_chunks(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def contradicted(*_: Any) -> None:
        raise ContradictionError("tanh: float64 balls and Arb prove different values at x=1.0")

    monkeypatch.setattr(sweeps, "sweep_chunk", contradicted)
    assert cli.run(SWEEP) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("numcheck: truth in doubt: tanh: float64 balls and Arb prove different values at")
    assert "0 of 1 chunks are kept in .numcheck/" in line


def test_several_devices_are_swept_one_after_the_other(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(plans, "check_device", lambda _: None)
    swept: list[str] = []

    def told(plan: plans.Plan, *_: Any) -> dict[str, Any]:
        swept.append(plan.device)
        return one | {"device": plan.device}

    one = sweep("tanh", ["torch_builtin"], format="float8_e5m2", value_only=True)
    monkeypatch.setattr(sweeps, "swept", told)
    assert cli.run([*SWEEP, "--devices", "cpu,cuda:1"]) == sweeps.sweep_verdict(one)[0]
    assert swept == ["cpu", "cuda:1"]
    assert "tanh in float8_e5m2 on cuda:1" in capsys.readouterr().out
    assert cli.run([*SWEEP, "--devices", "cpu,cuda:1", "--json"]) == 2
    assert "write one device" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("tanh --format float64", "--format float32, or --grid"),
        ("huber --format float16", "--format float8_e4m3fn, or --grid"),
        ("adam --format float16", "numcheck check adam"),
        ("softmax --format float16", "numcheck check softmax"),
        ("polygon_area --format float8_e5m2", "numcheck check polygon_area"),
        ("tanh --format half", "float16"),
        ("tanh", "--format"),
        ("tanh best --format float16", "torch_builtin"),
        ("tanh --format float16 --device cuda:99", "write cpu"),
    ],
)
def test_what_cannot_be_swept_is_told_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: str, words: str
):
    assert cli.run(["sweep", *arguments.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not list(here.iterdir())


def test_where_no_terminal_shows_a_bar_lines_tell_what_is_done_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(terminal, "FIRST_LINE", 0.05)
    monkeypatch.setattr(terminal, "LINE_EACH", 0.05)
    printed: list[str] = []
    with terminal.progress_bar() as show:
        show("tanh float32", 10, 100)
        begun = time.monotonic()
        while len(printed) < 2 and time.monotonic() - begun < 60:  # while nobody calls
            printed += capsys.readouterr().err.splitlines()
        show("tanh float32", 11, 100)
        while not any("11 of" in line for line in printed) and time.monotonic() - begun < 60:
            printed += capsys.readouterr().err.splitlines()
    assert set(printed[:2]) == {"tanh float32: 10 of 100"}
    assert re.fullmatch(r"tanh float32: 11 of 100, \d+:\d\d:\d\d left", printed[-1])


# Two sweeps in one folder --------------------------------------------------------------------------------------------


def test_a_second_sweep_in_a_folder_is_refused_while_the_first_is_at_work(tmp_path: Path):
    with (
        alone_in(tmp_path),
        pytest.raises(UsageError, match=f"another sweep, of process {os.getpid()}, is at work in"),
    ):
        sweep(FORMULA, [routine()], format="float8_e4m3fn", out=tmp_path)
    assert sweep(FORMULA, [routine()], format="float8_e4m3fn", out=tmp_path)["measurements"]


def test_a_sweep_leaves_alone_what_a_process_that_lives_writes_in_its_folder(tmp_path: Path):
    written = tmp_path / f".checkpoint.json.{os.getppid()}", tmp_path / ".checkpoint.json.mine"
    left_over = tmp_path / f".checkpoint.json.{2**22 + 1}"  # beyond the largest number of a process
    for path in (*written, left_over):
        path.write_text("half a checkpoint")
    sweep(FORMULA, [routine()], format="float8_e4m3fn", out=tmp_path)
    assert [path.exists() for path in (*written, left_over)] == [True, True, False]


def test_a_checkpoint_of_lists_without_end_in_each_other_is_told(tmp_path: Path):
    (tmp_path / "checkpoint.json").write_text("[" * 200_000)
    with pytest.raises(UsageError, match="no whole checkpoint"):
        sweep(FORMULA, [routine()], format="float8_e4m3fn", out=tmp_path)


def test_a_grid_of_more_values_than_memory_holds_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="--grid 16777216 at most"):
        sweep(FORMULA, [routine()], format="float32", grid=10**14)
