"""How wrong torch's own functions are at every input: `python -m numcheck.accuracy reports/torch-accuracy`.

A table of maxima rather than verdicts. Each function runs eagerly and compiled alone over every encoding of a format,
and what it gives is compared with a float64 ball of the formula; where the ball is not narrow enough, Arb is asked.
Results fall into three kinds: those whose truth is a *normal* number of the format, those whose truth is *subnormal*
(zero included), and those that are *lost*: NaN, an infinity or a number without a correct digit. Each kind has a
histogram of its errors and its worst input; the lost ones also have their regions.

JSON comes first, and the page is made from it alone. A row that was stopped goes on where it stood.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import numcheck
from numcheck.declaration.budgets import ulps
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.registry import format_named
from numcheck.declaration.words import Fate, UsageError
from numcheck.domain import Points, real, space_of
from numcheck.faces.cli.terminal import progress_bar
from numcheck.measure import plain as prefilter
from numcheck.reals import vocabulary as m
from numcheck.reals.ball64 import Balls
from numcheck.reals.enclosures import PROVED, UNRESOLVED, Enclosure
from numcheck.reals.mp import CONTEXT
from numcheck.reals.precision import precision
from numcheck.report import accuracy_page, figure, folder_name, json_text, read_json, write_text
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.sweep import checkpoint
from numcheck.runs.sweep.checkpoint import Keeper, State
from numcheck.runs.sweep.plan import Plan, fingerprint_of
from numcheck.runs.sweep.summary import (
    EDGES,
    EMPTY,
    Region,
    Summary,
    Worst,
    bins,
    merged,
    ranges_left,
    summary_of,
)
from numcheck.runs.workers import jobs, workers
from numcheck.truth import BATCH, Truths, missing_compiler, settle

FORMATS = ("float32", "bfloat16", "float16")
KINDS = ("normal", "subnormal", "lost")
"""Of what a result is: a normal truth, a subnormal truth, or a truth of which it has no digit."""
OPEN = len(KINDS)
"""The kind of a point whose ball does not say what its truth is."""
NARROW = 2.0**-10
"""How far a truth may be open, in ulps of the format: a maximum is off by no more."""
CHUNK = 1 << 20
"""Points handed to a worker at once; functions are called with `BATCH` of them."""
MOST_REGIONS = 16
"""Regions of lost results that a row lists, the largest ones."""
_BINS = len(EDGES) + 1
_INFINITE = float("inf")


# The functions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Subject:
    """A function of torch, the formula that it claims to compute, and the inputs at which that has a value.

    `ways` are the names under which the function is run, with a function of one tensor for each.
    """

    formula: Formula
    domain: tuple[float, float]
    ways: Mapping[str, Callable[[Tensor], Tensor]]

    @property
    def name(self) -> str:
        return self.formula.name


def subject(
    formula: Callable[[Any], Any],
    source: str,
    ways: Mapping[str, Callable[[Tensor], Tensor]],
    domain: tuple[float, float] = (-_INFINITE, _INFINITE),
) -> Subject:
    """A function of one real number, to be judged at every number of a format; outside of the domain NaN is right."""
    made = formula_of(formula, source, (), None, {"x": real(-_INFINITE, _INFINITE)})
    return Subject(made, domain, ways)


def exp(x: Any) -> Any:
    """The exponential function."""
    return m.exp(x)


def log(x: Any) -> Any:
    """The natural logarithm."""
    return m.log(x)


def log1p(x: Any) -> Any:
    """The natural logarithm of what exceeds zero by one."""
    return m.log(1 + x)


def expm1(x: Any) -> Any:
    """What the exponential function exceeds one by."""
    return m.exp(x) - 1


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return m.tanh(x)


def erf(x: Any) -> Any:
    """The error function."""
    return m.erf(x)


def sigmoid(x: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + m.exp(-x))


def softplus(x: Any) -> Any:
    """The smooth positive part."""
    return m.log(1 + m.exp(x))


def silu(x: Any) -> Any:
    """The sigmoid-weighted linear unit."""
    return x / (1 + m.exp(-x))


def gelu(x: Any) -> Any:
    """The Gaussian error linear unit."""
    return x * (1 + m.erf(x / m.sqrt(m.zeros_like(x) + 2))) / 2


def logit(x: Any) -> Any:
    """The logarithm of the odds of a probability."""
    return m.log(x / (1 - x))


def sqrt(x: Any) -> Any:
    """The square root."""
    return m.sqrt(x)


def rsqrt(x: Any) -> Any:
    """The reciprocal of the square root."""
    return 1 / m.sqrt(x)


_POSITIVE = (0.0, _INFINITE)
_DLMF = "NIST Digital Library of Mathematical Functions, section"
_BOOK = "Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10"


def _both(function: Callable[[Tensor], Tensor]) -> dict[str, Callable[[Tensor], Tensor]]:
    if missing_compiler("cpu"):
        return {"eager": function}
    return {"eager": function, "compiled": torch.compile(function, dynamic=False)}


@lru_cache(maxsize=1)
def subjects() -> Mapping[str, Subject]:
    """The functions of the table by name, in its order."""
    listed = (
        subject(exp, f"{_DLMF} 4.2", _both(lambda x: torch.exp(x))),
        subject(log, f"{_DLMF} 4.2", _both(lambda x: torch.log(x)), _POSITIVE),
        subject(log1p, f"{_DLMF} 4.2", _both(lambda x: torch.log1p(x)), (-1.0, _INFINITE)),
        subject(expm1, f"{_DLMF} 4.2", _both(lambda x: torch.expm1(x))),
        subject(tanh, f"{_DLMF} 4.28", _both(lambda x: torch.tanh(x))),
        subject(erf, f"{_DLMF} 7.2", _both(lambda x: torch.erf(x))),
        subject(sigmoid, _BOOK, _both(lambda x: torch.sigmoid(x))),
        subject(softplus, _BOOK, _both(lambda x: functional.softplus(x))),
        subject(
            silu, "Elfwing, Uchibe & Doya 2018, Neural Networks 107", _both(lambda x: functional.silu(x))
        ),
        subject(gelu, "Hendrycks & Gimpel 2016, section 2", _both(lambda x: functional.gelu(x))),
        subject(logit, "Berkson 1944, JASA 39", _both(lambda x: torch.logit(x)), (0.0, 1.0)),
        subject(sqrt, f"{_DLMF} 4.2", _both(lambda x: torch.sqrt(x)), _POSITIVE),
        subject(rsqrt, f"{_DLMF} 4.2", _both(lambda x: torch.rsqrt(x)), _POSITIVE),
    )
    return {one.name: one for one in listed}


def plan_of(one: Subject, format: str) -> Plan:
    """The sweep over every number of the format, infinities and both zeros included."""
    where = format_named(format)
    # the budget is not asked for: nothing is judged
    routines = tuple(
        routine_of(one.formula, function, name, ulps(0), None) for name, function in one.ways.items()
    )
    space = space_of(one.formula.inputs, where)
    return Plan(one.formula, routines, where, "cpu", space, None, True, CHUNK)


# Errors of a batch ------------------------------------------------------------------------------------------------


def _errors(
    got: Tensor,
    inside: Tensor,
    high: Tensor,
    low: Tensor,
    radius: Tensor,
    power: Tensor,
    smallest: float,
    leading: float,
    overflow: float,
    beyond_all: float,
) -> tuple[Tensor, Tensor]:
    """The error of each result in ulps of the format at the truth, and its kind as a double.

    `power` is the power of two at or below the truth, `smallest` the format's smallest normal one at least, and
    `leading` its ratio to the ulp. An infinity counts as `beyond_all`, the power of two after the largest number;
    `overflow` is the least magnitude that rounds to it. No operation here is on bits: compiled code does those one by
    one, in three times the time.
    """
    got = got.double()
    infinite = got.abs() == _INFINITE
    scale = leading / power
    error = ((got.clamp(-beyond_all, beyond_all) - high) - low).abs() * scale
    past = high.abs() - radius >= overflow
    error = torch.where(past & infinite & (got * high > 0), 0.0, error)
    error = torch.where(got != got, _INFINITE, error)
    told = ((radius * scale <= NARROW) | past) & (high == high) & inside
    normal = high.abs() >= smallest
    # an error as large as the truth's leading bit leaves no correct bit
    lost = (normal & (error >= leading)) | (infinite & (error > 1)) | (error == _INFINITE)
    kind = torch.where(told, torch.where(lost, 2.0, torch.where(normal, 0.0, 1.0)), float(OPEN))
    return error, kind


def _power_of(high: Tensor, smallest: float) -> Tensor:
    return (high.view(torch.int64) & (0x7FF << 52)).view(torch.float64).clamp_(min=smallest)


@dataclass(frozen=True, eq=False)
class Found:
    """Errors and kinds of one way's results in a batch, and how many lie in each bin of each kind."""

    error: Tensor
    kind: Tensor
    counts: np.ndarray


