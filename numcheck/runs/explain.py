"""Everything about one routine at one point: `numcheck explain`, and `numcheck.explain` from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formula_named, load_catalog
from numcheck.declaration.words import Fate, Of, UsageError
from numcheck.diagnosis import alone as told
from numcheck.foreign import adapt
from numcheck.formats import Format
from numcheck.measure import check_device
from numcheck.runs.examine import examine, sample
from numcheck.runs.points import argument, decimal, parsed_point, text_of


@dataclass(frozen=True)
class Explanation:
    """Everything about one routine at one point."""

    rows: tuple[tuple[str, str], ...]

    def lines(self) -> list[str]:
        """Aligned name and content."""
        width = max(len(name) for name, _ in self.rows)
        return [f"{name:<{width}}  {content}" for name, content in self.rows]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def explain(
    routine: Routine | Callable[..., Any] | str,
    formula: Formula | str,
    at: Mapping[str, Any],
    *,
    format: str = "float32",
    device: str = "cpu",
    of: str = "value",
    component: int = 0,
) -> Explanation:
    """Truth to 30 digits, result, error, budget, and the finding of one routine at one point; print it.

    `routine` is one of the formula's, by name, or any function that takes the formula's inputs as batched tensors.
    `at` gives each input's value: a number, nested lists of numbers, or text as `--at` takes it. `component` picks the
    output whose gradient is shown, of a formula with several. Raises UsageError for what cannot be.
    """
    if isinstance(formula, str):
        load_catalog()
        formula = formula_named(formula)
    judged = routine_named(routine, formula) if isinstance(routine, str) else adapt(routine, formula)
    words = {name: text_of(value) for name, value in at.items()}
    return _explained(judged, words, format_named(format), device, of, component)


def routine_named(name: str, formula: Formula) -> Routine:
    """The formula's routine of that name."""
    if name not in formula.routines:
        raise UsageError(f"no routine {name!r} of {formula.name}: write one of {', '.join(formula.routines)}")
    return formula.routines[name]


def _explained(
    routine: Routine, at: Mapping[str, str], format: Format, device: str, of: str, component: int
) -> Explanation:
    if of not in set(Of):
        raise UsageError(f"--of {of}: write value or grad")
    half = Of(of)
    if half not in routine.budgets:
        raise UsageError(f"{routine.formula.name}.{routine.name} promises no gradient: write --of value")
    check_device(device)
    point = parsed_point(routine.formula, at, format)
    alone = sample(routine.formula, format, [point], [np.array([component])], half is Of.GRAD)
    outputs = int(np.prod(alone.truths[0].value.shape[1:]))
    if not 0 <= component < outputs:
        raise UsageError(
            f"--component {component}: {routine.formula.name} has outputs 0 to {outputs - 1} here"
        )
    examined = next(one for one in examine(routine, alone, device) if one.of is half)
    (one,) = examined.parts
    judged = one.judgement
    rows: list[tuple[str, str]] = [
        ("point", ", ".join(f"{n} = {argument(c, 0)}" for n, c in point.columns.items())),
    ]
    for k in range(judged.got.shape[1]):
        label = f"{of}[{k}]" if judged.got.shape[1] > 1 else of
        allowed, forgiven = float(judged.allowed[0, k]), float(judged.forgiven[0, k])
        got = float(judged.got[0, k])
        rows += [
            (f"{label} truth", decimal(judged.truth, (0, k), 30)),
            (f"{label} result", f"{got!r} ({got.hex()}) in {judged.format.name}"),
            (f"{label} error", f"{float(judged.error[0, k]):.6g} ulp"),
            (
                f"{label} budget",
                f"{allowed - forgiven:.6g} ulp + {forgiven:.6g} ulp forgiven by conditioning",
            ),
            (f"{label} spent", f"{float(judged.spent[0, k]):.6g}: {Fate(int(judged.fate[0, k])).word}"),
        ]
    rows.append(("precision", f"{int(alone.truths[0].precision[0])} bits settled the truth"))
    rows += [("truth in doubt", text) for text in alone.opinion.disagreements]
    if one.crashes:
        rows.append(("crash", one.crashes[0]))
    for found in told(examined.findings()):
        rows += [("finding", found.sentence), *found.lines()]
    return Explanation(tuple(rows))
