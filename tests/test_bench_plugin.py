"""`pytest --numcheck-bench` as a user's project meets it, in a process of its own: benchmarks of pytest-benchmark."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_pytest_plugin import FORMULAS, ROOT, Done, environment, nodes, run, run_each

from numcheck.declaration.registry import formulas, load_catalog
from numcheck.foreign import formula_at
from numcheck.runs import Workload, benched

BENCH = ("-p", "no:cacheprovider", "--numcheck-bench", "--numcheck-points=60", "--numcheck-formats=float32")
BENCH += ("--benchmark-max-time=0.001", "--benchmark-min-rounds=2", "--numcheck-sizes=1e3")
CHOSEN = ("numcheck-bench::twice::right", "numcheck-bench::twice::wrong")
COLLECT = ("--numcheck-bench", "--collect-only", "-q", "--numcheck-formats=float32", "--numcheck-sizes=1e3")
RUNS = {
    "all": (*BENCH, "--benchmark-json=all.json", "numcheck-bench::twice"),
    "saved": (*BENCH, "--benchmark-save=first", *CHOSEN),
    "compared": (*BENCH, "--benchmark-compare", "--benchmark-compare-fail=min:1000000%", *CHOSEN),
    "collected": (*COLLECT, "--numcheck-formats=float32,bfloat16", "--numcheck-sizes=1e3,250000"),
    "both": (*COLLECT, "--numcheck"),
    "the catalogue": (*COLLECT, "--pyargs", "numcheck.catalog.fixed_point"),
    "marked": (*COLLECT, "-m", "numcheck_bench"),
    "only": (*BENCH, "--benchmark-only", "-rs", "-k", "other or (twice and right)"),
    "disabled": (*BENCH, "--benchmark-disable", *CHOSEN),
    "skipped": (*BENCH, "--benchmark-skip", "-k", "other or (twice and right)"),
    "too large": (*BENCH, "--numcheck-sizes=1e15", "numcheck-bench::twice::right"),
    "--numcheck-sizes=0": (*BENCH, "--numcheck-sizes=0"),
    "--numcheck-modes=fast": (*BENCH, "--numcheck-modes=fast"),
    "-p no:benchmark": ("--numcheck-bench", "-p", "no:benchmark"),
    "numcheck-bench::nothing": ("--numcheck-bench", "-q", "numcheck-bench::nothing"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("benchmarks")
    (root / "school.py").write_text(FORMULAS)
    (root / "conftest.py").write_text("import school\n")
    (root / "test_other.py").write_text("def test_other():\n    pass\n")
    return root


@pytest.fixture(scope="module")
def runs(project: Path) -> dict[str, Done]:
    return run_each(project, RUNS)


@pytest.fixture(scope="module")
def benchmarks(project: Path, runs: dict[str, Done]) -> dict[str, dict[str, Any]]:
    """What pytest-benchmark has written of the first run, by the names of its items."""
    assert runs["all"].code == 1  # two routines crash
    return {one["name"]: one for one in json.loads((project / "all.json").read_text())["benchmarks"]}


def test_an_item_is_a_routine_in_a_format_for_a_size(runs: dict[str, Done]):
    found = nodes(runs["collected"])
    for of in ("forward", "backward"):
        assert f"numcheck-bench::twice::right[float32-cpu-1e3-{of}-eager]" in found
        assert f"numcheck-bench::twice::right[bfloat16-cpu-2.5e5-{of}-eager]" in found
    assert "numcheck-bench::twice::stale[float32-cpu-1e3-forward-eager]" in found
    assert not [node for node in found if "stale" in node and ("backward" in node or "bfloat16" in node)]
    assert not [node for node in found if node.startswith("numcheck::")]


def test_benchmarks_and_judgements_stand_below_roots_of_their_own(runs: dict[str, Done]):
    found = nodes(runs["both"])
    assert "numcheck::twice::right[float32-cpu]" in found
    assert "numcheck-bench::twice::right[float32-cpu-1e3-forward-eager]" in found
    marked = nodes(runs["marked"])
    assert marked
    assert all(node.startswith("numcheck-bench::") for node in marked)


def test_the_catalogue_is_timed_where_it_is_asked_for(runs: dict[str, Done]):
    load_catalog()
    found = nodes(runs["the catalogue"])
    assert found
    names = {node.split("::")[1] for node in found}
    assert "kepler_equation" in names
    assert all(formulas()[name].topic == "fixed-point" for name in names)
    assert not [node for node in nodes(runs["collected"]) if "kepler_equation" in node]


def test_its_errors_are_those_of_the_command(
    project: Path, benchmarks: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", [*sys.path])
    load_catalog()  # so that what is registered for good is so before a copy takes its place
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(formulas()))
    formula = formula_at("school.py:twice")
    chosen = replace(formula, routines={name: formula.routines[name] for name in ("right", "wrong")})
    asked = Workload((1000,), modes=("eager",), points=60, seconds=1e-4)
    rows = benched([chosen], asked=asked)["rows"]
    assert len(rows) == 4
    for row in rows:
        told = benchmarks[f"{row['routine']}[float32-cpu-1e3-{row['of']}-eager]"]["extra_info"]
        names = ("formula", "routine", "format", "device", "size", "of", "mode", "elements", "bytes")
        assert all(told[name] == row[name] for name in (*names, "worst_ulp", "spent"))
    assert rows[0]["worst_ulp"] == 0 < rows[2]["worst_ulp"]


def test_what_is_stored_is_a_benchmark_with_parameters(benchmarks: dict[str, dict[str, Any]]):
    one = benchmarks["right[float32-cpu-1e3-backward-eager]"]
    assert one["fullname"] == "numcheck-bench::twice::right[float32-cpu-1e3-backward-eager]"
    assert (one["group"], one["param"]) == (
        "twice float32 cpu 1e3 backward",
        "float32-cpu-1e3-backward-eager",
    )
    assert one["params"]["size"] == 1000
    assert one["extra_info"]["throughput"] == pytest.approx(1000 / one["stats"]["median"])
    assert one["stats"]["rounds"] >= 2


def test_a_routine_that_raises_fails_in_one_line_and_the_others_go_on(
    runs: dict[str, Done], benchmarks: dict[str, dict[str, Any]]
):
    out = runs["all"].out
    assert "twice.crashing[float32-cpu-1e3-forward-eager]: ValueError: planted" in out
    assert (
        "twice.of_the_wrong_shape[float32-cpu-1e3-forward-eager]: of_the_wrong_shape: returned shape ()"
        in out
    )
    assert "Traceback" not in out
    assert not [name for name in benchmarks if "crashing" in name]
    assert len(benchmarks) == 7  # three with a gradient, and one without


def test_a_size_that_does_not_fit_fails(runs: dict[str, Done]):
    assert runs["too large"].code == 1
    assert "it does not fit into the memory" in runs["too large"].out


def test_runs_are_saved_compared_and_failed_by_as_ever(project: Path, runs: dict[str, Done]):
    assert runs["saved"].code == 0, runs["saved"].out
    (saved,) = (project / ".benchmarks").rglob("*_first.json")
    assert runs["compared"].code == 0, runs["compared"].out
    assert "right[float32-cpu-1e3-forward-eager] (0001_first" in runs["compared"].out
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", str(saved), "--group-by=param:of"],
        cwd=project,
        env=environment(project) | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(project)])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "benchmark 'of=backward': 2 tests" in done.stdout


def test_who_was_faster_once_fails_the_run(project: Path, runs: dict[str, Done]):
    """Faster than light, so that the test hangs on no clock."""
    (saved,) = (project / ".benchmarks").rglob("*_first.json")
    told = json.loads(saved.read_text())
    for one in told["benchmarks"]:
        one["stats"]["min"] = 1e-12
    saved.with_name("0002_faster.json").write_text(json.dumps(told))
    words = (*BENCH, "--benchmark-compare=0002", "--benchmark-compare-fail=min:5%", *CHOSEN[:1])
    done = run(project, *words)
    assert done.code != 0
    assert "Performance has regressed" in done.out + done.err


def test_its_options_choose_among_benchmarks_and_tests(runs: dict[str, Done]):
    assert "2 passed, 1 skipped" in runs["only"].out
    assert "Skipping non-benchmark" in runs["only"].out
    assert "1 passed, 2 skipped" in runs["skipped"].out
    assert "4 passed" in runs["disabled"].out
    assert "Rounds" not in runs["disabled"].out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("--numcheck-sizes=0", "--numcheck-sizes 0: write whole numbers of 1 or more, such as 1e4,1e6"),
        ("--numcheck-modes=fast", "--numcheck-modes fast: write eager or compiled"),
        ("-p no:benchmark", "--numcheck-bench needs pytest-benchmark"),
        ("numcheck-bench::nothing", "`pytest --numcheck-bench --collect-only -q` prints the node ids"),
    ],
)
def test_bad_input_gets_one_line(runs: dict[str, Done], name: str, told: str):
    done = runs[name]
    assert done.code == 4
    assert told in done.err
    assert "Traceback" not in done.err
