"""Expressions that textbooks and papers publish because they cancel: each has a truth nearly everywhere, and quickly.

Sources: R. W. Hamming 1987, Numerical Methods for Scientists and Engineers, chapter 3; Panchekha et al. 2015,
Automatically Improving Accuracy for Floating Point Expressions (complex functions, clustering). Inputs go to the ends
of float32.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numcheck.declaration.formulas import Formula, formula_of
from numcheck.domain import real
from numcheck.formats import format_of
from numcheck.reals import vocabulary as m
from numcheck.reals.enclosures import UNRESOLVED
from numcheck.reals.mp import MP
from numcheck.reals.precision import precision
from numcheck.truth import lifted, second_opinion, settle

FLOAT32 = format_of("float32")
EVERY, RIGHT, UNIT = real(-3e38, 3e38), real(0, 3e38), real(-1, 1)
MOST_UNRESOLVED = 1 / 500


def _share(x: Any) -> Any:
    return 1 / (1 + m.exp(-x))


def _root(sign: int) -> Callable[..., Any]:
    return lambda a, b, c: (-b + sign * m.sqrt(b * b - 4 * a * c)) / (2 * a)


EXPRESSIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "example 3.1": (lambda x: m.sqrt(x + 1) - m.sqrt(x), {"x": RIGHT}),
    "example 3.3": (lambda x, e: m.sin(x + e) - m.sin(x), {"x": EVERY, "e": EVERY}),
    "example 3.4": (lambda x: (1 - m.cos(x)) / m.sin(x), {"x": EVERY}),
    "example 3.5": (lambda n: m.atan(n + 1) - m.atan(n), {"n": EVERY}),
    "example 3.6": (lambda x: 1 / m.sqrt(x) - 1 / m.sqrt(x + 1), {"x": RIGHT}),
    "problem 3.3.1": (lambda x: 1 / (x + 1) - 1 / x, {"x": EVERY}),
    "problem 3.3.2": (lambda x, e: m.tan(x + e) - m.tan(x), {"x": EVERY, "e": EVERY}),
    "problem 3.3.3": (lambda x: 1 / (x + 1) - 2 / x + 1 / (x - 1), {"x": EVERY}),
    "problem 3.3.4": (lambda x: m.cbrt(x + 1) - m.cbrt(x), {"x": RIGHT}),
    "problem 3.3.4 by powers": (lambda x: (x + 1) ** m.ratio(1, 3) - x ** m.ratio(1, 3), {"x": RIGHT}),
    "problem 3.3.5": (lambda x, e: m.cos(x + e) - m.cos(x), {"x": EVERY, "e": EVERY}),
    "problem 3.3.6": (lambda n: m.log(n + 1) - m.log(n), {"n": RIGHT}),
    "problem 3.3.7": (lambda x: m.exp(x) - 2 + m.exp(-x), {"x": EVERY}),
    "larger root": (_root(1), {"a": EVERY, "b": EVERY, "c": EVERY}),
    "smaller root": (_root(-1), {"a": EVERY, "b": EVERY, "c": EVERY}),
    "example 3.7": (lambda x: m.exp(x) - 1, {"x": real(-0.00017, 3e38)}),
    "example 3.8": (lambda n: (n + 1) * m.log(n + 1) - n * m.log(n) - 1, {"n": real(6.8e15, 3e38)}),
    "example 3.9": (lambda x: 1 / x - 1 / m.tan(x), {"x": real(-0.026, 0.026)}),
    "example 3.10": (lambda x: m.log(1 - x) / m.log(1 + x), {"x": UNIT}),
    "problem 3.4.1": (lambda x: (1 - m.cos(x)) / (x * x), {"x": EVERY}),
    "problem 3.4.2": (
        lambda a, b, e: e * (m.exp((a + b) * e) - 1) / ((m.exp(a * e) - 1) * (m.exp(b * e) - 1)),
        {"a": EVERY, "b": EVERY, "e": UNIT},
    ),
    "problem 3.4.3": (lambda e: m.log((1 - e) / (1 + e)), {"e": UNIT}),
    "problem 3.4.4": (lambda x: m.sqrt((m.exp(2 * x) - 1) / (m.exp(x) - 1)), {"x": EVERY}),
    "problem 3.4.5": (lambda x: (x - m.sin(x)) / (x - m.tan(x)), {"x": EVERY}),
    "problem 3.4.6": (lambda x, n: (x + 1) ** (1 / n) - x ** (1 / n), {"x": RIGHT, "n": EVERY}),
    "section 3.5": (lambda a, x: m.exp(a * x) - 1, {"a": EVERY, "x": EVERY}),
    "section 3.11": (lambda x: m.exp(x) / (m.exp(x) - 1), {"x": EVERY}),
    "complex root": (lambda x, y: m.sqrt(2 * (m.hypot(x, y) + x)) / 2, {"x": EVERY, "y": EVERY}),
    "complex sine": (lambda x, y: m.sin(x) * (m.exp(-y) - m.exp(y)) / 2, {"x": EVERY, "y": EVERY}),
    "clustering": (
        lambda p, n, t, s: (_share(s) ** p * (1 - _share(s)) ** n) / (_share(t) ** p * (1 - _share(t)) ** n),
        {"p": RIGHT, "n": RIGHT, "t": EVERY, "s": EVERY},
    ),
}


def stated(name: str) -> Formula:
    function, inputs = EXPRESSIONS[name]
    return formula_of(function, "see above", [], None, inputs)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_that_cancels_has_a_truth_and_mpmath_agrees(name: str) -> None:
    formula = stated(name)
    (points,) = formula.points(FLOAT32, 30, 5)
    truth = settle(formula, points, FLOAT32)
    assert (truth.value.state == UNRESOLVED).mean() <= MOST_UNRESOLVED
    few = np.arange(0, len(points), max(1, len(points) // 8))
    assert not second_opinion(formula, points.select(few), truth.select(few), FLOAT32).disagreements


@pytest.mark.full
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_few_of_eight_thousand_points_are_left_open(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    formula = stated(name)
    points = formula.points(FLOAT32, 8000, 1)[0]
    start = time.perf_counter()
    truth = settle(formula, points, FLOAT32)
    taken = time.perf_counter() - start
    few = points.select(np.arange(0, len(points), 40))
    start = time.perf_counter()
    with precision(256):
        formula(*lifted(formula, few, MP, False).values())
    beside = (time.perf_counter() - start) * len(points) / len(few)
    slopes = truth.gradient
    assert slopes is not None
    open_ = float(np.mean(truth.value.state == UNRESOLVED)), float(np.mean(slopes.state == UNRESOLVED))
    with capsys.disabled():
        print(
            f"\n{name}: {len(points)} points in {taken:.1f} s, mpmath's values alone {beside:.1f} s; "
            f"open {open_[0]:.2%} of the values, {open_[1]:.2%} of the slopes"
        )
    assert open_[0] <= MOST_UNRESOLVED
