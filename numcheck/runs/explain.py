"""Everything about one routine at one point: `numcheck explain`, and `numcheck.explain` from Python."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.patience import patience
from numcheck.declaration.registry import format_named
from numcheck.declaration.words import ExitCode, Fate, Of, UsageError, visible
from numcheck.diagnosis import FACTS, Finding, alone
from numcheck.foreign import adapt, formula_at, routine_at
from numcheck.measure import RoutineError, check_device
from numcheck.runs.examine import Examined, Sample, drawn, examine, sample
from numcheck.runs.points import argument, decimal, parsed_point
from numcheck.runs.witnesses import Witnesses


@dataclass(frozen=True)
class Explanation:
    """Everything about one routine at one point."""

    rows: tuple[tuple[str, str], ...]
    code: ExitCode = ExitCode.PASSED
    """The exit code of `numcheck explain`: that of a run that judges this point alone."""

    def lines(self) -> list[str]:
        """Aligned name and content."""
        width = max(len(name) for name, _ in self.rows)
        return [visible(f"{name:<{width}}  {content}") for name, content in self.rows]

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
    timeout: float | None = None,
) -> Explanation:
    """Truth to 30 digits, result, error, budget, and the finding of one routine at one point; print it.

    `routine` is one of the formula's, or any function that takes the formula's inputs as batched tensors; both may be
    named as on the command line. `at` gives each input's value: a number, nested lists of numbers, or text as `--at`
    takes it. `component` picks the output whose gradient is shown, of a formula with several. A call that takes more
    than `timeout` seconds is given up. Raises UsageError for what cannot be.
    """
    with patience(timeout):
        return _explained(routine, formula, at, format, device, of, component)


def _explained(
    routine: Routine | Callable[..., Any] | str,
    formula: Formula | str,
    at: Mapping[str, Any],
    format: str,
    device: str,
    of: str,
    component: int,
) -> Explanation:
    stated = formula_at(formula)
    judged = routine_at(routine, stated) if isinstance(routine, str) else adapt(routine, stated)
    formula, where = judged.formula, format_named(format)
    if of not in set(Of):
        raise UsageError(f"--of {of}: write value or grad")
    half = Of(of)
    if half not in judged.budgets:
        raise UsageError(f"{formula.name}.{judged.name} promises no gradient: write --of value")
    check_device(device)
    point = parsed_point(formula, at, where)
    given = sample(formula, where, point, np.array([component]), half is Of.GRAD)
    outputs = given.truths[0].outputs
    if not 0 <= component < outputs:
        raise UsageError(f"--component {component}: {formula.name} has outputs 0 to {outputs - 1} here")
    examined = next(one for one in examine(judged, given, device) if one.of is half)
    return Explanation(tuple(_rows(given, examined)), _code(given, examined))


def _code(given: Sample, examined: Examined) -> ExitCode:
    """In doubt before over budget, as in a check; where the formula has no value nothing was judged."""
    (fate,) = map(Fate, examined.fates.tolist())
    if given.opinion.disagreements or fate is Fate.UNRESOLVED:
        return ExitCode.IN_DOUBT
    if fate is Fate.INVALID:
        return ExitCode.WRONG_USAGE
    return ExitCode.FAILED if fate.fails else ExitCode.PASSED


def _rows(given: Sample, examined: Examined) -> Iterator[tuple[str, str]]:
    """What is told of the only point of a sample, line by line: names and contents."""
    (one,) = examined.parts
    of, judged = examined.of, one.judgement
    yield "point", ", ".join(f"{n} = {argument(c, 0)}" for n, c in one.points.columns.items())
    for k in range(judged.got.shape[1]):
        label = f"{of}[{k}]" if judged.got.shape[1] > 1 else of
        got, forgiven = float(judged.got[0, k]), judged.forgiven[0, k]
        ulps = judged.allowed[0, k] - forgiven
        yield f"{label} truth", decimal(judged.truth, (0, k), 30)
        yield f"{label} result", f"{got!r} ({got.hex()}) in {one.made or judged.format.name}"
        yield f"{label} error", f"{judged.error[0, k]:.6g} ulp"
        yield f"{label} budget", f"{ulps:.6g} ulp + {forgiven:.6g} ulp forgiven by conditioning"
        yield f"{label} spent", f"{judged.spent[0, k]:.6g}: {Fate(int(judged.fate[0, k])).word}"
    yield "precision", f"{int(given.truths[0].precision[0])} bits settled the truth"
    yield from (("truth in doubt", text) for text in given.opinion.disagreements)
    if one.crashes:
        yield "crash", one.crashes[0]
    yield from (("remark", text) for text in examined.remarks)
    for found in alone(examined.findings()):
        yield "finding", found.sentence
        yield from _as_in_a_check(found, examined).lines()


DRAWN = 2000
"""Points among which a region is told, as many as a check draws: a point alone shows none."""


def _as_in_a_check(found: Finding, examined: Examined) -> Finding:
    """The finding with the region that a check tells of the same cause, where the point lies in it."""
    if FACTS[found.cause].where is not None or found.forgiven:
        return found  # of which no region is told
    routine, (one,) = examined.routine, examined.parts
    try:
        (beside,) = drawn(routine.formula, [examined.format], DRAWN, 0, Witnesses(None), [routine])
        half = next(half for half in examine(routine, beside, examined.device) if half.of is examined.of)
        others = alone(half.findings())
    except (RoutineError, UsageError):  # elsewhere; this point has been judged
        return found
    for other in others:
        where = other.where
        if (
            other.cause is found.cause
            and where.region is not None
            and where.holds(one.points, one.component)[0]
        ):
            return replace(found, where=where)
    return found
