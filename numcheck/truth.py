"""Truth: proved values, gradients and conditioning terms of a formula at points, and the second opinion on them.

Points are evaluated together, the whole batch at once; those apart whose choices a formula branches on (`kindred`).
Float64 balls come first; the lanes that they do not settle go to Arb, and those that a precision does not settle run
again at twice that precision. Some of what float64 has settled is proved again by Arb in every run (`audit`).
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from flint import ctx

from numcheck.declaration.budgets import LARGEST, Budget
from numcheck.declaration.formulas import Formula
from numcheck.domain import Column, Points
from numcheck.formats import Format, format_of
from numcheck.reals import arrays as m
from numcheck.reals import trust
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Arithmetic, Reals
from numcheck.reals.ball64 import Ball64Arithmetic, Balls
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.settle import (
    EXPONENT_LIMIT,
    INVALID,
    LIMIT,
    PROVED,
    START,
    TOLERANCE,
    UNRESOLVED,
    ContradictionError,
    Enclosure,
    contradiction,
    enclosure,
    enclosure_of_float64,
    narrow,
    negligible,
    no_longer_narrows,
    precision,
    precisions,
    ulp_exponent,
)
from numcheck.reals.tape import gradient, one_hot

CHUNK = 512  # lanes of Arb balls evaluated at once: bounds the memory that their tape takes
LANES = 2**14  # the same for float64 balls
FEWEST = 256
"""Lanes below which float64 balls, some hundred torch calls an operation, are no faster than Arb's."""
BALLS = Ball64Arithmetic(scaled=True)
FLOAT64 = 53  # told as the precision that settled a point
FILTERED = 24  # bits of the widest significand that float64 balls are asked to judge
AUDITED = 1 / 256  # share of the points settled in float64 that Arb proves again
_MOST = sys.float_info.max
# how far the conditioning may be open: of itself, or of an ulp that the largest budget forgives
LOOSE = 2.0**-10


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
        slopes, beside = self.gradient, self.gradient_conditioning
        return Truth(
            self.value[rows],
            self.conditioning[rows],
            None if slopes is None else slopes[rows],
            None if beside is None else beside[rows],
            self.component[rows],
            self.precision[rows],
            self.loose[rows],
        )


# Evaluating a formula ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What is asked of a formula beside its value."""

    gradient: bool
    conditioning: bool


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A formula's arrays over one group of points, still in the arithmetic's own numbers."""

    value: Any
    conditioning: Any
    gradient: Any | None
    gradient_conditioning: Any | None


Kin = Mapping[str, Mapping[Any, Any]]
"""For discrete inputs, of each choice the one with which it shares a batch."""


def groups(formula: Formula, points: Points, kin: Kin = MappingProxyType({})) -> Iterator[np.ndarray]:
    """Indices of points that share every discrete choice, or choices that are kin."""
    keys: list[list[Any]] = []
    for name, domain in formula.inputs.items():
        if domain.discrete:
            column = points.columns[name]
            choices = list(column) if isinstance(column, tuple) else column.tolist()
            heads = kin.get(name, {})
            keys.append([heads.get(choice, choice) for choice in choices])
    rows: dict[tuple[Any, ...], list[int]] = {}
    if keys:
        for i, key in enumerate(zip(*keys, strict=True)):
            rows.setdefault(key, []).append(i)
    else:
        rows[()] = list(range(len(points)))
    for indices in rows.values():
        yield np.array(indices)


def kindred(formula: Formula, points: Points) -> Kin:
    """Which numbers among an input's choices the formula takes side by side, because it branches on none of them.

    The formula itself is asked, at one of the points: two choices are kin where it answers both at once.
    """
    shapes = tuple(None if isinstance(c, tuple) else c.shape[1:] for c in points.columns.values())
    known = _known_kin(formula, shapes)
    for name, domain in formula.inputs.items():
        if domain.discrete:
            met = known.setdefault(name, {})
            for choice in _choices(points.columns[name]):
                if choice not in met:
                    point, heads = points.select([0]), dict.fromkeys(met.values())
                    kin = (head for head in heads if _are_kin(formula, point, name, head, choice))
                    met[choice] = next(kin, choice)
    return known


@cache
def _known_kin(formula: Formula, shapes: tuple[Any, ...]) -> dict[str, dict[Any, Any]]:
    """What `kindred` has found for points of these shapes, of the choices that it has met."""
    return {}


def _are_kin(formula: Formula, point: Points, name: str, one: Any, other: Any) -> bool:
    if not all(_is_number(choice) and float(choice) == choice for choice in (one, other)):
        return False  # a double has to hold them
    both, column = point.select([0, 0]), formula.inputs[name].column([one, other], format_of("float32"))
    points = replace(both, columns={**both.columns, name: column})
    try:
        with precision(START):
            formula(*lifted(formula, points, ARB, True).values())
    except m.VariesError:
        return False
    return True


def _choices(column: Column) -> tuple[Any, ...]:
    """What occurs among the choices of some points."""
    return tuple(dict.fromkeys(column if isinstance(column, tuple) else column.tolist()))


def _is_number(choice: Any) -> bool:
    return isinstance(choice, int | float) and not isinstance(choice, bool)


def _in_chunks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def lifted(formula: Formula, points: Points, arithmetic: Arithmetic, trace: bool) -> dict[str, Any]:
    """The formula's arguments for one group of points; a choice that they share is one number."""
    arguments: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        column = points.columns[name]
        if domain.discrete:
            choice, *others = _choices(column)
            if others:
                numbers = torch.tensor(column, dtype=torch.float64) if isinstance(column, tuple) else column
                arguments[name] = Reals(arithmetic, arithmetic.lift(numbers.double()))
            else:
                arguments[name] = m.constant(arithmetic, choice) if _is_number(choice) else choice
        else:
            assert not isinstance(column, tuple)
            data = column.double() if domain.differentiable else column
            arguments[name] = Reals(arithmetic, arithmetic.lift(data), None, trace and domain.differentiable)
    return arguments


