"""Judging a function that was not written for numcheck: its own arguments, made from a formula's inputs."""

import inspect
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from operator import itemgetter
from typing import Any

import numpy as np
import torch

from numcheck.declaration.budgets import Budget, ulps
from numcheck.declaration.formulas import Formula, Routine, routine_of
from numcheck.declaration.patience import TimedOutError, in_time
from numcheck.declaration.words import UsageError, meant, told_of
from numcheck.domain import Points
from numcheck.foreign.call import Plan, Reading, call, is_floating
from numcheck.foreign.load import load
from numcheck.foreign.match import Match, matches, signature_of
from numcheck.formats import Format, format_of
from numcheck.reals import subnormals
from numcheck.truth import groups, settle

VALUE, GRAD = ulps(4), ulps(8)
"""The budgets of a function that declares none: what a careful implementation of a loss keeps."""

SAMPLE = 7
"""Points tried before measuring: a count that no vector or polygon usually has, so that shapes tell axes apart."""

NO_GRADIENT = (
    "its result does not depend on its inputs through autograd, "
    "and a formula that is declared with wrt=() asks for none"
)

UNREDUCED: dict[str, Any] = {"reduction": "none", "reduce": False, "size_average": False}
"""The arguments that switch a reduction off; of those that a function takes the first one is given."""


def adapt(
    function: Callable[..., Any] | Routine,
    formula: Formula,
    name: str | None = None,
    value: Budget | None = None,
    grad: Budget | None = None,
) -> Routine:
    """The function as a routine of the formula; UsageError, with the wrapper to write, where it does not fit.

    Of the ways in which it can be called, the one is chosen whose results are the formula's on most of a few points
    (a loose agreement: what the function means is asked here, not how exact it is); that way is the routine's doc.
    It is named after itself and has the budgets VALUE and GRAD unless others are given, but promises no gradient where
    its result does not depend on its inputs through autograd. A routine that is declared already is taken as it is.
    """
    if isinstance(function, Routine):
        return function
    if isinstance(function, type) and issubclass(function, torch.autograd.Function):
        function = _applied(function)
    called = str(name or getattr(function, "__name__", type(function).__name__))
    ways = list(_ways(function, formula, called))
    if not ways:
        raise UsageError(_misfit(function, formula, called, "their arguments differ"))
    points, format = _sample(formula)
    exact = settle(formula, points, format, with_gradient=False).value.nearest()
    columns = {
        key: (column[0] if isinstance(column, tuple) else column.double() if is_floating(column) else column)
        for key, column in points.columns.items()
    }
    tensors = [column for column in columns.values() if isinstance(column, torch.Tensor)]
    # only numbers can be columns: the entries of a vector have that place already
    readings = [r for r in Reading if r is not Reading.COLUMN or all(column.ndim == 1 for column in tensors)]
    as_floats = (False,) if all(map(is_floating, tensors)) else (False, True)
    plans = [
        Plan(*way, reading, labels_as_floats, exact.ndim - 1)
        for way, reading, labels_as_floats in product(ways, readings, as_floats)
    ]
    some = columns
    try:
        fitting, problems = _fitting(plans, some, exact)
    except TimedOutError:  # so it is called as it is written, and every point will tell
        fitting, problems = [(len(points), plans[0])], []
    if not fitting and (rows := _accepted(plans, columns)):
        # it refuses some of the points, as is its right: where it gives something it can be tried all the same
        some = {n: c[rows] if isinstance(c, torch.Tensor) else c for n, c in columns.items()}
        points, exact = points.select(rows), exact[rows]
        fitting, _ = _fitting(plans, some, exact)
    if not fitting:
        raise UsageError(_misfit(function, formula, called, problems[0]))
    agreeing, plan = max(fitting, key=itemgetter(0))  # of equals the first
    doubt = f"; agrees with the formula at only {agreeing} of {len(points)} tried points"
    doc = plan.describe() + (doubt if 2 * agreeing < len(points) else "")
    promised = grad or GRAD
    if grad is None and formula.wrt and not _differentiable(plan, formula, some):
        promised = None
        doc += f"; its gradient is not judged: {NO_GRADIENT}"
    adapted = _callable(plan, formula, doc)
    # what it stands for, by which a reader finds it again
    adapted.__module__ = getattr(function, "__module__", None) or ""
    adapted.__qualname__ = getattr(function, "__qualname__", called)
    return routine_of(formula, adapted, called, value or VALUE, promised)


