"""Time beside error: how long routines take for so many numbers, and how wrong they are by the measure of a check.

The errors are those that `check` finds at the same points of the same seed, since both ask `examine`. Times are of
numbers from the formula's domain, repeated until there are enough of them: forward without a graph for gradients,
backward alone on a graph that is kept. All routines of a formula are timed one after another, several times over, so
that a machine that is busy for a while shows in how far these runs differ and slows no single routine.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

import numcheck
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formulas, load_catalog
from numcheck.declaration.words import (
    COMPILED,
    DEFAULT_POINTS,
    DEFAULT_SEED,
    MODES,
    Of,
    UsageError,
    told_of,
)
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure import RoutineError, check_device
from numcheck.report import figure, size_name
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.examine import Sample, drawn
from numcheck.runs.kernels import (
    DIRECTIONS,
    Inputs,
    Kernel,
    compiling,
    inputs_of,
    kernels_of,
    lacking,
    ready,
)
from numcheck.runs.stopwatch import copying, free_memory, memory_of, no_room, threads, times_of, why_not
from numcheck.runs.witnesses import read
from numcheck.truth import ContradictionError, compiler

SCHEMA = 1
"""Of the report of times."""
SIZES = (10**4, 10**6)
RUNS = 3
"""How often everything is timed, in turn: how far these differ says how noisy the machine is."""
SECONDS = 0.1
"""Of one run of one routine, at least."""
QUANTILES = (0.05, 0.25, 0.75, 0.95)


@dataclass(frozen=True)
class Workload:
    """What is to be measured of each formula; without `modes` both, where there is a compiler."""

    sizes: tuple[int, ...] = SIZES
    formats: tuple[str, ...] = ("float32",)
    devices: tuple[str, ...] = ("cpu",)
    modes: tuple[str, ...] | None = None
    points: int = DEFAULT_POINTS
    seed: int = DEFAULT_SEED
    threads: int = 1
    seconds: float = SECONDS


@dataclass(eq=False)
class _Timed:
    """What was seen of one kernel's half: the first call, then times, run by run."""

    kernel: Kernel
    of: Of
    first: float = math.nan
    cached: bool = False
    moved: int = 0
    runs: list[list[float]] = field(default_factory=list[list[float]])


def _timed(
    formula: Formula,
    kernels: Sequence[Kernel],
    inputs: Inputs,
    device: str,
    asked: Workload,
    tell: Callable[[str], None],
    failed: Callable[[Kernel, str], None],
) -> list[_Timed]:
    """All kernels timed at one size, in turn; of what raises `failed` is told, once, and the others go on."""
    cases = [_Timed(kernel, of) for kernel in kernels for of in kernel.errors]
    lost: set[tuple[str, str]] = set()
    compiles = any(kernel.mode == COMPILED for kernel in kernels)
    with threads(asked.threads), compiling(compiles):
        functions = {kernel.name: kernel.function() for kernel in kernels}
        for run, case in product(range(RUNS), cases):
            kernel = case.kernel
            if kernel.name in lost:
                continue
            tell(f"{formula.name}.{kernel.routine.name} {kernel.mode} {DIRECTIONS[case.of]}")
            hits = _cache_hits() if compiles else 0
            try:
                with ready(functions[kernel.name], formula, inputs, case.of, device) as made:
                    if not run:
                        case.first, case.moved = made.first, made.bytes_moved
                        case.cached = compiles and _cache_hits() > hits
                    case.runs.append(times_of(made.call, device, asked.seconds, asked.threads))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever a routine can raise: it costs its own row alone
                lost.add(kernel.name)
                failed(kernel, why_not(error))
    return [case for case in cases if len(case.runs) == RUNS]


def _cache_hits() -> int:
    """How many graphs torch's compiler has taken from its cache so far."""
    from torch._dynamo.utils import counters

    found = sum(counters[part].get(name, 0) for part, name in _HITS)
    return int(found)


_HITS = (("inductor", "fxgraph_cache_hit"), ("aot_autograd", "autograd_cache_hit"))


class _Copies:
    """How long copying takes, measured once for each number of bytes."""

    def __init__(self, asked: Workload) -> None:
        self.asked = asked
        self.known: dict[tuple[str, int], float] = {}

    def seconds(self, moved: int, device: str) -> float:
        if (device, moved) not in self.known:
            with threads(self.asked.threads), memory_of(device):
                times = times_of(copying(moved, device), device, self.asked.seconds, self.asked.threads)
            self.known[device, moved] = statistics.median(times)
        return self.known[device, moved]


# Whole runs -------------------------------------------------------------------------------------------------------


