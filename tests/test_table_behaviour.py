"""Beside errors the table says what a function gives at special inputs, and where it breaks an order."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from numcheck import format_of, m, real, ulps
from numcheck.declaration.formulas import Formula, formula_of, routine_of
from numcheck.report import table_page
from numcheck.runs.sweep import largest, rows, special, table
from numcheck.runs.sweep.rows import functions, rows_of
from numcheck.runs.sweep.table import table_of

INF = float("inf")


def doubled(x: Any) -> Any:
    """Twice a number."""
    return x + x


def exponential(x: Any) -> Any:
    """An exponential."""
    return m.exp(x)


def inverse(x: Any) -> Any:
    """One over a number."""
    return 1 / x


def weighted(x: Any) -> Any:
    """A number times a sigmoid of it, which tends to zero far left."""
    return x / (1 + m.exp(-x))


def sine(x: Any) -> Any:
    """A sine."""
    return m.sin(x)


def cosine(x: Any) -> Any:
    """A cosine."""
    return m.cos(x)


def less_one(x: Any) -> Any:
    """An exponential less one."""
    return m.exp(x) - 1


def page_of(
    formula: Callable[[Any], Any], builtin: Callable[..., torch.Tensor], grad: bool = False
) -> Formula:
    made = formula_of(formula, "a school book", (), None, {"x": real(-INF, INF)})
    made.routines[table.BUILTIN] = routine_of(
        made, builtin, table.BUILTIN, ulps(0), ulps(0) if grad else None
    )
    return made


@pytest.fixture(autouse=True)
def only_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler functions run eagerly alone."""
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")


def value_row(formula: Any, builtin: Any, format: str = "float16") -> dict[str, Any]:
    (row,) = rows_of(page_of(formula, builtin), format)
    return row


def given(row: dict[str, Any]) -> dict[str, tuple[str, str, bool]]:
    return {name: (told["result"], told["exact"], told["right"]) for name, told in row["special"].items()}


def test_at_special_inputs_the_result_is_told_with_what_is_right():
    told = given(value_row(exponential, lambda x: torch.exp(x)))
    assert told["inf"] == ("inf", "inf", True)
    assert told["-inf"] == ("0", "0", True)
    assert told["nan"] == ("nan", "nan", True)
    assert told["0"] == told["-0"] == ("1", "1", True)


@pytest.mark.parametrize(
    ("at", "given_there"), [(INF, 7.0), (-INF, -0.0), (0.0, 0.0), (0.0, 2.0), (5.9604645e-08, INF)]
)
def test_a_wrong_result_at_a_special_input_is_told(at: float, given_there: float):
    def off(x: torch.Tensor) -> torch.Tensor:
        return torch.where((x == at) & ~x.signbit() | (x == at) & (at < 0), given_there, torch.exp(x))

    row = value_row(exponential, off)
    (wrong,) = [name for name, told in row["special"].items() if not told["right"]]
    assert row["special"][wrong]["result"] == f"{given_there:.9g}"
    assert f"**{given_there:.9g}** (" in table_page(table_of([row], rows.what_runs()))


def test_a_number_for_nan_is_wrong_and_nan_where_there_is_no_limit_is_right():
    assert given(value_row(sine, lambda x: torch.sin(x)))["inf"] == ("nan", "nan", True)
    row = value_row(sine, lambda x: torch.where(x.isnan(), 0, torch.sin(x)))
    assert given(row)["nan"] == ("0", "nan", False)
    assert not value_row(sine, lambda x: torch.nan_to_num(torch.sin(x)))["special"]["inf"]["right"]


def test_where_the_formula_has_no_value_at_an_infinity_its_limit_is_right():
    """Minus infinity times zero has no value, and torch gives NaN; the limit is zero, from below."""
    told = given(value_row(weighted, lambda x: torch.nn.functional.silu(x)))
    assert told["-inf"] == ("nan", "-0", False)
    assert told["inf"] == ("inf", "inf", True)
    mended = given(value_row(weighted, lambda x: torch.where(x == -INF, -0.0, torch.nn.functional.silu(x))))
    assert mended["-inf"] == ("-0", "-0", True)


def test_zeros_and_poles_have_the_sign_of_the_truth_beside_them():
    told = given(value_row(inverse, lambda x: torch.reciprocal(x)))
    assert (told["0"], told["-0"]) == (("inf", "inf", True), ("-inf", "-inf", True))
    assert (told["inf"], told["-inf"]) == (("0", "0", True), ("-0", "-0", True))
    unsigned = given(value_row(inverse, lambda x: torch.reciprocal(x.abs()) * torch.where(x < 0, -1, 1)))
    assert unsigned["-0"] == ("inf", "-inf", False)
    told = given(value_row(less_one, lambda x: torch.expm1(x)))
    assert told["-0"] == ("-0", "-0", True)
    assert given(value_row(less_one, lambda x: torch.exp(x) - 1))["-0"] == ("0", "-0", False)


