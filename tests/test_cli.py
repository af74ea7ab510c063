import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import numcheck
from numcheck import m, one_of, real, ulps
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.registry import formula_named, load_catalog
from numcheck.declaration.registry import formulas as registered
from numcheck.declaration.words import Of
from numcheck.faces import cli
from numcheck.formats import format_of
from numcheck.runs.points import reproduce

FLOAT32 = format_of("float32")
MEASUREMENT: dict[str, Any] = {
    "formula": "softplus",
    "routine": "naive",
    "format": "float32",
    "device": "cpu",
    "of": "value",
    "points": 10,
    "fates": {"within": 7, "overflow": 3},
    "spent": "inf",
    "worst_ulp": "inf",
    "evidence": "sampled",
    "worst": None,
    "simplest": None,
    "findings": [
        {"cause": "overflow", "region": "x >= 88.73", "bits_lost": 24, "reproduce": "numcheck explain"}
    ],
}


class Suite:
    """Stands in for a whole run: notes what it is asked and answers with one small report."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.code = 0
        self.report: dict[str, Any] = {"schema": 1, "seed": 0, "measurements": [MEASUREMENT]}

    def check_catalog(self, formulas: Sequence[str], **options: Any) -> dict[str, Any]:
        self.asked = {"formulas": formulas, **options}
        return self.report

    def verdict(self, report: Mapping[str, Any], fail_on: str) -> tuple[int, str]:
        self.asked["fail_on"] = fail_on
        return self.code, "3 of 10 points fail."


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Suite:
    fake = Suite()
    monkeypatch.setattr("numcheck.runs.check.check_catalog", fake.check_catalog)
    monkeypatch.setattr("numcheck.runs.verdict.verdict_of", fake.verdict)
    return fake


def test_help_answers_in_half_a_second() -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from numcheck.faces.cli import run; sys.exit(run(['--help']))",
    ]

    def seconds() -> float:
        # Processor time: waiting for the tests that run beside this one is not the command's fault.
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.5


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from numcheck.faces.cli import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"torch", "numpy", "flint", "rich", "hypothesis"} & set(done.stderr.split())


def test_every_command_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["check", "--help"], ["sweep", "--help"], ["explain", "--help"]):
        assert cli.run(arguments) == 0
        assert (
            "3  truth in doubt: unresolved points, or two proofs of one number that differ"
            in capsys.readouterr().out
        )


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert capsys.readouterr().out.startswith("Usage: numcheck")


def test_version_is_the_packages_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert numcheck.__version__ in capsys.readouterr().out


def test_check_asks_for_the_three_usual_formats_on_the_cpu(suite: Suite) -> None:
    assert cli.run(["check"]) == 0
    assert suite.asked["formats"] == ["float32", "bfloat16", "float16"]
    assert (suite.asked["devices"], suite.asked["points"], suite.asked["seed"]) == (["cpu"], None, 0)
    assert (suite.asked["formulas"], suite.asked["routine"], suite.asked["fail_on"]) == ([], None, "over")


def test_check_hands_its_options_on(suite: Suite) -> None:
    options = "--formats float16,float32 --devices cpu,cuda:0 --points 50 --seed 7 --fail-on none"
    assert cli.run(["check", "softplus", "tanh", *options.split()]) == 0
    assert suite.asked["formulas"] == [formula_named(name) for name in ("softplus", "tanh")]
    assert suite.asked["formats"] == ["float16", "float32"]
    assert suite.asked["devices"] == ["cpu", "cuda:0"]
    assert (suite.asked["points"], suite.asked["seed"], suite.asked["fail_on"]) == (50, 7, "none")


def test_check_writes_witnesses_where_it_is_asked_to(suite: Suite) -> None:
    assert cli.run(["check", "tanh"]) == 0
    assert suite.asked["witness"] is False
    assert cli.run(["check", "tanh", "--witness"]) == 0
    assert suite.asked["witness"] is True


def test_check_prints_the_remarks_of_a_run(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    suite.report["remarks"] = ["tanh.witnesses.json: 2 of 5 witnesses lie outside"]
    cli.run(["check"])
    assert "tanh.witnesses.json: 2 of 5 witnesses lie outside" in capsys.readouterr().out.splitlines()


def test_the_defaults_are_those_of_the_python_function() -> None:
    from numcheck.faces.cli.check import check as command
    from numcheck.runs.check import check

    ours = {parameter.name: parameter.default for parameter in command.params}
    theirs = {name: parameter.default for name, parameter in inspect.signature(check).parameters.items()}
    assert ours["formats"].split(",") == list(theirs["formats"])
    assert [ours[name] for name in ("points", "seed")] == [theirs[name] for name in ("points", "seed")]


def test_a_routine_that_breaks_its_contract_exits_2_after_the_results(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.code = 2
    assert cli.run(["check"]) == 2
    printed = capsys.readouterr()
    assert "softplus" in printed.out
    assert printed.err == "numcheck: 3 of 10 points fail.\n"


@pytest.mark.parametrize("code", [0, 1, 3])
def test_check_exits_with_the_verdict(suite: Suite, code: int) -> None:
    suite.code = code
    assert cli.run(["check"]) == code


def test_the_seed_is_printed_first(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["check", "--seed", "42"])
    assert capsys.readouterr().out.splitlines()[0] == "seed 42"


def test_the_table_has_spent_fates_and_causes(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["check"])
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("softplus"))
    assert row.split() == "softplus naive float32 inf - 7 within, 3 overflow overflow".split()


def test_nothing_but_the_results_is_printed_of_a_short_run_where_there_is_no_terminal(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run(["check"])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "\x1b" not in printed.out


def test_json_on_standard_output_is_json_alone(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["check", "--json", "-"])
    printed = capsys.readouterr()
    assert json.loads(printed.out)["measurements"][0]["routine"] == "naive"
    assert printed.err.startswith("seed 0\n")


def test_json_without_a_file_goes_to_standard_output_of_every_command_that_has_it(
    suite: Suite, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = "sweep sigmoid torch_builtin --format float8_e4m3fn --value-only --jobs 1".split()
    for arguments in (["check"], ["list"], sweep):
        assert cli.run([*arguments, "--json"]) in (0, 1)
        on_standard_output = json.loads(capsys.readouterr().out)
        assert cli.run([*arguments, "--json", "found.json"]) in (0, 1)
        assert json.loads(Path("found.json").read_text()) == on_standard_output
        capsys.readouterr()


@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_no_word_of_a_table_is_cut_however_narrow_the_terminal_is(
    suite: Suite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli.run(["list"]) == 0
    words = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).replace(",", " ").split()
    for name, formula in registered().items():
        assert {name, *formula.inputs, *formula.routines} <= {*words}


def test_json_file_holds_the_report(suite: Suite, tmp_path: Path) -> None:
    cli.run(["check", "--json", str(tmp_path / "results.json")])
    assert (
        json.loads((tmp_path / "results.json").read_text())["measurements"][0]["fates"]
        == MEASUREMENT["fates"]
    )


def test_the_last_line_names_the_report(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "out" / "report.html"
    monkeypatch.setattr(
        "numcheck.report.write_report", lambda report, folder: [page.with_suffix(".json"), page]
    )
    cli.run(["check", "--report", str(tmp_path / "out")])
    assert capsys.readouterr().out.splitlines()[-1] == str(page)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error, without `numcheck: `."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("numcheck: ")
    return line.removeprefix("numcheck: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek"], "No such command"),
        (["check", "--formats", "float33"], "float32"),
        (["check", "--formats", ","], "--formats: name at least one"),
        (["check", "--points", "0"], "--points"),
        (["check", "--fail-on", "never"], "--fail-on"),
        (["check", "--routine", "torch:tanh"], "--formula F"),
        (["check", "tanh", "--routine", "torch:tanh", "--formula", "tanh"], "--formula F"),
        (["check", "--formula", "tanh"], "numcheck check tanh"),
        (["check", "--witness"], "numcheck check FORMULA... --witness"),
        (["check", "--routine", "torch:tanh", "--formula", "tangh"], "tangh"),
        (["check", "--routine", "no_such_module:f", "--formula", "tanh"], "no_such_module"),
        (["explain", "tanh", "naive_form"], "tanh takes x: write --at x=..."),
        (["explain", "tanh", "naive", "--at", "0.5"], "--at name=value"),
        (["explain", "tanh", "naive", "--at", "x=1", "--at", "x=2"], "twice"),
        (["explain", "tanh", "naive", "--at", "x=1", "--format", "half"], "float16"),
        (["explain", "tanh", "naive", "--at", "x=1", "--format", "float16,float32"], "'float16,float32'"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_in_one_line_with_exit_code_2(
    suite: Suite, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert cli.run(arguments) == 2
    line = told(capsys)
    assert words in line
    assert line.count("--formats: ") <= 1


def test_what_the_library_says_of_wrong_usage_is_told_in_one_line(
    suite: Suite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> dict[str, Any]:
        raise numcheck.UsageError("no device 'tpu' here:\n  write cpu")

    monkeypatch.setattr("numcheck.runs.check.check_catalog", refuse)
    assert cli.run(["check", "tanh"]) == 2
    assert told(capsys) == "no device 'tpu' here: write cpu"


def test_a_name_that_is_nearly_a_formulas_or_a_routines_is_answered_with_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, meant in (
        (["check", "tangh"], "no formula 'tangh': did you mean tanh or "),
        (["check", "zzz"], "no formula 'zzz': `numcheck list` prints the names"),
        (["sweep", "sofplus", "--format", "float16"], "did you mean softplus"),
        (["explain", "tahn", "naive", "--at", "x=1"], "did you mean tan or tanh"),
        (["explain", "tanh", "torch_bultin", "--at", "x=1"], "did you mean torch_builtin?"),
    ):
        assert cli.run(arguments) == 2
        assert meant in told(capsys)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 727. TiB for an array"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
    ],
)
def test_memory_that_does_not_suffice_is_told_in_one_line(
    suite: Suite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def exhaust(*_: Any, **__: Any) -> dict[str, Any]:
        raise error

    monkeypatch.setattr("numcheck.runs.check.check_catalog", exhaust)
    assert cli.run(["check", "tanh"]) == 2
    assert "write fewer --points" in told(capsys)


def test_more_points_than_memory_holds_are_refused_before_any_is_drawn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["check", "tanh", "--formats", "float32", "--points", "100000000000000"]) == 2
    assert "100000000000000 points do not fit into memory" in told(capsys)


@pytest.mark.parametrize("option", ["--report", "--json"])
def test_results_with_nowhere_to_go_are_refused_before_measuring(
    suite: Suite, capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["check", option, str(tmp_path / "file" / "out")]) == 2
    assert "cannot write into" in told(capsys)
    assert not suite.asked


def failing(*_: Any) -> list[Path]:
    raise OSError("disk full")


def test_a_report_that_cannot_be_written_in_the_end_loses_no_result(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numcheck.report.write_report", failing)
    assert cli.run(["check", "--report", "out"]) == 2
    assert "numcheck-results.json" in told(capsys)
    assert json.loads((tmp_path / "numcheck-results.json").read_text())["measurements"]


def test_ctrl_c_keeps_what_was_measured(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.report["interrupted"] = True
    assert cli.run(["check", "--json", str(tmp_path / "results.json")]) == 130
    assert json.loads((tmp_path / "results.json").read_text())["measurements"]
    assert told(capsys) == "interrupted"


def test_progress_is_shown_on_a_terminal(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    cli.run(["check"])
    progress: Callable[[str, int, int], None] = suite.asked["progress"]
    progress("softplus", 1, 2)


def test_explain_takes_the_point_with_or_without_repeating_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts: list[str] = []
    for words in (["--at", "logit=-20", "--at", "label=0"], ["--at", "logit=-20", "label=0"]):
        assert cli.run(["explain", "binary_cross_entropy", "torch_builtin", *words]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "value truth   2.0611536203" in texts[0]


# without the stand-in


def test_list_prints_what_scripts_rely_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list", "--json"]) == 0
    for formula in json.loads(capsys.readouterr().out):
        assert set(formula) == {"name", "topic", "source", "inputs", "routines"}


def test_check_judges_a_function_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "judged_from_the_command_line.py"
    file.write_text(
        "def area(vertices):\n"
        "    x, y = vertices[:, 0], vertices[:, 1]\n"
        "    return (x * y.roll(-1) - x.roll(-1) * y).sum() / 2\n"
    )
    options = "--formula polygon_area --points 30 --formats float32 --fail-on none --json -"
    assert cli.run(["check", "--routine", f"{file}:area", *options.split()]) == 0
    measurements = json.loads(capsys.readouterr().out)["measurements"]
    assert {measurement["of"] for measurement in measurements} == {"value", "grad"}
    for measurement in measurements:
        assert measurement["routine"] == f"{file}:area"
        assert sum(measurement["fates"].values()) == measurement["points"]


DECLARED = """
import torch
from numcheck import formula, m, real, ulps