def benched(
    pages: Sequence[Formula | str] = (),
    kernels: Sequence[Routine] = (),
    asked: Workload | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Time and judge all routines of some formulas, by default of the catalogue, and given kernels beside them.

    What cannot be measured is told in `failed`, one line each, and everything else goes on; what was asked for and has
    no row at all is named in `lost`. A run that is interrupted gives what it has.
    """
    begun = time.perf_counter()
    asked = asked or Workload()
    load_catalog()
    known = formulas()
    chosen = [known[page] if isinstance(page, str) else page for page in pages]
    chosen += [kernel.formula for kernel in kernels]
    found = _Bench(asked, progress)
    found.expect_possible()
    found.run(list(dict.fromkeys(chosen)) or list(known.values()), kernels)
    report = {
        "schema": SCHEMA,
        "numcheck": numcheck.__version__,
        "environment": environment(asked.devices) | {"compiler": compiler() or "none"},
        "seed": asked.seed,
        "points": asked.points,
        "threads": asked.threads,
        "runs": RUNS,
        "seconds_of_a_run": asked.seconds,
        "noise": _noise(found.rows),
        "rows": with_fronts(found.rows),
        "failed": list(dict.fromkeys(found.failed)),
        "notes": found.notes,
        "lost": [] if found.interrupted else found.lost(),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    return report | ({"interrupted": True} if found.interrupted else {})


class _Bench:
    """A run on its way: what is asked, the rows so far, and what went wrong."""

    def __init__(self, asked: Workload, progress: Progress | None) -> None:
        self.asked, self.progress = asked, progress
        self.rows: list[dict[str, Any]] = []
        self.failed: list[str] = []
        self.notes: list[str] = []
        self.routines: list[tuple[str, str]] = []
        self.copies = _Copies(asked)
        self.done = self.total = 0
        self.interrupted = False

    def expect_possible(self) -> None:
        """UsageError for formats, devices and modes that there are not."""
        for name in self.asked.formats:
            format_named(name)
        for device in self.asked.devices:
            check_device(device)
        for mode in self.asked.modes or ():
            if mode not in MODES:
                raise UsageError(f"no mode {mode!r}: write {' or '.join(MODES)}")

    def run(self, pages: Sequence[Formula], kernels: Sequence[Routine]) -> None:
        self.total = len(pages) * len(self.asked.formats) * len(self.asked.devices) * len(self.asked.sizes)
        try:
            for formula in pages:
                given = [kernel for kernel in kernels if kernel.formula is formula]
                self._page(formula, [*formula.routines.values(), *given])
        except KeyboardInterrupt:
            self.interrupted = True

    def _page(self, formula: Formula, routines: Sequence[Routine]) -> None:
        self.routines += [(formula.name, routine.name) for routine in routines]
        written = {
            format_named(name): found
            for name in self.asked.formats
            if (found := [one for one in routines if one.written_for(name)])
        }
        self._tell(f"{formula.name}: how wrong its routines are")
        everyone = [one for found in written.values() for one in found]
        try:
            if not everyone:
                raise UsageError(f"{formula.name} has no routine for {', '.join(self.asked.formats)}")
            with threads(1):
                samples = drawn(
                    formula, list(written), self.asked.points, self.asked.seed, read(formula), everyone
                )
        except UsageError as error:
            self.failed.append(str(error))
            return
        except ContradictionError as error:
            self.failed.append(f"truth in doubt: {error}")
            return
        for sample, device in product(samples, self.asked.devices):
            judged = self._kernels(written[sample.format], sample, device)
            for size in self.asked.sizes:
                self._size(formula, judged, sample.format, device, size)
                self.done += 1

    def _kernels(self, routines: Iterable[Routine], sample: Sample, device: str) -> list[Kernel]:
        kernels: list[Kernel] = []
        modes = self._modes(device)
        for routine in routines:
            name = f"{sample.formula.name}.{routine.name}"
            self._tell(f"{name} in {sample.format.name}: how wrong it is")
            for found in kernels_of(routine, modes, sample, device):
                if isinstance(found, Kernel):
                    kernels.append(found)
                    continue
                mode, error = found
                why = str(error) if isinstance(error, RoutineError) else told_of(error)
                self.failed.append(f"{name}, {mode}, in {sample.format.name} on {device}: {why}")
        return kernels

    def _modes(self, device: str) -> list[str]:
        possible: list[str] = []
        for mode in self.asked.modes or MODES:
            why = lacking(mode, device)
            if why is None:
                possible.append(mode)
            elif self.asked.modes is not None:
                self.failed.append(f"{mode}: {why}")
            elif f"{mode}: {why}" not in self.notes:
                self.notes.append(f"{mode}: {why}")
        return possible

    def _size(
        self, formula: Formula, kernels: Sequence[Kernel], format: Format, device: str, size: int
    ) -> None:
        where = f"with {size_name(size)} numbers of {format.name} on {device}"

        def failed(kernel: Kernel, why: str) -> None:
            self.failed.append(f"{formula.name}.{kernel.routine.name}, {kernel.mode}, {where}: {why}")

        def tell(what: str) -> None:
            self._tell(f"{what} {where}")

        try:
            inputs = inputs_of(formula, format, size, self.asked.points, self.asked.seed)
            room = free_memory() if device == "cpu" else None
            if room is not None and inputs.bytes > room:  # one line for all that would not fit
                raise UsageError(no_room())
        except UsageError as error:
            self.failed.append(f"{formula.name} {where}: {error}")
            return
        for case in _timed(formula, kernels, inputs, device, self.asked, tell, failed):
            self.rows.append(self._row(case, inputs, format, device, size))

    def _row(self, case: _Timed, inputs: Inputs, format: Format, device: str, size: int) -> dict[str, Any]:
        kernel, of = case.kernel, case.of
        medians = [statistics.median(run) for run in case.runs]
        median = statistics.median(medians)
        quantiles = np.median([np.quantile(run, QUANTILES) for run in case.runs], axis=0)
        try:
            copied = self.copies.seconds(case.moved, device) / median
        except (MemoryError, RuntimeError):  # a copy of what fitted just now
            copied = math.nan
        differs = kernel.differs.get(of)
        return {
            "formula": kernel.routine.formula.name,
            "routine": kernel.routine.name,
            "mode": kernel.mode,
            "format": format.name,
            "device": device,
            "size": size,
            "elements": inputs.elements,
            "rows": inputs.rows,
            "settings": _settings(inputs.points),
            "of": DIRECTIONS[of],
            "median_s": figure(median),
            "quantiles_s": {
                f"{q:g}": figure(time) for q, time in zip(QUANTILES, quantiles.tolist(), strict=True)
            },
            "medians_s": [figure(one) for one in medians],
            "spread": figure((max(medians) - min(medians)) / median),
            "timings": sum(map(len, case.runs)),
            "first_s": figure(case.first),
            "first_from_cache": case.cached,
            "throughput": figure(inputs.elements / median),
            "bytes": case.moved,
            "bandwidth": figure(case.moved / median),
            "copy_share": None if math.isnan(copied) else figure(copied),
            **kernel.errors[of],
            "agrees_with_eager": None if differs is None else not differs,
            "differs_at": differs,
            "on_front": False,
        }

    def _tell(self, what: str) -> None:
        if self.progress is not None:
            self.progress(what, self.done, self.total)

    def lost(self) -> list[str]:
        """What was asked for and has no row at all."""
        asked, rows = self.asked, self.rows
        seen = {(row["formula"], row["routine"]) for row in rows}
        gone = [
            f"{formula}.{routine}" for formula, routine in self.routines if (formula, routine) not in seen
        ]
        for name, values in (
            ("device", asked.devices),
            ("mode", asked.modes or ()),
            ("format", asked.formats),
        ):
            gone += [f"{name} {one}" for one in values if not any(row[name] == one for row in rows)]
        gone += [
            f"size {size_name(one)}" for one in asked.sizes if not any(row["size"] == one for row in rows)
        ]
        return list(dict.fromkeys(gone))


def _settings(points: Points) -> dict[str, str]:
    """The choices that are no tensors: one for all points of a call."""
    return {name: str(column[0]) for name, column in points.columns.items() if isinstance(column, tuple)}


def _noise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How far medians of repeated runs lie apart, as a share of the median: in the middle of all rows, and at worst."""
    spreads = [float(row["spread"]) for row in rows]
    middle, worst = (statistics.median(spreads), max(spreads)) if spreads else (math.nan, math.nan)
    return {"median": figure(middle), "worst": figure(worst)}


def with_fronts(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with whether no other of its formula, size, format, device and half is better.

    That is, at least as quick and as accurate, and one of both more.
    """
    listed = list(rows)

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("formula", "format", "device", "size", "of"))

    def figures(row: Mapping[str, Any]) -> tuple[float, float]:
        error = float(row["worst_ulp"])
        return float(row["median_s"]), math.inf if math.isnan(error) else error

    def beats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        mine, theirs = figures(one), figures(other)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in listed:
        groups.setdefault(place(row), []).append(row)
    return [row | {"on_front": not any(beats(one, row) for one in groups[place(row)])} for row in listed]
