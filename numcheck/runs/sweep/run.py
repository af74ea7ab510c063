"""Every input of a format through a formula's routines: chunks, whole sweeps and what they found.

A sweep is an enumeration of a formula's points, cut into chunks. A chunk is judged as `numcheck check` judges drawn
points and leaves one summary for each routine's value and gradient; summaries merge, so chunks may be done by any
worker, in any order, before or after an interruption. Nothing is diagnosed: a failing point counts under its fate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import numcheck
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.words import ExitCode, Fate, Of, UsageError
from numcheck.domain import Points
from numcheck.measure import Outcome, execute, plain
from numcheck.report import figure, json_text, write_text
from numcheck.runs import witnesses
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.examine import examine, sample
from numcheck.runs.points import argument, reproduce
from numcheck.runs.sweep import checkpoint
from numcheck.runs.sweep.checkpoint import Keeper, State
from numcheck.runs.sweep.plan import Plan, Words, fingerprint_of, plan_by_words, plan_of, words_of
from numcheck.runs.sweep.summary import (
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
from numcheck.runs.verdict import UNRESOLVED
from numcheck.runs.witnesses import Witness
from numcheck.runs.workers import workers
from numcheck.truth import BATCH, ContradictionError, Truths

MOST_BOUNDARIES = 8
"""Failing regions whose two ends become witnesses, for each half of a routine."""

SCHEMA = 1


# Chunks -----------------------------------------------------------------------------------------------------------


def _batch(plan: Plan, start: int, stop: int) -> dict[tuple[str, str], Summary]:
    """Plain points are counted; the others, for any routine, are settled together and judged one by one."""
    points = plan.space.at(np.arange(start, stop))
    outcomes = {
        routine.name: execute(
            routine, points, plan.format, plan.device, None, plan.backward and Of.GRAD in routine.budgets
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
    left = sample(plan.formula, plan.format, chosen, np.zeros(len(rows), dtype=np.int64), plan.backward)
    for routine in plan.routines:
        for examined in examine(routine, left, plan.device, [outcomes[routine.name].select(rows)]):
            fates, spent, error = examined.judged
            judged = summary_of(start, stop, fates, error, spent, plan.space.line, points=numbers)
            key = routine.name, examined.of
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
    if not plain.applies(plan.format):
        return {}
    exact = truths(plan).of(points)
    balls = {Of.VALUE: exact.value, Of.GRAD: exact.gradient}
    told: dict[tuple[str, str], Plain] = {}
    for routine in plan.routines:
        for of, given in outcomes[routine.name].halves.items():
            budget, ball = routine.budgets[of], balls[of]
            if (
                ball is None
                or given.numbers.shape != ball.shape
                or budget.coupled
                or not plain.applies(given.format)
            ):
                sure, error = np.zeros(len(points), bool), np.zeros(len(points))
            else:
                sure, error = plain.plain(given.numbers, ball, budget, given.format, plan.compiled)
            told[routine.name, of] = Plain(sure, error, budget.ulps)
    everywhere = np.logical_and.reduce([one.sure for one in told.values()])
    plain.audit(plan.formula, points, exact, everywhere, plan.format)
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
def truths(plan: Plan) -> Truths:
    """The float64 balls that judge the batches of a plan, recorded and compiled once."""
    return Truths(plan.formula, plan.device, plan.backward, plan.compiled)


def sweep_chunk(
    plan: Plan, start: int, stop: int, batch: Callable[[Plan, int, int], State] = _batch
) -> State:
    """The summaries of the points start to stop; `batch` makes those of a batch, by default as a sweep does."""
    torch.set_num_threads(1)
    found: dict[tuple[str, str], Summary] = {}
    for begin in range(start, stop, BATCH):
        for key, summary in batch(plan, begin, min(begin + BATCH, stop)).items():
            found[key] = merged(found[key], summary) if key in found else summary
    return found


def _chunk_here(plan: Plan, span: tuple[int, int]) -> State:
    return sweep_chunk(plan, *span)


def _chunk_by_words(words: Words, span: tuple[int, int]) -> State:
    """`sweep_chunk` in a worker process, which finds formula and routines by their names."""
    return sweep_chunk(plan_by_words(words), *span)


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
    witness: bool = False,
    jobs: int = 1,
    restart: bool = False,
    chunk: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge routines (by default all of the formula's) at every input of a format, and return what was found.

    The formula has one real input in a format of up to 32 bits, or two in one of 8 bits, beside choices; `grid` takes
    so many values of each instead. `out` is a folder: there the finished chunks are kept, and the same call goes on
    where it was stopped, unless `restart` begins again. With `witness` the worst inputs go into the formula's file of
    witnesses, which every run tries first. `jobs` processes share the work where they can find formula and routines by
    name.

    Raises UsageError for what cannot be swept, ContradictionError where two proofs of one truth differ; Ctrl-C leaves
    by KeyboardInterrupt. The finished chunks are kept.
    """
    plan = plan_of(
        formula, routines, format=format, device=device, grid=grid, value_only=value_only, chunk=chunk
    )
    words = words_of(plan, formula, routines)
    work = partial(_chunk_here, plan) if words is None else partial(_chunk_by_words, words)
    place = None if out is None else Path(out)
    if witness:  # what lies there is looked at before hours of work, not after them
        witnesses.expect_writable(plan.formula)
    fingerprint = fingerprint_of(plan)
    before: State = {}
    if place is not None and not restart:
        before = checkpoint.read(place / "checkpoint.json", fingerprint)
    if place is not None and restart:
        (place / "result.json").unlink(missing_ok=True)
    keeper = Keeper(None if place is None else place / "checkpoint.json", fingerprint, before)
    finish(plan, work, jobs if words is not None else 1, keeper, progress)
    result = result_of(plan, keeper.state)
    if place is not None:
        write_text(place / "result.json", json_text(result))
        for scratch in place.glob(".checkpoint.json.*"):  # what a kill in the middle of a write left
            scratch.unlink(missing_ok=True)
    if witness:
        here = witnesses.environment_name(plan.device)
        cells: set[witnesses.Cell] = {
            (True, name, plan.format.name, Of(of), here) for name, of in keeper.state
        }
        witnesses.record(plan.formula, list(_witnesses(plan, keeper.state)), cells)
    return result


