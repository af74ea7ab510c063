"""Hunts for the input that spends most of a budget: a searcher proposes where to begin, a scheduler how long to go on.

The two are plug-in points and meet here alone. For each bracket of the scheduler the searcher is asked once, for all
trials of the bracket; a trial goes from its proposal to worse and worse neighbours. After each rung the worst trials go
on and the others are stopped. The searcher is told of a trial when it is finished: when it was stopped, or when its
bracket ended, with the worst input that it came to; of trials under way it sees nothing. The scheduler sees nothing of
inputs: it says beforehand how many trials go how far, and the spent shares decide which.

What a hunt finds is evidence of the grade *searched*.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol, final

import numpy as np

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate, Of, UsageError
from numcheck.diagnosis import Place, wandered
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import measure
from numcheck.runs.examine import Examined, examine_at, sample
from numcheck.truth import alike


class Rung(NamedTuple):
    """So many trials go on until each has been judged at so many inputs, its proposal counted."""

    trials: int
    inputs: int


Bracket = Sequence[Rung]
"""Rungs of fewer and fewer trials that go farther and farther."""


@dataclass(eq=False)
class Trial:
    """A proposal, pursued: the worst input so far, the output that its gradient is of, and what it spends."""

    point: Points
    component: int
    spent: float
    inputs: int = 1


class Searcher(Protocol):
    """Proposes inputs to begin with."""

    def propose(self, count: int) -> Sequence[Place]:
        """About `count` inputs in all, those of one size together, and the output that each one's gradient is of."""
        ...

    def learn(self, trials: Sequence[Trial]) -> None:
        """Take note of trials that are finished; nothing is told of others."""
        ...


class Scheduler(Protocol):
    """Decides how long each proposal is pursued."""

    def brackets(self) -> Iterable[Bracket]:
        """The brackets, one after the other."""
        ...


