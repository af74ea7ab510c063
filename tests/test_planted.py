"""Every planted mistake is caught and its cause named, its correct twin is not flagged; and live failures of torch."""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from planted import Planted, planted
from planted.geometry import area, area_from_a_corner, shoelace_far_from_the_origin
from planted.losses import softplus_of_the_flipped_logit, two_class_loss
from planted.ranges import exponential_over_one_plus_itself, logistic
from torch.nn import functional

from numcheck import m, one_of, real, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis.conduct import called_again
from numcheck.diagnosis.culprit import blame
from numcheck.diagnosis.diagnose import diagnose
from numcheck.domain import Points
from numcheck.formats import Format, format_of
from numcheck.measure.measurement import Measurement, measure
from numcheck.operators import trace
from numcheck.truth import Truth, settle

POINTS = 200
SEED = 0
HALF_PRECISIONS = ("float16", "bfloat16")

BY_NAME = planted()


@functools.cache
def drawn_and_settled(formula: Formula, format: Format, backward: bool) -> list[tuple[Points, Truth]]:
    """Points of a formula with their truth, which its wrong routines and their twins share."""
    parts = formula.points(format, POINTS, SEED)
    return [(points, settle(formula, points, format, with_gradient=backward)) for points in parts]


def measured(routine: Routine, of: str, format_name: str) -> list[Measurement]:
    format = format_of(format_name)
    parts = drawn_and_settled(routine.formula, format, of == "grad")
    found = [called_again(measure(routine, points, truth, format, "cpu"), truth) for points, truth in parts]
    return [measurement for part in found for measurement in part]


def causes_of_failures(parts: list[Measurement], of: str) -> Counter[Cause]:
    """How many failing points each cause is blamed for; a point without one counts under None."""
    count: Counter[Cause] = Counter()
    for part in parts:
        if part.of == of:
            failing = part.judgement.worst.fate >= Fate.OVER
            count.update(diagnose(part).causes[failing].tolist())
    return count


@pytest.mark.parametrize("mistake", BY_NAME.values(), ids=BY_NAME)
def test_a_planted_mistake_is_caught_and_most_of_its_failures_name_its_cause(mistake: Planted):
    named = {
        format: causes_of_failures(measured(mistake.wrong, mistake.of, format), mistake.of)
        for format in mistake.formats
    }
    assert all(count[mistake.cause] * 2 >= count.total() > 0 for count in named.values()), named


@pytest.mark.parametrize("mistake", BY_NAME.values(), ids=BY_NAME)
def test_the_correct_twin_of_a_planted_mistake_is_not_flagged(mistake: Planted):
    flagged = {
        (format, part.of): part.judgement.worst.spent.max()
        for format in mistake.written_for
        for part in measured(mistake.twin, mistake.of, format)
        if set(np.unique(part.judgement.worst.fate)) != {Fate.WITHIN}
    }
    assert not flagged


@pytest.mark.parametrize("mistake", BY_NAME.values(), ids=BY_NAME)
def test_a_twin_is_written_for_every_format_in_which_its_mistake_shows(mistake: Planted):
    assert mistake.formats
    assert set(mistake.formats) <= set(mistake.written_for)


def test_nearly_every_cause_is_planted_at_least_once():
    # What the problem itself magnifies is forgiven: no routine can fail for it.
    assert {mistake.cause for mistake in BY_NAME.values()} == set(Cause) - {Cause.SENSITIVITY}


# --- failures of torch's own losses at the points where they are known


def at(formula: Formula, inputs: Mapping[str, Any], format: Format) -> Points:
    columns = {name: domain.column([inputs[name]], format) for name, domain in formula.inputs.items()}
    return Points(columns, np.array(["given"]))


def measured_at(routine: Routine, inputs: Mapping[str, Any], format_name: str) -> dict[str, Measurement]:
    format = format_of(format_name)
    points = at(routine.formula, inputs, format)
    truth = settle(routine.formula, points, format)
    return {part.of: part for part in measure(routine, points, truth, format, "cpu")}


def promised(formula: Formula, function: Callable[..., Any]) -> Routine:
    return routine_of(formula, function, function.__name__, ulps(2), ulps(4))


