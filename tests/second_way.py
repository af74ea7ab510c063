"""A second way to a formula: a routine's own code, executed exactly, beside the formula's proved truth.

The two are written apart, the formula as the book prints it and the routine as it is computed, and they share neither
their arithmetic nor their derivatives: the one runs on numcheck's tape, the other through torch's operators and its
autograd. What both give is no slip of either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.measure.execute import arguments_of
from numcheck.operators import execute
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.reals.precision import precision
from numcheck.truth import Truth, settle

FLOAT32 = format_of("float32")
POINTS, FEW = 60, 12
BITS = 400, 4000
CLOSE = 2.0**-72
"""Of an ulp of float32: 28 digits."""
DIGITS, OF_A_DOUBLE = 25, 12
"""Digits that agree, of what the conditioning leaves; and where a constant is written as a double (0.1 in Python)."""
NOTHING = arb(2) ** -1200
"""Below the range of every format: what is smaller is not told apart."""
COMPARED = 0.5
"""Of the numbers that have a truth: as many must be executed to the end, without a question that stays open."""


def ordinary(formula: Formula) -> list[Points]:
    """Points that data could be, and such whose inputs meet each other, as boxes must that overlap."""
    found = list[Points]()
    for points in formula.points(FLOAT32, POINTS, 0):
        data = points.select(points.origin == "sample")
        meeting = points.select(~np.isin(points.origin, ["sample", "corner", "sweep", "given"]))
        found += [some.select(some.spread(FEW)) for some in (data, meeting) if len(some)]
    return found


def truth_of(formula: Formula, points: Points) -> Truth:
    """The formula there, in more digits than are compared."""
    return settle(formula, points, FLOAT32, tolerance=CLOSE)


@dataclass(frozen=True, eq=False)
class Executed:
    """What a routine's code gives exactly at some points: balls, NaN where a question stayed open."""

    points: Points
    numbers: np.ndarray

    def apart(self, truth: Enclosure, conditioning: np.ndarray) -> list[float]:
        """How far each number that has a truth is from it, relative to it and its conditioning; NaN where open."""
        told, terms = (x.reshape(self.numbers.shape) for x in (np.arange(truth.high.size), conditioning))
        flat = truth.reshaped((-1,))
        with precision(BITS[0]):
            return [
                np.nan if exact.is_nan() else _apart(flat, int(told[index]), float(terms[index]), exact)
                for index, exact in np.ndenumerate(self.numbers)
                if flat.state[told[index]] == PROVED
            ]


def executed(routine: Routine, of: str, points: Points, component: np.ndarray | None) -> Executed:
    """A routine's value or gradient in exact arithmetic; raises where an operator has no exact rule."""
    differentiate = () if of == "value" else routine.formula.wrt
    rows = list[np.ndarray]()
    for row in range(len(points)):
        arguments = arguments_of(routine, points.select([row]), "cpu", False)
        output = None if of == "value" or component is None else component[[row]]
        for bits in BITS:
            with precision(bits):
                ran = execute(routine.function, arguments, differentiate, component=output)
            if not ran.open[0] and all(x.rel_accuracy_bits() > BITS[0] // 4 for x in ran.numbers[0]):
                break
        rows.append(np.full_like(ran.numbers[0], arb("nan")) if ran.open[0] else ran.numbers[0])
    return Executed(points, np.array(rows))


def _apart(truth: Enclosure, place: int, conditioning: float, exact: arb) -> float:
    """How far they are apart; 0 where they are the same infinity, or both nothing."""
    high, low, radius = (float(part[place]) for part in (truth.high, truth.low, truth.radius))
    if not np.isfinite(high):
        return 0.0 if not exact.is_finite() and (exact > 0) == (high > 0) else np.inf
    true = arb(arb(high) + arb(low), radius) * arb(2) ** int(truth.exponent[place])
    if abs(true) < NOTHING and abs(exact) < NOTHING:
        return 0.0
    size = abs(true).upper() + (arb(conditioning) if np.isfinite(conditioning) else 0)
    # a slope at a kink is an interval, in which any is right; what the code gives must be told closely all the same
    off = exact.rad() / size if true.overlaps(exact) else abs(exact - true) / size
    return float(off.upper()) if off.is_finite() else np.inf


def apart(formula: Formula, of: str, ran: list[Executed]) -> float:
    """How far the formula and what was executed are apart at most; infinitely where too little could be compared."""
    halves = [truth_of(formula, one.points).halves[Of(of)] for one in ran]
    told = [
        x for one, half in zip(ran, halves, strict=True) for x in one.apart(half.exact, half.conditioning)
    ]
    few = np.count_nonzero(~np.isnan(told)) < max(1, COMPARED * len(told))
    return np.inf if few else float(np.nanmax(told))


def halves(formula: Formula) -> Iterator[str]:
    """The value, and the gradient where some routine promises one."""
    yield "value"
    if formula.wrt and any(routine.grad is not None for routine in formula.routines.values()):
        yield "grad"


@dataclass(frozen=True)
class Second:
    """The routine nearest to its formula: what it gives, how far both are apart; and what is `said` of all."""

    ran: list[Executed]
    apart: float
    said: dict[str, str]


def is_stable(routine: Routine, of: str) -> bool:
    """Whether a routine declares no gap in this half."""
    return not any(gap.of in (None, Of(of)) for gap in routine.gaps)


def second_way(formula: Formula, of: str) -> Second:
    """The first routine that gives the formula in `DIGITS` at every ordinary point, or the nearest."""
    best = Second([], np.inf, {})
    points = ordinary(formula)
    components = [truth_of(formula, some).component for some in points]
    for routine in formula.routines.values():
        if of == "grad" and routine.grad is None:
            continue
        try:
            ran = [executed(routine, of, *at) for at in zip(points, components, strict=True)]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an operator without an exact rule, or what the routine makes of that
            best.said[routine.name] = f"{type(error).__name__}: {error}"
            continue
        distance = apart(formula, of, ran)
        best.said[routine.name] = f"{distance:.2g} apart"
        if distance < best.apart:
            best = Second(ran, distance, best.said)
        if distance <= 10.0**-DIGITS:
            break
    return best
