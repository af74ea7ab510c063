"""What a routine does beside computing is seen, told, and charged to it where it breaks the promise."""

import math
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from numcheck import check, explain, integer, m, real, sweep, ulps, vector
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.registry import formulas as registered
from numcheck.declaration.words import Cause, DeclarationError, ExitCode, Fate, Of
from numcheck.diagnosis import conduct
from numcheck.diagnosis.conduct import called_again
from numcheck.diagnosis.diagnose import diagnose
from numcheck.domain import Points, draw
from numcheck.formats import FORMATS, format_of
from numcheck.measure.execute import ALONE, BACKWARDS, WHOLE, Outcome, RoutineError, execute
from numcheck.measure.measurement import Measurement, measure
from numcheck.reals import subnormals
from numcheck.runs import sweep_verdict
from numcheck.truth import settle

FLOAT32 = format_of("float32")
LEAST = 2.0**-149
HAS_THE_MODE = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)
flushes = pytest.mark.skipif(not HAS_THE_MODE, reason="this processor cannot flush subnormals")


def identity(x):
    return x * 1


def stated(function: Callable[..., Any] = identity, **inputs: Any) -> Formula:
    return formula_of(function, "arithmetic", [], None, inputs or {"x": real(-100, 100)})


def made(function: Callable[..., Any], formula: Formula | None = None, **more: Any) -> Routine:
    return routine_of(
        formula or stated(), function, "judged", more.pop("value", ulps(1, cond=0)), None, **more
    )


def judged(routine: Routine, *numbers: float, format: str = "float32") -> Measurement:
    """The value at these points, called again in other arrangements."""
    domain = next(iter(routine.formula.inputs.values()))
    points = Points(
        {name: domain.column(list(numbers), format_of(format)) for name in routine.formula.inputs},
        np.array(["given"] * len(numbers)),
    )
    truth = settle(routine.formula, points, format_of(format), with_gradient=False)
    (value,) = called_again(measure(routine, points, truth, format_of(format), "cpu"), truth)
    return value


def fates(measurement: Measurement) -> list[str]:
    return [Fate(fate).word for fate in measurement.judgement.worst.fate]


def causes(measurement: Measurement) -> list[Cause | None]:
    return diagnose(measurement).causes.tolist()


MANY = [float(number) for number in range(1, 200)]


# What comes out ---------------------------------------------------------------------------------------------------


def test_a_coarser_result_is_judged_by_the_format_asked_for():
    one = judged(made(lambda x: x.half()), 1.0, 1 + 2.0**-20)
    assert fates(one) == ["within", "over"]
    assert (one.judgement.format.name, one.made) == ("float32", "float16")


def test_a_coarser_result_that_is_declared_is_judged_by_its_own_format():
    one = judged(made(lambda x: x.half(), output="float16"), 1.0, 1 + 2.0**-20)
    assert fates(one) == ["within", "within"]
    assert one.judgement.format.name == "float16"


def test_neither_of_two_formats_that_hold_each_other_not_excuses_the_other():
    assert judged(made(lambda x: x.bfloat16()), 1.0, format="float16").judgement.format.name == "float16"
    assert judged(made(lambda x: x.half()), 1.0, format="bfloat16").judgement.format.name == "bfloat16"


def test_a_result_in_another_format_than_declared_is_refused():
    with pytest.raises(RoutineError, match="returned float32; it declares output='float16'"):
        judged(made(lambda x: x * 1, output="float16"), 1.0)


def test_a_result_in_another_format_is_shown():
    for function, words in (
        (lambda x: x.double(), "returns float64 where float32 was asked for, judged by float64"),
        (lambda x: x.half(), "judged by float32; if that is meant, declare output='float16'"),
    ):
        report = check(made(function), stated(), formats=["float32"], points=20)
        (entry,) = report["measurements"]
        assert any(words in text for text in entry["remarks"])
        assert any(words in text for text in report["remarks"])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_of_a_formula_of_whole_numbers_are_judged(dtype: torch.dtype):
    formula = stated(lambda n: n * 3, n=integer(0, 80))
    right, wrong = made(lambda n: (n * 3).to(dtype), formula), made(lambda n: (n * 3 + 1).to(dtype), formula)
    assert set(fates(judged(right, 1, 2, 80))) == {"within"}
    assert set(fates(judged(wrong, 1, 2, 80))) == {"over"}


