"""Errors along a ladder of powers of two applied to the inputs, and the scales at which the budget holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.measure.judge import Judgement
from numcheck.measure.measurement import measure
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
    """A few base points times each power of two, with their truths; every routine of a formula climbs the same.

    `home` is where a point's base point stands on the ladder itself, -1 where it does not.
    """

    points: Points
    exponent: np.ndarray
    home: np.ndarray
    truth: Truth


def ladder(formula: Formula, points: Points, format: Format, with_gradient: bool) -> Ladder:
    """Some sampled points, probabilities aside, at each scale at which they stay exact and in the domain."""
    rows = np.flatnonzero(points.origin == "sample")
    rows = rows[:: max(1, len(rows) // RUNGS)][:RUNGS] if rows.size else np.arange(min(RUNGS, len(points)))
    base = points.select(rows)
    rungs: list[Points] = []
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
        origin.append(which)
    climbed, component = Points.concatenate(rungs), np.concatenate(origin)
    exponent = np.repeat(exponents(format), list(map(len, origin)))
    home = np.full(len(base), -1)
    home[component[exponent == 0]] = np.flatnonzero(exponent == 0)
    truth = settle(formula, climbed, format, with_gradient=with_gradient, component=component)
    return Ladder(climbed, exponent, home[component], truth)


def scalings(routine: Routine, climb: Ladder, format: Format, device: str) -> dict[str, dict[str, Any]]:
    """Of value and gradient: worst spent at each scale, the safe scales around 1, and the homogeneity defect."""
    found: dict[str, dict[str, Any]] = {}
    for one in measure(routine, climb.points, climb.truth, format, device):
        judged = one.judgement.worst
        least = np.maximum(np.nan_to_num(judged.spent, nan=np.inf), 1.0 + 2.0**-20)
        spent = np.where(judged.fate >= Fate.OVER, least, judged.spent)
        worst = {int(e): float(np.max(spent[climb.exponent == e])) for e in np.unique(climb.exponent)}
        rungs = [[exponent, figure(share)] for exponent, share in worst.items()]
        defect = _defect(one.judgement, climb)
        found[one.of] = {"ladder": rungs, "safe": _safe(rungs), "homogeneity_defect": defect}
    return found


def _safe(rungs: Sequence[Sequence[Any]]) -> list[int] | None:
    """The scales from which to which all pass, 1 among them."""
    failing = [exponent for exponent, spent in rungs if spent == "inf" or spent > 1]
    low = max((exponent for exponent in failing if exponent <= 0), default=-math.inf)
    high = min((exponent for exponent in failing if exponent >= 0), default=math.inf)
    passing = [exponent for exponent, _ in rungs if low < exponent < high]
    return [passing[0], passing[-1]] if 0 in passing else None


def _defect(judged: Judgement, climb: Ladder) -> float | str | None:
    """Largest difference in ulps between f(2**k x) / 2**(k d) and f(x) for normal results; None if inhomogeneous."""
    rows = np.flatnonzero(climb.home >= 0)
    home, exponent = climb.home[rows], climb.exponent[rows][:, None]
    one, other = judged.truth[home], judged.truth[rows]
    degree = _degree(one, other, np.broadcast_to(exponent, other.shape))
    if degree is None:
        return None
    binade = other.exponent - 1
    inside = (binade >= judged.format.min_exponent) & (binade < judged.format.max_exponent)
    with np.errstate(all="ignore"):
        apart = np.abs(np.ldexp(judged.got[rows], -exponent * degree) - judged.got[home])
        apart = apart / judged.format.ulp(torch.from_numpy(one.nearest())).numpy()
    apart = np.where(inside & (other.high != 0), np.nan_to_num(apart, nan=np.inf), 0.0)
    return figure(float(np.max(apart, initial=0.0)))


def _degree(one: Enclosure, other: Enclosure, exponent: np.ndarray) -> int | None:
    """d such that f(2**k x) = 2**(k d) f(x) at every rung, as far as the enclosures of f(x) and f(2**k x) tell."""
    usable = (one.state == PROVED) & (other.state == PROVED) & np.isfinite(one.high) & (one.high != 0)
    usable &= exponent != 0
    same = (one.high == other.high) & (np.abs(one.low - other.low) < 2.0**-90)
    degrees = np.unique((other.exponent - one.exponent)[usable] / exponent[usable])
    if not same[usable].all() or len(degrees) != 1 or not float(degrees[0]).is_integer():
        return None
    return int(degrees[0])
