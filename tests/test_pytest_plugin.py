"""`pytest --numcheck` as a user's project meets it: a small package, run in processes of their own."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FORMULAS = '''
import torch
from numcheck import formula, gap, real, ulps


@formula(source="a school book", known=[((3,), "6")], x=real(-1000, 1000))
def twice(x):
    """The sum of a number and itself."""
    return x + x


@twice.routine(value=ulps(1), grad=ulps(1))
def right(x):
    return x + x


@twice.routine(value=ulps(1), grad=ulps(1))
def wrong(x):
    return torch.where(x > 1, x + x * x, x + x)


@gap("wrong_formula", why="planted, and known")
@twice.routine(value=ulps(1), grad=ulps(1), formats=["float32"])
def known_to_be_wrong(x):
    return torch.where(x > 1, x + x * x, x + x)


@gap("overflow", why="planted: nothing of the kind happens")
@twice.routine(value=ulps(1), formats=["float32"])
def stale(x):
    return x + x


@twice.routine(value=ulps(1), formats=["float32"])
def crashing(x):
    raise ValueError("planted")


@twice.routine(value=ulps(1), formats=["float32"])
def of_the_wrong_shape(x):
    return (x + x).sum()
'''


UNDECLARED = FORMULAS.split("@twice")[0].replace('known=[((3,), "6")], ', "").replace("twice", "thrice")
"""A formula without a law or a known value."""


def witness_of(routine: str, gap: str) -> str:
    """A file of witnesses with one that says of this environment what is not so."""
    from numcheck.runs.witnesses import environment_name

    row = {"routine": routine, "gap": gap, "format": "float32", "of": "value", "which": "worst"}
    row |= {"inputs": {"x": "0x1p0"}, "component": 0, "environments": [0]}
    told = {"schema": 1, "formula": "twice", "environments": [environment_name("cpu")], "witnesses": [row]}
    return json.dumps(told)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with one formula, which the project's conftest.py imports, and one ordinary test."""
    root = tmp_path_factory.mktemp("project")
    (root / "school").mkdir()
    (root / "school" / "__init__.py").write_text("")
    (root / "school" / "formulas.py").write_text(FORMULAS)
    (root / "school" / "twice.witnesses.json").write_text(witness_of("stale", "overflow"))
    (root / "conftest.py").write_text("import school.formulas\n")
    (root / "test_other.py").write_text("def test_other():\n    pass\n")
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "test_nothing.py").write_text("")
    (root / "undeclared.py").write_text(UNDECLARED)
    (root / "namesake.py").write_text(FORMULAS.replace("twice", "softplus"))
    (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    return root


PLUGIN = ("-p", "no:cacheprovider", "--numcheck", "--numcheck-points=60", "--numcheck-formats=float32")
COLLECT = ("--numcheck", "--collect-only", "-q")
FIXED_POINTS = {path.stem for path in (ROOT / "numcheck" / "catalog" / "fixed_point").glob("[a-z]*.py")}
RUNS = {
    "everything": (*PLUGIN, "-v", "-rxf", "--hypothesis-seed=1", "numcheck::twice"),
    "collected": (*COLLECT, "--numcheck-formats=float32,bfloat16"),
    "with the catalogue": (*COLLECT, "--numcheck-formats=float32", "--numcheck-catalog"),
    "a file": (*COLLECT, "--numcheck-formats=float32", "school/formulas.py"),
    "a folder": (*COLLECT, "--numcheck-formats=float32", "school"),
    "another folder": (*COLLECT, "--numcheck-formats=float32", "elsewhere", "test_other.py"),
    "a package": (*COLLECT, "--numcheck-formats=float32", "--pyargs", "school"),
    "a package of the catalogue": (
        *COLLECT,
        "--numcheck-formats=float32",
        "--pyargs",
        "numcheck.catalog.fixed_point",
    ),
    "one test": (*COLLECT, "--numcheck-formats=float32", "test_other.py::test_other"),
    "-m": (*COLLECT, "--numcheck-formats=float32", "-m", "numcheck and not slow"),
    "-m not": (*COLLECT, "--numcheck-formats=float32", "-m", "not numcheck"),
    "--deselect": (*COLLECT, "--numcheck-formats=float32", "--deselect", "numcheck::twice::right"),
    "--markers": ("--markers",),
    "nothing of one's own": ("--numcheck", "--collect-only", "elsewhere"),
    "chosen by -k": (*PLUGIN, "--collect-only", "-q", "-k", "twice and stale"),
    "chosen by node id": (*PLUGIN, "--collect-only", "-q", "numcheck::twice::stale[float32-cpu]"),
    "-x": (*PLUGIN, "-x", "numcheck::twice::wrong", "numcheck::twice::crashing"),
    "--runxfail": (*PLUGIN, "--runxfail", "numcheck::twice::known_to_be_wrong"),
    "--numcheck-formats=float33": ("--numcheck", "--numcheck-formats=float33"),
    "--numcheck-formats=,": ("--numcheck", "--numcheck-formats=,"),
    "--numcheck-devices=tpu": ("--numcheck", "--numcheck-devices=tpu"),
    "--numcheck-points=0": ("--numcheck", "--numcheck-points=0"),
    "--numcheck-seed=x": ("--numcheck", "--numcheck-seed=x"),
    "--numcheck-timeout=x": ("--numcheck", "--numcheck-timeout=x"),
    "--numcheck-timeout=0": ("--numcheck", "--numcheck-timeout=0"),
    "numcheck::nothing": ("--numcheck", "-q", "numcheck::nothing"),
    "a name of the catalogue": (*COLLECT, "--numcheck-formats=float32", "namesake.py"),
    # the last one: what is declared wrongly stays so in this process
    "a formula without a law": (*PLUGIN, "-q", "undeclared.py"),
}
"""pytest's arguments, by the name under which tests ask for what came of them."""

ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
import pytest

told = {}
for name, arguments in json.loads(sys.argv[1]).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = pytest.main(arguments)
    told[name] = [int(code), out.getvalue(), err.getvalue()]
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Done:
    """What came of one call of pytest."""

    code: int
    out: str
    err: str


def environment(project: Path) -> dict[str, str]:
    mine = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "HYPOTHESIS"))}
    mine |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(project)]),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
    }
    return mine


