"""What `maps_into` proves of a map holds at every point that is tried, and what it cannot prove it does not claim."""

import doctest
import math
import re
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numcheck import UsageError, m, maps_into

TINY = Fraction(1, 10**60)
short = st.integers(-64, 64).map(lambda n: Fraction(n, 16))


def interval(draw_low: Fraction, width: int) -> tuple[Fraction, Fraction]:
    return draw_low, draw_low + Fraction(width, 16)


@given(st.lists(short, min_size=1, max_size=4), short, st.integers(1, 64), st.integers(0, 64))
@settings(max_examples=40, deadline=None)
def test_what_is_proved_of_a_polynomial_holds_at_exact_points(coefficients, low, width, share):
    def phi(x):
        value = coefficients[0]
        for c in coefficients[1:]:
            value = value * x / 4 + c
        return value

    low, high = interval(low, width)
    found = maps_into(lambda x: phi(x) + 0 * x, low, high)
    x = low + (high - low) * Fraction(share, 64)
    if found.answer == "proved":
        assert low <= phi(x) <= high
    elif found.answer == "refuted":
        assert low <= found.witness <= high and not low <= phi(found.witness) <= high
    y = low + (high - low) * Fraction(3 * share, 200)
    assert abs(phi(x) - phi(y)) <= Fraction(found.constant) * abs(x - y)


