"""Everything about one routine at one point: `numcheck explain`, and `numcheck.explain` from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formula_named, load_catalog
from numcheck.declaration.words import Fate, UsageError
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import clusters, findings
from numcheck.diagnosis.questions import alone
from numcheck.domain import Points
from numcheck.foreign import adapt
from numcheck.formats import Format
from numcheck.measure.execute import check_device
from numcheck.measure.measurement import measure
from numcheck.runs.entry import argument, decimal
from numcheck.truth import settle


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
    told = {name: _text(value) for name, value in at.items()}
    return _explained(judged, told, format_named(format), device, of, component)


def routine_named(name: str, formula: Formula) -> Routine:
    """The formula's routine of that name."""
    if name not in formula.routines:
        raise UsageError(f"no routine {name!r} of {formula.name}: write one of {', '.join(formula.routines)}")
    return formula.routines[name]


def _text(value: Any) -> str:
    """A value as `--at` takes it: `1,2` for a vector, `0,0;1,0;0,1` for a polygon."""
    if isinstance(value, str):
        return value
    value = value.tolist() if isinstance(value, torch.Tensor | np.ndarray) else value
    if not isinstance(value, list | tuple):
        return str(value)
    separator = ";" if any(isinstance(part, list | tuple) for part in value) else ","
    return separator.join(_text(part) for part in value)


def parsed_point(formula: Formula, at: Mapping[str, str], format: Format) -> Points:
    """The point that `name=value` texts describe, in the format."""
    missing, unknown = set(formula.inputs) - set(at), set(at) - set(formula.inputs)
    if missing or unknown:
        needed = " ".join(f"--at {name}=..." for name in formula.inputs)
        raise UsageError(f"{formula.name} takes {', '.join(formula.inputs)}: write {needed}")
    columns: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        try:
            given: list[Any] = [domain.parse(at[name], format)]
            columns[name] = domain.column(given, format)
        except ValueError as error:
            raise UsageError(f"--at {name}={at[name]}: {error}") from None
    sizes = {
        len(column[0]) for name, column in columns.items() if formula.inputs[name].ragged and column[0].ndim
    }
    if len(sizes) > 1:
        raise UsageError(
            f"the inputs of {formula.name} have one size, not {sorted(sizes)}: give each as many numbers"
        )
    return Points(columns, np.array(["given"]), next(iter(sizes), None))


def _explained(
    routine: Routine, at: Mapping[str, str], format: Format, device: str, of: str, component: int
) -> Explanation:
    if of not in ("value", "grad"):
        raise UsageError(f"--of {of}: write value or grad")
    if of == "grad" and (routine.grad is None or not routine.formula.wrt):
        raise UsageError(f"{routine.formula.name}.{routine.name} promises no gradient: write --of value")
    check_device(device)
    point = parsed_point(routine.formula, at, format)
    truth = settle(
        routine.formula, point, format, with_gradient=of == "grad", component=np.array([component])
    )
    outputs = int(np.prod(truth.value.shape[1:]))
    if not 0 <= component < outputs:
        raise UsageError(
            f"--component {component}: {routine.formula.name} has outputs 0 to {outputs - 1} here"
        )
    one = next(m for m in measure(routine, point, truth, format, device, of == "grad") if m.of == of)
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
    rows.append(("precision", f"{int(truth.precision[0])} bits settled the truth"))
    if one.crashes:
        rows.append(("crash", one.crashes[0]))
    for found in alone(findings(clusters(one, diagnose(one)), {})):
        line = f" at {found.line}" if found.line else ""
        rows.append(("finding", f"{found.cause.value}, {found.bits_lost:.3g} bits lost{line}"))
        rows.append(("region", found.region))
        rows.append(("remedy", found.remedy))
    return Explanation(tuple(rows))
