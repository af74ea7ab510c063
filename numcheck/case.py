"""Formulas, the routines that claim to compute them, and what each promises.

The formula's function is the declaration: `@formula` adds its source and the domains of its inputs; routines, laws and
gaps attach to it afterwards with decorators. Wrong declarations fail at import with a line that says what to write.
"""

import functools
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from numcheck.domain import Domain, Points, discrete, draw
from numcheck.formats import FORMATS, Format, format_of


class UsageError(ValueError):
    """What the caller wrote cannot work; the message is one line that says what to write instead."""


class DeclarationError(UsageError):
    """A formula, routine, law or gap is declared wrongly."""


class Fate(StrEnum):
    """The one bucket in which each point lands."""

    WITHIN = "within"
    OVER = "over"
    SPECIAL = "special"
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    GAP = "gap"
    INVALID = "invalid"
    UNRESOLVED = "unresolved"
    CRASH = "crash"


FAILING = (Fate.OVER, Fate.SPECIAL, Fate.OVERFLOW, Fate.UNDERFLOW, Fate.CRASH)


class Cause(StrEnum):
    """Why digits were lost."""

    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    CANCELLATION = "cancellation"
    ABSORPTION = "absorption"
    NAN_GRADIENT = "nan_gradient"
    SPECIAL_VALUE = "special_value"
    SENSITIVITY = "sensitivity"
    SCALE = "scale"
    WRONG_FORMULA = "wrong_formula"
    ORDER = "order"
    UNCONVERGED = "unconverged"


LARGEST = 64  # ulps that a budget may promise, or unit roundoffs of conditioning that it may forgive


@dataclass(frozen=True)
class Budget:
    """What a routine promises: abs(got - exact) <= ulps * ulp(exact) + cond * u * sum(abs(x_i * df/dx_i)).

    `gamma` adds the number of input components to `cond`, for a sum in any order (Higham 2002, section 4.2).
    `coupled` measures a gradient's components against the ulp of the largest of them, and says so in reports.
    """

    ulps: float
    cond: float = 1.0
    gamma: bool = False
    coupled: bool = False

    def __str__(self) -> str:
        cond = f"({self.cond:g} + n)" if self.gamma else f"{self.cond:g}"
        largest = " of the largest component" if self.coupled else ""
        return f"{self.ulps:g} ulp{largest} + {cond} cond"


def ulps(count: float, cond: float = 1.0, gamma: bool = False, coupled: bool = False) -> Budget:
    """A budget of `count` units in the last place beside what the problem's conditioning forgives."""
    if not (0 <= count <= LARGEST and 0 <= cond <= LARGEST):
        raise DeclarationError(
            f"a budget is small and written by hand: ulps and cond lie in [0, {LARGEST}], not {count}, {cond}"
        )
    return Budget(count, cond, gamma, coupled)


@dataclass(frozen=True)
class Gap:
    """A known failure with its reason; it must still fail, else it is stale and fails the run."""

    cause: Cause
    reason: str
    of: str | None = None
    formats: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None

    def covers(self, of: str, format_name: str, device: str) -> bool:
        """Whether this gap speaks of a measurement."""
        return (
            self.of in (None, of)
            and (self.formats is None or format_name in self.formats)
            and (self.devices is None or device.split(":")[0] in self.devices)
        )


@dataclass(frozen=True)
class Law:
    """A property that must hold: `function(f, *inputs)` returns two reals that must be equal."""

    name: str
    function: Callable[..., Any]
    doc: str


@dataclass(frozen=True)
class Known:
    """A value found elsewhere: the formula at `arguments`, in decimal digits that are all right."""

    arguments: tuple[Any, ...]
    value: str


@dataclass(frozen=True, eq=False)
class Routine:
    """Code that claims to compute a formula in some formats within a budget."""

    name: str
    formula: "Formula"
    function: Callable[..., Any]
    value: Budget
    grad: Budget | None
    formats: tuple[str, ...] | None
    gaps: tuple[Gap, ...] = ()

    @property
    def doc(self) -> str:
        """What the routine does, in its own words."""
        return inspect.getdoc(self.function) or ""


