"""The largest errors of a function and of its gradient in a batch, by the kind of what they are errors of.

Nothing is asked of a budget. The truth is asked for more closely than a verdict needs it, for a largest error is told
to `NARROW` ulps, and where the formula has no value, or no slope.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate, Of, UsageError, told_of
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.measure import error_of_ball, plain, power_below
from numcheck.reals.ball64.balls import filled
from numcheck.reals.enclosures import INVALID, PROVED, UNRESOLVED, Enclosure
from numcheck.runs.sweep.plan import LONGEST, Plan
from numcheck.runs.sweep.run import truths
from numcheck.runs.sweep.summary import (
    BINS,
    State,
    Summary,
    Worst,
    clear,
    counted,
    merged,
    summary_of,
    tallied,
)
from numcheck.truth import BATCH, Exact, hanging_on_signs, settle

BUILTIN = "torch_builtin"
"""The routine that calls torch's own function."""
KINDS = ("normal", "subnormal", "lost")
"""Of what a result is: a normal truth, a subnormal one (or zero), or one of which it has no digit, as a wrong NaN."""
NORMAL, SUBNORMAL, LOST, UNJUDGED = range(4)
NARROW = 2.0**-10
"""How far a truth may be open, in ulps of the format: a maximum is off by no more."""
FAR = 900
"""The power of two that stands for an infinity."""
AUDITED = LONGEST // BATCH
"""Of so many batches Arb proves some of one."""


# What is measured ------------------------------------------------------------------------------------------------


def halves(formula: Formula) -> list[Of]:
    """What is measured of a function: the value, and the gradient where its page promises one."""
    return [of for of in Of if of in formula.routines[BUILTIN].budgets]


@lru_cache(maxsize=2)
def defined(plan: Plan, of: Of) -> range:
    """The points of the plan between which the formula may have a value, at the others NaN is right; or a slope.

    The bounds of a page's domain may be where the formula ends, as a logarithm does at zero, or where looking at it
    does. So the truth is asked at the first number beyond, halfway to the format's largest one, and there.
    """
    ((name, domain),) = continuous(plan.formula.inputs).items()
    page, every = domain.enumerated(plan.format, None), plan.space.ordinals[name]
    assert isinstance(page, range) and isinstance(every, range)
    first = page[0] - every[0]
    first -= page[0] == 0 and plan.format.has_negative_zero
    stop, size = page[-1] - every[0] + 1, plan.space.size
    # infinities stand at both ends, and are judged each by itself
    below, above = range(first - 1, 0, -1), range(stop, size - 1)
    return range(first if _nowhere(plan, of, below) else 0, stop if _nowhere(plan, of, above) else size)