def _left(plan: Plan, state: State) -> list[tuple[int, int]]:
    """The chunks that are still to do; all summaries of a state that speak of a range are of the same points."""
    done = next((summary for summary in state.values() if summary.stretches), EMPTY)
    return list(ranges_left(done, plan.space.chunks(plan.chunk)))


def _kept(plan: Plan, keeper: Keeper) -> str:
    total = plan.chunks
    if keeper.path is None:
        done = total - len(_left(plan, keeper.state))
        return f"{done} of {total} chunks were done, and none is kept without a folder for them"
    done = total - len(_left(plan, keeper.kept))
    return (
        f"{done} of {total} chunks are kept in {keeper.path.parent}, and the same command goes on from there"
    )


def finish(
    plan: Plan,
    work: Callable[[tuple[int, int]], State],
    jobs: int,
    keeper: Keeper,
    progress: Progress | None,
) -> None:
    """Do the chunks that the keeper's state lacks; whatever stops that says how many are kept."""
    try:
        _finish(plan, work, jobs, keeper, progress)
    except KeyboardInterrupt:
        raise Interrupted(_kept(plan, keeper)) from None
    except ContradictionError as error:
        raise ContradictionError(f"{error}; {_kept(plan, keeper)}") from error
    except BrokenProcessPool:
        raise UsageError(
            f"a worker process was killed, perhaps for its memory: {_kept(plan, keeper)}, best with fewer --jobs"
        ) from None


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
        with workers(jobs if len(left) > 1 else 1, "numcheck.runs.sweep.run") as hands:
            for _, found in hands.completed(work, left):
                # one assignment from one state to the next, so that a chunk is in it wholly or not at all
                both = {key: merged(keeper.state.get(key, EMPTY), part) for key, part in found.items()}
                keeper.keep({**keeper.state, **both})  # a chunk may lack what others have: a kind of result
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
            for of in Of
            if (routine.name, of) in state
        ],
    }


def _measurement(plan: Plan, routine: Routine, of: Of, summary: Summary) -> dict[str, Any]:
    declared = [gap for gap in routine.gaps if gap.speaks_of(of, plan.format.name, plan.device)]
    (whole,) = summary.stretches
    ends = [end for region in whole.regions for end in (region.first, region.last)]
    inputs = iter(_inputs(plan, ends))
    return {
        "routine": routine.name,
        "of": of.value,
        "evidence": plan.evidence,
        "points": summary.points,
        "budget": str(routine.budgets[of]),
        "fates": {fate.word: summary.count(fate) for fate in Fate},
        "failing": summary.failing,
        "gaps": [{"causes": [cause.value for cause in gap.causes], "reason": gap.why} for gap in declared],
        "ulp_histogram": dict(zip(bins(), summary.histogram, strict=True)),
        "worst_error": _worst(plan, "error_ulp", summary.error),
        "worst_spent": _worst(plan, "spent", summary.spent),
        "reproduce": None if summary.spent is None else _command(plan, routine, of, summary.spent.point),
        "regions": whole.count,
        "first_regions": [
            {
                "fate": region.fate.word,
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


def _command(plan: Plan, routine: Routine, of: Of, number: int) -> str:
    return reproduce(routine, plan.space.at(np.array([number])), plan.format, of, device=plan.device)


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


def _witnesses(plan: Plan, state: State) -> Iterator[Witness]:
    """The inputs that are worth trying again: the worst ones, and the ends of the first failing regions."""
    for (name, of), summary in state.items():
        (whole,) = summary.stretches
        ends = [end for region in whole.regions[:MOST_BOUNDARIES] for end in (region.first, region.last)]
        numbers = [*(worst.point for worst in (summary.error, summary.spent) if worst is not None), *ends]
        points = plan.space.at(np.array(list(dict.fromkeys(numbers)), dtype=np.int64))
        for i in range(len(points)):
            inputs = tuple(argument(column, i, hexadecimal=True) for column in points.columns.values())
            here = (witnesses.environment_name(plan.device),)
            yield Witness(name, "", plan.format.name, Of(of), "swept", inputs, 0, here)


def sweep_verdict(result: Mapping[str, Any]) -> tuple[ExitCode, str]:
    """Exit code and closing sentence; points that fail where a gap is declared are told, and pass."""
    entries = result["measurements"]
    judged = sum(entry["points"] for entry in entries)
    unresolved = sum(entry["fates"][Fate.UNRESOLVED.word] for entry in entries)
    crash = Fate.CRASH.word  # which no gap covers: it has no cause
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
        return ExitCode.IN_DOUBT, f"truth in doubt: {unresolved} of {judged} points unresolved"
    if uncovered:
        return (
            ExitCode.FAILED,
            f"failing at {uncovered} points for which no gap is declared ({told}){in_gaps}",
        )
    return ExitCode.PASSED, f"passed: no point fails for which no gap is declared ({told}){in_gaps}"