def run(project: Path, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project,
        env=environment(project),
        text=True,
        capture_output=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_each(project: Path, calls: Mapping[str, Sequence[str]]) -> dict[str, Done]:
    """Several calls of pytest in one process, which imports torch once."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(calls)],
        cwd=project,
        env=environment(project),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: Done(*told) for name, told in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="session")
def runs(project: Path) -> dict[str, Done]:
    return run_each(project, RUNS)


@pytest.fixture
def everything(runs: dict[str, Done]) -> Done:
    """The run of all items of the project's own formula."""
    return runs["everything"]


def block(output: str, item: str) -> str:
    """What a failing item printed."""
    found = re.search(rf"^_+ numcheck::twice::{item}\[\S+\] _+$(.*?)^(_{{3}}|=)", output, re.M | re.S)
    assert found, output
    return found[1]


# Cost -------------------------------------------------------------------------------------------------------------


def test_importing_the_plugin_imports_neither_torch_nor_numpy():
    heavy = ("torch", "numpy", "flint", "mpmath", "hypothesis", "rich", "click")
    code = f"import sys, numcheck.faces.pytest_plugin; print([n for n in {heavy} if n in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_the_option_torch_is_not_imported(tmp_path):
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light():\n    assert 'torch' not in sys.modules\n"
    )
    done = run(tmp_path, "-q", "-p", "no:cacheprovider")
    assert done.code == 0, done.out


# Collecting -------------------------------------------------------------------------------------------------------


def nodes(done: Done) -> list[str]:
    assert done.code == 0, done.out + done.err
    return [line for line in done.out.splitlines() if "::" in line]


@pytest.fixture
def collected(runs: dict[str, Done]) -> list[str]:
    return nodes(runs["collected"])


def test_an_item_is_a_routine_in_a_format_on_a_device(collected):
    assert "numcheck::twice::right[float32-cpu]" in collected
    assert "numcheck::twice::right[bfloat16-cpu]" in collected


def test_a_routine_is_collected_in_its_own_formats_only(collected):
    assert [n for n in collected if "::stale[" in n] == ["numcheck::twice::stale[float32-cpu]"]


def formulas_among(nodes: list[str]) -> set[str]:
    return {node.split("::")[1] for node in nodes if node.startswith("numcheck::")}


def test_the_users_formulas_are_collected_beside_his_tests_and_the_catalogue_is_not(collected):
    assert "test_other.py::test_other" in collected
    assert formulas_among(collected) == {"twice"}


