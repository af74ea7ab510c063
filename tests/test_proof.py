"""A cause is told that is proved: of a wrong formula, an overflow, a derivative that is not finite."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import numcheck
from numcheck import format_of, m, real, ulps, vector
from numcheck.declaration.formulas import Formula, Gap, formula_of, routine_of
from numcheck.declaration.words import Cause, ExitCode
from numcheck.diagnosis import proof as proofs
from numcheck.diagnosis.diagnose import Diagnosis, diagnose
from numcheck.diagnosis.proof import FEW, wrong_code
from numcheck.foreign import adapt
from numcheck.measure import Measurement, measure
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.runs import check_catalog, verdict_of
from numcheck.truth import settle


def stated(function: Callable[..., Any], **inputs: Any) -> Formula:
    return formula_of(function, "stated for this test", (), None, inputs)


def measured(
    formula: Formula,
    function: Callable[..., Any],
    *points: tuple[Any, ...],
    of: str = "value",
    format: str = "float32",
) -> Measurement:
    """What the function gives at some points, each in the order of the formula's inputs."""
    form = format_of(format)
    where = [formula.at(point, form) for point in points]
    joined = type(where[0]).concatenate(where)
    routine = routine_of(formula, function, "routine", ulps(4), ulps(4) if formula.wrt else None)
    parts = measure(routine, joined, settle(formula, joined, form), form, "cpu")
    return next(part for part in parts if part.of == of)


def told(*args: Any, **kwargs: Any) -> Diagnosis:
    return diagnose(measured(*args, **kwargs))


SMALL = stated(lambda x: m.expm1(x), x=real(-5, 5))
TWICE = stated(lambda x: 2 * x, x=real(-5, 5))


TWICE_IN_PYTHON = formula_of(lambda x: 2 * x, "stated for this test", (), (), {"x": real(-5, 5)})
"""Of code through which no gradient leads."""


def states(formula: Formula, function: Callable[..., Any], *points: tuple[Any, ...]) -> list[int]:
    part = measured(formula, function, *points)
    return wrong_code(part, np.arange(len(points))).states.tolist()


# --- a wrong formula is proved


def test_code_that_misses_the_truth_without_rounding_is_wrong_and_other_code_is_not():
    assert states(SMALL, lambda x: torch.exp(x) - 1 + 0.25, (0.5,)) == [YES]
    assert states(SMALL, lambda x: torch.exp(x) - 1, (2.0**-120,)) == [NO]


def test_of_an_error_of_formula_and_rounding_the_greater_part_counts():
    def shifted(by: float) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.exp(x) - 1 + by

    x = 2.0**-20  # exp(x) - 1 errs by 2**-41 here
    assert states(SMALL, shifted(2.0**-48), (x,)) == [NO]
    assert states(SMALL, shifted(2.0**-34), (x,)) == [YES]


def test_each_point_is_proved_by_itself():
    def partly(x: Tensor) -> Tensor:
        return torch.where(x > 1, torch.exp(x), torch.exp(x) - 1)

    assert states(SMALL, partly, (2.0**-100,), (2.0,), (2.0**-90,)) == [NO, YES, NO]


@pytest.mark.parametrize(("exact", "state"), [(7.0, YES), (5.0, NO), (13.0, YES), (15.0, NO)])
def test_wrong_code_gives_exactly_what_is_nearer_to_its_result_than_half_of_the_error(
    exact: float, state: int
):
    """Of one, twice which is two, the code gives ten; in exact arithmetic it takes the other branch."""

    def branching(x: Tensor) -> Tensor:
        return torch.where(x + 2.0**-40 > x, exact, 10.0)

    assert states(TWICE_IN_PYTHON, branching, (1.0,)) == [state]


def test_more_bits_are_taken_where_balls_are_too_wide_to_tell():
    part = measured(SMALL, lambda x: torch.exp(x) - 1, (2.0**-140,), (2.0**-20,))
    proof = wrong_code(part, np.arange(2))
    assert (proof.states.tolist(), proof.finite.tolist(), proof.why_not) == ([NO, NO], [True, True], "")


def test_what_hangs_on_a_question_that_no_ball_decides_is_not_proved():
    def asks(x: Tensor) -> Tensor:
        return torch.where(torch.sqrt(x) ** 2 >= x, x + 1, x - 1)

    proof = wrong_code(measured(TWICE_IN_PYTHON, asks, (2.0,), (4.0,)), np.arange(2))
    assert proof.states.tolist() == [UNDECIDED, YES]
    assert proof.why_not == "it hangs on more than 2048 bits"


