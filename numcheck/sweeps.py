"""Every input of a format through a formula's routines: plans, chunks, whole sweeps and what they found.

A sweep is an enumeration of a formula's points, cut into chunks. A chunk is judged as `numcheck check` judges drawn
points and leaves one summary for each routine's value and gradient; summaries merge, so chunks may be done by any
worker, in any order, before or after an interruption. Nothing is diagnosed: a failing point counts under its fate.
"""

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
import torch

import numcheck
from numcheck import checkpoint, prefilter, worst_inputs
from numcheck.adapter import adapt, formula_at, load
from numcheck.case import (
    Fate,
    Formula,
    Routine,
    UsageError,
    format_named,
    formulas,
    load_catalog,
    loaded_by_name,
)
from numcheck.checkpoint import Keeper, State
from numcheck.domain import Points, Real, Space, space_of
from numcheck.entry import reproduce
from numcheck.explanation import routine_named
from numcheck.formats import Format
from numcheck.measure import FATES, Outcome, assess, check_device, execute, has_gradient
from numcheck.prefilter import BATCH, LONG, Truths, missing_compiler
from numcheck.quantify import figure
from numcheck.report.store import json_text, write_text
from numcheck.suite import UNRESOLVED, Progress, environment
from numcheck.summary import (
    EMPTY,
    Summary,
    Worst,
    bins,
    histogram_of,
    merged,
    ranges_left,
    summary_of,
    tallied,
)
from numcheck.truth import ContradictionError, settle
from numcheck.workers import workers

MOST_BITS = {1: 32, 2: 8}
"""Up to which width of a format all values of so many real inputs are tried together."""

CHUNKS = 64
"""About so many chunks a space is cut into, as long as they lie within the two lengths below."""
SHORTEST, LONGEST = 1 << 14, 1 << 20
"""Points of a chunk: fewer do not fill the batches of the truth; more would be long in memory and in coming back."""

MOST_BOUNDARIES = 16
"""Failing regions whose two ends a worst-case file keeps, for each routine's value and gradient."""

SCHEMA = 1