def test_the_catalogue_is_collected_where_it_is_asked_for(runs):
    found = formulas_among(nodes(runs["with the catalogue"]))
    assert "twice" in found
    assert len(found) >= 28


def test_a_formula_of_a_project_may_have_the_name_of_one_in_the_catalogue(runs):
    assert formulas_among(nodes(runs["a name of the catalogue"])) == {"namesake:softplus"}


@pytest.mark.parametrize(
    ("name", "formulas"),
    [
        ("a file", {"twice"}),
        ("a folder", {"twice"}),
        ("a package", {"twice"}),
        ("a package of the catalogue", FIXED_POINTS),
        ("another folder", set()),
        ("one test", set()),
    ],
)
def test_a_path_or_a_package_limits_what_is_collected(runs, name, formulas):
    assert formulas_among(runs[name].out.splitlines()) == formulas


def test_the_marker_numcheck_is_registered_and_tells_items_from_tests(runs):
    assert "@pytest.mark.numcheck: " in runs["--markers"].out
    marked, others = nodes(runs["-m"]), nodes(runs["-m not"])
    assert formulas_among(marked) == {"twice"}
    assert "test_other.py::test_other" not in marked
    assert others == ["test_other.py::test_other"]


def test_items_are_deselected_as_other_tests_are(runs):
    found = [node.split("::")[2] for node in nodes(runs["--deselect"]) if node.startswith("numcheck::")]
    assert found
    assert "right[float32-cpu]" not in found


def test_a_run_without_a_formula_of_ones_own_says_how_to_have_one(runs):
    assert runs["nothing of one's own"].code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert (
        "name its file, import it in conftest.py, or add --numcheck-catalog"
        in runs["nothing of one's own"].out
    )


def test_a_formula_that_is_declared_wrongly_is_an_error_of_one_line_while_collecting(runs):
    done = runs["a formula without a law"]
    assert done.code == pytest.ExitCode.INTERRUPTED
    assert re.search(r"^numcheck: thrice: give it a law or a known value", done.out, re.M), done.out
    assert "Traceback" not in done.out


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """Runs of a project that declares a formula in one of its tests, with pytest's cache of failures."""
    root = tmp_path_factory.mktemp("again")
    (root / "test_formulas.py").write_text(FORMULAS)
    (root / "test_bad.py").write_text("def test_good():\n    pass\n\ndef test_bad():\n    assert False\n")
    (root / "test_good.py").write_text("def test_fine():\n    pass\n")
    options = ("--numcheck", "--numcheck-points=30", "--numcheck-formats=float32", "--tb=no", "-q", "-rf")
    calls = {
        name: (*options, *more)
        for name, more in {"first": (), "lf": ("--lf",), "ff": ("--ff", "-vv")}.items()
    }
    return run_each(root, calls)


def test_lf_runs_the_items_that_failed_and_no_others(again):
    failed = set(re.findall(r"^FAILED (\S+)", again["first"].out, re.M))
    assert {node.split("::")[-1] for node in failed} == {
        "test_bad",
        "wrong[float32-cpu]",
        "crashing[float32-cpu]",
        "of_the_wrong_shape[float32-cpu]",
    }
    assert set(re.findall(r"^FAILED (\S+)", again["lf"].out, re.M)) == failed
    assert re.search(r"^4 failed(, \d+ deselected)? in", again["lf"].out, re.M), again["lf"].out


def test_ff_runs_the_items_that_failed_first(again):
    order = re.findall(r"^(\S+::\S+) (FAILED|PASSED|XFAIL)", again["ff"].out, re.M)
    assert [outcome for _, outcome in order[:4]] == ["FAILED"] * 4
    assert "FAILED" not in [outcome for _, outcome in order[4:]]
    assert len(order) > 4


def test_the_printed_command_judges_the_item_again_whatever_the_options_were(project):
    options = ("--numcheck-formats=float64,float32", "--numcheck-points=40", "--numcheck-seed=3")
    done = run(
        project,
        "-p",
        "no:cacheprovider",
        "--numcheck",
        *options,
        "-k",
        "wrong and float64",
        "school/formulas.py",
    )
    (command,) = set(
        re.findall(r"^  again +pytest (.* 'numcheck::twice::wrong\[float64-cpu\]')$", done.out, re.M)
    )
    assert run(project, *shlex.split(command), "--collect-only", "-q").out.splitlines()[0] == (
        "numcheck::twice::wrong[float64-cpu]"
    )
    once_more = run(project, *shlex.split(command))
    assert once_more.code == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"^1 items: \d+ points sampled \(seed 3\)", once_more.out, re.M), once_more.out