def _nowhere(plan: Plan, of: Of, numbers: range) -> bool:
    """Whether the formula has nothing there at the first, the middle and the last of these points."""
    return bool(numbers) and all(
        settled(plan, of, plan.space.at([number])).state[0] == INVALID
        for number in (numbers[0], numbers[len(numbers) // 2], numbers[-1])
    )


# A batch ----------------------------------------------------------------------------------------------------------


def judged(plan: Plan, begin: int, end: int) -> State:
    """The summaries of every mode, half and kind at the points begin to end."""
    points, count = batch_from(plan, begin), end - begin
    x, state = input_of(points), dict[tuple[str, str], Summary]()
    exact: Exact | None = None
    for of in halves(plan.formula):
        results = {routine.name: result_of(routine, of, x)[:count] for routine in plan.routines}
        limits, inside = defined(plan, of), torch.zeros(count, dtype=torch.bool)
        inside[max(limits.start - begin, 0) : max(limits.stop - begin, 0)] = True
        if of is Of.GRAD:  # which nobody asks for where there is no value
            results = {mode: got.masked_fill(~inside, torch.nan) for mode, got in results.items()}
        if not inside.any() and all(bool(got.isnan().all()) for got in results.values()):
            right = merged(clear(begin, end, plan.space.line), counted({Fate.INVALID: count}))
            state |= {(row_name(mode, of), KINDS[LOST]): right for mode in results}
            continue
        exact = exact or truths(plan).of(points)
        known, unresolved = _known(plan, of, points, exact, begin, inside)
        judge = _machine(_error_and_kind, plan.compiled and count == BATCH)
        before: Tensor | None = None
        found: dict[str, Summary] = {}
        for mode, got in results.items():
            # modes often agree to the last bit
            if before is None or not torch.equal(got, before):
                error, kind = judge(got, *known, inside, plan.format)
                found = _summaries(begin, plan.space.line, got, error, kind, inside, unresolved)
            state |= {(row_name(mode, of), name): summary for name, summary in found.items()}
            before = got
    return state


def row_name(mode: str, of: Of) -> str:
    """The row of a half in a mode."""
    return f"{mode} {of.value}"


def result_of(routine: Routine, of: Of, x: Tensor) -> Tensor:
    """What the routine gives, without a gradient in mind; or the slope of it. UsageError where that is no number each.

    Of a function of one's own anything may come.
    """
    try:
        with torch.set_grad_enabled(of is Of.GRAD):
            variable = x.detach().clone().requires_grad_(of is Of.GRAD)
            found = routine.function(variable)
            if of is Of.GRAD:
                (found,) = torch.autograd.grad(found, variable, torch.ones_like(found))
    except Exception as error:  # whatever the function raises
        raise UsageError(f"{routine.name}, {of.value}: raised {told_of(error)}") from error
    if not isinstance(found, Tensor) or found.shape != x.shape or not found.is_floating_point():
        shown = f"{tuple(found.shape)} {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise UsageError(f"{routine.name}: returned {shown} for {tuple(x.shape)}: return one number for each")
    return found.detach()


def batch_from(plan: Plan, begin: int) -> Points:
    """A batch, always of the same length, so that the same code runs: the last is filled up with the last number."""
    return plan.space.at(np.minimum(np.arange(begin, begin + BATCH), plan.space.size - 1))


def input_of(points: Points) -> Tensor:
    """The numbers of the one input."""
    (x,) = points.columns.values()
    assert isinstance(x, Tensor)
    return x


def _known(
    plan: Plan, of: Of, points: Points, exact: Exact, begin: int, inside: Tensor
) -> tuple[tuple[Tensor, ...], int]:
    """The truths as float64 balls, by Arb where those leave something open, and how many of them stay unresolved.

    That is high, low and radius, the power of two below, and where there is a truth.
    """
    count, balls = len(inside), exact.value if of is Of.VALUE else exact.gradient
    assert balls is not None
    parts = (filled(part, balls.high) for part in (balls.high, balls.low, balls.radius))
    high, low, radius = (part.reshape(-1)[:count] for part in parts)
    power = power_below(high, low, radius, plan.format)
    told = _machine(_told, plan.compiled and count == BATCH)(high, low, radius, inside, power, plan.format)
    if begin // BATCH % AUDITED == begin // LONGEST * 5 % AUDITED or plan.space.size < LONGEST:
        sure = np.zeros(BATCH, dtype=bool)
        sure[:count] = told.numpy()
        plain.audit(plan.formula, points, exact, sure, plan.format)
    rows, unresolved = np.flatnonzero((inside ^ told).numpy()), 0
    if rows.size:
        truth, picked = settled(plan, of, points.select(rows)), torch.from_numpy(rows)
        parts = zip((high, low, radius), _in_doubles(truth), strict=True)
        high, low, radius = (part.index_put((picked,), proved) for part, proved in parts)
        power = power_below(high, low, radius, plan.format)
        told[picked] = torch.from_numpy(truth.state == PROVED)
        unresolved = int((truth.state == UNRESOLVED).sum())
    poles = np.flatnonzero((told & (high.abs() >= 2.0**FAR)).numpy())
    if poles.size:
        # at -0 IEEE has the other infinity, as right as that of the formula, which knows one zero: neither is asked for
        component = np.zeros(len(poles), dtype=np.int64)
        told[poles[hanging_on_signs(plan.formula, points.select(poles), of, component)]] = False
    return (high, low, radius, power, told), unresolved


def _told(high: Tensor, low: Tensor, radius: Tensor, inside: Tensor, power: Tensor, format: Format) -> Tensor:
    """Where a ball is known, and narrow or so large that every number in it rounds to an infinity."""
    narrow = radius * (2.0 ** (format.precision - 1) / power) <= NARROW
    past = high.abs() - radius >= format.overflow_threshold
    return (narrow | past) & (high == high) & (low == low) & inside


def settled(plan: Plan, of: Of, points: Points, tolerance: float = NARROW) -> Enclosure:
    """The truth of a half at each point, open by so many ulps of the format at most."""
    value = of is Of.VALUE
    told = settle(
        plan.formula,
        points,
        plan.format,
        with_value=value,
        with_gradient=not value,
        with_conditioning=False,
        tolerance=tolerance,
    )
    return told.halves[of].exact.reshaped((len(points),))


def _in_doubles(truth: Enclosure) -> tuple[Tensor, Tensor, Tensor]:
    """What Arb proved as (high, low, radius) in float64; far beyond every narrower format's range all are alike."""
    by = np.clip(truth.exponent, -FAR, FAR).astype(np.int32)
    infinite = np.isinf(truth.high)
    high = np.ldexp(np.where(infinite, np.sign(truth.high), truth.high), np.where(infinite, FAR, by))
    low, radius = np.ldexp(truth.low, by), np.where(infinite, 0.0, np.ldexp(truth.radius, by))
    return torch.from_numpy(high), torch.from_numpy(low), torch.from_numpy(radius)


@lru_cache(maxsize=4)
def _machine(function: Callable[..., Any], compiled: bool) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False) if compiled else function


def _error_and_kind(
    got: Tensor,
    high: Tensor,
    low: Tensor,
    radius: Tensor,
    power: Tensor,
    told: Tensor,
    inside: Tensor,
    format: Format,
) -> tuple[Tensor, Tensor]:
    """The error of each result in ulps, and its kind as a double; where there is no value NaN is no result."""
    error, _, _ = error_of_ball(got, high, low, radius, power, format)
    normal = high.abs() >= format.smallest_normal
    leading = 2.0 ** (format.precision - 1)
    # an error as large as the truth's leading bit leaves no correct bit
    lost = (normal & (error >= leading)) | ((got.abs() == torch.inf) & (error > 1)) | (error == torch.inf)
    kind = torch.where(lost, float(LOST), torch.where(normal, float(NORMAL), float(SUBNORMAL)))
    unasked = ~inside & (got == got)
    kind = torch.where(told, kind, torch.where(unasked, float(LOST), float(UNJUDGED)))
    return torch.where(unasked, torch.inf, error), kind


def _summaries(
    begin: int, line: int, got: Tensor, error: Tensor, kind: Tensor, inside: Tensor, unresolved: int
) -> dict[str, Summary]:
    """The summary of each kind that is met; that of the lost results knows the points without a truth, too."""
    counts = _histograms(error, kind)
    found: dict[str, Summary] = {}
    for place in (NORMAL, SUBNORMAL):
        if counts[place].any():
            shown = error if counts[place].sum() == len(got) else torch.where(kind == place, error, -1.0)
            at = int(shown.argmax())
            found[KINDS[place]] = tallied(counts[place], Worst(float(shown[at]), begin + at), None)
    lost = clear(begin, begin + len(got), line)
    if counts[LOST].any():
        rows = np.flatnonzero((kind == LOST).numpy())
        fates = _fates(got.double().numpy()[rows], inside.numpy()[rows])
        lost = summary_of(begin, begin + len(got), line, begin + rows, fates, error.numpy()[rows], None)
    unjudged = int(counts[UNJUDGED].sum())
    without = {Fate.INVALID: unjudged - unresolved, Fate.UNRESOLVED: unresolved}
    found[KINDS[LOST]] = merged(lost, counted(without))
    return found


def _histograms(error: Tensor, kind: Tensor) -> np.ndarray:
    """How many errors of each kind lie in each bin: by the power of two at or above each, as its bits tell it."""
    above = ((error.view(torch.int64) + ((1 << 52) - 1)) >> 52) - 1022
    places = above.clamp_(0, len(BINS) - 1).add_(kind.long() * len(BINS))
    return np.bincount(places.numpy(), minlength=(UNJUDGED + 1) * len(BINS)).reshape(-1, len(BINS))


def _fates(got: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What a lost result is: NaN or where NaN is right, an infinity, a zero, or another number."""
    special, fates = np.isnan(got) | ~inside, (Fate.SPECIAL, Fate.OVERFLOW, Fate.UNDERFLOW)
    return np.select([special, np.isinf(got), got == 0], fates, Fate.OVER)
