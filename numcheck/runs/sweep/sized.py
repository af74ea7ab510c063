"""How much of their budgets torch's reductions and products spend at stated sizes: rows of drawn points.

A formula belongs here where its page has a `torch_builtin` and every input is an array of as many entries as one likes.
Its points are drawn as data have them, each of one sort: normal, wide, log-normal, or a far offset with a small spread.
They are judged as a check judges, by the budget of the page; a long vector needs few of them, for each has many
entries.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formulas, load_catalog
from numcheck.declaration.words import DEFAULT_FORMATS, Fate, Of, UsageError
from numcheck.domain import as_data, continuous
from numcheck.formats import Format
from numcheck.measure import Judgement, execute
from numcheck.report import figure
from numcheck.runs.examine import Examined, Sample, examine
from numcheck.runs.points import decimal
from numcheck.runs.sweep.largest import BUILTIN
from numcheck.truth import expect_promises, settle

SIZES = (64, 1024, 16384)
"""Entries of each input, unless others are asked for."""
MOST = 1 << 16
"""Entries up to which a truth takes seconds."""
SEED = 0
MANY, FEW, LONG = 32, 16, 4096
"""Points of a row, and of one of as many entries as the last says, or more."""


def sized_functions() -> dict[str, Formula]:
    """The formulas of the catalogue that belong here: of arrays of any size, with torch's own function."""
    load_catalog()
    return {name: formula for name, formula in formulas().items() if is_sized(formula)}


def is_sized(formula: Formula) -> bool:
    """Whether it belongs here."""
    arrays = [
        domain for domain in continuous(formula.inputs).values() if _is_free(domain) or _is_fixed(domain)
    ]
    whole = len(arrays) == len(formula.inputs) and any(map(_is_free, arrays))
    return whole and formula.relation is None and BUILTIN in formula.routines


def _is_free(domain: Any) -> bool:
    return domain.sizes is not None and any(part.name == "sizes" for part in fields(domain))


def _is_fixed(domain: Any) -> bool:
    return domain.sizes is None and hasattr(domain, "shape")


def expect_sizes(sizes: Sequence[int]) -> None:
    """UsageError for a size that no row can have."""
    for size in sizes:
        if not 2 <= size <= MOST:
            raise UsageError(f"{size} entries are no size of the table: write one from 2 to {MOST}")


def rows_at_sizes(formula: Formula, format: str, sizes: Sequence[int] = SIZES) -> list[dict[str, Any]]:
    """The table's rows of a function in a format, one for each half at each size."""
    expect_promises(formula)
    return [row for size in sizes for row in _rows(formula, format_named(format), size)]


def _rows(formula: Formula, format: Format, size: int) -> list[dict[str, Any]]:
    begun = time.perf_counter()
    inputs: dict[str, Any] = dict(formula.inputs)
    sized = {name: replace(kind, sizes=(size,)) if _is_free(kind) else kind for name, kind in inputs.items()}
    page = replace(formula, inputs=sized)
    routine = replace(formula.routines[BUILTIN], formula=page)
    halves = _examined(page, routine, format, size)
    seconds = round(time.perf_counter() - begun, 1)  # of both halves, which are measured together
    return [{**_row(formula, half, size), "seconds": seconds} for half in halves]


def _examined(page: Formula, routine: Routine, format: Format, size: int) -> Sequence[Examined]:
    points = as_data(page.inputs, format, size, MANY if size < LONG else FEW, SEED, page.name)
    backward = Of.GRAD in routine.budgets
    # the gradient is of one output, which stands anywhere among them
    component = np.random.default_rng(SEED).integers(0, size, size=len(points))
    truth = settle(page, points, format, with_gradient=backward, component=component)
    outcome = execute(routine, points, format, "cpu", truth.component, backward)
    return examine(routine, Sample(page, format, (points,), (truth,)), "cpu", [outcome])


def _row(formula: Formula, half: Examined, size: int) -> dict[str, Any]:
    (part,) = half.parts
    judged, fates = part.judgement, Counter(Fate(fate).word for fate in half.judged[0])
    return {
        "function": formula.name,
        "of": half.of.value,
        "format": half.format.name,
        "mode": "eager",
        "device": half.device,
        "size": size,
        "worst_ulp": figure(float(judged.error.max())),
        "spent": figure(float(judged.spent.max())),
        **_largest(judged),
        "evidence": "drawn",
        "seed": SEED,
        "proved": not fates[Fate.UNRESOLVED.word],
        "points": len(part.points),
        "budget": str(part.budget),
        "formula": formula.doc,
        "source": formula.source,
        "fates": dict(fates),
    }


def _largest(judged: Judgement) -> dict[str, str]:
    """The number with the largest error: where it stands, what was given, and the truth."""
    point, entry = (int(place) for place in np.unravel_index(np.argmax(judged.error), judged.error.shape))
    where = f"point {point}" + (f", entry {entry}" if judged.error.shape[1] > 1 else "")
    return {
        "input": where,
        "got": f"{judged.got[point, entry]:.9g}",
        "exact": decimal(judged.truth, (point, entry), 12),
    }


def cells_at_sizes(
    names: Sequence[str], formats: Sequence[str], sizes: Sequence[int]
) -> list[tuple[str, str, int]]:
    """What has rows of these functions: name, format of up to 32 bits, and size. UsageError for a size of none."""
    expect_sizes(sizes)
    return list(product(names, (form for form in formats if form in DEFAULT_FORMATS), sizes))


def missing_at_sizes(rows: Sequence[Mapping[str, Any]], formats: Sequence[str]) -> list[list[Any]]:
    """The functions without rows in a format at one of `SIZES`: name, format and size."""
    there = {(row["function"], row["format"], row["size"]) for row in rows if "size" in row}
    asked = cells_at_sizes(list(sized_functions()), formats, SIZES)
    return [list(cell) for cell in asked if cell not in there]
