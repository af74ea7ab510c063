"""Underflow, cancellation and scaling are measured where they are known."""

import numpy as np
import torch

from numcheck import format_of, m, real, ulps, vector
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.diagnosis.quantities import cancellation, loss_scales, underflow
from numcheck.diagnosis.records import failing, ordinary
from numcheck.domain import Points, draw
from numcheck.measure.laws import law_defects
from numcheck.measure.measurement import measure
from numcheck.measure.scaling import exponents, ladder, scalings
from numcheck.truth import settle

FLOAT32, FLOAT16 = format_of("float32"), format_of("float16")


def measured(function, routine, format, **inputs):
    formula = formula_of(function, "arithmetic", [], None, inputs)
    judged = routine_of(formula, routine, "routine", ulps(2), ulps(2))
    (points,) = draw(inputs, format, 300, 0, "quantified")
    truth = settle(formula, points, format)
    return judged, points, measure(judged, points, truth, format, "cpu")


def test_underflow_begins_where_a_product_leaves_the_normal_numbers():
    _, _, (value, _) = measured(lambda x: x**4 * 2**40, lambda x: x**4 * 2.0**40, FLOAT16, x=real(0, 16))
    found = underflow([value])
    assert found["share"] > 0
    assert found["begins"] is not None and "x <=" in found["begins"]


def test_a_routine_that_underflows_nowhere_loses_nothing():
    _, _, (value, _) = measured(lambda x: x * 1, lambda x: x * 1, FLOAT32, x=real(1, 16))
    assert underflow([value]) == {
        "share": 0.0, "magnitude_lost": 0.0, "begins": None, "loss_scales": None,
    }  # fmt: skip


def test_a_window_of_loss_scales_neither_loses_a_thousandth_nor_overflows():
    # the slope of 2**-20 x**2 / 2 at numbers of [1/4, 1): some 2**-22 to 2**-20, of which float16 has two to four bits
    _, _, (_, slope) = measured(
        lambda x: x**2 * m.ratio(1, 2**21), lambda x: x * x * 2.0**-21, FLOAT16, x=real(0.25, 1)
    )
    found = loss_scales([slope])
    assert found is not None and not found["overflows"]
    assert 0.001 < found["lost"] < 0.25
    low, high = found["safe"]
    assert 4 <= low <= 8 and high == 24  # from 2**-14 on all bits are there; 2**24 * 2**-20 is small
    _, _, (_, steep) = measured(lambda x: x**2 * 2**10, lambda x: x * x * 2.0**10, FLOAT16, x=real(0.25, 1))
    assert loss_scales([steep]) == {"lost": 0.0, "overflows": False, "safe": [0, 5]}


def test_a_gradient_that_overflows_unscaled_has_no_window():
    _, _, (_, slope) = measured(lambda x: x**4, lambda x: x**4, FLOAT16, x=real(0.25, 60))
    found = loss_scales([slope])
    assert found is not None and found["overflows"] and found["safe"] is None


def test_a_value_has_no_loss_scale():
    _, _, (value, _) = measured(lambda x: x**2, lambda x: x * x, FLOAT16, x=real(1, 2))
    assert loss_scales([value]) is None


def test_cancellation_names_the_subtraction_and_its_bits():
    _, _, parts = measured(lambda x: m.exp(x) - 1, lambda x: torch.exp(x) - 1, FLOAT32, x=real(1e-4, 1e-3))
    found = cancellation(parts[0])
    assert found is not None
    assert 9 <= found["bits"] <= 15
    assert "torch.exp(x) - 1" in found["line"]


def test_what_cancels_at_a_failing_point_alone_is_not_told_of_ordinary_ones():
    numbers = torch.full((200,), 0.75)
    numbers[10] = 1e-6  # not among those that are spread over all
    formula = formula_of(lambda x: m.exp(x) - 1, "a test", [], None, {"x": real(1e-7, 1)})
    points = Points({"x": numbers}, np.full(200, "given"))
    routine = routine_of(formula, lambda x: torch.exp(x) - 1, "naive", ulps(4), None)
    (value,) = measure(routine, points, settle(formula, points, FLOAT32), FLOAT32, "cpu")
    assert failing(value).tolist() == [10] and 10 not in ordinary(value)
    found = cancellation(value)
    assert found is not None and found["bits"] <= 1


def test_the_safe_scales_of_a_naive_length_end_where_its_squares_leave_the_range():
    routine, points, _ = measured(
        lambda v: m.sqrt(m.sum(v * v)),
        lambda v: v.square().sum(-1).sqrt(),
        FLOAT32,
        v=vector(-1, 1, sizes=(3,)),
    )
    formula = formula_of(routine.formula.function, "Euclid", [], None, {"v": vector(-3e38, 3e38, sizes=(3,))})
    wide = routine_of(formula, routine.function, "naive", ulps(4), ulps(4))
    found = scalings(wide, ladder(formula, points, FLOAT32, True), FLOAT32, "cpu")["value"]
    assert found["safe"] is not None
    low, high = found["safe"]
    assert -75 < low < -40
    assert 55 < high < 70


def test_a_homogeneous_routine_shows_no_defect_and_a_shifted_one_does():
    even, points, _ = measured(lambda x: x * 3, lambda x: x * 3, FLOAT32, x=real(-1e9, 1e9))
    climb = ladder(even.formula, points, FLOAT32, True)
    assert scalings(even, climb, FLOAT32, "cpu")["value"]["homogeneity_defect"] == 0
    shifted = routine_of(even.formula, lambda x: x * 3 + 1e-3, "shifted", ulps(2), ulps(2))
    assert scalings(shifted, climb, FLOAT32, "cpu")["value"]["homogeneity_defect"] > 1


def test_a_formula_that_is_not_homogeneous_has_no_defect_to_measure():
    routine, points, _ = measured(lambda x: m.exp(x), lambda x: torch.exp(x), FLOAT32, x=real(-50, 50))
    climb = ladder(routine.formula, points, FLOAT32, True)
    assert scalings(routine, climb, FLOAT32, "cpu")["value"]["homogeneity_defect"] is None


def test_the_ladder_has_the_scale_one():
    assert 0 in exponents(FLOAT16) and 0 in exponents(FLOAT32)


def test_a_law_that_a_routine_breaks_is_counted():
    formula = formula_of(lambda x: x * x, "arithmetic", [], None, {"x": real(-4, 4)})

    @formula.law
    def even(f, x):
        """The sign does not matter."""
        return f(x), f(-x)

    def measure_law(function):
        routine = routine_of(formula, function, "routine", ulps(2), None)
        (points,) = draw(formula.inputs, FLOAT32, 90, 0, "law")
        parts = measure(routine, points, settle(formula, points, FLOAT32), FLOAT32, "cpu")
        (defect,) = law_defects(parts[0])
        return defect

    assert measure_law(lambda x: x * x)["violations"] == 0
    assert measure_law(lambda x: x * x + 1e-3 * x)["violations"] > 0
    assert even.doc == "The sign does not matter."


def test_a_gradient_that_a_scale_takes_beyond_float64_overflows_without_a_warning():
    _, _, (_, slope) = measured(lambda x: x**2, lambda x: x * x, format_of("float64"), x=real(1e307, 8e307))
    with np.errstate(all="raise"):
        found = loss_scales([slope])
    assert found is not None and found["safe"] == [0, 0]
