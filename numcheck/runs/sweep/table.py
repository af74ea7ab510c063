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
from itertools import product
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
from numcheck.foreign import formula_at
from numcheck.formats import Format
from numcheck.reals.enclosures import PROVED
from numcheck.reals.mp import CONTEXT
from numcheck.reals.precision import precision
from numcheck.report import figure, folder_name, read_json, table_page, write_json, write_text
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.points import argument
from numcheck.runs.sweep.checkpoint import Keeper, alone_in
from numcheck.runs.sweep.largest import (
    BUILTIN,
    KINDS,
    LOST,
    NARROW,
    batch_from,
    defined,
    halves,
    input_of,
    judged,
    result_of,
    row_name,
    settled,
)
from numcheck.runs.sweep.plan import LONGEST, Plan, fingerprint_of
from numcheck.runs.sweep.run import finish
from numcheck.runs.sweep.summary import BINS, EMPTY, State
from numcheck.truth import BATCH, compiler, expect_promises, missing_compiler

SCHEMA = 2
"""Of the table's file."""
MODES = ("eager", "compiled")
"""How it is run."""
FORMATS = DEFAULT_FORMATS
KEPT = Path(".numcheck") / "table"
"""Where the finished chunks of a row in work are kept."""
MOST_REGIONS = 16
"""Regions of lost results that a row lists, the largest ones."""


# The functions ----------------------------------------------------------------------------------------------------


def functions() -> dict[str, Formula]:
    """The formulas of the catalogue that belong to the table: of one real number, with a function of torch's own."""
    load_catalog()
    return {name: formula for name, formula in formulas().items() if _belongs(formula)}


def own_functions(word: str) -> dict[str, Formula]:
    """Pages for the table of the routines of MODULE:NAME or FILE.py:NAME, each by the names of its formula and its own.

    UsageError where that is no formula of one real number, or has no routine.
    """
    formula = formula_at(word)
    pages = {
        f"{formula.name}.{name}": replace(formula, name=f"{formula.name}.{name}", routines={BUILTIN: routine})
        for name, routine in formula.routines.items()
    }
    if not pages:
        raise UsageError(
            f"{word} has no routine: write @{formula.name}.routine(value=ulps(2)) above a function"
        )
    if not all(map(_belongs, pages.values())):
        raise UsageError(
            f"{word} takes {', '.join(formula.inputs) or 'nothing'}: the table is of functions of one real number"
        )
    return pages


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


@lru_cache(maxsize=1)
def _plan_by_name(name: str, format: str) -> Plan:
    return plan_of(functions()[name], format_named(format))


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
    parts = {kind: state.get((row_name(routine.name, of), kind), EMPTY) for kind in KINDS}
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
        "domain": [number + 0.0 for number in input_of(ends).tolist()],  # without the sign of a zero
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
    x = input_of(batch_from(plan, number - place))
    got = result_of(routine, of, x)
    truth = _truth(plan, of, plan.space.at([number]))
    return {"input": _number(x, place), "result": _number(got, place), "truth": truth}


def _number(column: Tensor, i: int) -> dict[str, str]:
    return {"hex": argument(column, i, hexadecimal=True), "decimal": argument(column, i)}


def _truth(plan: Plan, of: Of, point: Points) -> str:
    """The truth in as many digits as are proved, 12 at most; of one that is nearly zero how far off it is."""
    found = settled(plan, of, point, tolerance=2.0**-60)
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


def table_of(
    rows: Sequence[Mapping[str, Any]],
    told: Mapping[str, str],
    pages: Mapping[str, Formula] | None = None,
    formats: Sequence[str] = FORMATS,
) -> dict[str, Any]:
    """The table as its file has it, rows in the order of formats, halves, functions and modes.

    `pages` are the functions of which it is, by default torch's own, in these formats.
    """
    pages = functions() if pages is None else pages

    def place(row: Mapping[str, Any]) -> tuple[int, int, str, int]:
        half = list(Of).index(Of(row["of"]))
        return FORMATS.index(row["format"]), half, row["function"], MODES.index(row["mode"])

    missing = [
        [name, form]
        for form in formats
        for name, page in pages.items()
        if page.routines[BUILTIN].written_for(form) and not _is_whole(rows, page, form)
    ]
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


def _is_whole(rows: Sequence[Mapping[str, Any]], page: Formula, form: str) -> bool:
    """Whether there are rows of all that is measured of a function in a format."""
    return {row["of"] for row in rows if _cell(row) == (page.name, form)} >= set(halves(page))


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
    _expect_formats(formats)
    path = _path(Path(folder), told)
    asked = [(name, form) for form in reversed(formats) for name in names or known]
    with alone_in(KEPT, "begin it in another folder"), alone_in(path.parent):
        rows = _known_rows(path, told)
        for name, form in asked:
            if missing and _is_whole(rows, known[name], form):
                continue
            kept = KEPT / f"{name}-{form}.json"
            found = rows_of(known[name], form, jobs=jobs, kept=kept, restart=restart, progress=progress)
            rows = [row for row in rows if _cell(row) != (name, form)] + found
            write_table(Path(folder), table_of(rows, told))
            kept.unlink(missing_ok=True)
    return path.with_suffix(".md"), table_of([row for row in rows if _cell(row) in asked], told)


def tabulate_own(
    words: Sequence[str],
    formats: Sequence[str] = FORMATS,
    *,
    restart: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The table of the routines of one's own formulas, each MODULE:NAME or FILE.py:NAME; it is written nowhere.

    Finished chunks are kept as `tabulate` keeps them.
    """
    pages = {name: page for word in words for name, page in own_functions(word).items()}
    _expect_formats(formats)
    for page in pages.values():
        expect_promises(page)
    rows, failed = list[dict[str, Any]](), list[str]()
    with alone_in(KEPT, "begin it in another folder"):
        for form, (name, page) in product(reversed(formats), pages.items()):
            if not page.routines[BUILTIN].written_for(form):
                continue
            kept = KEPT / f"{name}-{form}.json"
            try:
                rows += rows_of(page, form, kept=kept, restart=restart, progress=progress)
                kept.unlink(missing_ok=True)
            except UsageError as error:  # the other rows go on
                failed.append(f"{name} in {form}: {error}")
    if not rows:
        nothing = f"no routine of {', '.join(words)} was written for {', '.join(formats)}"
        raise UsageError("; ".join(failed) or nothing)
    return table_of(rows, what_runs(), pages, formats) | ({"failed": failed} if failed else {})


def _expect_formats(formats: Sequence[str]) -> None:
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"the table has no {name}: write one of {', '.join(FORMATS)}")


def _known_rows(path: Path, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows that the table of this environment has already."""
    if not path.exists():
        return []
    before = read_json(path, SCHEMA)
    if before.get("environment") != told:
        raise UsageError(f"{path} is of another environment: move it away")
    return before["rows"]
