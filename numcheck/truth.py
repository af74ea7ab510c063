"""Truth: proved values, gradients and conditioning terms of a formula at points, and the second opinion on them.

Points that share their discrete choices are evaluated together, the whole batch at once; lanes that a precision does
not settle run again at twice that precision, the others are left alone.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import arb, ctx

from numcheck.case import Formula
from numcheck.domain import Index, OneOf, Points
from numcheck.formats import Format
from numcheck.reals import arrays as m
from numcheck.reals.arb import ABSENT, ARB
from numcheck.reals.arrays import Arithmetic, Reals
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.settle import (
    EXPONENT_LIMIT,
    INVALID,
    PROVED,
    START,
    TOLERANCE,
    UNRESOLVED,
    Enclosure,
    enclosure,
    narrow,
    no_longer_narrows,
    precision,
    precisions,
    ulp_exponent,
)
from numcheck.reals.tape import gradient, one_hot

CHUNK = 512  # lanes evaluated at once: bounds the memory that a tape of balls takes


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact value, gradient and conditioning terms at each point.

    `value` has shape (N, *out), `gradient` (N, n) over the flattened inputs of `formula.wrt`; `conditioning` holds
    sum(abs(x_i df/dx_i)) for each output, `gradient_conditioning` sum over j of abs(x_j d2f/dx_i dx_j) for each i.
    `component` tells which output the gradient is of; `precision` the bits that settled the point.
    """

    value: Enclosure
    conditioning: np.ndarray
    gradient: Enclosure | None
    gradient_conditioning: np.ndarray | None
    component: np.ndarray
    precision: np.ndarray


# Evaluating a formula ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What is asked of a formula beside its value."""

    gradient: bool
    conditioning: bool


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A formula's arrays over one group of points, still in the arithmetic's own numbers."""

    value: np.ndarray
    conditioning: np.ndarray
    gradient: np.ndarray | None
    gradient_conditioning: np.ndarray | None


def groups(formula: Formula, points: Points) -> Iterator[np.ndarray]:
    """Indices of points that share every discrete choice, in chunks."""
    keys = [
        points.columns[name] for name, domain in formula.inputs.items() if isinstance(domain, OneOf | Index)
    ]
    rows: dict[tuple[Any, ...], list[int]] = {}
    if keys:
        columns = [list(column) if isinstance(column, tuple) else column.tolist() for column in keys]
        for i, key in enumerate(zip(*columns, strict=True)):
            rows.setdefault(key, []).append(i)
    else:
        rows[()] = list(range(len(points)))
    for indices in rows.values():
        for start in range(0, len(indices), CHUNK):
            yield np.array(indices[start : start + CHUNK])


def lifted(formula: Formula, points: Points, arithmetic: Arithmetic, trace: bool) -> dict[str, Any]:
    """The formula's arguments for one group of points."""
    arguments: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        column = points.columns[name]
        if isinstance(domain, OneOf | Index):
            choice: Any = column[0] if isinstance(column, tuple) else int(column[0])
            numeric = isinstance(choice, int | float) and not isinstance(choice, bool)
            arguments[name] = m.constant(arithmetic, choice) if numeric else choice
        else:
            assert not isinstance(column, tuple)
            data = column.double().numpy() if domain.differentiable else column.numpy()
            arguments[name] = Reals(arithmetic, arithmetic.lift(data), None, trace and domain.differentiable)
    return arguments


_MOST = sys.float_info.max  # conditioning beyond it forgives no more than this
_magnitude: Any = np.frompyfunc(arb.abs_lower, 1, 1)
_is_finite: Any = np.frompyfunc(arb.is_finite, 1, 1)
_is_absent: Any = np.frompyfunc(lambda x: x is ABSENT, 1, 1)


