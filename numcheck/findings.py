"""Findings: what a reader is told of the points that failed for one cause.

A finding carries the region of inputs where its cause strikes, found by searching the ordinals between a failing and
a passing input, with the worst and the simplest example.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numcheck.case import Cause, Fate, Formula
from numcheck.diagnose import Diagnosis
from numcheck.domain import Domain, Points, Simplex, contains
from numcheck.formats import Format
from numcheck.measure import FATES, Measurement, RoutineError
from numcheck.probing import Question, Search, asked, beside
from numcheck.reals.settle import PROVED

SECTIONS = 16  # a search for a border divides its interval into so many at a time
CALM = 3  # so many passing neighbours in a row end a region
RESOLUTION = 14  # bits to which a border is searched; regions print four digits


@dataclass(frozen=True, eq=False)
class Finding:
    """One cause in one measurement: where it strikes and what it costs."""

    measurement: Measurement
    cause: Cause
    points: int
    region: str
    bits_lost: float
    operator: str | None
    line: str | None
    worst: int
    simplest: Points
    component: int
    """The output whose gradient the examples are of; 0 for a formula with one."""
    forgiven: bool
    gap: str | None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        from numcheck.diagnosis.causes import FACTS

        return FACTS[self.cause].remedy


@dataclass(frozen=True, eq=False)
class Cluster:
    """The points of one measurement that failed for one cause, the worst first."""

    measurement: Measurement
    cause: Cause
    rows: np.ndarray
    culprit: tuple[str, str] | None
    forgiven: bool = False

    @property
    def bits_lost(self) -> float:
        """Significand bits lost at the worst point: log2 of the error in ulps, at most all of them."""
        judged = self.measurement.judgement
        error = float(judged.of_points()[2][self.rows[0]])
        if not np.isfinite(error):
            return float(judged.format.precision)
        return float(np.clip(np.log2(max(error, 1.0)), 0, judged.format.precision))


def clusters(measurement: Measurement, diagnosis: Diagnosis) -> list[Cluster]:
    """Failing points by cause, and the points whose error only conditioning forgives as `sensitivity`."""
    judged = measurement.judgement
    fates, spent, error = judged.of_points()
    found: list[Cluster] = []
    met = set(diagnosis.causes.tolist())
    for cause in Cause:
        if cause in met:
            rows = np.flatnonzero(diagnosis.causes == cause)
            order = np.argsort(-np.nan_to_num(spent[rows], nan=np.inf), kind="stable")
            found.append(Cluster(measurement, cause, rows[order], diagnosis.culprits.get(cause)))
    budget = measurement.routine.value if measurement.of == "value" else measurement.routine.grad
    assert budget is not None
    proved = (judged.truth.state == PROVED).all(axis=1)
    rows = np.flatnonzero((fates == FATES.index(Fate.WITHIN)) & (error > budget.ulps) & proved)
    if rows.size:
        found.append(Cluster(measurement, Cause.SENSITIVITY, rows[np.argsort(-error[rows])], None, True))
    return found


def findings(found: Sequence[Cluster], gaps: Mapping[Cause, str]) -> Search[list[Finding]]:
    """One finding for each cause, gravest first; of several clusters with one cause the gravest speaks for all."""
    by_cause: dict[Cause, list[Cluster]] = {}
    for cluster in found:
        by_cause.setdefault(cluster.cause, []).append(cluster)
    searches: list[Search[Finding]] = []
    for alike in by_cause.values():
        gravest = max(alike, key=lambda c: (c.bits_lost, len(c.rows)))
        searches.append(_finding(gravest, sum(len(c.rows) for c in alike), gaps))
    told = yield from beside(searches)
    return sorted(told, key=lambda f: (f.forgiven, f.gap is not None, -f.points))


def _finding(cluster: Cluster, points: int, gaps: Mapping[Cause, str]) -> Search[Finding]:
    measurement, rows = cluster.measurement, cluster.rows
    formula, format = measurement.routine.formula, measurement.format
    fates, _, _ = measurement.judgement.of_points()
    worst = int(rows[0])
    alike = rows[fates[rows] == fates[worst]]
    row = int(alike[np.argmin(complexity(measurement.points.select(alike)))])
    anchor = simple = measurement.points.select(np.array([row]))
    where = "scattered, where the condition number is large"
    if not cluster.forgiven:
        where, simple = yield from surroundings(formula, anchor, prober(measurement, row), format)
    operator, line = cluster.culprit or (None, None)
    gap = gaps.get(cluster.cause)
    return Finding(
        measurement,
        cluster.cause,
        points,
        where,
        cluster.bits_lost,
        operator,
        line,
        worst,
        simple,
        int(measurement.component[row]) if measurement.of == "grad" else 0,
        cluster.forgiven,
        gap,
    )


# Regions and examples ---------------------------------------------------------------------------------------------

Probe = Callable[[Points], Search[np.ndarray]]
"""A search that tells of each point whether it fails."""


def prober(measurement: Measurement, row: int) -> Probe:
    """Does the measured routine meet the fate at a point that it met at `row`?

    A vector's component is kept. Only `over` depends on what conditioning forgives; the other fates spare that work.
    """
    fate, component = measurement.judgement.of_points()[0][row], int(measurement.component[row])

    def meets(points: Points) -> Search[np.ndarray]:
        question = Question(measurement, points, component, conditioning=FATES[fate] is Fate.OVER)
        (found,) = yield from asked([question])
        return found.judgement.of_points()[0] == fate

    return meets


def surroundings(formula: Formula, point: Points, fails: Probe, format: Format) -> Search[tuple[str, Points]]:
    """The region of failing points around this one, in words, and the simplest of them."""
    try:
        ranges = yield from failing_ranges(formula, point, fails, format)
        simple = yield from simplest(formula, point, fails, ranges, format)
    except RoutineError as failure:  # the contract may be broken elsewhere: the point stands without a region
        return f"near the examples (the search stopped: {failure})", point
    return region(formula, point, ranges), simple


Ranges = Mapping[str, tuple[float | None, float | None]]
"""For each real input the ends of a failing stretch; None where the domain ends first."""


def region(formula: Formula, point: Points, ranges: Ranges) -> str:
    """The stretch around a failing point at which the routine fails too, in words."""
    parts: list[str] = []
    for name, (low, high) in ranges.items():
        label = name if point.columns[name].ndim == 1 else f"max|{name}|"  # type: ignore[union-attr]
        if low is None and high is None:
            continue
        if low is None:
            parts.append(f"{label} <= {_short(high)}")
        elif high is None:
            parts.append(f"{label} >= {_short(low)}")
        elif low == high:
            parts.append(f"{label} = {_short(low)}")
        else:
            parts.append(f"{_short(low)} <= {label} <= {_short(high)}")
    fixed = [
        f"{name} {column[0] if isinstance(column, tuple) else int(column[0])}"
        for name, column in point.columns.items()
        if not formula.inputs[name].differentiable
    ]
    where = " and ".join(parts) or "everywhere in the domain"
    return f"{where} with {', '.join(fixed)}" if fixed else where


def _short(x: float | None) -> str:
    return "" if x is None else f"{x:.4g}"


def _moved(point: Points, name: str, domain: Domain, ordinals: np.ndarray, format: Format) -> Points:
    """Copies of a point with one input given other values: numbers, or a vector's largest magnitude.

    The other entries keep their proportions; those of a simplex share what its largest leaves of one.
    """
    count = len(ordinals)
    repeated = point.select(np.zeros(count, dtype=int))
    column = repeated.columns[name]
    assert isinstance(column, torch.Tensor)
    values = format.from_ordinals(torch.from_numpy(ordinals)).double()
    values = values.reshape(count, *(1,) * (column.ndim - 1))
    wide = column.double()
    if isinstance(domain, Simplex):
        largest = torch.arange(wide.shape[1]) == wide[0].argmax()
        moved = torch.where(largest, values, (1 - values) * _sharing(wide[0]))
    elif column.ndim == 1:
        moved = values
    else:
        moved = wide * (values / wide[0].abs().max())
    columns = dict(repeated.columns)
    columns[name] = format.round(moved)
    return Points(columns, repeated.origin, point.size)


def _sharing(shares: torch.Tensor) -> torch.Tensor:
    """What part of that which the largest share leaves of one each other share has; equal parts of nothing."""
    others = torch.arange(len(shares)) != shares.argmax()
    parts = torch.where(others, shares if shares[others].any() else torch.ones_like(shares), 0.0)
    return parts / parts.sum()


@dataclass
class _Border:
    """A search along one input's ordinals for the end of a failing stretch."""

    name: str
    upwards: bool
    inside: int
    outside: int
    open: bool = True
    reached: bool = False  # the failing stretch goes on to the end of the domain

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