@pytest.mark.parametrize("by", ["-k", "node id"])
def test_items_are_chosen_as_other_tests_are(runs, by):
    assert nodes(runs[f"chosen by {by}"]) == ["numcheck::twice::stale[float32-cpu]"]


# Verdicts ---------------------------------------------------------------------------------------------------------


def test_a_failure_exits_as_pytest_does(everything):
    assert everything.code == pytest.ExitCode.TESTS_FAILED, everything.out + everything.err


def test_each_item_has_its_outcome(everything):
    told = dict(re.findall(r"^numcheck::twice::(\w+)\S* (\w+)", everything.out, re.M))
    assert told == {
        "right": "PASSED",
        "wrong": "FAILED",
        "known_to_be_wrong": "XFAIL",
        "stale": "FAILED",
        "crashing": "FAILED",
        "of_the_wrong_shape": "FAILED",
    }


def test_a_wrong_routine_is_told_with_its_cause(everything):
    text = block(everything.out, "wrong")
    assert "value spends more than its budget of 1 ulp + 1 cond: wrong_formula" in text
    for label in ("region", "worst", "simplest", "remedy", "again"):
        assert re.search(rf"^  {label} ", text, re.M), text


def test_the_simplest_input_is_shrunk(everything):
    simplest = re.findall(r"^  simplest .*searched.*", block(everything.out, "wrong"), re.M)
    assert simplest
    assert "x=2.0: got 6.0, truth 4.0" in simplest[0]


def test_an_item_that_fails_in_its_gaps_alone_is_expected_to(everything):
    assert re.search(
        r"XFAIL numcheck::twice::known_to_be_wrong.* wrong_formula: planted, and known", everything.out
    )


def test_a_stale_gap_says_so(everything):
    assert "stale gap 'overflow' (planted: nothing of the kind happens)" in block(everything.out, "stale")


def test_a_crash_shows_its_message(everything):
    assert "ValueError: planted" in block(everything.out, "crashing")


def test_a_broken_contract_is_one_line(everything):
    text = block(everything.out, "of_the_wrong_shape").strip()
    assert len(text.splitlines()) == 1
    assert "reduction='none'" in text


def test_the_summary_counts_items_points_and_gaps(everything):
    summary = everything.out.split("= numcheck =")[1]
    assert re.search(
        r"^5 items: \d+ points sampled \(seed 0\), \d+ searched, \d+ in known gaps", summary, re.M
    )
    assert re.search(r"^twice +5 +inf", summary, re.M)


def test_a_routine_that_does_not_return_in_time_fails_and_says_so(tmp_path):
    text = FORMULAS.split("@twice.routine")[0] + (
        "@twice.routine(value=ulps(1), formats=['float32'])\n"
        "def hanging(x):\n    while (x == 1000).any():\n        pass\n    return x + x\n"
    )
    (tmp_path / "test_hanging.py").write_text(text)
    done = run(tmp_path, *PLUGIN, "--numcheck-timeout=0.5", "-q")
    assert done.code == pytest.ExitCode.TESTS_FAILED, done.out + done.err
    assert re.search(r"^  message +timed out after 0.5 s", done.out, re.M), done.out
    assert re.search(r"^  reproduce .* --timeout 0.5$", done.out, re.M), done.out


def test_x_stops_at_the_first_failure(runs):
    done = runs["-x"]
    assert "1 failed" in done.out
    assert "stopping after 1 failures" in done.out


def test_runxfail_takes_gaps_as_failures(runs):
    done = runs["--runxfail"]
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert "gap 'wrong_formula' at" in done.out


def test_workers_of_xdist_share_the_items(project):
    pytest.importorskip("xdist")
    done = run(project, *PLUGIN, "-n", "2", "numcheck::twice::right", "numcheck::twice::known_to_be_wrong")
    assert done.code == 0, done.out + done.err
    assert "1 passed, 1 xfailed" in done.out
    assert re.search(r"^2 items: ", done.out, re.M)


