"""Errors along a ladder of powers of two applied to the inputs, and the scales at which the budget holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.measure.measurement import Measurement, measure
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.report import figure
from numcheck.truth import Truth, settle

RUNGS = 8  # base points of the scale ladder


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
        failing = fates >= Fate.OVER
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
