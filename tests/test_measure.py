"""Each result meets exactly one fate, and the right one."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch

from numcheck import FORMATS, format_of, m, one_of, real, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Fate, Of
from numcheck.domain import Points, draw
from numcheck.measure import measurement
from numcheck.measure.error import power_below
from numcheck.measure.execute import NO_GRADIENT, Given, RoutineError, execute
from numcheck.measure.judge import judge
from numcheck.measure.measurement import measure, tally
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.truth import Half, settle

FLOAT64, FLOAT32, FLOAT16 = (format_of(name) for name in ("float64", "float32", "float16"))


def identity(x):
    """x itself."""
    return x * 1


def stated(function=identity, **inputs):
    known = [] if inputs else [((1,), "1")]
    return formula_of(function, "arithmetic", known, None, inputs or {"x": real(-1e30, 1e30)})


def given(*numbers: float, format=FLOAT32) -> Points:
    column = format.round(torch.tensor(numbers, dtype=torch.float64))
    return Points({"x": column}, np.array(["given"] * len(numbers)))


def fates_of(result, numbers, format=FLOAT32, budget=None, function=identity):
    formula = stated(function)
    points = given(*numbers, format=format)
    routine = routine_of(formula, result, "result", budget or ulps(1, cond=0), None)
    (value,) = measure(routine, points, settle(formula, points, format), format, "cpu")
    return [Fate(i) for i in value.judgement.worst.fate], value.judgement


def test_an_exact_result_spends_nothing():
    fates, judged = fates_of(lambda x: x, [1.0, -3.5, 0.0])
    assert fates == [Fate.WITHIN] * 3
    assert judged.spent.max() == 0


def test_an_error_of_two_ulps_spends_twice_a_budget_of_one():
    fates, judged = fates_of(lambda x: x + 2.0**-22, [1.0])
    assert fates == [Fate.OVER]
    assert judged.error[0, 0] == judged.spent[0, 0] == 2


@pytest.mark.parametrize("off", [0, 2.0**-9])
def test_a_verdict_within_the_radius_of_the_truth_stays_open_where_the_budget_is_narrower(off: float):
    # in units of an ulp of float32: the truth is 1 give or take 1/128, the budget 1/1024
    radius, miss = 2.0**-7 * 2.0**-24, off * 2.0**-24
    truth = Enclosure(
        *(np.array([part]) for part in (0.5 - miss, 0.0, radius)), np.array([1]), np.array([PROVED], np.int8)
    )
    budget = ulps(2.0**-10, cond=0)
    judged = judge(Of.VALUE, Given(np.array([1.0]), FLOAT32), Half(truth, np.zeros(1)), budget, 1, {})
    assert judged.error[0, 0] == judged.spent[0, 0] == 0
    assert judged.margin[0, 0] >= 1


def test_a_verdict_around_zero_stays_open_also_where_the_truth_is_settled_for_the_most_lenient_budget():
    # the truth is 0 give or take half a unit roundoff, of which the budget forgives 64
    radius = 2.0**-25
    truth = Enclosure(
        *(np.array([part]) for part in (0.0, 0.0, 0.5)), np.array([-24]), np.array([PROVED], np.int8)
    )
    given = Given(np.array([64 * 2.0**-24 + radius / 2]), FLOAT32)
    judged = judge(Of.VALUE, given, Half(truth, np.ones(1)), ulps(1, cond=64), 1, {})
    assert abs(judged.spent[0, 0] - 1) <= judged.margin[0, 0] < 1 / 64


def test_nan_where_the_truth_is_finite_is_special():
    assert fates_of(lambda x: x * torch.nan, [1.0])[0] == [Fate.SPECIAL]


def test_infinity_where_the_truth_is_finite_in_the_format_is_overflow():
    assert fates_of(lambda x: x * torch.inf, [1.0])[0] == [Fate.OVERFLOW]


def test_infinity_where_the_truth_rounds_to_infinity_is_within():
    fates, _ = fates_of(lambda x: x * x, [1e5, 200.0], FLOAT16, function=lambda x: x * x)
    assert fates == [Fate.WITHIN, Fate.WITHIN]


def test_infinity_just_below_where_rounding_gives_it_is_within_if_the_budget_reaches_so_far():
    """65519 rounds to 65504; an infinity counts as 65536, half an ulp of 32 away."""
    fates, judged = fates_of(
        lambda x: x * torch.inf, [255.875], FLOAT16, ulps(1, cond=0), function=lambda x: x * 256.0
    )
    assert fates == [Fate.WITHIN]
    assert judged.error[0, 0] == judged.spent[0, 0] == 1
    assert fates_of(
        lambda x: x * torch.inf, [255.875], FLOAT16, ulps(0.5, cond=0), function=lambda x: x * 256.0
    )[0] == [Fate.OVERFLOW]


def test_infinity_of_the_wrong_sign_is_special():
    assert fates_of(lambda x: -(x * x), [1e30], function=lambda x: x * x)[0] == [Fate.SPECIAL]


def test_zero_where_the_truth_is_normal_is_underflow():
    assert fates_of(lambda x: x * 0, [1e-30])[0] == [Fate.UNDERFLOW]


def test_zero_of_the_wrong_sign_is_special_only_under_a_budget_below_one_ulp():
    half = ulps(0.5, cond=0)
    assert fates_of(lambda x: x.abs() * 0, [-1e-30], budget=half, function=lambda x: x * x * x)[0] == [
        Fate.SPECIAL
    ]
    assert fates_of(lambda x: x.abs() * 0, [-1e-30], function=lambda x: x * x * x)[0] == [Fate.WITHIN]


def test_a_point_without_a_value_is_invalid_whatever_the_routine_gives():
    fates, _ = fates_of(lambda x: x, [-1.0, 4.0], function=lambda x: m.sqrt(x) ** 2)
    assert fates == [Fate.INVALID, Fate.WITHIN]


def test_a_truth_near_zero_does_not_hide_a_gross_error():
    fates, judged = fates_of(lambda x: x * 0 + 1, [2.0**-149], function=lambda x: x**9)
    assert fates == [Fate.OVER]
    assert np.isfinite(judged.spent[0, 0])


def test_conditioning_forgives_what_the_problem_magnifies():
    def difference(x):
        return x - 1

    fates, judged = fates_of(
        lambda x: x - 1 + 2.0**-24, [1 + 2.0**-10], budget=ulps(0, cond=1), function=difference
    )
    assert fates == [Fate.WITHIN]
    assert judged.forgiven[0, 0] > 100


@pytest.mark.parametrize("of", ["value", "grad"])
def test_a_zero_settled_as_far_as_its_formulas_routines_need_is_settled_further_for_others(of):
    def square_beside_nothing(x, y):
        return x * x + (m.log(y) - m.log(y))

    def difference(x, y):
        return m.log(x) - m.log(y)

    formula = stated(difference if of == "value" else square_beside_nothing, x=real(0, 1e30), y=real(0, 1e30))
    formula.routine(value=ulps(1), grad=ulps(1, coupled=True))(lambda x, y: x - y)
    points = Points({name: torch.tensor([3.0, 4.0]) for name in "xy"}, np.array(["given"] * 2))
    truth = settle(formula, points, FLOAT32)
    assert (truth.precision == 128).all()
    off = 2.0**-148  # two of the least subnormals, far within what 128 bits tell

    def nearly_zero(x, y):
        return x * 0 + off * (x == 4)

    def square(x, y):
        return x * x + y * (off * (x == 4))

    fates = {}
    for forgiving in (False, True):
        budget = ulps(1, cond=forgiving, coupled=forgiving and of == "grad")
        function = nearly_zero if of == "value" else square
        routine = routine_of(formula, function, "result", budget, budget if of == "grad" else None)
        *_, measurement = measure(routine, points, truth, FLOAT32, "cpu")
        assert measurement.of == of
        fates[forgiving] = [Fate(i) for i in measurement.judgement.worst.fate]
    assert fates == {False: [Fate.WITHIN, Fate.OVER], True: [Fate.WITHIN, Fate.WITHIN]}


def test_a_routine_that_raises_at_one_point_crashes_there_only():
    def touchy(x):
        if bool((x == 3).any()):
            raise ValueError("no threes")
        return x

    formula, points = stated(), given(1.0, 2.0, 3.0, 4.0)
    (value,) = measure(
        routine_of(formula, touchy, "touchy", ulps(1), None),
        points,
        settle(formula, points, FLOAT32),
        FLOAT32,
        "cpu",
    )
    assert [Fate(i) for i in value.judgement.worst.fate] == [
        Fate.WITHIN,
        Fate.WITHIN,
        Fate.CRASH,
        Fate.WITHIN,
    ]
    assert value.crashes == {2: "ValueError: no threes"}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: x.mean(), "return one result per point"),
        (lambda x: x.long(), "return a floating-point tensor"),
        (lambda x: [x], "return one tensor"),
    ],
)
def test_a_result_of_the_wrong_kind_is_told_what_to_return(result, words):
    formula, points = stated(), given(1.0, 2.0)
    with pytest.raises(RoutineError, match=words):
        execute(routine_of(formula, result, "result", ulps(1), None), points, FLOAT32, "cpu", None, False)


def test_results_of_two_dtypes_beside_a_point_that_raises_are_refused():
    def wide_above_two(x):
        if (x == 3).any():
            raise ValueError("no threes")
        return x.double() if (x > 2).any() else x

    routine, points = routine_of(stated(), wide_above_two, "result", ulps(1), None), given(1.0, 2.0, 3.0, 4.0)
    with pytest.raises(RoutineError, match="return one shape and dtype"):
        execute(routine, points, FLOAT32, "cpu", None, False)


def test_results_are_judged_in_the_format_that_they_come_in():
    _, judged = fates_of(lambda x: x.float() + 2.0**-20, [1.0], FLOAT16)
    assert judged.format == FLOAT32
    assert judged.error[0, 0] == 8


def test_settings_reach_the_routine_as_plain_values():
    seen: set[object] = set()

    def scaled(x, factor):
        seen.add(factor)
        return x * factor

    formula = formula_of(
        lambda x, factor: x * factor, "arithmetic", [((1, 0.5), "0.5")], None,
        {"x": real(-1, 1), "factor": one_of(0.5, 0.1)},
    )  # fmt: skip
    (points,) = draw(formula.inputs, FLOAT32, 50, 0, "scaled")
    (value,) = measure(
        routine_of(formula, scaled, "scaled", ulps(1), None),
        points,
        settle(formula, points, FLOAT32),
        FLOAT32,
        "cpu",
    )
    assert seen == {0.5, 0.1}
    assert tally(value.judgement.worst.fate)["within"] == len(points)


@pytest.mark.parametrize("format", [f for f in FORMATS if f.bits >= 16], ids=lambda f: f.name)
def test_fates_add_up_to_the_points_in_every_format(format):
    def length(v):
        return m.sqrt(m.sum(v * v))

    formula = formula_of(length, "Euclid", [(((3, 4),), "5")], None, {"v": vector(-1e4, 1e4, sizes=(2,))})
    routine = routine_of(formula, lambda v: v.square().sum(-1).sqrt(), "naive", ulps(2), ulps(2))
    (points,) = draw(formula.inputs, format, 120, 0, "length")
    for part in measure(routine, points, settle(formula, points, format), format, "cpu"):
        assert sum(tally(part.judgement.worst.fate).values()) == len(points)


def test_a_finer_result_is_not_forgiven_for_a_truth_settled_for_a_coarser_format():
    """The difference cancels so many bits that 128 settle it for bfloat16 with a ball wide in float32's ulps."""
    formula = stated(lambda x: (1 + m.exp(x) * 2.0**-110) - 1, x=real(0, 2))
    bfloat16 = format_of("bfloat16")
    points = given(1.0, 1.5, format=bfloat16)

    def off(x):
        return (torch.exp(x.double()) * 2.0**-110 * (1 + 2.0**-21)).float()

    wrong = routine_of(formula, off, "off", ulps(1, cond=0), None)
    (value,) = measure(wrong, points, settle(formula, points, bfloat16), bfloat16, "cpu")
    assert value.judgement.format == FLOAT32
    assert [Fate(i) for i in value.judgement.worst.fate] == [Fate.OVER, Fate.OVER]