def test_a_whole_number_is_off_by_one_however_large_float32_would_round_it():
    formula = stated(lambda n: n * 3, n=integer(0, 2**40))
    assert fates(judged(made(lambda n: n * 3 + 1, formula), 2**40)) == ["over"]


def test_whole_numbers_that_are_exact_and_wrong_are_another_formula():
    formula = stated(lambda n: n * 3, n=integer(0, 80))
    assert causes(judged(made(lambda n: n * 3 + 1, formula), 5)) == [Cause.WRONG_FORMULA]


def test_a_whole_number_is_no_result_of_a_formula_of_reals():
    with pytest.raises(RoutineError, match="return a floating-point tensor"):
        judged(made(lambda x: x.long()), 1.0)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: x.to_sparse(), "layout torch.sparse_coo; return it .to_dense()"),
        (lambda x: torch.complex(x, x), "returned torch.complex64; return its real part"),
        (lambda x: None, "returned NoneType; return one tensor"),
        (lambda x: ((x, x), x), "returned a tuple of 2; return one tensor"),
        (lambda x: x.to("meta"), "returned a tensor on meta for inputs on cpu"),
    ],
)
def test_what_is_no_result_is_told_in_words_and_crashes_where_it_comes_at_some_points_only(result, words):
    with pytest.raises(RoutineError, match=re.escape(words)):
        judged(made(result), 1.0, 2.0)
    one = judged(made(lambda x: result(x) if (x > 3).any() else x * 1), 1.0, 4.0)
    assert fates(one) == ["within", "crash"]
    assert words in one.crashes[1]


class OddError(BaseException):
    pass


@pytest.mark.parametrize("leaving", [SystemExit(0), GeneratorExit(), OddError("gone")])
def test_a_routine_that_leaves_at_some_points_crashes_there(leaving: BaseException):
    def leaves(x):
        if (x > 3).any():
            raise leaving
        return x + x

    one = judged(made(leaves), 1.0, 4.0)
    assert fates(one) == ["over", "crash"]
    assert one.crashes[1].startswith(type(leaving).__name__)
    assert causes(one)[0] is not None


def test_an_interruption_stays_one():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(made(interrupted), 1.0)


def test_a_check_does_not_leave_with_its_routine():
    report = check(made(lambda x: sys.exit(0)), stated(), formats=["float32"], points=10)
    (entry,) = report["measurements"]
    assert entry["fates"]["crash"] == entry["points"]
    assert entry["message"] == "SystemExit: 0"


# In another arrangement -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [WHOLE, BACKWARDS, ALONE], ids=lambda layout: layout.words)
@pytest.mark.parametrize("sizes", [None, (3,)])
def test_a_layout_gives_each_point_its_own_result(layout, sizes):
    domain = vector(-4, 4, sizes=sizes) if sizes else real(-4, 4)
    formula = stated(lambda x: m.sum(x * x), x=domain)
    seen: list[torch.Tensor] = []

    def squares(x):
        seen.append(x)
        return x.square().reshape(len(x), -1).sum(1)

    (points,) = draw(formula.inputs, FLOAT32, 20, 0, "squares")
    outcome = execute(made(squares, formula), points, FLOAT32, "cpu", None, False, layout)
    column = points.columns["x"]
    assert isinstance(column, torch.Tensor)
    expected = column.square().reshape(len(points), -1).sum(1).double().numpy()
    assert outcome.halves[Of.VALUE].numbers.tolist() == expected.tolist()
    assert all(x.is_contiguous() for x in seen) == (not layout.gaps)
    assert {len(x) for x in seen} == ({1} if layout.alone else {len(layout.order(len(points)))})


