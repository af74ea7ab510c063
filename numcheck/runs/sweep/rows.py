"""How wrong one of torch's own functions and its gradient are at every input of a format: its rows of the table.

A formula of one real number or two belongs to the table where its page has a `torch_builtin`. That routine runs eagerly
and compiled alone over the points that `grids` has, whatever part of them the page's domain is, and nothing is asked of
its budget. It is a sweep as `run` makes it; only the truth is asked for more closely, for a largest error is told to
`NARROW` ulps, and where the formula has no value, or no slope.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formulas, load_catalog
from numcheck.declaration.words import COMPILED, DEFAULT_FORMATS, EAGER, MODES, Fate, Of, UsageError
from numcheck.domain import Points, Space, continuous
from numcheck.foreign import formula_at
from numcheck.formats import Format
from numcheck.measure import plain
from numcheck.reals.enclosures import PROVED
from numcheck.reals.mp import CONTEXT
from numcheck.reals.precision import precision
from numcheck.report import figure
from numcheck.runs.check import Progress
from numcheck.runs.environment import environment
from numcheck.runs.points import argument
from numcheck.runs.sweep.behaviour import FLUSHED, MIRRORED, TURNED
from numcheck.runs.sweep.checkpoint import Keeper
from numcheck.runs.sweep.definitions import by_definition
from numcheck.runs.sweep.grids import space_of_function
from numcheck.runs.sweep.largest import (
    BUILTIN,
    KINDS,
    LOST,
    Part,
    batch_from,
    defined,
    halves,
    inputs_of,
    judged,
    mirror,
    parity,
    parts_of,
    result_of,
    row_name,
    settled,
)
from numcheck.runs.sweep.plan import LONGEST, MOST_BITS, Plan, fingerprint_of
from numcheck.runs.sweep.run import finish
from numcheck.runs.sweep.searching import searched
from numcheck.runs.sweep.sized import (
    is_sized,
)
from numcheck.runs.sweep.special import flushed_inputs, special, turned_at_borders
from numcheck.runs.sweep.summary import BINS, EMPTY, State, Summary, merged
from numcheck.truth import BATCH, compiler, missing_compiler

FORMATS = (*DEFAULT_FORMATS, "float64")
"""What a table is of; the last is searched."""
SHORT = 1 << 17
"""Points of a chunk of a grid, of which there are fewer: two batches."""
MOST_REGIONS = 16
"""Regions of lost results that a row lists, the largest ones."""


# The functions ----------------------------------------------------------------------------------------------------


def functions() -> dict[str, Formula]:
    """The formulas of the catalogue that belong to the table: of a real number or two, with torch's own function."""
    load_catalog()
    return {name: formula for name, formula in formulas().items() if belongs(formula)}


def own_functions(word: str) -> dict[str, Formula]:
    """Pages for the table of the routines of MODULE:NAME or FILE.py:NAME, each by the names of its formula and its own.

    UsageError where that is no formula of one real number or two, or of vectors, or has no routine.
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
    if not all(belongs(page) or is_sized(page) for page in pages.values()):
        taken = ", ".join(formula.inputs) or "nothing"
        raise UsageError(
            f"{word} takes {taken}: the table is of functions of one real number or two, or of vectors alone"
        )
    return pages


def belongs(formula: Formula) -> bool:
    """Whether it is of one real number or two, with a function of torch's own."""
    reals = [name for name, domain in continuous(formula.inputs).items() if domain.sizes is None]
    few = len(reals) == len(formula.inputs) in (1, 2) and formula.relation is None
    return few and BUILTIN in formula.routines


def plan_of(
    formula: Formula,
    format: Format,
    marks: Sequence[float] = (),
    device: str = "cpu",
    modes: Sequence[str] = MODES,
) -> Plan:
    """The sweep of torch's own function over every number of the format, every pair of a grid, or searched inputs.

    `marks` are inputs that are worth a closer look where there are too many to try. The function runs on the device,
    and what it gives is judged on the processor.
    """
    builtin = formula.routines[BUILTIN]
    ways: dict[str, Callable[..., Any]] = {EAGER: builtin.function} if EAGER in modes else {}
    if COMPILED in modes and not missing_compiler(device):
        ways[COMPILED] = torch.compile(builtin.function, dynamic=False)
    routines = tuple(replace(builtin, name=mode, function=function) for mode, function in ways.items())
    value_only = Of.GRAD not in halves(formula)

    def over(space: Space, grid: int | None, again: Callable[[], Plan] | None) -> Plan:
        chunk = LONGEST if grid is None else SHORT
        return Plan(formula, routines, format, device, space, grid, value_only, chunk, again, "cpu")

    if len(formula.inputs) == 1 and format.bits > MOST_BITS[1]:
        space = searched(formula, format, lambda space: over(space, space.size, None), marks)
        return over(space, space.size, None)
    space = space_of_function(formula, format)
    # other processes know the functions of the catalogue only
    shared = functions().get(formula.name) is formula
    again = partial(_plan_by_name, formula.name, format.name, device, tuple(modes)) if shared else None
    return over(space, None if len(space.ordinals) == 1 else space.line, again)


