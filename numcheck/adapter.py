"""Judging a function that was not written for numcheck: its own arguments, made from a formula's inputs.

`load` finds the function that MODULE:NAME or path/to/file.py:NAME names; `adapt` matches its arguments with the
formula's inputs, by name where names say the same and in order where the counts fit, and finds out on a few points
which of them is meant and how it wants to be called: on a batch or point by point, with a reduction switched off, with
labels as floats. Where nothing fits, the error shows both signatures and the wrapper to write. The match is shown as
the routine's doc.
"""

import ast
import copy
import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

import numpy as np
import torch

from numcheck.case import Budget, Formula, Routine, UsageError, formula_named, routine_of, ulps
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.truth import groups, settle

VALUE, GRAD = ulps(4), ulps(8)
"""The budgets of a function that declares none: what a careful implementation of a loss keeps."""

SAME = (
    frozenset("x input inputs logit logits score scores pred preds prediction predictions predicted".split())
    | frozenset("y_pred y_hat yhat output outputs probability probabilities prob probs p estimate".split()),
    frozenset("y target targets label labels y_true truth ground_truth gt reference".split()),
    frozenset("weight weights class_weight class_weights".split()),
    frozenset("lr learning_rate step_size".split()),
    frozenset("eps epsilon".split()),
    frozenset("tau temperature".split()),
    frozenset("smoothing label_smoothing".split()),
    frozenset("xy points vertices polygon".split()),
)
"""Argument names by which the field means the same thing; a pair counts only where it is the only one of its kind.

Names mislead: the `p` of a divergence is the target, not a prediction. So the plain order is tried as well.
"""

AXES = ("dim", "axis")
SAMPLE = 7
"""Points tried before measuring: a count that no vector or polygon usually has, so that shapes tell axes apart."""


class Reading(Enum):
    """How a function takes points."""

    BATCH = "all points in one call"
    COLUMN = "all points in one call, as the columns of a batch of one"
    ROW = "one call per point, as a batch of one"
    POINT = "one call per point, without a batch axis"


@dataclass(frozen=True, eq=False)
class Match:
    """A formula's inputs beside the parameters that take them."""

    positions: tuple[str, ...]
    keywords: Mapping[str, str]
    constants: Mapping[str, Any]

    def parameter_of(self, name: str) -> str:
        """The parameter that takes the formula's input `name`."""
        return next((key for key, taken in self.keywords.items() if taken == name), "by position")


@dataclass(frozen=True, eq=False)
class Plan:
    """One way to call a function on points of a formula."""

    function: Callable[..., Any]
    match: Match
    reading: Reading
    labels_as_floats: bool
    rank: int
    built_with: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def describe(self) -> str:
        """The match in one line: `logit -> input, label -> target as float, reduction='none'`."""
        taken = [*self.match.positions, *self.match.keywords.values()]
        words = [f"{name} -> {self.match.parameter_of(name)}" for name in taken]
        if self.labels_as_floats:
            words.append("integers as floats")
        words += [f"{key}={value!r}" for key, value in {**self.built_with, **self.match.constants}.items()]
        if self.reading is not Reading.BATCH:
            words.append(self.reading.value)
        return ", ".join(words)


# Finding the function ---------------------------------------------------------------------------------------------


def load(target: str) -> Any:
    """What MODULE:NAME or path/to/file.py:NAME names; NAME may have dots. UsageError where there is no such thing."""
    place, colon, name = target.rpartition(":")
    if not (colon and place and name):
        raise UsageError(f"write MODULE:NAME or path/to/file.py:NAME, not {target!r}")
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} is not evaluated: name a function or a class, such as {place}:focal_loss")
    found: Any = _module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            raise UsageError(f"{place} has no {name}" + (f"; did you mean {near[0]}?" if near else ""))
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{target} is no function but {type(found).__name__}")
    return found


def formula_at(word: str) -> Formula:
    """The formula of that name, or the one that MODULE:NAME or path/to/file.py:NAME declares."""
    if ":" not in word:
        return formula_named(word)
    found = load(word)
    if not isinstance(found, Formula):
        raise UsageError(f"{word} is no formula: declare it with @formula(source=..., ...)")
    return found


