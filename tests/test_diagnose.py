"""Every failing point gets a cause, and the right one where causes are easily taken for each other."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from numcheck import format_of, m, real, ulps, vector
from numcheck.declaration.formulas import Formula, Gap, formula_of, routine_of
from numcheck.declaration.registry import formula_named, load_catalog
from numcheck.declaration.words import Cause
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import clusters, findings
from numcheck.diagnosis.quantities import cancellation
from numcheck.diagnosis.questions import alone
from numcheck.domain import Points, draw
from numcheck.measure.measurement import Measurement, measure
from numcheck.operators import Operation
from numcheck.truth import settle

FLOAT64, FLOAT32, FLOAT16 = format_of("float64"), format_of("float32"), format_of("float16")
SOFTPLUS = formula_of(
    lambda x: m.log(1 + m.exp(x)),
    "Dugas 2001",
    [((0,), "0.69314718055994530942")],
    None,
    {"x": real(-500, 500)},
)
load_catalog()


def told(formula, function, format, of="value", count=400):
    routine = routine_of(formula, function, "routine", ulps(4), ulps(4))
    parts = []
    for points in draw(formula.inputs, format, count, 0, "diagnosed"):
        halves = measure(routine, points, settle(formula, points, format), format, "cpu")
        parts += [half for half in halves if half.of == of]
    found = [cluster for part in parts for cluster in clusters(part, diagnose(part))]
    return {finding.cause: finding for finding in alone(findings(parts, found, lambda cause: None))}


def test_absorption_names_the_line_that_lost_the_term():
    found = told(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), FLOAT32)[Cause.ABSORPTION]
    assert found.loss is not None and "1 + torch.exp(x)" in found.loss.line
    assert found.bits_lost > FLOAT32.precision - 1


def test_a_constant_factor_is_a_scale_and_another_function_a_wrong_formula():
    assert set(told(SOFTPLUS, lambda x: 2 * torch.nn.functional.softplus(x), FLOAT32)) == {Cause.SCALE}
    wrong = told(SOFTPLUS, lambda x: torch.relu(x) + 0.25, FLOAT32)
    assert max(wrong.values(), key=lambda finding: finding.points).cause == Cause.WRONG_FORMULA


def test_what_conditioning_forgives_is_shown_as_sensitivity():
    stated = formula_of(
        lambda x: m.sin(x), "trigonometry", [((10000,), "-0.305614388888252")], None, {"x": real(1e4, 1e6)}
    )
    found = told(stated, lambda x: torch.sin(x.double() * (1 + 2.0**-24)).float(), FLOAT32)
    assert found[Cause.SENSITIVITY].forgiven


def test_a_point_that_failed_has_a_cause_and_no_other_has():
    routine = routine_of(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), "naive", ulps(2), None)
    (points,) = draw(SOFTPLUS.inputs, FLOAT32, 2000, 0, "naive")
    (value,) = measure(routine, points, settle(SOFTPLUS, points, FLOAT32), FLOAT32, "cpu")
    failed = value.judgement.worst.spent > 1
    assert [cause is not None for cause in diagnose(value).causes] == failed.tolist()


def test_where_no_operator_can_be_measured_the_result_shows_the_cause(monkeypatch):
    def fails(ran):
        raise ValueError("shapes differ")

    for name in ("error_in", "error_out", "bits_lost", "cancelled_bits", "absorbed", "swallowed_bits"):
        monkeypatch.setattr(vars(Operation)[name], "measure", fails)
    routine = routine_of(SOFTPLUS, lambda x: torch.log(1 + torch.exp(x)), "naive", ulps(2), None)
    (points,) = draw(SOFTPLUS.inputs, FLOAT32, 300, 0, "naive")
    (value,) = measure(routine, points, settle(SOFTPLUS, points, FLOAT32), FLOAT32, "cpu")
    assert {Cause.OVERFLOW, Cause.UNDERFLOW} <= set(diagnose(value).causes.tolist())
    assert cancellation(value) is None


def at(formula: Formula, function, format, *arguments, of="value") -> Measurement:
    """One point, judged."""
    point = formula.at(arguments, format)
    routine = routine_of(formula, function, "routine", ulps(4), ulps(4))
    parts = measure(routine, point, settle(formula, point, format), format, "cpu")
    return next(part for part in parts if part.of == of)


def cause_at(formula: Formula, function, format, *arguments, of="value") -> Cause:
    return diagnose(at(formula, function, format, *arguments, of=of)).causes[0]


@pytest.mark.parametrize("logits", [(64, 30), (32, 0), (128, 64)], ids=str)
def test_what_a_fused_operator_loses_in_float64_too_is_no_wrong_formula(logits):
    """log_softmax gives 0 for the larger logit here, in float32 and in float64 alike."""
    formula = formula_named("log_softmax")
    cause = cause_at(formula, lambda x: torch.log_softmax(x, -1), FLOAT32, logits)
    assert cause in (Cause.CANCELLATION, Cause.ABSORPTION)


@pytest.mark.parametrize("x", [-7.8, -8.0, -8.2])
def test_a_tail_that_cancels_to_the_last_digits_of_float64_is_no_wrong_formula(x):
    def naive(x):
        return x * (1 + torch.erf(x / 2**0.5)) / 2

    assert cause_at(formula_named("gelu"), naive, FLOAT32, x, of="grad") == Cause.CANCELLATION


def test_a_float64_routine_is_told_apart_from_its_formula_too():
    formula = formula_named("softplus")
    assert (
        cause_at(formula, lambda x: functional.softplus(x), FLOAT64, 20.5) == Cause.WRONG_FORMULA
    )  # linear beyond 20
    assert cause_at(formula, lambda x: torch.log(1 + torch.exp(x)), FLOAT64, -20) == Cause.ABSORPTION


def cause_in_catalog(formula: Formula, routine: str, format, *arguments, of="value") -> Cause:
    """The cause at a point where a routine of the catalogue breaks its promise, whatever gaps it declares."""
    point = formula.at(arguments, format)
    undeclared = replace(formula.routines[routine], gaps=())
    parts = measure(undeclared, point, settle(formula, point, format), format, "cpu")
    return diagnose(next(part for part in parts if part.of == of)).causes[0]


def test_what_an_addition_rounded_off_one_bit_of_is_absorbed_where_a_function_magnifies_it():
    """1 + 0.61 has room for all but the last bit of the exponential: 2.4 of 2 ulps are lost in the logarithm."""
    assert (
        cause_in_catalog(formula_named("softplus"), "naive_form", FLOAT32, -0.497719795) == Cause.ABSORPTION
    )


def test_terms_that_cancel_are_named_though_their_errors_happen_to_make_up_for_each_other():
    """1/S and z/S**2 share three leading bits, and with the errors that they share less is lost than that."""
    logits = (-0.000244140625, *[-4.0] * 7)
    assert (
        cause_in_catalog(formula_named("softmax"), "max_subtracted", FLOAT32, logits, of="grad")
        == Cause.CANCELLATION
    )


@pytest.mark.parametrize("x", [3.0, 2e-3, 6e-8, 1e-30])
def test_a_missing_factor_is_one_where_digits_are_lost_besides(x):
    """Rounding leaves of exp(x) - 1 any multiple of the truth; what the code gives exactly is a sixteenth of it."""
    growth = formula_of(lambda x: 16 * (m.exp(x) - 1), "a test", [], (), {"x": real(0, 4)})
    assert cause_at(growth, lambda x: torch.exp(x) - 1, FLOAT32, x) == Cause.SCALE


@pytest.mark.parametrize("x", [16.0, 20.0, 30.0])
def test_a_pole_that_only_rounding_made_is_told_by_the_rounding(x):
    """1 - tanh(20)**2 is 1.7e-17; the tangent of float64, too, is 1 there."""
    formula = formula_of(lambda x: m.log(1 / m.cosh(x) ** 2), "a test", [], (), {"x": real(0, 40)})
    assert cause_at(formula, lambda x: torch.log(1 - torch.tanh(x) ** 2), FLOAT32, x) == Cause.CANCELLATION


def test_an_infinite_gradient_behind_a_rounded_zero_is_told_as_a_nan_is():
    formula = formula_of(lambda x: m.sqrt(1 / (1 + m.exp(x))), "a test", [], None, {"x": real(-100, 100)})

    def naive(x):
        return torch.sqrt(1 - 1 / (1 + torch.exp(-x)))

    assert cause_at(formula, naive, FLOAT32, 32.0, of="grad") == Cause.NAN_GRADIENT


def test_a_nan_of_given_infinities_is_told_of_the_operator_that_made_it():
    formula = formula_of(lambda x: m.exp(x - x), "a test", [], (), {"x": real(-4, 4)})

    def masked(x):
        hidden = x.masked_fill(x < 5, -torch.inf)
        return torch.exp(hidden - hidden)

    part = at(formula, masked, FLOAT32, 1.0)
    assert diagnose(part).losses[0].operator == "aten.sub.Tensor"


def test_of_two_errors_that_make_one_too_large_the_greater_names_the_cause():
    """The epsilon moves the loss by 4.0 of 4 bfloat16 ulps, which alone is forgiven; rounding adds 1.8."""
    rmse = formula_of(
        lambda prediction, target: m.sqrt(m.mean((prediction - target) ** 2)),
        "Hyndman & Koehler 2006",
        [],
        ("prediction",),
        {"prediction": vector(-1000, 1000), "target": vector(-1000, 1000)},
    )

    def with_epsilon(prediction, target):
        return torch.sqrt(((prediction - target) ** 2).mean(1) + 1e-8)

    point = ((-6.98491931e-10, -2.71050543e-18, 3.895e-30), (-1.83582306e-05, 4.938e-13, 0.000736236572))
    assert cause_at(rmse, with_epsilon, format_of("bfloat16"), *point, of="grad") == Cause.WRONG_FORMULA


def test_an_element_that_vanished_is_not_blamed_though_it_broke_a_tie():
    """exp(-28.6) is 0 in float16; a wider range makes another last bit of the sum, and changes nothing in float64."""
    others = (0.00384140015, -0.00256156921, 4.17232513e-07, -28.625)
    logits = (0.0130996704, 0.00035905838, -0.020401001, -0.00011408329, *others)
    formula = formula_named("smoothed_softmax_cross_entropy")
    cause = cause_in_catalog(formula, "margins_from_the_label", FLOAT16, logits, 1, 1.0, of="grad")
    assert cause in (Cause.CANCELLATION, Cause.ABSORPTION)


def test_a_fused_operator_whose_other_element_overflows_is_not_blamed_for_overflow():
    """-65472 - 48.5 is -infinity in float16; what fails is the largest: -log1p(exp(-9)) is hardly normal there."""
    logits = (48.53125, 39.5, -65472)
    cause = cause_in_catalog(formula_named("log_softmax"), "torch_builtin", FLOAT16, logits)
    assert cause == Cause.UNDERFLOW


def test_a_difference_of_subnormal_numbers_is_an_underflow():
    """The derivative of the naive quotient of exponentials; in float16's digits and float64's range it is right."""
    assert cause_in_catalog(formula_named("tanh"), "naive_form", FLOAT16, 6.11328125, of="grad") == (
        Cause.UNDERFLOW
    )


def test_terms_that_a_sum_rounds_away_beside_one_of_them_are_absorbed():
    """Seven times exp(-15) beside 1: each is rounded to the spacing of 1."""
    logits = (-1.0, *[-16.0] * 7)
    cause = cause_in_catalog(formula_named("logsumexp"), "max_subtracted", FLOAT32, logits)
    assert cause == Cause.ABSORPTION


def test_the_difference_that_leaves_nothing_is_blamed_though_another_element_had_lost_all_before():
    """The gradient by one logit is p - 1/8, zero but for 1e-8; another's had lost all its digits a step earlier."""
    others = (-4.206e-23, 3.88393425e-17, -2.647e-26, 1.21080099e-11, 3.95467055e-07, -2.509e-27, 4.940e-19)
    logits = (others[0], 4.709976466393188e-16, *others[1:])
    formula = formula_named("smoothed_softmax_cross_entropy")
    cause = cause_in_catalog(formula, "margins_from_the_label", FLOAT32, logits, 1, 1.0, of="grad")
    assert cause == Cause.CANCELLATION