@formula(source="arithmetic", known=[((1,), "2")], x=real(-10, 10))
def doubled_in_a_file(x):
    return 2 * x

@doubled_in_a_file.routine(value=ulps(1))
def tripled(x):
    return 3 * x
"""


@pytest.mark.parametrize("name", ["doubled_in_a_file", "softplus"])
def test_a_formula_of_a_file_is_judged_and_its_finding_is_reproduced_from_the_shell(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the catalogue has its name, too."""
    monkeypatch.chdir(tmp_path)
    load_catalog()  # else it would be loaded into the copy, and be gone with it
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(registered()))
    (tmp_path / "formulas_of_a_test.py").write_text(DECLARED.replace("doubled_in_a_file", name))
    word = f"formulas_of_a_test.py:{name}"
    assert cli.run(["check", word, "--points", "30", "--formats", "float32", "--json", "-"]) == 1
    (measurement,) = json.loads(capsys.readouterr().out)["measurements"]
    command = measurement["findings"][0]["reproduce"]
    assert command.startswith(f"numcheck explain {word} tripled ")
    assert cli.run(shlex.split(command)[1:]) == 1
    assert "finding       scale" in capsys.readouterr().out.replace("wrong_formula", "scale")


PACKAGED = """
from numcheck import formula, real, ulps
from .parts import twofold

@formula(source="arithmetic", known=[((1,), "2")], x=real(-10, 10))
def doubled_in_a_package(x):
    return 2 * x

@doubled_in_a_package.routine(value=ulps(1))
def doubled(x):
    return twofold(x) * 1.5
"""


