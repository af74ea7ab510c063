"""What README.md and the help of each command show is run as it stands there, with fewer points."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import torch

from numcheck import format_of
from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formulas as registered
from numcheck.declaration.registry import load_catalog
from numcheck.faces import cli
from numcheck.measure import check_device

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_runs_and_keeps_its_budget(tmp_path: Path) -> None:
    (block,) = (block for block in PYTHON if "@formula" in block)
    script = tmp_path / "example.py"
    script.write_text(block + "\nprint(*(m['spent'] <= 1 for m in report['measurements']))\n")
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "True True\n"


def test_the_example_of_a_training_writes_an_event_file(tmp_path: Path) -> None:
    (block,) = (block for block in PYTHON if "monitor" in block)
    pytest.importorskip("tensorboard", reason="tensorboard is not installed, which the example writes for")
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", block], check=True, capture_output=True, cwd=tmp_path, env=here)
    assert list((tmp_path / "runs").glob("events.*"))


def test_each_command_that_sets_everything_up_is_written_once() -> None:
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv ")]
    assert [bool(re.search(r"/numcheck check ", line)) for line in commands] == [True, False]
    assert [bool(re.search(r" pytest ", line)) for line in commands] == [False, True]
    assert all("-c constraints.txt" in line for line in commands)


def test_ci_runs_the_test_command_as_the_readme_has_it() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"grep -m 1 -E '(.*)' README.md", script)
    assert len([line for line in README.splitlines() if re.search(pattern, line)]) == 1
    assert "pip install" not in script


# Every command line ---------------------------------------------------------------------------------------------------

BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [re.sub(r"\s+#.*", "", line) for block in BLOCKS for line in block.splitlines()]
SETUP = [line.partition("&& .venv/bin/")[2] for line in LINES if line.startswith("python3 -m venv ")]


def of_help() -> Iterator[str]:
    """The command lines that the help of the commands shows."""
    for name, command in [("", cli.numcheck), *cli.numcheck.commands.items()]:
        shown = command.get_help(click.Context(command, info_name=f"numcheck {name}"))
        yield from (line.strip() for line in shown.splitlines() if re.match(r" *numcheck [a-z]", line))


COMMANDS = list(dict.fromkeys(line for line in (*LINES, *SETUP, *of_help()) if line.startswith("numcheck ")))
FEW = {
    "check": ["--points", "20", "--formats", "float32"],
    "bench": shlex.split("--points 20 --formats float32 --sizes 1e3 --modes eager --seconds 1e-4"),
}
"""What makes a command quick; of an option that is given twice the second counts."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two files that README.md writes."""
    (block,) = (block for block in PYTHON if "@formula" in block)
    (losses,) = re.findall(r"cat > my_losses.py <<'END'\n(.*?)END\n", README, re.DOTALL)
    (tmp_path / "my_formulas.py").write_text(block)
    (tmp_path / "my_losses.py").write_text(losses)
    monkeypatch.chdir(tmp_path)
    load_catalog()
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(registered()))
    before, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = before
    for name in {"my_formulas", "my_losses"} - modules:
        sys.modules.pop(name, None)


def test_the_command_lines_were_found() -> None:
    assert {shlex.split(line)[1] for line in COMMANDS} >= {
        "list",
        "check",
        "sweep",
        "explain",
        "table",
        "bench",
    }
    assert len(COMMANDS) >= 15


def tables(*asked: Any, device: str, **_: Any) -> tuple[Path, Mapping[str, Any]]:
    """Stands in for hours of measuring: the functions, formats and device are looked at, as ever."""
    check_device(device)
    from numcheck.runs.sweep.rows import FORMATS, functions
    from numcheck.runs.sweep.sized import sized_functions

    _folder, names, formats = asked
    assert set(names) <= functions().keys() | sized_functions().keys()
    assert set(formats) <= set(FORMATS)
    return Path("table.md"), {"rows": []}


def rows(page: Formula, form: str, **_: Any) -> list[dict[str, Any]]:
    """Stands in for the rows of a function: what its sweep would have to go through is looked at."""
    from numcheck.runs.sweep.rows import plan_of

    assert plan_of(page, format_of(form)).space.size > 0
    row = {"function": page.name, "of": "value", "format": form, "mode": "eager", "points": 1, "regions": 0}
    kinds = {kind: {"worst": None, "histogram": {}} for kind in ("normal", "subnormal")}
    return [row | {"fates": {}, "kinds": kinds}]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_that_is_shown_can_be_typed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr("numcheck.runs.sweep.table.tabulate", tables)
    monkeypatch.setattr("numcheck.runs.sweep.table.rows_of", rows)
    _, *words = shlex.split(line)
    code = cli.run([*words, *FEW.get(words[0], [])])
    told = capsys.readouterr()
    if "cuda" in line and not torch.cuda.is_available():
        assert (code, told.err.strip()) == (
            2,
            "numcheck: no device 'cuda' here: write cpu, or cuda where torch sees a GPU",
        )
        return
    assert code in (0, 1), told.err
    assert told.out
    written = re.findall(r"--json (\w+\.json)|--report (\w+)", line)
    name = "bench" if words[0] == "bench" else "report"
    assert all((project / (file or f"{folder}/{name}.html")).exists() for file, folder in written)


def test_the_first_example_tells_what_readme_says(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    (line,) = [line for line in COMMANDS if "my_losses.py:my_loss --formula binary" in line]
    cli.run([*shlex.split(line)[1:], "--points", "200"])
    out = capsys.readouterr().out
    found = [block.splitlines() for block in out.split("\n\n") if "spends more than" in block]
    assert len(found) == 3
    names = [line.split()[0] for line in told.splitlines()[1:]]
    assert [line.split()[0] for line in found[0][1:]] == names
    assert found[0][0].split(",")[0] == told.split(",")[0]


def test_every_line_of_pytest_that_is_shown_can_be_typed(project: Path) -> None:
    (project / "conftest.py").write_text("import my_formulas\n")
    (project / "test_mine.py").write_text("def test_mine():\n    pass\n")
    lines = [line for line in LINES if line.startswith("pytest ")]
    assert len(lines) == 5
    few = ["--numcheck-points=5", "--numcheck-formats=float32", "--numcheck-sizes=1e3", "-q"]
    calls = [
        [*shlex.split(line)[1:], *few, *(["--collect-only"] if "catalog" in line else [])] for line in lines
    ]
    script = "import json, sys, pytest; print([int(pytest.main(words)) for words in json.loads(sys.argv[1])])"
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "HYPOTHESIS"))}
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(calls)],
        cwd=project,
        env=kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(project)]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0, 0]", done.stdout
