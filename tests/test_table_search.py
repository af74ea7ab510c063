"""In float64 the table searches: what is planted there is found to the last bit, and the same twice."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from numcheck import m, real, ulps
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.report import table_page
from numcheck.runs.sweep import rows, table
from numcheck.runs.sweep.rows import functions, marks_from, rows_of
from numcheck.runs.sweep.table import table_of

INF = float("inf")


def doubled(x: Any) -> Any:
    """Twice a number."""
    return x + x


def exponential(x: Any) -> Any:
    """An exponential."""
    return m.exp(x)


def logarithm(x: Any) -> Any:
    """A logarithm."""
    return m.log(x)


def page_of(
    formula: Callable[[Any], Any], builtin: Callable[..., torch.Tensor], low: float = -INF
) -> Formula:
    made = formula_of(formula, "a school book", (), None, {"x": real(low, INF)})
    made.routines[table.BUILTIN] = routine_of(made, builtin, table.BUILTIN, ulps(0), None)
    return made


@pytest.fixture(autouse=True)
def only_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler functions run eagerly alone, and take no time."""
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)


def searched_row(formula: Any, builtin: Any, marks: Any = (), low: float = -INF) -> dict[str, Any]:
    (row,) = rows_of(page_of(formula, builtin, low), "float64", marks=marks)
    return row


def ends(region: dict[str, Any]) -> tuple[float, float]:
    first, last = (float.fromhex(region[end]["input"]["hex"]) for end in ("first", "last"))
    return first, last


def test_what_is_right_is_told_as_searched_with_an_error_that_may_be_exceeded():
    row = searched_row(doubled, lambda x: x + x)
    assert (row["evidence"], row["proved"], row["worst_ulp"]) == ("searched", True, 0)
    assert row["points"] == sum(row["fates"].values()) > 5_000
    assert "| ≥ 0 |" in table_page(table_of([row], rows.what_runs()))


@pytest.mark.parametrize(("low", "high"), [(1.25, 1.3), (-1e-280, -1e-290), (1e300, 3e300), (512.0, 513.0)])
def test_a_stretch_without_a_digit_is_found_with_both_ends_to_the_last_bit(low: float, high: float):
    row = searched_row(doubled, lambda x: torch.where((x >= low) & (x <= high), 0 * x, 2 * x))
    (region,) = row["largest_regions"]
    assert (region["fate"], ends(region)) == ("underflow", (low, high))


def test_the_tail_of_an_exponential_is_searched_among_its_subnormal_results():
    row = searched_row(exponential, lambda x: torch.where(x < -740.0, 0.0, torch.exp(x)))
    assert row["flushes"]["results"]["flushed"] > 0
    worst = row["kinds"]["subnormal"]["worst"]
    assert float.fromhex(worst["input"]["hex"]) == math.nextafter(-740.0, -INF)
    right = searched_row(exponential, lambda x: torch.exp(x))
    assert right["flushes"]["results"]["flushed"] == 0 and right["flushes"]["results"]["kept"] > 50


def test_an_error_that_grows_towards_a_place_is_followed_there():
    """From 3 to 4 it grows by the place, up to 2**20 ulps next below 4."""

    def growing(x: torch.Tensor) -> torch.Tensor:
        off = torch.where((x > 3) & (x < 4), (x - 3) * 2.0**-32, 0.0)
        return 2 * x * (1 + off)

    worst = searched_row(doubled, growing)["kinds"]["normal"]["worst"]
    assert worst["error_ulp"] == pytest.approx(2.0**21, rel=1e-3)
    assert float.fromhex(worst["input"]["hex"]) > 3.999


def test_where_a_narrower_format_loses_digits_is_looked_at_closely():
    """A stretch as narrow as this is met by no drawn input."""
    at = 1.2345678

    def narrow(x: torch.Tensor) -> torch.Tensor:
        return torch.where((x - at).abs() < 2.0**-48, 0 * x, 2 * x)

    assert searched_row(doubled, narrow)["regions"] == 0
    (region,) = searched_row(doubled, narrow, marks=[at])["largest_regions"]
    first, last = ends(region)
    assert first < at < last and last - first < 2.0**-46


def test_marks_are_the_worst_inputs_and_the_ends_of_regions_of_other_rows():
    rows = rows_of(functions()["softplus"], "float16")
    marks = marks_from(rows, "softplus")
    assert marks and not marks_from(rows, "sqrt")
    worst = rows[0]["kinds"]["normal"]["worst"]["input"]["hex"]
    assert float.fromhex(worst) in marks


def test_outside_of_the_domain_only_nan_is_right():
    assert searched_row(logarithm, lambda x: torch.log(x), low=0.0)["regions"] == 0
    wrong = searched_row(logarithm, lambda x: torch.log(x.abs()), low=0.0)
    assert wrong["fates"]["special"] > 1_000


def test_the_threshold_of_softplus_is_found_unprompted():
    """torch gives x itself from 20 on, and log(1 + exp(-x)) is worth half a million units there."""
    value = rows_of(functions()["softplus"], "float64")[0]
    at = float.fromhex(value["kinds"]["normal"]["worst"]["input"]["hex"])
    assert at == math.nextafter(20.0, INF) and value["kinds"]["normal"]["worst"]["error_ulp"] > 500_000


def test_a_search_is_the_same_twice():
    page = page_of(exponential, lambda x: torch.exp(x))
    assert rows_of(page, "float64", marks=[0.1]) == rows_of(page, "float64", marks=[0.1])
