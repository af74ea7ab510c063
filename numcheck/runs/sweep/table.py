"""How wrong torch's own functions and their gradients are at every input of a format: rows of largest errors.

A formula of one real number belongs to the table where its page has a `torch_builtin`. That routine runs eagerly and
compiled alone over every encoding of the format, whatever part of it the page's domain is, and nothing is asked of its
budget. It is a sweep as `run` makes it; only the truth is asked for more closely, for a largest error is told to
`NARROW` ulps, and where the formula has no value, or no slope.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import numcheck
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formulas, load_catalog
from numcheck.declaration.words import DEFAULT_FORMATS, Fate, Of, UsageError
from numcheck.domain import Points, continuous, real, space_of
from numcheck.formats import Format
from numcheck.measure import error_of_ball, plain, power_below
from numcheck.reals.ball64.balls import filled
from numcheck.reals.enclosures import INVALID, PROVED, UNRESOLVED, Enclosure
from numcheck.reals.mp import CONTEXT
from numcheck.reals.precision import precision
from numcheck.report import figure, folder_name, read_json, table_page, write_json, write_text
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.points import argument
from numcheck.runs.sweep.checkpoint import Keeper, alone_in
from numcheck.runs.sweep.plan import LONGEST, Plan, fingerprint_of
from numcheck.runs.sweep.run import finish, truths
from numcheck.runs.sweep.summary import (
    BINS,
    EMPTY,
    State,
    Summary,
    Worst,
    clear,
    counted,
    merged,
    summary_of,
    tallied,
)
from numcheck.truth import BATCH, Exact, compiler, hanging_on_signs, missing_compiler, settle

SCHEMA = 2
"""Of the table's file."""
BUILTIN = "torch_builtin"
"""The routine that calls torch's own function."""
MODES = ("eager", "compiled")
"""How it is run."""
FORMATS = DEFAULT_FORMATS
KINDS = ("normal", "subnormal", "lost")
"""Of what a result is: a normal truth, a subnormal one (or zero), or one of which it has no digit, as a wrong NaN."""
NORMAL, SUBNORMAL, LOST, UNJUDGED = range(4)
NARROW = 2.0**-10
"""How far a truth may be open, in ulps of the format: a maximum is off by no more."""
FAR = 900
"""The power of two that stands for an infinity."""
AUDITED = LONGEST // BATCH
"""Of so many batches Arb proves some of one."""
KEPT = Path(".numcheck") / "table"
"""Where the finished chunks of a row in work are kept."""
MOST_REGIONS = 16
"""Regions of lost results that a row lists, the largest ones."""


# The functions ----------------------------------------------------------------------------------------------------


def functions() -> dict[str, Formula]:
    """The formulas of the catalogue that belong to the table: of one real number, with a function of torch's own."""
    load_catalog()
    return {name: formula for name, formula in formulas().items() if _belongs(formula)}


def _belongs(formula: Formula) -> bool:
    alone = len(formula.inputs) == 1 and all(domain.sizes is None for domain in formula.inputs.values())
    return alone and bool(continuous(formula.inputs)) and BUILTIN in formula.routines


def plan_of(formula: Formula, format: Format) -> Plan:
    """The sweep of torch's own function over every number of the format, infinities and both zeros included."""
    space = space_of(dict.fromkeys(formula.inputs, real(-torch.inf, torch.inf)), format)
    builtin = formula.routines[BUILTIN]
    modes: dict[str, Callable[..., Any]] = {"eager": builtin.function}
    if not missing_compiler("cpu"):
        modes["compiled"] = torch.compile(builtin.function, dynamic=False)
    routines = tuple(replace(builtin, name=mode, function=function) for mode, function in modes.items())
    # other processes know the functions of the catalogue only
    shared = functions().get(formula.name) is formula
    again = partial(_plan_by_name, formula.name, format.name) if shared else None
    value_only = Of.GRAD not in halves(formula)
    return Plan(formula, routines, format, "cpu", space, None, value_only, LONGEST, again)


def halves(formula: Formula) -> list[Of]:
    """What is measured of a function: the value, and the gradient where its page promises one."""
    return [of for of in Of if of in formula.routines[BUILTIN].budgets]


