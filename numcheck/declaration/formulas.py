"""Formulas, the routines that claim to compute them, and what each promises.

The formula's function is the declaration: `@formula` adds its source and the domains of its inputs; routines, laws and
gaps attach to it afterwards with decorators. Wrong declarations fail at import with a line that says what to write.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from numcheck.declaration.budgets import Budget
from numcheck.declaration.mistakes import FormulaError, real_numbers, spoken
from numcheck.declaration.relations import PATIENCE, Relation, check_relation, related
from numcheck.declaration.words import Cause, DeclarationError, Of, UsageError
from numcheck.domain import Domain, Points, discrete, draw, listed
from numcheck.formats import FORMATS, Format, format_of
from numcheck.reals import subnormals

MOST_POINTS = 10_000_000
"""Points of a formula in one format that a run draws at most."""


@dataclass(frozen=True)
class Gap:
    """A known failure: one mechanism that breaks a routine, and why, under the causes that it shows as.

    It must still fail, else it is stale and fails the run.
    """

    causes: tuple[Cause, ...]
    why: str
    of: Of | None = None
    formats: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Its causes, which tell it from the other gaps of its routine."""
        return ", ".join(self.causes)

    def speaks_of(self, of: Of, format_name: str, device: str) -> bool:
        """Whether it says anything of a measurement."""
        return (
            self.of in (None, of)
            and (self.formats is None or format_name in self.formats)
            and (self.devices is None or device.split(":")[0] in self.devices)
        )

    def overlaps(self, other: "Gap") -> bool:
        """Whether both may speak of one failing point."""
        limits = ((self.formats, other.formats), (self.devices, other.devices))
        apart = any(one is not None and two is not None and not set(one) & set(two) for one, two in limits)
        apart |= None not in (self.of, other.of) and self.of != other.of
        return not apart and bool(set(self.causes) & set(other.causes))


@dataclass(frozen=True)
class Law:
    """A property that must hold: `function(f, *inputs)` returns two reals that must be equal."""

    name: str
    function: Callable[..., Any]
    doc: str

    def __call__(self, f: Callable[..., Any], *inputs: Any) -> tuple[Any, Any]:
        """Its two sides for `f`, the formula or a routine; raises FormulaError where its text is at fault."""
        sides = spoken(f"law {self.name}", self.function, f, *inputs)
        if not (isinstance(sides, tuple) and len(sides) == 2):
            raise FormulaError(f"law {self.name}: write return one_side, other_side")
        return sides


