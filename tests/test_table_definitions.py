"""Errors by other definitions of an ulp are what those definitions say, at the examples of docs/ulp.md."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcheck import format_of, m, real, ulps
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.formats import Format
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.report import table_page
from numcheck.runs.sweep import rows, table
from numcheck.runs.sweep.definitions import DEFINITIONS, by_definition

PAGE = Path(__file__).parents[1] / "docs" / "ulp.md"
HALF = format_of("float16")


def enclosure(number: Fraction) -> Enclosure:
    """A number of up to 106 bits."""
    high = float(number)
    mantissa, exponent = np.frexp(np.array([high]))
    low = np.array([float((number - Fraction(high)) / Fraction(2) ** int(exponent[0]))])
    return Enclosure(mantissa, low, np.zeros(1), exponent.astype(np.int64), np.array([PROVED], np.int8))


def told(got: float, truth: Fraction, format: Format = HALF) -> dict[str, float]:
    return by_definition(got, enclosure(truth), format)


def test_where_all_definitions_agree_nothing_is_told():
    assert told(1.5, Fraction(3, 2) + Fraction(1, 4096)) == {}


def test_at_a_power_of_two_kahan_and_harrison_count_the_spacing_below():
    found = told(1 + 2.0**-10, Fraction(1))
    assert found == {"numcheck": 1, "kahan": 2, "harrison": 2}
    just_above = told(1 + 2.0**-10, 1 + Fraction(1, 2**13))
    assert just_above == {"numcheck": 0.875, "kahan": 1.75}
    assert told(1 + 2.0**-10, 1 + Fraction(1, 2**11)) == {}


def test_goldberg_counts_the_last_place_of_the_result():
    assert told(4.0, Fraction(1))["goldberg"] == 768  # of ours it is 3072
    assert told(0.0, Fraction(1))["goldberg"] == 2.0**24
    assert told(0.0, Fraction(2), format_of("float64"))["goldberg"] == float("inf")  # 2**1075 ulps


def test_below_the_normal_numbers_only_harrison_s_ulp_goes_on_falling():
    found = told(0.0, Fraction(1, 2**20))
    assert found["numcheck"] == 16 and found["harrison"] == 2048 and found["jax_ftz"] == 0
    assert "kahan" not in found and "jax" not in found


def test_jax_contracts_the_flushed_numbers_to_one_step():
    least = HALF.smallest_normal
    assert told(0.0, Fraction(least)) == {"numcheck": 1024, "jax_ftz": 1, "harrison": 2048}
    assert told(-least, Fraction(least))["jax_ftz"] == 2


def test_jax_places_what_rounds_to_an_infinity_at_the_power_of_two_after_the_largest_number():
    assert told(65504.0, Fraction(2) ** 20)["jax"] == 1
    assert told(65504.0, Fraction(2) ** 20)["numcheck"] == (2**20 - 65504) / 32
    assert told(float("inf"), Fraction(65505)) == {}  # the same in both


def test_the_examples_of_the_page_are_what_the_definitions_say():
    rows = re.findall(
        r"^\| (\w+) \| `([^`]+)` \| `([^`]+)` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) >= 5
    for format, got, truth, errors in rows:
        stated = [float(text.replace(",", "")) for text in errors.split("|")]
        number = Fraction(eval(truth, {"__builtins__": {}}, {"F": Fraction}))
        found = [one(float(eval(got)), number, format_of(format)) for one in DEFINITIONS.values()]
        assert stated == [pytest.approx(float(error), rel=1e-3) for error in found if error is not None]


def test_the_table_prints_both_where_they_differ(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "missing_compiler", lambda device: f"none for {device}")

    def exponential(x: Any) -> Any:
        """An exponential."""
        return m.exp(x)

    def off_at_zero(x: Any) -> Any:
        return (x == 0) * 2.0**-9 + x.exp()

    page = formula_of(exponential, "a school book", (), None, {"x": real(-float("inf"), float("inf"))})
    page.routines[table.BUILTIN] = routine_of(page, off_at_zero, table.BUILTIN, ulps(0), None)
    (row,) = rows.rows_of(page, "float16")
    assert row["ulp_definitions"] == {"numcheck": 2, "kahan": 4, "harrison": 4}
    shown = table_page(table.table_of([row], rows.what_runs()))
    assert "| exponential | eager | normal | 2 | the same | the same | the same | 4 | 4 |" in shown