@pytest.mark.parametrize("place", ["here", "elsewhere", "in a package", "a name of two words"])
def test_a_printed_command_runs_from_where_it_was_printed_in_a_process_of_its_own(
    tmp_path: Path, place: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    folder = {
        "elsewhere": tmp_path,
        "in a package": home / "outer" / "inner",
        "a name of two words": home / "a b",
    }
    file = folder.get(place, home) / "formulas_of_a_test.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DECLARED)
    if place == "in a package":
        file.write_text(PACKAGED)
        (file.parent / "parts.py").write_text("def twofold(x):\n    return x + x\n")
        (file.parent / "__init__.py").write_text("")
        (file.parents[1] / "__init__.py").write_text("")
    word = os.path.relpath(file, home)
    options = ["--points", "20", "--formats", "float32", "--json"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        root = str(Path(numcheck.__file__).parents[1])
        command = [sys.executable, "-m", "numcheck", *words]
        environment = os.environ | {"PYTHONPATH": root}
        return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)

    done = run("check", word, *options)
    assert done.returncode == 1, done.stderr
    (measurement,) = json.loads(done.stdout)["measurements"]
    again = run(*shlex.split(measurement["findings"][0]["reproduce"])[1:])
    assert again.returncode == 1, again.stderr
    assert "value spent" in again.stdout


def test_a_choice_with_quotation_marks_is_quoted_as_a_shell_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(x: Any, way: Any) -> Any:
        return m.exp(x)

    formula = formula_of(chosen, "book", (), None, {"x": real(0, 1), "way": one_of("it's", "so")})
    routine = routine_of(formula, lambda x, way: x, "here:it", ulps(1), None)
    monkeypatch.setattr(sys.modules[__name__], "chosen", chosen, raising=False)
    told = reproduce(routine, formula.at((0.5, "it's"), FLOAT32), FLOAT32, Of.VALUE)
    assert "way=it's" in shlex.split(told)


def test_a_word_that_names_no_formula_is_told_how_to_declare_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "no_formula_here.py"
    file.write_text("def doubled(x):\n    return 2 * x\n")
    assert cli.run(["check", f"{file}:doubled"]) == 2
    assert "declare it with @formula" in told(capsys)


LOSSES = """
import torch

def naive(z):
    return torch.log(1 + torch.exp(z))

def picky(z):
    if (z < 0).any():
        raise ValueError("no \\x1b[2Jnegative numbers")
    return torch.nn.functional.softplus(z)
"""


@pytest.fixture
def losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_losses_of_a_test.py").write_text(LOSSES)


FEW = "--formula softplus --points 200 --formats float32,float16".split()


def test_the_terminal_tells_the_three_worst_findings_as_the_plugin_does(
    losses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", "--routine", "my_losses_of_a_test.py:naive", *FEW]) == 1
    out = capsys.readouterr().out
    blocks = [block.splitlines() for block in out.split("\n\n") if "spends more than" in block]
    assert len(blocks) == 3
    assert "nan_gradient" in blocks[0][0] or "overflow" in blocks[0][0]
    assert blocks[0][0].startswith("softplus.my_losses_of_a_test.py:naive, ")
    for block in blocks:
        labels = [line.split()[0] for line in block[1:]]
        assert labels == "operator region remedy worst simplest reproduce".split()
        assert "my_losses_of_a_test.py:5: return torch.log(1 + torch.exp(z))" in block[1]
        again = shlex.split(block[-1].partition("reproduce")[2])
        assert cli.run(again[1:]) == 1
    assert "--report DIR writes pages" in out


def test_a_run_whose_report_is_written_has_no_hint_at_it(
    losses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--routine", "my_losses_of_a_test.py:naive", *FEW, "--report", "out"]
    assert cli.run(words) == 1
    out = capsys.readouterr().out
    assert "--report" not in out
    assert out.splitlines()[-1] == "out/report.html"


def test_a_crash_says_what_was_raised_where_and_how_often(
    losses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", "--routine", "my_losses_of_a_test.py:picky", *FEW]) == 1
    out = capsys.readouterr().out
    (block,) = [block.splitlines() for block in out.split("\n\n") if "raises at" in block]
    assert re.search(r"value in \w+ \(and \w+\): raises at \d+ of \d+ points", block[0])
    assert block[1].split(maxsplit=1) == ["message", r"ValueError: no \x1b[2Jnegative numbers"]
    assert block[2].split(maxsplit=1)[1].startswith("x=-")
    assert block[3].split(maxsplit=1)[1].startswith("numcheck explain softplus ")
    assert cli.run(shlex.split(block[3].partition("reproduce")[2])[1:]) == 1
    explained = capsys.readouterr().out
    assert r"no \x1b[2Jnegative numbers" in explained
    assert "\x1b" not in explained
    assert re.search(
        r"\d crash.* ValueError$", next(line for line in out.splitlines() if " crash" in line).rstrip()
    )
    assert "\x1b" not in out


def test_budgets_and_gaps_of_a_function_are_given_on_the_command_line(
    losses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--routine", "my_losses_of_a_test.py:naive", *FEW, "--json", "-"]
    words += ["--value-ulps", "2", "--grad-ulps", "3", "--cond", "5"]
    words += ["--gap", "overflow=exp leaves the range", "--gap", "absorption, underflow=1 swallows it"]
    words += ["--gap", "nan_gradient=infinity over itself"]
    assert cli.run(words) == 0
    measured = json.loads(capsys.readouterr().out)["measurements"]
    assert {one["of"]: one["budget"] for one in measured} == {
        "value": "2 ulp + 5 cond",
        "grad": "3 ulp + 5 cond",
    }
    reasons = [(gap["causes"], gap["reason"]) for gap in measured[0]["gaps"]]
    assert reasons == [
        (["overflow"], "exp leaves the range"),
        (["absorption", "underflow"], "1 swallows it"),
        (["nan_gradient"], "infinity over itself"),
    ]
    assert sum(one["fates"]["gap"] for one in measured) > 0
    assert cli.run([*words, "--fail-on", "gap"]) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gap", "overflw=x"], "did you mean 'overflow'?"),
        (["--gap", "overflow"], "write --gap CAUSE=WHY"),
        (["--gap", "overflow= "], "its reason"),
        (["--gap", "overflow=a", "--gap", "overflow=b"], "two gaps for overflow"),
        (["--value-ulps", "1000"], "lie in [0, 64]"),
        (["--grad-ulps", "nan"], "lie in [0, 64]"),
        (["--cond", "-1"], "lie in [0, 64]"),
    ],
    ids=" ".join,
)
def test_a_promise_that_is_none_is_told_in_one_line(
    losses: None, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert cli.run(["check", "--routine", "my_losses_of_a_test.py:naive", *FEW, *options]) == 2
    assert words in told(capsys)


def test_promises_are_those_of_a_routine(capsys: pytest.CaptureFixture[str]) -> None:
    for option in (["--value-ulps", "2"], ["--gap", "overflow=x"], ["--cond", "0"]):
        assert cli.run(["check", "softplus", *option]) == 2
        assert "--routine MODULE:NAME" in told(capsys)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("softplus torch_builtin --at x=1", 0),
        ("softplus torch_builtin --at x=1 --devices cpu,cpu", 0),
        ("kl_divergence_on_probabilities no_such_routine --at x=1", 2),
        ("log torch_builtin --at x=1 --format float16 --of grad", 0),
    ],
)
def test_explain_exits_as_a_check_of_the_point_alone_would(arguments: str, code: int) -> None:
    assert cli.run(["explain", *arguments.split()]) == code


def test_explain_of_a_point_where_the_formula_has_no_value_says_that_nothing_was_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run("explain log torch_builtin --at x=-1".split()) == 2
    assert "nothing was judged" in told(capsys)


def test_explain_says_what_to_write_for_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain", "polygon_area", "absolute_shoelace", "--at", "xy=north"]) == 2
    assert "xy" in told(capsys)