@lru_cache(maxsize=1)
def _plan_by_name(name: str, format: str, device: str, modes: Sequence[str]) -> Plan:
    return plan_of(functions()[name], format_named(format), device=device, modes=modes)


def evidence_of(plan: Plan) -> str:
    """The grade of what is found: of searched inputs less is known than of a grid."""
    return "searched" if plan.grid is not None and len(plan.formula.inputs) == 1 else plan.evidence


def marks_from(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """The inputs at which rows of a function in other formats have their largest errors, or lose all digits."""
    points = [
        point
        for row in rows
        if row["function"] == name and row["evidence"] == "exhaustive"
        for point in (
            *(kind["worst"] for kind in row["kinds"].values() if kind["worst"] is not None),
            *(region[end] for region in row["largest_regions"] for end in ("first", "last")),
        )
    ]
    numbers = {float.fromhex(point["input"]["hex"]) for point in points}
    return sorted(number for number in numbers if np.isfinite(number))


# Whole rows -------------------------------------------------------------------------------------------------------


def rows_of(
    formula: Formula,
    format: str,
    *,
    device: str = "cpu",
    jobs: int = 1,
    kept: Path | None = None,
    restart: bool = False,
    progress: Progress | None = None,
    marks: Sequence[float] = (),
    modes: Sequence[str] = MODES,
) -> list[dict[str, Any]]:
    """The table's rows of a function in a format, one for each half in each of the modes; `kept` holds finished chunks.

    A search takes seconds, and nothing is kept of it.
    """
    begun = time.perf_counter()
    plan = plan_of(formula, format_named(format), marks, device, modes)
    kept = None if evidence_of(plan) == "searched" else kept
    keeper = Keeper(kept, fingerprint_of(plan) | what_runs(device), restart)
    finish(plan, judged, keeper, jobs, progress)
    rows = [_row(plan, routine, of, keeper.state) for of in halves(formula) for routine in plan.routines]
    seconds = round(time.perf_counter() - begun, 1)  # of all of them, which are measured together
    return [{**row, "seconds": seconds} for row in rows]


def _row(plan: Plan, routine: Routine, of: Of, state: State) -> dict[str, Any]:
    """A row; of a gradient by several inputs it tells of all of them, and in `by` at which the worst error is."""
    each = [_told(plan, routine, part, state) for part in parts_of(plan.formula, of)]
    kinds = {kind: _joined([told["kinds"][kind] for told in each]) for kind in KINDS}
    fates = {fate.word: sum(told["fates"].get(fate.word, 0) for told in each) for fate in Fate}
    worsts = [kind["worst"] for kind in kinds.values() if kind["worst"] is not None]
    alone = len(each) == 1 == len(plan.formula.inputs)
    return {
        "function": plan.formula.name,
        "of": of.value,
        "format": plan.format.name,
        "mode": routine.name,
        "device": plan.device,
        **_largest(max(worsts, key=_size, default=None)),
        "evidence": evidence_of(plan),
        "proved": not fates[Fate.UNRESOLVED.word],
        "points": plan.space.size,
        "results": plan.space.size * len(each),
        "formula": plan.formula.doc,
        "source": plan.formula.source,
        **_where(plan, of),
        "fates": {word: many for word, many in fates.items() if many},
        "kinds": kinds,
        "regions": sum(told["regions"] for told in each),
        "largest_regions": _shown([region for told in each for region in told["largest_regions"]]),
        **(_behaviour(plan, routine, Part(of), state) if alone else {}),
    }


def _behaviour(plan: Plan, routine: Routine, part: Part, state: State) -> dict[str, Any]:
    """What a row tells of a function of one number beside its errors."""

    def seen(name: str) -> Summary:
        return state.get((row_name(routine.name, part), name), EMPTY)

    def first(summary: Summary, beside: Callable[[int], Any] | None = None) -> dict[str, Any]:
        if summary.error is None:
            return {}
        at = summary.error.point
        return {"first": [_point(plan, routine, part, at)] + ([] if beside is None else [beside(at)])}

    turned = merged(seen(TURNED), turned_at_borders(plan, routine, part))
    mirrored, kept = seen(MIRRORED), seen(FLUSHED)
    return {
        "special": special(plan, routine, part),
        "flushes": {
            "inputs": flushed_inputs(plan, routine, part),
            "results": {"flushed": kept.count(Fate.OVER), "kept": kept.count(Fate.WITHIN)},
        },
        "monotonicity": {
            "violations": turned.count(Fate.OVER),
            **first(turned, lambda at: _point(plan, routine, part, at + 1)),
        },
        "symmetry": {
            "truth": {1: "even", -1: "odd", 0: "neither"}[parity(plan, part)],
            "violations": mirrored.count(Fate.OVER),
            **first(mirrored, lambda at: _mirrored(plan, routine, part, at)),
        },
    }


def _mirrored(plan: Plan, routine: Routine, part: Part, number: int) -> dict[str, Any]:
    """The input of the other sign, and the result there."""
    place = number % BATCH
    points = mirror(batch_from(plan, number - place))
    got = result_of(plan, routine, part, points)
    return {"input": _number(inputs_of(points), place), "result": _number([got], place)}


def _size(worst: Mapping[str, Any]) -> float:
    return float(worst["error_ulp"])


def _joined(kinds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is told of one kind of results of all parts of a half."""
    histogram = Counter[str]()
    for kind in kinds:
        histogram.update(kind["histogram"])
    worsts = [kind["worst"] for kind in kinds if kind["worst"] is not None]
    return {
        "results": sum(kind["results"] for kind in kinds),
        "histogram": dict(histogram),
        "worst": max(worsts, key=_size, default=None),
    }


def _shown(regions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The largest of these regions: a row has no room for more."""
    largest = sorted(enumerate(regions), key=lambda place: (-place[1]["points"], place[0]))[:MOST_REGIONS]
    return [region for _, region in sorted(largest, key=lambda place: place[0])]


def _where(plan: Plan, of: Of) -> dict[str, Any]:
    """Between which numbers the function has values, or how many of each input the grid has."""
    if len(plan.space.ordinals) > 1:
        return {"grid": {name: len(listed) for name, listed in plan.space.ordinals.items()}}
    limits = defined(plan, Part(of))
    (ends,) = inputs_of(plan.space.at([limits[0], limits[-1]]))
    return {"domain": [number + 0.0 for number in ends.tolist()]}  # without the sign of a zero


def _told(plan: Plan, routine: Routine, part: Part, state: State) -> dict[str, Any]:
    """What a row tells of one part of a half: fates, errors by kind, and where all digits go."""
    parts = {kind: state.get((row_name(routine.name, part), kind), EMPTY) for kind in KINDS}
    (whole,) = parts[KINDS[LOST]].stretches
    by = {"by": part.by} if part.by else {}
    largest = sorted(whole.regions, key=lambda region: (region.first - region.last, region.first))
    shown = sorted(largest[:MOST_REGIONS], key=lambda region: region.first)
    kinds: dict[str, dict[str, Any]] = {
        kind: {
            "results": sum(one.histogram),
            "histogram": {name: many for name, many in zip(BINS, one.histogram, strict=True) if many},
            "worst": None
            if one.error is None
            else {
                "error_ulp": figure(one.error.figure),
                **by,
                **_worst(plan, routine, part, one.error.point),
            },
        }
        for kind, one in parts.items()
    }
    return {
        "fates": {fate.word: sum(one.count(fate) for one in parts.values()) for fate in Fate},
        "kinds": kinds,
        "regions": whole.count,
        "largest_regions": [
            by
            | region.told(_point(plan, routine, part, region.first), _point(plan, routine, part, region.last))
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
        **{key: worst[key] for key in ("by", "ulp_definitions") if key in worst},
    }


def _point(plan: Plan, routine: Routine, part: Part, number: int) -> dict[str, Any]:
    """An input, the result there as the sweep saw it, and the truth to 12 digits."""
    # the same place in the same call, for a kernel may end a batch in another way than it goes through it
    place = number % BATCH
    points = batch_from(plan, number - place)
    got = result_of(plan, routine, part, points)
    truth = _truth(plan, part, plan.space.at([number]))
    return {"input": _number(inputs_of(points), place), "result": _number([got], place), "truth": truth}


def _worst(plan: Plan, routine: Routine, part: Part, number: int) -> dict[str, Any]:
    """A point, and what its error is by other definitions of an ulp where those differ."""
    told = _point(plan, routine, part, number)
    got = float.fromhex(told["result"]["hex"])
    apart = by_definition(got, settled(plan, part, plan.space.at([number])), plan.format)
    return told | ({"ulp_definitions": {name: figure(x) for name, x in apart.items()}} if apart else {})


def _number(columns: Sequence[Tensor], i: int) -> dict[str, str]:
    """Numbers in hexadecimal and in decimal, with commas between where there are several."""
    hexadecimal = [argument(column, i, hexadecimal=True) for column in columns]
    return {"hex": ",".join(hexadecimal), "decimal": ", ".join(argument(column, i) for column in columns)}


def _truth(plan: Plan, part: Part, point: Points) -> str:
    """The truth in as many digits as are proved, 12 or 20 at most; of what is nearly zero how far off it is."""
    # an enclosure holds 106 bits
    found = settled(plan, part, point, tolerance=2.0 ** -min(60, 96 - plan.format.precision))
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
        most = 12 if plain.applies(plan.format) else 20
        digits = most if radius == 0 else int(np.clip(np.log10(abs(high) / radius), 1, most))
        return str(CONTEXT.nstr((CONTEXT.mpf(high) + CONTEXT.mpf(low)) * unit, digits))


def what_runs(device: str = "cpu") -> dict[str, str]:
    """What results may depend on, in words: versions, instruction set, processor, device and compiler."""
    path, told = compiler(), "none"
    if path is not None:
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        told = version.splitlines()[0] if version else "unknown"
    return environment([device]) | {"compiler": told}
