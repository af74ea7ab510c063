"""The simplest conditions that tell points apart: a few bounds on traits, found in points that fail and that pass.

A rule is a conjunction of at most three conditions, found by adding the condition that tells most, several side by
side. What is best is what holds of the failing points and of no others; of two that do as well, the one that is easier
to read. A region is one rule, or several beside each other where failing points lie apart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any

import numpy as np

from numcheck.diagnosis.traits import MOST_CHOICES, Trait
from numcheck.domain import Points

FAILS, COVERS = 0.8, 0.9
"""Shares that make a region a true sentence: of its points that fail, and of the failing points that lie in it."""
MOST_CONDITIONS = 3
MOST_RULES = 3
WIDTH = 3  # rules that are looked at side by side
PRICES = (0.5,)  # of holding all passing points, beside holding all failing ones
PURE = 4.0  # failing points that a stretch must hold for each passing one
CLOSE = 2.0**-12  # of a bound, by which it may be moved to a shorter number
PER_RULE = 0.03  # of a share, that one rule instead of two is worth
FEWEST = 3  # failing points that one of several rules must hold, if there are so many
LEAST_PART = 0.04  # of the failing points, that one of several rules must hold of those that others leave
PURITY = 0.88  # share of failing points that one of several rules holds at least
PER_COST = 0.012  # of a share, that easier reading is worth


@dataclass(frozen=True)
class Condition:
    """What must hold of a trait: it lies between two bounds, either of which may be excluded, or is another choice."""

    trait: Trait
    low: float = -inf
    high: float = inf
    above: bool = False  # the lower bound itself does not belong to it
    below: bool = False
    without: float | None = None

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        """Of which of the trait's numbers it holds."""
        if self.without is not None:
            return numbers != self.without
        up = numbers > self.low if self.above else numbers >= self.low
        return up & (numbers < self.high if self.below else numbers <= self.high)

    @property
    def chosen(self) -> str | None:
        """A choice in words, as it stands behind a "with"; None for a range."""
        trait = self.trait
        if not trait.choices:
            return None
        if self.without is not None:
            return f"{trait.name} other than {_choice(trait, self.without)}"
        return f"{trait.name} {_choice(trait, self.low)}" if self.low == self.high else None

    def __str__(self) -> str:
        name, less, more = self.trait.name, "<" if self.below else "<=", ">" if self.above else ">="
        if self.low == self.high:
            return self.trait.instead.get(self.low, f"{name} = {self.low:.17g}")
        if self.low == -inf:
            return f"{name} {less} {_short(self.high)}"
        if self.high == inf:
            return f"{name} {more} {_short(self.low)}"
        return f"{_short(self.low)} {'<' if self.above else '<='} {name} {less} {_short(self.high)}"


def _choice(trait: Trait, number: float) -> str:
    return str(next(c for c in trait.choices if c == number) if trait.ordered else trait.choices[int(number)])


def _short(number: float) -> str:
    return f"{number:.17g}" if number != float(f"{number:.6g}") else f"{number:.6g}"


Rule = tuple[Condition, ...]
"""Conditions that all hold; none of them, everywhere."""


@dataclass(frozen=True)
class Region:
    """The points at which one of several rules holds."""

    rules: tuple[Rule, ...]

    def __contains__(self, point: tuple[Points, int]) -> bool:
        points, component = point
        return bool(self.holds(points, np.array([component]))[0])

    def holds(self, points: Points, component: np.ndarray) -> np.ndarray:
        """Which points lie in it; `component` is the output that each one's gradient is of."""
        inside = np.zeros(len(points), dtype=bool)
        for rule in self.rules:
            held = np.ones(len(points), dtype=bool)
            for condition in rule:
                held &= condition.holds(condition.trait.of(points, component))
            inside |= held
        return inside

    def __str__(self) -> str:
        return ", or ".join(map(_sentence, self.rules))


def _sentence(rule: Rule) -> str:
    ranges = [str(condition) for condition in rule if condition.chosen is None]
    chosen = [condition.chosen for condition in rule if condition.chosen is not None]
    where = " and ".join(ranges) or "everywhere in the domain"
    return f"{where} with {', '.join(chosen)}" if chosen else where


# Points that are known -----------------------------------------------------------------------------------------------


Feature = tuple[Trait, float | None]
"""A trait as it is, or whether it is one of its choices."""


