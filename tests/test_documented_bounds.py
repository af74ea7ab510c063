"""No figure of the committed tables is above a bound that others document for the same code, unless it is a finding."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TABLES = sorted((ROOT / "reports" / "torch-accuracy").glob("*.json"))


def bounds() -> dict[str, tuple[float, float]]:
    """What docs/ulp.md says of each function: the documented bound, and the largest figure that was measured."""
    section = (
        (ROOT / "docs" / "ulp.md").read_text(encoding="utf-8").partition("## Beside documented bounds")[2]
    )
    lines = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")]
    return {name.strip(): (float(bound), float(most.split(":")[0])) for name, bound, _, most in lines[1:]}


def rows() -> list[dict[str, Any]]:
    """The exhaustive rows of values in float32 that run eagerly."""
    found = [row for path in TABLES for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]
    return [
        row
        for row in found
        if (row["format"], row["of"], row["mode"], row["evidence"])
        == ("float32", "value", "eager", "exhaustive")
        and row["function"] in bounds()
    ]


@pytest.mark.parametrize("name", sorted(bounds()))
def test_the_page_has_the_largest_figure_of_the_tables_and_it_keeps_the_bound_or_is_a_finding(
    name: str,
) -> None:
    bound, told = bounds()[name]
    measured = [row["worst_ulp"] for row in rows() if row["function"] == name]
    assert len(measured) >= 2, "of two machines at least"
    assert told - 0.011 <= max(measured) <= told
    findings = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert max(measured) <= bound or f"torch.{name}(" in findings