def _found(error: Tensor, kind: Tensor) -> Found:
    """Count errors by the power of two at or above each, as its bits tell it."""
    above = ((error.view(torch.int64) + ((1 << 52) - 1)) >> 52) - 1022
    places = above.clamp_(0, _BINS - 1).add_(kind.long() * _BINS)
    counts = np.bincount(places.numpy(), minlength=(len(KINDS) + 1) * _BINS)
    return Found(error, kind, counts.reshape(-1, _BINS))


@dataclass(frozen=True, eq=False)
class Machine:
    """What judges the batches of a plan, recorded and compiled once where the plan is long."""

    truths: Truths
    errors: Callable[..., tuple[Tensor, Tensor]]


@lru_cache(maxsize=1)
def _machine(plan: Plan) -> Machine:
    truths = Truths(plan.formula, "cpu", False, plan.compiled)
    return Machine(truths, torch.compile(_errors, dynamic=False) if plan.compiled else _errors)


def _constants(plan: Plan) -> tuple[float, float, float, float]:
    form = plan.format
    leading = 2.0 ** (form.precision - 1)
    return form.smallest_normal, leading, form.overflow_threshold, 2.0 ** (form.max_exponent + 1)


def _in_doubles(truth: Enclosure) -> Balls:
    """What Arb proved as float64 balls; far beyond every narrower format's range a number is as good as another."""
    known = truth.state == PROVED
    by = np.clip(truth.exponent, -900, 900).astype(np.int32)
    infinite = np.isinf(truth.high)
    high = np.ldexp(np.where(infinite, np.sign(truth.high), truth.high), np.where(infinite, 900, by))
    high = np.where(known, high, np.nan)
    low, radius = np.ldexp(truth.low, by), np.where(infinite, 0.0, np.ldexp(truth.radius, by))
    return Balls(torch.from_numpy(high), torch.from_numpy(low), torch.from_numpy(radius))


