"""The largest errors of a function and of its gradient in a batch, by the kind of what they are errors of.

Nothing is asked of a budget. The truth is asked for more closely than a verdict needs it, for a largest error is told
to `NARROW` ulps, and where the formula has no value, or no slope.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import Fate, Of, UsageError, told_of
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.measure import error_of_ball, errors, plain, power_below
from numcheck.reals.ball64.balls import filled
from numcheck.reals.enclosures import (
    INVALID,
    PROVED,
    UNRESOLVED,
    Enclosure,
    binade,
    contradiction,
    ulp_exponent,
)
from numcheck.runs.sweep.behaviour import (
    FLUSHED,
    MIRRORED,
    TURNED,
    flushed,
    looked_at,
    turns,
    turns_closely,
    unlike,
)
from numcheck.runs.sweep.plan import Plan
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
LOOKED_AT, ENOUGH = 64, 8
"""Points that tell whether a function is odd or even, and how many of them must have a truth."""


# What is measured ------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """What one number of a result is of: the value, or the slope by the input at a place.

    `by` names the input where the function has several.
    """

    of: Of
    place: int = 0
    by: str = ""


def halves(formula: Formula) -> list[Of]:
    """What is measured of a function: the value, and the gradient where its page promises one."""
    return [of for of in Of if of in formula.routines[BUILTIN].budgets]


def parts_of(formula: Formula, of: Of) -> list[Part]:
    """The numbers of a half: one of a value, and one of a gradient for each input."""
    if of is Of.VALUE:
        return [Part(of)]
    names = list(formula.inputs)
    return [Part(of, place, name if len(names) > 1 else "") for place, name in enumerate(names)]


@lru_cache(maxsize=4)
def defined(plan: Plan, part: Part) -> range:
    """The points of the plan between which the formula may have a value, at the others NaN is right; or a slope.

    The bounds of a page's domain may be where the formula ends, as a logarithm does at zero, or where looking at it
    does. So the truth is asked at the first number beyond, halfway to the format's largest one, and there. Where the
    points are of several inputs they stand in no order, and it is all of them (`_asked` tells them apart).
    """
    size = plan.space.size
    if len(plan.formula.inputs) > 1:
        return range(size)
    ((name, domain),) = continuous(plan.formula.inputs).items()
    page, every = domain.enumerated(plan.format, None), plan.space.ordinals[name]
    assert isinstance(page, range)
    first = bisect_left(every, page[0] - (page[0] == 0 and plan.format.has_negative_zero))
    stop = bisect_right(every, page[-1])
    # infinities stand at both ends, and are judged each by itself
    below, above = range(first - 1, 0, -1), range(stop, size - 1)
    return range(first if _nowhere(plan, part, below) else 0, stop if _nowhere(plan, part, above) else size)


def _nowhere(plan: Plan, part: Part, numbers: range) -> bool:
    """Whether the formula has nothing there at the first, the middle and the last of these points."""
    return bool(numbers) and all(
        settled(plan, part, plan.space.at([number])).state[0] == INVALID
        for number in (numbers[0], numbers[len(numbers) // 2], numbers[-1])
    )


@lru_cache(maxsize=8)
def parity(plan: Plan, part: Part) -> int:
    """1 where the truth is even, -1 where it is odd, as far as points of every magnitude tell; otherwise 0."""
    if len(plan.formula.inputs) > 1:
        return 0
    (every,) = plan.space.ordinals.values()
    above = np.unique(np.linspace(bisect_left(every, 1), len(every) - 2, LOOKED_AT).astype(np.int64))
    points = plan.space.at(above)
    here, there = settled(plan, part, points), settled(plan, part, mirror(points))
    told = (here.state == PROVED) & (there.state == PROVED)
    if told.sum() < ENOUGH or (here.state != there.state).any():
        return 0
    here, there = here[told], there[told]
    for sign in (1, -1):
        turned = replace(there, high=sign * there.high, low=sign * there.low)
        if not contradiction(here, turned).any():
            return sign
    return 0


def mirror(points: Points) -> Points:
    """The points of the other sign."""
    columns = {name: -x if isinstance(x, Tensor) else x for name, x in points.columns.items()}
    return replace(points, columns=columns)


def _asked(plan: Plan, points: Points) -> np.ndarray:
    """Where only NaN is right if the formula has no value: in the page's domain, and at no zero or infinity.

    Of several numbers the page knows where its formula is the function: beyond, a power of a negative number may have
    a value of which the formula does not speak. And at zeros and infinities conventions hold, as of zero to the zero.
    """
    asked = np.ones(len(points), dtype=bool)
    for name, domain in continuous(plan.formula.inputs).items():
        column = points.columns[name]
        assert isinstance(column, Tensor)
        asked &= domain.contains(column, plan.format) & (column.isfinite() & (column != 0)).numpy()
    return asked


# A batch ----------------------------------------------------------------------------------------------------------


def judged(plan: Plan, begin: int, end: int) -> State:
    """The summaries of every mode, half and kind at the points begin to end."""
    points, count = batch_from(plan, begin), end - begin
    exact: Exact | None = None
    valued, state = torch.ones(count, dtype=torch.bool), dict[tuple[str, str], Summary]()
    for part in (part for of in halves(plan.formula) for part in parts_of(plan.formula, of)):
        results = {routine.name: result_of(plan, routine, part, points)[:count] for routine in plan.routines}
        limits, inside = defined(plan, part), torch.zeros(count, dtype=torch.bool)
        inside[max(limits.start - begin, 0) : max(limits.stop - begin, 0)] = True
        if part.of is Of.GRAD:  # which nobody asks for where there is no value
            inside &= valued
            results = {mode: got.masked_fill(~inside, torch.nan) for mode, got in results.items()}
        if not inside.any() and all(bool(got.isnan().all()) for got in results.values()):
            right = merged(clear(begin, end, plan.space.line), counted({Fate.INVALID: count}))
            state |= {(row_name(mode, part), KINDS[LOST]): right for mode in results}
            continue
        if plain.applies(plan.format):
            exact = exact or truths(plan).of(points)
            known = known_in_doubles(plan, part, points, exact, begin, inside)
        else:
            known = closely_known(plan, part, points, inside)
        if len(plan.formula.inputs) > 1 and part.of is Of.VALUE:
            valued = ~known.nothing
            inside &= ~(known.nothing & torch.from_numpy(_asked(plan, points)[:count]))
        judge, turned = judge_of(plan, known, inside), turns_of(plan, known)
        before: Tensor | None = None
        found: dict[str, Summary] = {}
        for mode, got in results.items():
            # modes often agree to the last bit
            if before is None or not torch.equal(got, before):
                error, kind = judge(got)
                found = _summaries(begin, plan.space.line, got, error, kind, inside, known.unresolved)
                found |= _behaviour(plan, part, known, got, kind, turned, begin)
            state |= {(row_name(mode, part), name): summary for name, summary in found.items()}
            before = got
        sign = parity(plan, part)
        for routine in plan.routines if sign else ():
            got, looked = results[routine.name], inside & ~inputs_of(points)[0][:count].signbit()
            if looked.any():
                reflected = result_of(plan, routine, part, mirror(points))[:count]
                state[row_name(routine.name, part), MIRRORED] = unlike(got, reflected, sign, looked, begin)
    return state


def _behaviour(
    plan: Plan,
    part: Part,
    known: "Known",
    got: Tensor,
    kind: Tensor,
    turned: Callable[[Tensor], Tensor] | None,
    begin: int,
) -> dict[str, Summary]:
    """What the results show beside their errors, where there is something to see."""
    found: dict[str, Summary] = {}
    if turned is not None:
        found[TURNED] = looked_at(turned(got), 0, begin)
    subnormal = kind == SUBNORMAL
    if subnormal.any():
        smallest = plan.format.smallest_subnormal
        found[FLUSHED] = flushed(got, known.high.abs(), subnormal, smallest, begin)
    return found


def turns_of(plan: Plan, known: "Known") -> Callable[[Tensor], Tensor] | None:
    """What tells where a result turns against the truth; None where the points stand in no order."""
    if len(plan.formula.inputs) > 1:
        return None
    if known.closer is not None:
        truth = known.closer
        return lambda got: turns_closely(got, truth)
    look = _machine(turns, plan.compiled and len(known.high) == BATCH)
    return lambda got: look(got, known.high, known.low, known.radius, known.told)


def row_name(mode: str, part: Part) -> str:
    """The row of a part in a mode."""
    return f"{mode} {part.of.value}{part.by and f' by {part.by}'}"


def result_of(plan: Plan, routine: Routine, part: Part, points: Points) -> Tensor:
    """What the routine gives on the plan's device, without a gradient in mind; or the slope of it.

    UsageError where that is no number each: of a function of one's own anything may come.
    """
    columns = inputs_of(points)
    try:
        with torch.set_grad_enabled(part.of is Of.GRAD):
            placed = [x.detach().to(plan.device, copy=True) for x in columns]
            variables = [x.requires_grad_(part.of is Of.GRAD) for x in placed]
            found = routine.function(*variables)
            if part.of is Of.GRAD:
                ones, variable = torch.ones_like(found), variables[part.place]
                (found,) = torch.autograd.grad(found, variable, ones, materialize_grads=len(columns) > 1)
    except Exception as error:  # whatever the function raises
        raise UsageError(f"{routine.name}, {part.of.value}: raised {told_of(error)}") from error
    shape = columns[0].shape
    if not isinstance(found, Tensor) or found.shape != shape or not found.is_floating_point():
        shown = f"{tuple(found.shape)} {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise UsageError(f"{routine.name}: returned {shown} for {tuple(shape)}: return one number for each")
    return found.detach().cpu()


def batch_from(plan: Plan, begin: int) -> Points:
    """A batch, always of the same length, so that the same code runs: the last is filled up with the last number."""
    return plan.space.at(np.minimum(np.arange(begin, begin + BATCH), plan.space.size - 1))


def inputs_of(points: Points) -> list[Tensor]:
    """The numbers of each input."""
    return [x for x in points.columns.values() if isinstance(x, Tensor)]


# What is known of the truth ---------------------------------------------------------------------------------------


class Known(NamedTuple):
    """The truths of a batch as float64 balls, with the power of two below each.

    `told` is where there is a truth, `nothing` where there proves to be none, and of so many points it stays
    `unresolved`. Of formats that such a ball does not tell apart there is the `closer` enclosure, and `high` alone
    tells the range of it.
    """

    high: Tensor
    low: Tensor
    radius: Tensor
    power: Tensor
    told: Tensor
    nothing: Tensor
    unresolved: int
    closer: Enclosure | None = None


def known_in_doubles(
    plan: Plan, part: Part, points: Points, exact: Exact, begin: int, inside: Tensor
) -> Known:
    """The truths by float64 balls, and by Arb where those leave something open."""
    count, balls = len(inside), exact.value if part.of is Of.VALUE else exact.gradient
    assert balls is not None
    filled_up = (filled(one, balls.high) for one in (balls.high, balls.low, balls.radius))
    # contiguous, for their bits are looked at
    high, low, radius = (one.reshape(len(points), -1)[:count, part.place].contiguous() for one in filled_up)
    power = power_below(high, low, radius, plan.format)
    told = _machine(_told, plan.compiled and count == BATCH)(high, low, radius, inside, power, plan.format)
    if plain.is_audited(begin // BATCH, -(-plan.space.size // BATCH)):
        sure = np.zeros(BATCH, dtype=bool)
        sure[:count] = told.numpy()
        plain.audit(plan.formula, points, exact, sure, plan.format)
    rows, unresolved, nothing = np.flatnonzero((inside ^ told).numpy()), 0, ~inside
    if rows.size:
        truth, picked = settled(plan, part, points.select(rows)), torch.from_numpy(rows)
        balls_of_arb = zip((high, low, radius), _in_doubles(truth), strict=True)
        high, low, radius = (one.index_put((picked,), proved) for one, proved in balls_of_arb)
        power = power_below(high, low, radius, plan.format)
        told[picked] = torch.from_numpy(truth.state == PROVED)
        unresolved, nothing[picked] = (
            int((truth.state == UNRESOLVED).sum()),
            torch.from_numpy(truth.state == INVALID),
        )
    _ask_no_signs(plan, part, points, high, told)
    return Known(high, low, radius, power, told, nothing, unresolved)


def closely_known(plan: Plan, part: Part, points: Points, inside: Tensor) -> Known:
    """The truths as Arb has them, for formats that float64 balls do not tell apart."""
    rows, zero = np.flatnonzero(inside.numpy()), np.zeros(len(inside))
    exponent, state = zero.astype(np.int64), np.full(len(inside), INVALID, np.int8)
    truth = Enclosure(zero.copy(), zero.copy(), zero.copy(), exponent, state)
    if rows.size:
        truth.put(rows, settled(plan, part, points.select(rows)))
    told = torch.from_numpy(truth.state == PROVED)
    high = torch.from_numpy(np.where(told.numpy(), truth.nearest(), np.nan))
    _ask_no_signs(plan, part, points, high, told)
    blank, nothing = torch.zeros_like(high), torch.from_numpy(truth.state == INVALID)
    return Known(high, blank, blank, blank, told, nothing, int((truth.state == UNRESOLVED).sum()), truth)


def _ask_no_signs(plan: Plan, part: Part, points: Points, high: Tensor, told: Tensor) -> None:
    """Ask for no pole at -0, where IEEE has the other infinity, as right as that of the formula, which knows one zero.

    Of several numbers a finite truth may hang on that sign, too, as an angle does.
    """
    several, poles = len(plan.formula.inputs) > 1, high.abs() >= 2.0**FAR
    if several:
        zeros = [(x == 0) & x.signbit() for x in inputs_of(points)]
        told &= ~(torch.stack(zeros).any(0)[: len(told)] & poles)
    rows = np.flatnonzero((told if several else told & poles).numpy())
    if rows.size:
        component = np.zeros(len(rows), dtype=np.int64)
        told[rows[hanging_on_signs(plan.formula, points.select(rows), part.of, component)]] = False


def _told(high: Tensor, low: Tensor, radius: Tensor, inside: Tensor, power: Tensor, format: Format) -> Tensor:
    """Where a ball is known, and narrow or so large that every number in it rounds to an infinity."""
    narrow = radius * (2.0 ** (format.precision - 1) / power) <= NARROW
    past = high.abs() - radius >= format.overflow_threshold
    return (narrow | past) & (high == high) & (low == low) & inside


def settled(plan: Plan, part: Part, points: Points, tolerance: float = NARROW) -> Enclosure:
    """The truth of a part at each point, open by so many ulps of the format at most."""
    value = part.of is Of.VALUE
    told = settle(
        plan.formula,
        points,
        plan.format,
        with_value=value,
        with_gradient=not value,
        with_conditioning=False,
        tolerance=tolerance,
    )
    return told.halves[part.of].exact.reshaped((len(points), -1))[:, part.place]


def _in_doubles(truth: Enclosure) -> tuple[Tensor, Tensor, Tensor]:
    """What Arb proved as (high, low, radius) in float64; far beyond every narrower format's range all are alike."""
    by = np.clip(truth.exponent, -FAR, FAR).astype(np.int32)
    infinite = np.isinf(truth.high)
    high = np.ldexp(np.where(infinite, np.sign(truth.high), truth.high), np.where(infinite, FAR, by))
    low, radius = np.ldexp(truth.low, by), np.where(infinite, 0.0, np.ldexp(truth.radius, by))
    return torch.from_numpy(high), torch.from_numpy(low), torch.from_numpy(radius)