@pytest.mark.parametrize("routine", ["rate_corrected", "in_place", "torch_adam"])
def test_an_overflow_that_a_vanished_square_made_is_an_underflow(routine):
    """The root of the second moment is half the denominator, and underflows: the step, 58,000, leaves float16."""
    point = (1, -0.0009765625, 128, 0, 1.0, 0.1, 0.9, 0.999, 0.001)
    assert cause_in_catalog(formula_named("adam"), routine, FLOAT16, *point) == Cause.UNDERFLOW


def test_a_branch_that_a_vanished_number_chose_is_an_underflow():
    """The squares of 1.2e-4 sum to 0 in float16, so that the distance is taken for 0; the shadow goes along."""
    least = 2.0**-14
    point = ((least,) * 8, (-least,) * 8, 1, 0.5)
    cause = cause_in_catalog(formula_named("contrastive"), "guarded_square_root", FLOAT16, *point)
    assert cause == Cause.UNDERFLOW


def test_squares_that_vanish_beside_an_epsilon_are_an_underflow():
    """In float16 1e-8 is 0, and so are the squares; float64 gives another number than the formula, and loses none."""
    rms = formula_of(
        lambda error: m.sqrt(m.mean(error**2)),
        "Hyndman & Koehler 2006",
        [],
        (),
        {"error": vector(-1000, 1000)},
    )

    def with_epsilon(error):
        return torch.sqrt((error**2).mean(1) + 1e-8)

    for error in ((1e-4, 1e-4), (2e-4, 1e-5, 1e-5), (1.2e-4, 0.0)):
        assert cause_at(rms, with_epsilon, FLOAT16, error) == Cause.UNDERFLOW


