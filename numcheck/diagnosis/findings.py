"""Findings: what a reader is told of the points that failed for one cause."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numcheck.declaration.formulas import Gap
from numcheck.declaration.words import Cause, Fate, Harm, Of
from numcheck.diagnosis.causes import FACTS
from numcheck.diagnosis.diagnose import Diagnosis, diagnose
from numcheck.diagnosis.fresh import chosen
from numcheck.diagnosis.questions import Question, Search, asked, beside
from numcheck.diagnosis.records import Loss
from numcheck.diagnosis.regions import BRIEF, CAREFUL, Probe, Seen, Where, complexity, region, simplest
from numcheck.domain import Points
from numcheck.measure import Measurement
from numcheck.reals.enclosures import PROVED, scaled
from numcheck.truth import alike

WRONG = (Cause.WRONG_FORMULA, Cause.SCALE, Cause.UNCONVERGED)
"""Causes that leave a result of the wrong size, not of too few digits."""
FAR = 2**16  # binades, more than any format has
FAR_WORSE = 4  # times as much of a budget


@dataclass(frozen=True, eq=False)
class Finding:
    """One cause in one measurement: where it strikes and what it costs."""

    measurement: Measurement
    cause: Cause
    points: int
    where: Where
    bits_lost: float
    loss: Loss | None
    """The operator that lost the worst point's digits, and its line; None where none could be blamed."""
    worst: int
    shown: Measurement
    """The simplest point by itself."""
    forgiven: bool
    gap: Gap | None
    coupled: str | None = None
    """What a coupled budget would say, where only small components of gradients fail; see `Budget`."""
    outside: Measurement | None = None
    """A point by itself that is far worse than the worst in the region, which does not hold it."""

    @property
    def simplest(self) -> Points:
        """The simplest point of those that fail in this way."""
        return self.shown.points

    @property
    def component(self) -> int:
        """The output that the simplest point of a gradient is of; 0 for a formula with one."""
        return int(self.shown.component[0])

    @property
    def region(self) -> str:
        """Where it strikes, in words."""
        return str(self.where)

    @property
    def harm(self) -> Harm:
        """What the worst point does to whoever uses it; of a wrong formula, what it does where no input is infinite."""
        worst = self.measurement.judgement.worst
        if not np.isfinite(worst.got[self.worst]) and np.isfinite(worst.truth.high[self.worst]):
            return Harm.NOT_FINITE
        if self.cause not in WRONG:
            return Harm.DIGITS
        return Harm.WRONG if self.simplest.are_numbers else Harm.AT_INFINITY

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
        if self.coupled is not None:
            yield "coupled", self.coupled
        yield "remedy", self.remedy
        if self.gap is not None:
            yield "gap", self.gap.why


@dataclass(frozen=True, eq=False)
class Cluster:
    """The points of one measurement that failed for one cause, the worst first."""

    measurement: Measurement
    cause: Cause
    rows: np.ndarray
    losses: Mapping[int, Loss]
    forgiven: bool = False

    @property
    def loss(self) -> Loss | None:
        """What lost the worst point's digits; None where no operator could be blamed."""
        return self.losses.get(int(self.rows[0]))

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
            found.append(Cluster(measurement, cause, rows, diagnosis.losses))
    proved = (judged.truth.state == PROVED).all(axis=1)
    rows = np.flatnonzero((worst.fate == Fate.WITHIN) & (worst.error > measurement.budget.ulps) & proved)
    if rows.size:
        rows = rows[np.argsort(-worst.error[rows])]
        found.append(Cluster(measurement, Cause.SENSITIVITY, rows, {}, True))
    return found


def findings(
    parts: Sequence[Measurement], found: Sequence[Cluster], gap_of: Callable[[Cause], Gap | None]
) -> Search[list[Finding]]:
    """One finding for each cause, the most harmful first; of clusters with one cause the gravest shows its worst.

    `parts` are all measurements of this half of a routine, those too in which nothing failed: a region tells what fails
    from what does not.
    """
    searches: list[Search[_Draft]] = []
    for cause in dict.fromkeys(cluster.cause for cluster in found):
        alike = [cluster for cluster in found if cluster.cause is cause]
        searches.append(_draft(parts, alike, gap_of(cause)))
    drafts = yield from beside(searches)
    told = yield from _simplified(drafts)
    order = list(Harm)
    return sorted(
        told,
        key=lambda f: (f.forgiven, f.gap is not None, order.index(f.harm), -round(f.bits_lost), -f.points),
    )


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
        found = diagnose(shown)
        for row, ((number, _), cause) in enumerate(zip(group, found.causes, strict=True)):
            if cause is told[number].cause and _place(found.losses.get(row)) == _place(told[number].loss):
                told[number] = replace(told[number], shown=shown.select(np.array([row])))
    return told


def _place(loss: Loss | None) -> tuple[str, str] | None:
    """Which operator is to blame, and where it stands."""
    return None if loss is None else (loss.operator, loss.line)