@dataclass(frozen=True, eq=False)
class Formula:
    """Mathematics: a plain function over real numbers, with its inputs' domains and its source."""

    name: str
    topic: str
    source: str
    doc: str
    module: str
    function: Callable[..., Any]
    inputs: Mapping[str, Domain]
    wrt: tuple[str, ...]
    known: tuple[Known, ...] = ()
    examples: tuple[tuple[Any, ...], ...] = ()
    routines: dict[str, Routine] = field(default_factory=dict[str, "Routine"])
    laws: dict[str, Law] = field(default_factory=dict[str, "Law"])

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def points(self, format: Format, count: int, seed: int) -> list[Points]:
        """At least `count` points to judge at, one `Points` for each size of the ragged inputs.

        After what the domains draw come the formula's examples and the arguments of its known values, rounded to the
        format, as far as they then lie in the domains: they are tried whatever the seed.
        """
        given = [
            (arguments, self.at(arguments, format))
            for arguments in (*self.examples, *(known.arguments for known in self.known))
        ]
        parts: list[Points] = []
        for drawn in draw(self.inputs, format, count, seed, self.name):
            fitting = [
                point
                for arguments, point in given
                if point.size == drawn.size and self.holds(arguments, point, format)
            ]
            parts.append(Points.concatenate([drawn, *fitting]))
        return parts

    def at(self, arguments: tuple[Any, ...], format: Format) -> Points:
        """One point: the arguments in the inputs' order, rounded to the format."""
        columns: dict[str, Any] = {
            name: domain.column([argument], format)
            for (name, domain), argument in zip(self.inputs.items(), arguments, strict=True)
        }
        sizes = [np.shape(columns[name][0]) for name, domain in self.inputs.items() if domain.ragged]
        return Points(columns, np.array(["given"]), next((shape[0] for shape in sizes if shape), None))

    def holds(self, arguments: tuple[Any, ...], point: Points, format: Format) -> bool:
        """Whether a point made of these arguments lies in the domains."""
        given = dict(zip(self.inputs, arguments, strict=True))
        choices = discrete(self.inputs)
        return all(
            given[name] in choices[name].choices(point.size)
            if name in choices
            else domain.contains(point.columns[name], format)[0]
            for name, domain in self.inputs.items()
        )

    def routine(
        self, *, value: Budget, grad: Budget | None = None, formats: Iterable[str] | None = None
    ) -> Callable[[Callable[..., Any]], Routine]:
        """Declare the decorated function of torch tensors as a routine of this formula.

        It takes the formula's inputs by name, batched along a leading axis, and returns a tensor with that axis.
        `grad=None` promises no gradient. `formats` limits it to those it was written for.
        """

        def attach(function: Callable[..., Any]) -> Routine:
            made = routine_of(self, function, function.__name__, value, grad, formats)
            if (
                made.name in self.routines
                and self.routines[made.name].function.__module__ != function.__module__
            ):
                raise DeclarationError(
                    f"{self.name} already has a routine {made.name}: give this one another name"
                )
            self.routines[made.name] = made
            return made

        return attach

    def law(self, function: Callable[..., Any]) -> Law:
        """Declare a law: the function takes `f` (the formula or a routine) and the formula's inputs."""
        names = list(inspect.signature(function).parameters)
        if names[1:] != list(self.inputs):
            raise DeclarationError(
                f"law {function.__name__} of {self.name}: write def {function.__name__}(f, {', '.join(self.inputs)})"
            )
        law = Law(
            function.__name__, function, inspect.getdoc(function) or function.__name__.replace("_", " ")
        )
        self.laws[law.name] = law
        return law


def routine_of(
    formula: Formula,
    function: Callable[..., Any],
    name: str,
    value: Budget,
    grad: Budget | None,
    formats: Iterable[str] | None = None,
) -> Routine:
    """A routine that is not registered: to judge a function from the command line or a notebook."""
    if not isinstance(value, Budget) or not (grad is None or isinstance(grad, Budget)):
        raise DeclarationError(f"{formula.name}.{name}: write value=ulps(2), grad=ulps(4)")
    names = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if set(names) - set(formula.inputs):
        raise DeclarationError(
            f"{formula.name}.{name}: takes {', '.join(names)}; write def {name}({', '.join(formula.inputs)})"
        )
    limited = None if formats is None else tuple(format_of(f).name for f in formats)
    return Routine(name, formula, function, value, grad, limited)


def gap(
    cause: str,
    reason: str,
    *,
    of: str | None = None,
    formats: Iterable[str] | None = None,
    devices: Iterable[str] | None = None,
) -> Callable[[Routine], Routine]:
    """Declare a known failure of the routine below: points that fail for this cause count as `gap`."""
    if cause not in set(Cause):
        raise DeclarationError(f"no cause {cause!r}: write one of {', '.join(Cause)}")
    if of not in (None, "value", "grad"):
        raise DeclarationError(f"a gap is of 'value' or of 'grad' (or both: leave it out), not {of!r}")
    declared = Gap(
        Cause(cause),
        reason,
        of,
        None if formats is None else tuple(format_of(f).name for f in formats),
        None if devices is None else tuple(devices),
    )

    def attach(routine: Routine) -> Routine:
        if not isinstance(routine, Routine):
            raise DeclarationError("write @gap(...) above @formula.routine(...), not below it")
        known = replace(routine, gaps=(declared, *routine.gaps))
        routine.formula.routines[routine.name] = known
        return known

    return attach