def test_a_failure_is_replayed_from_hypothesis_database(tmp_path):
    """Found once by chance, a failure is tried first the next time, even when nothing else is."""
    rare = FORMULAS.replace("x > 1,", "x == 4,")
    (tmp_path / "rare.py").write_text(rare)
    (tmp_path / "conftest.py").write_text(
        "import rare\nfrom hypothesis import Phase, settings\n"
        "from hypothesis.database import DirectoryBasedExampleDatabase\n"
        # in CI hypothesis keeps no database by default
        "kept = settings(derandomize=False, database=DirectoryBasedExampleDatabase('examples'))\n"
        "settings.register_profile('long', kept, max_examples=1500)\n"
        "settings.register_profile('replay', kept, phases=[Phase.reuse])\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    chosen = (*PLUGIN, "--numcheck-formats=bfloat16", "--numcheck-points=1", "numcheck::twice::wrong")
    calls = {
        "first": (*chosen, "--hypothesis-profile=long", "--hypothesis-seed=1"),
        "again": (*chosen, "--hypothesis-profile=replay"),
    }
    told = {
        name: re.findall(r"simplest +x=4.0.*searched, (\d+) ex", done.out)
        for name, done in run_each(tmp_path, calls).items()
    }
    assert told["first"] and told["again"], told
    assert int(told["again"][0]) < 10 < int(told["first"][0])


# Wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--numcheck-formats=float33", "--numcheck-formats: unknown format 'float33': write one of float64"),
        ("--numcheck-formats=,", "--numcheck-formats: name at least one"),
        ("--numcheck-devices=tpu", "--numcheck-devices: no device 'tpu' here"),
        ("--numcheck-points=0", "--numcheck-points 0: write a whole number, 1 or more"),
        ("--numcheck-timeout=x", "--numcheck-timeout x: write a number of seconds above 0"),
        ("--numcheck-timeout=0", "0: write a number of seconds above 0"),
        ("--numcheck-seed=x", "--numcheck-seed x: write a whole number, 0 or more"),
        ("numcheck::nothing", "no item numcheck::nothing"),
    ],
)
def test_a_bad_option_gets_one_line(runs, option, told):
    done = runs[option]
    assert done.code == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in done.err.splitlines() if line.strip()]
    assert len(lines) == 1, done.err
    assert told in lines[0]


FALSE = """
import torch
from numcheck import formula, m, real, ulps

@formula(source="a test", known=[((1,), "{known}")], x=real({domain}))
def f(x):
    "It."
    return m.sqrt(x)

@f.routine(value=ulps(1))
def judged(x):
    return torch.sqrt(x)
"""


@pytest.mark.parametrize(
    ("known", "domain", "code", "says"),
    [
        (5, "0, 2", 2, "f: its known value at (1,) is declared as 5, but the formula gives 1"),
        (1, "-2, -1", 2, "f: its known value at (1,) lies outside of the inputs' domains"),
    ],
)
def test_a_formula_that_breaks_its_promise_is_an_error_of_the_collection(tmp_path, known, domain, code, says):
    (tmp_path / "test_f.py").write_text(FALSE.format(known=known, domain=domain))
    done = run(tmp_path, "-q", "--numcheck", "-p", "no:cacheprovider")
    assert done.code == code
    assert says in done.out and "Traceback" not in done.out


def test_a_formula_that_is_undefined_at_every_point_does_not_pass(tmp_path):
    text = FALSE.replace('known=[((1,), "{known}")], ', "known=[], ").format(domain="-2, -1")
    (tmp_path / "test_f.py").write_text(
        text + '\n@f.law\ndef one(f, x):\n    "One is one."\n    return 1 + 0 * x, 1\n'
    )
    done = run(tmp_path, "-q", "--numcheck", "-p", "no:cacheprovider")
    assert done.code == 1
    assert "f is undefined at every point that was drawn" in done.out


def test_formats_that_no_routine_has_and_formulas_without_routines_leave_nothing_to_collect(tmp_path):
    text = FALSE.format(known=1, domain="0, 2")
    (tmp_path / "test_f.py").write_text(text.replace("value=ulps(1)", 'value=ulps(1), formats=["float16"]'))
    assert (
        run(tmp_path, "-q", "--numcheck", "--numcheck-formats", "float32", "-p", "no:cacheprovider").code == 5
    )
    (tmp_path / "test_f.py").write_text(text.partition("@f.routine")[0])
    assert run(tmp_path, "-q", "--numcheck", "-p", "no:cacheprovider").code == 5