def _draft(parts: Sequence[Measurement], alike: Sequence[Cluster], gap: Gap | None) -> Search[_Draft]:
    """What is told of the points that failed for one cause, in clusters of points of one size each."""
    cause, forgiven, points = alike[0].cause, alike[0].forgiven, sum(len(cluster.rows) for cluster in alike)
    formula, format = parts[0].routine.formula, parts[0].format
    named = _named(cause, alike)
    where = Where(None, None, None, named or "scattered, where the condition number is large")
    if named is None and not forgiven:
        fates = np.unique(np.concatenate([c.measurement.judgement.worst.fate[c.rows] for c in alike]))
        care = (CAREFUL if gap is None else BRIEF).for_points(formula, parts[0].points)
        where = yield from region(formula, format, _seen(parts, alike), prober(parts[0], fates), care)
    inside = [cluster for one in alike if (cluster := _inside(one, where)) is not None] or alike
    gravest = max(inside, key=lambda c: (c.bits_lost, len(c.rows)))
    measurement, rows = gravest.measurement, gravest.rows
    fate = measurement.judgement.worst.fate
    place = _place(gravest.loss)
    same = np.array([_place(gravest.losses.get(row)) == place for row in rows.tolist()])
    similar = rows[(fate[rows] == fate[rows[0]]) & same]
    row = int(similar[np.argmin(complexity(measurement.points.select(similar)))])
    row = (
        row if named is None else int(rows[0])
    )  # of what no region tells the simplest need not fail each time
    anchor = measurement.select(np.array([row]))
    simpler = anchor.points
    if where.region is not None:
        probe = prober(measurement, fate[[row]])
        simpler = yield from simplest(formula, Seen.of(anchor, fate[[row]]).place, where, probe, format)
    told = Finding(
        measurement, cause, points, where, gravest.bits_lost, gravest.loss, int(rows[0]), anchor, forgiven, gap,
        None if forgiven else _coupled(alike), None if forgiven else _outside(where, gravest, alike),
    )  # fmt: skip
    return told, None if simpler is anchor.points else simpler


def _named(cause: Cause, alike: Sequence[Cluster]) -> str | None:
    """Where a cause strikes, if that is no matter of inputs; with what further calls have shown."""
    where = FACTS[cause].where
    remarks = (text for one in alike for text in one.measurement.remarks if text.startswith(f"{cause}: "))
    shown = next(remarks, None)
    return where if where is None or shown is None else f"{where}: {shown.removeprefix(f'{cause}: ')}"


def _outside(where: Where, told: Cluster, alike: Sequence[Cluster]) -> Measurement | None:
    """The worst point of all clusters by itself, if the region does not hold it and it is far worse than `told`."""
    worst = max(alike, key=_spent)
    alone = worst.measurement.select(worst.rows[:1])
    near = (
        _spent(worst) <= FAR_WORSE * _spent(told)
        or where.holds(*Seen.of(alone, alone.judgement.worst.fate).place)[0]
    )
    return None if near else alone


def _spent(cluster: Cluster) -> float:
    """What the worst point of a cluster has spent of its budget."""
    return float(np.nan_to_num(cluster.measurement.judgement.worst.spent[cluster.rows[0]], nan=np.inf))


def _inside(cluster: Cluster, where: Where) -> Cluster | None:
    """The points of a cluster that its region holds; None where it holds none of them."""
    of = Seen.of(cluster.measurement, cluster.rows)
    held = where.holds(*chosen(of.place, cluster.rows))
    return replace(cluster, rows=cluster.rows[held]) if held.any() else None


def _seen(parts: Sequence[Measurement], alike: Sequence[Cluster]) -> list[Seen]:
    """All points with what a region tells apart: those of the clusters, other failures, and those that pass."""
    seen: list[Seen] = []
    for part in parts:
        label = _labels(part, np.zeros(0, dtype=np.int8))
        for cluster in alike:
            if cluster.measurement is part:
                label[cluster.rows] = 1
        seen.append(Seen.of(part, label))
    return seen


def _labels(measurement: Measurement, fates: np.ndarray) -> np.ndarray:
    """A label for each point: whether it fails with one of these fates, or otherwise, or passes; see `Seen`."""
    labels = np.full(max(Fate) + 1, -2)
    labels[Fate.WITHIN], labels[Fate.OVER :] = -1, 0
    labels[fates] = 1
    return labels[measurement.judgement.worst.fate]


def prober(like: Measurement, fates: np.ndarray) -> Probe:
    """Does the measured routine meet one of these fates at other points? Of which cause it is stays open."""

    def labelled(points: Points, component: np.ndarray) -> Search[Seen]:
        (found,) = yield from asked([Question(like, points, component)])
        return Seen.of(found, _labels(found, fates))

    return labelled


def _coupled(alike: Sequence[Cluster]) -> str | None:
    """What a coupled budget would say of gradients of which only components fail that are smaller than the largest."""
    first = alike[0].measurement
    if first.of is not Of.GRAD or first.budget.coupled:
        return None
    kept = points = 0
    nearest = FAR
    for cluster in alike:
        judged = cluster.measurement.judgement.select(cluster.rows)
        largest = judged.unit.max(axis=1, keepdims=True)
        below = largest - judged.unit
        over = judged.fate >= Fate.OVER
        nearest = min(nearest, int(below[over].min(initial=FAR)))
        allowed = first.budget.ulps + scaled(judged.forgiven, -below)
        held = ~over | (scaled(judged.error, -below) <= allowed)
        kept, points = kept + int(held.all(axis=1).sum()), points + len(cluster.rows)
    if nearest < 1:
        return None
    return (
        f"only components fail that are smaller than the largest by 2**{nearest} or more; "
        f"a budget with coupled=True holds at {kept} of these {points} points"
    )
