"""Every input of a format through a formula's routines: chunks, whole sweeps and what they found.

A sweep is an enumeration of a formula's points, cut into chunks. A chunk is judged as `numcheck check` judges drawn
points and leaves one summary for each routine's value and gradient; summaries merge, so chunks may be done by any
worker, in any order, before or after an interruption. Nothing is diagnosed: a failing point counts under its fate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import numcheck
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import limit, patience
from numcheck.declaration.words import Cause, ExitCode, Fate, Of, UsageError
from numcheck.domain import Points, listed
from numcheck.formats import Format
from numcheck.measure import Outcome, execute, plain
from numcheck.report import figure, json_text, write_text
from numcheck.runs import witnesses
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.examine import examine, sample
from numcheck.runs.points import argument, reproduce
from numcheck.runs.sweep.checkpoint import Keeper, alone_in
from numcheck.runs.sweep.plan import Plan, fingerprint_of, fitting, plan_of
from numcheck.runs.sweep.summary import (
    BINS,
    EMPTY,
    State,
    Summary,
    Worst,
    added,
    clear,
    histogram_of,
    ranges_left,
    summary_of,
    tallied,
)
from numcheck.runs.verdict import UNRESOLVED
from numcheck.runs.witnesses import Witness
from numcheck.runs.workers import workers
from numcheck.truth import BATCH, ContradictionError, Truths

CALLED_AGAIN = 64
"""Points with which each routine is called again in another arrangement; those that fail only there are `elsewhere`."""
MOST_BOUNDARIES = 8
"""Failing regions whose two ends become witnesses, for each half of a routine."""

Batch = Callable[[Plan, int, int], State]
"""What makes the summaries of a batch, the points start to stop of a plan."""


# Chunks -----------------------------------------------------------------------------------------------------------


def _batch(plan: Plan, start: int, stop: int) -> State:
    """Plain points are counted; the others, for any routine, are settled together and judged one by one."""
    points = plan.space.at(range(start, stop))
    outcomes = {
        routine.name: execute(
            routine, points, plan.format, plan.device, None, plan.backward and Of.GRAD in routine.budgets
        )
        for routine in plan.routines
    }
    everywhere, within = _plainly_within(plan, start, points, outcomes)
    rows = np.flatnonzero(~everywhere)
    if not rows.size:
        return added(within, dict.fromkeys(within, clear(start, stop, plan.space.line)))
    chosen = points.select(rows)
    left = sample(plan.formula, plan.format, chosen, np.zeros(len(rows), dtype=np.int64), plan.backward)
    judged: dict[tuple[str, str], Summary] = {}
    for routine in plan.routines:
        for examined in examine(routine, left, plan.device, [outcomes[routine.name].select(rows)]):
            fates, spent, error = examined.judged
            judged[routine.name, examined.of] = summary_of(
                start, stop, plan.space.line, start + rows, fates, error, spent
            )
    return added(within, judged)


def _plainly_within(
    plan: Plan, start: int, points: Points, outcomes: Mapping[str, Outcome]
) -> tuple[np.ndarray, State]:
    """Where every routine's value and gradient is plainly within, and what is summed up of each half there.

    That is nowhere if float64 cannot judge one of them.
    """
    nowhere = np.zeros(len(points), dtype=bool)
    if not plain.applies(plan.format):
        return nowhere, {}
    asked: list[tuple[str, Of]] = []
    results: list[torch.Tensor] = []
    judged: list[tuple[Of, float, Format]] = []
    for routine in plan.routines:
        for of, given in outcomes[routine.name].halves.items():
            budget = routine.budgets[of]
            if budget.coupled or not plain.applies(given.format):
                return nowhere, {}
            asked.append((routine.name, of))
            results.append(torch.from_numpy(given.numbers))
            judged.append((of, budget.ulps, given.format))
    exact, told = truths(plan).judged(points, results, plain.Plainly(tuple(judged)))
    errors = [error.cpu().numpy() for error in told]
    # the largest of numbers among which is a NaN is NaN
    unsure = [error for error in errors if np.isnan(error.max())]
    everywhere = ~np.logical_or.reduce([np.isnan(error) for error in unsure]) if unsure else ~nowhere
    for routine in plan.routines:
        for moved in outcomes[routine.name].changed.values():
            everywhere &= moved <= routine.budgets[Of.VALUE].ulps
    if plain.is_audited(start // BATCH, -(-plan.space.size // BATCH)):
        plain.audit(plan.formula, points, exact, everywhere, plan.format)
    return everywhere, {
        (name, of): _tally(start, everywhere, error, ulps)
        for (name, of), error, (_, ulps, _) in zip(asked, errors, judged, strict=True)
    }


def _tally(start: int, everywhere: np.ndarray, error: np.ndarray, ulps: float) -> Summary:
    """Of points plainly within: what they spent is told as their error over the ulps of the budget alone."""
    if not everywhere.any():
        return EMPTY
    whole = bool(everywhere.all())
    at = int(np.argmax(error if whole else np.where(everywhere, error, -1.0)))
    largest, point = float(error[at]), start + at
    spent = Worst(largest / ulps if largest else 0.0, point)
    return tallied(histogram_of(error if whole else error[everywhere]), Worst(largest, point), spent)


@lru_cache(maxsize=1)
def truths(plan: Plan) -> Truths:
    """The float64 balls that judge the batches of a plan, recorded and compiled once."""
    return Truths(plan.formula, plan.proved_on or plan.device, plan.backward, plan.compiled)


def sweep_chunk(plan: Plan, start: int, stop: int, batch: Batch = _batch) -> State:
    """The summaries of the points start to stop; `batch` makes those of a batch, by default as a sweep does."""
    torch.set_num_threads(1)
    found: State = {}
    for begin in range(start, stop, BATCH):
        found = added(found, batch(plan, begin, min(begin + BATCH, stop)))
    return found


def _chunk(find: Callable[[], Plan], batch: Batch, span: tuple[int, int]) -> State:
    """`sweep_chunk` in this process or another: `find` gives the plan there."""
    return sweep_chunk(find(), *span, batch)


# Whole sweeps -----------------------------------------------------------------------------------------------------


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a sweep; the message says what is kept and how to go on."""