def failing_ranges(formula: Formula, point: Points, fails: Probe, format: Format) -> Search[Ranges]:
    """How far the failure reaches from a failing point, one real input at a time, found by sections of ordinals.

    For a vector the magnitude of its largest component is varied, the others in proportion; see `_moved`.
    """
    coarse = max(1, 1 << max(0, format.precision - RESOLUTION))
    borders: list[_Border] = []
    for name, domain in formula.inputs.items():
        column = point.columns[name]
        if not domain.differentiable or not isinstance(column, torch.Tensor):
            continue
        scalar = column.ndim == 1
        start = column if scalar else column.reshape(1, -1).abs().amax(1)
        if not torch.isfinite(start).all() or (not scalar and float(start[0]) == 0):
            continue
        anchor = int(format.to_ordinals(start)[0])
        for bound, upwards in zip(_bounds(domain, column, format), (False, True), strict=True):
            outside = int(format.to_ordinals(format.round(torch.tensor([bound], dtype=torch.float64)))[0])
            apart = outside > anchor if upwards else outside < anchor
            borders.append(_Border(name, upwards, anchor, outside, apart, not apart))
    while any(border.open for border in borders):
        active = [border for border in borders if border.open]
        steps = [border.steps() for border in active]
        moved = [
            _moved(point, border.name, formula.inputs[border.name], ordinals, format)
            for border, ordinals in zip(active, steps, strict=True)
        ]
        hits = yield from fails(Points.concatenate(moved))
        parts = np.split(hits, np.cumsum([len(s) for s in steps])[:-1])
        for border, taken, hit in zip(active, steps, parts, strict=True):
            border.narrowed(taken, hit, coarse)
    ends: dict[str, tuple[float | None, float | None]] = {}
    for low, high in zip(borders[::2], borders[1::2], strict=True):
        at = [
            None if b.reached else float(format.from_ordinals(torch.tensor([b.inside]))[0])
            for b in (low, high)
        ]
        ends[low.name] = (at[0], at[1])
    return ends