def _forgiven(inputs: Sequence[Reals], slopes: Sequence[Reals | None], lanes: int) -> Any:
    """sum over all elements x_i of abs(x_i * slope_i), in the arithmetic's own numbers, for each lane."""
    arithmetic = inputs[0].arithmetic
    terms: list[tuple[Any, bool]] = []
    for x, slope in zip(inputs, slopes, strict=True):
        if slope is not None:
            product = arithmetic.masked if slope.masked else arithmetic.binary
            terms.append((product("mul", x.data, slope.data), slope.masked))
    return arithmetic.forgiven(terms, lanes)


def flattened(parts: Sequence[Reals | None], inputs: Sequence[Reals], lanes: int) -> Reals:
    """Derivatives by all inputs side by side, (lanes, n); zero where there is no dependence."""
    rows: list[Reals] = []
    for part, x in zip(parts, inputs, strict=True):
        size = int(np.prod(x.shape))
        part = m.zeros_like(x) if part is None else part
        data = part.arithmetic.broadcast(part.data, (lanes, *x.shape))
        rows.append(m.reshape(Reals(part.arithmetic, data, part.origin, part.traced, part.masked), (size,)))
    return m.concatenate(rows)


def evaluate(
    formula: Formula, arguments: Mapping[str, Any], lanes: int, component: np.ndarray, wanted: Wanted
) -> Evaluation:
    """Value, conditioning and, on request, the gradient with its conditioning, for one group of points.

    `component` counts modulo the outputs, and like every array may have a single lane that stands for all.
    """
    continuous: dict[str, Reals] = {
        name: arguments[name] for name, domain in formula.inputs.items() if domain.differentiable
    }
    arithmetic = next(x for x in arguments.values() if isinstance(x, Reals)).arithmetic
    wrt = [arguments[name] for name in formula.wrt]
    value = m.as_reals(formula(*arguments.values()), arithmetic)
    data = arithmetic.broadcast(value.data, (lanes, *value.shape))
    size = int(np.prod(value.shape))
    flat = m.reshape(value, (size,))

    def hot(k: np.ndarray) -> Reals:
        return one_hot(flat, np.arange(size) == k[:, None])

    def side_by_side(rows: list[Any]) -> Any:
        return arithmetic.concatenate([row.reshape((lanes, 1)) for row in rows], 1)

    slopes: dict[str, Reals | None] = dict.fromkeys(formula.wrt)
    rows: list[Any] = []
    for k in range(size) if flat.traced and wanted.conditioning else ():
        row = gradient(flat, hot(np.array([k])), list(continuous.values()))
        rows.append(_forgiven(list(continuous.values()), row, lanes))
        if size == 1:  # the only row is the gradient asked for
            slopes = dict(zip(continuous, row, strict=True))
    nothing = arithmetic.forgiven([], lanes)
    conditioning = side_by_side(rows or [nothing] * size).reshape((lanes, *value.shape))
    if not wanted.gradient or not wrt:
        return Evaluation(data, conditioning, None, None)
    if flat.traced and not (wanted.conditioning and size == 1):
        slopes = dict(zip(formula.wrt, gradient(flat, hot(component % size), wrt), strict=True))
    slope = flattened([slopes[name] for name in formula.wrt], wrt, lanes)
    width = slope.shape[0]
    rows = []
    for i in range(width) if slope.traced and wanted.conditioning else ():
        picked = one_hot(slope, np.arange(width) == np.array([[i]]))
        rows.append(
            _forgiven(list(continuous.values()), gradient(slope, picked, list(continuous.values())), lanes)
        )
    return Evaluation(data, conditioning, slope.data, side_by_side(rows or [nothing] * width))


