"""Points that no run has judged yet: drawn in a region, like others, and on the way from one point to another."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from numcheck.declaration.formulas import Formula
from numcheck.domain import Column, Points, spread
from numcheck.formats import Format

SEED = 2**40 + 17
"""Of what is drawn here, whatever seed a run has: an answer hangs on no one who asks."""
POOL = 900  # points drawn of the whole domain, of which some lie in a region
LARGE_POOL = 6000  # where a thin region is to be told with care
STRIDES = 3
"""Changes between a point that is known to lie in a region and one that is taken for a fresh one."""

Place = tuple[Points, np.ndarray]
"""Points of one size, and the output that each one's gradient is of."""
Holds = Callable[[Points, np.ndarray], np.ndarray]


@lru_cache(maxsize=6)  # the routines and halves of a formula in its formats come one after the other
def pool(formula: Formula, format: Format, count: int = POOL) -> tuple[Place, ...]:
    """Points of the whole domain, as a run draws them but with a seed of their own."""
    parts = formula.points(format, count, SEED)
    return tuple((part, np.arange(len(part))) for part in parts)


def within(formula: Formula, points: Points, format: Format) -> np.ndarray:
    """Which points lie in the domain, and are as the formula's relation has them."""
    kept = [formula.inputs[name].contains(column, format) for name, column in points.columns.items()]
    return np.logical_and.reduce([formula.keeps(points, format), *kept])


def chosen(place: Place, rows: Any) -> Place:
    """Some of the points."""
    points, component = place
    return points.select(rows), component[rows]


@lru_cache(maxsize=24)  # all routines and halves of a formula in a format have the same points
def _numbered(points: Points) -> np.ndarray:
    """A number for each point, which those that are the same share."""
    columns = [np.zeros((len(points), 1))]  # of a formula without inputs all are
    for column in points.columns.values():
        if isinstance(column, tuple):
            known = {choice: float(number) for number, choice in enumerate(dict.fromkeys(column))}
            columns.append(np.array([[known[choice]] for choice in column]))
        else:
            columns.append(column.double().reshape(len(points), -1).numpy())
    whole = np.ascontiguousarray(np.concatenate(columns, axis=1)) + 0.0  # which has one zero
    return np.unique(whole.view(f"V{whole.itemsize * whole.shape[1]}"), return_inverse=True)[1].ravel()


def firsts(place: Place) -> np.ndarray:
    """Which points repeat none that stands before them."""
    points, component = place
    found = np.zeros(len(points), dtype=bool)
    if len(points):
        numbers = _numbered(points)
        found[np.unique(numbers + component * (numbers.max() + 1), return_index=True)[1]] = True
    return found


def distinct(place: Place) -> Place:
    """The points without repeated ones."""
    first = firsts(place)
    return place if first.all() else chosen(place, np.flatnonzero(first))