def test_what_float64_absorbs_too_is_no_underflow():
    """lr * grad is subnormal in bfloat16, and nothing beside a weight of 6.6e-24, in whatever range."""
    point = (-6.6174449e-24, -3.71015404e-38, 0.01)
    formula, bfloat16 = formula_named("applied_update"), format_of("bfloat16")
    assert cause_in_catalog(formula, "stored_in_format", bfloat16, *point) == Cause.ABSORPTION


def told_at(routine, format, *arguments, of="value") -> Cause:
    """The cause at a point of this routine, with the gaps that it declares."""
    point = routine.formula.at(arguments, format)
    parts = measure(routine, point, settle(routine.formula, point, format), format, "cpu")
    return diagnose(next(part for part in parts if part.of == of)).causes[0]


def test_many_small_losses_take_the_name_that_the_routine_declares():
    """A sum, an exponential and a difference lose a bit each: 5.0 of 4.7 ulps."""
    middle = (1.1533188849928952e-30, -2.022182413307325e-24, 5.319e-37, 2.374e-35, 5.60260371489053e-15)
    point = ((0.001880316180177033, -3.722301060390998e-38, *middle, 0.2539318799972534), 3, 0.5)
    routine = formula_named("smoothed_softmax_cross_entropy").routines["margins_from_the_label"]
    names = {cause for gap in routine.gaps for cause in gap.causes}
    assert Cause.ORDER not in names

    def cause(**changed):
        return told_at(replace(routine, **changed), FLOAT32, *point, of="grad")

    assert cause(gaps=()) == Cause.ORDER
    assert cause() in names
    assert cause(gaps=(Gap((Cause.UNDERFLOW,), "another mechanism"),)) == Cause.ORDER
    # far over its budget a loss has one name
    assert cause(grad=ulps(1)) == Cause.ORDER


