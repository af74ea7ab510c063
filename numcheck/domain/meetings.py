"""How inputs of one kind stand to each other, and the entries of one among themselves, where differences cancel.

A `Meeting` is what a kind says of itself; `formations` tells which inputs of a formula meet at once. Most are made of
numbers, entry by entry, so several kinds share those that stand here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from numcheck.domain.numbers import Doubles, Ints
from numcheck.formats import Format

Lead = Callable[[torch.Tensor, Format, Generator], torch.Tensor]
"""Values of the input that leads, made of those that were drawn for it."""

Follow = Callable[[torch.Tensor, torch.Tensor, Format, Generator], torch.Tensor]
"""Values of an input that follows, made of those of the one that leads and of those that were drawn for it."""

MOST_ULPS = 3
"""So many ulps apart are neighbours."""

CLOSE = (4, 20)
"""Close numbers differ by a part of themselves between these powers of 1/2."""

PAIRS = 6
"""So many ordered pairs of the inputs of one kind meet by themselves, chosen by the seed where there are more."""


FEW = 8
"""Points of one meeting and formation: to make fewer at a time takes longer than to judge them."""


@dataclass(frozen=True)
class Meeting:
    """A way in which an input leads and others of its kind follow; nobody follows where only its own entries meet.

    What either gives may lie outside the domain: such points stay as they were drawn.
    """

    lead: Lead | None = None
    follow: Follow | None = None
    everyone: bool = False
    """Whether all inputs of the kind meet so, never some of them."""


Meetings = Mapping[str, Meeting]
"""What a kind says of itself: its meetings by the name that the points get as their origin."""


# Made of numbers -----------------------------------------------------------------------------------------------------


def _of_row(column: torch.Tensor) -> tuple[int, ...]:
    """The shape of one number for each point of a column."""
    return (len(column), *(1,) * (column.ndim - 1))


def the_same(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """The same values."""
    return leading


def some_ulps_off(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Every number one to three ulps up or down."""
    steps = rng.integers(1, MOST_ULPS, size=leading.shape, endpoint=True)
    steps *= rng.choice([-1, 1], size=leading.shape)
    ordinals = format.to_ordinals(leading) + torch.from_numpy(steps)
    return format.from_ordinals(ordinals.clamp(format.lowest_ordinal, format.highest_ordinal))


def a_part_off(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Every number off by a part of itself; the part is the point's, and its digits end where the format's do."""
    octaves = rng.integers(
        CLOSE[0], min(CLOSE[1], max(CLOSE[0], format.precision)), size=_of_row(leading), endpoint=True
    )
    parts = (1 + rng.random(leading.shape)) / 2 * rng.choice([-1.0, 1.0], size=leading.shape)
    return format.round(leading.double() * torch.from_numpy(1 + np.ldexp(parts, -octaves)))


def opposite(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """The same values with the other sign."""
    return format.round(-leading.double())


def nothing(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Zeros."""
    return torch.zeros_like(own)


def nothing_beside(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Zeros, whatever the input that leads."""
    return torch.zeros_like(own)


def around(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Numbers around the first one of the point, spread by a part of it."""
    octaves = rng.integers(2, format.precision, size=_of_row(own), endpoint=True)
    parts = np.ldexp(rng.standard_normal(own.shape), -octaves)
    first = leading.double().flatten(1)[:, :1] if leading.ndim > 1 else leading.double()
    return format.round(first.reshape(_of_row(own)) * torch.from_numpy(1 + parts))


def _units(column: torch.Tensor) -> Doubles:
    """For each point the power of two of which its largest number is two to four."""
    wide = column.double().numpy()
    _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 0.0))
    largest = exponent.reshape(len(wide), -1).max(axis=1, initial=-1100)
    return np.ldexp(1.0, largest - 2).reshape(_of_row(column))