def folder_of(plan: Plan) -> Path:
    """The folder of a sweep's checkpoint and result under the current one.

    One for each question, so that a look at one routine leaves the long sweep of all of them alone.
    """
    every = plan.routines == fitting(plan.formula, plan.format)
    names = [] if every else [routine.name for routine in plan.routines]
    words = [".".join([plan.formula.name, *names]), plan.format.name, plan.device]
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
    timeout: float | None = None,
) -> dict[str, Any]:
    """Judge routines (by default all of the formula's) at every input of a format, and return what was found.

    The formula has one real input in a format of up to 32 bits, or two in one of 8 bits, beside choices; `grid` takes
    so many values of each instead. `out` is a folder: there the finished chunks are kept, and the same call goes on
    where it was stopped, unless `restart` begins again. With `witness` the worst inputs go into the formula's file of
    witnesses, which every run tries first. `jobs` processes share the work where they can find formula and routines by
    name. A call of a routine that takes longer than `timeout` seconds is given up, and its points crash: a sweep that
    was stopped because one did not return goes on with a timeout.

    Raises UsageError for what cannot be swept, ContradictionError where two proofs of one truth differ; Ctrl-C leaves
    by KeyboardInterrupt. The finished chunks are kept.
    """
    plan = plan_of(formula, routines, format, device, grid, value_only, chunk)
    with patience(timeout):
        return swept(plan, None if out is None else Path(out), witness, jobs, restart, progress)