def test_where_exact_code_has_an_infinity_and_the_routine_a_number_nothing_is_wrong_with_the_formula():
    def rounded_off(x: Tensor) -> Tensor:
        return torch.log((x + 1) - 1 - x)

    proof = wrong_code(measured(TWICE_IN_PYTHON, rounded_off, (0.1000000014901161,)), np.arange(1))
    assert (proof.states.tolist(), proof.finite.tolist()) == ([NO], [False])


def test_where_exact_code_has_no_number_and_the_routine_has_one_nothing_is_wrong_with_the_formula():
    def rounded_off(x: Tensor) -> Tensor:
        return (x + 1 - 1 - x) / ((x + 1) - 1 - x)

    assert states(TWICE_IN_PYTHON, rounded_off, (0.1000000014901161,)) == [NO]


def test_an_infinite_result_is_of_no_formula_that_has_a_number():
    assert states(TWICE_IN_PYTHON, lambda x: torch.exp(100 * x) * 1e-30, (1.0,)) == [NO]


def test_a_number_where_the_formula_has_an_infinity_is_of_another_formula():
    pole = formula_of(lambda x: m.log(x), "stated for this test", (), (), {"x": real(0, 5)})
    assert states(pole, lambda x: torch.log(x + 2.0**-100), (0.0,)) == [YES]


def test_what_ends_the_execution_is_told_in_words():
    def picky(x: Tensor) -> Tensor:
        if type(x) is not Tensor:
            raise ValueError("plain tensors only")
        return x + 1

    proof = wrong_code(measured(TWICE_IN_PYTHON, picky, (1.0,)), np.arange(1))
    assert (proof.states.tolist(), proof.why_not) == ([UNDECIDED], "ValueError: plain tensors only")
    proof = wrong_code(measured(TWICE_IN_PYTHON, lambda x: torch.special.airy_ai(x), (1.0,)), np.arange(1))
    assert proof.why_not == "aten.special_airy_ai.default: has no exact rule"


def executed_together(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], count: int
) -> tuple[Any, list[int]]:
    """A proof of so many points, of two first and three of the others at once, and how many it executes at once."""
    together: list[int] = []
    run = proofs._executed

    def noted(measurement: Measurement, rows: np.ndarray) -> Any:
        together.append(len(rows))
        return run(measurement, rows)

    for name, value in (("FEW", 2), ("LANES", 3), ("EACH", 5), ("_executed", noted)):
        monkeypatch.setattr(proofs, name, value)
    points = [(float(x),) for x in range(1, count + 1)]
    return wrong_code(measured(TWICE_IN_PYTHON, function, *points), np.arange(count)), together


@pytest.mark.parametrize(("operators", "all_of_them"), [(3, True), (10, True), (11, False)])
def test_code_is_executed_at_all_points_unless_it_runs_many_operators_for_each(
    operators: int, all_of_them: bool, monkeypatch: pytest.MonkeyPatch
):
    """Five operators for each of two points are not too many."""

    def wrong(x: Tensor) -> Tensor:
        for _ in range(operators - 1):
            x = x * 1
        return x + 100

    proof, together = executed_together(monkeypatch, wrong, 9)
    assert proof.states.tolist() == [YES] * 9
    assert together == ([2, 3, 3, 1] if all_of_them else [2])


def test_where_those_that_speak_for_others_have_no_number_each_the_others_have_none(
    monkeypatch: pytest.MonkeyPatch,
):
    def infinite_at_one(x: Tensor) -> Tensor:
        for _ in range(20):
            x = x * 1
        return torch.where(x == 1, torch.log(x - 1), torch.log((x + 2.0**-30) - x))

    proof, together = executed_together(monkeypatch, infinite_at_one, 4)
    assert together == [2]
    assert (proof.states.tolist(), proof.finite.tolist()) == ([NO] * 4, [False, False, False, True])


def test_a_derivative_of_the_routines_own_is_executed_exactly_too():
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.expm1(x)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
            return grad * ctx.saved_tensors[0]

    assert told(SMALL, lambda x: Own.apply(x), (2.0,), of="grad").causes.tolist() == [Cause.WRONG_FORMULA]


