"""The search for an input that spends more than the budget, on routines planted for it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import Phase, settings
from hypothesis.database import InMemoryExampleDatabase

from numcheck import m
from numcheck.declaration.budgets import Budget, ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, gap, routine_of
from numcheck.declaration.words import Cause, Of
from numcheck.domain import Points, one_of, real, vector
from numcheck.formats import Format, format_of
from numcheck.runs.examine import Examined
from numcheck.runs.search import database_key, property_of, sampled, search, steering
from numcheck.runs.witnesses import Witness, Witnesses, environment_name

FLOAT32 = format_of("float32")
QUIET = settings(max_examples=60, database=None, derandomize=True, deadline=None)


def doubled() -> Formula:
    def twice(x):
        """The sum of a number and itself."""
        return x + x

    return formula_of(twice, "a school book", [], None, {"x": real(-1000, 1000)})


def routine(formula: Formula, function: Callable[..., torch.Tensor], grad: Budget | None = None) -> Routine:
    made = routine_of(formula, function, function.__name__, ulps(1), grad)
    formula.routines[made.name] = made
    return made


def exact(x: torch.Tensor) -> torch.Tensor:
    return x + x


def wrong_above_one(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 1, x + x * x, x + x)


def found_by(judged: Routine, format: Format, device: str, of: str, chosen: settings) -> Examined | None:
    return search(judged, format, device, Of(of), chosen).found


def input_of(found: Examined) -> Points:
    return found.parts[0].points


def test_a_right_routine_has_nothing_to_find():
    assert found_by(routine(doubled(), exact), FLOAT32, "cpu", "value", QUIET) is None


def test_every_example_of_the_profile_is_tried():
    assert search(routine(doubled(), exact), FLOAT32, "cpu", Of.VALUE, QUIET).examples >= QUIET.max_examples


def test_what_is_found_shrinks_to_a_power_of_two():
    found = found_by(routine(doubled(), wrong_above_one), FLOAT32, "cpu", "value", QUIET)
    assert found is not None
    assert input_of(found).columns["x"].tolist() == [2.0]


def test_what_is_found_names_its_cause():
    found = found_by(routine(doubled(), wrong_above_one), FLOAT32, "cpu", "value", QUIET)
    assert found is not None
    assert (found.causes[0], found.spent > 1) == (Cause.WRONG_FORMULA, True)


def test_a_gradient_is_searched_by_itself():
    judged = routine(doubled(), half_a_slope, ulps(1))
    assert found_by(judged, FLOAT32, "cpu", "value", QUIET) is None
    found = found_by(judged, FLOAT32, "cpu", "grad", QUIET)
    assert found is not None
    assert input_of(found).columns["x"].tolist() == [0.0]


def half_a_slope(x: torch.Tensor) -> torch.Tensor:
    return x + x.detach()


def test_a_gap_hides_its_own_cause_only():
    covered = gap("wrong_formula", why="planted")(routine(doubled(), wrong_above_one))
    seen = search(covered, FLOAT32, "cpu", Of.VALUE, QUIET)
    assert (seen.found, seen.met) == (None, set(covered.gaps))
    other = gap("overflow", why="planted, and not what happens")(routine(doubled(), wrong_above_one))
    assert found_by(other, FLOAT32, "cpu", "value", QUIET) is not None


def test_a_single_point_is_told_a_scale_from_a_wrong_formula():
    found = found_by(routine(doubled(), half_a_slope, ulps(1)), FLOAT32, "cpu", "grad", QUIET)
    assert found is not None
    assert found.causes[0] == Cause.SCALE


def test_a_routine_that_raises_is_found_with_its_message():
    def refuses(x: torch.Tensor) -> torch.Tensor:
        if bool((x < 0).any()):
            raise ValueError("no negative numbers")
        return x + x

    found = found_by(routine(doubled(), refuses), FLOAT32, "cpu", "value", QUIET)
    assert found is not None
    assert found.causes[0] is None
    assert found.parts[0].crashes == {0: "ValueError: no negative numbers"}
    assert input_of(found).columns["x"].tolist() == [-1.0]


def test_equal_inputs_with_different_results_are_found_as_not_deterministic():
    calls = iter(range(1_000_000))

    def now_and_then_wrong(often: int):
        return lambda x: x + x if next(calls) % often else x + x + 1

    for often in (5, 61):  # often enough to be caught in the act, or not
        seen = search(routine(doubled(), now_and_then_wrong(often)), FLOAT32, "cpu", Of.VALUE, QUIET)
        assert seen.cause is Cause.NOT_DETERMINISTIC
    assert seen.flaky


def test_the_simplest_of_ragged_inputs_has_the_first_size():
    def total(x):
        """The sum of the entries."""
        return m.sum(x)

    formula = formula_of(total, "a school book", [], None, {"x": vector(-100, 100, sizes=(2, 5))})

    def first_two(x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] + x[:, 1] + (x[:, 0] > 2)

    found = found_by(routine(formula, first_two), FLOAT32, "cpu", "value", QUIET)
    assert found is not None
    assert input_of(found).size == 2
    assert input_of(found).columns["x"].tolist() == [[4.0, 0.0]]


def test_the_gradient_of_every_output_is_searched():
    def powers(x):
        """A number and its square."""
        return m.stack([x, x * x])

    formula = formula_of(powers, "a school book", [], None, {"x": real(-100, 100)})

    def second_slope_lost(x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x, (x * x).detach()], dim=1)

    found = found_by(routine(formula, second_slope_lost, ulps(1)), FLOAT32, "cpu", "grad", QUIET)
    assert found is not None
    assert found.parts[0].component.tolist() == [1]
    assert input_of(found).columns["x"].tolist() == [1.0]


def test_settings_reach_the_routine_as_python_values():
    def scaled(x, factor):
        """A multiple of a number."""
        return x * factor

    formula = formula_of(
        scaled, "a school book", [], None, {"x": real(-10, 10), "factor": one_of(1.0, 2.0, 3.0)}
    )

    def ignores_three(x: torch.Tensor, factor: float) -> torch.Tensor:
        return x * min(factor, 2.0)

    found = found_by(routine(formula, ignores_three), FLOAT32, "cpu", "value", QUIET)
    assert found is not None
    assert input_of(found).columns["factor"] == (3.0,)


# What hypothesis's users expect -----------------------------------------------------------------------------------


@pytest.fixture
def remembering() -> settings:
    return settings(max_examples=300, database=InMemoryExampleDatabase(), deadline=None)


def test_a_failure_is_replayed_from_the_database(remembering):
    assert found_by(routine(doubled(), wrong_above_one), FLOAT32, "cpu", "value", remembering) is not None
    replay = settings(remembering, phases=[Phase.reuse])
    again = search(routine(doubled(), wrong_above_one), FLOAT32, "cpu", Of.VALUE, replay)
    assert again.found is not None
    assert input_of(again.found).columns["x"].tolist() == [2.0]


def test_nothing_is_replayed_for_another_format(remembering):
    assert found_by(routine(doubled(), wrong_above_one), FLOAT32, "cpu", "value", remembering) is not None
    replay = settings(remembering, phases=[Phase.reuse])
    other = search(routine(doubled(), wrong_above_one), format_of("bfloat16"), "cpu", Of.VALUE, replay)
    assert (other.found, other.examples) == (None, 0)


def test_the_database_key_names_formula_routine_format_device_and_part():
    key = database_key(routine(doubled(), exact), FLOAT32, "cpu", "grad")
    assert key == b"twice.exact[float32-cpu-grad]"


def test_a_search_prints_nothing(capfd):
    found_by(routine(doubled(), wrong_above_one), FLOAT32, "cpu", "value", QUIET)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("spent", [0.0, 5e-324, 1.0, 1e308, float("inf")])
def test_the_search_is_steered_by_finite_numbers(spent):
    assert np.isfinite(steering(spent))


# The whole property -----------------------------------------------------------------------------------------------


def test_a_gap_whose_witness_fails_no_more_is_stale():
    judged = gap("overflow", why="planted, and not what happens")(routine(doubled(), exact))
    sample, nothing = sampled(judged.formula, FLOAT32, 100, 0)
    (value,) = property_of(judged, sample, nothing, "cpu", QUIET)
    assert (value.stale, value.passed) == ([], True)
    here = environment_name("cpu")
    witness = Witness("exact", "overflow", "float32", Of.VALUE, "worst", ("0x1p0",), 0, (here,))
    (value,) = property_of(judged, sample, Witnesses(None, (witness,)), "cpu", QUIET)
    assert (value.stale, value.passed) == (list(judged.gaps), False)


def test_a_failure_that_is_covered_passes():
    judged = gap("wrong_formula", why="planted")(routine(doubled(), wrong_above_one))
    (value,) = property_of(judged, *sampled(judged.formula, FLOAT32, 100, 0), "cpu", QUIET)
    assert value.passed
    assert value.spent <= 1


def test_value_and_gradient_are_both_examined():
    judged = routine(doubled(), half_a_slope, ulps(1))
    value, grad = property_of(judged, *sampled(judged.formula, FLOAT32, 100, 0), "cpu", QUIET)
    assert (value.examined.of, value.passed, grad.examined.of, grad.passed) == ("value", True, "grad", False)