@lru_cache(maxsize=1)
def _plan_by_name(name: str, format: str) -> Plan:
    return plan_of(functions()[name], format_named(format))


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
        _settled(plan, of, plan.space.at([number])).state[0] == INVALID
        for number in (numbers[0], numbers[len(numbers) // 2], numbers[-1])
    )


# A batch ----------------------------------------------------------------------------------------------------------


def judged(plan: Plan, begin: int, end: int) -> State:
    """The summaries of every mode, half and kind at the points begin to end."""
    points, count = _points(plan, begin), end - begin
    x, state = _input(points), dict[tuple[str, str], Summary]()
    exact: Exact | None = None
    for of in halves(plan.formula):
        results = {routine.name: _result(routine, of, x)[:count] for routine in plan.routines}
        limits, inside = defined(plan, of), torch.zeros(count, dtype=torch.bool)
        inside[max(limits.start - begin, 0) : max(limits.stop - begin, 0)] = True
        if of is Of.GRAD:  # which nobody asks for where there is no value
            results = {mode: got.masked_fill(~inside, torch.nan) for mode, got in results.items()}
        if not inside.any() and all(bool(got.isnan().all()) for got in results.values()):
            right = merged(clear(begin, end, plan.space.line), counted({Fate.INVALID: count}))
            state |= {(_row_name(mode, of), KINDS[LOST]): right for mode in results}
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
            state |= {(_row_name(mode, of), name): summary for name, summary in found.items()}
            before = got
    return state


def _row_name(mode: str, of: Of) -> str:
    return f"{mode} {of.value}"


def _result(routine: Routine, of: Of, x: Tensor) -> Tensor:
    """What the routine gives, without a gradient in mind; or the slope of it."""
    if of is Of.VALUE:
        with torch.no_grad():
            return routine.function(x)
    variable = x.detach().clone().requires_grad_()
    out = routine.function(variable)
    (slope,) = torch.autograd.grad(out, variable, torch.ones_like(out))
    return slope


def _points(plan: Plan, begin: int) -> Points:
    """A batch, always of the same length, so that the same code runs: the last is filled up with the last number."""
    return plan.space.at(np.minimum(np.arange(begin, begin + BATCH), plan.space.size - 1))


def _input(points: Points) -> Tensor:
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
        truth, picked = _settled(plan, of, points.select(rows)), torch.from_numpy(rows)
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


def _settled(plan: Plan, of: Of, points: Points, tolerance: float = NARROW) -> Enclosure:
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


# Whole rows -------------------------------------------------------------------------------------------------------


def rows_of(
    formula: Formula,
    format: str,
    *,
    jobs: int = 1,
    kept: Path | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The table's rows of a function in a format, one for each half in each mode; `kept` holds finished chunks."""
    begun = time.perf_counter()
    plan = plan_of(formula, format_named(format))
    keeper = Keeper(kept, fingerprint_of(plan) | what_runs(), restart)
    finish(plan, judged, keeper, jobs, progress)
    rows = [_row(plan, routine, of, keeper.state) for of in halves(formula) for routine in plan.routines]
    seconds = round(time.perf_counter() - begun, 1)  # of all of them, which are measured together
    return [{**row, "seconds": seconds} for row in rows]


def _row(plan: Plan, routine: Routine, of: Of, state: State) -> dict[str, Any]:
    parts = {kind: state.get((_row_name(routine.name, of), kind), EMPTY) for kind in KINDS}
    fates = {fate.word: sum(part.count(fate) for part in parts.values()) for fate in Fate}
    (whole,) = parts[KINDS[LOST]].stretches
    # a row has room for the largest regions only, and tells them from left to right
    largest = sorted(whole.regions, key=lambda region: (region.first - region.last, region.first))
    shown = sorted(largest[:MOST_REGIONS], key=lambda region: region.first)
    ends = plan.space.at([defined(plan, of)[0], defined(plan, of)[-1]])
    kinds: dict[str, dict[str, Any]] = {
        kind: {
            "results": sum(part.histogram),
            "histogram": {name: many for name, many in zip(BINS, part.histogram, strict=True) if many},
            "worst": None
            if part.error is None
            else {"error_ulp": figure(part.error.figure), **_point(plan, routine, of, part.error.point)},
        }
        for kind, part in parts.items()
    }
    errors = {kind: part.error.figure for kind, part in parts.items() if part.error is not None}
    return {
        "function": plan.formula.name,
        "of": of.value,
        "format": plan.format.name,
        "mode": routine.name,
        "device": plan.device,
        **_largest(kinds[max(errors, key=lambda kind: errors[kind])]["worst"] if errors else None),
        "evidence": plan.evidence,
        "proved": not fates[Fate.UNRESOLVED.word],
        "points": plan.space.size,
        "formula": plan.formula.doc,
        "source": plan.formula.source,
        "domain": [number + 0.0 for number in _input(ends).tolist()],  # without the sign of a zero
        "fates": {word: many for word, many in fates.items() if many},
        "kinds": kinds,
        "regions": whole.count,
        "largest_regions": [
            region.told(_point(plan, routine, of, region.first), _point(plan, routine, of, region.last))
            for region in shown
        ],
    }


def _largest(worst: Mapping[str, Any] | None) -> dict[str, Any]:
    """The largest error of all kinds, in fields of the row itself, where scripts look for it."""
    if worst is None:
        return dict.fromkeys(("worst_ulp", "input", "got", "exact"))
    return {
        "worst_ulp": worst["error_ulp"],
        "input": worst["input"]["hex"],
        "got": worst["result"]["decimal"],
        "exact": worst["truth"],
    }


def _point(plan: Plan, routine: Routine, of: Of, number: int) -> dict[str, Any]:
    """An input, the result there as the sweep saw it, and the truth to 12 digits."""
    # the same place in the same call, for a kernel may end a batch in another way than it goes through it
    place = number % BATCH
    x = _input(_points(plan, number - place))
    got = _result(routine, of, x)
    truth = _truth(plan, of, plan.space.at([number]))
    return {"input": _number(x, place), "result": _number(got, place), "truth": truth}


def _number(column: Tensor, i: int) -> dict[str, str]:
    return {"hex": argument(column, i, hexadecimal=True), "decimal": argument(column, i)}


def _truth(plan: Plan, of: Of, point: Points) -> str:
    """The truth in as many digits as are proved, 12 at most; of one that is nearly zero how far off it is."""
    found = _settled(plan, of, point, tolerance=2.0**-60)
    if found.state[0] != PROVED:
        return "no value"
    high, low, radius = (float(part[0]) for part in (found.high, found.low, found.radius))
    exponent = int(found.exponent[0])
    if not np.isfinite(high):
        return str(high)
    if abs(exponent) > 2**40:
        return "too large to print" if exponent > 0 else "too small to print"
    with precision(128):
        unit = CONTEXT.mpf(2) ** exponent
        if radius >= abs(high) and radius > 0:
            return f"within {CONTEXT.nstr((abs(high) + radius) * 2 * unit, 1)} of 0"
        digits = 12 if radius == 0 else int(np.clip(np.log10(abs(high) / radius), 1, 12))
        return str(CONTEXT.nstr((CONTEXT.mpf(high) + CONTEXT.mpf(low)) * unit, digits))


# The table --------------------------------------------------------------------------------------------------------


def what_runs() -> dict[str, str]:
    """What results may depend on, in words: versions, instruction set, processor and compiler."""
    path, told = compiler(), "none"
    if path is not None:
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        told = version.splitlines()[0] if version else "unknown"
    return environment(["cpu"]) | {"compiler": told}


def table_of(rows: Sequence[Mapping[str, Any]], told: Mapping[str, str]) -> dict[str, Any]:
    """The table as its file has it, rows in the order of formats, halves, functions and modes."""

    def place(row: Mapping[str, Any]) -> tuple[int, int, str, int]:
        half = list(Of).index(Of(row["of"]))
        return FORMATS.index(row["format"]), half, row["function"], MODES.index(row["mode"])

    missing = [[name, form] for form in FORMATS for name in functions() if not _is_whole(rows, name, form)]
    return {
        "schema": SCHEMA,
        "numcheck": numcheck.__version__,
        "environment": dict(told),
        "call": BATCH,
        "open_ulp": NARROW,
        "rows": sorted(rows, key=place),
        "missing": missing,
    }


def _cell(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["function"], row["format"]


def _is_whole(rows: Sequence[Mapping[str, Any]], name: str, form: str) -> bool:
    """Whether there are rows of all that is measured of a function in a format."""
    return {row["of"] for row in rows if _cell(row) == (name, form)} >= set(halves(functions()[name]))


def write_table(folder: Path, table: Mapping[str, Any]) -> Path:
    """Write the table's JSON, and the page made of it; returns the page's path."""
    path = _path(folder, table["environment"])
    write_json(table, path)
    return write_text(path.with_suffix(".md"), table_page(read_json(path, SCHEMA)))


def _path(folder: Path, told: Mapping[str, str]) -> Path:
    return folder / f"{folder_name(told)}.json"


def tabulate(
    folder: str | Path,
    names: Sequence[str] = (),
    formats: Sequence[str] = FORMATS,
    *,
    missing: bool = False,
    jobs: int = 1,
    restart: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Measure functions, by default all, and write this environment's table into the folder, row by row.

    Rows that are not asked for stay as they are, and with `missing` those too that the table has. Finished chunks are
    kept under `KEPT`, and the same call goes on from there unless `restart` begins again. Returns the page's path, and
    a table of the rows that were asked for alone.
    """
    known, told = functions(), what_runs()
    for name in names:
        if name not in known:
            raise UsageError(f"no function {name!r} in the table: write one of {', '.join(known)}")
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"the table has no {name}: write one of {', '.join(FORMATS)}")
    path = _path(Path(folder), told)
    asked = [(name, form) for form in reversed(formats) for name in names or known]
    with alone_in(KEPT, "begin it in another folder"), alone_in(path.parent):
        rows = _known_rows(path, told)
        for name, form in asked:
            if missing and _is_whole(rows, name, form):
                continue
            kept = KEPT / f"{name}-{form}.json"
            found = rows_of(known[name], form, jobs=jobs, kept=kept, restart=restart, progress=progress)
            rows = [row for row in rows if _cell(row) != (name, form)] + found
            write_table(Path(folder), table_of(rows, told))
            kept.unlink(missing_ok=True)
    return path.with_suffix(".md"), table_of([row for row in rows if _cell(row) in asked], told)


def _known_rows(path: Path, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows that the table of this environment has already."""
    if not path.exists():
        return []
    before = read_json(path, SCHEMA)
    if before.get("environment") != told:
        raise UsageError(f"{path} is of another environment: move it away")
    return before["rows"]
