"""The one way of judging: points with their truths, routines run there, fates, causes, gaps, findings and laws.

Whatever prints or counts a verdict (check, plugin, explain, sweep) prints or counts what `examine` returns. What is
costly is found out when it is first asked for: a sweep, which counts fates, never pays for a diagnosis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis import (
    Cluster,
    Diagnosis,
    Finding,
    Search,
    called_again,
    clusters,
    diagnose,
    findings,
)
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import Measurement, Outcome, law_defects, measure
from numcheck.runs.witnesses import Witnesses, first
from numcheck.truth import (
    Opinion,
    Truth,
    describe,
    expect_promises,
    fewer,
    second_opinion,
    settle,
    settle_together,
)

SECOND_OPINION = 0.01
"""Least share of points that mpmath recomputes; of points of many numbers fewer."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Points of a formula in a format with their truths, in parts of one size each; every routine shares them."""

    formula: Formula
    format: Format
    points: tuple[Points, ...]
    truths: tuple[Truth, ...]

    @cached_property
    def opinion(self) -> Opinion:
        """What mpmath says of some of the truths."""
        told: list[Opinion] = []
        for points, truth in zip(self.points, self.truths, strict=True):
            count = max(2, int(np.ceil(SECOND_OPINION * len(points))))
            rows = points.spread(fewer(count, self.formula, points))
            told.append(second_opinion(self.formula, points.select(rows), truth.select(rows), self.format))
        texts = tuple(text for one in told for text in one.disagreements)
        return Opinion(sum(one.checked for one in told), texts)


def sample(formula: Formula, format: Format, points: Points, component: np.ndarray, backward: bool) -> Sample:
    """The truths at points of one size; `component` names the output that each point's gradient is of.

    Raises UsageError where the formula does not keep its own promises, or cannot be evaluated.
    """
    expect_promises(formula)
    truth = settle(formula, points, format, with_gradient=backward, component=component)
    return Sample(formula, format, (points,), (truth,))


def drawn(
    formula: Formula,
    formats: Sequence[Format],
    count: int,
    seed: int,
    known: Witnesses,
    routines: Sequence[Routine],
) -> list[Sample]:
    """At least `count` points in each format, its witnesses before all others, with the truths that routines need.

    Truths of all formats are proved together, which takes half the time. Raises UsageError where the formula does not
    keep its own promises, or cannot be evaluated.
    """
    expect_promises(formula)
    alike: dict[int | None, list[tuple[Format, Points, np.ndarray]]] = {}
    for format in formats:
        tried = first(formula, known.known, format)
        for part in formula.points(format, count, seed):
            fitting = [(point, of) for point, of in tried if point.size == part.size]
            points = Points.concatenate([*(point for point, _ in fitting), part])
            component = np.concatenate([np.array([of for _, of in fitting], dtype=int), np.arange(len(part))])
            alike.setdefault(part.size, []).append((format, points, component))
    backward = any(Of.GRAD in routine.budgets for routine in routines)
    parts: dict[Format, list[tuple[Points, Truth]]] = {format: [] for format in formats}
    for draws in alike.values():
        shared, points, component = zip(*draws, strict=True)
        truths = settle_together(formula, points, shared, component, with_gradient=backward)
        for format, part, truth in zip(shared, points, truths, strict=True):
            parts[format].append((part, truth))
    return [Sample(formula, format, *zip(*told, strict=True)) for format, told in parts.items()]