# Verdicts that hang on the last bit -------------------------------------------------------------------------------

HARDEST = [  # the hardest-to-round logarithms of float64, as CORE-MATH's log.wc lists them
    "0x1.fea8ce0a2f8dap-554",
    "0x1.991bb0b044874p+715",
    "0x1.f7225532e5bf7p+987",
    "0x1.f28364b766b1dp+556",
    "0x1.8f44bb083b9a4p+843",
    "0x1.1f98891b30712p+687",
    "0x1.62dec2c9e2954p-283",
    "0x1.10391d4930aadp-840",
]


def test_a_correct_rounding_is_within_half_an_ulp_and_its_neighbour_is_not_in_float64_too():
    """Both lie half an ulp from the truth but for 2**-64 of it, which no pair of doubles holds."""
    formula = formula_of(lambda x: m.log(x), "CORE-MATH", [((1,), "0")], None, {"x": real(1e-300, 1e300)})
    with mpmath.workprec(300):
        exact = [mpmath.log(mpmath.mpf(float.fromhex(x))) for x in HARDEST]
        nearest = torch.tensor([float(y) for y in exact], dtype=torch.float64)
        upwards = torch.tensor([float("inf") if y > float(y) else -float("inf") for y in exact])
    points = given(*map(float.fromhex, HARDEST), format=FLOAT64)
    for results, fate in ((nearest, Fate.WITHIN), (torch.nextafter(nearest, upwards.double()), Fate.OVER)):
        routine = routine_of(
            formula, lambda x, results=results: results[whole(x, results)], "told", ulps(0.5, cond=0), None
        )
        (found,) = measure(routine, points, settle(formula, points, FLOAT64), FLOAT64, "cpu")
        assert found.judgement.fate[:, 0].tolist() == [fate] * len(HARDEST)
        assert (found.judgement.spent[:, 0] == 1).all() == (fate == Fate.WITHIN)
        assert (np.abs(found.judgement.spent - 1) <= 2.0**-52).all()
        assert (found.judgement.margin == 0).all()