def test_where_nothing_can_be_proved_another_cause_is_told_with_a_note_that_says_why():
    def without_a_rule(x: Tensor) -> Tensor:
        return torch.special.airy_ai(x)

    found = told(SMALL, without_a_rule, (2.0,))
    assert found.causes[0] not in (Cause.WRONG_FORMULA, Cause.SCALE)
    assert "not proved" in found.losses[0].note
    assert "airy_ai" in found.losses[0].note


def test_random_numbers_prove_nothing():
    found = told(SMALL, lambda x: torch.expm1(x) + torch.rand_like(x), (2.0,))
    assert found.causes[0] not in (Cause.WRONG_FORMULA, Cause.SCALE)


def test_code_that_runs_point_by_point_is_executed_at_some_that_speak_for_all():
    def one_by_one(x: Tensor) -> Tensor:
        return torch.stack([self_made(number) for number in x])

    def self_made(number: Tensor) -> Tensor:
        for _ in range(20):
            number = number * 1
        return number + 1

    points = [(float(x),) for x in np.linspace(-2, 2, FEW + 40)]
    assert set(states(TWICE, one_by_one, *points)) == {YES}


def test_a_digit_lost_in_python_is_no_wrong_formula():
    def in_python(x: Tensor) -> Tensor:
        return torch.stack([torch.tensor(0.0) + (1 + float(v) - 1) * 2 for v in x])

    assert states(TWICE_IN_PYTHON, in_python, (2.0**-60,)) == [NO]


