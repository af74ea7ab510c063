"""Findings: what a reader is told of the points that failed for one cause."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numcheck.declaration.formulas import Gap
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis.causes import FACTS
from numcheck.diagnosis.diagnose import Diagnosis, diagnose
from numcheck.diagnosis.questions import Question, Search, asked, beside
from numcheck.diagnosis.records import Loss
from numcheck.diagnosis.regions import complexity, prober, surroundings
from numcheck.domain import Points
from numcheck.measure import Measurement
from numcheck.reals.enclosures import PROVED
from numcheck.truth import alike


@dataclass(frozen=True, eq=False)
class Finding:
    """One cause in one measurement: where it strikes and what it costs."""

    measurement: Measurement
    cause: Cause
    points: int
    region: str
    bits_lost: float
    loss: Loss | None
    """The operator that lost the worst point's digits, and its line; None where none could be blamed."""
    worst: int
    simplest: Points
    component: int
    """The output that the examples of a gradient are of; 0 for a formula with one."""
    forgiven: bool
    gap: Gap | None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return (self.loss.remedy if self.loss else "") or FACTS[self.cause].remedy

    @property
    def sentence(self) -> str:
        """The cause and what it cost."""
        return f"{self.cause.value}, {self.bits_lost:.3g} bits lost"

    def lines(self) -> Iterator[tuple[str, str]]:
        """What else is told of it, by whatever face: names and contents of lines."""
        if self.loss is not None and self.loss.operator:
            yield "operator", self.loss.operator + (f" at {self.loss.line}" if self.loss.line else "")
        if self.loss is not None and self.loss.note:
            yield "note", self.loss.note
        yield "region", self.region
        yield "remedy", self.remedy
        if self.gap is not None:
            yield "gap", self.gap.why


@dataclass(frozen=True, eq=False)
class Cluster:
    """The points of one measurement that failed for one cause, the worst first."""

    measurement: Measurement
    cause: Cause
    rows: np.ndarray
    loss: Loss | None
    forgiven: bool = False

    @property
    def bits_lost(self) -> float:
        """Significand bits lost at the worst point: log2 of the error in ulps, at most all of them."""
        worst = self.measurement.judgement.worst
        bits = np.log2(np.maximum(worst.error[self.rows[0]], 1.0))
        return float(np.fmin(bits, worst.format.precision))  # which takes a NaN for all of them


def clusters(measurement: Measurement, diagnosis: Diagnosis) -> list[Cluster]:
    """Failing points by cause, and the points whose error only conditioning forgives as `sensitivity`."""
    judged, worst = measurement.judgement, measurement.judgement.worst
    found: list[Cluster] = []
    met = set(diagnosis.causes.tolist())
    for cause in Cause:
        if cause in met:
            rows = np.flatnonzero(diagnosis.causes == cause)
            rows = rows[np.argsort(-np.nan_to_num(worst.spent[rows], nan=np.inf), kind="stable")]
            found.append(Cluster(measurement, cause, rows, diagnosis.losses.get(int(rows[0]))))
    proved = (judged.truth.state == PROVED).all(axis=1)
    rows = np.flatnonzero((worst.fate == Fate.WITHIN) & (worst.error > measurement.budget.ulps) & proved)
    if rows.size:
        rows = rows[np.argsort(-worst.error[rows])]
        found.append(Cluster(measurement, Cause.SENSITIVITY, rows, None, True))
    return found


def findings(found: Sequence[Cluster], gap_of: Callable[[Cause], Gap | None]) -> Search[list[Finding]]:
    """One finding for each cause, gravest first; of several clusters with one cause the gravest speaks for all."""
    searches: list[Search[_Draft]] = []
    for cause in dict.fromkeys(cluster.cause for cluster in found):
        alike = [cluster for cluster in found if cluster.cause is cause]
        gravest = max(alike, key=lambda c: (c.bits_lost, len(c.rows)))
        searches.append(_draft(gravest, sum(len(c.rows) for c in alike), gap_of(cause)))
    drafts = yield from beside(searches)
    told = yield from _simplified(drafts)
    return sorted(told, key=lambda f: (f.forgiven, f.gap is not None, -f.points))


_Draft = tuple[Finding, Points | None]
"""A finding, and a simpler point that fails in the same way, perhaps for another cause."""


def _simplified(drafts: Sequence[_Draft]) -> Search[list[Finding]]:
    """The findings with their simpler points, of those that fail for the same cause; all asked at once."""
    told = [finding for finding, _ in drafts]
    some = [(number, simpler) for number, (_, simpler) in enumerate(drafts) if simpler is not None]
    groups = [[some[place] for place in places] for places in alike(simpler.size for _, simpler in some)]
    questions: list[Question] = []
    for group in groups:
        component = np.array([told[number].component for number, _ in group])
        joined = Points.concatenate([simpler for _, simpler in group])
        questions.append(Question(told[group[0][0]].measurement, joined, component))
    for group, shown in zip(groups, (yield from asked(questions)), strict=True):
        for (number, simpler), cause in zip(group, diagnose(shown).causes, strict=True):
            if cause is told[number].cause:
                told[number] = replace(told[number], simplest=simpler)
    return told


def _draft(cluster: Cluster, points: int, gap: Gap | None) -> Search[_Draft]:
    measurement, rows = cluster.measurement, cluster.rows
    formula, format = measurement.routine.formula, measurement.format
    fates = measurement.judgement.worst.fate
    worst = int(rows[0])
    alike = rows[fates[rows] == fates[worst]]
    row = int(alike[np.argmin(complexity(measurement.points.select(alike)))])
    told = FACTS[cluster.cause].where
    row = row if told is None else worst  # of what no region tells the simplest point need not fail each time
    anchor, simpler = measurement.points.select([row]), None
    where = told or "scattered, where the condition number is large"
    if told is None and not cluster.forgiven:
        where, simpler = yield from surroundings(formula, anchor, prober(measurement, row), format)
    finding = Finding(
        measurement,
        cluster.cause,
        points,
        where,
        cluster.bits_lost,
        cluster.loss,
        worst,
        anchor,
        int(measurement.component[row]),
        cluster.forgiven,
        gap,
    )
    return finding, None if simpler is anchor else simpler
