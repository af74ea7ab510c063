"""The region in which points fail: learnt from points that fail and that pass, refined at its bounds, and measured.

What a run judged shows which conditions tell its failing points from the others. Where those are few, points like them
are judged as well. Then each bound is drawn closer, between a point that fails and one that passes; and points that
nobody has judged yet are drawn in the region: of them most must fail, or it is learnt once more with what they show.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of
from numcheck.diagnosis import fresh
from numcheck.diagnosis.fresh import Place
from numcheck.diagnosis.questions import Search, beside
from numcheck.diagnosis.rules import (
    CLOSE,
    COVERS,
    FAILS,
    PER_RULE,
    Condition,
    Feature,
    Region,
    Rule,
    Table,
    features_of,
    region_of,
    shortest,
    stretch,
    worth,
)
from numcheck.diagnosis.traits import Trait, paired, single
from numcheck.domain import Points, continuous, discrete, spread
from numcheck.formats import Format
from numcheck.measure import Measurement, RoutineError
from numcheck.truth import fewer

STEPS = 20  # points between the two that enclose a bound
LEAST_JUDGED = 12  # fresh points, however long they are
LIKE = 60  # points like those that fail, which are judged too where there are few
MOST_LEARNT = 64  # points of a sort from which rules are learnt; bounds are set by all
SPARE = 0.03  # of a share, so that other fresh points than those that were judged will say so too
MOST_TRIED = 12  # points beyond a bound, of which one is asked for that made the same choices
BLUR = 0.01  # of a rule's worth, that fewer digits may take from it
LEAST, LIFT = (
    0.4,
    0.25,
)  # shares below which a region says nothing; and how far its points fail more than usual ones


@dataclass(frozen=True)
class Care:
    """How many times a region is learnt of which too few fresh points fail, in how many rounds its bounds are drawn
    closer, how many fresh points it is measured by, and below how many failing points others like them are judged too.
    """

    regions: int
    rounds: int
    judged: int
    few: int
    drawn: int
    """Points drawn of the whole domain, of which those in a region are judged."""

    def for_points(self, formula: Formula, points: Points) -> "Care":
        """The same of long points, of which each takes as long as many others: no more than have to be judged."""
        judged = fewer(self.judged, formula, points)
        return self if judged == self.judged else Care(1, 1, max(LEAST_JUDGED, judged), 0, fresh.POOL)


CAREFUL, BRIEF = Care(3, 3, 48, 40, fresh.LARGE_POOL), Care(1, 1, 32, 8, fresh.POOL)
"""For failures that nobody knows of; and for those that a gap declares, of which a page has many."""

Probe = Callable[[Points, np.ndarray], Search["Seen"]]
"""A search that labels points, at the outputs that their gradients are to be of, which count modulo all."""


Bound = tuple[float, float, bool]
"""The last number of a stretch, the nearest beyond of a point not to hold, and whether points to hold lie beyond."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Points of one size with the outputs that their gradients are of, and with labels.

    A label is 1 where a point fails as asked, 0 where it fails otherwise, -1 where it passes, -2 where nobody knows.
    """

    points: Points
    component: np.ndarray
    label: np.ndarray

    @staticmethod
    def of(measurement: Measurement, label: np.ndarray) -> "Seen":
        """The points of a measurement; a value is of all outputs, which are not told apart."""
        component = (
            measurement.component if measurement.of is Of.GRAD else np.zeros_like(measurement.component)
        )
        return Seen(measurement.points, component, label)

    @property
    def place(self) -> Place:
        """The points without their labels."""
        return self.points, self.component


@dataclass(frozen=True, eq=False)
class Where:
    """A region with the two shares that make it a true sentence, None where they could not be measured.

    `fails` is the share of fresh points in the region that fail, `covers` that of the failing points which it holds.
    """

    region: Region | None
    fails: float | None
    covers: float | None
    note: str = ""

    def __str__(self) -> str:
        if self.region is None or self.fails is None or self.covers is None:
            return self.note
        lower = [f"{_percent(self.fails)} of the points there fail"] if self.fails < FAILS else []
        lower += [f"{_percent(self.covers)} of the failing points lie there"] if self.covers < COVERS else []
        return f"{self.region} ({', '.join(lower)})" if lower else str(self.region)

    def holds(self, points: Points, component: np.ndarray) -> np.ndarray:
        """Which points it tells of; all where there is no region."""
        if self.region is None:
            return np.ones(len(points), dtype=bool)
        return self.region.holds(points, component)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def region(
    formula: Formula, format: Format, seen: Sequence[Seen], probe: Probe, care: Care = CAREFUL
) -> Search[Where]:
    """Where points fail as those of the label 1 do, among points that are known to fail and to pass."""
    try:
        return (yield from _Learning(formula, format, list(seen)).region(probe, care))
    except RoutineError as failure:  # the contract may be broken elsewhere: the points stand without a region
        return Where(None, None, None, f"near the examples (the search stopped: {failure})")


def described(formula: Formula, format: Format, seen: Sequence[Seen]) -> str:
    """Where the points with the label 1 lie among those that are known, in words and without further questions."""
    learning = _Learning(formula, format, list(seen))
    return str(learning.each(learning.learnt(), learning.eased))


@dataclass(eq=False)
class _Learning:
    """What is known on the way to a region: the points that the run drew, then those that were asked for."""

    formula: Formula
    format: Format
    seen: list[Seen]
    known: dict[Trait, np.ndarray] = field(default_factory=dict[Trait, np.ndarray])
    own: bool = True
    """Whether points that fail for another reason count as points not to hold; see `rules_of`."""
    found: dict[Any, tuple[Bound, Bound] | None] = field(
        default_factory=dict[Any, tuple["Bound", "Bound"] | None]
    )
    label: np.ndarray = field(init=False)
    is_drawn: np.ndarray = field(init=False)
    firsts: np.ndarray = field(init=False)
    """Which points repeat no other: of fresh points none does, so that a zero that was drawn often fails once."""

    def __post_init__(self) -> None:
        self.label = np.concatenate([part.label for part in self.seen])
        self.firsts = np.concatenate([fresh.firsts(part.place) for part in self.seen])
        self.is_drawn = np.ones(len(self.label), dtype=bool)

    def region(self, probe: Probe, care: Care) -> Search[Where]:
        """The region with its measured shares."""
        if self.failing < care.few:
            yield from self.ask(probe, self.like())
        told: list[Where] = []
        for turn in range(care.regions):
            found = self.learnt()
            for _ in range(care.rounds):
                ways = self.ways(found)
                if not ways:
                    break
                yield from self.ask(probe, ways)
                found = self.each(found, self.fitted)
            found = _meant(self.pruned(self.each(found, self.eased)))
            own, moved = self.fresh(found, care, turn)
            labels = yield from self.ask(probe, [*own, *moved])
            told.append(self.told(found, _lower_share(labels[: len(own)], labels[len(own) :])))
            if (told[-1].fails or 0.0) >= FAILS + SPARE:
                break
        return max(told, key=lambda where: worth(where.fails or 0.0, where.covers or 0.0, 0.0))

    @property
    def failing(self) -> int:
        """How many of the run's points fail as asked."""
        return int(np.count_nonzero(self.label[self.is_drawn] == 1))

    # Asking -----------------------------------------------------------------------------------------------------------

    def ask(self, probe: Probe, places: Sequence[Place]) -> Search[list[np.ndarray]]:
        """The labels of further points, which are kept."""
        alike = {
            size: [k for k, p in enumerate(places) if p[0].size == size]
            for size in {p[0].size for p in places}
        }
        joined = [fresh.joined([places[k] for k in some]) for some in alike.values()]
        told = yield from beside([probe(*place) for place in joined])
        labels: dict[int, np.ndarray] = {}
        for some, part in zip(alike.values(), told, strict=True):
            label = part.label
            self.seen.append(part)
            self.label = np.concatenate([self.label, label])
            self.firsts = np.concatenate([self.firsts, fresh.firsts(part.place)])
            self.is_drawn = np.concatenate([self.is_drawn, np.zeros(len(label), dtype=bool)])
            ends = np.cumsum([len(places[k][0]) for k in some])[:-1]
            labels |= zip(some, np.split(label, ends), strict=True)
        return [labels[k] for k in range(len(places))]

    def like(self) -> list[Place]:
        """Points like the failing ones, a change or a few away; and some of the domain, where a run gave hardly any."""
        rng = np.random.default_rng(fresh.SEED)
        places: list[Place] = []
        failing = [fresh.chosen(part.place, np.flatnonzero(part.label == 1)) for part in self.seen]
        for place in (place for place in failing if len(place[0])):
            for strides in (range(1, 2), range(2, 3), range(1, 4)):
                rows = rng.integers(0, len(place[0]), size=LIKE // 3)
                start = fresh.chosen(place, rows)
                moved = fresh.wandered(self.formula, self.format, _everywhere, start, rng, strides)
                places.append(fresh.distinct(moved))
        if sum(len(part.label) for part in self.seen) < LIKE:
            sizes = {part.points.size for part in self.seen}
            known = [part.place for part in self.seen]
            drawn, _ = fresh.drawn_in(self.formula, self.format, _everywhere, known, LIKE, 0)
            places += [place for place in drawn if place[0].size in sizes]
        return places

    def fresh(self, found: Region, care: Care, turn: int) -> tuple[list[Place], list[Place]]:
        """Points in a region that nobody has judged yet: those that were drawn there, and others like them."""
        known = [part.place for part in self.seen]
        return fresh.drawn_in(self.formula, self.format, found.holds, known, care.judged, turn, care.drawn)

    def ways(self, found: Region) -> list[Place]:
        """Points between the two that enclose a bound, for every bound that is not close enough yet."""
        places: list[Place] = []
        for rule in found.rules:
            others = tuple(one for one in found.rules if one is not rule)
            for condition in rule:
                for first, here, second, there in self.enclosing(rule, condition, others):
                    ends = first.points.select([here]), second.points.select([there])
                    points = fresh.between(self.formula, self.format, *ends, STEPS)
                    component = np.repeat(first.component[here], len(points))
                    numbers = condition.trait.of(
                        Points.concatenate([*ends, points]), component[:1].repeat(len(points) + 2)
                    )
                    within = (numbers[2:] > numbers[:2].min()) & (numbers[2:] < numbers[:2].max())
                    if within.any():
                        places.append(fresh.chosen((points, component), np.flatnonzero(within)))
        return places

    # Learning ---------------------------------------------------------------------------------------------------------

    def numbers(self, trait: Trait) -> np.ndarray:
        """A trait's numbers at all points that are known."""
        told = self.known.get(trait, np.zeros(0))
        if len(told) < len(self.label):
            ends = np.cumsum([len(part.label) for part in self.seen])
            missing = [part for part, end in zip(self.seen, ends, strict=True) if end > len(told)]
            told = np.concatenate([told, *(trait.of(part.points, part.component) for part in missing)])
            self.known[trait] = told
        return told

    def learnt(self) -> Region:
        """The region that all known points show."""
        parts, components = zip(*(part.place for part in self.seen), strict=True)
        rows, weight = _some(self.label, self.is_drawn)
        simple = list(features_of(single(self.formula, parts, components)))

        def whole() -> Table | None:
            pairs = paired(self.formula, parts)
            return self.table([*simple, *features_of(pairs)], rows, weight) if pairs else None

        found, self.own = region_of(self.table(simple, rows, weight), whole)
        return self.each(found, self.fitted)

    def table(self, features: Sequence[Feature], rows: np.ndarray, weight: np.ndarray) -> Table:
        """Some of the known points, with these features."""
        ends = np.cumsum([len(part.label) for part in self.seen])
        apart = np.split(rows, np.searchsorted(rows, ends[:-1]))
        starts = ends - [len(part.label) for part in self.seen]
        some = [
            fresh.chosen(part.place, mine - start)
            for part, mine, start in zip(self.seen, apart, starts, strict=True)
            if len(mine)
        ]
        columns = {trait: np.concatenate([trait.of(*place) for place in some]) for trait, _ in features}
        values = [
            columns[t] if choice is None else (columns[t] == choice).astype(float) for t, choice in features
        ]
        numbers = np.array(values).reshape(-1, len(rows))
        return Table(features, numbers, self.label[rows], weight, self.is_drawn[rows], self.firsts[rows])

    def held(self, rule: Rule, but: Condition | None = None) -> np.ndarray:
        """Which known points meet the conditions of a rule, but for one of them."""
        held = self.label > -2
        for condition in rule:
            if condition is not but:
                held &= condition.holds(self.numbers(condition.trait))
        return held

    def each(self, found: Region, change: Callable[[Rule, tuple[Rule, ...]], Rule]) -> Region:
        """The region with each rule changed in view of the others."""
        rules = list(found.rules)
        for place, rule in enumerate(rules):
            rules[place] = change(rule, tuple(one for one in rules if one is not rule))
        return Region(tuple({str(Region((rule,))): rule for rule in rules}.values()))

    def pruned(self, found: Region) -> Region:
        """The region without the rules that add little to others."""
        rules = found.rules
        for rule in rules[::-1]:
            others = tuple(one for one in rules if one is not rule)
            more = (
                self.worth(self.inside(rules), rules) - self.worth(self.inside(others), others)
                if others
                else inf
            )
            rules = rules if more > PER_RULE else others
        return Region(rules)

    def inside(self, rules: tuple[Rule, ...]) -> np.ndarray:
        """Which known points meet one of some rules."""
        return np.logical_or.reduce([np.zeros(len(self.label), dtype=bool), *map(self.held, rules)])

    def fitted(self, rule: Rule, others: tuple[Rule, ...]) -> Rule:
        """The rule with each bound between the last point that fails and the first beyond that passes.

        Points that meet one of the `others` are not to be held by this rule.
        """
        for condition in rule:
            bounds = self.bounds(rule, condition, others)
            if bounds is None:
                continue
            (low, before, _), (high, after, _) = bounds
            if low == high:
                fitted = replace(condition, low=low, high=high, above=False, below=False)
            else:
                first, above = shortest(low, before) if np.isfinite(before) else (-inf, False)
                last, below = shortest(high, after) if np.isfinite(after) else (inf, False)
                fitted = Condition(condition.trait, first, last, above, below)
            rule = tuple(fitted if one is condition else one for one in rule)
        return tuple(one for one in rule if one.without is not None or one.low > -inf or one.high < inf)

    def bounds(
        self, rule: Rule, condition: Condition, others: tuple[Rule, ...]
    ) -> tuple[Bound, Bound] | None:
        """Where a condition's stretch begins and ends beside the rule's other conditions; None for a choice."""
        if condition.trait.choices or condition.without is not None:
            return None
        key = len(self.label), tuple(one for one in rule if one is not condition), condition.trait, others
        if key not in self.found:
            self.found[key] = self.stretch(rule, condition, others)
        return self.found[key]

    def stretch(
        self, rule: Rule, condition: Condition, others: tuple[Rule, ...]
    ) -> tuple[Bound, Bound] | None:
        """The same, found anew."""
        state = self.held(rule, condition) & ~(self.inside(others) & (self.label == 1))
        numbers, label, against = self.numbers(condition.trait)[state], self.label[state], self.against[state]
        found = stretch(numbers, label == 1, against, self.is_drawn[state], self.firsts[state])
        if found is None:
            return None
        low, high = found
        under, over = numbers < low, numbers > high
        before = numbers[against & under].max(initial=-inf), bool((label[under] == 1).any())
        after = numbers[against & over].min(initial=inf), bool((label[over] == 1).any())
        return (low, *before), (high, *after)

    @property
    def against(self) -> np.ndarray:
        """The points that a region is not to hold."""
        return self.label == -1 if not self.own else (self.label == -1) | (self.label == 0)

    def enclosing(
        self, rule: Rule, condition: Condition, others: tuple[Rule, ...]
    ) -> Iterator[tuple[Seen, int, Seen, int]]:
        """For each sharp bound that is not close enough the point that fails and the one that passes beside it."""
        numbers = held = np.zeros(0)
        for inside, outside, blurred in self.bounds(rule, condition, others) or ():
            if blurred or not np.isfinite(outside) or abs(inside - outside) <= CLOSE * abs(inside):
                continue
            if not len(held):
                numbers, held = self.numbers(condition.trait), self.held(rule, condition)
            beyond = numbers <= outside if outside < inside else numbers >= outside
            (start, *_) = np.flatnonzero(held & (self.label == 1) & (numbers == inside))
            ends = np.flatnonzero(held & self.against & beyond)
            with np.errstate(over="ignore"):
                nearest = ends[np.argsort(np.abs(numbers[ends] - outside), kind="stable")]
            one = self.at(int(start))
            found = (self.at(end) for end in nearest[:MOST_TRIED].tolist())
            yield from (
                (*one, *other) for other in itertools.islice((o for o in found if self.alike(one, o)), 1)
            )

    def at(self, row: int) -> tuple[Seen, int]:
        """A known point by its place among all, as a part and its row there."""
        ends = np.cumsum([len(part.label) for part in self.seen])
        which = int(np.searchsorted(ends, row, side="right"))
        return self.seen[which], int(row - ends[which] + len(self.seen[which].label))

    def alike(self, one: tuple[Seen, int], other: tuple[Seen, int]) -> bool:
        """Whether points have one size and made the same choices, so that there is a way between them."""
        (first, here), (second, there) = one, other
        if first.points.size != second.points.size:
            return False
        chosen = ((first.points.columns[n], second.points.columns[n]) for n in discrete(self.formula.inputs))
        return all(bool(a[here] == b[there]) for a, b in chosen)

    def eased(self, rule: Rule, others: tuple[Rule, ...]) -> Rule:
        """The rule without what tells nothing beside the rest: conditions, bounds, and digits of blurred bounds."""

        beside = self.inside(others)

        def worth(rule: Rule) -> float:
            return self.worth(self.held(rule) | beside, (*others, rule))

        floor = worth(rule) - BLUR
        for condition in rule:
            without = tuple(one for one in rule if one is not condition)
            if worth(without) >= worth(rule):
                rule = without
                continue
            for side, digits in [("low", 0), ("high", 0), *self.blurred(rule, condition, others)]:
                if (eased := _eased(condition, side, digits)) is not None:
                    trial = tuple(eased if one is condition else one for one in rule)
                    if worth(trial) >= floor:
                        rule, condition = trial, eased
        return rule

    def blurred(
        self, rule: Rule, condition: Condition, others: tuple[Rule, ...]
    ) -> Iterator[tuple[str, int]]:
        """The sides of a stretch at which points fail and pass beyond its bound, with few digits to try for that."""
        for side, bound in zip(("low", "high"), self.bounds(rule, condition, others) or (), strict=False):
            if bound[2]:
                yield from ((side, digits) for digits in (3, 2, 1))

    def worth(self, held: np.ndarray, rules: Sequence[Rule]) -> float:
        """How far rules that hold these points go towards a true sentence, less what reading them takes."""
        wanted = self.label == 1
        good, bad = (int((held & some & self.firsts).sum()) for some in (wanted, self.against))
        drawn = wanted & self.is_drawn
        covers = float((held & drawn).sum() / max(drawn.sum(), 1))
        return worth(good / max(good + bad, 1), covers, sum(one.trait.cost for rule in rules for one in rule))

    def told(self, found: Region, fails: float) -> Where:
        """The region with its shares; without one where it says next to nothing."""
        fails = fails if found.rules else 0.0
        label, held = self.label[self.is_drawn], self.inside(found.rules)[self.is_drawn]
        covers, judged = float(held[label == 1].mean()), label > -2
        usual = float((label[judged] >= 0).mean())
        if fails < min(FAILS, max(LEAST, usual + LIFT * (1 - usual))) or covers < LEAST:
            scattered = f": {self.failing} failing points scattered" if self.failing > 1 else ""
            return Where(None, usual, 1.0, f"no simple region found{scattered}")
        return Where(found, fails, covers)


def _eased(condition: Condition, side: str, digits: int) -> Condition | None:
    """The condition with a bound of so many digits, of none without it; None where that is no easier condition."""
    bound = getattr(condition, side)
    other = condition.high if side == "low" else condition.low
    if condition.low == condition.high or not np.isfinite(bound) or (digits == 0 and not np.isfinite(other)):
        return None
    if digits:
        eased = replace(condition, **{side: float(f"{bound:.{digits - 1}e}")})
    elif side == "low":
        eased = replace(condition, low=-inf, above=False)
    else:
        eased = replace(condition, high=inf, below=False)
    return eased if eased.low < eased.high and str(eased) != str(condition) else None


def _everywhere(points: Points, component: np.ndarray) -> np.ndarray:
    return np.ones(len(points), dtype=bool)


def _share(labels: Sequence[np.ndarray]) -> float:
    """The share of the points that fail of those about which something can be said; 1 where there is none."""
    label = np.concatenate([*labels, np.zeros(0)])
    judged = label > -2
    return float((label[judged] >= 0).mean()) if judged.any() else 1.0


FEW_OWN = 4
"""Points that were drawn in a region, from which on they are asked by themselves."""


def _lower_share(own: Sequence[np.ndarray], moved: Sequence[np.ndarray]) -> float:
    """The share of fresh points that fail: of those drawn in the region where there are some, or of those beside known
    ones, if that is lower.
    """
    few = sum(int((label > -2).sum()) for label in own) < FEW_OWN
    return _share([*own, *moved]) if few else min(_share(own), _share(moved))


def _meant(found: Region) -> Region:
    """The region without rules that hold of one number that means nothing: a zero does, or a short one, or a choice."""
    return Region(tuple(rule for rule in found.rules if not any(map(_accidental, rule))))


def _accidental(condition: Condition) -> bool:
    number = condition.low
    if condition.low != condition.high or condition.trait.choices or number in condition.trait.instead:
        return False
    short = float(f"{number:.3g}") == number or abs(np.frexp(number)[0]) == 0.5
    return bool(np.isfinite(number) and not short)


def _some(label: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points from which rules are learnt, some of each sort, and how many each of them stands for."""
    rows: list[np.ndarray] = []
    weight: list[np.ndarray] = []
    for sort in (1, 0, -1):
        for where in (drawn, ~drawn):
            every = np.flatnonzero((label == sort) & where)
            taken = every[spread(len(every), MOST_LEARNT)] if len(every) > MOST_LEARNT else every
            rows.append(taken)
            weight.append(np.full(len(taken), len(every) / max(len(taken), 1)))
    order = np.argsort(every := np.concatenate(rows), kind="stable")
    return every[order], np.concatenate(weight)[order]


# The simplest point --------------------------------------------------------------------------------------------------


def complexity(points: Points) -> np.ndarray:
    """How much ink a point takes: significand bits and exponents of its numbers."""
    total = np.zeros(len(points))
    for column in points.columns.values():
        if isinstance(column, tuple):
            continue
        x = column.double().numpy().reshape(len(points), -1)
        mantissa, exponent = np.frexp(np.where(np.isfinite(x), x, 0.0))
        whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)
        lowest = (whole & -whole).astype(np.float64)
        trailing = np.where(whole == 0, 53, np.log2(lowest + (whole == 0)).astype(int))
        total += np.where(x == 0, 0, 1 + (53 - trailing) + np.abs(exponent - 1) / 2 + (x < 0) / 4).sum(axis=1)
        total += 50 * (~np.isfinite(x)).sum(axis=1)
        total += (1 - 0.5 ** x.shape[1]) if x.shape[1] > 1 else 0
    return total


def simplest(formula: Formula, place: Place, where: Where, probe: Probe, format: Format) -> Search[Points]:
    """A point that fails as asked in the region, as short as rounding each input of this one can make it."""
    best, component = place
    for name, domain in continuous(formula.inputs).items():
        column = best.columns[name]
        assert isinstance(column, torch.Tensor)
        shorter = domain.shortenings(column, format)
        trial = best.with_each(name, shorter)
        ink, every = complexity(trial), np.repeat(component, len(shorter))
        kept = domain.contains(shorter, format) & (ink < complexity(best)[0])
        kept = np.flatnonzero(kept & where.holds(trial, every))
        if not kept.size:
            continue
        trial = trial.select(kept[np.argsort(ink[kept], kind="stable")])
        hits = np.flatnonzero((yield from probe(trial, np.repeat(component, len(trial)))).label == 1)
        if hits.size:
            best = trial.select(hits[:1])
    return best
