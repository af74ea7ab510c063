"""Quantities of a measurement beside its errors: how much underflowed, how much cancelled."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from numcheck.declaration.words import Of
from numcheck.diagnosis.records import ordinary, records_of, unless_untraceable
from numcheck.diagnosis.regions import Seen, described
from numcheck.measure import Measurement
from numcheck.operators import Trace
from numcheck.reals.enclosures import PROVED
from numcheck.report import figure


def underflow(parts: Sequence[Measurement]) -> dict[str, Any]:
    """Share of points and of true magnitude that became subnormal or zero, and where that begins."""
    points = lost = total = 0.0
    struck = 0
    seen: list[Seen] = []
    for part in parts:
        judged, truth, format = part.judgement, part.judgement.truth, part.judgement.format
        exact = np.abs(np.where(truth.state == PROVED, truth.nearest(), 0.0))
        exact = np.where(np.isfinite(exact), exact, 0.0)
        normal = (truth.exponent - 1 >= format.min_exponent) & (truth.high != 0) & np.isfinite(truth.high)
        sunk = normal & (truth.state == PROVED) & (np.abs(judged.got) < format.smallest_normal)
        rows, elements = np.nonzero(sunk)
        points += len(part.points)
        label = np.where(sunk.any(axis=1), 1, -1)
        struck += int((label == 1).sum())
        with np.errstate(over="ignore"):
            total += float(exact.sum())
        lost += float((exact[rows, elements] - np.abs(judged.got[rows, elements])).sum())
        seen.append(Seen.of(part, label))
    first = parts[0]
    return {
        "share": figure(struck / max(points, 1)),
        "magnitude_lost": figure(lost / total if total else 0.0),
        "begins": described(first.routine.formula, first.format, seen) if struck else None,
    }


def cancellation(measurement: Measurement) -> dict[str, Any] | None:
    """The most leading bits that one subtraction removed at ordinary points, and its line; None if untraceable."""
    rows = ordinary(measurement)
    phase = "forward" if measurement.of is Of.VALUE else "backward"
    for group, record in records_of(measurement).groups:
        lanes = np.flatnonzero(np.isin(group, rows))
        if lanes.size:
            return unless_untraceable(record, partial(_most_cancelled, lanes=lanes, phase=phase))
    return None


def _most_cancelled(record: Trace, lanes: np.ndarray, phase: str) -> dict[str, Any]:
    most: dict[str, Any] = {"bits": 0.0, "operator": None, "line": None}
    for operation in record.operations:
        if operation.phase != phase or not operation.cancelled_bits[lanes].any():
            continue
        # bits that were exact in both operands are removed without loss: only an inherited error counts
        bits = float(np.where(operation.error_in > 0, operation.cancelled_bits, 0.0)[lanes].max())
        if bits > most["bits"]:
            line = f"{operation.where}: {operation.line}"
            most = {"bits": bits, "operator": operation.name, "line": line}
    return most
