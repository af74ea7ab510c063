"""Two devices disagree where their results lie farther apart than both budgets allow: no truth fits both."""

import importlib.resources
import json

import jsonschema
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numcheck import format_of, m, real, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Fate, Of, UsageError
from numcheck.diagnosis.devices import compared, disagreement
from numcheck.diagnosis.questions import alone
from numcheck.domain import Points
from numcheck.measure.execute import Given
from numcheck.measure.judge import Judgement, judge
from numcheck.measure.measurement import measure
from numcheck.runs import check as suite
from numcheck.runs import examine as conductor
from numcheck.runs.check import check_catalog
from numcheck.runs.entry import disagreement_of
from numcheck.runs.examine import Examined
from numcheck.runs.verdict import verdict_of
from numcheck.truth import settle, settle_together

FLOAT32 = format_of("float32")
ULP = 2.0**-23
"""The unit in the last place of float32 between 1 and 2."""
SECOND = "cpu:0"
"""The same processor under another name: a second device for machines without a GPU."""

IDENTITY = formula_of(lambda x: x, "Peano 1889", [((1,), "1")], None, {"x": real(-4, 4)})
RELU = formula_of(lambda x: m.maximum(x, 0), "Fukushima 1969", [((1,), "1")], None, {"x": real(-4, 4)})
EXP = formula_of(lambda x: m.exp(x), "Euler 1748", [((0,), "1")], None, {"x": real(-200, 200)})


def at(*numbers):
    return Points({"x": torch.tensor(numbers)}, np.full(len(numbers), "given"))


def judged(*got, x=1.0, budget=None, formula=IDENTITY, of="value", crashed=False) -> Judgement:
    """What is made of results `got` of the formula at `x`, each a point of its own."""
    points = at(*[x] * len(got))
    truth = settle(formula, points, FLOAT32)
    half = truth.halves[Of(of)]
    crashes = dict.fromkeys(range(len(got)), "out of order") if crashed else {}
    given = Given(np.array(got), FLOAT32)
    return judge(Of(of), given, half, budget or ulps(2, cond=0), 1, crashes)


def share(one, other):
    return disagreement(one, other)[:, 0].tolist()


# What a disagreement is


def test_results_within_both_budgets_agree_though_they_differ():
    assert share(judged(1 + 2 * ULP), judged(1 - 2 * ULP)) == [0]


def test_results_farther_apart_than_both_budgets_allow_disagree_by_their_share_of_them():
    assert share(judged(1.0), judged(1 + 8 * ULP)) == [pytest.approx(2, rel=0.05)]


def test_devices_that_are_wrong_alike_agree():
    assert share(judged(1 + 100 * ULP), judged(1 + 101 * ULP)) == [pytest.approx(0.25, rel=0.05)]


def test_what_conditioning_forgives_is_allowed_to_both():
    budget = ulps(2, cond=1)  # forgives half an ulp of x = 1, or one below it
    assert share(judged(1.0, budget=budget), judged(1 + 5 * ULP, budget=budget))[0] <= 1
    assert share(judged(1.0, budget=budget), judged(1 + 6 * ULP, budget=budget))[0] > 1


def test_anywhere_between_the_one_sided_derivatives_of_a_kink_is_right_on_either_device():
    zero, one = (judged(got, x=0.0, formula=RELU, of="grad") for got in (0.0, 1.0))
    assert share(zero, one) == [0]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_agrees_with_the_same_only(odd):
    assert share(judged(odd), judged(odd)) == [0]
    assert share(judged(odd), judged(1.0)) == share(judged(1.0), judged(odd)) == [np.inf]


def test_an_infinity_that_is_within_beside_the_largest_number_agrees_with_it():
    x = float(np.nextafter(np.float32(np.log(FLOAT32.largest)), np.float32(0)))
    budget = ulps(64, cond=1)
    infinite, largest = (judged(got, x=x, formula=EXP, budget=budget) for got in (np.inf, FLOAT32.largest))
    assert [one.fate[0, 0] for one in (infinite, largest)] == [Fate.WITHIN] * 2
    assert share(infinite, largest) == [0]


def test_zeros_of_either_sign_agree():
    assert share(judged(0.0, x=0.0), judged(-0.0, x=0.0)) == [0]


def test_a_crash_agrees_with_a_crash_and_with_nothing_else():
    crash = judged(np.nan, crashed=True)
    assert share(crash, crash) == [0]
    assert share(crash, judged(1.0)) == share(judged(np.nan), crash) == [np.inf]


def test_nobody_disagrees_where_there_is_no_truth():
    root = formula_of(lambda x: m.sqrt(x), "Heron", [((4,), "2")], None, {"x": real(-4, 4)})
    assert share(judged(np.nan, x=-1.0, formula=root), judged(7.0, x=-1.0, formula=root)) == [0]


NUMBERS = st.floats(width=32) | st.integers(-12, 12).map(lambda k: 1 + k * ULP)


@given(NUMBERS, NUMBERS, st.sampled_from([0, 1, 2, 64]), st.sampled_from([0, 1, 8]))
def test_where_devices_disagree_one_of_them_is_over(first, second, count, cond):
    one, other = (judged(got, budget=ulps(count, cond)) for got in (first, second))
    if share(one, other)[0] > 1:
        assert any(each.fate[0, 0] >= Fate.OVER for each in (one, other))
    assert share(one, other)[0] == pytest.approx(share(other, one)[0])


# What is told of it


def measured(function, formula=IDENTITY, device="cpu", of="value", count=300):
    routine = routine_of(formula, function, "routine", ulps(2), ulps(2))
    found = []
    for points in formula.points(FLOAT32, count, 0):
        parts = measure(routine, points, settle(formula, points, FLOAT32), FLOAT32, device)
        found.append(next(part for part in parts if part.of == of))
    return found


