"""The thresholds of docs/mixed-precision.md hold for every number of the 16-bit formats, and beside each in float32."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from numcheck import format_of
from numcheck.formats import Format

PAGE = (Path(__file__).parents[1] / "docs" / "mixed-precision.md").read_text(encoding="utf-8")
NARROW = [format_of(name) for name in ("float16", "bfloat16")]
ALL = [format_of("float32"), *NARROW]

each_format = pytest.mark.parametrize("format", ALL, ids=lambda format: format.name)


def positive(format: Format) -> Tensor:
    """All positive finite numbers of a format of 16 bits, or those beside each power of two of a wider one."""
    last = int(format.to_ordinals(torch.tensor([format.largest], dtype=format.dtype))[0])
    if format.bits <= 16:
        return format.from_ordinals(torch.arange(1, last + 1))
    powers = torch.tensor(
        [2.0**e for e in range(format.min_exponent, format.max_exponent + 1)], dtype=format.dtype
    )
    places = format.to_ordinals(powers)
    return format.from_ordinals(torch.cat([places + k for k in range(-3, 4)]).clamp(1, last))


def rounded(exact: Fraction, format: Format) -> Fraction:
    """The nearest number of the format, ties to even, by exact arithmetic."""
    exponent = max(math.frexp(float(exact))[1] - 1, format.min_exponent)
    unit = Fraction(2) ** (exponent - format.precision + 1)
    return round(exact / unit) * unit


@each_format
def test_below_the_first_threshold_no_weight_changes_and_above_the_second_each_does(format: Format) -> None:
    weights = positive(format)
    weights = weights[weights >= 2.0**format.precision * format.smallest_normal]
    weights = weights[weights < format.largest / 2]
    few = weights[:: max(1, len(weights) // 4096)]
    p, little = format.precision, Fraction(1, 2**40)
    for weight in few.double().tolist():
        for sign in (1, -1):
            w = Fraction(weight)
            absorbed = w * (1 - little) / 2 ** (p + 1)
            assert rounded(w - sign * absorbed, format) == w
            felt = w * (1 + little) / 2**p
            assert rounded(w - sign * felt, format) != w


@pytest.mark.parametrize("format", NARROW, ids=lambda format: format.name)
def test_torch_absorbs_what_the_table_says_at_every_weight(format: Format) -> None:
    weights = positive(format)
    weights = weights[(weights >= 2.0 ** (format.precision + 2) * format.smallest_normal)]
    weights = weights[weights < format.largest / 4]
    below = torch.nextafter(weights * 2.0 ** -(format.precision + 1), torch.zeros_like(weights))
    above = torch.nextafter(weights * 2.0**-format.precision, torch.full_like(weights, math.inf))
    assert torch.equal(weights - below, weights)
    assert not bool((weights - above == weights).any())


@each_format
def test_between_the_two_thresholds_it_depends_on_the_weight(format: Format) -> None:
    step = Fraction(3, 2) / 2 ** (format.precision + 1)
    assert rounded(1 - step, format) != 1
    even = Fraction(1) + Fraction(1, 2 ** (format.precision - 2))
    assert rounded(even - even * step, format) == even


@each_format
def test_the_ends_of_the_range_are_those_of_the_table(format: Format) -> None:
    def becomes(exact: float) -> float:
        return float(format.round(torch.tensor([exact], dtype=torch.float64))[0])

    least = math.ldexp(1.0, format.min_exponent - format.precision + 1)
    assert format.smallest_subnormal == least
    assert format.smallest_normal == 2.0**format.min_exponent
    assert becomes(least / 2) == 0
    assert becomes(math.nextafter(least / 2, 1)) == least
    top = 2.0 ** (format.max_exponent + 1)
    limit = top - top * 2.0 ** -(format.precision + 1)
    assert becomes(limit) == math.inf
    assert becomes(math.nextafter(limit, 0)) == format.largest


@each_format
def test_the_page_has_these_numbers(format: Format) -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith(("| ", "|---"))]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    column = rows[0].index(format.name)
    told = [row[column] for row in rows[2:]]
    p, e = format.precision, format.min_exponent
    assert told[0] == str(p)
    powers = [re.match(r"2\^(-\d+)", cell) for cell in told[1:6]]
    assert [int(found[1]) for found in powers if found] == [-(p + 1), -p, e, e - p + 1, e - p]
    for cell in told[1:6]:
        if " = " in cell:
            power, decimal = cell.split(" = ")
            assert float(decimal) == float(f"{2.0 ** int(power.removeprefix('2^')):.1e}")


def test_a_sum_of_256_squares_above_256_overflows_in_float16() -> None:
    x = torch.full((256,), 16.0, dtype=torch.float16)
    assert math.isinf((x * x).sum().item())
    assert math.isfinite((x * x)[:255].sum().item())