@lru_cache(maxsize=16)
def _machine(function: Callable[..., Any], compiled: bool) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False) if compiled else function


def judge_of(plan: Plan, known: Known, inside: Tensor) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """What tells the error of each result in ulps, and its kind as a double."""
    if known.closer is None:
        judge = _machine(_error_and_kind, plan.compiled and len(inside) == BATCH)
        return lambda got: judge(got, *known[:5], inside, plan.format)
    truth, format = known.closer, plan.format
    exponent, leading = ulp_exponent(truth, format), 2.0 ** (format.precision - 1)
    normal = torch.from_numpy(np.isinf(truth.high) | (binade(truth) >= format.min_exponent))

    def closely(got: Tensor) -> tuple[Tensor, Tensor]:
        with np.errstate(all="ignore"):
            error = torch.from_numpy(errors(got.double().numpy(), truth, exponent, format)[0])
        return _kinds(got, error, normal, leading, known.told, inside)

    return closely


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
    return _kinds(got, error, normal, 2.0 ** (format.precision - 1), told, inside)


def _kinds(
    got: Tensor, error: Tensor, normal: Tensor, leading: float, told: Tensor, inside: Tensor
) -> tuple[Tensor, Tensor]:
    """The errors where there is a truth, and the kinds; infinite where only NaN is right and something else came."""
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