@dataclass(frozen=True, eq=False)
class Table:
    """Points in a row with what is known of them: `label` 1 where one fails as asked, 0 otherwise, -1 where it passes.

    `values` holds a row for each of the `features`, a trait as it is or whether it is one of its choices; `drawn` marks
    the points of the run, which stand for the domain, among others that were asked for. `weight` is how many points
    each stands for; a point that occurs again is not among the `firsts`, and is covered again but fails once.
    """

    features: Sequence[Feature]
    values: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    drawn: np.ndarray
    firsts: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """The points in the order of each feature."""
        return np.argsort(self.values, axis=1, kind="stable")

    @cached_property
    def ranked(self) -> np.ndarray:
        """The numbers of each feature, in their order."""
        return np.take_along_axis(self.values, self.order, axis=1)

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Where a stretch may begin and end, for equal numbers stay together."""
        new = self.ranked[:, 1:] != self.ranked[:, :-1]
        edge = np.ones((len(new), 1), dtype=bool)
        return np.concatenate([edge, new], axis=1), np.concatenate([new, edge], axis=1)

    @cached_property
    def costs(self) -> np.ndarray:
        """What reading a condition on each feature takes."""
        return np.array([trait.cost for trait, _ in self.features])

    @cached_property
    def ranges(self) -> list[bool]:
        """Which features have an upper and a lower bound."""
        return [choice is None for _, choice in self.features]

    def condition(self, feature: int, low: float, high: float) -> Condition:
        """A stretch of a feature as a condition of its trait."""
        trait, choice = self.features[feature]
        if choice is None:
            return Condition(trait, low, high)
        others = [number for number in numbers_of(trait) if number != choice]
        only = choice if low == 1 else others[0] if len(others) == 1 else None
        return Condition(trait, without=choice) if only is None else Condition(trait, only, only)


def features_of(traits: Iterable[Trait]) -> Iterator[Feature]:
    """Traits as ranges, and choices one by one."""
    for trait in traits:
        few = len(trait.choices) <= MOST_CHOICES
        if trait.ordered and (len(trait.choices) > 2 or not trait.choices):
            yield trait, None
        if trait.choices and few:
            yield from ((trait, number) for number in numbers_of(trait))


def numbers_of(trait: Trait) -> list[float]:
    """The numbers that a trait has for its choices."""
    return [float(number) for number in (trait.choices if trait.ordered else range(len(trait.choices)))]


# How good a rule is --------------------------------------------------------------------------------------------------


def worth(fails: Any, covers: Any, cost: Any) -> Any:
    """How far rules, one or an array of them, go towards a true sentence, less what reading them takes.

    Near and below the limits a share counts three times.
    """
    short = np.maximum(FAILS + 0.07 - fails, 0) + np.maximum(COVERS + 0.03 - covers, 0)
    return np.minimum(fails / 0.92, 1) + np.minimum(covers / 0.97, 1) - 2 * short - PER_COST * cost


Part = tuple[int, float, float]
"""A feature and its stretch."""


@dataclass(frozen=True, eq=False)
class Found:
    """A rule as it was found: its features with their stretches, the points that it holds, and what it is worth."""

    parts: tuple[Part, ...]
    inside: np.ndarray
    fails: float
    covers: float
    cost: float

    @property
    def worth(self) -> float:
        """See `worth`."""
        return worth(self.fails, self.covers, self.cost)

    @property
    def true(self) -> bool:
        """Whether it is a true sentence with something to spare, so that fresh points will say so too."""
        return self.fails >= 0.9 and self.covers >= 0.95


@dataclass(frozen=True, eq=False)
class Goal:
    """What a rule is sought for: points to hold, points not to hold, and those that are none of either."""

    table: Table
    wanted: np.ndarray
    against: np.ndarray

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each point counts as one to hold, as one not to hold, and as one to cover; shape (N, 3).

        The run's points are to be covered; all where it drew none.
        """
        drawn, firsts = self.wanted & self.table.drawn, self.table.firsts
        sorts = self.wanted & firsts, self.against & firsts, drawn if drawn.any() else self.wanted
        return np.stack([np.where(sort, self.table.weight, 0.0) for sort in sorts], axis=1)

    @cached_property
    def total(self) -> float:
        """What there is to cover."""
        return max(float(self.weights[:, 2].sum()), 1e-9)

    def found(self, parts: tuple[Part, ...], inside: np.ndarray) -> Found:
        """A rule with its shares."""
        good, bad, covered = (inside @ self.weights).tolist()
        table, cost = self.table, 0.0
        for number, low, high in parts:
            both = table.ranges[number] and low > -inf and high < inf
            cost += float(table.costs[number]) + 0.5 * both
        return Found(parts, inside, good / max(good + bad, 1e-9), covered / self.total, cost)