def test_a_gradient_is_the_same_in_every_layout():
    formula = stated(lambda x: m.sum(x * x * x), x=vector(-4, 4, sizes=(3,)))
    routine = routine_of(formula, lambda x: (x**3).sum(1), "cubes", ulps(4), ulps(4))
    (points,) = draw(formula.inputs, FLOAT32, 20, 0, "cubes")
    slopes = [
        execute(routine, points, FLOAT32, "cpu", None, True, layout).halves[Of.GRAD].numbers.tolist()
        for layout in (WHOLE, BACKWARDS, ALONE)
    ]
    assert slopes[0] == slopes[1] == slopes[2]


def test_other_bits_within_the_budget_are_told_and_count_nowhere():
    def last_bit(x):
        return torch.where(torch.tensor(len(x) < 100), torch.nextafter(x, x + 1), x)

    one = judged(made(last_bit), *MANY)
    assert set(fates(one)) == {"within"}
    assert one.remarks[0].startswith("placement: other bits backwards, with gaps in memory at ")


def test_results_farther_apart_than_both_budgets_fail_with_the_worse_of_two():
    one = judged(made(lambda x: x if len(x) > 100 else x + 1), *MANY)
    assert set(fates(one)) == {"over"}
    assert set(causes(one)) == {Cause.PLACEMENT}
    assert one.judgement.worst.got.tolist() == [x + 1 for x in MANY]


@pytest.mark.parametrize(
    ("budget", "first", "other", "fails", "share"),
    [(1, 0, 3, True, 1.5), (1, 0, 2, False, 1), (2, 2, 3, False, 0.25), (2, 3, 2, True, 0.25)],
)
def test_only_results_farther_apart_than_both_budgets_are_charged_to_the_arrangement(
    budget, first, other, fails, share
):
    """Both are so many ulps off; a first result that is over fails by itself."""

    def off(x):
        return x + (first if len(x) > 100 else other) * 2.0**-17

    numbers = [float(number) for number in range(65, 128)] * 3
    one = judged(made(off, value=ulps(budget, cond=0)), *numbers)
    assert set(fates(one)) == {"over" if fails else "within"}
    assert (Cause.PLACEMENT in one.conduct.values()) == (share > 1)
    words = f"of {len(numbers)} points, up to {share:.3g} of what the budgets allow"
    assert one.remarks[0].split(" at ")[1].endswith(words.partition("points, ")[2])


def test_where_some_results_are_other_bits_the_farthest_is_told():
    def off(x):
        return x + torch.where(x == 65, 3.0, 0.0) * 2.0**-17 * (len(x) < 100)

    numbers = [float(number) for number in range(65, 128)] * 2
    one = judged(made(off, value=ulps(2, cond=0)), *numbers)
    assert one.remarks[0].endswith("at 1 of 65 points, up to 0.75 of what the budgets allow")


@pytest.mark.parametrize(("first", "other"), [(5.0, 9.0), (9.0, 5.0)])
def test_of_two_results_that_are_over_the_farther_one_is_kept(first, other):
    one = judged(made(lambda x: x + (first if len(x) > 100 else other)), *MANY)
    kept = max(first, other)
    assert one.judgement.worst.got.tolist() == [x + kept for x in MANY]


def test_all_points_are_tried_where_one_of_some_and_one_half_of_two_is_apart():
    def beyond_fifty(x):
        return x + torch.where((x > 50) & torch.tensor(len(x) < 100), 1.0, 0.0)

    formula = stated(lambda x: x * 1)
    routine = routine_of(formula, beyond_fifty, "judged", ulps(1, cond=0), ulps(1, cond=0))
    points = Points({"x": torch.tensor(MANY)}, np.array(["given"] * len(MANY)))
    truth = settle(formula, points, FLOAT32)
    value, grad = called_again(measure(routine, points, truth, FLOAT32, "cpu"), truth)
    assert fates(value) == ["over" if x > 50 else "within" for x in MANY]
    assert set(fates(grad)) == {"within"}


def test_a_gradient_that_hangs_on_its_company_is_found_though_the_value_does_not():
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, cotangent):
            return cotangent if len(cotangent) > 100 else cotangent * 2

    formula = stated(lambda x: x * 1)
    routine = routine_of(formula, lambda x: Own.apply(x), "judged", ulps(1, cond=0), ulps(1, cond=0))
    points = Points({"x": torch.tensor(MANY)}, np.array(["given"] * len(MANY)))
    truth = settle(formula, points, FLOAT32)
    value, grad = called_again(measure(routine, points, truth, FLOAT32, "cpu"), truth)
    assert (set(fates(value)), set(fates(grad)), value.remarks) == ({"within"}, {"over"}, ())