class Tally:
    """What is gathered of one way's results in a chunk: histograms, worst results, and the lost ones."""

    def __init__(self) -> None:
        self.counts = np.zeros((len(KINDS) + 1, _BINS), dtype=np.int64)
        self.worst: list[Worst | None] = [None] * len(KINDS)
        self.failing: list[tuple[np.ndarray, np.ndarray]] = []
        self.without = dict.fromkeys((Fate.INVALID, Fate.UNRESOLVED), 0)

    def summaries(self, start: int, stop: int, line: int) -> dict[str, Summary]:
        """One summary for each kind; the first has the fates of all points, and the regions of the lost ones."""
        histograms = self.counts[: len(KINDS)]
        numbers = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in self.failing)])
        fates = np.concatenate([np.zeros(0, np.int8), *(fate for _, fate in self.failing)])
        order = np.argsort(numbers, kind="stable")
        nothing = np.zeros(len(numbers))
        regions = summary_of(start, stop, fates[order], nothing, nothing, line, points=numbers[order])
        counts = {fate: regions.count(fate) for fate in Fate} | self.without
        counts[Fate.WITHIN] = stop - start - sum(counts.values())
        every = replace(regions, fates=tuple(counts[fate] for fate in sorted(Fate)))
        return {
            kind: replace(
                every if kind == KINDS[0] else EMPTY,
                histogram=tuple(histogram.tolist()),
                error=worst,
                spent=None,
            )
            for kind, histogram, worst in zip(KINDS, histograms, self.worst, strict=True)
        }


