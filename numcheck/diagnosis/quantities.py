"""Quantities of a measurement beside its errors: how much underflowed, how much cancelled."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from numcheck.declaration.words import Of
from numcheck.diagnosis.records import ordinary, records_of, unless_untraceable
from numcheck.diagnosis.regions import Seen, described
from numcheck.formats import Format
from numcheck.measure import Measurement
from numcheck.operators import Trace
from numcheck.reals.enclosures import PROVED
from numcheck.report import figure

SCALES = range(25)
"""Exponents of the powers of two by which losses are multiplied; torch's scaler begins at 16."""
LOST = 0.001
"""Of an entry on average: what a window of safe scales may lose."""


def underflow(parts: Sequence[Measurement]) -> dict[str, Any]:
    """Share of points and of true magnitude that became subnormal or zero, where that begins; see `loss_scales`."""
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
        "loss_scales": loss_scales(parts),
    }


def loss_scales(parts: Sequence[Measurement]) -> dict[str, Any] | None:
    """What scaling the loss by powers of two does to the exact gradient in this format; None where there is none.

    At data-like points: the share of each entry, on average, that is lost unscaled because it becomes subnormal or
    zero, whether any overflows then, and the first and the last of `SCALES` at which no more than `LOST` is lost and
    none overflows.
    """
    sizes: list[np.ndarray] = []
    for part in parts:
        truth = part.judgement.truth
        data = (part.points.origin == "sample").reshape(-1, *[1] * (truth.high.ndim - 1))
        exact = np.abs(np.where((truth.state == PROVED) & data, truth.nearest(), 0.0)).ravel()
        sizes.append(exact[np.isfinite(exact) & (exact > 0)])
    if parts[0].of is not Of.GRAD or not any(size.size for size in sizes):
        return None
    exact, format = np.concatenate(sizes), parts[0].judgement.format
    lost, overflows = zip(*(_scaled(exact, 2.0**k, format) for k in SCALES), strict=True)
    safe = [k for k in SCALES if lost[k] <= LOST and not overflows[k]]
    return {
        "lost": figure(lost[0]),
        "overflows": overflows[0],
        "safe": [safe[0], safe[-1]] if safe else None,
    }


def _scaled(exact: np.ndarray, scale: float, format: Format) -> tuple[float, bool]:
    """What each of these sizes loses on average below the normal numbers, once scaled; whether any is too large."""
    with np.errstate(over="ignore"):
        scaled = exact * scale
    rounded = format.round(torch.from_numpy(scaled)).double().numpy()
    small = np.flatnonzero(scaled < format.smallest_normal)
    lost = np.abs(scaled[small] - rounded[small]) / scaled[small]
    return float(lost.sum()) / len(exact), bool(np.isinf(rounded).any())


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