def swept(
    plan: Plan, place: Path | None, witness: bool, jobs: int, restart: bool, progress: Progress | None
) -> dict[str, Any]:
    """What `sweep` finds by a plan, kept in the folder `place`, with the `patience` that there is."""
    if witness:  # what lies there is looked at before hours of work, not after them
        witnesses.expect_writable(plan.formula)
    kept = None if place is None else place / "checkpoint.json"
    with alone_in(place):
        keeper = Keeper(kept, fingerprint_of(plan), restart)
        if place is not None and restart:
            (place / "result.json").unlink(missing_ok=True)
        finish(plan, _batch, keeper, jobs, progress)
        result = result_of(plan, keeper.state)
        if place is not None:
            write_text(place / "result.json", json_text(result))
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
    return ranges_left(done, plan.space.chunks(plan.chunk))


def _kept(plan: Plan, keeper: Keeper) -> str:
    state = keeper.state if keeper.path is None else keeper.kept
    done = f"{plan.chunks - len(_left(plan, state))} of {plan.chunks} chunks"
    if keeper.path is None:
        return f"{done} were done, and none is kept without a folder for them"
    return f"{done} are kept in {keeper.path.parent}, and the same command goes on from there"


def finish(plan: Plan, batch: Batch, keeper: Keeper, jobs: int, progress: Progress | None) -> None:
    """Do the chunks that the keeper's state lacks, and keep each as it is done; what stops that says how many are kept.

    Other processes share the work where they find the plan again.
    """
    left = _left(plan, keeper.state)
    what, total = f"{plan.formula.name} {plan.format.name}", plan.chunks
    done = total - len(left)
    find = plan.again
    if find is None or jobs == 1 or len(left) < 2:
        find, jobs = (lambda: plan), 1
    try:
        if progress is not None:
            progress(what, done, total)
        with keeper, workers(jobs, "numcheck.runs.sweep.run") as hands:
            for _, found in hands.completed(partial(_chunk, find, batch), left):
                # one assignment from one state to the next, so that a chunk is in it wholly or not at all
                keeper.keep(added(keeper.state, found))
                done += 1
                if progress is not None:
                    progress(what, done, total)
    except KeyboardInterrupt:
        raise Interrupted(_kept(plan, keeper)) from None
    except ContradictionError as error:
        raise ContradictionError(f"{error}; {_kept(plan, keeper)}") from error
    except BrokenProcessPool:
        raise UsageError(
            f"a worker process was killed, perhaps for its memory: {_kept(plan, keeper)}, best with fewer --jobs"
        ) from None


# What was found ---------------------------------------------------------------------------------------------------


def result_of(plan: Plan, state: State) -> dict[str, Any]:
    """The result as `result.json` has it; nothing in it tells how often the sweep was stopped or who did the work."""
    again = _called_again(plan)
    return {
        "schema": 1,
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
        "timeout": limit(),
        "measurements": [
            _measurement(plan, routine, of, state[routine.name, of]) | again.get((routine.name, of), {})
            for routine in plan.routines
            for of in Of
            if (routine.name, of) in state
        ],
    }


def _called_again(plan: Plan) -> dict[tuple[str, str], dict[str, Any]]:
    """What further calls with points spread over all show of each half: in words, and how many points fail by that."""
    points = plan.space.at(np.unique(np.linspace(0, plan.space.size - 1, CALLED_AGAIN).astype(np.int64)))
    spread = sample(plan.formula, plan.format, points, np.zeros(len(points), dtype=np.int64), plan.backward)
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for routine in plan.routines:
        for half in examine(routine, spread, plan.device):
            moved = sum(cause is not Cause.MUTATION for part in half.parts for cause in part.conduct.values())
            told[routine.name, half.of] = {"remarks": list(half.remarks), "elsewhere": moved}
    return told


