"""The region around a failing point, found between ordinals that fail and that pass; and its simplest point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
import torch

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Fate
from numcheck.diagnosis.questions import Question, Search, asked
from numcheck.domain import Points, continuous, magnitude
from numcheck.formats import Format
from numcheck.measure import Measurement, RoutineError

SECTIONS = 16  # a search for a border divides its interval into so many at a time
CALM = 3  # so many passing neighbours in a row end a region
RESOLUTION = 14  # bits to which a border is searched; regions print four digits

Probe = Callable[[Points], Search[np.ndarray]]
"""A search that tells of each point whether it fails."""


def prober(measurement: Measurement, row: int) -> Probe:
    """Does the measured routine meet the fate at a point that it met at `row`?

    A vector's component is kept. Only `over` depends on what conditioning forgives; the other fates spare that work.
    """
    fate, component = measurement.judgement.worst.fate[row], int(measurement.component[row])

    def meets(points: Points) -> Search[np.ndarray]:
        question = Question(measurement, points, component, conditioning=fate == Fate.OVER)
        (found,) = yield from asked([question])
        return found.judgement.worst.fate == fate

    return meets


def surroundings(formula: Formula, point: Points, fails: Probe, format: Format) -> Search[tuple[str, Points]]:
    """The region of failing points around this one, in words, and the simplest of them."""
    try:
        ranges = yield from failing_ranges(formula, point, fails, format)
        simple = yield from simplest(formula, point, fails, ranges, format)
    except RoutineError as failure:  # the contract may be broken elsewhere: the point stands without a region
        return f"near the examples (the search stopped: {failure})", point
    return region(formula, point, ranges), simple


Ranges = Mapping[str, tuple[float, float]]
"""For each real input the ends of a failing stretch; infinite where the domain ends first."""


def region(formula: Formula, point: Points, ranges: Ranges) -> str:
    """The stretch around a failing point at which the routine fails too, in words."""
    parts: list[str] = []
    for name, (low, high) in ranges.items():
        label = name if point.columns[name].ndim == 1 else f"max|{name}|"  # type: ignore[union-attr]
        if low == high:
            parts.append(f"{label} = {low:.4g}")
        elif low > -inf:
            parts.append(f"{low:.4g} <= {label} <= {high:.4g}" if high < inf else f"{label} >= {low:.4g}")
        elif high < inf:
            parts.append(f"{label} <= {high:.4g}")
    fixed = [
        f"{name} {column[0] if isinstance(column, tuple) else column[0].long().tolist()}"
        for name, column in point.columns.items()
        if not formula.inputs[name].differentiable
    ]
    where = " and ".join(parts) or "everywhere in the domain"
    return f"{where} with {', '.join(fixed)}" if fixed else where


@dataclass
class _Border:
    """A search along one input's ordinals for the end of a failing stretch."""

    name: str
    upwards: bool
    inside: int
    outside: int
    open: bool
    reached: bool  # the failing stretch goes on to the end of the domain

    def steps(self) -> np.ndarray:
        steps = np.unique(np.linspace(self.inside, self.outside, SECTIONS + 1).round().astype(np.int64))
        return steps if self.upwards else steps[::-1].copy()

    def narrowed(self, steps: np.ndarray, hit: np.ndarray, coarse: int) -> None:
        hit[0] = True  # the failing end itself
        # a speckled border belongs to the region: it ends where several neighbours in a row pass
        calm = [not hit[i : i + CALM].any() for i in range(len(hit))]
        if any(calm):
            first = calm.index(True)
            self.inside, self.outside = int(steps[first - 1]), int(steps[first])
        else:
            self.reached = True
        self.open = not self.reached and abs(self.outside - self.inside) > coarse

    def end(self, format: Format) -> float:
        if self.reached:
            return inf if self.upwards else -inf
        return float(format.from_ordinals(torch.tensor([self.inside]))[0])


def failing_ranges(formula: Formula, point: Points, fails: Probe, format: Format) -> Search[Ranges]:
    """How far the failure reaches from a failing point, one real input at a time, found by sections of ordinals.

    What varies is its magnitude: for a vector that of its largest component, the others as the kind has it.
    """
    coarse = max(1, 1 << max(0, format.precision - RESOLUTION))
    reals = continuous(formula.inputs)
    columns = {name: column for name, column in point.columns.items() if isinstance(column, torch.Tensor)}
    borders: list[_Border] = []
    for name, domain in reals.items():
        start = magnitude(columns[name])
        if not torch.isfinite(start).all():
            continue
        anchor = int(format.to_ordinals(format.round(start))[0])
        for bound, upwards in zip(domain.extent(columns[name], format), (False, True), strict=True):
            outside = int(format.to_ordinals(format.round(torch.tensor([bound], dtype=torch.float64)))[0])
            apart = outside > anchor if upwards else outside < anchor
            borders.append(_Border(name, upwards, anchor, outside, apart, not apart))
    while active := [border for border in borders if border.open]:
        steps = [border.steps() for border in active]
        moved: list[Points] = []
        for border, ordinals in zip(active, steps, strict=True):
            magnitudes = format.from_ordinals(torch.from_numpy(ordinals)).double()
            column = reals[border.name].moved(columns[border.name], magnitudes, format)
            moved.append(point.with_each(border.name, column))
        hits = yield from fails(Points.concatenate(moved))
        parts = np.split(hits, np.cumsum([len(s) for s in steps])[:-1])
        for border, taken, hit in zip(active, steps, parts, strict=True):
            border.narrowed(taken, hit, coarse)
    pairs = zip(borders[::2], borders[1::2], strict=True)
    return {low.name: (low.end(format), high.end(format)) for low, high in pairs}


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


def simplest(formula: Formula, point: Points, fails: Probe, ranges: Ranges, format: Format) -> Search[Points]:
    """A failing point in the same stretch, as short as rounding each input of this one can make it."""
    best = point
    for name, domain in continuous(formula.inputs).items():
        column = best.columns[name]
        assert isinstance(column, torch.Tensor)
        shorter = domain.shortenings(column, format)
        (low, high), sizes = ranges.get(name, (-inf, inf)), magnitude(shorter).numpy()
        inside = np.flatnonzero(domain.contains(shorter, format) & (low <= sizes) & (sizes <= high))
        if not inside.size:
            continue
        trial = best.with_each(name, shorter[torch.from_numpy(inside)])
        trial = trial.select(np.argsort(complexity(trial), kind="stable"))
        hits = np.flatnonzero((yield from fails(trial)))
        if hits.size:
            found = trial.select(hits[:1])
            if complexity(found)[0] < complexity(best)[0]:
                best = found
    return best