def test_one_number_of_several_that_hangs_on_the_last_bit_is_decided():
    """Beside it lies one that is right, and in another point one that is wrong by far."""
    formula = formula_of(lambda x: m.stack([m.log(x), x]), "CORE-MATH", [], None, {"x": real(1e-300, 1e300)})
    hardest = float.fromhex(HARDEST[4])
    with mpmath.workprec(300):
        exact = mpmath.log(mpmath.mpf(hardest))
        off = float("inf") if exact > float(exact) else -float("inf")
    beyond = math.nextafter(float(exact), off)
    results = torch.tensor([[float(exact), hardest], [beyond, hardest], [7.0, hardest]], dtype=torch.float64)
    routine = routine_of(formula, lambda x: results[whole(x, results)], "told", ulps(0.5, cond=0), None)
    points = given(hardest, hardest, hardest, format=FLOAT64)
    (found,) = measure(routine, points, settle(formula, points, FLOAT64), FLOAT64, "cpu")
    fates = [[Fate.WITHIN, Fate.WITHIN], [Fate.OVER, Fate.WITHIN], [Fate.OVER, Fate.WITHIN]]
    assert found.judgement.fate.tolist() == fates


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("beyond", "fate"), [(2.0**-100, Fate.WITHIN), (-(2.0**-100), Fate.OVER), (0.0, Fate.UNRESOLVED)]
)
def test_an_infinity_beside_the_largest_number_is_decided_to_the_last_bit(sign, beyond, fate):
    """It counts as the next power of two, from which the truth is two ulps away, or a little less or more.

    Where it is just two, no number of bits decides.
    """
    formula = stated(lambda x: sign * m.exp(m.log(x) + beyond))
    routine = routine_of(
        formula, lambda x: sign * torch.full_like(x, math.inf), "told", ulps(2, cond=0), None
    )
    points = given(2.0**128 - 2.0**105)
    (found,) = measure(routine, points, settle(formula, points, FLOAT32, with_gradient=False), FLOAT32, "cpu")
    assert found.judgement.fate.tolist() == [[fate]]
    assert found.judgement.spent.tolist() == [
        [{Fate.WITHIN: 1.0, Fate.OVER: math.nextafter(1.0, 2.0), Fate.UNRESOLVED: 0.0}[fate]]
    ]
    assert found.judgement.margin.tolist() == [[0.0]]


