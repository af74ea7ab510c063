"""Further measurements that searches ask for on their way, made together with those of other searches.

A search for a region or a simple example measures a few points at a time, some ten times one after the other, and the
truth of a few points costs nearly what that of many does. So a search is a generator that yields `Question`s and is
sent measurements. `together` runs any number of searches side by side, with one truth for all who ask at a time.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from numcheck.domain import Points
from numcheck.measure import Measurement, RoutineError, measure
from numcheck.truth import FEWEST, settle

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Question:
    """How a measured routine does at other points: its value or gradient, as `like` is of.

    `component` is the output that a gradient is of. Without `conditioning` no error is forgiven for the problem's sake.
    """

    like: Measurement
    points: Points
    component: int
    conditioning: bool = True


Search = Generator[Sequence[Question], Sequence[Measurement], T]
"""Asks questions, several of one kind at a time, and returns a T; where a routine breaks its contract, RoutineError."""


def alone(search: Search[T]) -> T:
    """What a search finds."""
    return together([search])[0]


def together(searches: Sequence[Search[T]]) -> list[T]:
    """What each search finds; one that raises ends them all.

    Of those who wait the most that can share one truth are answered, so that the others gather company.
    """
    found: dict[int, T] = {}
    waiting: dict[int, Sequence[Question]] = {}

    def go_on(number: int, step: Callable[[], Sequence[Question]]) -> None:
        try:
            waiting[number] = step()
        except StopIteration as end:
            found[number] = end.value

    for number, search in enumerate(searches):
        go_on(number, lambda search=search: next(search))
    while waiting:
        alike: dict[Any, list[int]] = {}
        for number, questions in waiting.items():
            alike.setdefault(_kind(questions), []).append(number)
        numbers = max(alike.values(), key=len)
        asked = [waiting.pop(number) for number in numbers]
        answers = _answers([question for questions in asked for question in questions])
        for number, questions in zip(numbers, asked, strict=True):
            told = [next(answers) for _ in questions]
            go_on(number, lambda search=searches[number], told=told: _told(search, told))
    return [found[number] for number in range(len(searches))]


def _told(search: Search[Any], told: Sequence[Measurement | RoutineError]) -> Sequence[Question]:
    for answer in told:
        if isinstance(answer, RoutineError):
            return search.throw(answer)
    return search.send([answer for answer in told if isinstance(answer, Measurement)])


def _kind(questions: Sequence[Question]) -> Any:
    """What questions must share so that one truth answers them; those asked together do."""
    like, points = questions[0].like, questions[0].points
    shapes = tuple(
        None if isinstance(column, tuple) else column.shape[1:] for column in points.columns.values()
    )
    return id(like.routine.formula), like.format, like.of, questions[0].conditioning, shapes


def _answers(questions: Sequence[Question]) -> Iterator[Measurement | RoutineError]:
    """Measurements, or what kept a routine from them, for questions of one kind."""
    for some in _few_at_a_time(questions):
        yield from _answered(some)


def _few_at_a_time(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """So few points that Arb settles them, a larger question alone: answers must not hang on who else was asking."""
    some: list[Question] = []
    total = 0
    for question in questions:
        if some and total + len(question.points) >= FEWEST:
            yield some
            some, total = [], 0
        some.append(question)
        total += len(question.points)
    yield some


def _answered(questions: Sequence[Question]) -> list[Measurement | RoutineError]:
    like, sizes = questions[0].like, [len(question.points) for question in questions]
    truth = settle(
        like.routine.formula,
        Points.concatenate([question.points for question in questions]),
        like.format,
        with_gradient=like.of == "grad",
        with_conditioning=questions[0].conditioning,
        component=np.repeat([question.component for question in questions], sizes),
    )
    answers: list[Measurement | RoutineError] = []
    for question, stop in zip(questions, np.cumsum(sizes).tolist(), strict=True):
        like, points = question.like, question.points
        part = truth.select(np.arange(stop - len(points), stop))
        try:
            found = measure(like.routine, points, part, like.format, like.device, like.of == "grad")
        except RoutineError as error:
            answers.append(error)
        else:
            answers.append(next(m for m in found if m.of == like.of))
    return answers
