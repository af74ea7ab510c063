"""The truth at points, proved by Arb: precision doubles until a formula's balls are narrow enough to judge a format."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import ctx

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.reals.arb import ARB
from numcheck.reals.arithmetic import UNDECIDED
from numcheck.reals.arrays import as_reals, on_the_way
from numcheck.reals.enclosures import (
    INVALID,
    PROVED,
    TOLERANCE,
    UNRESOLVED,
    Enclosure,
    enclosure,
    largest_ulp_exponent,
    narrow,
    negligible,
    no_longer_narrows,
)
from numcheck.reals.evaluation import ROWS, Evaluation, Wanted
from numcheck.reals.precision import LIMIT, START, precision, precisions
from numcheck.reals.tape import ties
from numcheck.truth.batches import chunks, evaluated, fewer, groups, lifted
from numcheck.truth.kinks import hanging_together, slopes_between_sides

CHUNK = 512  # lanes of Arb balls evaluated at once: bounds the memory that their tape takes
FLOAT64 = 53  # told as the precision that settled a point


@dataclass(frozen=True, eq=False)
class Half:
    """The exact numbers of one half at each point, each with its conditioning term.

    Of the value they have shape (N, *out), and the terms are sum(abs(x_i df/dx_i)). Of the gradient they have shape
    (N, n) over the flattened inputs of `formula.wrt`, and the terms are sum over j of abs(x_j d2f/dx_i dx_j).
    """

    exact: Enclosure
    conditioning: np.ndarray


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact value at each point and the gradient, as far as they were asked for.

    `component` tells which output the gradient is of; `precision` the bits that settled the point. Where `loose` is
    set, a conditioning term of the point may be larger than told.
    """

    halves: Mapping[Of, Half]
    component: np.ndarray
    precision: np.ndarray
    loose: np.ndarray

    @property
    def value(self) -> Enclosure:
        """The exact value, whatever conditioning forgives."""
        return self.halves[Of.VALUE].exact

    @property
    def gradient(self) -> Enclosure | None:
        """The exact gradient, None where it was not asked for."""
        half = self.halves.get(Of.GRAD)
        return None if half is None else half.exact

    @property
    def outputs(self) -> int:
        """How many numbers the formula gives at a point."""
        return int(np.prod(self.value.shape[1:]))

    def select(self, rows: np.ndarray | slice) -> "Truth":
        """The truth at some of the points."""
        return each(lambda numbers: numbers[rows], self)

    def put(self, rows: np.ndarray, found: "Truth") -> None:
        """Overwrite some points in place."""
        for of, half in self.halves.items():
            half.exact.put(rows, found.halves[of].exact)
            half.conditioning[rows] = found.halves[of].conditioning
        for name in ("component", "precision", "loose"):
            getattr(self, name)[rows] = getattr(found, name)


def each(make: Callable[..., np.ndarray], *alike: Any) -> Any:
    """What `make` makes of the arrays that stand at one place of several truths (or parts of them), as a truth."""
    first = alike[0]
    if isinstance(first, np.ndarray):
        return make(*alike)
    if isinstance(first, dict):
        return {key: each(make, *(one[key] for one in alike)) for key in first}
    fields = zip(*(vars(one).values() for one in alike), strict=True)
    return type(first)(*(each(make, *parts) for parts in fields))