@given(st.floats(-2, 2), st.floats(0.01, 3), st.floats(-2, 2), st.floats(-3, 3), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_what_is_proved_of_waves_holds_in_mpmath(low, width, middle, steepness, share):
    high = low + width
    found = maps_into(lambda x: middle + m.sin(steepness * x), low, high)

    def phi(x):
        with mpmath.workprec(2000):
            return mpmath.mpf(middle) + mpmath.sin(mpmath.mpf(steepness) * mpmath.mpf(x))

    x = min(low + share * width, high)
    if found.answer == "proved":
        assert low <= phi(x) <= high
    elif found.answer == "refuted":
        at = mpmath.mpf(found.witness.numerator) / found.witness.denominator
        assert low <= at <= high and not low <= phi(at) <= high
    with mpmath.workprec(2000):
        assert abs(phi(x) - phi(low)) <= mpmath.mpf(found.constant) * (mpmath.mpf(x) - low) + mpmath.ldexp(
            1, -1900
        )


@pytest.mark.parametrize(
    ("phi", "low", "high"),
    [
        (lambda x: x, 0, 1),
        (lambda x: x**2, 0, 1),
        (lambda x: x**4, 0, 1),
        (lambda x: 1 - x**4, 0, 1),
        (lambda x: x**3, -1, 1),
        (lambda x: 4 * x * (1 - x), 0, 1),
        (lambda x: m.cos(x), -1, 1),
        (lambda x: m.sqrt(x), 0, 1),
        (lambda x: 1 - abs(x), -1, 1),
        (lambda x: x * m.exp(1 - x), 0, 1),
        (lambda x: x, 0.1, 0.7),
        (lambda x: x, 1, 1),
        (lambda x: x / 2, -1e300, 1e300),
        (lambda x: m.log(1 + x), 0, 1e-300),
        (lambda x: x - (x**3 - 2) / (3 * x**2), 1, 2),
    ],
)
def test_an_image_that_touches_the_ends_is_proved_inside(phi, low, high):
    assert maps_into(phi, low, high).answer == "proved"


@pytest.mark.parametrize(
    ("phi", "low", "high"),
    [
        (lambda x: x + TINY, 0, 1),
        (lambda x: x**2 - TINY, 0, 1),
        (lambda x: 4 * x * (1 - x) * (1 + TINY), 0, 1),
        (lambda x: m.cos(x) + TINY, -1, 1),
        (lambda x: m.sqrt(x - 0.5), 0, 1),
        (lambda x: m.log(x), 0, 1),
        (lambda x: 1 / x, -1, 1),
        (lambda x: m.where(x < 0.75, 0, 2), 0, 1),
        (lambda x: m.exp(-(1024**2) * (x - 0.6) ** 2) * 2, 0, 1),
        (lambda x: 2 - x, 0, 1),
    ],
)
def test_a_near_miss_is_refuted_with_a_point_that_leaves(phi, low, high):
    found = maps_into(phi, low, high)
    assert found.answer == "refuted"
    assert low <= found.witness <= high


@pytest.mark.parametrize(
    ("phi", "low", "high"),
    [
        (lambda x: m.sin(x) ** 2 + m.cos(x) ** 2, 0, 1),  # 1, as no ball knows
        (lambda x: m.where(x < 0.3, 0, 1), 0, 1),
        (lambda x: x, Fraction(1, 3), 1),  # 1/3 is no ball without a radius
    ],
)
def test_what_no_ball_tells_is_undecided(phi, low, high):
    found = maps_into(phi, low, high)
    assert found.answer == "undecided"
    assert found.witness is None and found.open


def test_a_leap_is_no_contraction_though_its_slopes_are_small():
    for phi in (lambda x: m.where(x < 0.3, 0, 0.5), lambda x: x / 4 + m.floor(x + 0.7) / 4):
        found = maps_into(phi, 0, 1)
        assert found.constant == math.inf and not found.contracts


def test_a_kink_counts_by_the_slopes_of_both_sides():
    found = maps_into(lambda x: m.maximum(-x, x / 3), -1, 1)
    assert 1 <= found.constant < 1.001
    assert maps_into(lambda x: abs(x) / 2, -1, 1).contracts


def test_the_constant_is_the_largest_slope_to_a_thousandth():
    cases = (
        (lambda x: m.cos(x), 0, 1, math.sin(1)),
        (lambda x: x**2 / 2, -1, 0.5, 1),
        (lambda x: m.sin(50 * x), -1, 1, 50),
        (lambda x: (x + 2 / x) / 2, 1, 2, 0.5),
    )
    for phi, low, high, largest in cases:
        assert largest * (1 - 1e-15) <= maps_into(phi, low, high).constant <= largest * 1.001


@given(st.floats(1e-12, 0.1), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_so_many_passes_arrive(tolerance, start):
    found = maps_into(lambda x: m.cos(x), 0, 1)
    root = mpmath.findroot(lambda x: mpmath.cos(x) - x, 0.739)
    x = mpmath.mpf(start)
    for _ in range(found.iterations(tolerance, start)):
        x = mpmath.cos(x)
    assert abs(x - root) <= tolerance


def test_the_passes_are_the_least_that_the_bound_allows():
    found = maps_into(lambda x: x / 2, 0, 1)
    assert [found.iterations(2.0**-k, 1) for k in (0, 1, 5)] == [0, 1, 5]
    assert found.iterations(1e-9, 0) == 0


@pytest.mark.parametrize(
    ("phi", "low", "high", "says"),
    [
        (lambda x: x, 1, 0, "smaller end first"),
        (lambda x: x, 0, math.inf, "finite"),
        (lambda x: x, 0, math.nan, "finite"),
        (lambda x: x, "0", 1, "finite"),
        (3, 0, 1, "write a function"),
        (lambda x: None, 0, 1, "one real number"),
        (lambda x: x > 0, 0, 1, "one real number"),
        (lambda x: m.stack([x, x]), 0, 1, "one real number"),
        (lambda x: math.sin(x), 0, 1, "write m.sin"),
        (lambda x: x if x > 0 else -x, 0, 1, "m.where"),
        (lambda x, y: x, 0, 1, "argument"),
    ],
)
def test_what_is_no_map_of_an_interval_is_told_in_one_line(phi, low, high, says):
    with pytest.raises(UsageError, match=says) as told:
        maps_into(phi, low, high)
    assert "\n" not in str(told.value)
    assert isinstance(told.value, ValueError)


def test_passes_are_told_of_contractions_only():
    with pytest.raises(ValueError, match="no proved contraction"):
        maps_into(lambda x: x, 0, 1).iterations(0.1)
    contraction = maps_into(lambda x: x / 2, 0, 1)
    for tolerance, start in ((0, 0), (-1, 0), (0.1, 2), (math.nan, 0)):
        with pytest.raises(ValueError, match="write"):
            contraction.iterations(tolerance, start)


def test_the_readme_shows_what_is_said():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```pycon\n(.*?)```", readme, re.DOTALL)
    example = doctest.DocTestParser().get_doctest(shown, {}, "README", None, None)
    assert doctest.DocTestRunner().run(example).failed == 0
