"""Running a routine over points, and one fate for each of them.

`execute` runs a routine as its callers would, the whole batch at once, value and gradient; `judge` compares the result
with the truth under the routine's budget. Every point gets exactly one fate.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from numcheck.case import LARGEST, Budget, Fate, Formula, Routine, UsageError
from numcheck.domain import Points
from numcheck.formats import FORMATS, Format, format_of
from numcheck.reals.settle import (
    INVALID,
    PROVED,
    TOLERANCE,
    Enclosure,
    binade,
    narrow,
    negligible,
    ulp_exponent,
)
from numcheck.truth import Truth, forgiven_by_all, settle


class RoutineError(UsageError):
    """A routine broke its contract: it returned the wrong type, shape or dtype."""


def check_device(device: str) -> None:
    """Raise UsageError where torch has no such device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UsageError(f"no device {device!r} here: write cpu, or cuda where torch sees a GPU") from None


# Running ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a routine gave: `value` (N, *out) and `gradient` (N, n) as exact float64, each in its own format.

    `crashes` maps a point to the message of the exception that it raised.
    """

    value: np.ndarray
    value_format: Format
    gradient: np.ndarray | None
    gradient_format: Format
    crashes: Mapping[int, str]

    def select(self, rows: np.ndarray) -> "Outcome":
        """What it gave at some of the points."""
        crashes: dict[int, str] = {}
        if self.crashes:
            crashes = {i: self.crashes[row] for i, row in enumerate(rows.tolist()) if row in self.crashes}
        gradient = None if self.gradient is None else self.gradient[rows]
        return Outcome(self.value[rows], self.value_format, gradient, self.gradient_format, crashes)


@dataclass(frozen=True, eq=False)
class _Batch:
    value: torch.Tensor
    gradient: torch.Tensor | None
    crashes: dict[int, str]


def execute(
    routine: Routine,
    points: Points,
    format: Format,
    device: str,
    component: np.ndarray | None,
    backward: bool,
) -> Outcome:
    """Run `routine` at `points` on `device`; `component` picks the output that each point's gradient is of."""
    pieces: list[tuple[np.ndarray, _Batch]] = []
    for rows in _by_settings(routine.formula, points):
        chosen = None if component is None else component[rows]
        alike = points if len(rows) == len(points) else points.select(rows)
        pieces.append((rows, _attempt(routine, alike, device, chosen, backward)))
    whole = [batch for _, batch in pieces if len(batch.crashes) < len(batch.value)] or [
        batch for _, batch in pieces
    ]
    shape, dtype = whole[0].value.shape[1:], whole[0].value.dtype
    value = np.full((len(points), *shape), np.nan)
    width = _width(routine.formula, points)
    gradient = np.full((len(points), width), np.nan) if backward else None
    crashes: dict[int, str] = {}
    gradient_format = format
    for rows, batch in pieces:
        crashes.update({int(rows[i]): message for i, message in batch.crashes.items()})
        if len(batch.crashes) == len(rows):
            continue
        if batch.value.shape[1:] != shape or batch.value.dtype != dtype:
            raise RoutineError(
                f"{routine.name}: returned {tuple(batch.value.shape[1:])} {batch.value.dtype} for some points and "
                f"{tuple(shape)} {dtype} for others; return one shape and dtype"
            )
        value[rows] = batch.value.double().numpy()
        if gradient is not None and batch.gradient is not None:
            gradient[rows] = batch.gradient.double().numpy()
            gradient_format = format_of(batch.gradient.dtype)
    return Outcome(value, format_of(dtype), gradient, gradient_format, crashes)


def _by_settings(formula: Formula, points: Points) -> Iterator[np.ndarray]:
    settings = [points.columns[name] for name in formula.inputs if isinstance(points.columns[name], tuple)]
    if not settings:
        yield np.arange(len(points))
        return
    rows: dict[tuple[Any, ...], list[int]] = {}
    for i in range(len(points)):
        rows.setdefault(tuple(column[i] for column in settings), []).append(i)
    for indices in rows.values():
        yield np.array(indices)


def _width(formula: Formula, points: Points) -> int:
    columns = [points.columns[name] for name in formula.wrt]
    return sum(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, torch.Tensor))


def _components(formula: Formula, points: Points) -> int:
    """How many numbers of the format a point consists of."""
    columns = [points.columns[name] for name, domain in formula.inputs.items() if domain.differentiable]
    return sum(int(np.prod(column.shape[1:])) for column in columns if isinstance(column, torch.Tensor))