def _measurement(plan: Plan, routine: Routine, of: Of, summary: Summary) -> dict[str, Any]:
    declared = [gap for gap in routine.gaps if gap.speaks_of(of, plan.format.name, plan.device)]
    (whole,) = summary.stretches
    ends = [end for region in whole.regions for end in (region.first, region.last)]
    inputs = _inputs(plan, ends)
    return {
        "routine": routine.name,
        "of": of.value,
        "evidence": plan.evidence,
        "points": summary.points,
        "budget": str(routine.budgets[of]),
        "fates": {fate.word: summary.count(fate) for fate in Fate},
        "failing": summary.failing,
        "gaps": [{"causes": [cause.value for cause in gap.causes], "reason": gap.why} for gap in declared],
        "ulp_histogram": dict(zip(BINS, summary.histogram, strict=True)),
        "worst_error": _worst(plan, "error_ulp", summary.error),
        "worst_spent": _worst(plan, "spent", summary.spent),
        "reproduce": None if summary.spent is None else _command(plan, routine, of, summary.spent.point),
        "regions": whole.count,
        "first_regions": [
            region.told(first, last)
            for region, first, last in zip(whole.regions, inputs[::2], inputs[1::2], strict=True)
        ],
    }


def _worst(plan: Plan, name: str, found: Worst | None) -> dict[str, Any] | None:
    if found is None:
        return None
    (inputs,) = _inputs(plan, [found.point])
    return {name: figure(found.figure), "point": found.point, "inputs": inputs}


def _command(plan: Plan, routine: Routine, of: Of, number: int) -> str:
    return reproduce(routine, plan.space.at([number]), plan.format, of, device=plan.device, timeout=limit())


def _inputs(plan: Plan, numbers: Sequence[int]) -> list[dict[str, str]]:
    """The inputs of these points: real numbers in hexadecimal, choices in words."""
    columns = plan.space.at(numbers).columns
    texts = [
        [x.hex() if name in plan.space.ordinals else str(x) for x in listed(column)]
        for name, column in columns.items()
    ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)]


def _witnesses(plan: Plan, state: State) -> Iterator[Witness]:
    """The inputs that are worth trying again: the worst ones, and the ends of the first failing regions."""
    for (name, of), summary in state.items():
        (whole,) = summary.stretches
        ends = [end for region in whole.regions[:MOST_BOUNDARIES] for end in (region.first, region.last)]
        numbers = [*(worst.point for worst in (summary.error, summary.spent) if worst is not None), *ends]
        points = plan.space.at(list(dict.fromkeys(numbers)))
        for i in range(len(points)):
            inputs = tuple(argument(column, i, hexadecimal=True) for column in points.columns.values())
            here = (witnesses.environment_name(plan.device),)
            yield Witness(name, "", plan.format.name, Of(of), "swept", inputs, 0, here)


def sweep_verdict(result: Mapping[str, Any]) -> tuple[ExitCode, str]:
    """Exit code and closing sentence; points that fail where a gap is declared are told, and pass."""
    entries = result["measurements"]
    judged = sum(entry["points"] for entry in entries)
    unresolved = sum(entry["fates"][Fate.UNRESOLVED.word] for entry in entries)
    uncovered = 0
    beside: dict[str, int] = {}
    for entry in entries:
        uncovered += entry.get("elsewhere", 0)
        crashes = entry["fates"][Fate.CRASH.word]  # which no gap covers: it has no cause
        uncovered += crashes if entry["gaps"] else entry["failing"]
        if entry["gaps"] and entry["failing"] > crashes:
            beside[f"{entry['routine']} {entry['of']}"] = entry["failing"] - crashes
    told = f" ({result['evidence']}, {judged} judged points)"
    if beside:
        more = sum(beside.values())
        told += f"; {more} more fail where gaps are declared, and are not told apart: {', '.join(beside)}"
    if unresolved > UNRESOLVED * max(1, judged):
        return ExitCode.IN_DOUBT, f"truth in doubt: {unresolved} of {judged} points unresolved"
    if uncovered:
        return ExitCode.FAILED, f"failing at {uncovered} points for which no gap is declared{told}"
    return ExitCode.PASSED, f"passed: no point fails for which no gap is declared{told}"
