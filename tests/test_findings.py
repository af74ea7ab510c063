"""Findings name where a failure begins, and their examples fail in that way."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch

from numcheck import check, format_of, m, one_of, real, simplex, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Cause, Harm
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import clusters, findings
from numcheck.diagnosis.questions import alone
from numcheck.diagnosis.regions import Seen, Where, complexity, simplest
from numcheck.domain import Points, draw
from numcheck.measure.measurement import measure
from numcheck.truth import settle

FLOAT32, FLOAT16 = format_of("float32"), format_of("float16")
SOFTPLUS = formula_of(
    lambda x: m.log(1 + m.exp(x)),
    "Dugas 2001",
    [((0,), "0.69314718055994530942")],
    None,
    {"x": real(-500, 500)},
)


def told(formula, function, format, of="value", count=400):
    routine = routine_of(formula, function, "routine", ulps(4), ulps(4))
    parts = []
    for points in draw(formula.inputs, format, count, 0, "diagnosed"):
        halves = measure(routine, points, settle(formula, points, format), format, "cpu")
        parts += [half for half in halves if half.of == of]
    return {finding.cause: finding for finding in told_of(parts)}


def told_of(parts):
    """The findings of one half, in their order."""
    found = [cluster for part in parts for cluster in clusters(part, diagnose(part))]
    return alone(findings(parts, found, lambda cause: None))


def test_the_region_of_an_overflow_begins_at_the_logarithm_of_the_largest_number():
    for format, border in ((FLOAT32, "88.72"), (FLOAT16, "11.09")):
        overflow = told(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), format)[Cause.OVERFLOW]
        assert overflow.region == f"x >= {border}"


def test_the_simplest_example_lies_in_the_region_and_takes_less_ink_than_the_worst():
    overflow = told(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), FLOAT32)[Cause.OVERFLOW]
    worst = overflow.measurement.points.select(np.array([overflow.worst]))
    assert float(overflow.simplest.columns["x"][0]) >= 88.72
    assert complexity(overflow.simplest)[0] <= complexity(worst)[0]


def at_one_point(formula, function, format, *arguments, of="value", component=0):
    """The findings at one point of a routine, and that point."""
    routine = routine_of(formula, function, "routine", ulps(4), ulps(4))
    point = formula.at(arguments, format)
    truth = settle(formula, point, format, component=np.array([component]))
    (half,) = (part for part in measure(routine, point, truth, format, "cpu") if part.of == of)
    (finding,) = told_of([half])
    return finding, point


def test_a_shorter_example_is_told_where_it_fails_for_the_same_cause():
    finding, point = at_one_point(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), FLOAT32, -9.876543)
    assert finding.cause == Cause.ABSORPTION
    assert complexity(finding.simplest)[0] < complexity(point)[0]


def test_a_shorter_example_that_fails_for_another_cause_is_not_told():
    def wrong_at_short_numbers(x):
        return torch.where(x * 1024 == (x * 1024).round(), 1.5 * torch.exp(x), torch.log(1 + torch.exp(x)))

    finding, point = at_one_point(SOFTPLUS, wrong_at_short_numbers, FLOAT32, -9.876543)
    assert finding.cause == Cause.ABSORPTION
    assert finding.simplest.columns["x"].equal(point.columns["x"])


def test_the_shorter_example_of_a_gradient_is_of_the_same_output():
    both = formula_of(
        lambda x: m.stack([x[0] ** 2, m.log(1 + m.exp(x[0]))]),
        "Dugas 2001",
        [],
        None,
        {"x": vector(-50, 50, sizes=(2,))},
    )

    def second_too_large(x):
        return torch.stack([x[:, 0] ** 2, 1.25 * torch.nn.functional.softplus(x[:, 0])], 1)

    finding, point = at_one_point(both, second_too_large, FLOAT32, (-9.876543, 1.0), of="grad", component=1)
    assert finding.component == 1
    assert complexity(finding.simplest)[0] < complexity(point)[0]


def test_a_label_is_part_of_the_region():
    stated = formula_of(
        lambda x, label: m.log(1 + m.exp(x)) if label else m.log(1 + m.exp(-x)), "logistic loss",
        [((0, 1), "0.69314718055994530942")], None, {"x": real(-200, 200), "label": one_of(0, 1)},
    )  # fmt: skip
    found = told(stated, lambda x, label: torch.log(1 + torch.exp(torch.where(label == 1, x, -x))), FLOAT32)
    assert found[Cause.OVERFLOW].region == "x >= 88.72 with label 1, or x <= -88.72 with label 0"


def test_the_region_of_a_vector_is_told_by_its_largest_magnitude():
    stated = formula_of(
        lambda v: m.sqrt(m.sum(v * v)), "Euclid", [(((3, 4),), "5")], None, {"v": vector(0, 1e38, sizes=(2,))}
    )
    found = told(stated, lambda v: v.square().sum(-1).sqrt(), FLOAT32)
    assert found[Cause.OVERFLOW].region.startswith("max|v| >= 1.")


PURITY = formula_of(
    lambda p: m.sum(p * p), "Gini 1912", [(((0.5, 0.25, 0.25),), "0.375")], None, {"p": simplex(sizes=(3,))}
)


def purity_wrong_above(limit):
    """A routine that is wrong where one share is larger than a limit, and what it was given."""
    given = []

    def routine(p):
        if type(p) is torch.Tensor:  # and not a tracer's, which repeats points that were judged before
            given.append(p.detach().clone())
        return p.square().sum(-1) * torch.where(p.amax(-1) > limit, 2, 1)

    return routine, given


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, format_of("bfloat16")], ids=lambda f: f.name)
def test_the_region_of_a_simplex_is_told_by_its_largest_share_and_stays_in_it(format):
    routine, given = purity_wrong_above(0.875)
    (finding,) = told(PURITY, routine, format).values()
    assert finding.region.startswith(("max|p| >= 0.87", "max|p| > 0.87", "max|p| >= 0.88", "max|p| >= 0.89"))
    assert all(PURITY.inputs["p"].contains(p, format).all() for p in given)
    assert len(given) > 3  # the search ran


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16, format_of("bfloat16")], ids=lambda f: f.name)
def test_the_simplest_example_in_a_simplex_is_a_short_row_that_sums_to_one(format):
    routine, _ = purity_wrong_above(0.7)
    (finding,) = told(PURITY, routine, format).values()
    row = sorted(finding.simplest.columns["p"][0].tolist())
    assert sum(row) == 1
    assert row[-1] > 0.7
    worst = finding.measurement.points.select(np.array([finding.worst]))
    assert complexity(finding.simplest)[0] <= complexity(worst)[0]


def one_point(*shares):
    return Points({"p": torch.tensor([shares], dtype=torch.float32)}, np.array(["given"]), 3)


def asked(fails):
    """A probe that needs no routine."""

    def probe(points, component):
        return Seen(points, component, np.where(fails(points), 1, -1))
        yield

    return probe


def test_shares_are_shortened_until_few_bits_are_left():
    def fails(points):
        largest = points.columns["p"].amax(1)
        return ((largest > 0.7) & (largest < 0.8)).numpy()

    place = one_point(0.0371, 0.7893, 0.1736), np.zeros(1, dtype=int)
    found = alone(simplest(PURITY, place, Where(None, None, None), asked(fails), FLOAT32))
    assert found.columns["p"].tolist() == [[0, 0.75, 0.25]]


def test_the_complexity_of_a_short_number_is_less():
    ink = complexity(Points({"x": torch.tensor([1.0, 1.5, 100.0, 0.1])}, np.array(["given"] * 4)))
    assert ink[0] < ink[1] < ink[3]
    assert ink[0] < ink[2]


def test_infinities_are_told_before_lost_digits():
    found = list(told(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), FLOAT32).values())
    assert [finding.harm for finding in found if not finding.forgiven] == [Harm.NOT_FINITE, Harm.DIGITS]
    assert found[0].cause is Cause.OVERFLOW


def test_what_an_infinite_input_alone_shows_is_told_after_what_numbers_show():
    def emptied(x):
        y = torch.log(1 + torch.exp(x))
        return torch.where(torch.isinf(y), 0, y)

    everywhere = replace(SOFTPLUS, inputs={"x": real(-inf, inf)})
    found = [finding for finding in told(everywhere, emptied, FLOAT32).values() if not finding.forgiven]
    assert {finding.cause for finding in found[:-1]} == {Cause.OVERFLOW, Cause.ABSORPTION}
    assert (found[-1].cause, found[-1].harm) == (Cause.WRONG_FORMULA, Harm.AT_INFINITY)


def test_a_region_holds_the_worst_and_the_simplest_example():
    for finding in told(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), FLOAT32).values():
        if not finding.forgiven:
            worst = finding.measurement.points.select([finding.worst])
            assert (worst, 0) in finding.where.region and (finding.simplest, 0) in finding.where.region


def test_a_far_worse_point_that_the_region_does_not_hold_is_shown_beside_it():
    formula = formula_of(lambda x: x, "a test", [((1,), "1")], (), {"x": real(-1000, 1000)}, [(-777.0,)])

    def wrong(x):
        return torch.where(x >= 88, 1.001 * x, torch.where(x == -777, 1e6, x))

    routine = routine_of(formula, wrong, "wrong", ulps(4), None)
    (finding,) = check(routine, formula, formats=["float32"])["measurements"][0]["findings"]
    assert finding["region"] in ("x >= 88", "x >= 90")
    assert float(finding["worst"]["inputs"]["x"]["decimal"]) >= 88
    assert finding["outside"]["inputs"]["x"]["decimal"] == "-777.0"


def test_where_only_small_components_fail_it_is_told_what_a_coupled_budget_would_say():
    weighted = formula_of(lambda v: v[0] * 2**20 + v[1], "a test", [], None, {"v": vector(-1, 1, sizes=(2,))})
    found = told(weighted, lambda v: v[:, 0] * 2.0**20 + v[:, 1] * 1.001, FLOAT32, of="grad")
    (finding,) = (finding for finding in found.values() if not finding.forgiven)
    assert finding.coupled == (
        "only components fail that are smaller than the largest by 2**20 or more; "
        f"a budget with coupled=True holds at {finding.points} of these {finding.points} points"
    )
    found = told(weighted, lambda v: v[:, 0] * 2.0**21 + v[:, 1], FLOAT32, of="grad")
    assert all(finding.coupled is None for finding in found.values())


def test_a_wrong_routine_of_a_formula_without_inputs_has_a_finding():
    circle = formula_of(lambda: m.pi() * 1, "Archimedes", [((), "3.14159265358979")], None, {})
    wrong = routine_of(circle, lambda: torch.tensor(3.0), "wrong", ulps(1), None)
    report = check(wrong, circle, formats=["float32"])
    (finding,) = report["measurements"][0]["findings"]
    assert finding["points"] == report["measurements"][0]["points"]
    assert finding["worst"]["got"]["decimal"] == "3.0"
