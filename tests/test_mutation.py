"""The tool that changes the judge: it makes the changes it says, and the tests of each room notice nearly all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutation.equivalents import argued, stale
from mutation.mutants import Mutant, mutants
from mutation.rooms import ROOMS

from numcheck.declaration.registry import formulas, load_catalog

ROOT = Path(__file__).parents[1]

SOURCE = '''
import functools
import numpy as np

LIMIT = 1 / 8

def judge(x, y: "1 < 2" = 0):
    """1 < 2"""
    far = (x < 3) & ~(y >= 0.5)
    far[x == -1] = np.minimum(y, 100)[1:]
    return far

def above(least):
    def rule(x):
        return x > least
    return rule

RULE = above(3)

class Told:
    @functools.cached_property
    def passed(self):
        return not self.found and all(self.points)

    @property
    def count(self):
        return 2
'''


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "planted_judge.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("planted_judge", None)
    return "planted_judge"


def changes(module: str, target: str) -> set[str]:
    return {mutant.change for mutant in mutants(module, target)}


def test_every_comparison_constant_sign_and_boundary_is_changed(planted: str) -> None:
    assert changes(planted, "judge") == {
        "(x < 3) & ~(y >= 0.5) -> (x <= 3) & ~(y >= 0.5)",
        "(x < 3) & ~(y >= 0.5) -> (x >= 3) & ~(y >= 0.5)",
        "(x < 3) & ~(y >= 0.5) -> (x < 3) | ~(y >= 0.5)",
        "(x < 3) & ~(y >= 0.5) -> (x < 3) & (y >= 0.5)",
        "~(y >= 0.5) -> ~(y > 0.5)",
        "~(y >= 0.5) -> ~(y < 0.5)",
        "x < 3 -> x < 2",
        "x < 3 -> x < 4",
        "y >= 0.5 -> y >= 0.25",
        "y >= 0.5 -> y >= 1.0",
        "far[x == -1] = np.minimum(y, 100)[1:] -> pass",
        "far[x == -1] -> far[x != -1]",
        "x == -1 -> x == 1",
        "-1 -> -0",
        "-1 -> -2",
        "np.minimum(y, 100)[1:] -> np.maximum(y, 100)[1:]",
        "np.minimum(y, 100)[1:] -> np.minimum(y, 100)[:]",
        "np.minimum(y, 100) -> np.minimum(y, 50)",
        "np.minimum(y, 100) -> np.minimum(y, 200)",
        "1: -> 0:",
        "1: -> 2:",
        "0 -> -1",
        "0 -> 1",
    }
    assert changes(planted, "LIMIT") == {"1 / 8 -> 1 * 8", "1 / 8 -> 0 / 8", "1 / 8 -> 2 / 8",
                                         "1 / 8 -> 1 / 7", "1 / 8 -> 1 / 9"}  # fmt: skip
    assert changes(planted, "Told.passed") == {
        "not self.found and all(self.points) -> not self.found or all(self.points)",
        "not self.found and all(self.points) -> self.found and all(self.points)",
        "not self.found and all(self.points) -> not self.found and any(self.points)",
    }


def test_a_change_takes_the_place_of_the_code_under_its_decorators(planted: str) -> None:
    module = __import__(planted)
    kept = module.judge
    by_change: dict[str, Mutant] = {mutant.change: mutant for mutant in mutants(planted, "Told.count")}
    by_change["2 -> 3" if "2 -> 3" in by_change else "return 2 -> return 3"].apply()
    assert module.Told().count == 3
    assert kept is module.judge


def test_a_change_reaches_the_functions_that_its_target_has_made_already(planted: str) -> None:
    rule = __import__(planted).RULE
    assert [rule(2), rule(4)] == [False, True]
    by_change = {mutant.change: mutant for mutant in mutants(planted, "above")}
    by_change["x > least -> x <= least"].apply()
    assert [rule(2), rule(4)] == [True, False]


def test_what_is_argued_is_argued_of_a_mutant() -> None:
    assert stale(argued()) == []


def test_what_is_argued_of_a_formula_is_argued_of_a_mutant() -> None:
    load_catalog()
    reasons = argued(ROOT / "tests" / "mutation" / "equivalent_formulas.toml")
    known = {
        (name, change)
        for name in {name for name, _ in reasons}
        for change in changes(formulas()[name].module, name)
    }
    assert not set(reasons) - known


@pytest.mark.full
@pytest.mark.parametrize("room", ROOMS)
def test_the_tests_of_a_room_kill_its_mutants(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", room],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
