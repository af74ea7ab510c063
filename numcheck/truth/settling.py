"""Settling points: float64 balls come first, Arb takes what those leave open, and proves some of the rest again."""

import math
import sys
from collections.abc import Sequence

import numpy as np

from numcheck.declaration.budgets import LARGEST
from numcheck.declaration.formulas import Formula
from numcheck.declaration.mistakes import mistake
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.reals import subnormals, trust
from numcheck.reals.arrays import VariesError
from numcheck.reals.ball64 import Ball64Arithmetic, Balls
from numcheck.reals.enclosures import TOLERANCE, Enclosure, enclosure_of_float64, ulp_exponent
from numcheck.reals.evaluation import Wanted
from numcheck.truth.batches import chunks, evaluated, fewer, groups, kindred, lifted
from numcheck.truth.opinion import audit
from numcheck.truth.proofs import (
    CHUNK,
    FLOAT64,
    Half,
    Truth,
    at_all_elements,
    counted,
    each,
    is_least,
    proved,
    tightness,
)

LANES = 2**12  # of float64 balls evaluated at once
FEWEST = 256
"""Lanes below which float64 balls, some hundred torch calls an operation, are no faster than Arb's."""
BALLS = Ball64Arithmetic(scaled=True)
FILTERED = 24  # bits of the widest significand that float64 balls are asked to judge
_MOST = sys.float_info.max
# how far the conditioning may be open: of itself, or of an ulp that the largest budget forgives
LOOSE = 2.0**-10


def settle(
    formula: Formula,
    points: Points,
    format: Format,
    *,
    with_value: bool = True,
    with_gradient: bool = True,
    with_conditioning: bool = True,
    component: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> Truth:
    """Proved values, gradients and conditioning terms of `formula` at `points`, tight enough to judge `format`.

    Without its value a point is settled as soon as its gradient is.
    """
    subnormals.keep()
    component = np.arange(len(points)) if component is None else component
    wanted = Wanted(with_gradient, with_conditioning, value=with_value)

    def settled(rows: np.ndarray) -> Truth:
        return _settle_group(formula, points.select(rows), format, wanted, component[rows], tolerance)

    pieces: list[tuple[np.ndarray, Truth]] = []
    for group in groups(formula, points, kindred(formula, points)):
        for rows in chunks(group, fewer(LANES, formula, points)):
            try:
                pieces.append((rows, settled(rows)))
            except VariesError:  # the formula branches on two choices together
                apart = [rows[alike] for alike in groups(formula, points.select(rows))]
                try:
                    pieces.extend((alike, settled(alike)) for alike in apart)
                except VariesError as error:  # or on a real input
                    raise mistake(formula.name, formula.function, error) from error
    truth = _joined(pieces)
    audit(formula, points, truth, format)
    return truth


def settle_together(
    formula: Formula,
    points: Sequence[Points],
    formats: Sequence[Format],
    component: Sequence[np.ndarray],
    *,
    with_value: bool = True,
    with_gradient: bool = True,
    with_conditioning: bool = True,
) -> list[Truth]:
    """The truths of several draws of one size, each tight enough for the draw's own format.

    What is tight enough for the finest of the formats is so for all: they are settled in one go. Where none of them is
    finer than all others, each is settled by itself.
    """
    subnormals.keep()
    wanted = {
        "with_value": with_value,
        "with_gradient": with_gradient,
        "with_conditioning": with_conditioning,
    }
    finest = next((one for one in formats if all(one.holds(other) for other in formats)), None)
    if finest is None:
        drawn = zip(points, formats, component, strict=True)
        return [settle(formula, part, format, component=of, **wanted) for part, format, of in drawn]
    joined = Points.concatenate([part.to(finest.dtype) for part in points])
    truth = settle(formula, joined, finest, component=np.concatenate(component), **wanted)
    stops = np.cumsum([len(part) for part in points]).tolist()
    return [truth.select(slice(stop - len(part), stop)) for part, stop in zip(points, stops, strict=True)]


def _settle_group(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    """Float64 balls, and Arb for the lanes that those leave open."""
    truth, left = None, np.arange(len(points))
    if (
        len(points) >= fewer(FEWEST, formula, points)
        and format.precision <= FILTERED
        and tolerance >= TOLERANCE
    ):
        trust.look(BALLS.device)
        truth = _in_float64(formula, points, format, wanted, component)
        narrow_enough = [tight for _, tight in tightness(formula, truth, format, tolerance)]
        left = np.flatnonzero(~at_all_elements(narrow_enough))
    pieces = [
        (rows, proved(formula, points.select(rows), format, wanted, component[rows], tolerance))
        for rows in chunks(left, fewer(CHUNK, formula, points))
    ]
    if truth is None:
        return _joined(pieces)
    for rows, found in pieces:
        truth.put(rows, found)
    return truth


def _in_float64(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray
) -> Truth:
    """What float64 balls say of one group of points, narrow enough or not."""
    count = len(points)
    found = evaluated(formula, lifted(formula, points, BALLS, True), count, component, wanted, BALLS)
    halves: dict[Of, Half] = {}
    loose = np.zeros(count, dtype=bool)
    for of, (balls, terms) in counted(found, wanted):
        exact = enclosure_of_float64(balls)
        conditioning, unsure = _lower_end(terms, exact, format)
        halves[of] = Half(exact, conditioning)
        loose |= unsure | is_least(conditioning, wanted)
    component = component % max(1, math.prod(found[0][0].shape[1:]))
    return Truth(halves, component, np.full(count, FLOAT64), loose)


def _lower_end(conditioning: Balls, of: Enclosure, format: Format) -> tuple[np.ndarray, np.ndarray]:
    """The least that conditioning may be, as Arb's is told too, and at which points it may be much more."""
    found = enclosure_of_float64(conditioning)
    with np.errstate(all="ignore"):
        scale = np.clip(found.exponent, -5000, 5000).astype(np.int32)
        lower = np.fmin(np.ldexp(np.fmax(found.high + (found.low - found.radius), 0.0), scale), _MOST)
        width = np.ldexp(2 * found.radius, scale)
        ulp = np.ldexp(1.0, np.clip(ulp_exponent(of, format), -1074, 1023).astype(np.int32))
        forgiven = LARGEST * format.unit_roundoff * width
        close = np.asarray((width <= LOOSE * lower) | (forgiven <= LOOSE * ulp))
    return lower, np.asarray(~close.reshape(len(lower), -1).all(axis=1))


def _joined(pieces: Sequence[tuple[np.ndarray, Truth]]) -> Truth:
    """The truth at all points, from those at some rows each."""
    rows, truths = zip(*pieces, strict=True)
    order = np.argsort(np.concatenate(rows), kind="stable")
    return each(lambda *parts: np.concatenate(parts)[order], *truths)
