"""The truth at points, proved by Arb: precision doubles until a formula's balls are narrow enough to judge a format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import ctx

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.reals.arb import ARB
from numcheck.reals.enclosures import (
    INVALID,
    TOLERANCE,
    UNRESOLVED,
    Enclosure,
    enclosure,
    narrow,
    negligible,
    no_longer_narrows,
    ulp_exponent,
)
from numcheck.reals.evaluation import Wanted
from numcheck.reals.precision import START, precision, precisions
from numcheck.truth.batches import evaluated, lifted

CHUNK = 512  # lanes of Arb balls evaluated at once: bounds the memory that their tape takes
FLOAT64 = 53  # told as the precision that settled a point


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact value, gradient and conditioning terms at each point.

    `value` has shape (N, *out), `gradient` (N, n) over the flattened inputs of `formula.wrt`; `conditioning` holds
    sum(abs(x_i df/dx_i)) for each output, `gradient_conditioning` sum over j of abs(x_j d2f/dx_i dx_j) for each i.
    `component` tells which output the gradient is of; `precision` the bits that settled the point. Where `loose` is
    set, a conditioning term of the point may be larger than told.
    """

    value: Enclosure
    conditioning: np.ndarray
    gradient: Enclosure | None
    gradient_conditioning: np.ndarray | None
    component: np.ndarray
    precision: np.ndarray
    loose: np.ndarray

    def select(self, rows: np.ndarray) -> "Truth":
        """The truth at some of the points."""
        parts: list[Any] = [None if part is None else part[rows] for part in vars(self).values()]
        return Truth(*parts)

    def put(self, rows: np.ndarray, found: "Truth") -> None:
        """Overwrite some points in place."""
        for part, new in zip(vars(self).values(), vars(found).values(), strict=True):
            if isinstance(part, Enclosure):
                part.put(rows, new)
            elif part is not None:
                part[rows] = new


def proved(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    """The truth at one group of points; unresolved where `LIMIT` bits are not enough."""
    active = np.arange(len(points))
    truth: Truth | None = None
    before: Enclosure | None = None  # the gradients of the precision before, for what no longer narrows
    for bits in precisions():
        with precision(bits):
            found = evaluate_chunk(formula, points.select(active), component[active], wanted)
        if truth is None:
            truth = found
        narrow_enough: list[np.ndarray] = []
        for part, tight in tightness(formula, found, format, tolerance):
            if part is found.gradient and before is not None:
                tight |= no_longer_narrows(before, part, format, tolerance)
            # what looks undefined must look so at two precisions
            tight &= (part.state != INVALID) | (bits > START)
            part.state[~tight] = UNRESOLVED
            narrow_enough.append(tight)
        settled = at_all_elements(narrow_enough)
        truth.put(active, found)
        if settled.all():
            break
        before = None if found.gradient is None else found.gradient[~settled]
        active = active[~settled]
    assert truth is not None
    return truth


def evaluate_chunk(formula: Formula, points: Points, component: np.ndarray, wanted: Wanted) -> Truth:
    """One group of points at the current precision; the point's `component` counts modulo the outputs."""
    found = evaluated(formula, lifted(formula, points, ARB, True), len(points), component, wanted)
    return Truth(
        enclosure(found.value),
        found.conditioning,
        None if found.gradient is None else enclosure(found.gradient),
        found.gradient_conditioning,
        component % max(1, int(np.prod(found.value.shape[1:]))),
        np.full(len(points), ctx.prec),
        np.zeros(len(points), dtype=bool),
    )


def tightness(
    formula: Formula, truth: Truth, format: Format, tolerance: float
) -> Iterator[tuple[Enclosure, np.ndarray]]:
    """The value, and the gradient where there is one, each with the elements that are narrow enough to judge.

    Around zero a radius may be `tolerance` of what every routine of the formula is forgiven there; not where a tighter
    tolerance is asked for, because a verdict hangs on it.
    """
    routines = formula.routines.values()
    for part, conditioning, budgets in (
        (truth.value, truth.conditioning, [routine.value for routine in routines]),
        (truth.gradient, truth.gradient_conditioning, [routine.grad for routine in routines if routine.grad]),
    ):
        if part is not None:
            tight = narrow(part, format, tolerance)
            if conditioning is not None and budgets and tolerance >= TOLERANCE:
                tight |= negligible(part, forgiven_by_all(budgets, part, conditioning, format), tolerance)
            yield part, tight


def forgiven_by_all(
    budgets: Sequence[Budget], of: Enclosure, conditioning: np.ndarray, format: Format
) -> np.ndarray:
    """What the strictest of these budgets forgives an element near zero, whose own ulps are nothing."""
    forgiven = min(budget.cond for budget in budgets) * format.unit_roundoff * conditioning
    if all(budget.coupled for budget in budgets):
        elements = tuple(range(1, of.high.ndim))
        largest = ulp_exponent(of, format).max(axis=elements, keepdims=True)
        forgiven = forgiven + np.ldexp(1.0, np.clip(largest, -1074, 1023).astype(np.int32))
    return np.asarray(forgiven)


def at_all_elements(holds: Sequence[np.ndarray]) -> np.ndarray:
    """At which points it holds of every element of every array."""
    return np.logical_and.reduce([each.reshape(len(each), -1).all(axis=1) for each in holds])
