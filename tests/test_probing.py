"""What a search is told hangs on its own questions, however many others ask at the same time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from numcheck import format_of, m, real, ulps
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Fate
from numcheck.diagnosis import questions as probing
from numcheck.diagnosis.questions import Question, alone, asked, beside
from numcheck.domain import Points, draw
from numcheck.measure.execute import RoutineError
from numcheck.measure.measurement import measure
from numcheck.truth import FEWEST, settle, settle_together

FLOAT32 = format_of("float32")


def stated(x):
    return m.log(1 + m.exp(x))


FORMULA = formula_of(stated, "a test", [], None, {"x": real(-200, 200)})
(POINTS,) = draw(FORMULA.inputs, FLOAT32, 60, 0, "probed")


def measured(function, of="value"):
    routine = routine_of(FORMULA, function, "routine", ulps(2), ulps(4))
    truth = settle(FORMULA, POINTS, FLOAT32)
    return next(one for one in measure(routine, POINTS, truth, FLOAT32, "cpu") if one.of == of)


RIGHT = measured(lambda x: torch.nn.functional.softplus(x))
OVERFLOWING = measured(lambda x: torch.log(1 + torch.exp(x)))
SLOPES = measured(lambda x: torch.log(1 + torch.exp(x)), "grad")


def at(*numbers):
    return Points({"x": torch.tensor(numbers, dtype=torch.float32)}, np.array(["given"] * len(numbers)))


def fates(like, *rounds):
    """Asks one round of points after the other, and returns all fates."""
    found = []
    for numbers in rounds:
        (answer,) = yield from asked([Question(like, at(*numbers), 0)])
        assert answer.of == like.of and answer.routine is like.routine
        found.append([Fate(i) for i in answer.judgement.worst.fate])
    return found


def test_each_search_is_told_of_its_own_routine_whoever_else_asks():
    searches = [
        (RIGHT, [1, 100], [2]),
        (OVERFLOWING, [1, 100], [-5, 0, 99]),
        (SLOPES, [100, 1]),
        (OVERFLOWING, [100], [1], [99]),
    ]
    found = alone(beside([fates(*search) for search in searches]))
    assert found == [alone(fates(*search)) for search in searches]
    assert found[0] == [[Fate.WITHIN] * 2, [Fate.WITHIN]]
    assert found[1][0] == [Fate.WITHIN, Fate.OVERFLOW]
    assert found[2][0][0] is Fate.SPECIAL


def counted(monkeypatch) -> list[int]:
    """How many points are settled at a time, as they will be."""
    settled = []

    def counting(formula, points, *arguments, **settings):
        settled.append(sum(map(len, points)))
        return settle_together(formula, points, *arguments, **settings)

    monkeypatch.setattr(probing, "settle_together", counting)
    return settled


def test_who_ask_at_the_same_time_share_a_truth(monkeypatch):
    settled = counted(monkeypatch)
    alone(beside([fates(RIGHT, [1, 2], [3]), fates(OVERFLOWING, [1], [4, 5]), fates(SLOPES, [1])]))
    assert sorted(settled) == [1, 3, 3]


def test_formats_share_a_truth_and_questions_of_one_routine_a_run(monkeypatch):
    half = format_of("float16")
    (points,) = draw(FORMULA.inputs, half, 60, 0, "probed")
    narrow = next(
        one
        for one in measure(RIGHT.routine, points, settle(FORMULA, points, half), half, "cpu")
        if one.of == "value"
    )
    called = []
    monkeypatch.setattr(
        probing,
        "measure",
        lambda routine, points, *a: called.append(len(points)) or measure(routine, points, *a),
    )
    settled = counted(monkeypatch)
    questions = [
        Question(RIGHT, at(1, 100), 0),
        Question(narrow, at(2).to(half.dtype), 0),
        Question(RIGHT, at(3), 0),
    ]
    first, second, third = alone(asked(questions))
    assert settled == [4] and called == [3, 1]
    assert (first.format, second.format, third.format) == (FLOAT32, half, FLOAT32)
    assert second.points.columns["x"].dtype == torch.float16
    for answer, question in zip((first, second, third), questions, strict=True):
        (by_itself,) = alone(asked([question]))
        assert answer.judgement.error.tolist() == by_itself.judgement.error.tolist()
        assert answer.points.columns["x"].tolist() == question.points.columns["x"].tolist()


def test_searches_within_a_search_ask_with_those_beside_it(monkeypatch):
    def pair():
        return (yield from beside([fates(RIGHT, [1], [2]), fates(OVERFLOWING, [100])]))

    settled = counted(monkeypatch)
    (right, overflowing), other = alone(beside([pair(), fates(RIGHT, [3], [4])]))
    assert right == other == [[Fate.WITHIN], [Fate.WITHIN]]
    assert overflowing == [[Fate.OVERFLOW]]
    assert settled == [3, 2]


def test_a_truth_is_shared_by_so_few_points_that_company_does_not_change_it(monkeypatch):
    settled = counted(monkeypatch)
    many = [float(x) for x in np.linspace(-10, 10, FEWEST // 3)]
    alone(beside([fates(RIGHT, many) for _ in range(4)]))
    assert len(settled) == 2 and max(settled) < FEWEST


def test_a_routine_that_breaks_its_contract_stops_its_own_search_only():
    def broken(x):
        return x if x.max() > 2 else x.sum()

    like = measured(broken)

    def careful():
        try:
            return (yield from fates(like, [1, 2]))
        except RoutineError as error:
            return str(error)

    told, right = alone(beside([careful(), fates(RIGHT, [1], [2])]))
    assert "return one result per point" in told
    assert right == [[Fate.WITHIN], [Fate.WITHIN]]
    with pytest.raises(RoutineError):
        alone(fates(like, [1, 2]))


def test_of_joined_questions_those_that_break_the_contract_are_told_so():
    def broken(x):
        return x.sum() if x.max() > 2 else x

    like = replace(RIGHT, routine=routine_of(FORMULA, broken, "broken", ulps(2), None))
    fine, wrong = probing._answers([Question(like, at(1), 0), Question(like, at(3), 0)])
    assert isinstance(wrong, RoutineError)
    assert fine.points.columns["x"].tolist() == [1]


def test_some_points_of_a_measurement_keep_their_crashes():
    def raises(x):
        if (x > 150).any():
            raise ValueError("too large")
        return torch.nn.functional.softplus(x)

    like = measured(raises)
    crashed, calm = (
        rows[0]
        for rows in (np.flatnonzero(POINTS.columns["x"] > 150), np.flatnonzero(POINTS.columns["x"] < 0))
    )
    part = like.select(np.array([calm, crashed]))
    assert part.crashes == {1: "ValueError: too large"}
    assert [Fate(fate) for fate in part.judgement.worst.fate] == [Fate.WITHIN, Fate.CRASH]
