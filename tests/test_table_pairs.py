"""Of a function of two numbers the table says what a direct comparison at all pairs of a grid says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import format_of, m, real, ulps
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.domain import continuous
from numcheck.runs.sweep import rows, table
from numcheck.runs.sweep.grids import space_of_function
from numcheck.runs.sweep.rows import rows_of

INF = float("inf")
EVERY_NUMBER = (-INF, INF)


def product(x: Any, y: Any) -> Any:
    """A product."""
    return x * y


def times(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x * y


def angle(y: Any, x: Any) -> Any:
    """The angle of a point."""
    return m.atan2(y, x)


def power(x: Any, y: Any) -> Any:
    """A power of a positive number."""
    return m.exp(y * m.log(x))


def power_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.pow(x, y)


def page_of(
    formula: Callable[..., Any],
    builtin: Callable[..., torch.Tensor],
    low: tuple[float, float] = EVERY_NUMBER,
    high: tuple[float, float] = EVERY_NUMBER,
    grad: bool = False,
) -> Formula:
    """A page of a function of two numbers, each between two bounds."""
    names = formula.__code__.co_varnames[:2]
    domains = {name: real(*ends) for name, ends in zip(names, (low, high), strict=True)}
    made = formula_of(formula, "a school book", (), None, domains)
    made.routines[table.BUILTIN] = routine_of(
        made, builtin, table.BUILTIN, ulps(0), ulps(0) if grad else None
    )
    return made


@pytest.fixture(autouse=True)
def only_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler functions run eagerly alone."""
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")


def value_row(*words: Any, format: str = "float16") -> dict[str, Any]:
    """The row of the value of a page made of these words."""
    (row,) = rows_of(page_of(*words), format)
    return row


@pytest.mark.parametrize("format", ["float16", "bfloat16", "float32"])
def test_the_grid_has_all_pairs_of_numbers_of_eight_bits_the_ends_of_the_format_and_neighbours(format: str):
    wide = format_of(format)
    listed = space_of_function(page_of(product, times), wide).ordinals
    assert list(listed) == ["x", "y"]
    marks = set(listed["x"])
    for name in ("float8_e4m3fn", "float8_e5m2"):
        narrow = format_of(name)
        every = range(narrow.lowest_ordinal, narrow.highest_ordinal + 1)
        assert {wide.ordinal_of(narrow.value_of(ordinal)) for ordinal in every} <= marks
    assert {wide.lowest_ordinal, wide.highest_ordinal, 0, -1, 1, -2} <= marks
    assert {wide.ordinal_of(wide.largest), wide.ordinal_of(1.0) + 1, wide.ordinal_of(0.25) - 1} <= marks


def test_right_results_are_within_at_every_pair_and_the_evidence_is_a_grid():
    row = value_row(product, times)
    assert (row["evidence"], row["proved"], row["worst_ulp"]) == ("grid", True, pytest.approx(0.5))
    assert row["grid"]["x"] * row["grid"]["y"] == row["points"] == sum(row["fates"].values())
    assert set(row["fates"]) == {"within", "invalid"}  # zero times infinity has no value
    assert "domain" not in row


def test_one_wrong_pair_is_found_and_named_by_both_numbers():
    def off(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.where((x == 3) & (y == -0.625), 0.0, x * y)

    row = value_row(product, off)
    assert (row["input"], row["got"], row["exact"]) == ("0x1.8p+1,-0x1.4p-1", "0", "-1.875")
    (region,) = row["largest_regions"]
    assert (region["fate"], region["points"]) == ("underflow", 1)
    assert region["first"]["input"]["decimal"] == "3, -0.625"


def test_the_largest_error_of_a_gradient_names_its_input():
    class SlightlyOff(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x, y = ctx.saved_tensors
            return y * grads[0], torch.where((x == 1.5) & (y == 2), 1.50390625, x) * grads[0]

    def builtin(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        found: Any = SlightlyOff.apply(x, y)
        return found

    value, slope = rows_of(page_of(product, builtin, grad=True), "float16")
    assert "by" not in value and value["results"] == value["points"]
    assert (slope["of"], slope["by"], slope["worst_ulp"]) == ("grad", "y", 4)
    assert (slope["input"], slope["got"], slope["exact"]) == ("0x1.8p+0,0x1p+1", "1.50390625", "1.5")
    assert sum(slope["fates"].values()) == slope["results"] == 2 * slope["points"]


def test_the_largest_error_is_that_of_a_direct_comparison():
    page = page_of(angle, lambda y, x: torch.atan2(y, x))
    (row,) = rows_of(page, "float16")
    space = space_of_function(page, format_of("float16"))
    y, x = (column for column in space.at(range(space.size)).columns.values())
    assert isinstance(y, torch.Tensor) and isinstance(x, torch.Tensor)
    got = torch.atan2(y, x).double().numpy()
    exact = np.arctan2(y.double().numpy(), x.double().numpy())
    with np.errstate(all="ignore"):
        ulp = 2.0 ** (np.floor(np.log2(np.abs(exact))) - 10)
        normal = np.abs(exact) >= 2.0**-14
        largest = np.nanmax(np.where(normal, np.abs(got - exact) / ulp, 0.0))
    assert row["kinds"]["normal"]["worst"]["error_ulp"] == pytest.approx(largest, rel=1e-5, abs=2.0**-9)


def test_what_hangs_on_the_sign_of_a_zero_is_not_asked_for():
    """The angle of (-0, -1) is minus pi for IEEE 754, and pi for a formula that knows one zero."""
    right = value_row(angle, lambda y, x: torch.atan2(y, x))
    assert right["regions"] == 0 and right["kinds"]["subnormal"]["worst"]["error_ulp"] < 1
    wrong = value_row(angle, lambda y, x: torch.where((y == 0) & (x == -1), 0, torch.atan2(y, x)))
    assert wrong["fates"]["underflow"] == 1  # +0 alone, where there is one right angle


def test_where_a_formula_has_no_value_only_nan_is_right_as_far_as_its_page_goes():
    def negative_too(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.pow(x.abs(), y)

    page = ((0, INF), EVERY_NUMBER)
    assert value_row(power, power_of, *page, format="float64")["regions"] == 0
    beyond = value_row(power, negative_too, *page, format="float64")
    assert beyond["regions"] == 0  # of negative numbers the page says nothing
    whole = value_row(power, negative_too, EVERY_NUMBER, EVERY_NUMBER, format="float64")
    assert whole["fates"]["special"] > 1_000
    assert not any(x.startswith("0,") for x in _inputs(whole))  # where conventions hold


def _inputs(row: dict[str, Any]) -> list[str]:
    return [region["first"]["input"]["decimal"] for region in row["largest_regions"]]


def test_float64_pairs_are_judged_to_their_last_bit():
    def off(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.where((x == 1) & (y == 1), 1 + 2.0**-52, x * y)

    row = value_row(product, off, format="float64")
    assert (row["worst_ulp"], row["input"]) == (1, "0x1p+0,0x1p+0")
    assert row["fates"].get("unresolved", 0) == 0


def test_a_grid_is_the_same_however_its_points_are_cut(monkeypatch: pytest.MonkeyPatch):
    page = page_of(angle, lambda y, x: torch.atan2(y, x))
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)
    whole = rows_of(page, "float64")
    monkeypatch.setattr(rows, "SHORT", 1 << 12)
    assert rows_of(page, "float64") == whole
    assert list(continuous(page.inputs)) == ["y", "x"]
