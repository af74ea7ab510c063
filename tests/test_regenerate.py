from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from numcheck.faces.cli.report import report


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the next run of the catalogue will have found."""
    found: dict[str, Any] = {
        "schema": 1,
        "numcheck": "0",
        "seed": 0,
        "points": 0,
        "formats": [],
        "devices": [],
        "seconds": 1.5,
        "environment": {"torch": "2.13.0+cpu", "cpu_capability": "AVX512"},
        "second_opinion": {"checked": 0, "disagreed": 0},
        "formulas": [],
        "measurements": [],
    }
    monkeypatch.setattr("numcheck.runs.check.check_catalog", lambda *_, **__: found)
    return found


def run(reports: Path) -> tuple[int, str]:
    done = CliRunner().invoke(report, [str(reports)], standalone_mode=False, catch_exceptions=False)
    return done.return_value, done.output


def test_an_environment_without_a_report_gets_one_and_says_so(
    measured: dict[str, Any], tmp_path: Path
) -> None:
    code, printed = run(tmp_path)
    assert code == 0
    assert "adding" in printed
    assert (tmp_path / "torch-2.13.0-cpu-avx512" / "report.json").exists()


def test_the_same_figures_pass_whatever_time_they_took(measured: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path)
    measured["seconds"] = 99.0
    assert run(tmp_path) == (0, "")


def test_other_figures_fail_and_are_named(measured: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path)
    measured["seed"] = 1
    code, printed = run(tmp_path)
    assert code == 1
    assert "seed" in printed


def test_another_environment_is_not_compared(measured: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path)
    measured["environment"] = {"torch": "2.13.0+cpu", "cpu_capability": "AVX2"}
    measured["seed"] = 1
    assert run(tmp_path)[0] == 0
    assert len(list(tmp_path.iterdir())) == 2
