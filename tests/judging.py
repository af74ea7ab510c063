"""Numbers in, verdicts out: the one place where tests of the judge touch its names and its arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import frexp, inf, nan
from typing import Any

import numpy as np
import torch

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Gap, formula_of, routine_of
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis import devices
from numcheck.diagnosis.diagnose import Diagnosis
from numcheck.domain import Points, real, vector
from numcheck.formats import Format, format_of
from numcheck.measure import error, judge, measurement
from numcheck.measure import plain as plain_points
from numcheck.measure.execute import Given, Outcome
from numcheck.measure.measurement import Measurement
from numcheck.reals import enclosures
from numcheck.reals.ball64 import Balls
from numcheck.reals.enclosures import Enclosure
from numcheck.runs import verdict as verdicts
from numcheck.runs.examine import Examined
from numcheck.runs.search import Searched, Tested
from numcheck.runs.sweep import run as sweeps
from numcheck.runs.witnesses import Witness, Witnesses
from numcheck.truth import Half, Truth, proofs, settling

TWO = Fraction(2)
STATES = {enclosures.PROVED: "proved", enclosures.INVALID: "undefined", enclosures.UNRESOLVED: "unresolved"}
FATES = tuple(fate.word for fate in Fate)


def power(exponent: int) -> Fraction:
    return TWO**exponent


def exponent_of(x: Fraction) -> int:
    """The exponent e of abs(x) in [2**(e - 1), 2**e); x is not zero."""
    n, d = abs(x.numerator), x.denominator
    e = n.bit_length() - d.bit_length()
    return e + 1 if abs(x) >= power(e) else e


# Truths -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ball:
    """A proved truth: every real within `radius` of `middle`; an infinity, or nothing that is known of a number."""

    middle: Fraction | float
    radius: Fraction = Fraction(0)
    state: str = "proved"


UNDEFINED, UNRESOLVED = Ball(nan, state="undefined"), Ball(nan, state="unresolved")


def exactly(x: Fraction) -> float:
    assert Fraction(float(x)) == x, f"{x} is no float64"
    return float(x)


def _parts(ball: Ball) -> tuple[float, float, float, int, int]:
    state = next(number for number, word in STATES.items() if word == ball.state)
    if isinstance(ball.middle, float):
        return ball.middle, 0.0, inf if ball.state == "unresolved" else 0.0, 0, state
    size = ball.middle or ball.radius
    if size == 0:
        return 0.0, 0.0, 0.0, 0, state
    high, more = frexp(float(ball.middle / power(exponent_of(size))))
    exponent = exponent_of(size) + more
    low = ball.middle / power(exponent) - Fraction(high)
    return high, exactly(low), exactly(ball.radius / power(exponent)), exponent, state


def enclosure(*balls: Ball, shape: tuple[int, ...] | None = None) -> Enclosure:
    """The balls as the package keeps them, in one row by default."""
    high, low, radius, exponent, state = zip(*map(_parts, balls), strict=True)
    return Enclosure(
        np.array(high), np.array(low), np.array(radius), np.array(exponent), np.array(state, np.int8)
    ).reshaped(shape or (1, len(balls)))  # fmt: skip


def beyond(sign: int, exponent: int, width: float = 0.0) -> Enclosure:
    """One ball around 3/4 of a power of two that no Fraction could hold."""
    parts = (np.array([[x]]) for x in (0.75 * sign, 0.0, width))
    return Enclosure(*parts, np.array([[exponent]]), np.array([[enclosures.PROVED]], np.int8))


def read(found: Enclosure) -> list[Ball]:
    """The balls that an enclosure keeps."""
    balls: list[Ball] = []
    parts = (found.high, found.low, found.radius, found.exponent, found.state)
    for high, low, radius, exponent, state in zip(*(part.ravel().tolist() for part in parts), strict=True):
        if not np.isfinite(high) or not np.isfinite(radius):
            balls.append(Ball(high, Fraction(0), STATES[state]))
        else:
            unit = power(exponent)
            balls.append(
                Ball((Fraction(high) + Fraction(low)) * unit, Fraction(radius) * unit, STATES[state])
            )
    return balls


def units(found: Enclosure, format: Format) -> list[int]:
    """Exponents of the units in the last place."""
    return enclosures.ulp_exponent(found, format).ravel().tolist()


def largest_units(found: Enclosure, format: Format) -> list[list[int]]:
    """For each point, exponents of the largest of its units."""
    return enclosures.largest_ulp_exponent(found, format).tolist()


def narrow(found: Enclosure, format: Format) -> list[bool]:
    """Which balls are tight enough to judge the format."""
    return enclosures.narrow(found, format, enclosures.TOLERANCE).ravel().tolist()


def negligible(ball: Ball | Enclosure, forgiven: float) -> bool:
    found = enclosure(ball) if isinstance(ball, Ball) else ball
    return bool(enclosures.negligible(found, np.array([[forgiven]]), enclosures.TOLERANCE).item())


def unchanged(before: Ball, now: Ball, format: Format) -> bool:
    """Whether a ball is an interval on purpose: twice the precision left it as it was."""
    found = enclosures.no_longer_narrows(enclosure(before), enclosure(now), format, enclosures.TOLERANCE)
    return bool(found.item())


def contradict(one: Ball | Enclosure, other: Ball | Enclosure) -> bool:
    a, b = (enclosure(each) if isinstance(each, Ball) else each for each in (one, other))
    first, second = (enclosures.contradiction(*pair).item() for pair in ((a, b), (b, a)))
    assert first == second
    return bool(first)


def forgiven(
    budgets: Sequence[Budget], found: Enclosure, conditioning: Sequence[float], format: Format
) -> list[float]:
    """What the strictest budget forgives beside ulps."""
    terms = np.array(conditioning, float).reshape(found.shape)
    return proofs.forgiven_by_all(budgets, found, terms, format).ravel().tolist()


def float64_balls(*balls: tuple[float, float, float]) -> Balls:
    """Float64 balls of (high, low, radius), a point each."""
    high, low, radius = (torch.tensor(part, dtype=torch.float64) for part in zip(*balls, strict=True))
    return Balls(high, low, radius)


def from_float64(*balls: tuple[float, float, float]) -> list[Ball]:
    return read(enclosures.enclosure_of_float64(float64_balls(*balls)))


def lower_end(
    conditioning: Sequence[tuple[float, float, float]], found: Enclosure, format: Format, scale: float = 0.0
) -> tuple[list[float], bool]:
    """The least that a point's conditioning terms may be, and whether one is loose: may be much more.

    They are float64 balls, all times exp(`scale`).
    """
    balls = float64_balls(*conditioning)
    if scale:
        balls = replace(balls, scale=Balls(torch.full((len(conditioning),), scale, dtype=torch.float64)))
    balls = balls.each(lambda part: part.reshape(found.shape))
    lower, loose = settling._lower_end(balls, found, format)
    return lower.ravel().tolist(), bool(loose.item())


# Judgements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """What came of a row of numbers, or of all points one after the other."""

    fates: list[str]
    error: list[float]
    allowed: list[float]
    spent: list[float]
    margin: list[float]


def told(judgement: judge.Judgement) -> Judged:
    parts = (getattr(judgement, name).ravel().tolist() for name in ("error", "allowed", "spent", "margin"))
    return Judged(_words(judgement.fate), *parts)


def _words(fates: np.ndarray) -> list[str]:
    return [Fate(number).word for number in fates.ravel().tolist()]


def _numbers_of(words: Sequence[str]) -> np.ndarray:
    return np.array([Fate[word.upper()] for word in words], np.int8)


def judgement(
    got: Sequence[float],
    truth: Enclosure,
    budget: Budget,
    format: Format,
    conditioning: Sequence[float] | None = None,
    components: int = 1,
    crashes: Mapping[int, str] | None = None,
    of: Of = Of.VALUE,
) -> judge.Judgement:
    shape = truth.shape
    terms = np.zeros(shape) if conditioning is None else np.array(conditioning, float).reshape(shape)
    given = Given(np.array(got).reshape(shape), format)
    return judge.judge(of, given, Half(truth, terms), budget, components, crashes or {})


def judged(got: Sequence[float], truth: Enclosure | Sequence[Ball], *rest: Any, **more: Any) -> Judged:
    """One point's numbers against its truths."""
    truth = truth if isinstance(truth, Enclosure) else enclosure(*truth)
    return told(judgement(got, truth, *rest, **more))