def _stretches(table: Table, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row of weights and each feature the stretch of numbers whose points weigh most, and how much that is."""
    starts, ends = table.edges
    heavy = weights[:, table.order]
    heavy[:, np.isnan(table.ranked)] = -1e6  # what has no number lies in no stretch
    sums = np.cumsum(heavy, axis=2)
    before = np.where(starts, heavy - sums, -inf)
    least = np.maximum.accumulate(before, axis=2)
    total = np.where(ends, sums + least, -inf)
    last = np.argmax(total, axis=2)[..., None]
    first = np.argmax(before == np.take_along_axis(least, last, axis=2), axis=2)
    features = np.arange(len(table.ranked))
    return (
        np.take_along_axis(total, last, axis=2)[..., 0],
        table.ranked[features, first],
        table.ranked[features, last[..., 0]],
    )


def _grown(goal: Goal, rules: Sequence[Found]) -> list[Found]:
    """The best of the rules with one more condition or a narrower one, found by several prices of holding what passes.

    Those that go farthest, and the one that covers most among those that hold hardly anything else.
    """
    table, held = goal.table, np.array([rule.inside for rule in rules])
    good, bad = (np.where(held, goal.weights[:, sort], 0.0) for sort in (0, 1))
    sums = good.sum(axis=1, keepdims=True), bad.sum(axis=1, keepdims=True)
    more = ((sums[0] > 0) & (sums[1] > 0))[:, 0]
    if not more.any():
        return []
    held, rules = held[more], [rule for rule, open_ in zip(rules, more, strict=True) if open_]
    good, pure, bad = good[more] / sums[0][more], bad[more] / sums[0][more], bad[more] / sums[1][more]
    ways = [*(good - price * bad for price in PRICES), good - PURE * pure]
    total, low, high = _stretches(table, np.concatenate(ways))
    top = np.argsort(PER_COST * table.costs - total, axis=1, kind="stable")[:, :WIDTH]
    low, high = (np.take_along_axis(ends, top, axis=1) for ends in (low, high))
    numbers = table.values[top]
    inside = (
        (low[..., None] <= numbers) & (numbers <= high[..., None]) & np.tile(held, (len(ways), 1))[:, None]
    )
    held_good, held_bad, covered = np.moveaxis(inside @ goal.weights, -1, 0)
    fails, covers = held_good / np.maximum(held_good + held_bad, 1e-9), covered / goal.total
    costs = np.tile([rule.cost for rule in rules], len(ways))[:, None] + table.costs[top]
    worths = worth(fails, covers, costs)
    chosen = np.argsort(-worths, axis=None, kind="stable")[: 3 * WIDTH].tolist()
    chosen.append(int(np.argmax(np.where(fails >= PURITY, covers, -1.0))))
    found: dict[tuple[Part, ...], Found] = {}
    for place in dict.fromkeys(chosen):
        row, column = divmod(place, top.shape[1])
        rule, number = rules[row % len(rules)], int(top[row, column])
        known = {part[0]: part for part in rule.parts}
        _, first, last = known.get(number, (number, -inf, inf))
        stretch = max(float(low[row, column]), first), min(float(high[row, column]), last)
        parts = tuple(sorted((known | {number: (number, *stretch)}).values()))
        if parts not in found and (len(found) < WIDTH or place == chosen[-1]):
            found[parts] = goal.found(parts, inside[row, column])
    return list(found.values())


def candidates(goal: Goal, most: int = MOST_CONDITIONS) -> list[Found]:
    """Rules of so many conditions for a goal, the best first; it ends at the first that is true."""
    states = [goal.found((), np.ones(len(goal.table.label), dtype=bool))]
    every = list(states)
    for _ in range(most):
        if not states or any(rule.true for rule in every):
            break
        states = _grown(goal, states)
        every += states
    return sorted(every, key=lambda found: -found.worth)


def several(goal: Goal, found: list[Found]) -> tuple[list[Found], Found]:
    """The best of the rules that were `found` for a goal, or few of them beside each other where those do better."""
    alone = found[0]
    rules: list[Found] = []
    left = goal
    while not alone.true and len(rules) < MOST_RULES:
        least = max(LEAST_PART * goal.total, min(FEWEST, goal.total) - 0.5)
        pure = [one for one in found if one.fails >= PURITY and one.covers * left.total > least]
        if not pure:
            break
        rules.append(max(pure, key=lambda one: one.covers - 2 * PER_COST * one.cost))
        left = replace(left, wanted=left.wanted & ~rules[-1].inside)
        if left.total <= least or not (left.wanted & goal.table.drawn).any():
            break
        found = candidates(left)
    if len(rules) < 2:
        return [alone], alone
    inside = np.logical_or.reduce([rule.inside for rule in rules])
    together = goal.found(tuple(part for rule in rules for part in rule.parts), inside)
    better = together.worth > alone.worth + PER_RULE * (len(rules) - 1)
    return (rules, together) if better else ([alone], alone)


def region_of(simple: Table, whole: Callable[[], Table | None]) -> tuple[Region, bool]:
    """The region that a table shows of the points that fail as asked, and whether it is theirs alone.

    It is told by one condition on a feature of the `simple` table if that does, else by those of the `whole` if there
    is one; for points that fail as asked alone, or where that is no true sentence for all that fail.
    """
    table, own = simple, True
    goal = Goal(table, table.label == 1, table.label != 1)
    found = candidates(goal, 1)
    if not found[0].true:
        table = whole() or simple
        goal = replace(goal, table=table)
        found = candidates(goal)
    if not found[0].true and (table.label == 0).any():
        any_failure = replace(goal, against=table.label == -1)
        others = candidates(any_failure)
        if others[0].worth > found[0].worth + 0.02:
            goal, found, own = any_failure, others, False
    rules, _ = several(goal, found)
    return Region(tuple(tuple(table.condition(*part) for part in rule.parts) for rule in rules)), own


def stretch(
    numbers: np.ndarray, wanted: np.ndarray, against: np.ndarray, drawn: np.ndarray, firsts: np.ndarray
) -> tuple[float, float] | None:
    """The first and the last number to hold of the best stretch of numbers; None where there is none.

    Points are to be held, not to be held, or neither; those to be held that the run has `drawn` are to be covered, as
    often as they occur.
    """
    covered = wanted & drawn
    sorts = np.array([wanted & firsts, against & firsts, covered if covered.any() else wanted])
    order = np.argsort(numbers, kind="stable")
    order = order[(wanted | against)[order] & ~np.isnan(numbers[order])]
    numbers, (good, bad, covered) = numbers[order], sorts[:, order]
    if not good.any():
        return None
    new = np.concatenate([[True], numbers[1:] != numbers[:-1], [True]])  # equal numbers stay together
    total = np.cumsum(np.array([good, bad, covered], dtype=float), axis=1)
    before = np.concatenate([np.zeros((3, 1)), total[:, :-1]], axis=1)
    places: set[tuple[int, int]] = set()
    for price in (0.5, 2.0, 5.0):
        spared = np.where(new[:-1], price * before[1] - before[0], -inf)
        least = np.maximum.accumulate(spared)
        last = int(np.argmax(np.where(new[1:], total[0] - price * total[1] + least, -inf)))
        places.add((int(np.argmax(spared == least[last])), last))

    def merit(place: tuple[int, int]) -> float:
        held, passed, hit = (total[:, place[1]] - before[:, place[0]]).tolist()
        both = numbers[place[0]] > -inf and numbers[place[1]] < inf
        return worth(held / max(held + passed, 1e-9), hit / max(sorts[2].sum(), 1e-9), 0.5 * both)

    first, last = max(sorted(places), key=merit)
    kept = numbers[first : last + 1][good[first : last + 1]]
    return (float(kept[0]) + 0.0, float(kept[-1]) + 0.0) if kept.size else None  # of -0 a reader is told 0


# Bounds --------------------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")
def shortest(inside: float, outside: float) -> tuple[float, bool]:
    """A bound between the last number of a stretch and the first beyond, and whether it is excluded itself.

    Of all decimals between them the shortest, or a power of two from 2**10 to 2**53; one that lies a little farther out
    is as good. What passes itself is excluded.
    """
    if outside == 0 or (outside < 0 < inside) or (inside < 0 < outside):
        return 0.0, inside != 0
    if not np.isfinite(inside):
        return inside, False
    far = inside + (np.sign(outside - inside) * abs(inside) * CLOSE)
    limit = far if abs(outside - inside) < abs(far - inside) else outside
    power = 2.0 ** np.round(np.log2(abs(inside) + abs(limit)) - 1) * np.sign(inside)
    if (
        2.0**10 <= abs(power) <= 2.0**53
        and min(inside, limit) <= power <= max(inside, limit)
        and power != outside
    ):
        return float(power), False
    for digits in range(17):
        text = f"{inside:.{digits}e}"
        unit = 10.0 ** (int(text.partition("e")[2]) - digits)
        for number in (float(text), float(f"{float(text) + np.sign(outside - inside) * unit:.{digits}e}")):
            if min(inside, limit) <= number <= max(inside, limit):
                short = float(f"{inside:.{digits + 1}e}") == inside
                return (inside, False) if number == outside and short else (number, number == outside)
    return inside, False