# Plans ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Plan:
    """What is swept: some routines of a formula over a space, value and gradient or value only, chunk by chunk."""

    formula: Formula
    routines: tuple[Routine, ...]
    format: Format
    device: str
    space: Space
    grid: int | None
    value_only: bool
    chunk: int

    @property
    def compiled(self) -> bool:
        """Whether the truth is worth compiling, and can be."""
        return self.space.size >= LONG and missing_compiler(self.device) is None

    @property
    def note(self) -> str | None:
        """What a long sweep goes without, in a line."""
        return missing_compiler(self.device) if self.space.size >= LONG else None

    @property
    def evidence(self) -> str:
        """The grade of what the sweep finds: "exhaustive" where the space holds every input, else "grid"."""
        return "exhaustive" if self.grid is None else "grid"

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self.space.combinations * -(-self.space.block // self.chunk)


@dataclass(frozen=True)
class Words:
    """What a plan is made of, as another process can find it again."""

    formula: str
    routines: tuple[str, ...]
    format: str
    device: str
    grid: int | None
    value_only: bool
    chunk: int | None


def plan_of(
    formula: Formula | str,
    routines: Sequence[Routine | str] = (),
    *,
    format: str,
    device: str = "cpu",
    grid: int | None = None,
    value_only: bool = False,
    chunk: int | None = None,
) -> Plan:
    """The plan of a sweep; UsageError, in one line that says what to write instead, for what cannot be swept.

    A formula or routine may be named as on the command line. `chunk` is a power of two.
    """
    load_catalog()
    stated = formula_at(formula) if isinstance(formula, str) else formula
    where = format_named(format)
    space = _space(stated, where, grid)
    chosen = _routines(stated, routines, where)
    check_device(device)
    by_gradient = not value_only and bool(stated.wrt) and any(routine.grad for routine in chosen)
    if by_gradient and _outputs(stated, space) > 1:
        raise UsageError(
            f"{stated.name} has several outputs, and a sweep takes the gradient of one: write --value-only"
        )
    length = LONGEST
    while chunk is None and length > max(SHORTEST, space.block // CHUNKS):
        length //= 2
    if chunk is not None and (chunk < 1 or chunk & (chunk - 1)):
        raise UsageError(f"a chunk has a power of two of points, such as {SHORTEST}, not {chunk}")
    return Plan(stated, chosen, where, device, space, grid, value_only, chunk or length)


def _space(formula: Formula, format: Format, grid: int | None) -> Space:
    if grid is not None and grid < 2:
        raise UsageError(f"a grid has at least the two bounds of each input: --grid 256, not {grid}")
    instead = f"numcheck check {formula.name} --formats {format.name} --points 100000 draws points instead"
    reals = [domain for domain in formula.inputs.values() if isinstance(domain, Real)]
    if len(reals) > max(MOST_BITS):
        raise UsageError(
            f"{formula.name} has {len(reals)} real inputs, and a sweep takes two at most: {instead}"
        )
    if reals and grid is None and format.bits > MOST_BITS[len(reals)]:
        what = "one real input is" if len(reals) == 1 else "all pairs of two real inputs are"
        narrower = "float32" if len(reals) == 1 else "float8_e4m3fn"
        raise UsageError(
            f"{what} too many values for a sweep in {format.name}: write --format {narrower}, or --grid 256"
        )
    try:
        return space_of(formula.inputs, format, grid)
    except ValueError as error:
        raise UsageError(f"{formula.name} cannot be swept, {error}: {instead}") from None


def _routines(formula: Formula, named: Sequence[Routine | str], format: Format) -> tuple[Routine, ...]:
    """The routines asked for, by default all that were written for the format."""
    if not named:
        fitting = [r for r in formula.routines.values() if r.formats is None or format.name in r.formats]
        if not fitting:
            raise UsageError(f"no routine of {formula.name} was written for {format.name}")
        return tuple(fitting)
    chosen: dict[str, Routine] = {}
    for name in named:
        if isinstance(name, Routine):
            routine = name
        elif ":" in name:
            routine = adapt(load(name), formula, name)
        else:
            routine = routine_named(name, formula)
        if routine.formats is not None and format.name not in routine.formats:
            written = ", ".join(routine.formats)
            raise UsageError(f"{formula.name}.{routine.name} was written for {written}, not {format.name}")
        chosen[routine.name] = routine
    return tuple(chosen.values())


def _outputs(formula: Formula, space: Space) -> int:
    truth = settle(formula, space.at(np.array([0])), space.format, with_gradient=False)
    return int(np.prod(truth.value.shape[1:]))


def fingerprint_of(plan: Plan) -> dict[str, str]:
    """All that the result depends on, in words and hashes: a checkpoint is gone on with only where nothing changed."""
    space = plan.space
    inputs = "; ".join(f"{name}: {domain.describe()}" for name, domain in plan.formula.inputs.items())
    places = "; ".join(f"{name}: {listed}" for name, listed in space.ordinals.items())
    told = {
        "numcheck": numcheck.__version__,
        "numcheck source": _hash(_package_source()),
        **environment([plan.device]),
        "formula": plan.formula.name,
        "source of the formula": _hash(_source(plan.formula.function)),
        "format": plan.format.name,
        "overflow rule": plan.format.overflow,
        "device name": plan.device,
        "chunk size": str(plan.chunk),
        "domain": inputs,
        "space": _hash(places),
        "grid": str(plan.grid),
        "choice of value or gradient": "value" if plan.value_only else "both",
        "list of routines": ", ".join(routine.name for routine in plan.routines),
    }
    for routine in plan.routines:
        promise = f"{routine.value}, {routine.grad}"
        told[f"source of the routine {routine.name}"] = _hash(promise + _source(routine.function))
    return told


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _source(function: Callable[..., Any]) -> str:
    """The text of a function and of the module that it stands in; what it is compiled to, where there is no text."""
    texts: list[str] = [function.__module__ or "", function.__qualname__]
    try:
        texts.append(inspect.getsource(function))
    except (OSError, TypeError):  # built in, or typed into a session
        texts.append(_compiled(getattr(function, "__code__", None)))
    with suppress(OSError, TypeError, KeyError):
        texts.append(inspect.getsource(sys.modules[function.__module__]))
    return "\n".join(texts)


def _compiled(code: object) -> str:
    if not isinstance(code, CodeType):
        return repr(code)
    return repr((code.co_code, code.co_names, [_compiled(part) for part in code.co_consts]))


@lru_cache(maxsize=1)
def _package_source() -> str:
    """The text of numcheck itself, the catalogue aside: an edited checker is another checker."""
    root = Path(numcheck.__file__).parent
    paths = [path for path in sorted(root.rglob("*.py")) if "catalog" not in path.relative_to(root).parts]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


# Chunks -----------------------------------------------------------------------------------------------------------


def sweep_chunk(plan: Plan, start: int, stop: int) -> dict[tuple[str, str], Summary]:
    """The summary of each routine's value and gradient at the points start to stop."""
    torch.set_num_threads(1)
    found: dict[tuple[str, str], Summary] = {}
    for begin in range(start, stop, BATCH):
        for key, summary in _batch(plan, begin, min(begin + BATCH, stop)).items():
            found[key] = merged(found[key], summary) if key in found else summary
    return found


def _batch(plan: Plan, start: int, stop: int) -> dict[tuple[str, str], Summary]:
    """Plain points are counted; the others, for any routine, are settled together and judged one by one."""
    points = plan.space.at(np.arange(start, stop))
    backward = not plan.value_only and any(has_gradient(routine) for routine in plan.routines)
    outcomes = {
        routine.name: execute(
            routine, points, plan.format, plan.device, None, backward and has_gradient(routine)
        )
        for routine in plan.routines
    }
    told = _plainly_within(plan, start, points, outcomes)
    everywhere = np.logical_and.reduce([one.sure for one in told.values()])
    rows = np.flatnonzero(~everywhere) if told else np.arange(len(points))
    found = {key: _tally(start, everywhere, one) for key, one in told.items()}
    numbers = start + rows
    if not rows.size:
        nothing = np.zeros(0)
        line = plan.space.line
        empty = summary_of(start, stop, nothing.astype(np.int8), nothing, nothing, line, points=numbers)
        return {key: merged(summary, empty) for key, summary in found.items()}
    chosen = points.select(rows)
    component = np.zeros(len(rows), dtype=np.int64)
    truth = settle(plan.formula, chosen, plan.format, with_gradient=backward, component=component)
    for routine in plan.routines:
        outcome = outcomes[routine.name].select(rows)
        for measured in assess(routine, chosen, truth, plan.format, plan.device, outcome):
            fates, spent, error = measured.judgement.of_points()
            judged = summary_of(start, stop, fates, error, spent, plan.space.line, points=numbers)
            key = routine.name, measured.of
            found[key] = merged(found[key], judged) if key in found else judged
    return found


class Plain(NamedTuple):
    """Of a routine's value or gradient: the points that are plainly within, the errors there, and their budget."""

    sure: np.ndarray
    error: np.ndarray
    ulps: float


def _plainly_within(
    plan: Plan, start: int, points: Points, outcomes: Mapping[str, Outcome]
) -> dict[tuple[str, str], Plain]:
    """What is plainly within of each routine's value and gradient; nothing where float64 cannot judge the format."""
    if not prefilter.applies(plan.format):
        return {}
    exact = _truths(plan).of(points)
    told: dict[tuple[str, str], Plain] = {}
    for routine in plan.routines:
        outcome = outcomes[routine.name]
        parts = [("value", outcome.value, exact.value, routine.value, outcome.value_format)]
        if outcome.gradient is not None and exact.gradient is not None and routine.grad is not None:
            form = outcome.gradient_format
            parts.append(("grad", outcome.gradient, exact.gradient, routine.grad, form))
        for of, got, balls, budget, form in parts:
            if got.shape != balls.shape or budget.coupled or not prefilter.applies(form):
                sure, error = np.zeros(len(points), bool), np.zeros(len(points))
            else:
                sure, error = prefilter.plain(got, balls, budget, form, plan.compiled)
            told[routine.name, of] = Plain(sure, error, budget.ulps)
    everywhere = np.logical_and.reduce([one.sure for one in told.values()])
    prefilter.audit(plan.formula, points, exact, everywhere, plan.format)
    return told


def _tally(start: int, everywhere: np.ndarray, one: Plain) -> Summary:
    """Of points plainly within: what they spent is told as their error over the ulps of the budget alone."""
    if not everywhere.any():
        return EMPTY
    whole = bool(everywhere.all())
    at = int(np.argmax(one.error if whole else np.where(everywhere, one.error, -1.0)))
    largest, point = float(one.error[at]), start + at
    spent = Worst(largest / one.ulps if largest else 0.0, point)
    return tallied(histogram_of(one.error if whole else one.error[everywhere]), Worst(largest, point), spent)


@lru_cache(maxsize=1)
def _truths(plan: Plan) -> Truths:
    backward = not plan.value_only and any(has_gradient(routine) for routine in plan.routines)
    return Truths(plan.formula, plan.device, backward, plan.compiled)


def _chunk_here(plan: Plan, span: tuple[int, int]) -> dict[tuple[str, str], Summary]:
    return sweep_chunk(plan, *span)


def _chunk_by_words(words: Words, span: tuple[int, int]) -> dict[tuple[str, str], Summary]:
    """`sweep_chunk` in a worker process, which finds formula and routines by their names."""
    return sweep_chunk(_plan_by_words(words), *span)


@lru_cache(maxsize=1)
def _plan_by_words(words: Words) -> Plan:
    return plan_of(
        words.formula,
        words.routines,
        format=words.format,
        device=words.device,
        grid=words.grid,
        value_only=words.value_only,
        chunk=words.chunk,
    )


def _words(plan: Plan, formula: Formula | str, routines: Sequence[Routine | str]) -> Words | None:
    """How another process finds the plan again; None where it cannot, as for what a notebook defines."""
    stated = plan.formula
    if not isinstance(formula, str):
        if not (loaded_by_name(stated.module) and formulas().get(stated.name) is stated):
            return None
        formula = stated.name
    named: list[str] = []
    for routine in routines:
        if isinstance(routine, Routine) and stated.routines.get(routine.name) is not routine:
            return None
        named.append(routine.name if isinstance(routine, Routine) else routine)
    return Words(formula, tuple(named), plan.format.name, plan.device, plan.grid, plan.value_only, plan.chunk)


# Whole sweeps -----------------------------------------------------------------------------------------------------


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a sweep; the message says what is kept and how to go on."""


def folder_of(plan: Plan) -> Path:
    """The folder of a sweep's checkpoint and result under the current one.

    One for each question, so that a look at one routine leaves the long sweep of all of them alone.
    """
    every = tuple(
        name
        for name, routine in plan.formula.routines.items()
        if routine.formats is None or plan.format.name in routine.formats
    )
    names = tuple(routine.name for routine in plan.routines)
    words = [".".join([plan.formula.name, *(() if names == every else names)]), plan.format.name, plan.device]
    words += ["value"] if plan.value_only else []
    words += [] if plan.grid is None else [f"grid{plan.grid}"]
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in "-".join(words))
    return Path(".numcheck") / "sweeps" / name


def sweep(
    formula: Formula | str,
    routines: Sequence[Routine | str] = (),
    *,
    format: str,
    device: str = "cpu",
    value_only: bool = False,
    grid: int | None = None,
    out: str | Path | None = None,
    worst: str | Path | None = None,
    jobs: int = 1,
    restart: bool = False,
    chunk: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge routines (by default all of the formula's) at every input of a format, and return what was found.

    The formula has one real input in a format of up to 32 bits, or two in one of 8 bits, beside choices; `grid` takes
    so many values of each instead. `out` is a folder: there the finished chunks are kept, and the same call goes on
    where it was stopped, unless `restart` begins again. `worst` is the folder of worst inputs that `numcheck check`
    replays. `jobs` processes share the work where they can find formula and routines by name.

    Raises UsageError for what cannot be swept, ContradictionError where two proofs of one truth differ; Ctrl-C leaves
    by KeyboardInterrupt. The finished chunks are kept.
    """
    plan = plan_of(
        formula, routines, format=format, device=device, grid=grid, value_only=value_only, chunk=chunk
    )
    words = _words(plan, formula, routines)
    work = partial(_chunk_here, plan) if words is None else partial(_chunk_by_words, words)
    place = None if out is None else Path(out)
    record = None if worst is None else _record(Path(worst), plan)
    fingerprint = fingerprint_of(plan)
    before: State = {}
    if place is not None and not restart:
        before = checkpoint.read(place / "checkpoint.json", fingerprint)
    if place is not None and restart:
        (place / "result.json").unlink(missing_ok=True)
    keeper = Keeper(None if place is None else place / "checkpoint.json", fingerprint, before)
    try:
        _finish(plan, work, jobs if words is not None else 1, keeper, progress)
    except KeyboardInterrupt:
        raise Interrupted(_kept(plan, keeper)) from None
    except ContradictionError as error:
        raise ContradictionError(f"{error}; {_kept(plan, keeper)}") from error
    except BrokenProcessPool:
        raise UsageError(
            f"a worker process was killed, perhaps for its memory: {_kept(plan, keeper)}, best with fewer --jobs"
        ) from None
    result = result_of(plan, keeper.state)
    if place is not None:
        write_text(place / "result.json", json_text(result))
        for scratch in place.glob(".checkpoint.json.*"):  # what a kill in the middle of a write left
            scratch.unlink(missing_ok=True)
    if record is not None:
        worst_inputs.write(record, _worst_told(result))
    return result


def _record(folder: Path, plan: Plan) -> Path:
    """Where the worst inputs go; what lies there is looked at before hours of work, not after them."""
    path = worst_inputs.path_of(folder, plan.formula.name, plan.format.name, plan.device)
    worst_inputs.read(path)
    return path


def worst_file(folder: str | Path, result: Mapping[str, Any]) -> Path:
    """The file that a sweep with this result leaves in the folder of worst inputs."""
    return worst_inputs.path_of(Path(folder), result["formula"], result["format"], result["device"])


def _left(plan: Plan, state: State) -> list[tuple[int, int]]:
    """The chunks that are still to do; all summaries of a state are of the same points."""
    return list(ranges_left(next(iter(state.values()), EMPTY), plan.space.chunks(plan.chunk)))


def _kept(plan: Plan, keeper: Keeper) -> str:
    total = plan.chunks
    if keeper.path is None:
        done = total - len(_left(plan, keeper.state))
        return f"{done} of {total} chunks were done, and none is kept without a folder for them"
    done = total - len(_left(plan, keeper.kept))
    return (
        f"{done} of {total} chunks are kept in {keeper.path.parent}, and the same command goes on from there"
    )


def _finish(
    plan: Plan,
    work: Callable[[tuple[int, int]], State],
    jobs: int,
    keeper: Keeper,
    progress: Progress | None,
) -> None:
    """Do the chunks that the keeper's state lacks, and keep each as it is done."""
    left = _left(plan, keeper.state)
    what, total = f"{plan.formula.name} {plan.format.name}", plan.chunks
    done = total - len(left)
    try:
        if progress is not None:
            progress(what, done, total)
        with workers(jobs if len(left) > 1 else 1, "numcheck.sweeps") as hands:
            for _, found in hands.completed(work, left):
                # one assignment from one state to the next, so that a chunk is in it wholly or not at all
                keeper.keep({key: merged(keeper.state.get(key, EMPTY), part) for key, part in found.items()})
                done += 1
                if progress is not None:
                    progress(what, done, total)
    finally:
        keeper.flush()


# What was found ---------------------------------------------------------------------------------------------------


def result_of(plan: Plan, state: State) -> dict[str, Any]:
    """The result as `result.json` has it; nothing in it tells how often the sweep was stopped or who did the work."""
    return {
        "schema": SCHEMA,
        "numcheck": numcheck.__version__,
        "environment": environment([plan.device]),
        "formula": plan.formula.name,
        "inputs": {name: domain.describe() for name, domain in plan.formula.inputs.items()},
        "real_inputs": list(plan.space.ordinals),
        "format": plan.format.name,
        "device": plan.device,
        "evidence": plan.evidence,
        "grid": plan.grid,
        "points": plan.space.size,
        "measurements": [
            _measurement(plan, routine, of, state[routine.name, of])
            for routine in plan.routines
            for of in ("value", "grad")
            if (routine.name, of) in state
        ],
    }


def _measurement(plan: Plan, routine: Routine, of: str, summary: Summary) -> dict[str, Any]:
    declared = [gap for gap in routine.gaps if gap.covers(of, plan.format.name, plan.device)]
    (whole,) = summary.stretches
    ends = [end for region in whole.regions for end in (region.first, region.last)]
    inputs = iter(_inputs(plan, ends))
    return {
        "routine": routine.name,
        "of": of,
        "evidence": plan.evidence,
        "points": summary.points,
        "budget": str(routine.value if of == "value" else routine.grad),
        "fates": {fate.value: count for fate, count in zip(FATES, summary.fates, strict=True)},
        "failing": summary.failing,
        "gaps": [{"cause": gap.cause.value, "reason": gap.reason} for gap in declared],
        "ulp_histogram": dict(zip(bins(), summary.histogram, strict=True)),
        "worst_error": _worst(plan, "error_ulp", summary.error),
        "worst_spent": _worst(plan, "spent", summary.spent),
        "reproduce": None if summary.spent is None else _command(plan, routine, of, summary.spent.point),
        "regions": whole.count,
        "first_regions": [
            {
                "fate": region.fate.value,
                "points": region.last - region.first + 1,
                "first": next(inputs),
                "last": next(inputs),
            }
            for region in whole.regions
        ],
    }


def _worst(plan: Plan, name: str, found: Worst | None) -> dict[str, Any] | None:
    if found is None:
        return None
    (inputs,) = _inputs(plan, [found.point])
    return {name: figure(found.figure), "point": found.point, "inputs": inputs}


def _command(plan: Plan, routine: Routine, of: str, number: int) -> str:
    return reproduce(routine, plan.space.at(np.array([number])), 0, plan.format, of, device=plan.device)


def _inputs(plan: Plan, numbers: Sequence[int]) -> list[dict[str, str]]:
    """The inputs of these points: real numbers in hexadecimal, choices in words."""
    if not numbers:
        return []
    points = plan.space.at(np.array(numbers))
    columns: list[list[str]] = []
    for name in plan.formula.inputs:
        column = points.columns[name]
        if name in plan.space.ordinals:
            assert isinstance(column, torch.Tensor)
            columns.append([float(x).hex() for x in column.double().tolist()])
        else:
            columns.append([str(x) for x in (column if isinstance(column, tuple) else column.tolist())])
    return [dict(zip(plan.formula.inputs, row, strict=True)) for row in zip(*columns, strict=True)]


def _worst_told(result: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a result that is worth trying again: the worst inputs, and the ends of the failing regions."""
    routines: dict[str, dict[str, Any]] = {}
    for entry in result["measurements"]:
        routines.setdefault(entry["routine"], {})[entry["of"]] = {
            "worst_error": None if entry["worst_error"] is None else entry["worst_error"]["inputs"],
            "worst_spent": None if entry["worst_spent"] is None else entry["worst_spent"]["inputs"],
            "regions": [
                {key: region[key] for key in ("fate", "first", "last")}
                for region in entry["first_regions"][:MOST_BOUNDARIES]
            ],
            "evidence": f"{entry['evidence']}, {entry['points']} points",
        }
    kept = ("formula", "format", "device", "numcheck")
    return {key: result[key] for key in kept} | {"routines": routines}


def verdict(result: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code and closing sentence: 0 passed, 1 failing where no gap is declared, 3 truth in doubt."""
    entries = result["measurements"]
    judged = sum(entry["points"] for entry in entries)
    unresolved = sum(entry["fates"][Fate.UNRESOLVED.value] for entry in entries)
    crash = Fate.CRASH.value  # which no gap covers: it has no cause
    uncovered = sum(entry["fates"][crash] if entry["gaps"] else entry["failing"] for entry in entries)
    beside = {
        f"{entry['routine']} {entry['of']}": entry["failing"] - entry["fates"][crash]
        for entry in entries
        if entry["gaps"] and entry["failing"] > entry["fates"][crash]
    }
    told = f"{result['evidence']}, {judged} judged points"
    in_gaps = (
        f"; {sum(beside.values())} more fail where gaps are declared, and are not told apart: {', '.join(beside)}"
        if beside
        else ""
    )
    if unresolved > UNRESOLVED * max(1, judged):
        return 3, f"truth in doubt: {unresolved} of {judged} points unresolved"
    if uncovered:
        return 1, f"failing at {uncovered} points for which no gap is declared ({told}){in_gaps}"
    return 0, f"passed: no point fails for which no gap is declared ({told}){in_gaps}"


# The result as a page ---------------------------------------------------------------------------------------------

MOST_SHOWN = 6
"""Failing regions of one routine's value or gradient that the page lists."""


def page(result: Mapping[str, Any]) -> str:
    """The result for a reader: for each routine's value and gradient the fates, errors, worst inputs and regions."""
    every = "every input" if result["grid"] is None else f"a grid of {result['grid']} ordinals per real input"
    lines = [
        f"{result['formula']} in {result['format']} on {result['device']}: "
        f"{result['evidence']}, {every}, {result['points']} points"
    ]
    for entry in result["measurements"]:
        fates = ", ".join(f"{count} {fate}" for fate, count in entry["fates"].items() if count)
        errors = ", ".join(f"{name}: {count}" for name, count in entry["ulp_histogram"].items() if count)
        lines += ["", f"{entry['routine']} {entry['of']} ({entry['evidence']}, {entry['points']} points)"]
        lines += [f"  fates        {fates}", f"  budget       {entry['budget']}", f"  error in ulp {errors}"]
        for key, name, unit in (("worst_error", "error_ulp", " ulp"), ("worst_spent", "spent", "")):
            if entry[key] is not None:
                at = _in_words(result, entry[key]["inputs"])
                lines.append(f"  {key.replace('_', ' '):12} {entry[key][name]}{unit} at {at}")
        if entry["failing"]:
            lines.append(f"  shown by     {entry['reproduce']}")
        lines += _regions_in_words(result, entry)
        if entry["failing"] and entry["gaps"]:
            causes = ", ".join(dict.fromkeys(gap["cause"] for gap in entry["gaps"]))
            lines.append(f"  gaps         {entry['failing']} points fail; the routine declares: {causes}")
    return "\n".join(lines)


def _regions_in_words(result: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for region in entry["first_regions"][:MOST_SHOWN]:
        first, last = region["first"], region["last"]
        same = {name: text for name, text in first.items() if last[name] == text}
        moving = [name for name in first if name not in same]
        words = [_in_words(result, same)] if same else []
        words += [
            f"{name} from {_number(result, first[name])} to {_number(result, last[name])}" for name in moving
        ]
        title = "failing" if not lines else ""
        points = "1 point" if region["points"] == 1 else f"{region['points']} points"
        lines.append(f"  {title:12} {region['fate']} at {', '.join(words)}: {points}")
    if entry["regions"] > MOST_SHOWN:
        kept = min(entry["regions"], len(entry["first_regions"]))
        told = "all are in the result" if kept == entry["regions"] else f"the first {kept} are in the result"
        lines.append(f"  {'':12} and {entry['regions'] - MOST_SHOWN} more regions; {told}")
    return lines


def _in_words(result: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} = {_number(result, text) if name in result['real_inputs'] else text}"
        for name, text in inputs.items()
    )


def _number(result: Mapping[str, Any], text: str) -> str:
    """A real input in hexadecimal, without the zeros that end it, and in decimal."""
    if "0x" not in text:
        return text  # an infinity
    digits = 17 if result["format"] == "float64" else 9
    return f"{re.sub(r'[.]?0+p', 'p', text)} ({float.fromhex(text):.{digits}g})"
