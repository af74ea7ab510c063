"""What a region of points may be told by: numbers that each point has, under the names that a reader is told.

An input by itself, the largest of several numbers, how far they lie from zero beside how far apart, what two inputs
are to each other, how far apart two things lie of which each has several inputs, the choice that was made, how many
entries there are. A trait asks a column only for its shape, so an input of any kind has some.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, takewhile
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula
from numcheck.domain import Measure, Points, discrete, listed, numeric

MOST_CHOICES = 12
"""Choices of one input that conditions tell apart one by one."""
MOST_ENTRIES = 4
"""Entries of an input that are told apart by their places, where it always has so many."""
MOST_SCALARS = 8
"""Inputs of one number each that are put in pairs."""

Pairs = Sequence[tuple[str, str]]
"""Inputs that say the same of two things: x1 and x2, y1 and y2."""


@dataclass(frozen=True, eq=False)
class Trait:
    """A number for each point. `cost` is how hard it is to read: of two true sentences the simpler is told.

    `choices` are the values of a choice, which stand at the end of a sentence; where they are no numbers, the trait is
    their place among them. `instead` holds what is said where the number is exactly this.
    """

    name: str
    of: Callable[[Points, np.ndarray], np.ndarray]
    cost: float = 1.0
    choices: tuple[Any, ...] = ()
    ordered: bool = True
    instead: Mapping[float, str] = field(default_factory=dict[float, str])


def single(formula: Formula, parts: Sequence[Points], components: Sequence[np.ndarray]) -> list[Trait]:
    """The traits of each input by itself, of the sizes, and of the outputs that gradients are of."""
    columns, chosen = parts[0].columns, discrete(formula.inputs)
    found: list[Trait] = []
    for name, column in columns.items():
        if name in chosen:
            every = (choice for part in parts for choice in chosen[name].choices(part.size))
            found.append(_choice(name, tuple(dict.fromkeys(every))))
        elif isinstance(column, torch.Tensor):
            alike = [x for part in parts if isinstance(x := part.columns[name], torch.Tensor)]
            found += _of_one(name, column, any(bool((x.double() < 0).any()) for x in alike))
            sizes = {x.shape[1:] for x in alike}
            if column.ndim == 2 and len(sizes) == 1 and column.shape[1] <= MOST_ENTRIES:
                found += [_of_entry(name, place) for place in range(column.shape[1])]
            if column.ndim == 2 and any(component.any() for component in components):
                found.append(_beside_the_largest(name))
            found += _measured(formula, name)
    sizes = tuple(dict.fromkeys(part.size for part in parts))
    if len(sizes) > 1:
        found.append(
            Trait("number of entries", lambda points, _: np.full(len(points), float(points.size or 0)))
        )
    outputs = 1 + max((int(component.max(initial=0)) for component in components), default=0)
    if 1 < outputs <= MOST_CHOICES:
        found.append(
            Trait("output", lambda _, component: component.astype(float), 1.5, tuple(range(outputs)))
        )
    return found


def paired(formula: Formula, parts: Sequence[Points]) -> list[Trait]:
    """What inputs are to each other."""
    chosen = discrete(formula.inputs)
    kept = {n: c for n, c in parts[0].columns.items() if n not in chosen and isinstance(c, torch.Tensor)}
    scalars = [name for name, column in kept.items() if column.ndim == 1]
    rows = [name for name, column in kept.items() if column.ndim == 2]
    found: list[Trait] = []
    if len(scalars) <= MOST_SCALARS:
        things = _things(scalars)
        for pair in combinations(scalars, 2):
            if all(_comparable(pair, pairs) for pairs in things):
                found += _of_two_numbers(*pair, few=len(scalars) <= 4)
        found += map(_largest_of, _of_one_domain(formula, scalars))
        found += map(_farthest_apart, things)
    for one, other in combinations(rows, 2):
        found += _of_two_rows(one, other)
        if formula.inputs[one] == formula.inputs[other]:
            found += _measured(formula, one, other)
    for scalar in scalars:
        for row in rows:
            found += _ratio_and_product(scalar, row, f"|{scalar}|", f"max|{row}|")
    for place in (name for name, choice in chosen.items() if choice.sizes):
        for row in rows:
            found += [
                Trait(f"{row}[{place}]", partial(_entry_at, row, place), 1.5),
                Trait(f"max {row} - {row}[{place}]", partial(_below_the_largest, row, place), 1.6),
            ]
    return found


# Columns as doubles --------------------------------------------------------------------------------------------------


def _column(name: str, points: Points) -> torch.Tensor:
    column = points.columns[name]
    assert isinstance(column, torch.Tensor)
    return column


def _numbers(name: str, points: Points) -> np.ndarray:
    """One input as doubles, shape (N, ...)."""
    return _column(name, points).double().numpy()


def _entries(name: str, points: Points) -> np.ndarray:
    """One input as doubles, shape (N, its entries)."""
    return _numbers(name, points).reshape(len(points), -1)


def _size(name: str, points: Points) -> np.ndarray:
    """The magnitude of an input, of several numbers the largest."""
    return np.abs(_entries(name, points)).max(axis=1, initial=0.0)


def _spread(name: str, points: Points) -> np.ndarray:
    """How far the entries lie apart, the rows of a table column by column."""
    numbers = _numbers(name, points)
    with np.errstate(all="ignore"):
        return np.ptp(numbers, axis=1).reshape(len(points), -1).max(axis=1, initial=0.0)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return above / below


def _entry_at(row: str, place: str, points: Points, _: np.ndarray) -> np.ndarray:
    entries, at = _entries(row, points), _numbers(place, points).astype(int)
    inside = (at >= 0) & (at < entries.shape[1])
    return np.where(inside, entries[np.arange(len(points)), np.where(inside, at, 0)], np.nan)


def _below_the_largest(row: str, place: str, points: Points, component: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return _entries(row, points).max(axis=1) - _entry_at(row, place, points, component)


# One input -----------------------------------------------------------------------------------------------------------


def _choice(name: str, choices: tuple[Any, ...]) -> Trait:
    ordered = all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices)
    if ordered:
        return Trait(
            name, lambda points, _: np.array(listed(points.columns[name]), dtype=float), 1.0, choices
        )
    place = {choice: float(number) for number, choice in enumerate(choices)}

    def places(points: Points, _: np.ndarray) -> np.ndarray:
        return np.array([place.get(choice, np.nan) for choice in listed(points.columns[name])])

    return Trait(name, places, 1.0, choices, ordered=False)


def _of_one(name: str, column: torch.Tensor, signed: bool) -> list[Trait]:
    if column.ndim == 1:
        found = [Trait(name, lambda points, _: _numbers(name, points))]
        return (
            [*found, Trait(f"|{name}|", lambda points, _: np.abs(_numbers(name, points)), 1.2)]
            if signed
            else found
        )

    def least(points: Points, _: np.ndarray) -> np.ndarray:
        return np.abs(_entries(name, points)).min(axis=1, initial=np.inf)

    def next_to_largest(points: Points, _: np.ndarray) -> np.ndarray:
        entries = np.abs(_entries(name, points))
        return np.sort(entries, axis=1)[:, -2] if entries.shape[1] > 1 else np.full(len(points), np.nan)

    zeros, none, equal = (
        {0.0: f"{name} = 0"},
        {0.0: f"an entry of {name} is 0"},
        f"all entries of {name} equal",
    )
    table = column.ndim > 2
    apart = f"extent({name})" if table else f"(max {name} - min {name})"
    found = [
        Trait(f"max|{name}|", lambda points, _: _size(name, points), 1.0, instead=zeros),
        Trait(
            apart.strip("()") if not table else apart,
            lambda points, _: _spread(name, points),
            1.3,
            instead={0.0: equal},
        ),
        Trait(
            f"max|{name}| / {apart}",
            lambda points, _: _over(_size(name, points), _spread(name, points)),
            1.4,
            instead={np.inf: equal},
        ),
        Trait(f"min|{name}|", least, 1.3, instead=none),
        Trait(
            f"max|{name}| / min|{name}|", lambda points, c: _over(_size(name, points), least(points, c)), 1.5
        ),
        Trait(
            f"max|{name}| / second |{name}|",
            lambda points, c: _over(_size(name, points), next_to_largest(points, c)),
            1.6,
        ),
    ]
    if not column.is_floating_point():  # of marks and counts nobody asks how many times others they are
        found = [trait for trait in found if "/" not in trait.name]
    if signed and not table:
        found += [
            Trait(f"max {name}", lambda points, _: _entries(name, points).max(axis=1), 1.2),
            Trait(f"min {name}", lambda points, _: _entries(name, points).min(axis=1), 1.2),
        ]
    if not table and not column.is_floating_point():
        found.append(Trait(f"sum of {name}", lambda points, _: _entries(name, points).sum(axis=1), 1.2))
    return found


def _beside_the_largest(name: str) -> Trait:
    """The entry at the place of the output that a gradient is of, where a formula gives a number for each entry."""

    def share(points: Points, component: np.ndarray) -> np.ndarray:
        entries = np.abs(_entries(name, points))
        at = np.where(component < entries.shape[1], component, 0)
        own = np.where(component < entries.shape[1], entries[np.arange(len(points)), at], np.nan)
        return _over(own, _size(name, points))

    return Trait(f"|{name}[output]| / max|{name}|", share, 1.6)


def _of_entry(name: str, place: int) -> Trait:
    return Trait(f"{name}[{place}]", lambda points, _: _entries(name, points)[:, place], 1.3)


def _measured(formula: Formula, *names: str) -> list[Trait]:
    """What the kind of an input, or of two of one domain, measures of its values."""
    measures = (one for one in numeric(formula.inputs)[names[0]].measures if one.inputs == len(names))
    return [_of_measure(measure, names) for measure in measures]


def _of_measure(measure: Measure, names: Sequence[str]) -> Trait:
    def numbers(points: Points, _: np.ndarray) -> np.ndarray:
        return measure.of(*(_column(name, points) for name in names))

    at_zero = {0.0: measure.at_zero.format(*names)} if measure.at_zero else dict[float, str]()
    return Trait(measure.told.format(*names), numbers, 1.2, instead=at_zero)


# Two inputs ----------------------------------------------------------------------------------------------------------


def _ranging(name: str, of: Callable[[Points, np.ndarray], np.ndarray], cost: float) -> Trait:
    """A product or quotient of magnitudes, which a double may not hold."""
    return Trait(name, of, cost, instead={np.inf: f"{name} is beyond a double's range"})


def _ratio_and_product(one: str, other: str, first: str, second: str) -> list[Trait]:
    def product(points: Points, _: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return _size(one, points) * _size(other, points)

    return [
        _ranging(
            f"{first} / {second}", lambda points, _: _over(_size(one, points), _size(other, points)), 1.6
        ),
        _ranging(f"{first} * {second}", product, 1.6),
    ]


def _of_two_numbers(one: str, other: str, few: bool) -> list[Trait]:
    def apart(points: Points, _: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return _numbers(one, points) - _numbers(other, points)

    def relative(points: Points, component: np.ndarray) -> np.ndarray:
        distance, size = (
            np.abs(apart(points, component)),
            np.maximum(_size(one, points), _size(other, points)),
        )
        share = _over(distance, size)
        return np.where(
            distance == 0, 0.0, np.where(share <= 1, share, np.nan)
        )  # none of numbers of either sign

    equal = {0.0: f"{one} = {other}"}
    found = [
        Trait(f"{one} - {other}", apart, 1.4, instead=equal),
        Trait(f"|{one} - {other}|", lambda points, c: np.abs(apart(points, c)), 1.4, instead=equal),
        Trait(f"|{one} - {other}| / max(|{one}|, |{other}|)", relative, 1.7, instead=equal),
        *_ratio_and_product(one, other, f"|{one}|", f"|{other}|"),
    ]
    if few:

        def together(points: Points, _: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.abs(_numbers(one, points) + _numbers(other, points))

        found.append(Trait(f"|{one} + {other}|", together, 1.5, instead={0.0: f"{one} = -{other}"}))
    for first, second in ((one, other), (other, one)) if few else ():

        def of_square(points: Points, _: np.ndarray, first: str = first, second: str = second) -> np.ndarray:
            with np.errstate(all="ignore"):
                return _size(first, points) * _size(second, points) ** 2

        def to_square(points: Points, _: np.ndarray, first: str = first, second: str = second) -> np.ndarray:
            with np.errstate(all="ignore"):
                return _over(_size(first, points), _size(second, points) ** 2)

        found += [
            _ranging(f"|{first}| * {second}**2", of_square, 2.0),
            _ranging(f"|{first}| / {second}**2", to_square, 2.0),
        ]
    return found


def _comparable(pair: tuple[str, str], things: Pairs) -> bool:
    """Whether inputs belong to one of two things, or say the same of both; x1 and y2 do neither."""
    sides = [set(side) for side in zip(*things, strict=True)]
    return pair in things or not set(pair) <= set.union(*sides) or any(set(pair) <= side for side in sides)


def _of_two_rows(one: str, other: str) -> list[Trait]:
    def apart(points: Points, _: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.abs(_entries(one, points) - _entries(other, points)).max(axis=1, initial=0.0)

    def relative(points: Points, component: np.ndarray) -> np.ndarray:
        distance, size = apart(points, component), np.maximum(_size(one, points), _size(other, points))
        return np.where(distance == 0, 0.0, _over(distance, size))

    def spreads(points: Points, _: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return _spread(one, points) * _spread(other, points)

    equal, ranges = {0.0: f"{one} = {other}"}, (f"(max {one} - min {one})", f"(max {other} - min {other})")
    return [
        Trait(f"max|{one} - {other}|", apart, 1.4, instead=equal),
        Trait(f"max|{one} - {other}| / max(|{one}|, |{other}|)", relative, 1.6, instead=equal),
        *_ratio_and_product(one, other, f"max|{one}|", f"max|{other}|"),
        Trait(" * ".join(ranges), spreads, 1.8),
    ]


# Several inputs ------------------------------------------------------------------------------------------------------


def _of_one_domain(formula: Formula, scalars: Sequence[str]) -> list[list[str]]:
    """The inputs of each domain that several have."""
    alike = (
        [name for name in scalars if formula.inputs[name] == domain]
        for domain in dict.fromkeys(formula.inputs[name] for name in scalars)
    )
    return [names for names in alike if len(names) > 1]


def _largest_of(names: Sequence[str]) -> Trait:
    def largest(points: Points, _: np.ndarray) -> np.ndarray:
        return np.maximum.reduce([_size(name, points) for name in names])

    told = f"max({', '.join(f'|{name}|' for name in names)})"
    return Trait(told, largest, 1.4, instead={0.0: " = ".join([*names, "0"])})


def _things(names: Sequence[str]) -> list[Pairs]:
    """Two things that have several inputs each, by their names: x1 and x2, y1 and y2; or px and qx, py and qy.

    Names that differ in a number tell more than those that differ in a letter.
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, other in combinations(names, 2):
        head = _alike(one, other)
        tail = _alike(one[:head:-1], other[:head:-1])
        marks = one[head : len(one) - tail], other[head : len(other) - tail]
        found.setdefault(marks, []).append((one, other))
    told = {
        marks: pairs
        for marks, pairs in found.items()
        if len(pairs) > 1 and len({name for pair in pairs for name in pair}) == 2 * len(pairs)
    }
    numbered: list[Pairs] = [pairs for marks, pairs in told.items() if "".join(marks).isdigit()]
    return numbered or [*told.values()]


def _alike(one: str, other: str) -> int:
    """How many characters two words have in common at their beginnings."""
    return len(list(takewhile(lambda pair: len(set(pair)) == 1, zip(one, other, strict=False))))


def _farthest_apart(things: Pairs) -> Trait:
    def farthest(points: Points, _: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.maximum.reduce(
                [np.abs(_numbers(one, points) - _numbers(other, points)) for one, other in things]
            )

    told = f"max({', '.join(f'|{one} - {other}|' for one, other in things)})"
    equal = " and ".join(f"{one} = {other}" for one, other in things)
    return Trait(told, farthest, 1.4, instead={0.0: equal})