def met(fates: Sequence[Sequence[str]], spent: Sequence[Sequence[float]], format: Format) -> judge.Judgement:
    """A judgement of rows of elements that met such fates; their errors are the shares of the budget."""
    share = np.array(spent, float)
    nothing, numbers = np.zeros(share.shape), np.stack([_numbers_of(row) for row in fates])
    truth = enclosure(*[Ball(Fraction(1))] * share.size, shape=share.shape)
    return judge.Judgement(nothing, truth, share, nothing, nothing, share, nothing, numbers, nothing, format)


def spoken(fates: Sequence[Sequence[str]], spent: Sequence[Sequence[float]]) -> list[tuple[str, float]]:
    """The fate and the share that each point is told by, of rows of elements that met such fates."""
    worst = met(fates, spent, format_of("float32")).worst
    assert repr(worst.spent) == repr(worst.error)
    return list(zip(_words(worst.fate), worst.spent.tolist(), strict=True))


def counted(fates: Sequence[str]) -> dict[str, int]:
    return measurement.tally(_numbers_of(fates))


def plainly(
    got: Sequence[float], balls: Sequence[Ball], ulps: float, format: Format, numbers: int = 1
) -> list[tuple[bool, float]]:
    """Whether each result is plainly within so many ulps, and its error, as a sweep's quick look tells it."""
    high = torch.tensor([float(ball.middle) for ball in balls], dtype=torch.float64)
    low = torch.tensor(
        [exactly(Fraction(ball.middle) - Fraction(float(ball.middle))) for ball in balls], dtype=torch.float64
    )
    radius = torch.tensor([exactly(ball.radius) for ball in balls], dtype=torch.float64)
    shape = (-1, numbers) if numbers > 1 else (-1,)
    truth = Balls(high, low, radius).each(lambda part: part.reshape(shape))
    off = plain_points.plain(torch.tensor(got, dtype=torch.float64).reshape(shape), truth, ulps, format)
    return [(error == error, error) for error in off.tolist()]


