"""Further measurements that searches ask for on their way, made together with those of other searches.

A search for a region or a simple example measures a few points at a time, some ten times one after the other, and the
truth of a few points costs nearly what that of many does. So a search is a generator that yields `Question`s and is
sent their answers, and `beside` makes one search of several, which ask at the same time: one truth serves all of them.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.measure import Measurement, RoutineError, measure
from numcheck.truth import FEWEST, Truth, alike, settle_together

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Question:
    """How a measured routine does at other points: its value or gradient, as `like` is of.

    `component` is the output that a gradient is of, one for all points or for each. Without `conditioning` no error is
    forgiven for the problem's sake.
    """

    like: Measurement
    points: Points
    component: int | np.ndarray
    conditioning: bool = True


Answer = Measurement | RoutineError
Search = Generator[Sequence[Question], Sequence[Answer], T]
"""Asks questions, several at a time, and returns a T."""


def asked(questions: Sequence[Question]) -> Search[list[Measurement]]:
    """The answers to some questions; RoutineError where a routine breaks its contract on the way to one."""
    measured: list[Measurement] = []
    for answer in (yield questions) if questions else ():
        if isinstance(answer, RoutineError):
            raise answer
        measured.append(answer)
    return measured


def beside(searches: Sequence[Search[T]]) -> Search[list[T]]:
    """What each search finds; they ask at the same time. One that raises ends them all."""
    found: dict[int, T] = {}
    told: dict[int, Any] = dict.fromkeys(range(len(searches)))  # what each is sent next: None begins it
    while told:
        waiting: dict[int, Sequence[Question]] = {}
        for number, answers in told.items():
            try:
                waiting[number] = searches[number].send(answers)
            except StopIteration as end:
                found[number] = end.value
        every = [question for questions in waiting.values() for question in questions]
        answers = iter((yield every) if waiting else ())
        told = {number: [next(answers) for _ in questions] for number, questions in waiting.items()}
    return [found[number] for number in range(len(searches))]


def alone(search: Search[T]) -> T:
    """What a search finds; it is told whatever it asks."""
    answers: Any = None  # which begins the search
    try:
        while True:
            answers = _answers(search.send(answers))
    except StopIteration as end:
        return end.value


def _answers(questions: Sequence[Question]) -> list[Answer]:
    """Measurements, or what kept a routine from them; questions of one kind share a truth."""
    answers: dict[int, Answer] = {}
    for places in alike(map(_kind, questions)):
        for some in _few_at_a_time(questions, places):
            answers |= zip(some, _answered([questions[place] for place in some]), strict=True)
    return [answers[place] for place in range(len(questions))]


def _kind(question: Question) -> Any:
    """What questions must have in common so that one truth answers them."""
    like, points = question.like, question.points
    shapes = tuple(None if isinstance(x, tuple) else x.shape[1:] for x in points.columns.values())
    return id(like.routine.formula), like.of, question.conditioning, shapes


def _few_at_a_time(questions: Sequence[Question], places: Sequence[int]) -> Iterator[list[int]]:
    """So few points that Arb settles them, a larger question alone: answers must not hang on who else was asking."""
    some: list[int] = []
    total = 0
    for place in places:
        size = len(questions[place].points)
        if some and total + size >= FEWEST:
            yield some
            some, total = [], 0
        some.append(place)
        total += size
    yield some


def _answered(questions: Sequence[Question]) -> list[Answer]:
    """The answers to questions of one kind: their truths are proved together, and each routine runs once."""
    first = questions[0]
    runs = alike(map(attrgetter("like.routine", "like.format", "like.device"), questions))
    asked = [[questions[place] for place in places] for places in runs]
    points = [Points.concatenate([question.points for question in some]) for some in asked]
    truths = settle_together(
        first.like.routine.formula,
        points,
        [some[0].like.format for some in asked],
        [np.concatenate([np.broadcast_to(q.component, len(q.points)) for q in some]) for some in asked],
        with_value=first.like.of is Of.VALUE,
        with_gradient=first.like.of is Of.GRAD,
        with_conditioning=first.conditioning,
    )
    answers: dict[int, Answer] = {}
    for places, some, joined, truth in zip(runs, asked, points, truths, strict=True):
        answers |= zip(places, _measured(some, joined, truth), strict=True)
    return [answers[place] for place in range(len(questions))]


def _measured(questions: Sequence[Question], points: Points, truth: Truth) -> Iterator[Answer]:
    """The answers to questions about one half of one routine, whose points are joined."""
    like = questions[0].like
    stops = np.cumsum([len(question.points) for question in questions]).tolist()
    places = [np.arange(stop - len(q.points), stop) for q, stop in zip(questions, stops, strict=True)]
    try:
        found = measure(like.routine, points, truth, like.format, like.device)
    except RoutineError as error:
        if len(questions) == 1:
            yield error
            return
        for question, rows in zip(questions, places, strict=True):  # who of them broke the contract
            yield from _measured([question], question.points, truth.select(rows))
    else:
        (half,) = found
        for question, rows in zip(questions, places, strict=True):
            if len(questions) > 1 and half.crashes.keys() >= {
                *rows.tolist()
            }:  # perhaps it breaks the contract
                yield from _measured([question], question.points, truth.select(rows))
            else:
                yield half.select(rows)