@dataclass(frozen=True)
class Known:
    """A value found elsewhere: the formula at `arguments`, in decimal digits that are all right.

    Any number of digits will do; an integer without a point is exact. Of a formula with several outputs the first ones
    stand side by side, with commas between.
    """

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
    output: str | None = None
    """The format of its value where that is not the one asked for."""
    varies: str | None = None
    """Why equal inputs may give other bits on purpose."""

    @property
    def budgets(self) -> Mapping[Of, Budget]:
        """What is promised of the value, and of the gradient where one is promised and there is one."""
        promised = {Of.VALUE: self.value}
        return promised if self.grad is None or not self.formula.wrt else promised | {Of.GRAD: self.grad}

    def written_for(self, format_name: str) -> bool:
        """Whether it claims anything in a format."""
        return self.formats is None or format_name in self.formats

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
    relation: Relation | None = None
    routines: dict[str, Routine] = field(default_factory=dict[str, "Routine"])
    laws: dict[str, Law] = field(default_factory=dict[str, "Law"])

    def __call__(self, *arguments: Any) -> Any:
        """The formula's reals for these; raises FormulaError where its text is at fault."""
        return real_numbers(self.name, self.function, spoken(self.name, self.function, *arguments))

    def points(self, format: Format, count: int, seed: int) -> list[Points]:
        """At least `count` points to judge at, one `Points` for each size of the ragged inputs.

        After what the domains draw come the formula's examples and the arguments of its known values, rounded to the
        format, as far as they then lie in the domains: they are tried whatever the seed. Without inputs a point is as
        good as many.
        """
        subnormals.keep()
        if count > MOST_POINTS:
            raise UsageError(
                f"{count} points do not fit into memory, where a check holds them: at most {MOST_POINTS}; "
                "a sweep goes through more, chunk by chunk"
            )
        count = count if self.inputs else 1
        tried = (*self.examples, *(known.arguments for known in self.known))
        given = [(arguments, self.at(arguments, format)) for arguments in tried]
        fitting = [point for arguments, point in given if self.holds(arguments, point, format)]
        return [
            Points.concatenate([drawn, *(point for point in fitting if point.size == drawn.size)])
            for drawn in self.drawn(format, count, seed)
        ]

    def drawn(self, format: Format, count: int, seed: int) -> list[Points]:
        """What the domains draw, as the relation has it; where that is a condition, until so many points keep it."""
        if self.relation is None:
            return self._draw(format, count, seed)
        more, kept, asked = 1, 0, 0
        while more <= PATIENCE:
            parts = self._draw(format, count * more, seed)
            found = [self.related(part, format) for part in parts]
            kept, asked = sum(map(len, found)), sum(map(len, parts))
            if kept >= count and all(map(len, found)):
                return [part.select(part.spread(-(-2 * count // len(found)))) for part in found]
            more *= 2
        raise DeclarationError(
            f"{self.name}: its relation holds at {kept} of {asked} points in {format.name}; return the inputs that it "
            "makes instead, as in relation=lambda low, width: {'high': low + width}"
        )

    def _draw(self, format: Format, count: int, seed: int) -> list[Points]:
        try:
            return draw(self.inputs, format, count, seed, self.name)
        except ValueError as error:  # a domain without values in the format, or what a sampler gave
            raise DeclarationError(f"{self.name}: {error}, or judge it in other formats") from error

    def related(self, points: Points, format: Format) -> Points:
        """Those of the points at which the relation holds, with the inputs that it makes."""
        if self.relation is None:
            return points
        made, holds = related(self.name, self.relation, self.inputs, points, format)
        return made.select(holds)

    def at(self, arguments: tuple[Any, ...], format: Format) -> Points:
        """One point: the arguments in the inputs' order, rounded to the format."""
        subnormals.keep()
        columns: dict[str, Any] = {
            name: domain.column([argument], format)
            for (name, domain), argument in zip(self.inputs.items(), arguments, strict=True)
        }
        sizes = [np.shape(columns[name][0]) for name, domain in self.inputs.items() if domain.sizes]
        return Points(columns, np.array(["given"]), next((shape[0] for shape in sizes if shape), None))

    def holds(self, arguments: tuple[Any, ...], point: Points, format: Format) -> bool:
        """Whether a point made of these arguments lies in the domains."""
        given = dict(zip(self.inputs, arguments, strict=True))
        choices = discrete(self.inputs)
        inside = all(
            given[name] in choices[name].choices(point.size)
            if name in choices
            else domain.contains(point.columns[name], format)[0]
            for name, domain in self.inputs.items()
        )
        return inside and bool(self.keeps(point, format)[0])

    def keeps(self, points: Points, format: Format) -> np.ndarray:
        """Which points are as the relation has them."""
        if self.relation is None:
            return np.ones(len(points), dtype=bool)
        made, kept = related(self.name, self.relation, self.inputs, points, format)
        for name, column in points.columns.items():
            if (other := made.columns[name]) is not column:
                kept &= [one == two for one, two in zip(listed(column), listed(other), strict=True)]
        return kept

    def routine(
        self,
        *,
        value: Budget,
        grad: Budget | None = None,
        formats: Iterable[str] | None = None,
        output: str | None = None,
        varies: str | None = None,
    ) -> Callable[[Callable[..., Any]], Routine]:
        """Declare the decorated function of torch tensors as a routine of this formula.

        It takes the formula's inputs by name, batched along a leading axis, and returns a tensor with that axis.
        `grad=None` promises no gradient. `formats` limits it to those it was written for.

        A value in a coarser format than its inputs have is judged by theirs, unless `output="float16"` declares the
        format of every value. A routine whose results differ from call to call, or with the company of a point, on
        purpose says why: `varies="stochastic rounding"`. Then each result is judged, and none is held against another.
        """

        def attach(function: Callable[..., Any]) -> Routine:
            name = _name_of(function, f"a routine of {self.name}")
            made = routine_of(self, function, name, value, grad, formats, output=output, varies=varies)
            other = self.routines.get(made.name)
            if other is not None and other.function.__module__ != function.__module__:
                raise DeclarationError(
                    f"{self.name} already has a routine {made.name}: give this one another name"
                )
            self.routines[made.name] = made
            return made

        return attach

    def law(self, function: Callable[..., Any]) -> Law:
        """Declare a law: the function takes `f` (the formula or a routine) and the formula's inputs.

        The last of them may stand together, as in `def weights_move_along(f, weight, *others)`.
        """
        what = f"a law of {self.name}"
        name, inputs = _name_of(function, what), list(self.inputs)
        parameters = _parameters(function, what, ["f", *inputs])
        if not parameters:
            raise DeclarationError(f"law {name} of {self.name}: write def {name}(f, {', '.join(inputs)})")
        last = parameters[-1]
        names = [parameter.name for parameter in parameters[1:]]
        if last.kind is last.VAR_POSITIONAL:
            names[-1:] = inputs[len(names) - 1 :]
        if names != inputs:
            raise DeclarationError(f"law {name} of {self.name}: write def {name}(f, {', '.join(inputs)})")
        law = self.laws[name] = Law(name, function, inspect.getdoc(function) or name.replace("_", " "))
        return law


def routine_of(
    formula: Formula,
    function: Callable[..., Any],
    name: str,
    value: Budget,
    grad: Budget | None,
    formats: Iterable[str] | None = None,
    *,
    output: str | None = None,
    varies: str | None = None,
) -> Routine:
    """A routine that is not registered: to judge a function from the command line or a notebook."""
    if not isinstance(value, Budget) or not (grad is None or isinstance(grad, Budget)):
        raise DeclarationError(f"{formula.name}.{name}: write value=ulps(2), grad=ulps(4)")
    names = [
        p.name
        for p in _parameters(function, f"the routine {name} of {formula.name}", formula.inputs)
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if set(names) - set(formula.inputs):
        raise DeclarationError(
            f"{formula.name}.{name}: takes {', '.join(names)}; write def {name}({', '.join(formula.inputs)})"
        )
    if varies is not None and not (isinstance(varies, str) and varies.strip()):
        raise DeclarationError(
            f'{formula.name}.{name}: say why its results vary: varies="stochastic rounding"'
        )
    limited = None if formats is None else tuple(format_of(f).name for f in formats)
    declared = None if output is None else format_of(output).name
    return Routine(name, formula, function, value, grad, limited, output=declared, varies=varies)


def _parameters(function: Any, what: str, inputs: Iterable[str]) -> list[inspect.Parameter]:
    """The parameters of a function to declare, which has to take each by name, as a builtin does not."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        found = None
    if found is None or any(parameter.kind is parameter.POSITIONAL_ONLY for parameter in found):
        name = getattr(function, "__name__", "judged")
        taken = ", ".join(inputs) or "x"
        raise DeclarationError(
            f"{what}: {function!r:.60} takes no parameters by name; "
            f"write def {name}({taken}): return ...{name}({taken})"
        )
    return found


def _name_of(function: Any, what: str) -> str:
    """The name that a function is declared under."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise DeclarationError(
            f"{what}: write it as def name(...), for {function!r:.60} has no name to be found by"
        )
    return name


def gap(
    *causes: str,
    why: str,
    of: str | None = None,
    formats: Iterable[str] | None = None,
    devices: Iterable[str] | None = None,
) -> Callable[[Routine], Routine]:
    """Declare a known failure of the routine below: points that fail for one of these causes count as `gap`.

    One gap speaks of one mechanism. Several causes are given where that shows as now this, now that: a square that
    underflows and makes 0 times infinity of a gradient is `gap("underflow", "nan_gradient", why=...)`.
    """
    declared = gap_of(causes, why, of, formats, devices)

    def attach(routine: Routine) -> Routine:
        if not isinstance(routine, Routine):
            raise DeclarationError("write @gap(...) above @formula.routine(...), not below it")
        known = routine.formula.routines[routine.name] = with_gap(routine, declared)
        return known

    return attach


def gap_of(
    causes: Iterable[str],
    why: str,
    of: str | None = None,
    formats: Iterable[str] | None = None,
    devices: Iterable[str] | None = None,
) -> Gap:
    """A gap that stands above no routine yet."""
    causes = list(causes)
    for cause in causes:
        if cause not in set(Cause):
            near = difflib.get_close_matches(str(cause), Cause, 1)
            meant = f"did you mean {str(near[0])!r}?" if near else f"write one of {', '.join(Cause)}"
            raise DeclarationError(f"no cause {cause!r}: {meant}")
    if not causes or not (isinstance(why, str) and why.strip()):
        raise DeclarationError(
            'a gap names its causes and its reason: @gap("overflow", why="exp leaves the range")'
        )
    if of not in (None, *Of):
        raise DeclarationError(f"a gap is of 'value' or of 'grad' (or both: leave it out), not {of!r}")
    return Gap(
        tuple(Cause(cause) for cause in dict.fromkeys(causes)),
        why,
        None if of is None else Of(of),
        None if formats is None else tuple(format_of(f).name for f in formats),
        None if devices is None else tuple(devices),
    )


def with_gap(routine: Routine, declared: Gap) -> Routine:
    """The routine with one more gap, before those that it has; DeclarationError where two may speak of one point."""
    for other in routine.gaps:
        if declared.overlaps(other):
            shared = ", ".join(cause for cause in declared.causes if cause in other.causes)
            raise DeclarationError(
                f"{routine.formula.name}.{routine.name} has two gaps for {shared}: make one of them, or part them "
                "by of=, formats= or devices="
            )
    return replace(routine, gaps=(declared, *routine.gaps))


def _digits(name: str, value: Any) -> str:
    """A known value as text; a float is none, for it has more digits than anybody has looked up."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DeclarationError(
        f'{name}: write the digits of a known value as text, such as "{value!r}", not {value!r}'
    )


def formula_of(
    function: Callable[..., Any],
    source: str,
    known: Iterable[tuple[tuple[Any, ...], str]],
    wrt: Iterable[str] | None,
    inputs: Mapping[str, Domain],
    examples: Iterable[tuple[Any, ...]] = (),
    relation: Relation | None = None,
) -> Formula:
    """A formula that is not registered."""
    name = _name_of(function, "a formula")
    parameters = [parameter.name for parameter in _parameters(function, name, inputs)]
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
    if relation is not None:
        check_relation(name, relation, inputs)
    ragged = {domain.sizes for domain in inputs.values() if domain.sizes}
    if len(ragged) > 1:
        raise DeclarationError(f"{name}: inputs of varying size declare the same sizes, not {sorted(ragged)}")
    continuous = tuple(key for key, domain in inputs.items() if domain.differentiable)
    chosen = continuous if wrt is None else tuple(wrt)
    if set(chosen) - set(continuous):
        raise DeclarationError(
            f"{name}: the gradient is taken by real inputs, {', '.join(continuous)}, not {chosen}"
        )
    tried = tuple(tuple(example) for example in examples)
    parts = function.__module__.split(".")
    topic = parts[-2].replace("_", "-") if "catalog" in parts and len(parts) > 1 else parts[-1]
    made = Formula(
        name,
        topic,
        source,
        inspect.getdoc(function) or "",
        function.__module__,
        function,
        MappingProxyType(dict(inputs)),
        chosen,
        tuple(Known(tuple(arguments), _digits(name, value)) for arguments, value in known),
        tried,
        relation,
    )
    for what, arguments in [("an example", e) for e in tried] + [
        ("a known value", k.arguments) for k in made.known
    ]:
        if len(arguments) != len(inputs):
            raise DeclarationError(f"{name}: {what} has {len(inputs)} arguments, not {arguments}")
    widest = FORMATS[0]
    for example in tried:
        if not made.holds(example, made.at(example, widest), widest):
            raise DeclarationError(f"{name}: example {example} lies outside of the inputs' domains")
    return made