# Settling ---------------------------------------------------------------------------------------------------------


def settle(
    formula: Formula,
    points: Points,
    format: Format,
    *,
    with_gradient: bool = True,
    with_conditioning: bool = True,
    component: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> Truth:
    """Proved values, gradients and conditioning terms of `formula` at `points`, tight enough to judge `format`."""
    count = len(points)
    component = np.arange(count) if component is None else component
    wanted = Wanted(with_gradient, with_conditioning)

    def settled(rows: np.ndarray) -> Truth:
        return _settle_group(formula, points.select(rows), format, wanted, component[rows], tolerance)

    pieces: list[tuple[np.ndarray, Truth]] = []
    for group in groups(formula, points, kindred(formula, points)):
        for rows in _in_chunks(group, LANES):
            try:
                pieces.append((rows, settled(rows)))
            except m.VariesError:  # the formula branches on two choices together
                apart = [rows[alike] for alike in groups(formula, points.select(rows))]
                pieces.extend((alike, settled(alike)) for alike in apart)
    truth = _joined(pieces, count)
    audit(formula, points, truth, format)
    return truth


def _settle_group(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    """Float64 balls, and Arb for the lanes that those leave open."""
    truth, left = None, np.arange(len(points))
    if len(points) >= FEWEST and format.precision <= FILTERED and tolerance >= TOLERANCE:
        trust.look(BALLS.device)
        truth = _in_float64(formula, points, format, wanted, component)
        narrow_enough = [tight for _, tight in _tight(formula, truth, format, tolerance)]
        left = np.flatnonzero(~_at_all_elements(narrow_enough))
    pieces: list[tuple[np.ndarray, Truth]] = []
    for rows in _in_chunks(left, CHUNK):
        pieces.append(
            (rows, _in_arb(formula, points.select(rows), format, wanted, component[rows], tolerance))
        )
    if truth is None:
        return _joined(pieces, len(points))
    for rows, found in pieces:
        _put(truth, rows, found)
    return truth


def _tight(
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


def _at_all_elements(holds: Sequence[np.ndarray]) -> np.ndarray:
    """At which points it holds of every element of every array."""
    return np.logical_and.reduce([each.reshape(len(each), -1).all(axis=1) for each in holds])


def _in_float64(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray
) -> Truth:
    """What float64 balls say of one group of points, narrow enough or not."""
    count = len(points)
    found = evaluate(formula, lifted(formula, points, BALLS, True), count, component, wanted)
    value = enclosure_of_float64(found.value)
    conditioning, loose = _lower_end(found.conditioning, value, format)
    slopes = slope_conditioning = None
    if found.gradient is not None:
        slopes = enclosure_of_float64(found.gradient)
        assert found.gradient_conditioning is not None
        slope_conditioning, unsure = _lower_end(found.gradient_conditioning, slopes, format)
        loose |= unsure
    component = component % max(1, int(np.prod(value.shape[1:])))
    return Truth(value, conditioning, slopes, slope_conditioning, component, np.full(count, FLOAT64), loose)


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


def _in_arb(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    active = np.arange(len(points))
    truth: Truth | None = None
    before: Enclosure | None = None  # the gradients of the precision before, for what no longer narrows
    for bits in precisions():
        with precision(bits):
            found = evaluate_chunk(formula, points.select(active), component[active], wanted)
        if truth is None:
            truth = found
        narrow_enough: list[np.ndarray] = []
        for part, tight in _tight(formula, found, format, tolerance):
            if part is found.gradient and before is not None:
                tight |= no_longer_narrows(before, part, format, tolerance)
            # what looks undefined must look so at two precisions
            tight &= (part.state != INVALID) | (bits > START)
            part.state[~tight] = UNRESOLVED
            narrow_enough.append(tight)
        settled = _at_all_elements(narrow_enough)
        _put(truth, active, found)
        if settled.all():
            break
        before = None if found.gradient is None else found.gradient[~settled]
        active = active[~settled]
    assert truth is not None
    return truth


def evaluate_chunk(formula: Formula, points: Points, component: np.ndarray, wanted: Wanted) -> Truth:
    """One group of points at the current precision; the point's `component` counts modulo the outputs."""
    found = evaluate(formula, lifted(formula, points, ARB, True), len(points), component, wanted)
    return Truth(
        enclosure(found.value),
        found.conditioning,
        None if found.gradient is None else enclosure(found.gradient),
        found.gradient_conditioning,
        component % max(1, int(np.prod(found.value.shape[1:]))),
        np.full(len(points), ctx.prec),
        np.zeros(len(points), dtype=bool),
    )


def _put(truth: Truth, rows: np.ndarray, found: Truth) -> None:
    """Overwrite some points in place."""
    for target, source in ((truth.value, found.value), (truth.gradient, found.gradient)):
        if target is not None and source is not None and target is not source:
            target.put(rows, source)
    truth.conditioning[rows] = found.conditioning
    if truth.gradient_conditioning is not None and found.gradient_conditioning is not None:
        truth.gradient_conditioning[rows] = found.gradient_conditioning
    truth.precision[rows] = found.precision
    truth.loose[rows] = found.loose


def _joined(pieces: Sequence[tuple[np.ndarray, Truth]], count: int) -> Truth:
    order = np.argsort(np.concatenate([rows for rows, _ in pieces]), kind="stable")

    def join(get: Callable[[Truth], np.ndarray]) -> np.ndarray:
        return np.concatenate([get(piece) for _, piece in pieces])[order]

    def join_enclosures(get: Callable[[Truth], Enclosure]) -> Enclosure:
        names = Enclosure.__dataclass_fields__
        return Enclosure(*(join(lambda piece, name=name: getattr(get(piece), name)) for name in names))

    first = pieces[0][1]
    return Truth(
        join_enclosures(lambda piece: piece.value),
        join(lambda piece: piece.conditioning),
        None if first.gradient is None else join_enclosures(lambda piece: piece.gradient),  # type: ignore[arg-type, return-value]
        None if first.gradient_conditioning is None else join(lambda piece: piece.gradient_conditioning),  # type: ignore[arg-type, return-value]
        join(lambda piece: piece.component),
        join(lambda piece: piece.precision),
        join(lambda piece: piece.loose),
    )


# The audit --------------------------------------------------------------------------------------------------------


def audit(formula: Formula, points: Points, truth: Truth, format: Format, share: float = AUDITED) -> int:
    """Prove some of the points that float64 balls have settled again with Arb, others each time; how many those were.

    Raises ContradictionError where the two have no number in common.
    """
    settled = np.flatnonzero(truth.precision == FLOAT64)
    if not settled.size:
        return 0
    count = min(len(settled), max(2, int(share * len(settled))))
    rows = np.sort(np.random.default_rng().choice(settled, count, replace=False))
    slopes = None if truth.gradient is None else truth.gradient[rows]
    audit_enclosures(formula, points.select(rows), truth.value[rows], slopes, truth.component[rows], format)
    return len(rows)


def audit_enclosures(
    formula: Formula,
    points: Points,
    value: Enclosure,
    slopes: Enclosure | None,
    component: np.ndarray,
    format: Format,
) -> None:
    """Prove these points with Arb; ContradictionError where an enclosure has no number in common with Arb's."""
    wanted = Wanted(slopes is not None, False)
    # apart by every choice, also where a batch was not: so the audit sees whether choices side by side were kept apart
    for group in groups(formula, points):
        for rows in _in_chunks(group, CHUNK):
            chosen = points.select(rows)
            proved = _in_arb(formula, chosen, format, wanted, component[rows], TOLERANCE)
            for of, ours, theirs in (("value", value, proved.value), ("gradient", slopes, proved.gradient)):
                if ours is None or theirs is None:
                    continue
                wrong = contradiction(ours[rows], theirs).reshape(len(rows), -1).any(axis=1)
                if wrong.any():
                    where = describe(chosen.select(np.flatnonzero(wrong)[:1]))
                    raise ContradictionError(
                        f"{formula.name}: float64 balls and Arb prove different {of}s at {where}"
                    )


# The second opinion -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opinion:
    """How many truths were recomputed in mpmath, and every one that came out elsewhere."""

    checked: int
    disagreements: tuple[str, ...]


def second_opinion(
    formula: Formula, points: Points, truth: Truth, format: Format, rows: np.ndarray | None = None
) -> Opinion:
    """Recompute truths in mpmath at two precisions: values, and gradients as central differences.

    The differences share no rule with the tape: each point's gradient is tested along one direction in which every
    component counts about the same. Kinks and what is not proved are left to the value alone. `rows` are the points
    to recompute, all by default.
    """
    checked, disagreements = 0, []
    for i in range(len(points)) if rows is None else rows.tolist():
        one = points.select(np.array([i]))
        told = _disagreement(formula, one, truth, i, format)
        checked += 1
        if told:
            disagreements.append(f"{formula.name} in {format.name}: {told}")
    return Opinion(checked, tuple(disagreements))


def _mp_value(formula: Formula, point: Points, moved: Mapping[str, Any] | None = None) -> np.ndarray:
    arguments = lifted(formula, point, MP, False)
    for name, shift in (moved or {}).items():
        arguments[name] = Reals(MP, arguments[name].data + shift)
    data = m.as_reals(formula(*arguments.values()), MP).data
    return data[:1].reshape(data.shape[1:])


def _exact(truth: Enclosure, key: Any) -> Any:
    return (CONTEXT.mpf(float(truth.high[key])) + CONTEXT.mpf(float(truth.low[key]))) * CONTEXT.mpf(2) ** int(
        truth.exponent[key]
    )


def _allowed(truth: Enclosure, key: Any, format: Format) -> Any:
    ulp = CONTEXT.mpf(2) ** int(ulp_exponent(truth[key], format))
    return (
        CONTEXT.mpf(float(truth.radius[key])) * CONTEXT.mpf(2) ** int(truth.exponent[key]) + TOLERANCE * ulp
    )


def _disagreement(formula: Formula, point: Points, truth: Truth, i: int, format: Format) -> str | None:
    """What mpmath has instead, at precisions that tell the same: a formula may cancel more bits than settled it."""
    bits = 2 * int(truth.precision[i]) + 64
    told, sure = _value_disagreement(formula, point, truth, i, format, bits)
    while told and not sure and bits < LIMIT:
        bits *= 2
        told, sure = _value_disagreement(formula, point, truth, i, format, bits)
    return told or _gradient_disagreement(formula, point, truth, i, format)


def _value_disagreement(
    formula: Formula, point: Points, truth: Truth, i: int, format: Format, bits: int
) -> tuple[str | None, bool]:
    """What mpmath has instead at so many bits and twice as many; and whether those two agree with each other."""
    with precision(bits):
        first = _mp_value(formula, point)
    with precision(2 * bits):
        second = _mp_value(formula, point)
        for key in np.ndindex(second.shape):
            if truth.value.state[(i, *key)] != PROVED:
                continue
            same = first[key] == second[key]
            high = truth.value.high[(i, *key)]
            if np.isinf(high):
                if second[key] != high:
                    return f"value {high}, but mpmath has {second[key]}", same
                continue
            exponent = int(truth.value.exponent[(i, *key)])
            if abs(exponent) >= EXPONENT_LIMIT:  # only the sign and the end that it lies beyond are told
                beyond = CONTEXT.mag(second[key]) * exponent > 0
                if not (beyond and (high == 0 or CONTEXT.sign(second[key]) * high > 0)):
                    return (
                        f"value beyond every exponent, but mpmath has {CONTEXT.nstr(second[key], 20)}",
                        same,
                    )
                continue
            exact, allowed = _exact(truth.value, (i, *key)), _allowed(truth.value, (i, *key), format)
            if not (abs(second[key] - exact) <= allowed and abs(first[key] - exact) <= allowed):
                told, found = CONTEXT.nstr(exact, 20), CONTEXT.nstr(second[key], 20)
                close = bool(abs(first[key] - second[key]) <= allowed)
                return f"value {told}, but mpmath has {found} at {describe(point)}", close
    return None, True


def _gradient_disagreement(
    formula: Formula, point: Points, truth: Truth, i: int, format: Format
) -> str | None:
    slopes = truth.gradient
    if slopes is None or (slopes.state[i] != PROVED).any() or not np.isfinite(slopes.high[i]).all():
        return None
    # along a kink there is no derivative, and what is far below the format's range would only cost digits
    live = narrow(slopes[i], format, TOLERANCE) & (slopes.high[i] != 0)
    live &= slopes.exponent[i] > format.min_exponent - 2 * format.precision
    live &= (
        slopes.exponent[i] < 2**13
    )  # far above every format a direction of its size would vanish beside the point
    if not live.any():
        return None
    # direction_j = 2**-exponent(slope_j): every component adds between 1/2 and 1 to the directional derivative
    exponents = slopes.exponent[i]
    inputs = [point.columns[name] for name in formula.wrt]
    largest = max([0, *(-int(e) for e in exponents[live])])
    # a constant input may lie as close to a kink as a moved one
    near = [point.columns[name] for name, domain in formula.inputs.items() if domain.differentiable]
    tiniest = min(_smallest_exponent(column) for column in near)
    step_exponent = -(largest + 200) + min(0, tiniest)
    for_bits = 4 * -step_exponent + 2 * max(0, *exponents[live].tolist()) + 1000
    with precision(min(for_bits, 40_000)):
        step = CONTEXT.mpf(2) ** step_exponent
        moves: dict[str, Any] = {}
        start = 0
        for name, column in zip(formula.wrt, inputs, strict=True):
            assert not isinstance(column, tuple)
            size = int(np.prod(column.shape[1:]))
            direction = [
                CONTEXT.mpf(2) ** -int(e) if alive else CONTEXT.mpf(0)
                for e, alive in zip(exponents[start : start + size], live[start : start + size], strict=True)
            ]
            moves[name] = np.array(direction, dtype=object).reshape((1, *column.shape[1:])) * step
            start += size
        ahead = _mp_value(formula, point, moves)
        behind = _mp_value(formula, point, {name: -move for name, move in moves.items()})
        k = int(truth.component[i])
        got = (ahead.reshape(-1)[k] - behind.reshape(-1)[k]) / (2 * step)
        want = sum(
            (
                _exact(slopes, (i, j)) * CONTEXT.mpf(2) ** -int(exponents[j])
                for j in range(len(live))
                if live[j]
            ),
            CONTEXT.mpf(0),
        )
        # each term is known to 1/64 ulp of the format, and adds at most one
        allowed = int(live.sum()) * (CONTEXT.mpf(2) ** (1 - format.precision) / 64 + CONTEXT.mpf(2) ** -60)
        floored = sum(
            (
                _allowed(slopes, (i, j), format) * CONTEXT.mpf(2) ** -int(exponents[j])
                for j in range(len(live))
                if live[j]
            ),
            CONTEXT.mpf(0),
        )
        if not abs(got - want) <= max(allowed, floored):
            told, found = CONTEXT.nstr(want, 20), CONTEXT.nstr(got, 20)
            return f"directional derivative {told}, but mpmath's difference has {found} at {describe(point)}"
    return None


def _smallest_exponent(column: Any) -> int:
    values = np.abs(column.double().numpy())
    values = values[(values > 0) & np.isfinite(values)]
    return int(np.floor(np.log2(values.min()))) if values.size else 0


def describe(point: Points) -> str:
    """The point as name=value text."""
    return ", ".join(
        f"{name}={column[0] if isinstance(column, tuple) else column[0].tolist()}"
        for name, column in point.columns.items()
    )
