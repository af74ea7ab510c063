"""What README.md shows is run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_keeps_its_budget(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(block + "\nprint(*(m['spent'] <= 1 for m in report['measurements']))\n")
    done = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "True True\n"


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
