"""Where in a wide format a function of one number errs most: inputs that were searched, for there are too many to try.

The search of `runs.search` asks about one input after another and ends at the first that breaks a promise. Here a
largest error is looked for, no promise is asked about, and a thousand inputs share a call and cost Arb no more each: so
it goes in rounds. The first are those that a check draws (corners, every magnitude, data), around the page's marks and
bounds and around inputs at which the narrower formats lose digits. Each further round looks between two neighbours
where what is given changes its kind, as where results become subnormal, zero or infinite, until these are next to each
other; and beside the largest errors of all magnitudes. The same seed searches the same inputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numcheck.declaration.formulas import Formula
from numcheck.domain import Points, Space, continuous, draw, real
from numcheck.formats import Format
from numcheck.runs.sweep.largest import (
    LOST,
    UNJUDGED,
    Part,
    closely_known,
    defined,
    halves,
    inputs_of,
    judge_of,
    parts_of,
    result_of,
)
from numcheck.runs.sweep.plan import Plan

SEED = 0
FIRST = 12_000
"""Inputs that are drawn at first."""
ROUNDS = 18
"""So many rounds find where a kind changes, to the last bit: 9**18 inputs, for some 2**52 lie between drawn ones."""
BETWEEN = 8
"""Inputs between two neighbours that a round tries."""
CHANGES, LARGEST = 32, 12
"""Changes of kind that a round looks at, and magnitudes at which the errors are largest, for each part."""
CLOSE = 3
"""Numbers beside each mark that are tried, too."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was tried, increasing: ordinals, for each of them the errors of all parts, and what kinds they are of."""

    places: np.ndarray
    errors: np.ndarray
    kinds: np.ndarray

    def with_more(self, more: "_Seen") -> "_Seen":
        order = np.argsort(np.concatenate([self.places, more.places]), kind="stable")
        return _Seen(
            np.concatenate([self.places, more.places])[order],
            np.concatenate([self.errors, more.errors])[order],
            np.concatenate([self.kinds, more.kinds])[order],
        )


def searched(
    formula: Formula, format: Format, plan_of: Callable[[Space], Plan], marks: Sequence[float] = ()
) -> Space:
    """The inputs at which a function is measured in a format with too many of them; `marks` are looked at closely."""
    ((name, domain),) = continuous(formula.inputs).items()
    ends = [end for end in (getattr(domain, "low", 0.0), getattr(domain, "high", 0.0)) if np.isfinite(end)]
    near = (*getattr(domain, "near", ()), *ends, *marks)
    every = real(-torch.inf, torch.inf, near)
    first = np.concatenate(
        [
            *(_places(points, format) for points in draw({name: every}, format, FIRST, SEED, formula.name)),
            _beside(np.array([format.ordinal_of(x) for x in (*marks, 0.0, -0.0)], dtype=np.int64)),
            [format.lowest_ordinal, format.highest_ordinal],
        ]
    )

    def space(places: np.ndarray) -> Space:
        return Space({name: every}, format, {name: tuple(np.unique(places).tolist())})

    def tried(places: np.ndarray) -> _Seen:
        inside = (places >= format.lowest_ordinal) & (places <= format.highest_ordinal)
        return _measured(plan_of(space(places[inside])))

    seen = tried(first)
    for _ in range(ROUNDS):
        new = np.setdiff1d(_next(seen), seen.places)
        if not new.size:
            break
        seen = seen.with_more(tried(new))
    return space(seen.places)


def _places(points: Points, format: Format) -> np.ndarray:
    (column,) = inputs_of(points)
    return format.to_ordinals(column).numpy()


def _beside(places: np.ndarray) -> np.ndarray:
    return (places[:, None] + np.arange(-CLOSE, CLOSE + 1)).ravel()


def _measured(plan: Plan) -> _Seen:
    """The errors at all points of a plan, and the kinds, by what the truth is and what was given."""
    points = plan.space.at(range(plan.space.size))
    errors: list[np.ndarray] = []
    kinds: list[np.ndarray] = []
    for part in (part for of in halves(plan.formula) for part in parts_of(plan.formula, of)):
        error, kind = _judged(plan, part, points)
        errors.append(error)
        kinds.append(kind)
    (places,) = plan.space.ordinals.values()
    return _Seen(np.array(places, dtype=np.int64), np.stack(errors, axis=1), np.stack(kinds, axis=1))


def _judged(plan: Plan, part: Part, points: Points) -> tuple[np.ndarray, np.ndarray]:
    limits, inside = defined(plan, part), torch.zeros(len(points), dtype=torch.bool)
    inside[limits.start : limits.stop] = True
    known, got = closely_known(plan, part, points, inside), result_of(plan, plan.routines[0], part, points)
    error, kind = judge_of(plan, known, inside)(got)
    # told apart: a zero, an infinity and NaN from other numbers, and what is asked for from what is not
    given = (got == 0).int() + 2 * got.isinf().int() + 3 * got.isnan().int()
    judged = (kind != UNJUDGED) & (kind != LOST)
    return torch.where(judged, error, -1.0).numpy(), (4 * kind.int() + given).numpy()


def _next(seen: _Seen) -> np.ndarray:
    """What to try next: between neighbours of different kinds, and on both sides of the largest errors."""
    places, found = seen.places, set[int]()
    changes = np.flatnonzero((seen.kinds[1:] != seen.kinds[:-1]).any(axis=1) & (np.diff(places) > 1))
    # the widest gaps first, for they are the least known
    widest = changes[np.argsort(-np.diff(places)[changes], kind="stable")][:CHANGES]
    found.update(widest.tolist())
    magnitude = np.abs(places) >> 52
    for error in seen.errors.T:
        order = np.argsort(-error, kind="stable")
        _, firsts = np.unique(magnitude[order], return_index=True)
        for at in order[np.sort(firsts)[:LARGEST]].tolist():
            found.update(range(max(at - 1, 0), min(at + 1, len(places) - 1)))
    gaps = np.array(sorted(found), dtype=np.int64)
    low, wide = places[gaps, None], (places[gaps + 1] - places[gaps])[:, None]
    steps, parts = np.arange(1, BETWEEN + 1), BETWEEN + 1
    return np.unique(low + wide // parts * steps + wide % parts * steps // parts)