# Conditioning of many numbers, of which the least that it can be is known ------------------------------------------


def asked_about(errors, forgiven, monkeypatch):
    """Of powers of two that are so many ulps off and may be one, or more by what conditioning forgives, of which
    nothing is known yet: the fates, the shares of budgets, and how often each number is asked about.
    """
    errors, forgiven = np.array(errors, dtype=float), np.array(forgiven, dtype=float)
    formula, powers = stated(lambda x: m.stack([x] * errors.shape[1])), 2.0 ** np.arange(len(errors))
    results = torch.from_numpy(powers[:, None] * (1 + errors * 2.0**-23)).float()
    routine = routine_of(formula, lambda x: results[whole(x, results)], "told", ulps(1, cond=1), None)
    points, asked = given(*powers), np.zeros(errors.shape, dtype=int)
    truth = settle(formula, points, FLOAT32, with_gradient=False)
    half = Half(truth.value, np.zeros_like(truth.halves[Of.VALUE].conditioning))
    (measured,) = measure(routine, points, replace(truth, halves={Of.VALUE: half}), FLOAT32, "cpu")

    def told(formula, some, component, of, places):
        sizes = some.columns["x"].double().numpy()
        rows = np.log2(sizes).astype(int)
        asked[rows, places] += 1
        return 2 * forgiven[rows, places] * sizes

    monkeypatch.setattr(measurement, "conditioning_at", told)
    gave = Given(results.numpy().astype(np.float64), FLOAT32)
    found = measurement._forgiven(measured, gave, half, errors.shape[1], measured.judgement)
    fates = [[Fate(fate).word for fate in row] for row in found.fate.tolist()]
    return fates, found.spent.tolist(), asked.tolist()