@dataclass(frozen=True, eq=False)
class Examined:
    """What came of one half of a routine at the points of a sample.

    Arrays over points go through the parts one after another. A point's cause is its own, so that it is told the same
    whoever asks, and in whatever company.
    """

    parts: tuple[Measurement, ...]

    @property
    def routine(self) -> Routine:
        """The routine that was run."""
        return self.parts[0].routine

    @property
    def of(self) -> Of:
        """Which half."""
        return self.parts[0].of

    @property
    def format(self) -> Format:
        """The format of the points."""
        return self.parts[0].format

    @property
    def device(self) -> str:
        """Where it ran."""
        return self.parts[0].device

    # As it was judged -----------------------------------------------------------------------------------------------

    @cached_property
    def judged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each point its fate, whatever gaps are declared, its share of the budget and its error in ulps."""
        worst = [part.judgement.worst for part in self.parts]
        told = zip(*((one.fate, one.spent, one.error) for one in worst), strict=True)
        fates, spent, error = (np.concatenate(each) for each in told)
        return fates, spent, error

    def point(self, number: int) -> tuple[Measurement, int]:
        """A point by its place among all, as a part and its row."""
        ends = np.cumsum([len(part.points) for part in self.parts])
        which = int(np.searchsorted(ends, number, side="right"))
        part = self.parts[which]
        return part, int(number - ends[which] + len(part.points))

    @property
    def worst(self) -> tuple[Measurement, int]:
        """The point that spent most, as a part and its row."""
        return self.point(int(np.argmax(self.judged[1])))  # which takes a NaN for the most

    @property
    def crash(self) -> tuple[Measurement, int] | None:
        """A point at which the routine raised, as a part and its row."""
        return next(((part, min(part.crashes)) for part in self.parts if part.crashes), None)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What its calls have shown of the routine beside results, each once, the cause that it may be in front."""
        told = [text for part in self.parts for text in part.remarks]
        points = sum(len(part.points) for part in self.parts)
        for name in dict.fromkeys(name for part in self.parts for name in part.changed):
            moved = sum(int((part.changed[name] > 0).sum()) for part in self.parts if name in part.changed)
            told.append(f"{Cause.MUTATION}: writes into its input {name}, at {moved} of {points} points")
        if any(part.flushed for part in self.parts):
            told.append(f"{Cause.FLUSHED}: subnormal numbers were flushed to zero while it ran")
        open_ = np.flatnonzero(self.judged[0] == Fate.UNRESOLVED)
        if open_.size and points > 1:
            part, row = self.point(int(open_[0]))
            example = describe(part.points.select([row]))
            told.append(f"the truth stays open at {open_.size} of {points} points, such as {example}")
        judged, made = self.parts[0].judgement.format.name, self.parts[0].made
        if made and made != self.format.name:
            meant = "" if made == judged or (not made.startswith("float") and made != "bfloat16") else made
            hint = f"; if that is meant, declare output={meant!r}" if meant else ""
            told.append(f"returns {made} where {self.format.name} was asked for, judged by {judged}{hint}")
        return tuple(dict.fromkeys(told))

    # Why, and whether it was known ------------------------------------------------------------------------------------

    @cached_property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Why points failed, part by part."""
        return tuple(diagnose(part) for part in self.parts)

    @cached_property
    def causes(self) -> np.ndarray:
        """The cause of each point that failed, None of the others and of crashes."""
        return np.concatenate([diagnosis.causes for diagnosis in self.diagnoses])

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The routine's gaps that speak of this half, format and device."""
        return self.parts[0].gaps

    def gap_of(self, cause: Cause) -> Gap | None:
        """The gap whose mechanism shows as this cause."""
        return next((gap for gap in self.gaps if cause in gap.causes), None)

    @cached_property
    def covered(self) -> dict[Gap, np.ndarray]:
        """For each gap the points that fail by its mechanism, as a mask."""
        return {gap: np.logical_or.reduce([self.causes == one for one in gap.causes]) for gap in self.gaps}

    @cached_property
    def fates(self) -> np.ndarray:
        """The fate of each point; `GAP` where it fails as a gap says."""
        if not self.gaps:
            return self.judged[0]
        return np.where(np.logical_or.reduce(list(self.covered.values())), Fate.GAP, self.judged[0])

    @property
    def spent(self) -> float:
        """The largest share of the budget outside of gaps."""
        return float(np.max(self.judged[1][self.fates != Fate.GAP], initial=0.0))

    @property
    def clusters(self) -> list[Cluster]:
        """The failing points by cause, part by part, and those that only conditioning forgives."""
        return [c for part, why in zip(self.parts, self.diagnoses, strict=True) for c in clusters(part, why)]

    @property
    def broken(self) -> list[Cluster]:
        """The failing points that no gap covers."""
        return [c for c in self.clusters if not c.forgiven and self.gap_of(c.cause) is None]

    def findings(self) -> Search[list[Finding]]:
        """What is told of the causes, the most harmful first."""
        return findings(self.parts, self.clusters, self.gap_of)

    def laws(self) -> list[dict[str, Any]]:
        """How far the routine is from each law of its formula; laws are of values."""
        return law_defects(self.parts[0]) if self.of is Of.VALUE else []


def examine(
    routine: Routine, sample: Sample, device: str, outcomes: Sequence[Outcome] | None = None
) -> tuple[Examined, ...]:
    """Each half of which the routine makes a promise, the value first, judged at every point of the sample.

    `outcomes` is what it gave at the points where it has been run there already; otherwise it is called again
    with some of them in another arrangement. Raises RoutineError where the routine breaks its contract.
    """
    known = outcomes or [None] * len(sample.points)
    measured: list[list[Measurement]] = []
    for points, truth, outcome in zip(sample.points, sample.truths, known, strict=True):
        halves = measure(routine, points, truth, sample.format, device, outcome)
        measured.append(halves if outcome is not None else called_again(halves, truth))
    return tuple(Examined(parts) for parts in zip(*measured, strict=True))


def examine_at(
    routine: Routine, point: Points, component: int, format: Format, device: str, of: Of
) -> Examined:
    """One half of a routine at one point, a gradient's of one output."""
    alone = sample(routine.formula, format, point, np.array([component]), of is Of.GRAD)
    (half,) = (examined for examined in examine(routine, alone, device) if examined.of is of)
    return half
