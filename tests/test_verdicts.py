"""From fates and gaps to verdicts, and from verdicts to exit codes."""

import sys
from typing import Any

import click
import pytest
import torch
from judging import FATES, covered, entry, examined, sweep_verdict, verdict
from numcheck.case import Cause, Gap, UsageError, formula_of, gap
from numcheck.reals.settle import ContradictionError
from numcheck.suite import check_catalog

from numcheck import cli, real, ulps

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
    assert verdict() == (0, "passed: 0 points: ")


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
    failing = entry({"over": 1, "within": 5}, {"overflow": 0})
    for fail_on in ("over", "gap", "none"):
        assert verdict(failing, fail_on=fail_on, notes=["x: shape"], disagreements=["a"])[0] == 3
        code, sentence = verdict(failing, fail_on=fail_on, notes=["x: shape", "y: dtype"])
        assert (code, sentence) == (2, "2 routines broke their contract: x: shape")
    assert verdict(failing)[1].startswith("over budget at 1 of 6 points")


def test_what_fails_a_run_is_what_was_asked() -> None:
    failing, covers = entry({"over": 1, "within": 5}), entry({"gap": 2, "within": 5}, {"overflow": 2})
    stale = entry({"within": 5}, {"overflow": 0})
    table = {
        fail_on: [verdict(one, fail_on=fail_on)[0] for one in (failing, covers, stale, entry({"within": 5}))]
        for fail_on in ("over", "gap", "none")
    }
    assert table == {"over": [1, 0, 1, 0], "gap": [1, 1, 1, 0], "none": [0, 0, 0, 0]}
    assert verdict(failing, fail_on="none")[1] == "6 points: 5 within, 1 over"
    assert verdict(covers, fail_on="gap")[1] == "2 of 7 points lie in known gaps: 5 within, 2 gap"


def test_a_gap_is_stale_where_it_covers_nothing_in_the_whole_run() -> None:
    stale = entry({"within": 5}, {"overflow": 0, "underflow": 3})
    assert verdict(stale) == (1, "1 stale gaps: softplus.naive: overflow: delete what no longer fails")
    assert verdict(stale, entry({"within": 5}, {"overflow": 1}, format="float16"))[0] == 0
    assert verdict(entry({"within": 5}, {"overflow": 1}, of="grad"), stale)[0] == 0
    assert verdict(stale, entry({"within": 5}, {"overflow": 1}, routine="another"))[0] == 1
    assert verdict(stale, entry({"within": 5}, {"overflow": 1}, formula="another"))[0] == 1
    several = [entry({"within": 1}, {cause: 0}) for cause in ("scale", "order", "overflow", "underflow")]
    told = "; ".join(f"softplus.naive: {cause}" for cause in ("order", "overflow", "scale"))
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


def test_a_sweep_may_leave_two_in_a_thousand_truths_open() -> None:
    assert sweep_verdict(entry({"within": 998, "unresolved": 2}))[0] == 0
    code, sentence = sweep_verdict(entry({"over": 997, "unresolved": 3}))
    assert (code, sentence) == (3, "truth in doubt: 3 of 1000 points unresolved")
    assert sweep_verdict(entry({"within": 498, "unresolved": 1}))[0] == 3
    assert sweep_verdict() [0] == 0  # fmt: skip


# A routine's verdict in a search ----------------------------------------------------------------------------------


def test_a_promise_holds_where_nothing_was_found() -> None:
    assert examined() == (True, False)
    for broken in ({"findings": ("one",)}, {"crash": ("m", 0)}, {"found": "one"}, {"stale": ("gap",)}):
        assert examined(**broken) == (False, False)


def test_of_drawn_and_searched_points_two_in_a_thousand_may_stay_open() -> None:
    assert examined(1000, 0, 2) == (True, False)
    assert examined(1000, 0, 3) == (False, True)
    assert examined(400, 600, 2) == (True, False)
    assert examined(400, 599, 2) == (False, True)


# Gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_covers_its_own_cause_and_of_a_single_point_a_scale_that_shows_at_several() -> None:
    for cause in Cause:
        assert covered(cause, cause)
        assert covered(cause, "scale", "order") is (cause in ("scale", "order", "wrong_formula"))
        assert covered(cause, "wrong_formula") is (cause == "wrong_formula")
        assert not covered(cause)


def test_a_gap_speaks_of_its_half_its_formats_and_its_devices() -> None:
    anywhere = Gap(Cause.OVERFLOW, "known")
    assert anywhere.covers("value", "float32", "cpu") and anywhere.covers("grad", "float16", "cuda:1")
    some = Gap(Cause.OVERFLOW, "known", "grad", ("float32", "float16"), ("cuda",))
    assert some.covers("grad", "float32", "cuda") and some.covers("grad", "float16", "cuda:1")
    assert not some.covers("value", "float32", "cuda")
    assert not some.covers("grad", "bfloat16", "cuda")
    assert not some.covers("grad", "float32", "cpu")
    assert not some.covers("grad", "float32", "cpu:0")


def one_run(*gaps: str, **asked: Any) -> dict[str, Any]:
    """The report of a routine of x in [1, 4] that is wrong by a tenth from 2 on, with such gaps."""
    formula = formula_of(lambda x: x * 1, "Peano 1889", [], None, {"x": real(1, 4)})
    routine = formula.routine(value=ulps(2), grad=ulps(2))(lambda x: torch.where(x > 2, x * 1.1, x))
    for cause in gaps:
        routine = gap(cause, "planted")(routine)
    return check_catalog(points=60, routine=routine, formats=["float32"], jobs=1, **asked)


def test_a_gap_counts_the_points_that_it_covers_and_their_fate() -> None:
    plain, slope = one_run()["measurements"]
    failing = plain["fates"]["over"]
    assert 0 < failing < plain["points"] and plain["fates"]["gap"] == 0 and plain["gaps"] == []
    assert plain["fates"]["within"] == plain["points"] - failing
    cause = plain["findings"][0]["cause"]
    other = next(word.value for word in Cause if word not in {f["cause"] for f in plain["findings"]})
    known, _ = one_run(cause, other)["measurements"]
    told = {gap["cause"]: (gap["points"], gap["stale"]) for gap in known["gaps"]}
    assert told == {cause: (failing, False), other: (0, True)}
    assert (known["fates"]["gap"], known["fates"]["over"]) == (failing, 0)
    assert known["fates"]["within"] == plain["fates"]["within"]
    assert slope["fates"]["over"] > 0
    assert (known["spent"], known["worst_ulp"]) == (plain["spent"], plain["worst_ulp"])
    assert plain["worst"]["spent"] == plain["spent"] and plain["worst"]["fate"] == "over"
    assert plain["simplest"]["fate"] == "over"
    assert sum(plain["ulp_histogram"].values()) == plain["points"] == sum(known["ulp_histogram"].values())


def test_a_run_that_was_interrupted_calls_no_gap_stale() -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    report = one_run("order", progress=interrupt)
    assert report["interrupted"] is True
    assert [(gap["points"], gap["stale"]) for entry in report["measurements"] for gap in entry["gaps"]] == [
        (0, False)
    ] * 2


# Exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (UsageError("no such formula"), 2, "numcheck: no such formula\n"),
        (ContradictionError("two proofs"), 3, "numcheck: truth in doubt: two proofs\n"),
        (KeyboardInterrupt(), 130, "numcheck: interrupted\n"),
        (click.Abort(), 130, "numcheck: interrupted\n"),
        (click.ClickException("two\nlines"), 2, "numcheck: two lines\n"),
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

    monkeypatch.setattr("numcheck.case.load_catalog", broken)
    assert cli.run(["list"]) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err.lstrip()) == ("", line)


def test_a_command_that_ends_well_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list"]) == cli.run(["--help"]) == cli.run([]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_process_ends_with_the_verdict(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from numcheck import suite

    report: dict[str, Any] = {"measurements": [], "schema": 1}
    monkeypatch.setattr(suite, "check_catalog", lambda *_, **__: report)
    monkeypatch.setattr(suite, "verdict", lambda *_: (code, "so it is"))
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
