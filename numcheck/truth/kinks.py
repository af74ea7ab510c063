"""Slopes at points where ties hang together: each side of them by itself, and what lies between.

An interval of a share at each of several ties lets more pass than any of their sides has: max(x, 0) - max(-x, 0) is x,
and the shares of 0 and 1 that its slope at 0 could be made of give all between 0 and 2. Where two ties compare
differences of parallel gradients, one of them decides the other. So both sides of such a tie are evaluated, with all
that hang on it, and the slope is between those two. Ties that are not known to hang on it keep their intervals, and
what is told of one tie after another holds at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula
from numcheck.domain import Points
from numcheck.reals.arb import ARB, Ball
from numcheck.reals.arithmetic import UNDECIDED, YES
from numcheck.reals.arrays import Reals, as_reals, broadcast, compare, reshape
from numcheck.reals.evaluation import side_by_side
from numcheck.reals.tape import Ties, gradient, one_hot, ties
from numcheck.truth.batches import lifted

MOST = 64
"""Ties of a point up to which each is looked at; of more the intervals are kept."""

Sides = Mapping[int, np.ndarray]


def hanging_together(met: Ties) -> np.ndarray:
    """The lanes that met more than one share, of which any two may hang together."""
    shares = np.zeros(len(met.lanes), dtype=np.int64)
    for x, y, tied in met.compared.values():
        shares += (np.asarray(tied) == YES).reshape(len(tied), -1).sum(axis=1) * (x.traced + y.traced)
    return shares > 1


def slopes_between_sides(formula: Formula, points: Points, component: np.ndarray) -> np.ndarray:
    """Balls of the gradient, (N, n), of one group of points at the present precision.

    Points whose ties stand at too many places together are looked at by halves, so that none hangs on its company.
    """
    lanes, arguments = len(points), lifted(formula, points, ARB, True)
    value = as_reals(formula(*arguments.values()), ARB)
    flat = reshape(value, (int(np.prod(value.shape)),))
    picked = one_hot(flat, np.arange(flat.shape[0]) == (component % flat.shape[0])[:, None])
    by = [arguments[name] for name in formula.wrt]

    def slopes(sides: Sides | None = None) -> tuple[np.ndarray, Ties]:
        with ties(lanes, sides) as met:
            return side_by_side(gradient(flat, picked, by), by, lanes).data, met

    told, met = slopes()
    if lanes > 1 and len(_places(met)) > MOST:
        halves = np.array_split(np.arange(lanes), 2)
        return np.concatenate(
            [slopes_between_sides(formula, points.select(half), component[half]) for half in halves]
        )
    for sides in _decisions(met, by, lanes):
        up, down = (slopes({serial: sign * side for serial, side in sides.items()})[0] for sign in (1, -1))
        told = _shared(told, ARB.select(np.full(told.shape, UNDECIDED), up, down))
    return told


def _shared_by(x: Ball, y: Ball) -> Ball:
    """What two balls of one number share; only finite ones are compared."""
    return x.intersection(y) if x.is_finite() and y.is_finite() else x


_shared: Any = np.frompyfunc(_shared_by, 2, 1)


def _decisions(met: Ties, by: Sequence[Reals], lanes: int) -> Iterator[Sides]:
    """For one tie after the other, which sides of all ties go with its upper one; 0 where that is not known."""
    places = _places(met)
    if len(places) > MOST:
        return
    shapes = {serial: (lanes, *tied.shape[1:]) for serial, (_, _, tied) in met.compared.items()}
    here = np.array([_flat(met.compared[serial][2], lanes)[:, k] == YES for serial, k in places])
    steepness = [
        _steepness(*met.compared[serial][:2], shapes[serial][1:], k, by, lanes) for serial, k in places
    ]
    done = np.zeros((len(places), lanes), dtype=bool)
    for i in range(len(places)):
        along = {j: _along(steepness[i], steepness[j]) * here[i] * here[j] for j in range(i, len(places))}
        asked = (along[i] != 0) & ~done[i]
        if not asked.any():
            continue
        sides = {
            serial: np.zeros((lanes, int(np.prod(shape[1:]))), np.int8) for serial, shape in shapes.items()
        }
        for j, sign in along.items():
            serial, k = places[j]
            sides[serial][:, k] = sign * asked
            done[j] |= (sign != 0) & asked
        yield {serial: side.reshape(shapes[serial]) for serial, side in sides.items()}


def _places(met: Ties) -> list[tuple[int, int]]:
    """Where some point met a tie: the serial of what was compared for, and a place in it."""
    return [
        (serial, k)
        for serial, (_, _, tied) in met.compared.items()
        for k in np.flatnonzero((tied == YES).reshape(len(tied), -1).any(axis=0)).tolist()
    ]


def _flat(tied: np.ndarray, lanes: int) -> np.ndarray:
    flat = tied.reshape(len(tied), -1)
    return np.broadcast_to(flat, (lanes, flat.shape[1]))


def _steepness(x: Reals, y: Reals, shape: tuple[int, ...], k: int, by: Sequence[Reals], lanes: int) -> Reals:
    """The gradient, (lanes, n), of the difference of what is compared at place k of two arrays."""
    difference = reshape(broadcast(x - y, shape), (int(np.prod(shape)),))
    hot = one_hot(difference, np.arange(difference.shape[0]) == np.full((lanes, 1), k))
    slopes = gradient(difference, hot, by) if difference.traced else [None] * len(by)
    return side_by_side(slopes, by, lanes)


def _along(one: Reals, other: Reals) -> np.ndarray:
    """In each lane 1 where two gradients have the same direction, -1 where opposite ones, 0 where neither is known."""
    if one is other:
        return np.ones(one.lanes, dtype=np.int64)  # a tie has two sides, whatever is known of its gradient
    signs = [_signs(each) for each in (one, other)]
    lanes = np.arange(one.lanes)
    first = np.argmax(np.abs(signs[0]) == 1, axis=1)  # a component that is not zero
    p, q = (Reals(ARB, each.data[lanes, first][:, None]) for each in (one, other))
    parallel = compare("eq", one * q, other * p).states == YES
    parallel[lanes, first] = True  # by itself, whatever else is known of it
    told = signs[0][lanes, first] * signs[1][lanes, first]
    return np.where(parallel.all(axis=1) & (np.abs(told) == 1), told, 0)


def _signs(x: Reals) -> np.ndarray:
    """1 and -1 by the sign, 0 for zero, 2 where that is not known."""
    above, below = (compare(name, x, 0).states for name in ("gt", "lt"))
    known = (above != UNDECIDED) & (below != UNDECIDED)
    return np.where(known, (above == YES) * 1 - (below == YES) * 1, 2)