def _module(place: str) -> ModuleType:
    path = Path(place)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise UsageError(f"no file {place}")
    # as `python file.py` and `python -m module` would find what the module itself imports
    folder = str(path.resolve().parent) if is_file else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return _module_of_file(path.resolve()) if is_file else importlib.import_module(place)
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(f"importing {place}: no module named {error.name}") from error
    except Exception as error:  # whatever a module that is being imported can raise
        raise UsageError(f"importing {place} raised {_told(error)}") from error


def _module_of_file(path: Path) -> ModuleType:
    known = next((m for m in [*sys.modules.values()] if getattr(m, "__file__", None) == str(path)), None)
    if known is not None:
        return known
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_at_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


# Matching arguments -----------------------------------------------------------------------------------------------


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature, for torch's builtins the one that their documentation prints; None where there is neither."""
    asked = function.forward if isinstance(function, torch.nn.Module) else function
    try:
        return inspect.signature(asked)
    except ValueError:
        return _printed_signature(asked)


def _printed_signature(function: Callable[..., Any]) -> inspect.Signature | None:
    lines = (inspect.getdoc(function) or "").strip().splitlines()
    head = lines[0].partition("->")[0].strip() if lines else ""
    try:
        definition = ast.parse(f"def {head}: ...").body[0]
    except SyntaxError:
        return None
    if not isinstance(definition, ast.FunctionDef):
        return None
    arguments = definition.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + list(
        arguments.defaults
    )
    kinds = [inspect.Parameter.POSITIONAL_OR_KEYWORD] * len(plain)
    kinds += [inspect.Parameter.KEYWORD_ONLY] * len(arguments.kwonlyargs)
    return inspect.Signature(
        [
            inspect.Parameter(
                name.arg, kind, default=inspect.Parameter.empty if given is None else _literal(given)
            )
            for name, kind, given in zip(
                [*plain, *arguments.kwonlyargs], kinds, [*defaults, *arguments.kw_defaults], strict=True
            )
        ]
    )


def _literal(given: ast.expr) -> Any:
    try:
        return ast.literal_eval(given)
    except ValueError:
        return ast.unparse(given)


def _plain(name: str) -> str:
    return name.casefold().strip("_")


def matches(inputs: Sequence[str], signature: inspect.Signature | None) -> list[Match]:
    """The ways in which parameters may take inputs: by names that say the same, then in order but for equal names."""
    found: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Match] = {}
    for kinds in (SAME, ()):
        matched = match(inputs, signature, kinds)
        if matched is not None:
            found.setdefault((matched.positions, tuple(sorted(matched.keywords.items()))), matched)
    return list(found.values())


def match(
    inputs: Sequence[str], signature: inspect.Signature | None, same: Iterable[frozenset[str]] = SAME
) -> Match | None:
    """Which parameter takes which input: first equal names, then the only synonym, then order; None if nothing fits."""
    if signature is None:
        return Match(tuple(inputs), {}, {})
    parameters = list(signature.parameters.values())
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    taken: dict[str, str] = {}  # parameter -> input

    def free_parameters() -> list[inspect.Parameter]:
        return [p for p in named if p.name not in taken]

    def free_inputs() -> list[str]:
        return [name for name in inputs if name not in taken.values()]

    for parameter in named:
        for name in free_inputs():
            if _plain(name) == _plain(parameter.name):
                taken[parameter.name] = name
                break
    for kind in same:
        names = [name for name in free_inputs() if _plain(name) in kind]
        takers = [p for p in free_parameters() if _plain(p.name) in kind]
        required = [p for p in takers if p.default is p.empty] or takers
        if len(names) == len(required) == 1:
            taken[required[0].name] = names[0]
    constants: dict[str, Any] = {
        p.name: -1
        for p in free_parameters()
        if _plain(p.name) in AXES and not isinstance(p.default, int | str)
    }
    open_ = [p for p in free_parameters() if p.default is p.empty and p.name not in {*constants, "reduction"}]
    rest = free_inputs()
    if not open_ and rest and any(p.kind is p.VAR_POSITIONAL for p in parameters) and not taken:
        return Match(tuple(rest), {}, constants)
    if len(open_) != len(rest):
        return None
    taken.update({p.name: name for p, name in zip(open_, rest, strict=True)})
    positions = tuple(taken[p.name] for p in named if p.kind is p.POSITIONAL_ONLY and p.name in taken)
    taker = {name: parameter for parameter, name in taken.items()}
    keywords = {taker[name]: name for name in inputs if name not in positions}
    return Match(positions, keywords, constants)