def in_floats(x: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    for i, number in enumerate(x.unbind(0)):
        out[i] = float(number) * 2 + 0.25
    return out


def test_a_function_that_is_called_in_another_way_is_executed_exactly_too():
    routine = adapt(in_floats, TWICE_IN_PYTHON)
    assert states(TWICE_IN_PYTHON, routine.function, (1.5,), (2.0**-40,)) == [YES, YES]


# --- an iteration


@pytest.mark.parametrize(
    "loop",
    [
        lambda x: torch.stack([torch.exp(row) * 2 for row in x]),
        lambda x: sum((x[:, j] * (j + 2) for j in range(x.shape[1])), torch.zeros_like(x[:, 0])),
    ],
    ids=["over points", "over elements"],
)
def test_a_loop_that_takes_something_new_in_each_pass_is_no_iteration(loop: Callable[..., Any]):
    width = (3,)
    total = stated(lambda x: m.sum(x), x=vector(-4, 4, sizes=width))
    each = stated(lambda x: 3 * x, x=vector(-4, 4, sizes=width))
    formula = total if loop(torch.ones(2, 3)).ndim == 1 else each
    assert Cause.UNCONVERGED not in told(formula, loop, ((1.0, 0.5, 0.25),)).causes.tolist()


def test_a_recurrence_whose_steps_shrink_is_an_iteration():
    root = stated(lambda x: m.sqrt(x), x=real(1, 1000))

    def heron(x: Tensor) -> Tensor:
        y = torch.ones_like(x)
        for _ in range(5):
            y = (y + x / y) / 2
        return y

    assert told(root, heron, (900.0,)).causes.tolist() == [Cause.UNCONVERGED]


# --- overflow


@pytest.mark.parametrize(
    "mend",
    [
        lambda y: torch.where(torch.isinf(y), 0.0, y),
        lambda y: torch.nan_to_num(y, posinf=0.0),
        lambda y: y.masked_fill(y == torch.inf, 0.0),
        lambda y: torch.where(torch.isfinite(y), y, -1.0),
    ],
    ids=["where", "nan_to_num", "masked_fill", "isfinite"],
)
@pytest.mark.parametrize("x", [100.0, 800.0], ids=["in float32", "in float64 too"])
def test_an_overflow_that_is_mended_is_an_overflow_of_its_operator(mend: Callable[..., Any], x: float):
    softplus = stated(lambda x: m.log(1 + m.exp(x)), x=real(0, 1000))
    found = told(softplus, lambda x: mend(torch.log(1 + torch.exp(x))), (x,))
    assert found.causes.tolist() == [Cause.OVERFLOW]
    assert found.losses[0].operator == "aten.exp.default"


def in_python(x: Tensor) -> Tensor:
    return torch.tensor(
        [float("inf") if 1 < v < 2 else float(np.expm1(v)) for v in x.tolist()], dtype=x.dtype
    )


@pytest.mark.parametrize(
    "infinite",
    [
        lambda x: torch.where((x > 1) & (x < 2), torch.inf, torch.expm1(x)),
        lambda x: torch.where((x > 1) & (x < 2), torch.expm1(x) * torch.inf, torch.expm1(x)),
        lambda x: torch.where((x > 1) & (x < 2), torch.expm1(x) / 0, torch.expm1(x)),
        lambda x: torch.expm1(x).masked_fill((x > 1) & (x < 2), torch.inf),
        in_python,
    ],
    ids=["constant", "times infinity", "by zero", "masked", "untraced"],
)
def test_a_gap_of_overflow_covers_no_infinity_that_no_operator_overflowed_to(infinite: Callable[..., Any]):
    gap = Gap((Cause.OVERFLOW,), "known")
    routine = routine_of(SMALL, infinite, "infinite", ulps(2), None)
    report = check_catalog(formats=["float32"], points=200, routine=replace(routine, gaps=(gap,)), jobs=1)
    assert verdict_of(report)[0] is ExitCode.FAILED
    assert {f["cause"] for one in report["measurements"] for f in one["findings"]} == {"special_value"}


def test_a_gap_of_overflow_covers_what_an_operator_overflowed_to():
    softplus = stated(lambda x: m.log(1 + m.exp(x)), x=real(90, 1000))
    routine = routine_of(softplus, lambda x: torch.log(1 + torch.exp(x)), "naive", ulps(2), None)
    covered = replace(routine, gaps=(Gap((Cause.OVERFLOW,), "known"),))
    report = check_catalog(formats=["float32"], points=200, routine=covered, jobs=1)
    assert verdict_of(report)[0] is ExitCode.PASSED


# --- derivatives that are not finite


def test_a_root_at_zero_is_named_and_not_a_branch_that_was_not_taken():
    distance = stated(lambda x, y: m.norm(x - y), x=vector(-1, 1), y=vector(-1, 1))
    same = (0.5, 0.25), (0.5, 0.25)
    loss = told(distance, lambda x, y: ((x - y) ** 2).sum(1).sqrt(), same, of="grad").losses[0]
    assert loss.operator == "aten.sqrt.default"
    assert (
        loss.remedy
        == "the derivative of sqrt is not finite there: give that input a branch of its own before sqrt meets it"
    )


def test_a_branch_that_was_not_taken_is_named_where_there_is_one():
    root = stated(lambda x: m.where(x > 1, m.sqrt(x - 1), 0), x=real(-4, 4))
    loss = told(root, lambda x: torch.where(x > 1, torch.sqrt(x - 1), 0), (1.0,), of="grad").losses[0]
    assert loss.operator == "aten.sqrt.default"
    assert "choose a safe argument before it" in loss.remedy


def test_an_exponential_that_overflowed_is_named_with_what_helps_against_that():
    capped = stated(lambda x: m.where(m.exp(x) < 10, m.exp(x), 10), x=real(0, 200))
    loss = told(capped, lambda x: torch.exp(x).clamp(max=10), (100.0,), of="grad").losses[0]
    assert loss.operator == "aten.exp.default"
    assert loss.remedy.startswith("exp leaves the format's range: limit or scale what goes into it")


def test_squares_that_vanish_and_the_root_above_them_are_both_named():
    distance = stated(lambda x, y: m.norm(x - y), x=vector(-1, 1), y=vector(-1, 1))
    near = (1e-30, 0.0), (0.0, 0.0)
    loss = told(distance, lambda x, y: ((x - y) ** 2).sum(1).sqrt(), near, of="grad").losses[0]
    assert loss.operator == "aten.sqrt.default"
    assert loss.remedy.startswith(
        "pow leaves the format's range, and the derivative of sqrt is not finite there"
    )


def test_a_report_tells_the_operator_and_the_remedy_of_a_gradient():
    distance = stated(lambda x, y: m.norm(x - y), x=vector(-1, 1), y=vector(-1, 1))
    report = numcheck.check(
        lambda x, y: ((x - y) ** 2).sum(1).sqrt(), distance, formats=["float32"], points=300
    )
    (found,) = (f for one in report["measurements"] for f in one["findings"] if f["cause"] == "nan_gradient")
    assert found["operator"] == "aten.sqrt.default"
    assert "sqrt" in found["remedy"]
