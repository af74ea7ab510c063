"""The three quantities reported for every routine and format: underflow, cancellation, scaling; and laws measured.

Underflow: points whose result became subnormal or zero though the truth is normal. Cancellation: leading bits that
one subtraction removed. Scaling: the error along a ladder of powers of two applied to the inputs, the scales at which
the budget holds, and how far a routine strays from the homogeneity that the formula has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.case import FAILING, Formula, Routine
from numcheck.diagnose import Records, unless_untraceable
from numcheck.domain import Points, continuous
from numcheck.findings import failing_ranges, prober, region
from numcheck.formats import Format
from numcheck.measure import FATES, Measurement, RoutineError, measure
from numcheck.probing import Search
from numcheck.reals import arrays as m
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals
from numcheck.reals.settle import PROVED, Enclosure, precision
from numcheck.trace import Trace
from numcheck.truth import Truth, groups, lifted, settle

CANCELLATION_POINTS = 65  # odd, so that no other axis is mistaken for the lanes
RUNGS = 8  # base points of the scale ladder


def figure(x: float) -> float | str:
    """A JSON number of six digits; infinities and not-a-number as words."""
    if np.isfinite(x):
        return float(f"{float(x):.6g}")
    return "nan" if np.isnan(x) else ("inf" if x > 0 else "-inf")


def _underflowed(measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """(points, elements) whose result is subnormal or zero though the truth is normal."""
    judged = measurement.judgement
    normal = (judged.truth.exponent - 1 >= judged.format.min_exponent) & (judged.truth.high != 0)
    proved = (judged.truth.state == PROVED) & np.isfinite(judged.truth.high)
    rows, elements = np.nonzero(normal & proved & (np.abs(judged.got) < judged.format.smallest_normal))
    return rows, elements


def underflow(parts: Sequence[Measurement]) -> Search[dict[str, Any]]:
    """Share of points and of true magnitude that became subnormal or zero, and where that begins."""
    points = lost = total = 0.0
    begins: str | None = None
    struck = 0
    for part in parts:
        rows, elements = _underflowed(part)
        points += len(part.points)
        struck += len(np.unique(rows))
        exact = np.abs(np.where(part.judgement.truth.state == PROVED, part.judgement.truth.nearest(), 0.0))
        exact = np.where(np.isfinite(exact), exact, 0.0)
        with np.errstate(over="ignore"):
            total += float(exact.sum())
        lost += float((exact[rows, elements] - np.abs(part.judgement.got[rows, elements])).sum())
        if rows.size and begins is None:
            anchor = int(rows[np.argmax(np.abs(exact[rows, elements]))])
            try:
                formula, point = part.routine.formula, part.points.select(np.array([anchor]))
                ranges = yield from failing_ranges(formula, point, prober(part, anchor), part.format)
                begins = region(formula, point, ranges)
            except RoutineError as failure:  # the contract may be broken elsewhere: the share stands alone
                begins = f"unknown (the search stopped: {failure})"
    return {
        "share": figure(struck / max(points, 1)),
        "magnitude_lost": figure(lost / total if total else 0.0),
        "begins": begins,
    }


def cancellations(measurements: Sequence[Measurement]) -> dict[str, dict[str, Any] | None]:
    """Per value and gradient the most leading bits that one subtraction removed, and its line; None if untraceable.

    `measurements` are of one run over the same points, the gradient last where there is one.
    """
    part = measurements[-1]
    rows = np.unique(np.linspace(0, len(part.points) - 1, CANCELLATION_POINTS).astype(int))
    ((_, record),) = Records(part, rows, 1).groups
    return {
        measurement.of: unless_untraceable(
            record, _most_cancelled_in("forward" if measurement.of == "value" else "backward")
        )
        for measurement in measurements
    }


def _most_cancelled_in(phase: str) -> Callable[[Trace], dict[str, Any]]:
    """Tells of a trace what cancelled most in its forward or backward pass."""

    def tell(record: Trace) -> dict[str, Any]:
        most: dict[str, Any] = {"bits": 0.0, "operator": None, "line": None}
        for operation in record.operations:
            if operation.phase != phase or not operation.cancelled_bits.any():
                continue
            # bits that were exact in both operands are removed without loss: only an inherited error counts
            bits = float(np.max(np.where(operation.error_in > 0, operation.cancelled_bits, 0.0), initial=0.0))
            if bits > most["bits"]:
                most = {
                    "bits": bits,
                    "operator": operation.name,
                    "line": f"{operation.where}: {operation.line}",
                }
        return most

    return tell


# Scaling ----------------------------------------------------------------------------------------------------------


def exponents(format: Format) -> np.ndarray:
    """The rungs of the ladder: about sixteen powers of two across the format's range, 0 among them."""
    step = max(1, (format.max_exponent - format.min_exponent) // 16)
    reach = format.max_exponent // step
    return np.arange(-reach, reach + 1) * step


@dataclass(frozen=True, eq=False)
class Ladder:
    """A few base points times each power of two, with their truths; every routine of a formula climbs the same."""

    base: Points
    points: Points
    exponent: np.ndarray
    origin: np.ndarray
    truth: Truth


def ladder(formula: Formula, points: Points, format: Format, with_gradient: bool) -> Ladder:
    """The real inputs of some sampled points, probabilities aside, at each scale at which they stay exact and in the
    domain.
    """
    rows = np.flatnonzero(points.origin == "sample")
    rows = rows[:: max(1, len(rows) // RUNGS)][:RUNGS] if rows.size else np.arange(min(RUNGS, len(points)))
    base = points.select(rows)
    rungs: list[Points] = []
    scale: list[np.ndarray] = []
    origin: list[np.ndarray] = []
    for exponent in exponents(format):
        columns = dict(base.columns)
        kept = np.ones(len(base), dtype=bool)
        for name, domain in continuous(formula.inputs).items():
            column = base.columns[name]
            if not domain.scalable or not isinstance(column, torch.Tensor):
                continue
            wide = column.double() * 2.0 ** int(exponent)
            scaled = columns[name] = format.round(wide)
            exact = (scaled.double() == wide).reshape(len(base), -1).all(1).numpy()
            kept &= exact & domain.contains(scaled, format)
        which = np.flatnonzero(kept)
        rungs.append(Points(columns, base.origin, base.size).select(which))
        scale.append(np.full(len(which), exponent))
        origin.append(which)
    climbed = Points.concatenate(rungs)
    component = np.concatenate(origin)
    truth = settle(formula, climbed, format, with_gradient=with_gradient, component=component)
    return Ladder(base, climbed, np.concatenate(scale), component, truth)


def scalings(routine: Routine, climb: Ladder, format: Format, device: str) -> dict[str, dict[str, Any]]:
    """Of value and gradient: worst spent at each scale, the safe scales around 1, and the homogeneity defect."""
    measured = measure(routine, climb.points, climb.truth, format, device)
    found: dict[str, dict[str, Any]] = {}
    for one in measured:
        fates, spent, _ = one.judgement.of_points()
        failing = np.isin(fates, [FATES.index(fate) for fate in FAILING])
        spent = np.where(failing, np.maximum(np.nan_to_num(spent, nan=np.inf), 1.0 + 2.0**-20), spent)
        rungs = [
            [int(e), figure(float(np.max(spent[climb.exponent == e])))] for e in np.unique(climb.exponent)
        ]
        found[one.of] = {"ladder": rungs, "safe": _safe(rungs), "homogeneity_defect": _defect(one, climb)}
    return found


def _safe(rungs: Sequence[Sequence[Any]]) -> list[int] | None:
    passing = {exponent: spent != "inf" and spent <= 1 for exponent, spent in rungs}
    if not passing.get(0, False):
        return None
    order = sorted(passing)
    low = high = order.index(0)
    while low > 0 and passing[order[low - 1]]:
        low -= 1
    while high + 1 < len(order) and passing[order[high + 1]]:
        high += 1
    return [order[low], order[high]]


def _defect(measurement: Measurement, climb: Ladder) -> float | str | None:
    """Largest difference in ulps between f(2**k x) / 2**(k d) and f(x) for normal results; None if inhomogeneous."""
    judged = measurement.judgement
    degree = _degree(judged.truth, climb)
    if degree is None:
        return None
    rows, base = _beside_scale_one(climb)
    truth, exponent = judged.truth[rows], climb.exponent[rows][:, None]
    inside = (truth.exponent - 1 >= judged.format.min_exponent) & (
        truth.exponent - 1 < judged.format.max_exponent
    )
    with np.errstate(all="ignore"):
        apart = np.abs(np.ldexp(judged.got[rows], -exponent * degree) - judged.got[base])
        apart = apart / judged.format.ulp(judged.truth[base].nearest())
    apart = np.where(inside & (truth.high != 0), np.nan_to_num(apart, nan=np.inf), 0.0)
    return figure(float(np.max(apart, initial=0.0)))


def _degree(truth: Enclosure, climb: Ladder) -> int | None:
    """d such that f(2**k x) = 2**(k d) f(x) at every rung, as far as the enclosures tell."""
    rows, base = _beside_scale_one(climb)
    one, other = truth[base], truth[rows]
    exponent = np.broadcast_to(climb.exponent[rows][:, None], other.shape)
    usable = (one.state == PROVED) & (other.state == PROVED) & np.isfinite(one.high) & (one.high != 0)
    usable &= exponent != 0
    same = (one.high == other.high) & (np.abs(one.low - other.low) < 2.0**-90)
    degrees = np.unique((other.exponent - one.exponent)[usable] / exponent[usable])
    if not same[usable].all() or len(degrees) != 1 or not float(degrees[0]).is_integer():
        return None
    return int(degrees[0])


def _beside_scale_one(climb: Ladder) -> tuple[np.ndarray, np.ndarray]:
    """Points of the ladder whose base point stands on it too, unscaled; and where that stands."""
    home = np.full(len(climb.base), -1)
    unscaled = np.flatnonzero(climb.exponent == 0)
    home[climb.origin[unscaled]] = unscaled
    rows = np.flatnonzero(home[climb.origin] >= 0)
    return rows, home[climb.origin[rows]]


# Laws -------------------------------------------------------------------------------------------------------------


def law_defects(routine: Routine, part: Measurement, format: Format, device: str) -> list[dict[str, Any]]:
    """How far the routine is from each law of its formula, in ulps, over a few points.

    The law's own arithmetic is exact; the routine is fed its arguments rounded to the format, and its results are
    taken as they are.
    """
    formula = routine.formula
    if not formula.laws:
        return []
    rows = np.flatnonzero(part.points.origin == "sample")[:32]
    points = part.points.select(rows if rows.size else np.arange(min(32, len(part.points))))
    given: list[tuple[int, list[Any]]] = []
    with precision(256):
        for which in groups(formula, points):
            alike = points.select(which)
            rounded = _rounded(routine, alike, format, device)
            given.append((len(alike), [rounded, *lifted(formula, alike, ARB, False).values()]))
    order: list[dict[str, Any]] = []
    for law in formula.laws.values():
        worst, violations = 0.0, 0
        try:
            with precision(256):
                for lanes, arguments in given:
                    left, right = law.function(*arguments)
                    apart = _ulps_apart(left, right, lanes, format)
                    worst, violations = max(worst, float(apart.max())), violations + int((apart > 1).sum())
        except Exception as failure:  # a law may leave what the routine can do: say so beside it
            order.append(
                {"law": law.doc, "worst_ulp": "inf", "violations": len(points), "message": str(failure)}
            )
            continue
        order.append({"law": law.doc, "worst_ulp": figure(worst), "violations": violations})
    return order


def _rounded(routine: Routine, points: Points, format: Format, device: str) -> Any:
    """The routine as a function of reals: arguments are rounded to the format, results taken exactly."""
    lanes = len(points)

    def call(*arguments: Any) -> Reals:
        given: dict[str, Any] = {}
        for (name, domain), argument in zip(routine.formula.inputs.items(), arguments, strict=True):
            if isinstance(points.columns[name], tuple):
                given[name] = float(argument.data[0]) if isinstance(argument, Reals) else argument
                continue
            balls = m.as_reals(argument, ARB).data
            numbers = np.broadcast_to(_float(balls).astype(np.float64), (lanes, *balls.shape[1:]))
            tensor = torch.from_numpy(numbers.copy())
            given[name] = (format.round(tensor) if domain.differentiable else tensor.round().long()).to(
                device
            )
        out = routine.function(**given).detach().cpu().double().numpy()
        return Reals(ARB, ARB.lift(out))

    return call


_float: Any = np.frompyfunc(float, 1, 1)


def _ulps_apart(left: Any, right: Any, lanes: int, format: Format) -> np.ndarray:
    """Per point the largest difference between two sides, in ulps of the larger."""
    a, b = (_float(m.as_reals(side, ARB).data).astype(np.float64) for side in (left, right))
    a, b = np.broadcast_arrays(a, b)
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b) / format.ulp(np.maximum(np.abs(a), np.abs(b))))
    apart = np.nan_to_num(apart, nan=np.inf, posinf=np.inf).reshape(len(apart), -1).max(axis=1)
    return np.broadcast_to(apart, (lanes,))