_ORIGIN = np.full(BATCH, "sweep")


def sweep_chunk(one: Subject, plan: Plan, start: int, stop: int) -> State:
    """The summaries of every way at the points start to stop, keyed by way and kind."""
    torch.set_num_threads(1)
    tallies = {routine.name: Tally() for routine in plan.routines}
    for begin in range(start, stop, BATCH):
        _batch(one, plan, begin, min(begin + BATCH, stop), start, tallies)
    line = plan.space.line
    return {
        (way, kind): summary
        for way, tally in tallies.items()
        for kind, summary in tally.summaries(start, stop, line).items()
    }


def _batch(one: Subject, plan: Plan, begin: int, end: int, chunk: int, tallies: Mapping[str, Tally]) -> None:
    """Run every way over a batch, always of the same length so that the same code runs, and count the results."""
    listed = plan.space.ordinals["x"]
    assert isinstance(listed, range)
    count = end - begin
    # the last batch is filled up with the last number
    ordinals = torch.arange(begin, begin + BATCH).clamp(max=plan.space.size - 1) + listed.start
    x = plan.format.from_ordinals(ordinals)
    with torch.no_grad():
        got = {routine.name: routine.function(x)[:count] for routine in plan.routines}
    inside = ((x >= one.domain[0]) & (x <= one.domain[1]))[:count]
    if not inside.all():
        _outside(begin, inside, got, tallies)
    if not inside.any():
        return
    machine = _machine(plan)
    points = Points({"x": x}, _ORIGIN)
    exact = machine.truths.of(points)
    balls = exact.value.each(lambda part: part[:count])
    low, radius = (torch.zeros_like(balls.high) if p is None else p for p in (balls.low, balls.radius))
    power = _power_of(balls.high, plan.format.smallest_normal)
    judge = machine.errors if count == BATCH else _errors
    found: Found | None = None
    before: Tensor | None = None
    for way, results in got.items():
        # ways often agree to the last bit
        if found is None or before is None or not torch.equal(results, before):
            found = _found(*judge(results, inside, balls.high, low, radius, power, *_constants(plan)))
        _count(tallies[way], begin, None, results, found)
        before = results
    assert found is not None
    open_ = inside & (found.kind == OPEN)
    rows = np.flatnonzero(open_.numpy()) if found.counts[OPEN].any() else np.zeros(0, dtype=np.int64)
    if rows.size:
        _settled(plan, points.select(rows), begin, rows, got, tallies)
    # Arb proves some of one batch of each chunk, another batch each time
    if (begin - chunk) // BATCH == (chunk // CHUNK * 5) % (CHUNK // BATCH) or plan.space.size < CHUNK:
        sure = np.zeros(BATCH, dtype=bool)
        sure[:count] = (~open_ & inside).numpy()
        prefilter.audit(plan.formula, points, exact, sure, plan.format)


def _outside(begin: int, inside: Tensor, got: Mapping[str, Tensor], tallies: Mapping[str, Tally]) -> None:
    """Where the formula has no value a number is wrong, and NaN is not."""
    for way, results in got.items():
        rows = np.flatnonzero((~inside & ~results.isnan()).numpy())
        tallies[way].without[Fate.INVALID] += int((~inside).sum()) - rows.size
        if rows.size:
            fates = np.full(rows.size, Fate.SPECIAL, dtype=np.int8)
            tallies[way].failing.append((begin + rows, fates))