def test_the_rounding_of_a_sum_whose_terms_differ_little_may_be_declared_as_absorption():
    """Seven exponentials of 0.07 beside 1: 9.0 of 7.8 ulps."""
    others = (
        -9.2825554e-21,
        -3.6489737e-30,
        -2.35845703e-17,
        -1.35167451e-23,
        1.69187983e-22,
        -7.28069494e-10,
    )
    logits = (-1.28242386e-24, 2.62154722, *others)
    routine = formula_named("log_softmax").routines["max_subtracted"]
    assert told_at(replace(routine, gaps=()), FLOAT32, logits) == Cause.ORDER
    declared = Gap((Cause.ABSORPTION,), "terms are rounded away")
    assert told_at(replace(routine, gaps=(declared,)), FLOAT32, logits) == Cause.ABSORPTION


def test_where_only_range_and_rounding_together_break_the_budget_the_first_is_named():
    """Either alone costs some three float16 ulps, both 175: subnormal products that a quotient and a sum magnify."""
    first = (-0.00320053101, 0.00189399719, -0.00252342224, -0.00112056732, 0.00163841248, -0.00402832031)
    second = (0.00382804871, -0.0023021698, 0.00623321533, -0.000385761261, 0.00554275513, 0.00340843201)
    third = (0.00305366516, 0.0041809082, -0.00188350677, 0.00513076782)
    vertices = np.array([*first, *second, *third]).reshape(8, 2)
    formula = formula_named("polygon_centroid")
    assert cause_in_catalog(formula, "corner_origin", FLOAT16, vertices.tolist()) == Cause.UNDERFLOW


