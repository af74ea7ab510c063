"""What the catalogue promises of every formula and routine in it; the registry says which they are."""

import sys
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.measure.measurement import measure
from numcheck.reals.enclosures import INVALID, PROVED, UNRESOLVED
from numcheck.reals.precision import precision, precisions
from numcheck.truth import Truth, describe, expect_promises, groups, law_holds, second_opinion, settle

load_catalog()
FORMULAS = [made for made in formulas().values() if made.module.startswith("numcheck.catalog.")]
FLOAT32, FLOAT64 = format_of("float32"), format_of("float64")
POINTS = 90
LEAST_FORMULAS, LEAST_ROUTINES = 28, 80
UNRESOLVED_SHARE = 0.002
LOOSEST = Budget(64, 64, gamma=True, coupled=True)
"""The widest budget that a declaration may have: it forgives lost digits, and no wrong derivative."""

each_formula = pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)


@cache
def drawn(formula: Formula) -> list[tuple[Points, Truth]]:
    return [(points, settle(formula, points, FLOAT32)) for points in formula.points(FLOAT32, POINTS, 0)]


def test_there_are_enough_formulas_and_routines():
    assert len(FORMULAS) >= LEAST_FORMULAS
    assert sum(len(formula.routines) for formula in FORMULAS) >= LEAST_ROUTINES


# What a reader is told --------------------------------------------------------------------------------------------


@each_formula
def test_a_formula_names_its_source(formula):
    assert len(formula.source.split()) >= 2, "a paper and equation, or a book and section"


@each_formula
def test_a_docstring_begins_with_what_the_number_means(formula):
    first = formula.doc.splitlines()[0] if formula.doc else ""
    assert first.endswith(".") and len(first.split()) >= 3, "one sentence: what the number means"
    assert formula.name.replace("_", " ") != first.rstrip(".").lower(), "the name again tells nothing"


@each_formula
def test_a_formula_has_several_routines_or_says_why_not(formula):
    folder = sys.modules[formula.module.rpartition(".")[0]].__doc__ or ""
    assert len(formula.routines) >= 2 or "routine" in formula.doc + folder


@each_formula
def test_each_routine_says_what_it_does(formula):
    silent = [routine.name for routine in formula.routines.values() if not routine.doc]
    assert not silent


# What is proved ---------------------------------------------------------------------------------------------------


@each_formula
def test_a_formula_keeps_its_promises(formula):
    expect_promises(formula)


@each_formula
def test_known_values_are_written_in_many_digits(formula):
    for known in formula.known:
        for text in known.value.split(","):
            assert (
                "." not in text or len(text.strip("-0.").replace(".", "")) >= 15 or exact_in_binary(text)
            ), text


def exact_in_binary(text: str) -> bool:
    return not Fraction(text).denominator & (Fraction(text).denominator - 1)


@each_formula
def test_laws_hold_exactly(formula):
    for law in formula.laws.values():
        for everywhere, truth in drawn(formula):
            defined = (truth.value.state != INVALID).reshape(len(everywhere), -1).all(axis=1)
            points = everywhere.select(defined)
            for rows in groups(formula, points):
                active = rows
                for bits in precisions():
                    with precision(bits):
                        equal, tight, _ = law_holds(formula, law, points.select(active))
                    broken = active[~equal]
                    assert not broken.size, f"{law.name} at {describe(points.select(broken[:1]))}"
                    active = active[~tight]
                    if not active.size:
                        break
                assert not active.size, f"{law.name} is open at {describe(points.select(active[:1]))}"


@each_formula
def test_the_second_opinion_agrees(formula):
    for points, truth in drawn(formula):
        rows = np.unique(np.linspace(0, len(points) - 1, 8).astype(int))
        assert second_opinion(formula, points.select(rows), truth.select(rows), FLOAT32).disagreements == ()


def test_hardly_a_truth_is_left_unresolved():
    count, left = 0, dict[str, int]()
    for formula in FORMULAS:
        for points, truth in drawn(formula):
            parts = [truth.value] if truth.gradient is None else [truth.value, truth.gradient]
            unsettled = [(part.state == UNRESOLVED).reshape(len(points), -1).any(axis=1) for part in parts]
            count += len(points)
            left[formula.name] = left.get(formula.name, 0) + int(np.logical_or.reduce(unsettled).sum())
    assert sum(left.values()) <= UNRESOLVED_SHARE * count, {name: n for name, n in left.items() if n}


def easy(formula: Formula) -> list[tuple[Points, Truth]]:
    """Data-like points, or where none of them has a gradient, as boxes that lie apart, points whose inputs meet."""
    drawn = formula.points(FLOAT64, POINTS, 0)
    data = [points.select(points.origin == "sample") for points in drawn]
    meeting = [
        points.select(~np.isin(points.origin, ["sample", "corner", "sweep", "given"])) for points in drawn
    ]
    for chosen in (data, meeting):
        found = [(points, settle(formula, points, FLOAT64)) for points in chosen if len(points)]
        if any(t.gradient is not None and (t.gradient.state == PROVED).all(axis=1).any() for _, t in found):
            return found
    raise AssertionError("no point has a gradient")


@each_formula
def test_exact_gradients_are_those_of_autograd_where_the_digits_are_easy(formula):
    """At data-like points in float64 some routine's backward pass gives the gradient of the truth.

    Where every one declares that its backward loses digits, and fewer agree, differences in mpmath tell the others.
    """
    routines = [
        replace(r, value=LOOSEST, grad=LOOSEST) for r in formula.routines.values() if r.grad is not None
    ]
    if not routines:
        pytest.skip("no routine of it promises a gradient")
    agreeing: list[np.ndarray] = []
    settled: list[tuple[Points, Truth]] = []
    for points, truth in easy(formula):
        assert truth.gradient is not None
        proved = (truth.gradient.state == PROVED).all(axis=1)
        best = np.full(len(points), np.inf)
        for routine in routines:
            graded = [
                found for found in measure(routine, points, truth, FLOAT64, "cpu") if found.of == "grad"
            ]
            if graded[0].judgement.format is FLOAT64:
                best = np.minimum(best, graded[0].judgement.spent.max(axis=1))
        agreeing.append(best[proved] <= 1)
        settled.append((points, truth))
    share = np.mean(np.concatenate(agreeing))
    lossy = all(any(gap.of in (None, Of.GRAD) for gap in routine.gaps) for routine in routines)
    # where one class has all the probability no routine keeps a digit of p (1 - p): such points are not easy
    assert share >= (1 / 4 if lossy else 3 / 4), f"only {share:.0%} of the points agree"
    for points, truth in settled if share < 3 / 4 else ():
        assert second_opinion(formula, points, truth, FLOAT64).disagreements == ()