def routine_at(word: str, formula: Formula) -> Routine:
    """The formula's routine of that name, or the function of MODULE:NAME or path/to/file.py:NAME as one."""
    if ":" in word:
        return adapt(load(word), formula, word)
    if word not in formula.routines:
        raise UsageError(f"no routine {word!r} of {formula.name}: {_instead(word, formula)}")
    return formula.routines[word]


def _instead(word: str, formula: Formula) -> str:
    known = list(formula.routines)
    if near := meant(word, known):
        return near
    return f"write {'one of ' if known else ''}{', '.join(known) or 'MODULE:NAME or FILE.py:NAME'}"


def _fitting(
    plans: Iterable[Plan], columns: Mapping[str, Any], exact: np.ndarray
) -> tuple[list[tuple[int, Plan]], list[str]]:
    """The plans that give a result for each point, with the points at which it agrees; what the others give."""
    fitting: list[tuple[int, Plan]] = []
    problems: list[str] = []
    for plan in plans:
        result = _tried(plan, columns)
        if isinstance(result, str):
            problems.append(result)
        elif result.shape == exact.shape:
            fitting.append((_agreeing(result, exact), plan))
        else:
            problems.append(f"it returned shape {result.shape} for {exact.shape}")
    return fitting, problems


def _called(plan: Plan, columns: Mapping[str, Any]) -> np.ndarray:
    """What a function gives, in the mode of the processor that its thread was found in."""
    with subnormals.as_found():
        return np.asarray(call(plan, columns).detach().double().cpu().numpy())


def _tried(plan: Plan, columns: Mapping[str, Any]) -> np.ndarray | str:
    """What a function gives when it is called in this way, or what it raised."""
    try:
        return in_time(lambda: _called(plan, columns), plan.function)
    except (KeyboardInterrupt, TimedOutError):
        raise
    except BaseException as error:  # whatever a function called in a wrong way can raise, or leave by
        return f"it raised {told_of(error)}"


def _accepted(plans: Iterable[Plan], columns: Mapping[str, Any]) -> list[int]:
    """The points that a function takes one by one, at least two: a batch of one may be mistaken for a point."""
    alone = [plan for plan in plans if plan.reading in (Reading.ROW, Reading.POINT)]
    count = next(len(column) for column in columns.values() if isinstance(column, torch.Tensor))
    for plan in alone:
        ones = [
            {n: c[i : i + 1] if isinstance(c, torch.Tensor) else c for n, c in columns.items()}
            for i in range(count)
        ]
        rows = [i for i, one in enumerate(ones) if not isinstance(_tried(plan, one), str)]
        if len(rows) > 1:
            return rows
    return []


def _differentiable(plan: Plan, formula: Formula, columns: Mapping[str, Any]) -> bool:
    """Whether the result depends on the inputs through autograd, whatever its derivatives are."""
    tracked = {
        name: column.clone().requires_grad_() if name in formula.wrt else column
        for name, column in columns.items()
    }
    try:
        with torch.enable_grad(), warnings.catch_warnings(), subnormals.as_found():
            warnings.simplefilter(
                "ignore"
            )  # such as of a tensor that becomes a number, which is what is asked here
            return in_time(lambda: call(plan, tracked).requires_grad, plan.function)
    except KeyboardInterrupt:
        raise
    except TimedOutError:
        return True
    except BaseException:  # such as numpy's, which takes no tensor that autograd follows
        return False


