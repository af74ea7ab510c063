"""Judging a function that was not written for numcheck: its own arguments, made from a formula's inputs.

`load` finds the function that MODULE:NAME or path/to/file.py:NAME names; `adapt` matches its arguments with the
formula's inputs, by name where names say the same and in order where the counts fit, and finds out on a few points
which of them is meant and how it wants to be called: on a batch or point by point, with a reduction switched off, with
labels as floats. Where nothing fits, the error shows both signatures and the wrapper to write. The match is shown as
the routine's doc.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from numcheck.declaration.budgets import Budget, ulps
from numcheck.declaration.formulas import Formula, Routine, routine_of
from numcheck.declaration.words import UsageError
from numcheck.domain import Points
from numcheck.foreign.call import Plan, Reading, call, is_floating
from numcheck.foreign.load import told_of
from numcheck.foreign.match import Match, matches, signature_of
from numcheck.formats import format_of
from numcheck.truth import groups, settle

VALUE, GRAD = ulps(4), ulps(8)
"""The budgets of a function that declares none: what a careful implementation of a loss keeps."""


SAMPLE = 7
"""Points tried before measuring: a count that no vector or polygon usually has, so that shapes tell axes apart."""


def adapt(
    function: Callable[..., Any] | Routine,
    formula: Formula,
    name: str | None = None,
    value: Budget | None = None,
    grad: Budget | None = None,
) -> Routine:
    """The function as a routine of the formula; UsageError, with the wrapper to write, where it does not fit.

    Of the ways in which it can be called, the one is chosen whose results are the formula's on most of a few points
    (a loose agreement: what the function means is asked here, not how exact it is). It is named after itself and
    has the budgets VALUE and GRAD unless others are given. A routine that is declared already is taken as it is.
    """
    if isinstance(function, Routine):
        return function
    called = str(name or getattr(function, "__name__", type(function).__name__))
    plans = list(_plans(function, formula, called))
    if not plans:
        raise UsageError(_misfit(function, formula, called, "their arguments differ"))
    points = _sample(formula)
    exact = settle(formula, points, format_of("float32"), with_gradient=False).value.nearest()
    columns = {
        key: (column[0] if isinstance(column, tuple) else column.double() if is_floating(column) else column)
        for key, column in points.columns.items()
    }
    best: tuple[int, Plan] | None = None
    first_error = ""
    tensors = [column for column in columns.values() if isinstance(column, torch.Tensor)]
    # only numbers can be columns: the entries of a vector have that place already
    readings = [r for r in Reading if r is not Reading.COLUMN or all(column.ndim == 1 for column in tensors)]
    for plan, reading, as_floats in (
        (plan, reading, as_floats)
        for plan in plans
        for reading in readings
        for as_floats in (False, True)
        if not as_floats or not all(map(is_floating, tensors))
    ):
        tried = Plan(plan.function, plan.match, reading, as_floats, exact.ndim - 1, plan.built_with)
        try:
            result = call(tried, columns).detach().double().cpu().numpy()
        except Exception as error:  # whatever a function called in a wrong way can raise
            first_error = first_error or f"it raised {told_of(error)}"
            continue
        if result.shape != exact.shape:
            first_error = first_error or f"it returned shape {result.shape} for {exact.shape}"
            continue
        score = _agreeing(result, exact)
        if best is None or score > best[0]:
            best = score, tried
    if best is None:
        raise UsageError(_misfit(function, formula, called, first_error))
    agreeing, plan = best
    doubt = f"; agrees with the formula at only {agreeing} of {len(points)} tried points"
    doc = plan.describe() + (doubt if 2 * agreeing < len(points) else "")
    adapted = _callable(plan, formula, doc)
    # what it stands for, by which a reader finds it again
    adapted.__module__ = getattr(function, "__module__", None) or ""
    adapted.__qualname__ = getattr(function, "__qualname__", called)
    return routine_of(formula, adapted, called, value or VALUE, grad or GRAD)


def _agreeing(result: np.ndarray, exact: np.ndarray) -> int:
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(result - exact) <= np.abs(exact) / 1024
    return int((near | (result == exact)).reshape(len(exact), -1).all(axis=1).sum())


def _callable(plan: Plan, formula: Formula, doc: str) -> Callable[..., torch.Tensor]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in formula.inputs])

    def judged(*values: Any, **named: Any) -> torch.Tensor:
        return call(plan, signature.bind(*values, **named).arguments)

    judged.__doc__ = doc
    judged.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return judged


def _plans(function: Any, formula: Formula, name: str) -> Iterator[Plan]:
    """The function with its reduction switched off, where it has one, then as it is."""
    inputs = list(formula.inputs)
    if isinstance(function, type):
        for made, built_with in _instances(function, name):
            for matched in matches(inputs, signature_of(made)):
                yield Plan(made, matched, Reading.BATCH, False, 0, built_with)
        return
    signature = signature_of(function)
    for matched in matches(inputs, signature):
        for constants in _unreduced(() if signature is None else signature.parameters, inputs):
            whole = Match(matched.positions, matched.keywords, {**matched.constants, **constants})
            yield Plan(function, whole, Reading.BATCH, False, 0)


def _unreduced(parameters: Iterable[str], inputs: Sequence[str]) -> list[dict[str, Any]]:
    own = [p for p in parameters if p not in inputs]
    if "reduction" in own:
        return [{"reduction": "none"}, {}]
    if "reduce" in own:
        return [{"reduce": False}, {}]
    if "size_average" in own:
        return [{"size_average": False}, {}]
    return [{}]


def _instances(made_by: type, name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    problem = ""
    count = 0
    signature = signature_of(made_by)
    for constants in _unreduced(() if signature is None else signature.parameters, ()):
        try:
            made = made_by(**constants)
        except Exception as error:  # whatever a constructor can raise
            problem = told_of(error)
            continue
        if not callable(made):
            raise UsageError(f"{name} is a class whose instances cannot be called")
        count += 1
        yield (made.eval() if isinstance(made, torch.nn.Module) else made), constants
    if not count:
        raise UsageError(
            f"{name}() without arguments raised {problem}; "
            f"write it in a file, judged = {made_by.__name__}(...), and pass --routine FILE.py:judged"
        )


def _sample(formula: Formula) -> Points:
    """A few data-like points that share every discrete choice."""
    points = formula.points(format_of("float32"), 96, 0)[-1]
    origin = np.asarray(points.origin)
    rows = max(groups(formula, points), key=len)
    # the plain points first: corners are where a right function may well differ from its formula
    rows = np.concatenate([rows[origin[rows] == "sample"], rows[origin[rows] != "sample"]])
    return points.select(rows[:SAMPLE])


def _misfit(function: Any, formula: Formula, name: str, why: str) -> str:
    own = name.rpartition(":")[2]
    signature = signature_of(function)
    shown = (
        "(...)"
        if signature is None
        else "(" + ", ".join(_shown(p) for p in signature.parameters.values()) + ")"
    )
    inputs = ", ".join(formula.inputs)
    return (
        f"{own}{shown} does not fit {formula.name}({inputs}): {why}; write a file judged.py with "
        f"`def judged({inputs}): return {own.rpartition('.')[2]}(...)`, batched along a leading axis, "
        "and pass --routine judged.py:judged"
    )


def _shown(parameter: inspect.Parameter) -> str:
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    return f"{star}{parameter.name}" if parameter.default is parameter.empty else f"{parameter.name}=..."