def _forgiven(inputs: Sequence[Reals], slopes: Sequence[Reals | None], lanes: int) -> np.ndarray:
    """sum over all elements x_i of abs(x_i * slope_i), rounded to float64.

    Each term is the lower end of its ball, which forgives no more than the truth; an input with an infinite or
    undefined term forgives nothing.
    """
    total = np.zeros(lanes)
    for x, slope in zip(inputs, slopes, strict=True):
        if slope is None:
            continue
        balls = x.data * slope.data
        finite = _is_finite(balls).astype(bool)
        with np.errstate(all="ignore"):
            terms = np.minimum(_magnitude(balls).astype(np.float64), _MOST)
        if not finite.all() and slope.masked:  # infinity times a slope that does not exist
            beside = _is_absent(np.broadcast_to(slope.data, balls.shape)).astype(bool)
            finite, terms = finite | beside, np.where(beside, 0.0, terms)
        with np.errstate(over="ignore"):
            told = terms.reshape(len(terms), -1).sum(axis=1)
            total = np.minimum(total + np.where(finite.reshape(len(terms), -1).all(axis=1), told, 0.0), _MOST)
    return total


def flattened(parts: Sequence[Reals | None], inputs: Sequence[Reals], lanes: int) -> Reals:
    """Derivatives by all inputs side by side, (lanes, n); zero where there is no dependence."""
    rows: list[Reals] = []
    for part, x in zip(parts, inputs, strict=True):
        size = int(np.prod(x.shape))
        part = m.zeros_like(x) if part is None else part
        data = np.broadcast_to(part.data, (lanes, *x.shape))
        rows.append(m.reshape(Reals(part.arithmetic, data, part.origin, part.traced, part.masked), (size,)))
    return m.concatenate(rows)


def evaluate(
    formula: Formula, points: Points, component: np.ndarray, arithmetic: Arithmetic, wanted: Wanted
) -> Evaluation:
    """Value, conditioning and, on request, the gradient with its conditioning, for one group of points."""
    lanes = len(points)
    arguments = lifted(formula, points, arithmetic, True)
    continuous: dict[str, Reals] = {
        name: arguments[name] for name, domain in formula.inputs.items() if domain.differentiable
    }
    wrt = [arguments[name] for name in formula.wrt]
    value = m.as_reals(formula(*arguments.values()), arithmetic)
    data = np.broadcast_to(value.data, (lanes, *value.shape))
    size = int(np.prod(value.shape))
    flat = m.reshape(value, (size,))

    def hot(k: np.ndarray) -> Reals:
        return one_hot(flat, np.arange(size) == k[:, None])

    conditioning = np.zeros((lanes, size))
    slopes: dict[str, Reals | None] = dict.fromkeys(formula.wrt)
    if flat.traced and wanted.conditioning:
        for k in range(size):
            row = gradient(flat, hot(np.full(lanes, k)), list(continuous.values()))
            conditioning[:, k] = _forgiven(list(continuous.values()), row, lanes)
            if size == 1:  # the only row is the gradient asked for
                slopes = dict(zip(continuous, row, strict=True))
    conditioning = conditioning.reshape(data.shape)
    if not wanted.gradient or not wrt:
        return Evaluation(data, conditioning, None, None)
    if flat.traced and not (wanted.conditioning and size == 1):
        slopes = dict(zip(formula.wrt, gradient(flat, hot(component % size), wrt), strict=True))
    slope = flattened([slopes[name] for name in formula.wrt], wrt, lanes)
    width = slope.shape[0]
    terms = np.zeros((lanes, width))
    if slope.traced and wanted.conditioning:
        for i in range(width):
            picked = one_hot(slope, np.broadcast_to(np.arange(width) == i, (lanes, width)))
            seconds = gradient(slope, picked, list(continuous.values()))
            terms[:, i] = _forgiven(list(continuous.values()), seconds, lanes)
    return Evaluation(data, conditioning, slope.data, terms)


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
    pieces: list[tuple[np.ndarray, Truth]] = []
    component = np.arange(count) if component is None else component
    wanted = Wanted(with_gradient, with_conditioning)
    for rows in groups(formula, points):
        pieces.append(
            (rows, _settle_group(formula, points.select(rows), format, wanted, component[rows], tolerance))
        )
    return _joined(pieces, count)