def off_above_two(x):
    return torch.where(x > 2, x * 1.001, x)


def test_devices_that_agree_are_told_nothing_of():
    assert alone(compared(measured(lambda x: x), measured(lambda x: x * 1.0, device=SECOND))) is None


def test_a_disagreement_tells_where_and_by_how_many_bits_and_shows_its_simplest_point():
    found = alone(compared(measured(lambda x: x), measured(off_above_two, device=SECOND)))
    assert found is not None
    x = found.one.points.columns["x"]
    assert found.points == int((x > 2).sum())
    assert found.region == "x > 2"
    worst = x[found.worst : found.worst + 1]
    distance = float((off_above_two(worst).double() - worst.double()).abs())
    assert found.bits_lost == np.log2(distance / float(FLOAT32.ulp(worst)))
    assert 2 < float(found.simplest.columns["x"][0]) <= 4


def test_a_disagreement_of_a_gradient_is_found_at_its_component():
    squares = formula_of(lambda v: v * v, "Euclid", [(((3,),), "9")], None, {"v": vector(1, 4, sizes=(3,))})

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            ctx.save_for_backward(v)
            return v * v

        @staticmethod
        def backward(ctx, slope):
            (v,) = ctx.saved_tensors
            return slope * 2 * v * torch.tensor([1.0, 1.0, 1.5])

    right = measured(lambda v: v * v, squares, of="grad")
    found = alone(compared(right, measured(lambda v: Wrong.apply(v), squares, SECOND, "grad")))
    assert found is not None and found.component == 2
    values = measured(lambda v: v * v, squares), measured(lambda v: Wrong.apply(v), squares, SECOND)
    assert alone(compared(*values)) is None


def test_the_finding_shows_both_results_and_the_truth_and_how_to_see_the_other_device_again():
    one, other = measured(lambda x: x), measured(off_above_two, device=SECOND)
    told = alone(disagreement_of(Examined(tuple(one)), Examined(tuple(other))))
    assert told is not None
    schema = json.loads(importlib.resources.files("numcheck.report").joinpath("schema.json").read_text())
    jsonschema.validate(told, {"$ref": "#/$defs/finding", "$defs": schema["$defs"]})
    here, there = told["worst"], told["elsewhere"]["worst"]
    assert told["cause"] == "device_disagreement" and told["elsewhere"]["device"] == "cpu"
    assert here["inputs"] == there["inputs"] and here["truth"] == there["truth"]
    assert (here["fate"], there["fate"]) == ("over", "within")
    assert f"device={SECOND!r}" in told["reproduce"]


# Whole runs


def test_two_devices_are_judged_at_the_same_points_against_one_truth(monkeypatch):
    settled = []

    def counted(formula, points, *asked, **wanted):
        settled.append(points)
        return settle_together(formula, points, *asked, **wanted)

    monkeypatch.setattr(conductor, "settle_together", counted)
    alone, both = (
        check_catalog(["softplus"], formats=["float32"], devices=devices, points=100, jobs=1)
        for devices in (["cpu"], ["cpu", SECOND, "cpu"])
    )
    assert len(settled) == 2
    assert both["devices"] == ["cpu", SECOND]
    assert both["second_opinion"] == alone["second_opinion"]
    first, second = (
        [dict(e, device="") for e in both["measurements"] if e["device"] == device]
        for device in ("cpu", SECOND)
    )
    assert first == [dict(e, device="") for e in alone["measurements"]]
    assert [e["fates"] for e in first] == [e["fates"] for e in second]


def test_a_disagreement_stands_among_the_findings_of_the_second_device_and_adds_no_failing_point(monkeypatch):
    routine = routine_of(IDENTITY, lambda x: x, "routine", ulps(2), ulps(2))
    wrong = routine_of(IDENTITY, off_above_two, "routine", ulps(2), ulps(2))

    def on_device(asked, points, truth, format, device, outcome=None):
        return measure(wrong if device == SECOND else asked, points, truth, format, device, outcome)

    monkeypatch.setattr(conductor, "measure", on_device)
    report = check_catalog(routine=routine, formats=["float32"], devices=["cpu", SECOND], points=100, jobs=1)
    found = {
        (e["device"], e["of"]): [f["cause"] for f in e["findings"] if not f["forgiven"]]
        for e in report["measurements"]
    }
    assert found["cpu", "value"] == found["cpu", "grad"] == []
    assert found[SECOND, "value"][-1] == "device_disagreement"
    assert all(sum(e["fates"].values()) == e["points"] for e in report["measurements"])
    assert verdict_of(report)[0] == 1


def test_a_device_that_is_not_there_is_one_line_before_anything_runs(monkeypatch):
    monkeypatch.setattr(suite, "run_unit", lambda *_: pytest.fail("something ran"))
    with pytest.raises(
        UsageError, match="no device 'cuda:99' here: write cpu, or cuda where torch sees a GPU"
    ):
        check_catalog(["softplus"], devices=["cpu", "cuda:99"], points=10, jobs=1)


@pytest.mark.cuda
def test_softplus_agrees_on_the_cpu_and_a_gpu():
    report = check_catalog(["softplus"], formats=["float32"], devices=["cpu", "cuda"], points=500, jobs=1)
    right = [e for e in report["measurements"] if e["routine"] == "torch_builtin"]
    assert {e["device"] for e in right} == {"cpu", "cuda"}
    assert all(f["cause"] != "device_disagreement" for e in right for f in e["findings"])