def test_one_number_of_several_that_hangs_on_its_company_is_found():
    formula = stated(lambda x: m.stack([x, 2 * x]))

    def pairs(x):
        return torch.stack([x, 2 * x + (0.0 if len(x) > 100 else 1.0)], 1)

    points = Points({"x": torch.tensor(MANY)}, np.array(["given"] * len(MANY)))
    truth = settle(formula, points, FLOAT32, with_gradient=False)
    (value,) = called_again(measure(made(pairs, formula), points, truth, FLOAT32, "cpu"), truth)
    assert set(fates(value)) == {"over"}


def calls_of(function, *numbers: float) -> list[tuple[int, bool]]:
    """Of each call how many points it is given, and whether they lie one beside the other."""
    calls: list[tuple[int, bool]] = []

    def noted(x):
        calls.append((len(x), x.is_contiguous()))
        return function(x)

    judged(made(noted), *numbers)
    return calls


def test_of_one_point_there_is_no_other_order():
    assert [contiguous for _, contiguous in calls_of(lambda x: x * 1, 3.0)] == [True, True]
    assert any(not contiguous for _, contiguous in calls_of(lambda x: x * 1, 3.0, 4.0))


def test_a_sample_of_what_passes_and_some_of_what_fails_is_called_again():
    many = [float(number) for number in range(1, 1001)]
    calls = calls_of(lambda x: x * 1, *many)[1:]
    sample = sum(count for count, contiguous in calls if not contiguous)
    assert sample < 100
    failing = calls_of(lambda x: torch.where(x > 100, x + 1, x), *many)[1:]
    assert sum(count for count, contiguous in failing if not contiguous) <= sample + 32
    alone = [sum(count == 1 for count, contiguous in each if contiguous) for each in (calls, failing)]
    assert alone[0] <= 5 and alone[1] <= alone[0] + 4


def test_the_points_that_fail_worst_come_first_and_those_that_have_no_number_before_all():
    offsets = {1.0: 3.0, 2.0: math.nan, 3.0: 0.0, 4.0: 7.0}
    one = judged(made(lambda x: x + torch.tensor([offsets[number] for number in x.tolist()])), *offsets)
    assert conduct._over([one]).tolist() == [1, 0, 3]


def test_the_first_of_several_reasons_to_raise_in_another_arrangement_is_told():
    def alone_never(x):
        if len(x) == 1:
            raise ValueError(f"{x.item()} is alone")
        return x * 1

    assert judged(made(alone_never), *MANY).remarks == ("raises each alone: ValueError: 1.0 is alone",)


def test_a_routine_that_raises_where_all_points_are_tried_is_charged_with_what_it_gave():
    def raises_at_one(x):
        if len(x) < 100 and (x == 57).any():
            raise ValueError("57")
        return x if len(x) > 100 else x + 1

    told = fates(judged(made(raises_at_one), *MANY))
    assert set(told) <= {"over", "within"} and "over" in told


@pytest.mark.parametrize("small", [False, True])
def test_a_routine_that_varies_in_one_arrangement_alone_is_not_deterministic(small):
    def dithered(x):
        return x + (torch.randint(0, 2, x.shape) if (len(x) < 100) == small else 0 * x)

    assert Cause.NOT_DETERMINISTIC in causes(judged(made(dithered), *MANY))


def test_bits_are_the_same_of_a_zero_with_its_sign_and_of_whatever_is_no_number():
    one = np.array([0.0, -0.0, 1.0, math.nan, math.nan, math.inf, 1.0, math.inf])
    other = np.array([0.0, 0.0, 1.0, math.nan, 1.0, math.nan, math.nan, math.inf])
    assert conduct._same_bits(one, other).tolist() == [True, False, True, True, False, False, False, True]