# Calling it -------------------------------------------------------------------------------------------------------


def call(plan: Plan, columns: Mapping[str, Any]) -> torch.Tensor:
    """The function's results for these points, one row each."""
    count = next(len(column) for column in columns.values() if isinstance(column, torch.Tensor))
    if plan.reading in (Reading.BATCH, Reading.COLUMN):
        if plan.reading is Reading.COLUMN:
            columns = {name: _at(column, None) for name, column in columns.items()}
        result = _tensor(_invoke(plan, columns))
        if plan.reading is Reading.COLUMN and result.ndim == plan.rank + 2:
            result = result[0]
        # functions that squeeze their result take the axis of a batch of one away
        return result[None] if count == 1 and result.ndim == plan.rank else result
    rows: list[torch.Tensor] = []
    for i in range(count):
        key = slice(i, i + 1) if plan.reading is Reading.ROW else i
        row = _tensor(_invoke(plan, {name: _at(column, key) for name, column in columns.items()}))
        rows.append(row[0] if plan.reading is Reading.ROW and row.ndim == plan.rank + 1 else row)
    return torch.stack(rows)


def _at(column: Any, key: int | slice | None) -> Any:
    return column[key] if isinstance(column, torch.Tensor) else column


def _invoke(plan: Plan, columns: Mapping[str, Any]) -> Any:
    example = next((c for c in columns.values() if _floating(c)), None)

    def given(name: str) -> Any:
        column = columns[name]
        if (
            plan.labels_as_floats
            and example is not None
            and isinstance(column, torch.Tensor)
            and not _floating(column)
        ):
            return column.to(example.dtype)
        return column

    function = plan.function
    if isinstance(function, torch.nn.Module) and example is not None:
        function = _placed(function, example)
    keywords = {parameter: given(name) for parameter, name in plan.match.keywords.items()}
    return function(*map(given, plan.match.positions), **keywords, **plan.match.constants)


def _floating(column: Any) -> TypeGuard[torch.Tensor]:
    return isinstance(column, torch.Tensor) and column.is_floating_point()


def _placed(module: torch.nn.Module, example: torch.Tensor) -> torch.nn.Module:
    """The module, or a copy whose own tensors have the points' format and device."""
    own = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
    if all(t.dtype == example.dtype and t.device == example.device for t in own):
        return module
    return copy.deepcopy(module).to(device=example.device, dtype=example.dtype)


def _tensor(result: Any) -> torch.Tensor:
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"it returned {type(result).__name__}, not a tensor")
    return result


# Choosing the way -------------------------------------------------------------------------------------------------


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
        key: (column[0] if isinstance(column, tuple) else column.double() if _floating(column) else column)
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
        if not as_floats or not all(map(_floating, tensors))
    ):
        tried = Plan(plan.function, plan.match, reading, as_floats, exact.ndim - 1, plan.built_with)
        try:
            result = call(tried, columns).detach().double().cpu().numpy()
        except Exception as error:  # whatever a function called in a wrong way can raise
            first_error = first_error or f"it raised {_told(error)}"
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
            problem = _told(error)
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


# Telling what does not fit ----------------------------------------------------------------------------------------


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


def _told(error: BaseException) -> str:
    message = str(error).strip().splitlines()
    return f"{type(error).__name__}: {message[0][:200]}" if message else type(error).__name__