def _settle_group(
    formula: Formula, points: Points, format: Format, wanted: Wanted, component: np.ndarray, tolerance: float
) -> Truth:
    count = len(points)
    active = np.arange(count)
    truth: Truth | None = None
    before: Enclosure | None = None  # the gradients of the precision before, for what no longer narrows
    for bits in precisions():
        with precision(bits):
            found = evaluate_chunk(formula, points.select(active), component[active], wanted)
        if truth is None:
            truth = replace(found, precision=np.full(count, bits))
        settled = np.ones(len(active), dtype=bool)
        for name in ("value", "gradient"):
            part: Enclosure | None = getattr(found, name)
            if part is None:
                continue
            tight = narrow(part, format, tolerance)
            if name == "gradient" and before is not None:
                tight |= no_longer_narrows(before, part, format, tolerance)
            # what looks undefined must look so at two precisions
            tight &= (part.state != INVALID) | (bits > START)
            part.state[~tight] = UNRESOLVED
            settled &= tight.reshape(len(active), -1).all(axis=1)
        truth = _scatter(truth, active, found, bits)
        if settled.all():
            break
        before = None if found.gradient is None else found.gradient[~settled]
        active = active[~settled]
    assert truth is not None
    return truth


def evaluate_chunk(formula: Formula, points: Points, component: np.ndarray, wanted: Wanted) -> Truth:
    """One group of points at the current precision; the point's `component` counts modulo the outputs."""
    found = evaluate(formula, points, component, ARB, wanted)
    return Truth(
        enclosure(found.value),
        found.conditioning,
        None if found.gradient is None else enclosure(found.gradient),
        found.gradient_conditioning,
        component % max(1, int(np.prod(found.value.shape[1:]))),
        np.full(len(points), ctx.prec),
    )


def _scatter(truth: Truth, rows: np.ndarray, found: Truth, bits: int) -> Truth:
    for target, source in ((truth.value, found.value), (truth.gradient, found.gradient)):
        if target is not None and source is not None and target is not source:
            target.put(rows, source)
    truth.conditioning[rows] = found.conditioning
    if truth.gradient_conditioning is not None and found.gradient_conditioning is not None:
        truth.gradient_conditioning[rows] = found.gradient_conditioning
    truth.precision[rows] = bits
    return truth


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
    bits = 2 * int(truth.precision[i]) + 64
    with precision(bits):
        first = _mp_value(formula, point)
    with precision(2 * bits):
        second = _mp_value(formula, point)
        for key in np.ndindex(second.shape):
            if truth.value.state[(i, *key)] != PROVED:
                continue
            high = truth.value.high[(i, *key)]
            if np.isinf(high):
                if second[key] != high:
                    return f"value {high}, but mpmath has {second[key]}"
                continue
            exponent = int(truth.value.exponent[(i, *key)])
            if abs(exponent) >= EXPONENT_LIMIT:  # only the sign and the end that it lies beyond are told
                beyond = CONTEXT.mag(second[key]) * exponent > 0
                if not (beyond and (high == 0 or CONTEXT.sign(second[key]) * high > 0)):
                    return f"value beyond every exponent, but mpmath has {CONTEXT.nstr(second[key], 20)}"
                continue
            exact, allowed = _exact(truth.value, (i, *key)), _allowed(truth.value, (i, *key), format)
            if not (abs(second[key] - exact) <= allowed and abs(first[key] - exact) <= allowed):
                told, found = CONTEXT.nstr(exact, 20), CONTEXT.nstr(second[key], 20)
                return f"value {told}, but mpmath has {found} at {describe(point)}"
    return _gradient_disagreement(formula, point, truth, i, format)


def _gradient_disagreement(
    formula: Formula, point: Points, truth: Truth, i: int, format: Format
) -> str | None:
    slopes = truth.gradient
    if slopes is None or (slopes.state[i] != PROVED).any() or not np.isfinite(slopes.high[i]).all():
        return None
    if not narrow(slopes[i], format, TOLERANCE).all():
        return None  # a kink: its interval is wide on purpose
    # what is far below the format's range would only cost the difference digits
    live = (slopes.high[i] != 0) & (slopes.exponent[i] > format.min_exponent - 2 * format.precision)
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