def drawn_in(
    formula: Formula,
    format: Format,
    holds: Holds,
    known: Sequence[Place],
    count: int,
    turn: int,
    of: int = POOL,
) -> tuple[list[Place], list[Place]]:
    """About `count` points in a region, of every size of which it has points; others in each turn, up to three.

    First those of `of` points drawn in the whole domain that lie in the region. Where these are too few, others
    besides, which wander in it from there and from the `known` points in it: they are nearer to those than they should
    be.
    """
    outputs = {
        size: 1 + max(int(c.max(initial=0)) for p, c in known if p.size == size)
        for size in {p.size for p, _ in known}
    }
    drawn = pool(formula, format, of)
    whole = [(points, component % outputs.get(points.size, 1)) for points, component in drawn]
    inside = [chosen(place, np.flatnonzero(holds(*place))) for place in whole]
    many = sum(len(points) for points, _ in inside)
    if many >= 3 * count:
        inside = [chosen(place, np.arange(turn % 3, len(place[0]), 3)) for place in inside]
        many = sum(len(points) for points, _ in inside)
    shares = [max(1, count * len(points) // max(many, 1)) for points, _ in inside]
    own = [chosen(p, spread(len(p[0]), share)) for p, share in zip(inside, shares, strict=True) if len(p[0])]
    if many >= count:
        return own, []
    seeds = [chosen(place, np.flatnonzero(holds(*place))) for place in known]
    starts = [joined([place, *(seed for seed in seeds if seed[0].size == place[0].size)]) for place in inside]
    starts = [start for start in starts if len(start[0])]
    rng = np.random.default_rng([SEED, turn])
    found: list[Place] = []
    for start in starts:
        rows = rng.integers(0, len(start[0]), size=-(-count // len(starts)))
        found.append(distinct(wandered(formula, format, holds, chosen(start, rows), rng, range(STRIDES))))
    return own, found


def joined(places: Sequence[Place]) -> Place:
    """Points of one size, one after the other."""
    return Points.concatenate([points for points, _ in places]), np.concatenate([c for _, c in places])


def wandered(
    formula: Formula, format: Format, holds: Holds, place: Place, rng: Generator, strides: range
) -> Place:
    """Each point after some changes, of which those are made that lead to another point in the region."""
    points, component = place
    if not points.columns:  # a formula without inputs has one point
        return place
    others = next(part for part, _ in pool(formula, format) if part.size == points.size)
    for stride in strides:
        trial = _changed(points, others, format, rng, stride)
        moved = within(formula, trial, format)
        moved &= holds(trial, component)
        points = _merged(points, trial, moved)
    return points, component


def _merged(points: Points, trial: Points, moved: np.ndarray) -> Points:
    """The points, with those of the trial where it was made."""
    rows = np.where(moved, len(points), 0) + np.arange(len(points))
    return Points.concatenate([points, trial]).select(rows)


def _changed(points: Points, others: Points, format: Format, rng: Generator, stride: int) -> Points:
    """The points, each changed in one way: an input taken from another point, a number moved, all numbers scaled.

    Mostly a number moves wherever it stands in its point, with either sign: what is equal or opposite remains so.
    """
    columns: dict[str, Any] = dict(points.columns)
    floats = [n for n, c in columns.items() if isinstance(c, torch.Tensor) and c.is_floating_point()]
    count = len(points)
    if stride % 3 == 0 or not floats:
        name = list(columns)[int(rng.integers(len(columns)))]
        columns[name] = others.select(rng.integers(0, len(others), size=count)).columns[name]
        return Points(columns, points.origin, points.size)
    shapes = [columns[name].shape for name in floats]
    flat = [columns[name].double().reshape(count, -1).numpy() for name in floats]
    numbers = np.concatenate(flat, axis=1)
    if stride % 3 == 1:
        place = rng.integers(0, numbers.shape[1], size=(count, 1))
        at = np.take_along_axis(numbers, place, axis=1)
        to, alone = _moved(at[:, 0], format, rng)[:, None], rng.integers(0, 3, size=(count, 1)) == 0
        itself = np.arange(numbers.shape[1]) == place
        here, opposite = np.where(alone, itself, numbers == at), ~alone & (numbers == -at)
        numbers = np.where(here, to, np.where(opposite, -to, numbers))
    else:
        octaves = rng.normal(0, 3, size=(count, 1))
        whole = (
            rng.integers(0, 2, size=(count, 1)) == 0
        )  # a power of two keeps what sums and differences are exactly
        with np.errstate(all="ignore"):
            numbers = numbers * np.exp2(np.where(whole, np.round(octaves), octaves))
    ends = np.cumsum([part.shape[1] for part in flat])[:-1]
    for name, shape, part in zip(floats, shapes, np.split(numbers, ends, axis=1), strict=True):
        columns[name] = format.round(torch.from_numpy(np.ascontiguousarray(part))).reshape(shape)
    return Points(columns, points.origin, points.size)


def _moved(numbers: np.ndarray, format: Format, rng: Generator) -> np.ndarray:
    """Numbers some ordinals away, as many as a power of two that is drawn."""
    ordinals = format.to_ordinals(format.round(torch.from_numpy(numbers))).numpy()
    reach = np.exp2(rng.uniform(0, format.precision + 4, size=len(numbers)))
    first, last = (format.ordinal_of(end) for end in (-format.largest, format.largest))
    places = ordinals + (reach * rng.uniform(-1, 1, size=len(numbers))).astype(np.int64)
    return format.from_ordinals(torch.from_numpy(np.clip(places, first, last))).double().numpy()


def between(formula: Formula, format: Format, one: Points, other: Points, count: int) -> Points:
    """So many points at most on the way from one point to another that made the same choices.

    Each number goes through the ordinals that lie between; an input of which such values lie outside of its domain goes
    straight.
    """
    columns: dict[str, Column] = {}
    share = (np.arange(count) + 1) / (count + 1)
    for name, column in one.columns.items():
        end: Any = other.columns[name]
        if isinstance(column, tuple):
            columns[name] = column * count
            continue
        start, stop = column.double().numpy(), end.double().numpy()
        steps = share.reshape(-1, *(1,) * (start.ndim - 1))
        if not column.is_floating_point():
            columns[name] = torch.from_numpy(np.round(start + (stop - start) * steps)).to(column.dtype)
            continue
        # in extended precision where there is one: float64 has more ordinals than a double has digits
        low, high = (format.to_ordinals(x).numpy().astype(np.longdouble) for x in (column, end))
        way = (low + np.round((high - low) * steps)).astype(np.int64)
        moved = format.from_ordinals(torch.from_numpy(np.broadcast_to(way, (count, *low.shape[1:])).copy()))
        outside = ~formula.inputs[name].contains(moved, format)
        if outside.any():
            with np.errstate(all="ignore"):
                straight = format.round(torch.from_numpy(start + (stop - start) * steps))
            moved = torch.where(
                torch.from_numpy(outside.reshape(-1, *(1,) * (moved.ndim - 1))), straight, moved
            )
        columns[name] = moved
    points = Points(columns, np.full(count, "given", dtype="<U7"), one.size)
    return points.select(within(formula, points, format))