def _attempt(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> _Batch:
    """Run a batch; where it raises, halve it until the points that raise stand alone."""
    try:
        return _run(routine, points, device, component, backward)
    except RoutineError:
        raise
    except Exception as error:  # a routine may raise anything; the exception becomes the point's fate
        count = len(points)
        if count == 1 or _always_raises(routine, points, device, component, backward):
            message = (
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
            )
            return _Batch(torch.full((count,), torch.nan), None, dict.fromkeys(range(count), message))
    middle = count // 2
    left, right = (
        _attempt(
            routine, points.select(rows), device, None if component is None else component[rows], backward
        )
        for rows in (np.arange(middle), np.arange(middle, count))
    )
    return _combined(left, right, middle)


def _always_raises(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> bool:
    """Whether eight points spread over the batch each raise alone: then so, we take it, does every one."""
    for i in np.unique(np.linspace(0, len(points) - 1, 8).astype(int)):
        try:
            part = None if component is None else component[[i]]
            _run(routine, points.select(np.array([i])), device, part, backward)
            return False
        except RoutineError:
            raise
        except Exception:  # raising is what is asked about
            continue
    return True


def _combined(left: _Batch, right: _Batch, middle: int) -> _Batch:
    crashes = left.crashes | {middle + i: message for i, message in right.crashes.items()}
    sound = left if len(left.crashes) < len(left.value) else right

    def padded(batch: _Batch) -> _Batch:
        if len(batch.crashes) < len(batch.value):
            return batch
        count = len(batch.value)
        value = torch.full((count, *sound.value.shape[1:]), torch.nan, dtype=sound.value.dtype)
        if sound.gradient is None:
            return _Batch(value, None, batch.crashes)
        gradient = torch.full((count, *sound.gradient.shape[1:]), torch.nan, dtype=sound.gradient.dtype)
        return _Batch(value, gradient, batch.crashes)

    a, b = padded(left), padded(right)
    gradient = None if a.gradient is None or b.gradient is None else torch.cat([a.gradient, b.gradient])
    return _Batch(torch.cat([a.value, b.value]), gradient, crashes)


def arguments_of(routine: Routine, points: Points, device: str, backward: bool) -> dict[str, Any]:
    """The tensors, labels and settings with which a routine is called."""
    arguments: dict[str, Any] = {}
    for name in routine.formula.inputs:
        column = points.columns[name]
        if isinstance(column, tuple):
            arguments[name] = column[0]
            continue
        tensor = column.to(device, copy=True)
        arguments[name] = tensor.requires_grad_(backward and name in routine.formula.wrt)
    return arguments


def cotangent_of(out: torch.Tensor, component: np.ndarray | None) -> torch.Tensor:
    """One at each point's component, zero elsewhere: backward then gives that row of the Jacobian."""
    flat = torch.zeros_like(out).reshape(len(out), -1)
    chosen = torch.zeros(len(out), dtype=torch.int64) if component is None else torch.from_numpy(component)
    return flat.scatter(1, chosen.to(out.device)[:, None], 1.0).reshape(out.shape)


def _run(
    routine: Routine, points: Points, device: str, component: np.ndarray | None, backward: bool
) -> _Batch:
    arguments = arguments_of(routine, points, device, backward)
    with torch.set_grad_enabled(backward):
        out = routine.function(**arguments)
    _check_result(routine, out, len(points))
    value = out.detach().cpu()
    if not backward:
        return _Batch(value, None, {})
    variables = [arguments[name] for name in routine.formula.wrt]
    if not out.requires_grad:
        raise RuntimeError("the result does not depend on its inputs through autograd")
    slopes = torch.autograd.grad(out, variables, cotangent_of(out, component), allow_unused=True)
    rows = [
        (torch.zeros_like(x) if slope is None else slope).detach().cpu().reshape(len(points), -1)
        for x, slope in zip(variables, slopes, strict=True)
    ]
    return _Batch(value, torch.cat(rows, dim=1), {})


def _check_result(routine: Routine, out: object, count: int) -> None:
    if not isinstance(out, torch.Tensor):
        raise RoutineError(
            f"{routine.name}: returned {type(out).__name__}; return one tensor with a leading batch axis"
        )
    if out.ndim == 0 or out.shape[0] != count:
        raise RoutineError(
            f"{routine.name}: returned shape {tuple(out.shape)} for a batch of {count}; "
            f"return one result per point, ({count}, ...), for example with reduction='none'"
        )
    if out.dtype not in {f.dtype for f in FORMATS}:
        raise RoutineError(f"{routine.name}: returned {out.dtype}; return a floating-point tensor")


# Judging ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Judgement:
    """Error, share of the budget and fate, for every number that a routine gave; shape (N, numbers per point).

    `error` is in ulps of the format at the truth, `allowed` the budget in the same unit, `forgiven` its second term.
    `margin` is how much of `spent` the truth's own radius leaves open.
    """

    got: np.ndarray
    truth: Enclosure
    error: np.ndarray
    allowed: np.ndarray
    forgiven: np.ndarray
    spent: np.ndarray
    margin: np.ndarray
    fate: np.ndarray
    unit: np.ndarray
    """Exponent of the unit that error and allowance are counted in."""
    format: Format

    @functools.cached_property
    def worst_element(self) -> np.ndarray:
        """For each point, its element with the gravest fate, and among those the one that spent most."""
        return np.argmax(
            _GRAVITY[self.fate] * 1e30 + np.minimum(np.nan_to_num(self.spent, nan=1e29), 1e29), axis=1
        )

    def of_points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(fate index, spent, error in ulps) of each point, taken from its worst element."""
        rows, worst = np.arange(len(self.fate)), self.worst_element
        return self.fate[rows, worst], self.spent[rows, worst], self.error[rows, worst]


FATES = tuple(Fate)
_INDEX = {fate: i for i, fate in enumerate(FATES)}
# which element speaks for its point: a crash before a wrong special value before an overflow ... before within
_GRAVITY = np.array(
    [
        {
            "crash": 8,
            "special": 7,
            "overflow": 6,
            "underflow": 5,
            "over": 4,
            "unresolved": 3,
            "gap": 2,
            "within": 1,
        }.get(f, 0)
        for f in FATES
    ],
    dtype=np.float64,
)


def in_units(got: np.ndarray, exponent: np.ndarray, format: Format) -> np.ndarray:
    """Each number in units of 2**exponent; an infinity counts as the power of two after the format's largest number."""
    infinite = np.isinf(got)
    power = np.where(infinite, format.max_exponent + 1, 0)
    finite = np.where(infinite, np.sign(got), got)
    return np.ldexp(finite, np.clip(power - exponent, -2100, 2100).astype(np.int32))


def in_ulps(
    got: np.ndarray, truth: Enclosure, exponent: np.ndarray, format: Format
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each number from the truth's midpoint, and the truth's radius, in units of 2**exponent."""
    # In ulps from the start: a truth near zero has an exponent so low that a result scaled by it is infinite.
    scaled = in_units(got, exponent, format)
    shift = np.clip(truth.exponent - exponent, -2100, 2100).astype(np.int32)
    high, low, radius = (np.ldexp(part, shift) for part in (truth.high, truth.low, truth.radius))
    return np.abs((scaled - high) - low), radius


_MOST_LENIENT = Budget(LARGEST, LARGEST, coupled=True)


def judge(
    got: np.ndarray,
    truth: Enclosure,
    conditioning: np.ndarray,
    budget: Budget,
    format: Format,
    components: int,
    crashes: Mapping[int, str],
    signed_zero: bool,
) -> Judgement:
    """The fate of every number in `got`, which is in `format`, against proved truths.

    `signed_zero` asks that a zero carry the sign of a truth too small for the format, where the budget is less than an
    ulp: a wider one reaches across zero anyway. A gradient cannot promise that: autograd adds up parts, and IEEE
    addition turns -0 + 0 into +0.
    """
    count = len(got)
    got = got.reshape(count, -1)
    truth = truth.reshaped(got.shape)
    conditioning = conditioning.reshape(got.shape)
    exponent = ulp_exponent(truth, format)
    if budget.coupled:
        exponent = np.broadcast_to(exponent.max(axis=1, keepdims=True), exponent.shape)
    with np.errstate(all="ignore"):
        difference, radius = in_ulps(got, truth, exponent, format)
        # a wide truth is met anywhere inside it: an interval on purpose (a kink), or a ball around zero
        wide = ~(radius <= 1 / 8)
        error = np.where(wide, difference - radius, difference)
        error = np.where(difference <= radius, 0.0, error)  # nothing tells such a result from the truth
        error = np.where(
            _rounds_to_infinity(truth, format) & (got == np.copysign(np.inf, truth.high)), 0.0, error
        )
        forgiven = (budget.cond + (components if budget.gamma else 0)) * format.unit_roundoff * conditioning
        forgiven = np.nan_to_num(
            np.ldexp(forgiven, np.clip(-exponent, -2100, 2100).astype(np.int32)), nan=0.0, posinf=np.inf
        )
        allowed = budget.ulps + forgiven
        spent = np.where(error == 0, 0.0, error / allowed)
        interval = wide
        if wide.any():
            # a ball around zero is no interval, however lenient the budgets that it was settled for
            most = forgiven_by_all([_MOST_LENIENT], truth, conditioning, format)
            interval = wide & ~negligible(truth, most, TOLERANCE)
        margin = np.where(interval | (radius == 0), 0.0, radius / allowed)
    fate = _fates(got, truth, spent, format)
    if signed_zero:
        fate[_wrong_zeros(got, truth, format) & ~wide & (spent <= 1) & (allowed < 1)] = _INDEX[Fate.SPECIAL]
    lost = ~np.isfinite(got) & (fate != _INDEX[Fate.WITHIN])
    spent, error = np.where(lost, np.inf, spent), np.where(lost, np.inf, error)
    unjudged = truth.state != PROVED
    spent, error = np.where(unjudged, 0.0, spent), np.where(unjudged, 0.0, error)
    for i in crashes:
        fate[i], spent[i], error[i] = _INDEX[Fate.CRASH], np.inf, np.inf
    return Judgement(got, truth, error, allowed, forgiven, spent, margin, fate, exponent, format)


def _fates(got: np.ndarray, truth: Enclosure, spent: np.ndarray, format: Format) -> np.ndarray:
    """The fate of each number, the later rule before the earlier.

    An infinity is within where the truth rounds to it. Just below, an infinity has been measured
    as the power of two after the largest number, which is what rounding to nearest takes it for (IEEE 754-2019, section
    4.3.1): within if the budget reaches so far, else an overflow.
    """
    fate = np.full(got.shape, _INDEX[Fate.WITHIN], np.int8)
    over = ~(spent <= 1)  # a share that is no number is over, too
    infinite = np.isinf(got)
    normal = binade(truth) >= format.min_exponent
    fate[over] = _INDEX[Fate.OVER]
    fate[over & normal & (np.abs(got) < format.smallest_normal)] = _INDEX[Fate.UNDERFLOW]
    fate[over & infinite] = _INDEX[Fate.OVERFLOW]
    fate[over & infinite & _rounds_to_infinity(truth, format)] = _INDEX[Fate.SPECIAL]  # of the wrong sign
    fate[np.isinf(truth.high) & ~infinite] = _INDEX[Fate.SPECIAL]
    fate[np.isnan(got)] = _INDEX[Fate.SPECIAL]
    fate[truth.state == INVALID] = _INDEX[Fate.INVALID]
    fate[truth.state > INVALID] = _INDEX[Fate.UNRESOLVED]
    return fate


def _rounds_to_infinity(truth: Enclosure, format: Format) -> np.ndarray:
    """Where the truth is infinite or rounds beyond the format's largest number."""
    magnitude, exponent = np.abs(truth.high), truth.exponent - 1
    least = 1.0 - format.unit_roundoff / 2  # the mantissa in [1/2, 1) from which the last binade rounds up
    beyond = (exponent > format.max_exponent) | ((exponent == format.max_exponent) & (magnitude >= least))
    return (magnitude == np.inf) | (beyond & (magnitude != 0))


def _wrong_zeros(got: np.ndarray, truth: Enclosure, format: Format) -> np.ndarray:
    """Zeros of the wrong sign, where the truth's sign is known and it rounds to zero itself."""
    tiny = truth.exponent <= format.min_exponent - format.precision
    known = (truth.high != 0) & (truth.radius < np.abs(truth.high))
    return (got == 0) & known & tiny & (np.signbit(got) != np.signbit(truth.high))


# Measuring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Measurement:
    """A routine at points: what it gave and how that was judged, of its value or of its gradient."""

    routine: Routine
    of: str
    format: Format
    device: str
    points: Points
    judgement: Judgement
    crashes: Mapping[int, str]
    component: np.ndarray


def measure(
    routine: Routine, points: Points, truth: Truth, format: Format, device: str, backward: bool = True
) -> list[Measurement]:
    """Value, and gradient where the routine promises one, judged at every point."""
    backward = backward and has_gradient(routine) and truth.gradient is not None
    outcome = execute(routine, points, format, device, truth.component, backward)
    return assess(routine, points, truth, format, device, outcome)


def has_gradient(routine: Routine) -> bool:
    """Whether the routine promises a gradient."""
    return routine.grad is not None and bool(routine.formula.wrt)


def assess(
    routine: Routine, points: Points, truth: Truth, format: Format, device: str, outcome: Outcome
) -> list[Measurement]:
    """What a routine gave at some points, judged there: its value, and the gradient where it gave one."""
    components = _components(routine.formula, points)
    expected, got = truth.value.shape[1:], outcome.value.shape[1:]
    if expected != got and len(outcome.crashes) < len(points):
        raise RoutineError(
            f"{routine.name}: returned shape {got} per point; {routine.formula.name} gives {expected or 'one number'}"
        )
    value = outcome.value if expected == got else np.full(truth.value.shape, np.nan)
    made = [("value", value, truth.value, truth.conditioning, routine.value, outcome.value_format)]
    if outcome.gradient is not None and truth.gradient is not None and routine.grad is not None:
        assert truth.gradient_conditioning is not None
        made.append(
            (
                "grad",
                outcome.gradient,
                truth.gradient,
                truth.gradient_conditioning,
                routine.grad,
                outcome.gradient_format,
            )
        )
    measurements: list[Measurement] = []
    for of, numbers, exact, conditioning, budget, out_format in made:
        exact = _sharpened(routine.formula, points, truth, of, exact, format, out_format)
        judgement = judge(
            numbers, exact, conditioning, budget, out_format, components, outcome.crashes, of == "value"
        )
        measurements.append(
            Measurement(routine, of, format, device, points, judgement, outcome.crashes, truth.component)
        )
    return [_decided(m, truth.loose) for m in measurements]


def _sharpened(
    formula: Formula,
    points: Points,
    truth: Truth,
    of: str,
    exact: Enclosure,
    format: Format,
    out_format: Format,
) -> Enclosure:
    """The truth, tight enough for the format of the result where that is finer than the points' own.

    A ball that is wide only because a coarse format settled it must not pass for the interval of a kink.
    """
    if out_format.precision <= format.precision and out_format.min_exponent >= format.min_exponent:
        return exact
    wide = ~narrow(exact, out_format, TOLERANCE).reshape(len(points), -1).all(axis=1)
    rows = np.flatnonzero(wide)
    if not rows.size:
        return exact
    again = settle(
        formula,
        points.select(rows),
        out_format,
        with_gradient=of == "grad",
        with_conditioning=False,
        component=truth.component[rows],
    )
    tight = again.value if of == "value" else again.gradient
    assert tight is not None
    sharper = exact.copy()
    sharper.put(rows, tight)
    return sharper


_VERDICT = ("error", "allowed", "forgiven", "spent", "margin", "fate")


def _decided(measurement: Measurement, loose: np.ndarray) -> Measurement:
    """Settle again, more tightly, the points whose verdict hangs on the truth's radius or on loose conditioning."""
    judged = measurement.judgement
    open_verdict = (
        (np.abs(judged.spent - 1) <= judged.margin) & (judged.margin > 0) & np.isfinite(judged.spent)
    )
    open_verdict |= loose[:, None] & (judged.spent > 1) & np.isfinite(judged.spent)
    rows = np.flatnonzero(open_verdict.any(axis=1))
    if not rows.size:
        return measurement
    routine, points = measurement.routine, measurement.points.select(rows)
    tight = settle(
        routine.formula,
        points,
        judged.format,
        with_gradient=measurement.of == "grad",
        component=measurement.component[rows],
        tolerance=2.0**-60,
    )
    exact = tight.value if measurement.of == "value" else tight.gradient
    conditioning = tight.conditioning if measurement.of == "value" else tight.gradient_conditioning
    budget = routine.value if measurement.of == "value" else routine.grad
    assert exact is not None and conditioning is not None and budget is not None
    again = judge(
        judged.got[rows].reshape(exact.shape),
        exact,
        conditioning,
        budget,
        judged.format,
        _components(routine.formula, points),
        {},
        measurement.of == "value",
    )
    decided = {name: getattr(judged, name).copy() for name in _VERDICT}
    for name, numbers in decided.items():
        numbers[rows] = getattr(again, name)
    return replace(measurement, judgement=replace(judged, **decided))


def tally(fates: np.ndarray) -> dict[str, int]:
    """How many points met each fate; the counts add up to the points."""
    return {fate.value: int((fates == i).sum()) for i, fate in enumerate(FATES)}


Progress = Callable[[str, int, int], None]