def disagreement(one: judge.Judgement, other: judge.Judgement) -> list[float]:
    """How far the results of two devices lie apart, as a share of what both budgets allow."""
    return devices.disagreement(one, other).ravel().tolist()


def steps_apart(one: float, other: float, format: Format) -> float:
    """How far two numbers lie from each other, in ulps of 1."""
    unit = np.array([1 - format.precision])
    return float(error.apart(np.array([one]), format, np.array([other]), format, unit, np.zeros(1))[0])


# A whole measurement ----------------------------------------------------------------------------------------------


def measured(
    got: Sequence[Sequence[float]],
    truth: Sequence[Sequence[Ball]],
    budget: Budget,
    format: Format,
    result_format: Format | None = None,
    gradient: bool = False,
    loose: Sequence[bool] | None = None,
    at: float = 1.0,
) -> Judged:
    """What is made of results of the identity, of vectors whose components are all `at`, and of truths told of it.

    What was told is taken for the truth wherever it is good enough; where it is not, the identity is settled again,
    and the truth is `at`, or a gradient of 1 and 0: that of the first output at the first point, of the second at the
    second.
    """
    count, size = np.shape(got)
    formula = formula_of(lambda x: x * 1, "Peano 1889", [], None, {"x": _numbers(size)})
    column = torch.full((count, size) if size > 1 else (count,), at, dtype=torch.float64)
    points = Points({"x": column}, np.full(count, "given"))
    shape = (count, size) if size > 1 else (count,)
    exact = enclosure(*[ball for row in truth for ball in row], shape=(count, size))
    right = enclosure(*[Ball(Fraction(at))] * count * size, shape=shape)
    values, zeros = np.full(shape, at), np.zeros((count, size))
    given, made = np.array(got, float), result_format or format
    halves = {Of.VALUE: Half(right if gradient else exact.reshaped(shape), np.zeros(shape))}
    outcome = {Of.VALUE: Given(values if gradient else given.reshape(shape), made)}
    if gradient:
        halves[Of.GRAD] = Half(exact, zeros)
        outcome[Of.GRAD] = Given(given, made)
    told_truth = Truth(
        halves, np.arange(count) % size, np.full(count, 128), np.array(loose or [False] * count)
    )
    routine = routine_of(formula, lambda x: x, "identity", budget, budget)
    found = measurement.measure(routine, points, told_truth, format, "cpu", Outcome(outcome, {}))
    return told(found[-1].judgement)


def _numbers(size: int) -> Any:
    return real(-4, 4) if size == 1 else vector(-4, 4, sizes=(size,))