def test_a_gradient_is_asked_for_where_there_is_a_value():
    _, slope = rows_of(functions()["log"], "float16")
    assert given(slope)["-tiny"][1:] == ("no value", None)
    assert given(slope)["inf"] == ("0", "0", True)


def test_subnormal_inputs_and_results_that_become_zeros_are_counted():
    tiny = format_of("float16").smallest_normal

    def flushing(x: torch.Tensor) -> torch.Tensor:
        return 2 * torch.where(x.abs() < tiny, 0 * x, x)

    def flushing_results(x: torch.Tensor) -> torch.Tensor:
        return torch.where(2 * x.abs() < tiny, 0 * x, 2 * x)

    assert value_row(doubled, lambda x: 2 * x)["flushes"] == {
        "inputs": {"flushed": 0, "kept": 1024},
        "results": {"flushed": 0, "kept": 1022},
    }
    row = value_row(doubled, flushing)
    assert row["flushes"]["inputs"] == {"flushed": 1024, "kept": 0}
    assert "flushed" in table_page(table_of([row], rows.what_runs()))
    assert value_row(doubled, flushing_results)["flushes"]["results"] == {"flushed": 1022, "kept": 0}


@pytest.mark.parametrize("format", ["float16", "bfloat16"])
def test_a_result_that_falls_where_the_truth_rises_is_a_turn(format: str):
    right = value_row(doubled, lambda x: 2 * x, format)
    assert right["monotonicity"] == {"violations": 0}

    def off(x: torch.Tensor) -> torch.Tensor:
        return torch.where((x == 1) | (x == 3), 2 * x * 1.0625, 2 * x)

    turned = value_row(doubled, off, format)["monotonicity"]
    assert turned["violations"] == 2
    before, after = turned["first"]
    assert (before["input"]["decimal"], before["result"]["decimal"], before["truth"]) == ("1", "2.125", "2.0")
    assert float(after["input"]["decimal"]) > 1 and float(after["result"]["decimal"]) < 2.125


def test_turns_between_batches_are_seen(monkeypatch: pytest.MonkeyPatch):
    """A number that begins a batch, and whose double is less than that of the number before it."""
    format, length = format_of("float16"), 1 << 10
    begins = format.value_of(48 * length + format.lowest_ordinal)

    def off(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == begins, 4, 2 * x)

    whole = value_row(doubled, off)["monotonicity"]
    assert whole["violations"] == 1 and whole["first"][1]["input"]["decimal"] == f"{begins:.9g}"
    for module in (rows, largest, special):
        monkeypatch.setattr(module, "BATCH", length)
    monkeypatch.setattr("numcheck.runs.sweep.run.BATCH", length)
    assert value_row(doubled, off)["monotonicity"] == whole


def test_a_constant_stretch_and_one_that_truth_does_not_tell_apart_are_no_turns():
    assert value_row(doubled, lambda x: torch.full_like(x, 3))["monotonicity"]["violations"] == 0
    assert rows_of(functions()["tanh"], "float16")[0]["monotonicity"]["violations"] == 0


def test_results_that_are_not_odd_where_the_truth_is_are_counted_with_the_first():
    assert value_row(sine, lambda x: torch.sin(x))["symmetry"] == {"truth": "odd", "violations": 0}
    assert value_row(cosine, lambda x: torch.cos(x))["symmetry"]["truth"] == "even"
    assert value_row(exponential, lambda x: torch.exp(x))["symmetry"]["truth"] == "neither"

    def off(x: torch.Tensor) -> torch.Tensor:
        return torch.where((x == -1.5) | (x == -2.5), 0.5 * torch.sin(x), torch.sin(x))

    told = value_row(sine, off)["symmetry"]
    assert (told["truth"], told["violations"]) == ("odd", 2)
    here, there = told["first"]
    assert (here["input"]["decimal"], there["input"]["decimal"]) == ("1.5", "-1.5")
    assert float(there["result"]["decimal"]) == pytest.approx(
        -0.5 * float(here["result"]["decimal"]), rel=1e-3
    )


def test_a_table_that_did_not_measure_says_so():
    (row,) = rows_of(page_of(doubled, lambda x: 2 * x), "float16")
    old = {
        key: told
        for key, told in row.items()
        if key not in ("special", "flushes", "monotonicity", "symmetry")
    }
    assert "Not measured: doubled." in table_page(table_of([old], rows.what_runs()))
    assert "Not measured: doubled." not in table_page(table_of([row], rows.what_runs()))