@final
@dataclass(frozen=True)
class SuccessiveHalving:
    """One bracket: of the trials one in `eta` goes on, to `eta` times as many inputs, up to `inputs`.

    Source: Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification, figure 1.
    """

    trials: int
    inputs: int
    eta: int = 3

    def __post_init__(self) -> None:
        if self.trials < 1 or self.inputs < 1 or self.eta < 2:
            raise UsageError(f"{self}: write trials and inputs of 1 or more, and an eta of 2 or more")

    def brackets(self) -> Iterator[Bracket]:
        """The one bracket."""
        many, rungs = self.trials, list[int]()
        while many >= 1:
            rungs.append(many)
            many //= self.eta
        last = len(rungs) - 1
        yield [Rung(n, max(1, self.inputs // self.eta ** (last - i))) for i, n in enumerate(rungs)]


@final
@dataclass(frozen=True)
class Hyperband:
    """Brackets from many short trials to few long ones, of about the same cost each.

    Source: Li et al. 2018, Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, algorithm 1, with
    `inputs` for R.
    """

    inputs: int
    eta: int = 3

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.eta < 2:
            raise UsageError(f"{self}: write inputs of 1 or more, and an eta of 2 or more")

    def brackets(self) -> Iterator[Bracket]:
        """Those of s from the largest to 0."""
        most = 0
        while self.eta ** (most + 1) <= self.inputs:
            most += 1
        for s in range(most, -1, -1):
            trials = -(-(most + 1) * self.eta**s // (s + 1))
            yield [
                Rung(max(1, trials // self.eta**i), max(1, self.inputs // self.eta ** (s - i)))
                for i in range(s + 1)
            ]


@final
class Drawn:
    """Proposes what a check draws: corners, sweeps, data-like points and inputs that meet; it learns nothing."""

    def __init__(self, formula: Formula, format: Format, seed: int = 0) -> None:
        self.formula, self.format = formula, format
        self.rng = np.random.default_rng(seed)

    def propose(self, count: int) -> Sequence[Place]:
        """Others each time."""
        drawn = self.formula.points(self.format, 4 * count, int(self.rng.integers(2**31)))
        total, found = sum(map(len, drawn)), list[Place]()
        for points in drawn:
            share = min(len(points), max(1, round(count * len(points) / total)))
            rows = self.rng.choice(len(points), size=share, replace=False)
            found.append((points.select(rows), np.zeros(share, dtype=np.int64)))
        return found

    def learn(self, trials: Sequence[Trial]) -> None:
        """Nothing."""


@final
class Returning:
    """Proposes half of its inputs near the worst that finished trials came to; another searcher draws the rest."""

    def __init__(
        self, other: Searcher, formula: Formula, format: Format, kept: int = 8, seed: int = 0
    ) -> None:
        self.other, self.formula, self.format, self.kept = other, formula, format, kept
        self.rng = np.random.default_rng(seed)
        self.worst: list[Trial] = []

    def propose(self, count: int) -> Sequence[Place]:
        """Before anything is learnt, what the other proposes."""
        again = count // 2 if self.worst else 0
        found = list(self.other.propose(count - again))
        for k in range(again):
            trial = self.worst[k % len(self.worst)]
            found.append(_near(self.formula, self.format, _place([trial]), self.rng))
        return found

    def learn(self, trials: Sequence[Trial]) -> None:
        """Keep the worst."""
        self.worst = sorted([*self.worst, *trials], key=lambda trial: -trial.spent)[: self.kept]


@dataclass(frozen=True)
class Hunted:
    """What a hunt came to: all trials, the worst first, and how many inputs were judged."""

    trials: Sequence[Trial]
    inputs: int
    worst: Examined
    """The worst input alone, examined as any other."""


def hunt(
    routine: Routine,
    format: Format,
    searcher: Searcher,
    scheduler: Scheduler,
    *,
    device: str = "cpu",
    of: Of = Of.VALUE,
    seed: int = 0,
) -> Hunted:
    """Look for the input at which a routine spends most of its budget; see the module for who sees what and when.

    Raises UsageError where the routine makes no promise of this half, or the searcher proposes nothing.
    """
    if of not in routine.budgets:
        raise UsageError(f"{routine.name} promises no {of.value}: write a budget for it")
    rng = np.random.default_rng(seed)
    spent = partial(_spent, routine, format, device, of)
    near = partial(_near, routine.formula, format, rng=rng)
    finished = list[Trial]()
    for bracket in scheduler.brackets():
        going = [
            Trial(points.select([row]), int(component[row]), share)
            for points, component in searcher.propose(bracket[0].trials)
            for row, share in enumerate(spent((points, component)))
        ]
        for rung in bracket:
            going.sort(key=lambda trial: -trial.spent)
            stopped, going = going[rung.trials :], going[: rung.trials]
            if stopped:
                searcher.learn(stopped)
            finished += stopped
            for group in alike(trial.point.size for trial in going):
                _pursue([going[i] for i in group], rung.inputs, near, spent)
        searcher.learn(going)
        finished += going
    if not finished:
        raise UsageError("the searcher proposed nothing: write one that gives inputs of the formula")
    finished.sort(key=lambda trial: -trial.spent)
    worst = examine_at(routine, finished[0].point, finished[0].component, format, device, of)
    return Hunted(finished, sum(trial.inputs for trial in finished), worst)


def _pursue(
    trials: Sequence[Trial],
    inputs: int,
    near: Callable[[Place], Place],
    spent: Callable[[Place], list[float]],
) -> None:
    """Take each trial from its input to a neighbour wherever that is worse, until it has seen so many inputs."""
    while any(trial.inputs < inputs for trial in trials):
        points, component = near(_place(trials))
        for row, (trial, share) in enumerate(zip(trials, spent((points, component)), strict=True)):
            trial.inputs += 1
            if share >= trial.spent:
                trial.point, trial.spent = points.select([row]), share


def _place(trials: Sequence[Trial]) -> Place:
    component = np.array([trial.component for trial in trials])
    return Points.concatenate([trial.point for trial in trials]), component


def _near(formula: Formula, format: Format, place: Place, rng: np.random.Generator) -> Place:
    """A neighbour of each point in the formula's domain: one change of any kind."""
    stride = int(rng.integers(3))

    def everywhere(points: Points, _: np.ndarray) -> np.ndarray:
        return np.ones(len(points), dtype=bool)

    return wandered(formula, format, everywhere, place, rng, range(stride, stride + 1))


def _spent(routine: Routine, format: Format, device: str, of: Of, place: Place) -> list[float]:
    """What the routine spends at each point; 0 where that cannot be judged."""
    points, component = place
    taken = sample(routine.formula, format, points, component, of is Of.GRAD)
    halves = measure(routine, points, taken.truths[0], format, device)
    (judged,) = (half.judgement.worst for half in halves if half.of is of)
    known = np.isin(judged.fate, [fate for fate in Fate if fate.is_judged]) & ~np.isnan(judged.spent)
    return np.where(known, judged.spent, 0.0).tolist()