def test_what_conditioning_forgives_is_asked_of_the_worst_number_first_until_one_is_over(monkeypatch):
    errors = [[4, 5, 0], [4, 5, 2], [4, 5, 3], [2, 1, 0], [0, 1, 1]]
    forgiven = [[3, 4, 0], [9, 3, 9], [2, 4, 9], [0, 0, 0], [0, 0, 0]]
    fates, spent, asked = asked_about(errors, forgiven, monkeypatch)
    over, within = "over", "within"
    assert fates == [
        [within] * 3,
        [within, over, within],
        [over, within, within],
        [over, within, within],
        [within] * 3,
    ]
    assert asked == [[1, 1, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert spent == [[1, 1, 0], [0, 1.25, 0], [4 / 3, 1, 0], [2, 1, 0], [0, 1, 1]]


def test_where_sixteen_numbers_are_forgiven_so_is_the_point(monkeypatch):
    errors = [[40 - place for place in range(20)], [0] * 16 + [9, 8, 7, 6]]
    forgiven = [[100] * 16 + [0] * 4, [0] * 20]
    fates, spent, asked = asked_about(errors, forgiven, monkeypatch)
    assert fates == [["within"] * 20, ["within"] * 16 + ["over"] + ["within"] * 3]
    assert asked == [[1] * 16 + [0] * 4, [0] * 16 + [1, 0, 0, 0]]
    assert spent[0][16:] == [0] * 4


def test_of_an_infinite_result_nobody_asks_what_conditioning_forgives(monkeypatch):
    fates, _, asked = asked_about([[math.inf, 5]], [[100, 100]], monkeypatch)
    assert (fates, asked) == ([["overflow", "within"]], [[0, 1]])


@pytest.mark.parametrize(("share", "fate"), [(0.9, Fate.WITHIN), (1.1, Fate.OVER)])
def test_a_long_gradient_is_forgiven_what_conditioning_is_and_not_the_least_that_it_can_be(share, fate):
    """Beside it lies a point that is right: only the conditioning of what fails is asked for."""
    formula = formula_of(
        lambda x: m.log(m.sum(m.exp(x))), "a test", [], None, {"x": vector(-9, 9, sizes=(200,))}
    )
    rows = torch.linspace(-3, 3, 200).repeat(2, 1)
    points = Points({"x": rows}, np.array(["given"] * 2), 200)
    truth, softmax = settle(formula, points, FLOAT32), torch.softmax(rows.double(), 1)
    assert truth.loose.any()
    slopes = rows.double().abs() * softmax
    conditioning = slopes * (1 - softmax) + softmax * (slopes.sum(1, keepdim=True) - slopes)
    off = torch.zeros(2, 200).double()
    off[0, 150] = share * 64 * 2.0**-24 * conditioning[0, 150]
    told = (softmax + off).float()

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.logsumexp(x, 1)

        @staticmethod
        def backward(ctx, cotangent):
            return told[whole(cotangent, told)] * cotangent[:, None]

    routine = routine_of(formula, lambda x: Own.apply(x), "told", ulps(4), ulps(1, cond=64))
    _, slope = measure(routine, points, truth, FLOAT32, "cpu")
    assert [Fate(each) for each in slope.judgement.worst.fate] == [fate, Fate.WITHIN]


def whole(x, results):
    """Which of the results each number of a batch asks for: a routine is called with some points again."""
    return torch.arange(len(x)).clamp(max=len(results) - 1)


def test_just_below_a_power_of_two_an_error_is_told_in_the_ulp_of_the_lower_binade():
    formula = formula_of(lambda x: 1 - m.exp(-x), "a test", [((0,), "0")], None, {"x": real(0, 100)})
    points = given(40.0, 60.0, 90.0)  # 1 less 2**-57, 2**-86 and 2**-129
    below = routine_of(formula, lambda x: torch.full_like(x, 1 - 2.0**-24), "below", ulps(4), None)
    (found,) = measure(below, points, settle(formula, points, FLOAT32), FLOAT32, "cpu")
    assert (found.judgement.error[:, 0] >= 1 - 2.0**-30).all()
    for count in (1, 300):  # by Arb, and by float64 balls first
        many = points.select([0] * count)
        (found,) = measure(below, many, settle(formula, many, FLOAT32), FLOAT32, "cpu")
        assert (found.judgement.error[:, 0] >= 1 - 2.0**-30).all()


def test_one_number_of_several_lies_just_below_a_power_of_two():
    formula = formula_of(lambda x: m.stack([x, 1 - m.exp(-x)]), "a test", [], None, {"x": real(0, 100)})
    points = given(3.0, 90.0)
    results = torch.tensor([[3.0, 0.95], [90.0, 1 - 2.0**-24]])
    routine = routine_of(formula, lambda x: results[whole(x, results)], "told", ulps(4), None)
    (found,) = measure(routine, points, settle(formula, points, FLOAT32, with_gradient=False), FLOAT32, "cpu")
    assert found.judgement.error[1].tolist() == [0, 1]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_ball_counts_from_the_power_of_two_below_it_only_where_it_lies_wholly_below_the_next(sign: float):
    one, low, radius = (torch.tensor(numbers, dtype=torch.float64) for numbers in (
        [1024, 1024, 1024, 1.0, 0.5, 3.0],
        [-(2.0**-60), -(2.0**-60), 0, -(2.0**-60), -(2.0**-60), -(2.0**-60)],
        [2.0**-55, 2.0**-62, 0, 2.0**-62, 2.0**-60, 0],
    ))  # fmt: skip
    assert power_below(sign * one, sign * low, radius, FLOAT32).tolist() == [1024, 512, 1024, 0.5, 0.5, 2]


def test_a_formula_without_inputs_is_a_constant_that_one_result_answers():
    constant = formula_of(lambda: m.pi() / 3 + m.sqrt(2), "a test", [((), "2.4614111138")], None, {})
    (points,) = constant.points(FLOAT32, 4000, 0)
    assert 1 < len(points) < 10
    exact = torch.tensor(math.pi / 3 + math.sqrt(2), dtype=torch.float64).float()
    for result, told in ((exact, Fate.WITHIN), (exact.nextafter(torch.tensor(9.0)), Fate.OVER)):
        routine = routine_of(constant, lambda result=result: result, "routine", ulps(0.5, cond=0), None)
        (value,) = measure(routine, points, settle(constant, points, FLOAT32), FLOAT32, "cpu")
        assert [Fate(i) for i in value.judgement.worst.fate] == [told] * len(points)


def test_a_formula_of_settings_alone_has_a_value():
    def chosen(mode):
        return m.exp(1) if mode == "e" else m.pi()

    formula = formula_of(chosen, "a test", [], None, {"mode": one_of("e", "pi")})
    points = formula.points(FLOAT32, 10, 0)[0]
    found = settle(formula, points, FLOAT32).value
    assert set((found.high * 2.0**found.exponent).tolist()) == {math.e, math.pi}


def test_a_gradient_that_raises_takes_nothing_away_from_the_value():
    class Picky(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return 2 * x

        @staticmethod
        def backward(context, slope):
            (x,) = context.saved_tensors
            if (x == 3).any():
                raise ValueError("no slope at three")
            return 2 * slope

    formula = formula_of(lambda x: 2 * x, "arithmetic", (), None, {"x": real(0, 10)})
    points = given(1.0, 2.0, 3.0)
    for function, crashes in (
        (Picky.apply, {2: "ValueError: no slope at three"}),
        (
            lambda x: torch.tensor([2 * v for v in x.tolist()]),
            dict.fromkeys(range(3), f"RuntimeError: {NO_GRADIENT}"),
        ),
    ):
        routine = routine_of(formula, lambda x, function=function: function(x), "picky", ulps(1), ulps(1))
        outcome = execute(routine, points, FLOAT32, "cpu", None, True)
        assert outcome.halves[Of.VALUE].numbers.tolist() == [2.0, 4.0, 6.0]
        assert (outcome.raised(Of.VALUE), outcome.raised(Of.GRAD)) == ({}, crashes)
        value, grad = measure(routine, points, settle(formula, points, FLOAT32), FLOAT32, "cpu")
        assert (value.crashes, grad.crashes) == ({}, crashes)
        assert [fate == Fate.CRASH for fate in grad.judgement.worst.fate] == [i in crashes for i in range(3)]
        assert all(value.judgement.worst.fate == Fate.WITHIN)
    assert "wrt=()" in NO_GRADIENT