def small_multiples(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """None to three times a power of two, each number with the sign that it had."""
    return small_multiples_beside(own, own, format, rng)


def small_multiples_beside(
    leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator
) -> torch.Tensor:
    """None to three times the power of two that the leading numbers are multiples of: sums and products of them tie."""
    count = rng.choice([0, 1, 1, 2, 2, 3], size=own.shape)
    return format.round(torch.from_numpy(np.copysign(count * _units(leading), own.double().numpy())))


def within(follow: Follow) -> Meeting:
    """The meeting in which the entries of a value stand so to one of them, whichever it is."""

    def lead(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
        first = first_of(own, rng).expand_as(own).contiguous()
        met = follow(first, own, format, rng)
        return format.round(torch.where(chosen(own, 1, rng), first.double(), met.double()))

    return Meeting(lead)


def of_either_sign(leading: torch.Tensor, own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """The same values, each with either sign."""
    return format.round(leading.double() * torch.from_numpy(rng.choice([-1.0, 1.0], size=own.shape)))


def first_of(own: torch.Tensor, rng: Generator) -> torch.Tensor:
    """One entry of each row, whichever it is."""
    places = torch.from_numpy(rng.integers(0, own.shape[1], size=(len(own), 1)))
    wide = own.double() if own.is_floating_point() else own  # not every format can be gathered
    return wide.gather(1, places).to(own.dtype)


def chosen(own: torch.Tensor, count: int, rng: Generator) -> torch.Tensor:
    """So many entries of each row, as a mask."""
    order = torch.from_numpy(rng.random(own.shape)).argsort(1)
    return order < count


def one_dominates(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """One entry, and the others smaller by a power of two, up to where a sum no longer sees them."""
    octaves = rng.integers(CLOSE[0], format.precision + 2, size=_of_row(own), endpoint=True)
    wide, first = own.double(), first_of(own, rng).double()
    largest = wide.abs().amax(1, keepdim=True)
    beside = wide / torch.where(largest > 0, largest, 1.0) * first * torch.from_numpy(np.ldexp(1.0, -octaves))
    return format.round(torch.where(chosen(own, 1, rng), first, beside))


def one_tie(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """Two entries equal, the others as they are."""
    return format.round(torch.where(chosen(own, 2, rng), first_of(own, rng).double(), own.double()))


def one_left(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """All entries zero but one."""
    return format.round(torch.where(chosen(own, 1, rng), own.double(), 0.0))


def one_gone(own: torch.Tensor, format: Format, rng: Generator) -> torch.Tensor:
    """One entry zero."""
    return format.round(torch.where(chosen(own, 1, rng), 0.0, own.double()))


ENTRIES: Meetings = {
    "entries equal": within(the_same),
    "entries ulps apart": within(some_ulps_off),
    "entries close": within(a_part_off),
    "entries opposite": within(of_either_sign),
    "two entries equal": Meeting(one_tie),
    "one entry dominates": Meeting(one_dominates),
    "one entry zero": Meeting(one_gone),
    "one entry not zero": Meeting(one_left),
    "entries zero": Meeting(nothing),
}
"""How numbers in a row stand to each other."""

BETWEEN: Meetings = {
    "equal": Meeting(follow=the_same),
    "ulps apart": Meeting(follow=some_ulps_off),
    "close": Meeting(follow=a_part_off),
    "opposite": Meeting(follow=opposite),
    "one zero": Meeting(follow=nothing_beside),
    "all zero": Meeting(nothing, nothing_beside),
    "small multiples": Meeting(small_multiples, small_multiples_beside, everyone=True),
}
"""How numbers of one input stand to those of another, entry by entry."""


# Who meets -----------------------------------------------------------------------------------------------------------

Formation = list[list[str]]
"""Inputs that meet at once: in each group the first leads and the others follow."""


def formations(inputs: Mapping[str, Any], rng: Generator) -> list[Formation]:
    """Who may meet among inputs of one kind: all of them, all in pairs, and two by themselves.

    In pairs means each with the one that stands half of them away (as of two boxes declared one after the other),
    with its neighbour, and twice with another one of the same domain, whichever the seed chooses. The first three
    come first.
    """
    names, n = list(inputs), len(inputs)
    if n < 2:
        return []
    if n == 2:
        return [[names], [names[::-1]]]
    found: list[Formation] = [[rng.permutation(names).tolist()]]
    found += [_strided(names, step) for step in dict.fromkeys((n // 2, 1))]
    pairs = list(permutations(names, 2))
    others: list[Formation] = [twins for _ in range(2) if (twins := _twins(inputs, rng))]
    others += [[list(pairs[i])] for i in rng.permutation(len(pairs))[:PAIRS].tolist()]
    return found + [others[i] for i in rng.permutation(len(others)).tolist()]


def _strided(names: Sequence[str], step: int) -> Formation:
    """Each with the one that stands so many places on, as far as neither has met."""
    pairs: Formation = []
    left = dict.fromkeys(names)
    for one, other in zip(names, names[step:], strict=False):
        if one in left and other in left:
            pairs.append([one, other])
            del left[one], left[other]
    return pairs


def _twins(inputs: Mapping[str, Any], rng: Generator) -> Formation:
    """Random pairs of inputs that have the same domain."""
    alike: dict[Any, list[str]] = {}
    for name in rng.permutation(list(inputs)).tolist():
        alike.setdefault(inputs[name], []).append(name)
    return [list(pair) for names in alike.values() for pair in zip(names[::2], names[1::2], strict=False)]


def turns(
    meetings: Meetings, groups: Sequence[Formation], count: int, rng: Generator
) -> Iterator[tuple[str, Formation, Ints]]:
    """So many points shared out among the meetings: which of them meets in which formation at which points.

    As many formations as leave a few points to each; the first is that of everyone, where most can tie.
    """
    names = [name for name in meetings for _ in range(2 if meetings[name].everyone else 1)]
    for place, name in enumerate(rng.permutation(names).tolist()):
        mine = np.arange(place, count, len(names))
        who = groups[:1] if meetings[name].everyone else groups
        laps = max(1, min(len(who), len(mine) // FEW))
        for lap, formation in enumerate(who[:laps] if len(mine) else ()):
            yield name, formation, mine[lap::laps]