@pytest.mark.parametrize(
    ("cause", "known", "counts"),
    [
        (Cause.CANCELLATION, set(), True),
        (Cause.CANCELLATION, {Cause.CANCELLATION}, False),
        (Cause.CANCELLATION, {Cause.ABSORPTION}, True),
        (Cause.UNCONVERGED, set(), False),
        (None, set(), True),
    ],
)
def test_what_a_gap_speaks_of_and_a_loop_that_stops_too_early_is_no_placement(cause, known, counts):
    one = judged(made(lambda x: x if len(x) > 100 else x + 1), *MANY)
    rows = list(one.conduct)
    assert conduct.by_placement(one, dict.fromkeys(rows, cause), known) == (rows if counts else [])


@pytest.mark.parametrize(
    ("plain", "moved", "charged"),
    [(1, 0, True), (1, -0.25, True), (1, 0.25, True), (1, -9, False), (1, 9, False), (1, math.nan, False),
     (math.inf, 9, True)],
)  # fmt: skip
def test_a_result_that_one_rounding_of_several_moves_as_far_is_not_charged_to_the_arrangement(
    plain, moved, charged, monkeypatch
):
    """The error is one; of the trials of each point the second moves its result so far, and the others do not."""

    class Told:
        def __init__(self, copies, lanes, sharp):
            self.sharp = sharp

        def shadow(self, lanes):
            found = np.full(len(lanes), float(plain))
            if self.sharp is not None:
                found[1 :: conduct.placement.TRIALS] += moved
            return found

    one = judged(made(lambda x: x if len(x) > 100 else x + 1), *MANY)
    rows = list(one.conduct)
    monkeypatch.setattr(conduct, "Records", Told)
    told = conduct.by_placement(one, dict.fromkeys(rows), set())
    assert told == (rows if charged else [])


def test_each_arrangement_is_held_against_the_first():
    one = judged(made(lambda x: x if x.is_contiguous() else x + 1), *MANY)
    assert [text.split(" at ")[0] for text in one.remarks] == [
        "placement: other bits backwards, with gaps in memory"
    ]


def test_what_fails_alone_only_is_found():
    one = judged(made(lambda x: x if len(x) > 1 else x + 1), *MANY)
    failing = [fate for fate in fates(one) if fate != "within"]
    assert len(failing) >= 4
    assert set(causes(one)) == {None, Cause.PLACEMENT}


def test_what_is_right_alone_only_is_placement_at_every_failing_point():
    one = judged(made(lambda x: x if len(x) == 1 else x + 1), *MANY)
    assert set(causes(one)) == {Cause.PLACEMENT}


def test_a_routine_that_magnifies_the_last_bit_is_not_told_by_its_arrangement():
    """The last bit of the exponential falls otherwise where another batch comes; what is lost then is cancelled."""

    def difference(x):
        moved = torch.exp(x)
        return (moved if len(x) > 100 else torch.nextafter(moved, moved * 2)) - 1

    formula = stated(lambda x: m.expm1(x), x=real(1e-7, 1))
    one = judged(made(difference, formula), *(float(x) * 2.0**-22 for x in range(1, 200)))
    assert Cause.CANCELLATION in causes(one)
    assert Cause.PLACEMENT not in causes(one)


def test_a_routine_that_raises_in_another_arrangement_is_told_and_not_failed():
    def contiguous_only(x):
        if not x.is_contiguous():
            raise ValueError("make it contiguous")
        return x * 1

    one = judged(made(contiguous_only), *MANY)
    assert set(fates(one)) == {"within"}
    assert one.remarks == ("raises backwards, with gaps in memory: ValueError: make it contiguous",)


def test_equal_calls_with_other_results_are_not_deterministic_at_all_failing_points():
    def dithered(x):
        return x + torch.randint(0, 2, x.shape)

    one = judged(made(dithered), *MANY)
    assert set(causes(one)) == {None, Cause.NOT_DETERMINISTIC} or set(causes(one)) == {
        Cause.NOT_DETERMINISTIC
    }
    assert fates(one).count("over") > len(MANY) / 2


