"""What is told at the speed of float64 is what would have been told point by point."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import m, one_of, real, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.declaration.words import UsageError
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.measure import plain as prefilter
from numcheck.reals import trust
from numcheck.reals.ball64 import BOUNDS, Balls
from numcheck.reals.enclosures import contradiction, enclosure_of_float64
from numcheck.runs.sweep import plan as plans
from numcheck.runs.sweep import run as sweeps
from numcheck.runs.sweep.summary import State, added
from numcheck.truth import ContradictionError, Exact, Truths, compiled, groups, settle

FLOAT16 = format_of("float16")
FLOAT32 = format_of("float32")
ANY = real(-float("inf"), float("inf"))

load_catalog()


def swept(plan: plans.Plan) -> State:
    whole: State = {}
    for start, stop in plan.space.chunks(plan.chunk):
        whole = added(whole, sweeps.sweep_chunk(plan, start, stop))
    return whole


def sweepable(format: str) -> list[Any]:
    found: list[Any] = []
    for name in formulas():
        try:
            found.append(pytest.param(plans.plan_of(name, (), format=format), id=f"{name}-{format}"))
        except UsageError:
            continue
    return found


def assert_alike(quick: State, careful: State) -> None:
    assert quick.keys() == careful.keys()
    for key, one in quick.items():
        other = careful[key]
        assert (one.fates, one.histogram, one.stretches) == (other.fates, other.histogram, other.stretches), (
            key
        )
        assert (one.error is None) == (other.error is None)
        if one.error is not None and other.error is not None:
            assert one.error.figure == pytest.approx(other.error.figure, rel=1e-6)


# The same as point by point ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softplus", "gelu_tanh", "hinge"])
def test_a_sweep_tells_what_it_would_tell_point_by_point(name: str, monkeypatch: pytest.MonkeyPatch):
    plan = plans.plan_of(name, (), format="float16")
    quick = swept(plan)
    monkeypatch.setattr(prefilter, "applies", lambda *_: False)
    assert_alike(quick, swept(plan))


@pytest.mark.full
@pytest.mark.parametrize("plan", [*sweepable("bfloat16"), *sweepable("float16")])
def test_a_16_bit_sweep_tells_what_it_would_tell_point_by_point(
    plan: plans.Plan, monkeypatch: pytest.MonkeyPatch
):
    quick = swept(plan)
    monkeypatch.setattr(prefilter, "applies", lambda *_: False)
    assert_alike(quick, swept(plan))


@pytest.mark.full
@pytest.mark.parametrize("name", ["softplus", "sigmoid", "binary_cross_entropy"])
def test_the_compiled_truth_gives_the_same_verdicts(name: str, monkeypatch: pytest.MonkeyPatch):
    if compiled.missing_compiler("cpu"):
        pytest.skip(str(compiled.missing_compiler("cpu")))
    uncompiled = swept(plans.plan_of(name, (), format="float16"))
    monkeypatch.setattr(compiled, "BATCH", 1 << 12)
    monkeypatch.setattr(sweeps, "BATCH", 1 << 12)
    monkeypatch.setattr(plans, "LONG", 0)
    plan = plans.plan_of(name, (), format="float16")
    assert plan.compiled
    assert_alike(swept(plan), uncompiled)


def recorded(formula: Formula, points: Points, monkeypatch: pytest.MonkeyPatch) -> Exact:
    """The truth of a batch as its recorded graph gives it, which nothing has compiled."""
    monkeypatch.setattr(compiled, "BATCH", len(points))
    monkeypatch.setattr("torch._inductor.compile", lambda graph, inputs, options: graph)
    return Truths(formula, "cpu", bool(formula.wrt), True).of(points)


@pytest.mark.parametrize("name", sorted({plan.values[0].formula.name for plan in sweepable("float16")}))
def test_a_recorded_graph_gives_what_its_operations_give(name: str, monkeypatch: pytest.MonkeyPatch):
    formula = formulas()[name]
    (points,) = formula.points(FLOAT32, 300, 0)
    for rows in itertools.islice(groups(formula, points), 2):
        batch = points.select(rows)
        eager = Truths(formula, "cpu", bool(formula.wrt), False).of(batch)
        found = recorded(formula, batch, monkeypatch)
        for one, other in ((found.value, eager.value), (found.gradient, eager.gradient)):
            if one is not None and other is not None:
                ours, theirs = enclosure_of_float64(one), enclosure_of_float64(other)
                assert (np.isfinite(ours.radius) | ~np.isfinite(theirs.radius)).all()
                assert not contradiction(ours, theirs).any()


@pytest.mark.parametrize(
    "branch",
    [
        lambda k: k,
        lambda k: not k - 1,
        lambda k: k == 1,
        lambda k: k != 0,
        lambda k: (k > 0) & (k < 2),
        lambda k: (k > 1) | ~(k < 1),
    ],
)
def test_a_formula_may_branch_on_a_choice_in_any_words(branch: Any, monkeypatch: pytest.MonkeyPatch):
    formula = formula_of(
        lambda x, k: m.exp(x) if branch(k) else x, "a test", [], ("x",), {"x": real(-1, 1), "k": one_of(0, 1)}
    )
    for k in (1, 0):
        points = Points({"x": torch.ones(8), "k": torch.full((8,), k)}, np.full(8, "given"))
        found = recorded(formula, points, monkeypatch).gradient
        stated = formula_of(m.exp if k else lambda x: x, "a test", [], ("x",), {"x": real(-1, 1)})
        proved = settle(stated, Points({"x": points.columns["x"]}, points.origin), FLOAT32).gradient
        assert found is not None and proved is not None
        assert not contradiction(enclosure_of_float64(found), proved).any()


@pytest.mark.parametrize("beyond", [1e3, -1e30, float("inf"), float("nan")])
def test_a_point_too_far_for_the_graph_of_its_batch_is_unknown_there(
    beyond: float, monkeypatch: pytest.MonkeyPatch
):
    near = torch.linspace(-compiled.NARROW_REACH, compiled.NARROW_REACH, 2 * compiled.LOOKED_AT)
    far = near.clone()
    far[1] = beyond  # which no look at the batch sees
    told = recorded(formulas()["softplus"], _column(near), monkeypatch).value
    found = recorded(formulas()["softplus"], _column(far), monkeypatch).value
    others = torch.arange(len(near)) != 1
    assert found.high[1].isnan() and not told.high.isnan().any()
    assert torch.equal(found.high[others], told.high[others])


def test_a_batch_that_is_seen_to_reach_far_is_known_throughout(monkeypatch: pytest.MonkeyPatch):
    points = _column(torch.linspace(0, 1e4, 64))
    assert not recorded(formulas()["softplus"], points, monkeypatch).value.high.isnan().any()


def _column(x: torch.Tensor) -> Points:
    return Points({"x": x}, np.full(len(x), "given"))


# What is not plain ------------------------------------------------------------------------------------------------


def doubled(x: Any) -> Any:
    return 2 * x


def plainly(
    got: list[float], exact: list[float], radius: float = 0.0, low: float | None = None
) -> list[bool]:
    high, rest = torch.tensor(exact, dtype=torch.float64), torch.full((len(exact),), radius).double()
    balls = Balls(high, None if low is None else torch.full_like(high, low), rest)
    error = prefilter.plain(torch.tensor(got, dtype=torch.float64), balls, 1.0, FLOAT32)
    return (error == error).tolist()


ULP = 2.0**-23


def test_what_errs_by_less_than_the_budget_is_plain_and_what_errs_by_more_is_not():
    assert plainly([1, 1 + ULP, 1 + 2 * ULP, 1 - ULP], [1.0] * 4) == [True, True, False, True]


def test_what_errs_by_all_of_the_budget_and_a_little_that_a_double_rounds_away_is_not_plain():
    assert plainly([1.5 + ULP, 1.5], [1.5, 1.5], low=-1e-40) == [False, True]


def test_a_point_whose_truth_is_wide_is_not_plain():
    assert plainly([1.0], [1.0], ULP / 32) == [False]
    assert plainly([1.0], [1.0], ULP / 128) == [True]


def test_no_number_and_a_wrong_infinity_are_not_plain_but_the_right_infinity_is():
    nan, inf = float("nan"), float("inf")
    assert plainly([nan, inf, -inf, inf], [1.0, 1.0, 2.0**129, 2.0**129]) == [False, False, False, True]


def test_a_zero_is_plain_with_the_sign_of_a_tiny_truth_only():
    assert plainly([0.0, -0.0], [1e-60, 1e-60]) == [True, False]
    assert plainly([0.0, -0.0], [0.0, 0.0]) == [True, True]


def test_subnormal_results_are_measured_by_the_smallest_subnormal():
    smallest = FLOAT32.smallest_subnormal
    assert plainly([0.0, 2 * smallest, 3 * smallest], [smallest] * 3) == [True, True, False]


# Planted ----------------------------------------------------------------------------------------------------------


FORMULA = formula_of(doubled, "a test", [], None, {"x": real(-100, 100)})


def routine(function: Callable[[torch.Tensor], torch.Tensor], formula: Formula = FORMULA) -> Routine:
    return routine_of(formula, function, "routine", ulps(1), ulps(1))


def test_one_wrong_result_among_all_is_found_with_its_input():
    def planted(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == 1.5, 2.9, 2 * x)

    plan = plans.plan_of(FORMULA, [routine(planted)], format="float16", value_only=True)
    (found,) = swept(plan).values()
    assert found.failing == 1
    (region,) = found.stretches[0].regions
    assert plan.space.at(np.array([region.first])).columns["x"].tolist() == [1.5]


def test_a_truth_that_is_off_by_more_than_its_radius_stops_the_sweep(monkeypatch: pytest.MonkeyPatch):
    judged = Truths.judged

    def shifted(self: Truths, points: Points, *others: Any) -> tuple[Exact, Any]:
        exact, told = judged(self, points, *others)
        value = Balls(exact.value.high * (1 + 2.0**-30), exact.value.low, exact.value.radius)
        return Exact(value, exact.gradient), told

    monkeypatch.setattr(Truths, "judged", shifted)

    def builtin(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)

    formula = formula_of(logistic, "a test", [], None, {"x": ANY})
    plan = plans.plan_of(formula, [routine(builtin, formula)], format="float16", value_only=True)
    with pytest.raises(
        ContradictionError, match="logistic: float64 balls and Arb prove different values at x="
    ):
        swept(plan)


def test_the_audit_asks_about_plain_points_however_few_they_are():
    points = Points({"x": torch.linspace(-9, 9, 4096)}, np.full(4096, "given"))
    exact = Truths(FORMULA, "cpu", False, False).of(points)
    sure = np.zeros(4096, dtype=bool)
    for count in range(prefilter.AUDITED):
        sure[97 * count : 97 * count + 1] = count > 0
        assert prefilter.audit(FORMULA, points, exact, sure, FLOAT32) == count
    assert 0 < prefilter.audit(FORMULA, points, exact, ~sure, FLOAT32) <= prefilter.AUDITED


@pytest.mark.parametrize("batches", [prefilter.RARELY + 1, 2**16])
def test_of_so_many_batches_the_audit_looks_at_one_and_not_always_at_the_same(batches: int):
    looked = [batch for batch in range(batches) if prefilter.is_audited(batch, batches)]
    whole = batches // prefilter.RARELY
    assert [batch // prefilter.RARELY for batch in looked][:whole] == list(range(whole))
    assert len({batch % prefilter.RARELY for batch in looked}) == min(whole, prefilter.RARELY)
    assert all(prefilter.is_audited(batch, prefilter.RARELY) for batch in range(prefilter.RARELY))


def test_a_device_is_looked_at_before_its_truths_are_trusted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trust, "_looked", set())
    monkeypatch.setitem(BOUNDS, "exp", replace(BOUNDS["exp"], ulps=0.01))
    with pytest.raises(ContradictionError, match="torch's exp on cpu"):
        Truths(FORMULA, "cpu", False, False)


def logistic(x: Any) -> Any:
    return 1 / (1 + m.exp(-x))


def test_without_a_compiler_the_truth_runs_uncompiled_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "no C++ compiler" in str(compiled.missing_compiler("cpu"))
    monkeypatch.setattr(plans, "LONG", 0)
    plan = plans.plan_of("softplus", (), format="float16")
    assert not plan.compiled
    assert plan.note is not None