def builtin_on_logits(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(logit, label.to(logit.dtype), reduction="none")


def loses_every_digit(part: Measurement) -> bool:
    judged = part.judgement
    return bool(judged.error[0, 0] >= 2.0 ** (judged.format.precision - 1) and judged.spent[0, 0] > 1)


def test_cross_entropy_on_logits_loses_every_digit_of_a_right_answers_loss():
    part = measured_at(promised(two_class_loss, builtin_on_logits), {"logit": -20.0, "label": 0}, "float32")
    assert part["value"].judgement.got[0, 0] == 0
    assert loses_every_digit(part["value"])


def test_cross_entropy_on_logits_loses_every_digit_of_a_right_answers_gradient():
    part = measured_at(promised(two_class_loss, builtin_on_logits), {"logit": 20.0, "label": 1}, "float32")
    assert part["grad"].judgement.got[0, 0] == 0
    assert loses_every_digit(part["grad"])


@pytest.mark.parametrize(("logit", "label"), [(-20.0, 0), (20.0, 1)])
def test_softplus_of_the_flipped_logit_keeps_the_digits_that_cross_entropy_loses(logit: float, label: int):
    parts = measured_at(
        promised(two_class_loss, softplus_of_the_flipped_logit), {"logit": logit, "label": label}, "float32"
    )
    assert {Fate(part.judgement.worst.fate[0]) for part in parts.values()} == {Fate.WITHIN}


@pytest.mark.parametrize(("of", "logit", "label"), [("value", -20.0, 0), ("grad", 20.0, 1)])
def test_digits_lost_by_cross_entropy_on_logits_are_named_cancellation(of: str, logit: float, label: int):
    parts = measured_at(
        promised(two_class_loss, builtin_on_logits), {"logit": logit, "label": label}, "float32"
    )
    assert diagnose(parts[of]).causes.tolist() == [Cause.CANCELLATION]


def soft_margin(score: m.Reals, side: m.Reals) -> m.Reals:
    return m.log(1 + m.exp(-side * score))


SOFT_MARGIN = formula_of(
    soft_margin,
    "Hastie, Tibshirani & Friedman 2009, section 12.3.2",
    (),
    None,
    {"score": real(-200, 200), "side": one_of(-1, 1)},
)


def soft_margin_loss(score: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
    return functional.soft_margin_loss(score, side.to(score.dtype), reduction="none")


def test_soft_margin_loss_overflows_where_the_loss_is_a_hundred():
    part = measured_at(promised(SOFT_MARGIN, soft_margin_loss), {"score": -100.0, "side": 1}, "float32")
    assert part["value"].judgement.truth.nearest()[0, 0] == 100
    assert part["value"].judgement.got[0, 0] == torch.inf
    assert diagnose(part["value"]).causes.tolist() == [Cause.OVERFLOW]


def test_the_gradient_of_soft_margin_loss_is_named_nan_where_the_loss_overflows():
    part = measured_at(promised(SOFT_MARGIN, soft_margin_loss), {"score": -100.0, "side": 1}, "float32")
    assert np.isnan(part["grad"].judgement.got[0, 0])
    assert diagnose(part["grad"]).causes.tolist() == [Cause.NAN_GRADIENT]


# --- what a trace must not blame on the format's range


def blamed(function: Callable[..., torch.Tensor], *rows: list[float]) -> list[str | None]:
    record = trace(function, {"x": torch.tensor(rows)})
    return [None if lost is None else lost.cause for lost in blame(record)]


def test_a_normal_number_lost_inside_a_fused_operator_is_no_underflow():
    lost = blamed(lambda x: torch.log_softmax(x, 1), [0.0, -33.0], [40.0, 5.0])
    assert set(lost) == {"cancellation"}


def test_an_element_that_vanishes_without_harm_is_not_blamed_for_another_ones_lost_digits():
    def plain(x: torch.Tensor) -> torch.Tensor:
        return torch.log(torch.exp(x).sum(1))

    # exp(-200) underflows; what is lost is the logarithm of a sum near 1
    assert blamed(plain, [-1e-5, -14.0, -200.0], [-2e-5, -14.0, -200.0]) == ["cancellation", "cancellation"]


def test_the_logarithm_of_a_probability_below_float64s_range_is_blamed_on_underflow():
    assert (
        blamed(lambda x: torch.log(torch.softmax(x, 1)), [0.0, -2000.0], [0.0, -200.0]) == ["underflow"] * 2
    )


# --- where a failure begins


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_the_exponential_over_one_plus_itself_fails_just_where_the_exponential_leaves_the_format(name: str):
    format = format_of(name)
    middle = format.round(torch.log(torch.tensor([format.largest], dtype=torch.float64)))
    around = format.from_ordinals(format.to_ordinals(middle) + torch.arange(-8, 9))
    overflows = torch.isinf(torch.exp(around))
    assert overflows.any() and not overflows.all()
    points = Points({"x": around}, np.array(["given"] * len(around)))
    truth = settle(logistic, points, format)
    part, *_ = measure(promised(logistic, exponential_over_one_plus_itself), points, truth, format, "cpu")
    assert np.array_equal(np.isnan(part.judgement.got[:, 0]), overflows.numpy())


def unit_polygons_at(distance: float, format: Format) -> Points:
    angles = torch.arange(32, dtype=torch.float64)[:, None] + torch.tensor([0.0, 1.5, 3.0, 4.5])
    corners = torch.stack([torch.cos(angles), torch.sin(angles)], 2) + distance
    return Points({"xy": format.round(corners)}, np.array(["given"] * 32), 4)


def worst_share_of_the_conditioning(function: Callable[..., Any], distance: float) -> float:
    """Largest error over what u * sum(abs(x_i * df/dx_i)) forgives."""
    format = format_of("float32")
    points = unit_polygons_at(distance, format)
    routine = routine_of(area, function, function.__name__, ulps(4), None)
    (part,) = measure(routine, points, settle(area, points, format), format, "cpu")
    return float((part.judgement.error / part.judgement.forgiven).max())


DISTANCES = (1e1, 1e3, 1e5)


def test_the_absolute_shoelaces_error_over_its_conditioning_grows_with_the_distance():
    shares = [worst_share_of_the_conditioning(shoelace_far_from_the_origin, d) for d in DISTANCES]
    assert shares[0] * 8 < shares[1] < shares[2] / 8


def test_the_shoelace_from_a_corner_never_loses_more_than_its_conditioning_forgives():
    assert max(worst_share_of_the_conditioning(area_from_a_corner, d) for d in DISTANCES) <= 1


# --- the smallest update that survives


def steps_up_to_one(format: Format) -> torch.Tensor:
    """Every positive number of a 16-bit format up to 1."""
    one = int(format.to_ordinals(format.round(torch.ones(1, dtype=torch.float64)))[0])
    return format.from_ordinals(torch.arange(1, one + 1))


def rounded(x: Fraction, name: str) -> float:
    return format_of(name).round_rational(x)


@pytest.mark.parametrize("name", HALF_PRECISIONS)
def test_a_step_of_half_the_spacing_below_one_is_the_largest_that_a_weight_of_one_absorbs(name: str):
    format = format_of(name)
    threshold = Fraction(1, 2 ** (format.precision + 1))
    after = format.value_of(format.ordinal_of(float(threshold)) + 1)
    # a tie goes to 1, whose significand is even; rounding is monotonic, so that these two prove the threshold
    assert rounded(1 - threshold, name) == 1
    assert rounded(1 - Fraction(after), name) < 1


@pytest.mark.parametrize("name", HALF_PRECISIONS)
def test_a_step_of_half_the_spacing_above_one_is_the_largest_that_growing_from_one_absorbs(name: str):
    format = format_of(name)
    threshold = Fraction(1, 2**format.precision)
    after = format.value_of(format.ordinal_of(float(threshold)) + 1)
    assert rounded(1 + threshold, name) == 1
    assert rounded(1 + Fraction(after), name) > 1


@pytest.mark.parametrize(("name", "threshold"), [("float16", 2.0**-12), ("bfloat16", 2.0**-9)])
def test_torch_absorbs_every_step_up_to_the_threshold_and_none_beyond(name: str, threshold: float):
    steps = steps_up_to_one(format_of(name))
    assert torch.equal(1 - steps == 1, steps <= threshold)


@pytest.mark.parametrize("name", HALF_PRECISIONS)
def test_a_ten_thousandth_is_absorbed_by_one_in_half_precision(name: str):
    assert rounded(1 + Fraction(1, 10000), name) == 1
    assert rounded(1 - Fraction(1, 10000), name) == 1