def _applied(function: type[torch.autograd.Function]) -> Callable[..., Any]:
    """A custom autograd.Function as a function with the parameters of its `forward`."""
    parameters = list(inspect.signature(function.forward).parameters.values())
    base: Any = torch.autograd.Function
    if function.setup_context is base.setup_context:  # else it is that which takes the context
        parameters = parameters[1:]
    signature = inspect.Signature(parameters)

    def applied(*values: Any, **named: Any) -> Any:
        bound = signature.bind(*values, **named)
        bound.apply_defaults()
        return function.apply(*bound.args)

    applied.__name__, applied.__qualname__ = function.__name__, function.__qualname__
    applied.__module__ = function.__module__
    applied.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return applied


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


def _ways(
    function: Any, formula: Formula, name: str
) -> Iterator[tuple[Callable[..., Any], Match, Mapping[str, Any]]]:
    """The function with its reduction switched off, where it has one, then as it is."""
    inputs = list(formula.inputs)
    if isinstance(function, type):
        for made, constants in _instances(function, name):
            for matched in matches(inputs, made):
                yield made, matched, constants
        return
    signature = signature_of(function)
    for matched in matches(inputs, function):
        for constants in _unreduced(signature, inputs):
            yield function, replace(matched, constants={**matched.constants, **constants}), {}


def _unreduced(signature: inspect.Signature | None, inputs: Collection[str] = ()) -> list[dict[str, Any]]:
    own = set() if signature is None else signature.parameters.keys() - set(inputs)
    off = next(({key: value} for key, value in UNREDUCED.items() if key in own), None)
    return [{}] if off is None else [off, {}]


def _instances(made_by: type, name: str) -> list[tuple[Any, dict[str, Any]]]:
    if issubclass(made_by, torch.optim.Optimizer):
        raise UsageError(
            f"{name} is an optimizer, whose step is judged as a function: write a file judged.py with "
            f"`def judged(parameter, gradient, ...): p = torch.nn.Parameter(parameter.clone()); "
            f"p.grad = gradient.clone(); {made_by.__name__}([p], ...).step(); return p.detach()`, declare the formula "
            "of the new parameter with wrt=(), and pass --routine judged.py:judged"
        )
    problem = ""
    found: list[tuple[Any, dict[str, Any]]] = []
    for constants in _unreduced(signature_of(made_by)):
        try:
            found.append((made_by(**constants), constants))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a constructor can raise, or leave by
            problem = told_of(error)
    if not found:
        raise UsageError(
            f"{name}() without arguments raised {problem}; "
            f"write it in a file, judged = {made_by.__name__}(...), and pass --routine FILE.py:judged"
        )
    if not all(callable(made) for made, _ in found):
        raise UsageError(f"{name} is a class whose instances cannot be called")
    return [(made.eval() if isinstance(made, torch.nn.Module) else made, given) for made, given in found]


def _sample(formula: Formula) -> tuple[Points, Format]:
    """A few data-like points that share every discrete choice, in float32, or where its inputs need it in float64."""
    try:
        format = format_of("float32")
        points = formula.points(format, 96, 0)[-1]
    except UsageError:  # no number of float32 lies between the bounds of some input
        format = format_of("float64")
        points = formula.points(format, 96, 0)[-1]
    origin = np.asarray(points.origin)
    rows = max(groups(formula, points), key=len)
    # the plain points first: corners are where a right function may well differ from its formula
    rows = np.concatenate([rows[origin[rows] == "sample"], rows[origin[rows] != "sample"]])
    return points.select(rows[:SAMPLE]), format


def _misfit(function: Any, formula: Formula, name: str, why: str) -> str:
    own = name.rpartition(":")[2]
    signature = signature_of(function)
    shown = "..." if signature is None else ", ".join(map(_shown, signature.parameters.values()))
    inputs = ", ".join(formula.inputs)
    return (
        f"{own}({shown}) does not fit {formula.name}({inputs}): {why}; write a file judged.py with "
        f"`def judged({inputs}): return {own.rpartition('.')[2]}(...)`, batched along a leading axis, "
        "and pass --routine judged.py:judged"
    )


def _shown(parameter: inspect.Parameter) -> str:
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    return f"{star}{parameter.name}" if parameter.default is parameter.empty else f"{parameter.name}=..."