def test_a_routine_that_varies_on_purpose_is_held_against_nothing():
    def dithered(x):
        return torch.where(torch.rand(x.shape) < 0.5, x, torch.nextafter(x, x + 1))

    assert any("not_deterministic" in text for text in judged(made(dithered), *MANY).remarks)
    told = judged(made(dithered, varies="stochastic rounding"), *MANY)
    assert told.remarks == ("varies on purpose: stochastic rounding",)
    assert set(fates(told)) == {"within"}


def test_a_reason_to_vary_is_said_in_words():
    with pytest.raises(DeclarationError, match='varies="stochastic rounding"'):
        made(lambda x: x, varies=" ")


def test_a_check_tells_of_an_arrangement_by_name():
    report = check(made(lambda x: x if len(x) > 100 else x + 1), stated(), formats=["float32"], points=200)
    (finding,) = report["measurements"][0]["findings"]
    assert finding["cause"] == "placement"
    assert finding["region"].startswith("where it is called in another arrangement: other bits ")
    assert finding["simplest"]["got"] != finding["simplest"]["truth"]
    assert finding["worst"]["fate"] == finding["simplest"]["fate"] == "over"
    assert report["remarks"] == ["placement: other bits in another arrangement: identity.judged in float32"]


def test_a_sweep_calls_again_with_points_spread_over_all():
    formula = stated(lambda x: x * 1, x=real(-2, 2))
    for function, code, words in (
        (lambda x: x * 1, ExitCode.PASSED, []),
        (
            lambda x: x if x.is_contiguous() else x + 1,
            ExitCode.FAILED,
            ["placement: other bits"],
        ),
    ):
        result = sweep(formula, [made(function, formula)], format="float16")
        (entry,) = result["measurements"]
        assert [text[: len("placement: other bits")] for text in entry["remarks"]] == words
        assert sweep_verdict(result)[0] == code


# Inputs written into ----------------------------------------------------------------------------------------------


def test_an_input_that_moved_by_more_than_the_budget_fails_and_one_that_moved_less_is_told():
    def nudged(x):
        right = x.clone()
        x.copy_(torch.where(x > 2, x + 1, torch.nextafter(x, x + 1)))
        return right

    one = judged(made(nudged), 1.0, 4.0)
    assert fates(one) == ["within", "over"]
    assert causes(one) == [None, Cause.MUTATION]
    assert one.changed["x"].tolist() == [1.0, 2.0**21]


def test_every_change_of_a_whole_number_fails():
    def decremented(n):
        n -= 1
        return n + 1

    one = judged(made(decremented, stated(lambda n: n * 1, n=integer(0, 10)), value=ulps(8)), 3, 4)
    assert set(causes(one)) == {Cause.MUTATION}


def test_a_point_that_fails_by_its_result_has_the_cause_of_that():
    def naive(x):
        return x.exp_().sub_(1)

    one = judged(made(naive, stated(lambda x: m.expm1(x), x=real(-1, 1))), 2.0**-20, 1.0)
    assert causes(one) == [Cause.CANCELLATION, Cause.MUTATION]


def test_an_input_that_is_only_read_or_returned_has_not_changed():
    assert judged(made(lambda x: x), *MANY).changed == {}


def test_a_mutation_is_told_in_the_report():
    formula = stated(lambda x: m.abs(x))
    report = check(made(lambda x: x.abs_() * 1, formula), formula, formats=["float32"], points=40)
    (entry,) = report["measurements"]
    assert {one["cause"] for one in entry["findings"]} == {"mutation"}
    assert any(text.startswith("mutation: writes into its input x, at ") for text in entry["remarks"])


# Subnormals -------------------------------------------------------------------------------------------------------


@flushes
def test_a_truth_at_a_subnormal_is_the_same_in_either_mode():
    formula = stated(lambda x: x * 2)
    told = []
    for flush in (False, True):
        torch.set_flush_denormal(flush)
        try:
            point = formula.at((LEAST,), FLOAT32)
            assert not subnormals.flushing()
            torch.set_flush_denormal(flush)
            told.append(settle(formula, point, FLOAT32, with_gradient=False).value.nearest().tolist())
            assert not subnormals.flushing()
        finally:
            torch.set_flush_denormal(False)
            subnormals._found.clear()
    assert told == [[2 * LEAST]] * 2