_registry: dict[str, Formula] = {}


def formula(
    *,
    source: str,
    known: Iterable[tuple[tuple[Any, ...], str]] = (),
    examples: Iterable[tuple[Any, ...]] = (),
    wrt: Iterable[str] | None = None,
    **inputs: Domain,
) -> Callable[[Callable[..., Any]], Formula]:
    """Declare the decorated function of `Reals` as a formula.

    `source` is where the book prints it; `known` pairs arguments with decimal values; `examples` are further arguments
    at which routines are always judged, such as inputs that once showed a mistake; `wrt` names the inputs by which the
    gradient is taken, by default every real one; each further keyword gives one input's domain.
    """

    def declare(function: Callable[..., Any]) -> Formula:
        made = formula_of(function, source, known, wrt, inputs, examples)
        other = _registry.get(made.name)
        if other is not None and other.module != made.module:
            raise DeclarationError(
                f"{made.name} is already declared in {other.module}: give this formula another name"
            )
        _registry[made.name] = made
        return made

    return declare


def formula_of(
    function: Callable[..., Any],
    source: str,
    known: Iterable[tuple[tuple[Any, ...], str]],
    wrt: Iterable[str] | None,
    inputs: Mapping[str, Domain],
    examples: Iterable[tuple[Any, ...]] = (),
) -> Formula:
    """A formula that is not registered."""
    name = function.__name__
    parameters = list(inspect.signature(function).parameters)
    if parameters != list(inputs):
        declared = ", ".join(inputs) or "none"
        raise DeclarationError(
            f"{name}({', '.join(parameters)}): declare one domain per parameter, in order, not {declared}"
        )
    for key, domain in inputs.items():
        if not isinstance(domain, Domain):
            raise DeclarationError(
                f"{name}: {key}={domain!r} is no domain; write {key}=real(-10, 10) or another one"
            )
    if not source.strip():
        raise DeclarationError(f"{name}: give the source: a paper and equation, or a book and section")
    ragged = {domain.ragged for domain in inputs.values() if domain.ragged}
    if len(ragged) > 1:
        raise DeclarationError(f"{name}: inputs of varying size declare the same sizes, not {sorted(ragged)}")
    continuous = tuple(key for key, domain in inputs.items() if domain.differentiable)
    chosen = continuous if wrt is None else tuple(wrt)
    if set(chosen) - set(continuous):
        raise DeclarationError(
            f"{name}: the gradient is taken by real inputs, {', '.join(continuous)}, not {chosen}"
        )
    listed = tuple(tuple(example) for example in examples)
    for example in listed:
        if len(example) != len(inputs):
            raise DeclarationError(f"{name}: an example has {len(inputs)} arguments, not {example}")
    parts = function.__module__.split(".")
    topic = parts[-2] if "catalog" in parts and len(parts) > 1 else parts[-1]
    made = Formula(
        name,
        topic,
        source,
        inspect.getdoc(function) or "",
        function.__module__,
        function,
        MappingProxyType(dict(inputs)),
        chosen,
        tuple(Known(tuple(arguments), value) for arguments, value in known),
        listed,
    )
    widest = FORMATS[0]
    for example in listed:
        if not made.holds(example, made.at(example, widest), widest):
            raise DeclarationError(f"{name}: example {example} lies outside of the inputs' domains")
    return made


ENTRY_POINTS = "numcheck.formulas"
"""The group in which other packages name the modules that declare their formulas."""


@functools.cache
def load_catalog() -> None:
    """Import every file of the catalogue and every module that other packages name in `numcheck.formulas`."""
    catalog = importlib.import_module("numcheck.catalog")
    for found in pkgutil.walk_packages(catalog.__path__, "numcheck.catalog."):
        importlib.import_module(found.name)
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        entry.load()


@functools.cache
def loaded_by_name(module: str) -> bool:
    """Whether `load_catalog` finds what this module declares, so that its name alone says which formula is meant."""
    known = [entry.module for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)]
    return any(module == name or module.startswith(f"{name}.") for name in ("numcheck.catalog", *known))


def formulas() -> Mapping[str, Formula]:
    """Every registered formula by name, in alphabetical order."""
    for made in _registry.values():
        if not made.laws and not made.known:
            raise DeclarationError(
                f"{made.name}: give it a law or a known value, so that its truth can be checked"
            )
    return MappingProxyType(dict(sorted(_registry.items())))


def format_named(name: str) -> Format:
    """The format of that name, as a user may write it."""
    try:
        return format_of(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def formula_named(name: str) -> Formula:
    """The registered formula of that name."""
    try:
        return formulas()[name]
    except KeyError:
        raise UsageError(f"no formula {name!r}: `numcheck list` prints the names") from None