def proved(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    """The truth at one group of points; unresolved where `LIMIT` bits are not enough.

    Points that need more are given up as soon as the format's own range cannot be what is missing.
    """
    active = np.arange(len(points))
    truth: Truth | None = None
    looked = False
    before: Enclosure | None = None  # the gradients of the precision before, for what no longer narrows
    for bits in precisions():
        with precision(bits), ties(len(active)) as met:
            found = evaluate_chunk(formula, points.select(active), component[active], wanted)
        if truth is None:
            truth = found
        narrow_enough: list[np.ndarray] = []
        told = found.gradient  # before both sides of a tie narrow it
        for part, tight in tightness(formula, found, format, tolerance):
            if part is found.gradient and before is not None:
                # elsewhere a ball that is as wide as before is one that needs many more bits
                kinks = met.lanes[:, None] & no_longer_narrows(before, part, format, tolerance)
                together = np.flatnonzero((kinks & ~tight).any(axis=1) & hanging_together(met))
                if together.size:
                    rows, told = active[together], part.copy()
                    with precision(bits):
                        balls = slopes_between_sides(formula, points.select(rows), component[rows])
                    _narrowed(part, together, enclosure(balls))
                tight |= kinks
            # what looks undefined must look so at two precisions
            tight &= (part.state != INVALID) | (bits > START)
            part.state[~tight] = UNRESOLVED
            narrow_enough.append(tight)
        settled = at_all_elements(narrow_enough)
        truth.put(active, found)
        if settled.all():
            break
        before = None if told is None else told[~settled]
        active = active[~settled]
        if not looked and bits >= 2 * (format.precision - format.min_exponent):
            looked, near = True, ~out_of_reach(formula, points.select(active))
            before = None if before is None else before[near]
            active = active[near]
            if not active.size:
                break
    assert truth is not None
    return truth


def _narrowed(part: Enclosure, rows: np.ndarray, told: Enclosure) -> None:
    """Put what is told of some rows of a half, but where either knows no number."""
    numbers = (part.state[rows] == PROVED) & (told.state == PROVED)
    at, column = np.nonzero(numbers)
    part.put((rows[at], column), told[at, column])


def out_of_reach(formula: Formula, points: Points) -> np.ndarray:
    """At which points the formula adds numbers so far apart that at `LIMIT` bits nothing is left of the smaller one."""
    lost = np.zeros(len(points), dtype=bool)
    with precision(START):
        value = as_reals(formula(*lifted(formula, points, ARB, True).values()), ARB)
        for node in on_the_way(value):
            if node.origin is not None and node.origin.operation in ("add", "sub"):
                x, y = (_magnitudes(one.data, len(points)) for one in node.origin.operands)
                # of a vector, any two of its elements may be those that were added
                lost |= (_largest(x) - _least(y) > LIMIT) | (_largest(y) - _least(x) > LIMIT)
    return lost


def _magnitudes(balls: np.ndarray, lanes: int) -> np.ndarray:
    """The exponents of each lane's numbers, as doubles; NaN for zeros and what is not finite."""
    flat = balls.reshape(len(balls), -1)
    return np.broadcast_to(np.asarray(_magnitude(flat), dtype=np.float64), (lanes, flat.shape[1]))


def _largest(magnitudes: np.ndarray) -> np.ndarray:
    return np.fmax.reduce(magnitudes, axis=1, initial=-math.inf)


def _least(magnitudes: np.ndarray) -> np.ndarray:
    return np.fmin.reduce(magnitudes, axis=1, initial=math.inf)


def _magnitude_of(ball: Any) -> float:
    middle = ball.mid()
    if not middle.is_finite() or middle == 0:
        return math.nan
    mantissa, exponent = middle.man_exp()
    return float(int(exponent) + mantissa.bit_length())


_magnitude: Any = np.frompyfunc(_magnitude_of, 1, 1)


def answered(
    formula: Formula,
    points: Points,
    component: np.ndarray,
    of: Of,
    asked: Callable[[np.ndarray, np.ndarray], np.ndarray],
    most: int = LIMIT,
) -> np.ndarray:
    """What one half's exact numbers answer to a question, as states of shape (N, numbers): yes, no, or undecided.

    `asked` is given some rows and the balls of their numbers, at rising precision until each has answered, or at `most`
    bits.
    """
    states: np.ndarray | None = None
    left = np.arange(len(points))
    for bits in precisions():
        told: np.ndarray | None = None
        for which in groups(formula, points.select(left)):  # a formula may branch on what is chosen
            rows = left[which]
            with precision(bits):
                given, wanted = lifted(formula, points.select(rows), ARB, True), Wanted(of is Of.GRAD, False)
                halves = evaluated(formula, given, len(rows), component[rows], wanted, ARB)
                answers = asked(rows, halves[-1][0].reshape(len(rows), -1))
            told = np.empty((len(left), *answers.shape[1:]), answers.dtype) if told is None else told
            told[which] = answers
        assert told is not None
        states = told if states is None else states
        states[left] = told
        left = left[(told == UNDECIDED).any(axis=1)]
        if not left.size or bits >= most:
            break
    assert states is not None
    return states


def conditioning_at(
    formula: Formula, points: Points, component: np.ndarray, of: Of, element: np.ndarray
) -> np.ndarray:
    """What conditioning forgives one element of a half at each point, told to its lower end."""
    told = np.zeros(len(points))
    for group in groups(formula, points):
        for rows in chunks(group, fewer(CHUNK, formula, points)):
            chosen = points.select(rows)
            wanted = Wanted(of is Of.GRAD, True, element[rows])
            with precision(START):
                arguments = lifted(formula, chosen, ARB, True)
                found = evaluated(formula, arguments, len(rows), component[rows], wanted, ARB)
            told[rows] = found[-1][1].reshape(len(rows), -1)[np.arange(len(rows)), element[rows]]
    return told


def evaluate_chunk(formula: Formula, points: Points, component: np.ndarray, wanted: Wanted) -> Truth:
    """One group of points at the current precision; the point's `component` counts modulo the outputs."""
    found = evaluated(formula, lifted(formula, points, ARB, True), len(points), component, wanted, ARB)
    halves = {of: Half(enclosure(exact), terms) for of, (exact, terms) in counted(found, wanted)}
    component = component % max(1, math.prod(found[0][0].shape[1:]))
    loose = any(is_least(half.conditioning, wanted) for half in halves.values())
    return Truth(halves, component, np.full(len(points), ctx.prec), np.full(len(points), loose))


def counted(found: Evaluation, wanted: Wanted) -> Iterator[tuple[Of, tuple[Any, Any]]]:
    """Those halves of an evaluation that count."""
    return ((of, half) for of, half in zip(Of, found, strict=False) if wanted.value or of is Of.GRAD)


def is_least(conditioning: np.ndarray, wanted: Wanted) -> bool:
    """Whether conditioning is told as the least that it can be, for there are too many numbers to tell each."""
    return wanted.conditioning and wanted.element is None and math.prod(conditioning.shape[1:]) > ROWS


def tightness(
    formula: Formula, truth: Truth, format: Format, tolerance: float
) -> Iterator[tuple[Enclosure, np.ndarray]]:
    """Each half's exact numbers, with those among them that are narrow enough to judge.

    Around zero a radius may be `tolerance` of what every routine of the formula is forgiven there; not where a tighter
    tolerance is asked for, because a verdict hangs on it.
    """
    for of, half in truth.halves.items():
        tight = narrow(half.exact, format, tolerance)
        budgets = [routine.budgets[of] for routine in formula.routines.values() if of in routine.budgets]
        if budgets and tolerance >= TOLERANCE:
            forgiven = forgiven_by_all(budgets, half.exact, half.conditioning, format)
            tight |= negligible(half.exact, forgiven, tolerance)
        yield half.exact, tight


def forgiven_by_all(
    budgets: Sequence[Budget], of: Enclosure, conditioning: np.ndarray, format: Format
) -> np.ndarray:
    """What the strictest of these budgets forgives an element near zero, whose own ulps are nothing."""
    forgiven = min(budget.cond for budget in budgets) * format.unit_roundoff * conditioning
    if all(budget.coupled for budget in budgets):
        largest = np.clip(largest_ulp_exponent(of, format), -1074, 1023).astype(np.int32)
        forgiven = forgiven + np.ldexp(1.0, largest)
    return np.asarray(forgiven)


def at_all_elements(holds: Sequence[np.ndarray]) -> np.ndarray:
    """At which points it holds of every element of every array."""
    return np.logical_and.reduce([each.reshape(len(each), -1).all(axis=1) for each in holds])