def _settled(
    plan: Plan,
    points: Points,
    begin: int,
    rows: np.ndarray,
    got: Mapping[str, Tensor],
    tallies: Mapping[str, Tally],
) -> None:
    """Count the results at points whose truth float64 left open."""
    truth = settle(
        plan.formula, points, plan.format, with_gradient=False, with_conditioning=False, tolerance=NARROW
    ).value
    balls = _in_doubles(truth)
    assert balls.low is not None and balls.radius is not None
    inside = torch.from_numpy(truth.state == PROVED)
    power = _power_of(balls.high, plan.format.smallest_normal)
    unresolved = int((truth.state == UNRESOLVED).sum())
    for way, results in got.items():
        picked = results[torch.from_numpy(rows)]
        judged = _errors(picked, inside, balls.high, balls.low, balls.radius, power, *_constants(plan))
        _count(tallies[way], begin, rows, picked, _found(*judged))
        tallies[way].without[Fate.UNRESOLVED] += unresolved
        tallies[way].without[Fate.INVALID] += int((truth.state != PROVED).sum()) - unresolved


def _count(tally: Tally, begin: int, rows: np.ndarray | None, got: Tensor, found: Found) -> None:
    """Count results; `rows` are their places in the batch, None for all of it."""
    tally.counts += found.counts

    def number(at: Any) -> Any:
        return begin + (at if rows is None else rows[at])

    for kind in range(len(KINDS)):
        present = np.flatnonzero(found.counts[kind])
        before = tally.worst[kind]
        # only where the last bin reaches that of the worst so far
        if not present.size or (before is not None and present[-1] < np.searchsorted(EDGES, before.figure)):
            continue
        largest, at = torch.where(found.kind == kind, found.error, -1.0).max(dim=0)
        worst = Worst(float(largest), int(number(int(at))))
        if before is None or (worst.figure, -worst.point) > (before.figure, -before.point):
            tally.worst[kind] = worst
    if found.counts[2].any():
        lost = np.flatnonzero((found.kind == 2).numpy())
        tally.failing.append((number(lost), _fates(got.double().numpy()[lost])))


def _fates(got: np.ndarray) -> np.ndarray:
    """What a lost result is: NaN, an infinity, a zero, or another number."""
    fates = np.full(len(got), Fate.OVER, dtype=np.int8)
    fates[np.isnan(got)] = Fate.SPECIAL
    fates[np.isinf(got)] = Fate.OVERFLOW
    fates[got == 0] = Fate.UNDERFLOW
    return fates


# Whole rows -------------------------------------------------------------------------------------------------------


def _by_name(name: str, format: str, span: tuple[int, int]) -> State:
    """`sweep_chunk` in a worker process, which finds the function by its name."""
    one = subjects()[name]
    return sweep_chunk(one, _plan_by_name(name, format), *span)


@lru_cache(maxsize=1)
def _plan_by_name(name: str, format: str) -> Plan:
    return plan_of(subjects()[name], format)