def _bounds(domain: Domain, column: torch.Tensor, format: Format) -> tuple[float, float]:
    """The least and the most that a number, or a vector's largest magnitude, may become."""
    if isinstance(domain, Simplex):
        # where the next share has grown as large, the largest ends to be that
        following = float(_sharing(column[0].double()).max()) if column.shape[1] > 1 else math.inf
        return 1 / (1 + 1 / following), 1.0
    low, high = float(getattr(domain, "low", 0.0)), float(getattr(domain, "high", format.largest))
    low, high = max(low, -format.largest), min(high, format.largest)
    return (low, high) if column.ndim == 1 else (format.smallest_subnormal, max(abs(low), abs(high)))


def complexity(points: Points) -> np.ndarray:
    """How much ink a point takes: significand bits and exponents of its numbers."""
    total = np.zeros(len(points))
    for column in points.columns.values():
        if isinstance(column, tuple):
            continue
        x = column.double().numpy().reshape(len(points), -1)
        mantissa, exponent = np.frexp(np.where(np.isfinite(x), x, 0.0))
        whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)
        trailing = np.where(
            whole == 0, 53, np.log2((whole & -whole).astype(np.float64) + (whole == 0)).astype(int)
        )
        total += np.where(x == 0, 0, 1 + (53 - trailing) + np.abs(exponent - 1) / 2 + (x < 0) / 4).sum(axis=1)
        total += 50 * (~np.isfinite(x)).sum(axis=1)
        total += (1 - 0.5 ** x.shape[1]) if x.shape[1] > 1 else 0
    return total


def simplest(formula: Formula, point: Points, fails: Probe, ranges: Ranges, format: Format) -> Search[Points]:
    """A failing point in the same stretch, as short as rounding each input of this one can make it."""
    best = point
    for name, domain in formula.inputs.items():
        if not domain.differentiable:
            continue
        column = best.columns[name]
        assert isinstance(column, torch.Tensor)
        shorter = _shortenings(column.double().numpy(), domain, format)
        candidates = best.select(np.zeros(len(shorter), dtype=int))
        columns = dict(candidates.columns)
        rounded = columns[name] = format.round(torch.from_numpy(shorter))
        trial = Points(columns, candidates.origin, best.size)
        inside = contains(domain, rounded, format) & _between(rounded, ranges.get(name, (None, None)))
        trial = trial.select(np.flatnonzero(inside))
        if not len(trial):
            continue
        order = np.argsort(complexity(trial), kind="stable")
        hits = np.flatnonzero((yield from fails(trial.select(order))))
        if hits.size:
            found = trial.select(order[hits[:1]])
            if complexity(found)[0] <= complexity(best)[0]:
                best = found
    return best


def _between(column: torch.Tensor, ends: tuple[float | None, float | None]) -> np.ndarray:
    numbers = column.double().numpy()
    sizes = numbers if numbers.ndim == 1 else np.abs(numbers).reshape(len(numbers), -1).max(axis=1)
    low, high = (-np.inf if ends[0] is None else ends[0]), (np.inf if ends[1] is None else ends[1])
    return (low <= sizes) & (sizes <= high)


def _shortenings(x: np.ndarray, domain: Domain, format: Format) -> np.ndarray:
    versions = [x]
    for bits in (1, 2, 3, 4, 6):
        mantissa, exponent = np.frexp(x)
        for rounding in (np.round, np.floor, np.ceil):
            versions.append(np.ldexp(rounding(mantissa * 2.0**bits) * 2.0**-bits, exponent))
    for number in (0.0, 1.0, -1.0, 2.0, -2.0, 10.0, -10.0, 20.0, -20.0, 100.0, -100.0):
        versions.append(np.full_like(x, number))
    if isinstance(domain, Simplex):
        versions += [np.round(x * 2.0**bits) * 2.0**-bits for bits in range(1, 7)]
        largest = int(x[0].argmax())
        versions += [row for shares in versions for row in _completed(shares[0], largest, format)]
    return np.concatenate(versions)


def _completed(shares: np.ndarray, place: int, format: Format) -> list[np.ndarray]:
    """The row of shares that the entry at this place brings to a sum of one; none where the format has no such."""
    others = np.delete(shares, place).tolist()
    left = math.fsum([1.0, *(-share for share in others)])
    exact = math.fsum([left, *others, -1.0]) == 0
    exact &= float(format.round(torch.tensor(left, dtype=torch.float64))) == left
    return [np.insert(others, place, left)[None]] if exact else []