@pytest.mark.parametrize("x", [-8.0, -9.0])
def test_a_derivative_that_underflows_on_its_way_is_not_blamed_on_the_one_absorbed_before(x):
    """In float16 1 + exp(8) absorbs the one, harmlessly; the square of its reciprocal is subnormal."""
    cause = cause_at(formula_named("sigmoid"), lambda x: 1 / (1 + torch.exp(-x)), FLOAT16, x, of="grad")
    assert cause == Cause.UNDERFLOW


def test_a_logarithm_of_zero_that_the_formula_has_too_is_not_blamed_for_a_neighbours_digits():
    formula = formula_named("log_softmax")
    judged = at(
        formula, lambda x: torch.log(torch.softmax(x, -1)), FLOAT32, (-np.inf, 1, 8, -2, -4, 16, -16, 32)
    )
    assert judged.judgement.got[0, 0] == -np.inf
    assert diagnose(judged).causes[0] == Cause.CANCELLATION


def test_a_fused_operator_whose_result_is_hardly_normal_lost_its_digits_below():
    """Half the square is subnormal before it is divided by a small beta, all inside of one operator."""
    formula = formula_named("smooth_l1")

    def builtin(prediction, target, beta):
        return functional.smooth_l1_loss(prediction, target, reduction="none", beta=beta)

    routine = routine_of(formula, builtin, "builtin", ulps(1, cond=0), None)
    points = Points.concatenate([formula.at((x, 0, 0.1), FLOAT32) for x in np.linspace(4.9e-20, 6e-20, 64)])
    (value,) = measure(routine, points, settle(formula, points, FLOAT32), FLOAT32, "cpu")
    causes = [cause for cause in diagnose(value).causes if cause is not None]
    assert len(causes) > 8
    assert set(causes) == {Cause.UNDERFLOW}


def test_the_element_that_fails_is_asked_about_and_not_its_row():
    formula = formula_of(
        lambda x: x * x, "arithmetic", [(((1, 2),), "1,4")], None, {"x": vector(0, 1e30, sizes=(2,))}
    )

    def one_element_wrong(x):
        return torch.stack([x[:, 0] * x[:, 0], x[:, 1] * x[:, 1] + x[:, 1]], 1)

    # the first element's overflow is the truth's, too
    assert cause_at(formula, one_element_wrong, FLOAT32, (1e25, 3)) == Cause.WRONG_FORMULA


@pytest.mark.parametrize("other", [-72, -20])
def test_an_element_that_vanished_is_not_blamed_for_the_digits_of_its_neighbour(other):
    """-0.25 - 64 rounds to -64 in bfloat16, whether or not exp(other - 64) is zero."""

    def max_subtracted(x):
        largest = x.amax(-1, keepdim=True).detach()
        return torch.log(torch.sum(torch.exp(x - largest), -1)) + largest.squeeze(-1)

    point = (other, 64, -0.25)
    formula = formula_named("logsumexp")
    assert cause_at(formula, max_subtracted, format_of("bfloat16"), point, of="grad") == Cause.ABSORPTION


def test_a_fused_operator_that_vanished_is_blamed_though_its_emulation_does_not():
    """sigmoid(-89) is a subnormal number, and torch's is zero."""
    naive = formula_named("log_sigmoid")
    assert cause_at(naive, lambda x: torch.log(torch.sigmoid(x)), FLOAT32, -89) == Cause.UNDERFLOW


def test_a_subnormal_gradient_rounded_inside_a_fused_operator_is_blamed_on_underflow():
    """softplus' derivative, some exp(-101), is rounded to the grid before a weight multiplies it."""
    formula = formula_named("weighted_softmax_cross_entropy")
    function = formula.routines["softplus_of_the_margin"].function
    point = ((177.024078, -50.0107727, 76.1998444), (64, 64, 32), 0)
    assert cause_at(formula, function, FLOAT32, *point, of="grad") == Cause.UNDERFLOW


@pytest.mark.parametrize("second", [(0, 1e-30), (2.0**-126,) * 7 + (2.0**-125,)], ids=["two", "eight"])
def test_a_length_whose_squares_vanish_is_blamed_on_underflow(second):
    formula = formula_named("contrastive")
    function = formula.routines["torch_vector_norm"].function
    point = ((0,) * len(second), second, 1, 1.0)
    assert cause_at(formula, function, FLOAT32, *point, of="grad") == Cause.UNDERFLOW