# Points with fates and causes -------------------------------------------------------------------------------------


def failing(
    fates: Sequence[str],
    causes: Sequence[str | None] | None = None,
    gaps: Sequence[Gap] = (),
    spent: Sequence[float] | None = None,
    *,
    of: Of = Of.VALUE,
    format: str = "float32",
    device: str = "cpu",
    crashes: Mapping[int, str] | None = None,
    sizes: Sequence[int] | None = None,
) -> Examined:
    """A routine's points that met such fates, and what their diagnosis found; in parts of such sizes."""
    formula = formula_of(lambda x: x * 1, "Peano 1889", [], None, {"x": real(0, 100)})
    routine = replace(routine_of(formula, lambda x: x, "identity", Budget(1), Budget(1)), gaps=tuple(gaps))
    shares, given = spent or [0.5] * len(fates), format_of(format)
    words = [cause and Cause(cause) for cause in causes or [None] * len(fates)]
    parts: list[Measurement] = []
    why: list[Diagnosis] = []
    start = 0
    for size in sizes or [len(fates)]:
        rows = slice(start, start + size)
        made = met([[word] for word in fates[rows]], [[share] for share in shares[rows]], given)
        made = replace(
            made, error=np.where(made.fate == Fate.WITHIN, made.spent, 0.0)
        )  # in units of their own
        at = Points({"x": torch.arange(start, start + size, dtype=torch.float64)}, np.full(size, "given"))
        raised = {row - start: told for row, told in (crashes or {}).items() if rows.start <= row < rows.stop}
        parts.append(Measurement(routine, of, given, device, at, made, raised, np.zeros(size, int)))
        why.append(Diagnosis(np.array(words[rows], object), {}))
        start += size
    found = Examined(tuple(parts))
    vars(found)["diagnoses"] = tuple(why)
    return found


def witness(gap: Gap, *environments: str, **more: Any) -> Witness:
    """One input that showed a gap of `failing`'s routine."""
    told = Witness("identity", gap.name, "float32", Of.VALUE, "simplest", ("0x0p+0",), 0, environments)
    return replace(told, **more)


# Verdicts ---------------------------------------------------------------------------------------------------------


def entry(
    fates: Mapping[str, int],
    gaps: Mapping[str, int] | None = None,
    stale: Sequence[str] = (),
    routine: str = "naive",
    **more: Any,
) -> dict[str, Any]:
    """A routine's entry of a report: how many points met which fate, and how many each of its gaps covers."""
    return {
        "formula": "softplus",
        "routine": routine,
        "of": "value",
        "format": "float32",
        "fates": dict(fates),
        "gaps": [
            {"causes": causes.split(", "), "reason": "known", "points": count, "stale": causes in stale}
            for causes, count in (gaps or {}).items()
        ],
        **more,
    }


def verdict(
    *entries: dict[str, Any],
    fail_on: str = "over",
    notes: Sequence[str] = (),
    disagreements: Sequence[str] = (),
    contradictions: Sequence[str] = (),
    interrupted: bool = False,
) -> tuple[int, str]:
    """Exit code and sentence of a run."""
    report = {
        "measurements": entries,
        "notes": list(notes),
        "second_opinion": {"disagreements": list(disagreements)},
        "in_float64": {"contradictions": list(contradictions)},
        "interrupted": interrupted,
    }
    return verdicts.verdict_of(report, fail_on)


def sweep_verdict(*entries: dict[str, Any], evidence: str = "exhaustive") -> tuple[int, str]:
    """Exit code and sentence of a sweep; what is failing is counted from the fates."""
    told: list[dict[str, Any]] = []
    for one in entries:
        fates = dict.fromkeys(FATES, 0) | one["fates"]
        count = sum(fates[fate.word] for fate in Fate if fate.fails)
        told.append(one | {"fates": fates, "points": sum(fates.values()), "failing": count})
    return sweeps.sweep_verdict({"measurements": told, "evidence": evidence})


def promise(examined: Examined, found: bool = False, searched: int = 0, unresolved: int = 0) -> Tested:
    """A property whose search saw so many examples, of which so many stayed unresolved."""
    simplest = failing(["over"], ["overflow"], spent=[3.0]) if found else None
    seen = Searched(simplest, searched, unresolved, 0.25)
    one = Tested(examined, seen, Witnesses(None))
    vars(one)["findings"] = examined.broken  # where they strike is not asked
    return one