@flushes
def test_what_a_routine_flushes_is_charged_to_it_and_to_none_that_runs_after_it():
    def flushing(x):
        torch.set_flush_denormal(True)
        return x * 1

    one = judged(made(flushing, value=ulps(0.5, cond=0)), LEAST, 1.0)
    assert (fates(one), causes(one)) == (["over", "within"], [Cause.FLUSHED, None])
    assert not subnormals.flushing()
    after = judged(made(lambda x: x * 1), LEAST)
    assert (fates(after), after.flushed) == (["within"], False)


@flushes
def test_a_result_that_only_spends_its_budget_where_subnormals_are_kept_was_lost_to_their_flush():
    def flushing(x):
        torch.set_flush_denormal(True)
        return torch.stack([x * 1 + LEAST, x * 1 + LEAST], 1)

    formula = stated(lambda x: m.stack([x, x]))
    one = judged(made(flushing, formula), 3 * LEAST, 1.0)
    assert causes(one) == [Cause.FLUSHED, None]


def test_where_a_routine_gives_nothing_with_subnormals_kept_nothing_is_known_to_be_lost_to_a_flush(
    monkeypatch,
):
    one = judged(made(lambda x: x + 1), *MANY[:5])
    monkeypatch.setattr(conduct, "_outcome", lambda *_: Outcome({}, {}))
    assert conduct._healed_by_subnormals(one, np.arange(5)).tolist() == []


@flushes
def test_looking_for_causes_and_laws_leaves_the_mode_as_it_is():
    def flushing_and_wrong(x):
        torch.set_flush_denormal(True)
        return x * 1 + 1

    report = check(flushing_and_wrong, stated(), formats=["float32"], points=50, value=ulps(0.5, cond=0))
    assert {one["cause"] for one in report["measurements"][0]["findings"]} >= {"wrong_formula"}
    assert not subnormals.flushing()
    assert not subnormals._found


@flushes
def test_a_routine_runs_in_the_mode_in_which_the_thread_was_found():
    torch.set_flush_denormal(True)
    try:
        subnormals.keep()
        one = judged(made(lambda x: x * 1, value=ulps(0.5, cond=0)), LEAST)
        assert (fates(one), causes(one), one.flushed) == (["over"], [Cause.FLUSHED], True)
        assert not subnormals.flushing()
    finally:
        subnormals._found.clear()


@flushes
def test_a_file_that_flushes_is_judged_so_and_its_points_are_read_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "flushing.py").write_text(
        "import torch\nfrom numcheck import formula, real, ulps\ntorch.set_flush_denormal(True)\n"
        '@formula(source="s", known=[((1,), "2")], x=real(-2, 2))\n'
        'def twice_while_flushing(x):\n    """Twice."""\n    return x * 2\n'
        "@twice_while_flushing.routine(value=ulps(1))\ndef sum_(x):\n    return x + x\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numcheck.declaration.registry._registry", dict(registered()))
    try:
        words = str(explain("sum_", "flushing.py:twice_while_flushing", {"x": "1e-45"}))
    finally:
        subnormals._found.clear()
    assert "2.8025969286496341" in words
    assert "finding       flushed" in words


# Whole numbers that wrap ------------------------------------------------------------------------------------------


def test_a_routine_of_whole_numbers_that_wraps_harmlessly_is_not_told():
    """A sum that comes back by the way that it went, and a hash that is meant to wrap."""
    formula = stated(lambda n: n * 1, n=integer(0, 100))

    def there_and_back(n):
        narrow = n.to(torch.int8)
        return ((narrow + 100) - 100).long()

    assert set(causes(judged(made(there_and_back, formula), 50, 90))) == {None}


def test_a_float_that_an_integer_type_does_not_hold_wraps():
    formula = stated(lambda x: x * 1, x=real(0, 1000))
    one = judged(made(lambda x: x.to(torch.uint8).to(x.dtype), formula), 3.0, 300.0)
    assert causes(one) == [None, Cause.WRAPAROUND]


def test_every_format_can_be_called_again():
    for format in FORMATS:
        if format.bits >= 16:
            assert set(fates(judged(made(lambda x: x * 1), *MANY[:60], format=format.name))) == {"within"}