def rows_of(
    one: Subject,
    format: str,
    *,
    count: int = 1,
    kept: Path | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The table's rows of a function in a format, one for each way of running it, swept by `count` processes.

    `kept` is the file of finished chunks. Other processes know the functions of `subjects` only.
    """
    plan = plan_of(one, format)
    fingerprint = fingerprint_of(plan) | what_runs()
    state: State = {} if kept is None else checkpoint.read(kept, fingerprint)
    keeper = Keeper(kept, fingerprint, state)
    shared = subjects().get(one.name) is one
    work = partial(_by_name, one.name, format) if shared else partial(_here, one, plan)
    first = next(iter(one.ways)), KINDS[0]
    chunks = list(plan.space.chunks(CHUNK))
    left = list(ranges_left(state.get(first, EMPTY), chunks))
    done = len(chunks) - len(left)
    try:
        # not with this module, which workers of `python -m` run under another name
        with workers(count if shared and len(left) > 1 else 1, "numcheck.runs.sweep.run") as hands:
            for _, found in hands.completed(work, left):
                keeper.keep({key: merged(keeper.state.get(key, EMPTY), part) for key, part in found.items()})
                done += 1
                if progress is not None:
                    progress(f"{one.name} {format}", done, len(chunks))
    finally:
        keeper.flush()
    return [_row(one, plan, routine, keeper.state) for routine in plan.routines]


def _here(one: Subject, plan: Plan, span: tuple[int, int]) -> State:
    return sweep_chunk(one, plan, *span)


def _row(one: Subject, plan: Plan, routine: Routine, state: State) -> dict[str, Any]:
    parts = {kind: state[routine.name, kind] for kind in KINDS}
    every = parts[KINDS[0]]
    (whole,) = every.stretches
    # a row has room for the largest regions only, and tells them from left to right
    largest = sorted(whole.regions, key=lambda region: (region.first - region.last, region.first))
    shown = sorted(largest[:MOST_REGIONS], key=lambda region: region.first)
    low, high = one.domain
    return {
        "function": one.name,
        "way": routine.name,
        "format": plan.format.name,
        "formula": one.formula.doc,
        "source": one.formula.source,
        "domain": [low, high],
        "evidence": plan.evidence,
        "inputs": plan.space.size,
        "fates": {fate.word: every.count(fate) for fate in Fate if every.count(fate)},
        "kinds": {
            kind: {
                "results": sum(part.histogram),
                "histogram": {name: many for name, many in zip(bins(), part.histogram, strict=True) if many},
                "worst": None if part.error is None else _point(plan, routine, part.error.point, part.error),
            }
            for kind, part in parts.items()
        },
        "regions": whole.count,
        "largest_regions": [_region(plan, routine, region) for region in shown],
    }


def _region(plan: Plan, routine: Routine, region: Region) -> dict[str, Any]:
    return {
        "fate": region.fate.word,
        "points": region.last - region.first + 1,
        "first": _point(plan, routine, region.first, None),
        "last": _point(plan, routine, region.last, None),
    }


def _point(plan: Plan, routine: Routine, number: int, worst: Worst | None) -> dict[str, Any]:
    """An input, the result there as the sweep saw it, and the truth to 12 digits."""
    # the same place in the same call, for a kernel may end a batch in another way than it goes through it
    begin = number // CHUNK * CHUNK
    begin += (number - begin) // BATCH * BATCH
    listed = plan.space.ordinals["x"]
    assert isinstance(listed, range)
    ordinals = torch.arange(begin, begin + BATCH).clamp(max=plan.space.size - 1) + listed.start
    x = plan.format.from_ordinals(ordinals)
    with torch.no_grad():
        got = float(routine.function(x)[number - begin].double())
    point = Points({"x": x[number - begin :][:1]}, np.array(["sweep"]))
    told = {
        "input": _number(float(point.columns["x"].double()[0])),  # type: ignore[union-attr]
        "result": _number(got),
        "truth": _truth(plan, point),
    }
    return told if worst is None else {"error_ulp": figure(worst.figure), **told}


def _number(value: float) -> dict[str, str]:
    """A number of the format in hexadecimal, without the zeros that end it, and in decimal."""
    return {"hex": re.sub(r"[.]?0+p", "p", value.hex()), "decimal": f"{value:.9g}"}


def _truth(plan: Plan, point: Points) -> str:
    found = settle(
        plan.formula, point, plan.format, with_gradient=False, with_conditioning=False, tolerance=2.0**-60
    ).value
    if found.state[0] != PROVED:
        return "no value"
    if not np.isfinite(found.high[0]):
        return str(float(found.high[0]))
    if abs(int(found.exponent[0])) > 2**40:
        return "too large to print" if found.exponent[0] > 0 else "too small to print"
    with precision(128):
        exact = (CONTEXT.mpf(float(found.high[0])) + CONTEXT.mpf(float(found.low[0]))) * CONTEXT.mpf(
            2
        ) ** int(found.exponent[0])
        return str(CONTEXT.nstr(exact, 12))


# The table --------------------------------------------------------------------------------------------------------


def what_runs() -> dict[str, str]:
    """What results may depend on, in words: versions, instruction set, processor and compiler."""
    return environment(["cpu"]) | {"compiler": _compiler()}


def _compiler() -> str:
    """The C++ compiler that compiled functions are translated by, as it calls itself."""
    named = os.environ.get("CXX")
    names = [named] if named else ["g++", "clang++", "c++"]
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        return "none"
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0] if told else "unknown"


def table_of(rows: Sequence[Mapping[str, Any]], told: Mapping[str, str]) -> dict[str, Any]:
    """The table as its file has it, rows in the order of functions, formats and ways."""
    order = {
        (name, form, way): i
        for i, (form, name, way) in enumerate(
            (form, name, way) for form in FORMATS for name, one in subjects().items() for way in one.ways
        )
    }

    def place(row: Mapping[str, Any]) -> int:
        return order[row["function"], row["format"], row["way"]]

    present = sorted(rows, key=place)
    known = {(row["function"], row["format"]) for row in present}
    missing = [[name, form] for form in FORMATS for name in subjects() if (name, form) not in known]
    return {
        "schema": 1,
        "numcheck": numcheck.__version__,
        "environment": dict(told),
        "call": BATCH,
        "open_ulp": NARROW,
        "rows": present,
        "missing": missing,
    }


def write_table(folder: Path, table: Mapping[str, Any]) -> Path:
    """Write the table's JSON, and the page made of it; returns the page's path."""
    path = folder / f"{folder_name(table['environment'])}.json"
    write_text(path, json_text(table))
    return write_text(path.with_suffix(".md"), accuracy_page(read_json(path)))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--function", "names", multiple=True, help="A function, such as expm1; by default all.")
@click.option("--format", "formats", multiple=True, help="A format, such as float32; by default all.")
@click.option("--missing", is_flag=True, help="Only rows that the table lacks.")
def main(folder: Path, names: Sequence[str], formats: Sequence[str], missing: bool) -> None:
    """Measure torch's functions at every input, and write this environment's table into FOLDER.

    Rows that are not asked for stay as they are. Finished chunks are kept under .numcheck/accuracy, and the same
    command goes on from there.
    """
    told = what_runs()
    path = folder / f"{folder_name(told)}.json"
    rows: list[dict[str, Any]] = []
    if path.exists():
        before = read_json(path)
        if before["environment"] != told:
            raise click.UsageError(f"{path} is of another environment: move it away")
        rows = before["rows"]
    for name in names:
        if name not in subjects():
            raise click.UsageError(f"no function {name!r}: write one of {', '.join(subjects())}")
    for form in formats:
        if form not in FORMATS:
            raise click.UsageError(f"no format {form!r}: write one of {', '.join(FORMATS)}")
    asked = [(name, form) for form in reversed(formats or FORMATS) for name in names or subjects()]
    done = {(row["function"], row["format"]) for row in rows}
    with progress_bar() as progress:
        for name, form in asked:
            if missing and (name, form) in done:
                continue
            kept = Path(".numcheck") / "accuracy" / f"{name}-{form}.json"
            try:
                found = rows_of(subjects()[name], form, count=jobs(), kept=kept, progress=progress)
            except UsageError as error:
                raise click.UsageError(f"{error} (remove {kept} to begin again)") from None
            rows = [row for row in rows if (row["function"], row["format"]) != (name, form)] + found
            write_table(folder, table_of(rows, told))
            kept.unlink(missing_ok=True)
    click.echo(str(path.with_suffix(".md")))


if __name__ == "__main__":
    # under this name, so that worker processes find what they are sent
    from numcheck.accuracy import main as named

    sys.exit(named())
