"""The table of largest errors says of every input what a direct comparison says of one."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import accuracy
from numcheck.accuracy import rows_of, subject, table_of, write_table
from numcheck.report import accuracy_page
from numcheck.report.store import read_json

WRONG_AT = 0.3017578125


def doubled(x: Any) -> Any:
    """Twice a number."""
    return x + x


def off_at_one(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x == WRONG_AT, 2.5 * x, 2 * x)


def zero_in_between(x: torch.Tensor) -> torch.Tensor:
    return torch.where((x >= 1) & (x < 2), 0 * x, 2 * x)


def table_rows(function: Any, **more: Any) -> list[dict[str, Any]]:
    return rows_of(subject(doubled, "a school book", {"eager": function}, **more), "float16")


def test_one_wrong_result_is_the_largest_error_and_no_other_errs():
    (row,) = table_rows(off_at_one)
    normal = row["kinds"]["normal"]
    assert normal["worst"]["input"]["decimal"] == f"{WRONG_AT:.9g}"
    assert sum(normal["histogram"].values()) - normal["histogram"]["<=1/2"] == 1
    assert row["inputs"] == 2 * (0x7C00 + 1)  # all encodings but the NaNs
    assert row["regions"] == 0


def test_a_stretch_without_a_digit_is_told_by_its_ends():
    (row,) = table_rows(zero_in_between)
    (region,) = row["largest_regions"]
    assert (region["fate"], region["points"]) == ("underflow", 1024)
    assert region["first"]["input"]["decimal"] == "1"
    assert region["last"]["input"]["decimal"] == f"{2 - 2.0**-10:.9g}"
    assert row["kinds"]["lost"]["results"] == row["fates"]["underflow"] == 1024


def test_outside_of_the_domain_only_nan_is_right():
    half = (0.0, float("inf"))
    (right,) = table_rows(lambda x: torch.where(x < 0, torch.nan, 2 * x), domain=half)
    (wrong,) = table_rows(lambda x: 2 * x, domain=half)
    assert right["fates"].get("special", 0) == 0
    assert wrong["fates"]["special"] == 0x7C00  # the negative numbers, -0 is in


@pytest.mark.parametrize("name", ["exp", "tanh", "logit", "rsqrt"])
def test_the_largest_error_is_that_of_a_direct_comparison(name: str):
    """With torch's own function in float64, at every number of the format."""
    one = accuracy.subjects()[name]
    rows = rows_of(
        subject(one.formula.function, "as there", {"eager": one.ways["eager"]}, one.domain), "float16"
    )
    every = torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.float16)
    got, exact = one.ways["eager"](every).double().numpy(), one.ways["eager"](every.double()).numpy()
    with np.errstate(all="ignore"):
        ulp = 2.0 ** (np.floor(np.log2(np.abs(exact))) - 10)
        normal = (np.abs(exact) >= 2.0**-14) & (np.abs(exact) < 65504)
        largest = np.nanmax(np.where(normal, np.abs(got - exact) / ulp, 0.0))
    assert rows[0]["kinds"]["normal"]["worst"]["error_ulp"] == pytest.approx(largest, rel=1e-3)


def test_the_page_is_made_of_the_file_alone_and_twice_the_same(tmp_path: Path):
    one = accuracy.subjects()["sqrt"]
    eager = subject(one.formula.function, "as there", {"eager": one.ways["eager"]}, one.domain)
    rows = rows_of(eager, "float16")
    told = accuracy.what_runs()
    path = write_table(tmp_path, table_of(rows, told))
    table = read_json(path.with_suffix(".json"))
    assert path.read_text(encoding="utf-8") == accuracy_page(table)
    again = write_table(tmp_path / "again", table_of(rows_of(eager, "float16"), told))
    assert again.read_bytes() == path.read_bytes()
    assert "sqrt in float32" in accuracy_page(table)  # what is missing is said
    changed = copy.deepcopy(table)
    changed["rows"][0]["kinds"]["normal"]["worst"]["error_ulp"] = 7
    assert accuracy_page(changed) != accuracy_page(table)
