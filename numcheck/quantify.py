"""The three quantities reported for every routine and format: underflow, cancellation, scaling; and laws measured.

Underflow: points whose result became subnormal or zero though the truth is normal. Cancellation: leading bits that
one subtraction removed. Scaling: the error along a ladder of powers of two applied to the inputs, the scales at which
the budget holds, and how far a routine strays from the homogeneity that the formula has.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from numcheck.case import FAILING, Routine
from numcheck.diagnose import Records, prober, region
from numcheck.domain import Points, contains
from numcheck.formats import Format
from numcheck.measure import FATES, Measurement, measure
from numcheck.reals import arrays as m
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals
from numcheck.reals.settle import PROVED, Enclosure, precision
from numcheck.truth import lifted, settle

RUNGS = 8  # base points of the scale ladder


def _number(x: float) -> float | str:
    return float(f"{float(x):.6g}") if np.isfinite(x) else "inf"


def _underflowed(measurement: Measurement) -> tuple[np.ndarray, np.ndarray]:
    """(points, elements) whose result is subnormal or zero though the truth is normal."""
    judged = measurement.judgement
    normal = (judged.truth.exponent - 1 >= judged.format.min_exponent) & (judged.truth.high != 0)
    proved = (judged.truth.state == PROVED) & np.isfinite(judged.truth.high)
    return np.nonzero(normal & proved & (np.abs(judged.got) < judged.format.smallest_normal))


def underflow(parts: Sequence[Measurement]) -> dict[str, Any]:
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
        total += float(exact.sum())
        lost += float((exact[rows, elements] - np.abs(part.judgement.got[rows, elements])).sum())
        if rows.size and begins is None:
            judged = part.judgement
            fates = judged.of_points()[0]
            anchor = int(rows[np.argmax(np.abs(exact[rows, elements]))])
            try:
                begins = region(
                    part.routine.formula,
                    part.points.select(np.array([anchor])),
                    prober(part, int(fates[anchor])),
                    part.format,
                )
            except Exception as failure:  # a probe may crash the routine: the share stands without its threshold
                begins = f"unknown (the search stopped: {type(failure).__name__})"
    return {
        "share": _number(struck / max(points, 1)),
        "magnitude_lost": _number(lost / total if total else 0.0),
        "begins": begins,
    }


def cancellation(parts: Sequence[Measurement]) -> dict[str, Any] | None:
    """The most leading bits that one subtraction removed, and its line; None where the routine cannot be traced."""
    most: tuple[float, str, str] | None = None
    traced = False
    for part in parts:
        rows = np.unique(np.linspace(0, len(part.points) - 1, 64).astype(int))
        for _, record in Records(part, rows).groups:
            if record is None:
                continue
            traced = True
            phase = "forward" if part.of == "value" else "backward"
            for operation in record.operations:
                # bits that were exact in both operands are removed without loss: only an inherited error counts
                bits = np.where(operation.error_in > 0, operation.cancelled_bits, 0.0)
                worst = float(np.max(bits, initial=0.0))
                if operation.phase == phase and worst > (most[0] if most else 0.0):
                    most = (worst, operation.name, f"{operation.where}: {operation.line}")
    if not traced:
        return None
    if most is None:
        return {"bits": 0.0, "operator": None, "line": None}
    return {"bits": _number(most[0]), "operator": most[1], "line": most[2]}


# Scaling ----------------------------------------------------------------------------------------------------------


def exponents(format: Format) -> np.ndarray:
    """The rungs of the ladder: about sixteen powers of two across the format's range, 0 among them."""
    step = max(1, (format.max_exponent - format.min_exponent) // 16)
    reach = format.max_exponent // step
    return np.arange(-reach, reach + 1) * step


def ladder(points: Points, names: Sequence[str], inside: Any, format: Format) -> list[tuple[int, Points]]:
    """A few base points with their real inputs times each power of two, where that stays exact and in the domain."""
    rows = np.flatnonzero(points.origin == "sample")
    rows = rows[:: max(1, len(rows) // RUNGS)][:RUNGS] if rows.size else np.arange(min(RUNGS, len(points)))
    base = points.select(rows)
    rungs: list[tuple[int, Points]] = []
    for exponent in exponents(format):
        columns = dict(base.columns)
        kept = np.ones(len(base), dtype=bool)
        for name in names:
            column = base.columns[name]
            assert isinstance(column, torch.Tensor)
            scaled = format.round(column.double() * 2.0 ** int(exponent))
            exact = (scaled.double() == column.double() * 2.0 ** int(exponent)).reshape(len(base), -1).all(1).numpy()
            kept &= exact & inside(name, scaled)
            columns[name] = scaled
        rungs.append((int(exponent), Points(columns, base.origin, base.size).select(np.flatnonzero(kept))))
    return rungs


def scaling(routine: Routine, parts: Sequence[Measurement], format: Format, device: str) -> dict[str, Any]:
    """Worst spent at each power of two, the scales around 1 at which the budget holds, and the homogeneity defect."""
    formula, of = routine.formula, parts[0].of
    names = [name for name, domain in formula.inputs.items() if domain.differentiable]

    def inside(name: str, column: torch.Tensor) -> np.ndarray:
        return contains(formula.inputs[name], column, format)

    rungs: list[list[Any]] = []
    for part in parts[:1]:
        for exponent, points in ladder(part.points, names, inside, format):
            if not len(points):
                continue
            try:
                truth = settle(formula, points, format, with_gradient=of == "grad")
                (one,) = [x for x in measure(routine, points, truth, format, device, of == "grad") if x.of == of]
            except Exception:  # the routine crashed on a rung: that scale is not safe
                rungs.append([exponent, "inf"])
                continue
            fates, spent, _ = one.judgement.of_points()
            failing = np.isin(fates, [FATES.index(fate) for fate in FAILING])
            rungs.append([exponent, _number(float(np.max(np.where(failing, np.maximum(spent, 1.0), spent), initial=0)))])
    return {"ladder": rungs, "safe": _safe(rungs), "homogeneity_defect": _homogeneity(routine, parts[0], format, device)}


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


def _homogeneity(routine: Routine, part: Measurement, format: Format, device: str) -> float | str | None:
    """Largest difference, in ulps, between f(2x) / 2**d and f(x); None where the formula is not homogeneous."""
    formula, of = routine.formula, part.of
    names = [name for name, domain in formula.inputs.items() if domain.differentiable]
    rows = np.flatnonzero(part.points.origin == "sample")[:RUNGS]
    if not rows.size:
        return None
    points = part.points.select(rows)
    columns = dict(points.columns)
    for name in names:
        column = points.columns[name]
        assert isinstance(column, torch.Tensor)
        columns[name] = format.round(column.double() * 2)
    doubled = Points(columns, points.origin, points.size)
    component = part.component[rows]
    try:
        single = settle(formula, points, format, with_gradient=of == "grad", component=component)
        double = settle(formula, doubled, format, with_gradient=of == "grad", component=component)
        degree = _degree(*((t.value if of == "value" else t.gradient) for t in (single, double)))
        if degree is None:
            return None
        (one,) = [x for x in measure(routine, points, single, format, device, of == "grad") if x.of == of]
        (two,) = [x for x in measure(routine, doubled, double, format, device, of == "grad") if x.of == of]
    except Exception:  # the routine crashed: no defect to measure
        return "inf"
    got, scaled = one.judgement.got, two.judgement.got * 2.0**-degree
    with np.errstate(invalid="ignore"):
        apart = np.abs(got - scaled) / one.judgement.format.ulp(one.judgement.truth.nearest())
    apart = np.where(got == scaled, 0.0, apart)
    return _number(float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0)))


def _degree(single: Enclosure | None, double: Enclosure | None) -> int | None:
    """d such that f(2x) = 2**d f(x) at every point, as far as the enclosures tell."""
    if single is None or double is None:
        return None
    usable = (single.state == PROVED) & (double.state == PROVED) & np.isfinite(single.high) & (single.high != 0)
    if not usable.any():
        return None
    same = (single.high == double.high) & (np.abs(single.low - double.low) < 2.0**-90)
    degrees = np.unique((double.exponent - single.exponent)[usable])
    return int(degrees[0]) if same[usable].all() and len(degrees) == 1 else None


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
    order: list[dict[str, Any]] = []
    for law in formula.laws.values():
        worst, violations = 0.0, 0
        try:
            with precision(256):
                for i in range(len(points)):
                    one = points.select(np.array([i]))
                    arguments = lifted(formula, one, ARB, False)
                    left, right = law.function(_rounded(routine, one, format, device), *arguments.values())
                    apart = _ulps_apart(left, right, format)
                    worst, violations = max(worst, apart), violations + (apart > 1)
        except Exception as failure:  # a law may leave what the routine can do: say so beside it
            order.append({"law": law.doc, "worst_ulp": "inf", "violations": len(points), "message": str(failure)})
            continue
        order.append({"law": law.doc, "worst_ulp": _number(worst), "violations": violations})
    return order


def _rounded(routine: Routine, one: Points, format: Format, device: str) -> Any:
    def call(*arguments: Any) -> Reals:
        given: dict[str, Any] = {}
        for (name, domain), argument in zip(routine.formula.inputs.items(), arguments, strict=True):
            column = one.columns[name]
            if isinstance(column, tuple):
                given[name] = float(argument.data[0]) if isinstance(argument, Reals) else argument
                continue
            numbers = np.array([float(ball) for ball in m.as_reals(argument, ARB).data.flat])
            tensor = torch.from_numpy(numbers).reshape(column.shape)
            given[name] = (format.round(tensor) if domain.differentiable else tensor.round().long()).to(device)
        out = routine.function(**given).detach().cpu().double().numpy()
        return Reals(ARB, ARB.lift(out))

    return call


def _ulps_apart(left: Reals, right: Reals, format: Format) -> float:
    a, b = (np.array([float(x) for x in m.as_reals(side, ARB).data.flat]) for side in (left, right))
    a, b = np.broadcast_arrays(a, b)
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b) / format.ulp(np.maximum(np.abs(a), np.abs(b))))
    return float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0))
