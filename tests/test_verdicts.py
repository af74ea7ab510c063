"""From fates and gaps to verdicts, and from verdicts to exit codes."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from judging import FATES, entry, failing, promise, sweep_verdict, verdict, witness

from numcheck import gap, m, real, ulps
from numcheck.declaration import registry
from numcheck.declaration.formulas import Gap, formula_of, routine_of
from numcheck.declaration.words import DEFAULT_FORMATS, DEFAULT_POINTS, Cause, Fate, Of, UsageError
from numcheck.faces import cli
from numcheck.reals.enclosures import ContradictionError
from numcheck.runs import gaps
from numcheck.runs.check import check_catalog
from numcheck.runs.verdict import verdict_of
from numcheck.runs.witnesses import Witnesses

FAILING = ("over", "special", "overflow", "underflow", "crash")
PASSING = tuple(fate for fate in FATES if fate not in FAILING and fate != "unresolved")


# A run's verdict --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", FATES)
def test_a_run_fails_by_its_failing_fates_alone(fate: str) -> None:
    code = 1 if fate in FAILING else 0
    assert verdict(entry({"within": 9999, fate: 1}))[0] == code
    assert verdict(entry({"within": 10}), entry({"within": 9999, fate: 1}), entry({"within": 1}))[0] == code


def test_a_run_tells_how_many_points_failed_and_by_what() -> None:
    passed = verdict(entry({"within": 7, "over": 0, "gap": 1}), entry({"within": 2, "invalid": 3}))
    assert passed == (0, "passed: 13 points: 9 within, 1 gap, 3 invalid")
    failed = verdict(entry({"within": 7, "over": 2}), entry({"crash": 1, "special": 1}))
    assert failed == (1, "over budget at 4 of 11 points: 7 within, 2 over, 1 special, 1 crash")
    assert verdict() == (2, "nothing was judged at 0 points: declare routines, and domains with values")


def test_two_in_a_thousand_truths_may_stay_open() -> None:
    assert verdict(entry({"within": 998, "unresolved": 2}))[0] == 0
    code, sentence = verdict(entry({"within": 997, "unresolved": 3}))
    assert (code, sentence) == (3, "truth in doubt: 0 contradicted, 3 of 1000 points unresolved")
    assert verdict(entry({"within": 499, "unresolved": 1}))[0] == 0
    assert verdict(entry({"within": 498, "unresolved": 1}))[0] == 3
    # of all points of the run, whatever their fate
    assert verdict(entry({"over": 100, "unresolved": 2}), entry({"within": 898}))[0] == 1


def test_one_truth_that_is_contradicted_puts_all_in_doubt() -> None:
    within = entry({"within": 5})
    for doubts in ({"disagreements": ["a at 1"]}, {"contradictions": ["a at 1"]}):
        sentence = "truth in doubt: 1 contradicted, 0 of 5 points unresolved; a at 1"
        assert verdict(within, **doubts) == (3, sentence)
    code, sentence = verdict(within, disagreements=["a", "b"], contradictions=["c"])
    assert (code, sentence) == (3, "truth in doubt: 3 contradicted, 0 of 5 points unresolved; a")


def test_doubt_comes_before_a_broken_contract_and_that_before_failures() -> None:
    failing = entry({"over": 1, "within": 5}, {"overflow": 0}, ["overflow"])
    for fail_on in ("over", "gap", "none"):
        assert verdict(failing, fail_on=fail_on, notes=["x: shape"], disagreements=["a"])[0] == 3
        code, sentence = verdict(failing, fail_on=fail_on, notes=["x: shape", "y: dtype"])
        assert (code, sentence) == (2, "x: shape (and 1 more)")
    assert verdict(failing)[1].startswith("over budget at 1 of 6 points")


def test_one_broken_contract_is_told_and_no_other_counted() -> None:
    assert verdict(entry({"within": 5}), notes=["x: shape"]) == (2, "x: shape")


def test_a_run_that_was_interrupted_is_nothing_else_and_tells_how_far_it_came() -> None:
    failing = entry({"over": 1, "within": 5})
    told = (130, "interrupted: 6 points so far: 5 within, 1 over")
    assert verdict(failing, interrupted=True) == verdict(failing, interrupted=True, notes=["x"]) == told
    assert verdict(failing, interrupted=True, disagreements=["a"]) == told
    assert verdict(interrupted=True) == (130, "interrupted: 0 points so far")


def test_what_fails_a_run_is_what_was_asked() -> None:
    failing, covers = entry({"over": 1, "within": 5}), entry({"gap": 2, "within": 5}, {"overflow": 2})
    stale = entry({"within": 5}, {"overflow": 0}, ["overflow"])
    table = {
        fail_on: [verdict(one, fail_on=fail_on)[0] for one in (failing, covers, stale, entry({"within": 5}))]
        for fail_on in ("over", "gap", "none")
    }
    assert table == {"over": [1, 0, 1, 0], "gap": [1, 1, 1, 0], "none": [0, 0, 0, 0]}
    assert verdict(failing, fail_on="none")[1] == "6 points: 5 within, 1 over"
    assert verdict(covers, fail_on="gap")[1] == "2 of 7 points lie in known gaps: 5 within, 2 gap"


def test_a_run_fails_by_stale_gaps_and_tells_where_they_are() -> None:
    stale = entry({"within": 5}, {"overflow": 0, "underflow": 3}, ["overflow"])
    told = "1 stale gaps: softplus.naive: overflow in float32 value: delete what no longer fails"
    assert verdict(stale) == verdict(stale, stale) == (1, told)
    # that a gap covers no point is not enough, and in another half or format it may be needed
    assert verdict(entry({"within": 5}, {"overflow": 0}))[0] == 0
    assert verdict(stale, entry({"within": 5}, {"overflow": 1}, format="float16"))[0] == 1
    both = entry({"within": 1}, {"underflow, nan_gradient": 0}, ["underflow, nan_gradient"], of="grad")
    assert verdict(both)[1].startswith(
        "1 stale gaps: softplus.naive: underflow, nan_gradient in float32 grad:"
    )
    several = [
        entry({"within": 1}, {cause: 0}, [cause]) for cause in ("scale", "order", "overflow", "underflow")
    ]
    told = "; ".join(f"softplus.naive: {cause} in float32 value" for cause in ("order", "overflow", "scale"))
    assert verdict(*several) == (1, f"4 stale gaps: {told}: delete what no longer fails")


# A sweep's verdict ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [fate for fate in FATES if fate != "unresolved"])
def test_a_sweep_fails_where_no_gap_is_declared_and_by_a_crash_anyway(fate: str) -> None:
    fates = {"within": 9, fate: 1}
    assert sweep_verdict(entry(fates))[0] == (fate in FAILING)
    assert sweep_verdict(entry(fates, {"overflow": 1}))[0] == (fate == "crash")


def test_a_sweep_tells_what_failed_and_what_lies_beside_gaps() -> None:
    assert sweep_verdict(entry({"within": 9, "gap": 1})) == (
        0, "passed: no point fails for which no gap is declared (exhaustive, 10 judged points)"
    )  # fmt: skip
    failing = entry({"within": 9, "over": 2, "crash": 1})
    covers = entry({"within": 9, "over": 3, "crash": 1}, {"overflow": 0}, routine="known")
    other = entry({"special": 4}, {"overflow": 0}, routine="known", of="grad")
    calm = entry({"within": 4, "crash": 1}, {"overflow": 0}, routine="calm")
    told = "failing at 5 points for which no gap is declared (grid, 34 judged points)"
    beside = "; 7 more fail where gaps are declared, and are not told apart: known value, known grad"
    assert sweep_verdict(failing, covers, other, calm, evidence="grid") == (1, told + beside)
    code, sentence = sweep_verdict(other)
    assert code == 0 and sentence.endswith(": known grad")


def test_a_sweep_fails_by_what_fails_in_another_arrangement_whatever_gap_is_declared() -> None:
    moved = entry({"within": 9}, {"overflow": 1}, elsewhere=2)
    told = "failing at 3 points for which no gap is declared (exhaustive, 19 judged points)"
    assert sweep_verdict(moved, entry({"within": 9, "over": 1})) == (1, told)


def test_a_sweep_may_leave_two_in_a_thousand_truths_open() -> None:
    assert sweep_verdict(entry({"within": 998, "unresolved": 2}))[0] == 0
    code, sentence = sweep_verdict(entry({"over": 997, "unresolved": 3}))
    assert (code, sentence) == (3, "truth in doubt: 3 of 1000 points unresolved")
    assert sweep_verdict(entry({"within": 498, "unresolved": 1}))[0] == 3
    assert sweep_verdict() [0] == 0  # fmt: skip


# A routine's verdict as a property --------------------------------------------------------------------------------


def test_a_promise_holds_where_nothing_was_found() -> None:
    known = Gap((Cause.OVERFLOW,), "known")
    fine = failing(["within", "over"], [None, "overflow"], [known])
    assert promise(fine).passed and promise(fine).met == [known]
    assert not promise(fine, found=True).passed
    assert not promise(failing(["within", "crash"], crashes={1: "!"})).passed
    broken = promise(failing(["within", "over"], [None, "order"], [known]))
    assert not broken.passed and not broken.in_doubt and broken.met == []
    # what only conditioning forgives breaks nothing
    assert promise(failing(["within"], spent=[3.0])).passed


def test_of_drawn_and_searched_points_two_in_a_thousand_may_stay_open() -> None:
    for drawn, searched, unresolved, in_doubt in (
        (1000, 0, 2, False), (1000, 0, 3, True), (400, 600, 2, False), (400, 599, 2, True)
    ):  # fmt: skip
        open_ = failing(["unresolved"] + ["within"] * (drawn - 1))
        one = promise(open_, searched=searched, unresolved=unresolved - 1)
        assert (one.in_doubt, one.passed) == (in_doubt, not in_doubt)


def test_a_property_has_spent_what_its_points_spent_outside_of_gaps_and_in_the_search() -> None:
    known = Gap((Cause.OVERFLOW,), "known")
    fine = failing(["within", "over"], [None, "overflow"], [known], [0.125, 7.0])
    assert promise(fine).spent == 0.25
    assert promise(failing(["within"], spent=[0.5])).spent == 0.5
    assert promise(fine, found=True).spent == 3


# Gaps -------------------------------------------------------------------------------------------------------------

OVERFLOW = Gap((Cause.OVERFLOW,), "known")
HERE, ELSEWHERE = "torch-here-cpu", "torch-elsewhere-cpu"


def test_a_gap_speaks_of_its_half_its_formats_and_its_devices() -> None:
    assert OVERFLOW.speaks_of(Of.VALUE, "float32", "cpu") and OVERFLOW.speaks_of(Of.GRAD, "float16", "cuda:1")
    some = Gap((Cause.OVERFLOW,), "known", Of.GRAD, ("float32", "float16"), ("cuda",))
    assert some.speaks_of(Of.GRAD, "float32", "cuda") and some.speaks_of(Of.GRAD, "float16", "cuda:1")
    assert not some.speaks_of(Of.VALUE, "float32", "cuda")
    assert not some.speaks_of(Of.GRAD, "bfloat16", "cuda")
    assert not some.speaks_of(Of.GRAD, "float32", "cpu")
    assert not some.speaks_of(Of.GRAD, "float32", "cpu:0")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({}, {}, True),
        ({"of": Of.VALUE}, {"of": Of.GRAD}, False),
        ({"of": Of.VALUE}, {"of": Of.VALUE}, True),
        ({"of": Of.VALUE}, {}, True),
        ({"formats": ("float32",)}, {"formats": ("float16", "bfloat16")}, False),
        ({"formats": ("float32", "float16")}, {"formats": ("float16", "bfloat16")}, True),
        ({"formats": ("float32",)}, {}, True),
        ({"devices": ("cpu",)}, {"devices": ("cuda",)}, False),
        ({"devices": ("cpu",)}, {"devices": ("cuda", "cpu")}, True),
        ({"devices": ("cpu",)}, {"formats": ("float32",)}, True),
        ({"devices": ("cpu",), "of": Of.VALUE}, {"devices": ("cpu",), "of": Of.GRAD}, False),
        ({"devices": ("cpu",), "of": Of.VALUE}, {"devices": ("cuda",), "of": Of.VALUE}, False),
        ({"causes": (Cause.OVERFLOW, Cause.SCALE)}, {}, True),
        ({"causes": (Cause.SCALE,)}, {}, False),
        ({"causes": (Cause.SCALE, Cause.ORDER)}, {"causes": (Cause.ORDER, Cause.OVERFLOW)}, True),
    ],
)
def test_gaps_overlap_where_both_may_speak_of_one_failing_point(
    one: dict[str, Any], other: dict[str, Any], overlap: bool
) -> None:
    a, b = replace(OVERFLOW, **one), replace(OVERFLOW, **other)
    assert a.overlaps(b) is b.overlaps(a) is overlap


def test_a_point_that_fails_as_a_gap_says_counts_as_one_and_every_other_keeps_its_fate() -> None:
    fates, causes = (
        ["within", "over", "overflow", "crash", "invalid"],
        [None, "order", "overflow", None, None],
    )
    both = Gap((Cause.SCALE, Cause.ORDER), "known")
    for declared, told in (
        ([], fates),
        ([OVERFLOW], ["within", "over", "gap", "crash", "invalid"]),
        ([both], ["within", "gap", "overflow", "crash", "invalid"]),
        ([OVERFLOW, both], ["within", "gap", "gap", "crash", "invalid"]),
        ([Gap((Cause.CANCELLATION,), "known")], fates),
        ([replace(OVERFLOW, of=Of.GRAD), replace(both, formats=("float16",))], fates),
        ([replace(OVERFLOW, devices=("cuda",)), both], ["within", "gap", "overflow", "crash", "invalid"]),
    ):
        for sizes in ([5], [2, 3]):
            examined = failing(fates, causes, declared, sizes=sizes)
            assert [Fate(fate).word for fate in examined.fates.tolist()] == told
            assert [Fate(fate).word for fate in examined.judged[0].tolist()] == fates
    examined = failing(fates, causes, [OVERFLOW, both, replace(both, of=Of.GRAD)])
    assert {gap: mask.tolist() for gap, mask in examined.covered.items()} == {
        OVERFLOW: [False, False, True, False, False], both: [False, True, False, False, False]
    }  # fmt: skip
    assert (examined.gap_of(Cause.ORDER), examined.gap_of(Cause.OVERFLOW)) == (both, OVERFLOW)
    assert examined.gap_of(Cause.CANCELLATION) is None


def test_what_was_spent_inside_of_gaps_is_not_told() -> None:
    fates, causes, spent = ["within", "over", "over"], [None, "overflow", "order"], [0.25, 9.0, 4.0]
    assert failing(fates, causes, [], spent).spent == 9
    assert failing(fates, causes, [OVERFLOW], spent).spent == 4
    assert failing(fates, causes, [OVERFLOW, Gap((Cause.ORDER,), "known")], spent).spent == 0.25
    assert failing(["over"], ["overflow"], [OVERFLOW], [9.0]).spent == 0
    assert failing(fates, causes, [OVERFLOW], [0.25, inf, inf]).spent == inf


@pytest.mark.parametrize("sizes", [[4], [1, 3], [3, 1]])
def test_the_worst_point_spent_most_whatever_part_it_is_in(sizes: list[int]) -> None:
    for spent, worst in (
        ([0.5, 0.25, 2.0, 1.0], 2), ([0.5, inf, 1e300, 0.0], 1), ([0.5, 1.0, inf, nan], 3), ([0.0] * 4, 0)
    ):  # fmt: skip
        part, row = failing(["over"] * 4, spent=spent, sizes=sizes).worst
        assert part.points.columns["x"][row] == worst


def test_a_crash_is_told_from_the_part_and_the_row_where_it_happened() -> None:
    part, row = failing(["within", "crash", "crash"], crashes={1: "one", 2: "two"}, sizes=[1, 2]).crash or (
        None,
        0,
    )
    assert part is not None and (row, part.crashes[row]) == (0, "one")
    assert failing(["within"]).crash is None


@pytest.fixture
def named_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "environment_name", {"cpu": HERE, "cuda": ELSEWHERE}.__getitem__)


@pytest.mark.usefixtures("named_by_device")
def test_a_gap_is_stale_where_a_witness_names_this_environment_and_nothing_fails_by_it() -> None:
    right, wrong = (
        failing(["within"], gaps=[OVERFLOW]),
        failing(["within", "over"], [None, "overflow"], [OVERFLOW]),
    )
    for witnesses, stale in (
        ([], False),
        ([witness(OVERFLOW)], False),
        ([witness(OVERFLOW, HERE)], True),
        ([witness(OVERFLOW, ELSEWHERE)], False),
        ([witness(OVERFLOW, ELSEWHERE, HERE)], True),
        ([witness(OVERFLOW, ELSEWHERE), witness(OVERFLOW, HERE, which="worst")], True),
        ([witness(OVERFLOW, HERE, of=Of.GRAD)], False),
        ([witness(OVERFLOW, HERE, format="float16")], False),
        ([witness(OVERFLOW, HERE, routine="another")], False),
        ([replace(witness(OVERFLOW, HERE), gap="")], False),
        ([witness(Gap((Cause.OVERFLOW, Cause.ORDER), "known"), HERE)], False),
    ):
        known = Witnesses(None, tuple(witnesses))
        assert gaps.is_stale(right, OVERFLOW, known) is stale
        assert gaps.is_stale(wrong, OVERFLOW, known) is False
    # a failure by something else is none of the gap's
    other = failing(["over"], ["order"], [OVERFLOW])
    assert gaps.is_stale(other, OVERFLOW, Witnesses(None, (witness(OVERFLOW, HERE),))) is True
    there = failing(["within"], gaps=[OVERFLOW], device="cuda")
    assert gaps.is_stale(there, OVERFLOW, Witnesses(None, (witness(OVERFLOW, HERE),))) is False
    assert gaps.is_stale(there, OVERFLOW, Witnesses(None, (witness(OVERFLOW, ELSEWHERE),))) is True


@pytest.mark.usefixtures("named_by_device")
def test_a_gap_that_the_search_meets_is_not_stale() -> None:
    right, known = failing(["within"], gaps=[OVERFLOW]), Witnesses(None, (witness(OVERFLOW, HERE),))
    one = replace(promise(right), known=known)
    assert one.stale == [OVERFLOW] and not one.passed
    found = replace(one, searched=replace(one.searched, met=frozenset([OVERFLOW])))
    assert found.stale == [] and found.met == [OVERFLOW] and found.passed


def remarks(
    *entries: dict[str, Any],
    declared: Gap = OVERFLOW,
    points: int = DEFAULT_POINTS,
    formats: Sequence[str] = DEFAULT_FORMATS,
    limited: Sequence[str] | None = None,
) -> list[str]:
    """What is said of the gap of a routine `naive` that may be limited to formats."""
    formula = formula_of(lambda x: x * 1, "Peano 1889", [], None, {"x": real(1, 4)})
    formula = replace(formula, name="softplus", routines={})
    formula.routine(value=ulps(2), formats=limited)(lambda x: x)
    formula.routines["<lambda>"] = replace(formula.routines["<lambda>"], name="naive", gaps=(declared,))
    return gaps.uncovered([formula], {"points": points, "formats": list(formats), "measurements": entries})


def test_a_gap_that_covers_no_point_of_a_complete_run_is_remarked_upon() -> None:
    nothing, some = (
        entry({"within": 5}, {"overflow": 0}),
        entry({"within": 5}, {"overflow": 1}, format="float16"),
    )
    told = (
        "softplus.naive: the gap overflow covers no point of this run: delete it, or find one that shows it"
    )
    assert remarks(nothing) == remarks(nothing, nothing) == [told]
    assert remarks(nothing, some) == remarks(some, nothing) == []
    # what another routine or formula shows is none of its
    assert remarks(nothing, some | {"routine": "another"}, some | {"formula": "another"}) == [told]
    # a gap that fails the run anyway, and one that the run did not look at
    assert remarks(nothing, entry({"within": 5}, {"overflow": 0}, ["overflow"], of="grad")) == []
    assert remarks(entry({"within": 5})) == remarks() == []
    # not every point or every format that may show it
    assert remarks(nothing, points=DEFAULT_POINTS - 1) == []
    assert remarks(nothing, points=DEFAULT_POINTS + 1) == [told]
    assert remarks(nothing, formats=DEFAULT_FORMATS[1:]) == []
    assert remarks(nothing, formats=(*DEFAULT_FORMATS, "float64")) == [told]
    several = replace(OVERFLOW, causes=(Cause.UNDERFLOW, Cause.NAN_GRADIENT))
    both = entry({"within": 5}, {"underflow, nan_gradient": 0})
    assert remarks(both, declared=several) == [told.replace("overflow", "underflow, nan_gradient")]


def test_a_run_is_complete_for_a_gap_with_the_formats_that_it_and_its_routine_are_limited_to() -> None:
    nothing = entry({"within": 5}, {"overflow": 0})
    for declared, limited, formats, complete in (
        (("float16",), None, ["float16"], True),
        (("float16", "float32"), None, ["float16"], False),
        (None, ("float16",), ["float16"], True),
        (("float16", "float32"), ("float16", "bfloat16"), ["float16"], True),
        (("float64",), None, [], True),
    ):
        gap_ = replace(OVERFLOW, formats=declared)
        assert bool(remarks(nothing, declared=gap_, formats=formats, limited=limited)) is complete


def one_run(*declared: Sequence[str], wrong: float = 1.1, **asked: Any) -> dict[str, Any]:
    """The report of a routine of x in [1, 4] that is wrong by a tenth from 2 on, with gaps of such causes."""
    formula = formula_of(lambda x: x * 1, "Peano 1889", [], None, {"x": real(1, 4)})
    routine = formula.routine(value=ulps(2), grad=ulps(2))(lambda x: torch.where(x > 2, x * wrong, x))
    for causes in declared:
        routine = gap(*causes, why="planted")(routine)
    return check_catalog(points=60, routine=routine, formats=["float32"], jobs=1, **asked)


def test_a_gap_counts_the_points_that_it_covers_and_their_fate() -> None:
    plain, slope = one_run()["measurements"]
    failed = plain["fates"]["over"]
    assert 0 < failed < plain["points"] and plain["fates"]["gap"] == 0 and plain["gaps"] == []
    assert plain["fates"]["within"] == plain["points"] - failed
    cause = plain["findings"][0]["cause"]
    other, third = [word.value for word in Cause if word not in {f["cause"] for f in plain["findings"]}][:2]
    known, _ = one_run([third, cause], [other])["measurements"]
    told = {tuple(gap["causes"]): (gap["reason"], gap["points"], gap["stale"]) for gap in known["gaps"]}
    assert told == {(third, cause): ("planted", failed, False), (other,): ("planted", 0, False)}
    assert (known["fates"]["gap"], known["fates"]["over"]) == (failed, 0)
    assert known["fates"]["within"] == plain["fates"]["within"]
    assert slope["fates"]["over"] > 0
    assert (known["spent"], known["worst_ulp"]) == (plain["spent"], plain["worst_ulp"])
    assert plain["worst"]["spent"] == plain["spent"] > 1 and plain["worst"]["fate"] == "over"
    assert plain["worst"]["error_ulp"] == plain["worst_ulp"] > 1
    assert plain["simplest"]["fate"] == "over"
    assert sum(plain["ulp_histogram"].values()) == plain["points"] == sum(known["ulp_histogram"].values())


def test_the_simplest_point_of_an_entry_is_that_of_its_gravest_failure() -> None:
    formula = formula_of(lambda x: m.log(1 + m.exp(x)), "a test", [], None, {"x": real(-200, 200)})
    naive = routine_of(formula, lambda x: torch.log(1 + torch.exp(x)), "naive", ulps(2), None)
    (found,) = check_catalog(points=60, routine=naive, formats=["float32"], jobs=1)["measurements"]
    first, *_, last = (finding for finding in found["findings"] if not finding["forgiven"])
    assert found["simplest"] == first["simplest"] != last["simplest"]


def test_a_right_routine_has_spent_nothing() -> None:
    for found in one_run(wrong=1.0)["measurements"]:
        assert found["spent"] == found["worst_ulp"] == 0


def test_errors_are_counted_where_there_was_a_truth_and_a_result() -> None:
    def touchy(x: torch.Tensor) -> torch.Tensor:
        if (x > 3).any():
            raise ValueError("too large")
        return torch.sqrt(x)

    formula = formula_of(lambda x: m.sqrt(x), "Heron", [], None, {"x": real(-4, 4)})
    report = check_catalog(
        points=60, routine=formula.routine(value=ulps(2))(touchy), formats=["float32"], jobs=1
    )
    (found,) = report["measurements"]
    assert all(found["fates"][fate] for fate in ("within", "invalid", "crash"))
    assert sum(found["ulp_histogram"].values()) == found["fates"]["within"]


def test_a_run_fails_by_a_gap_whose_witnesses_fail_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numcheck.runs.witnesses.path_of", lambda _: tmp_path / "it.witnesses.json")
    every = [word.value for word in Cause]
    assert verdict_of(one_run(every, witness=True))[0] == 0
    assert verdict_of(one_run(every))[0] == 0
    code, sentence = verdict_of(one_run(every, wrong=1.0))
    assert code == 1 and sentence.startswith("2 stale gaps: <lambda>.<lambda>: ")


def test_a_run_that_was_interrupted_calls_no_gap_stale() -> None:
    def interrupt(_: str, done: int, __: int) -> None:
        if done:
            raise KeyboardInterrupt

    report = one_run(["order"], progress=interrupt)
    assert report["interrupted"] is True
    assert [(gap["points"], gap["stale"]) for entry in report["measurements"] for gap in entry["gaps"]] == [
        (0, False)
    ] * 2


# Exit codes -------------------------------------------------------------------------------------------------------


SHORT = "the memory does not suffice: write fewer --points, or fewer --jobs"


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (UsageError("no such formula"), 2, "numcheck: no such formula\n"),
        (ContradictionError("two proofs"), 3, "numcheck: truth in doubt: two proofs\n"),
        (KeyboardInterrupt(), 130, "numcheck: interrupted\n"),
        (click.Abort(), 130, "numcheck: interrupted\n"),
        (click.ClickException("two\nlines"), 2, "numcheck: two lines\n"),
        (MemoryError(), 2, f"numcheck: {SHORT}\n"),
        (MemoryError("727 TiB"), 2, f"numcheck: {SHORT} (727 TiB)\n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, f"numcheck: {SHORT}\n"),
    ],
)
def test_what_ends_a_command_decides_its_exit_code(
    raised: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr("numcheck.declaration.registry.load_catalog", broken)
    assert cli.run(["list"]) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err.lstrip()) == ("", line)


def test_what_no_one_foresaw_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("what no one foresaw")

    monkeypatch.setattr("numcheck.declaration.registry.load_catalog", broken)
    with pytest.raises(RuntimeError, match="what no one foresaw"):
        cli.run(["list"])


@pytest.mark.parametrize("debugged", [False, True])
def test_a_traceback_is_shown_where_it_is_asked_for(
    debugged: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise UsageError("no such formula")

    monkeypatch.setattr("numcheck.declaration.registry.load_catalog", broken)
    assert cli.run(["list", *["--debug"] * debugged]) == 2
    assert ("Traceback" in capsys.readouterr().err) == debugged


def test_a_command_that_ends_well_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list"]) == cli.run(["--help"]) == cli.run([]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_process_ends_with_the_verdict(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report: dict[str, Any] = {"measurements": [], "schema": 1}
    monkeypatch.setattr("numcheck.runs.check.check_catalog", lambda *_, **__: report)
    monkeypatch.setattr("numcheck.runs.verdict.verdict_of", lambda *_: (code, "so it is"))
    monkeypatch.setattr(sys, "argv", ["numcheck", "check", "softplus"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    printed = capsys.readouterr()
    assert "so it is" in printed.out
    assert printed.err == ("numcheck: so it is\n" if code == 2 else "")
    report["interrupted"] = True
    assert cli.run(["check", "softplus"]) == 130
    assert capsys.readouterr().err == "numcheck: interrupted\n"


def test_a_check_of_many_formulas_takes_fewer_points_of_each_unless_told(monkeypatch: pytest.MonkeyPatch):
    registry.load_catalog()
    monkeypatch.setattr("numcheck.runs.check.FEW_FORMULAS", 1)
    monkeypatch.setattr("numcheck.runs.check.POINTS_OF_EACH", 40)

    def points(*names: str, **asked: Any) -> dict[str, int]:
        report = check_catalog(names, formats=["float32"], jobs=1, **asked)
        return {one["formula"]: one["points"] for one in report["measurements"]}

    assert all(40 <= count < 400 for count in points("exp", "hinge").values())
    assert all(count >= 400 for count in points("exp", "hinge", points=400).values())
    assert points("exp")["exp"] >= DEFAULT_POINTS
