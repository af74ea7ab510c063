"""A routine as a property: drawn points first, then a search for the input that they missed.

`examine` judges a routine at the corners, sweep and sample that `numcheck check` draws, then searches. The search is
hypothesis's: steered by the spent share of the budget, it stops at the first failure that no gap covers, and shrinks
it to the simplest input that still fails. What it gives is evidence of the grade *searched*.

Hypothesis's own settings hold: its profiles, its seed, and its database, from which a failure that was found once is
tried first the next time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import numpy as np
from hypothesis import Phase, Verbosity, find, settings, target
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample

from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis.diagnose import diagnose
from numcheck.diagnosis.findings import Cluster, Finding, clusters, findings
from numcheck.diagnosis.questions import alone
from numcheck.domain import Points
from numcheck.formats import Format
from numcheck.measure.measurement import Measurement, measure
from numcheck.runs.check import SECOND_OPINION
from numcheck.runs.verdict import UNRESOLVED
from numcheck.truth import Truth, second_opinion, settle

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

EVIDENCE = "searched"
FEW = 192
"""Failing points in whose company a single one is diagnosed, at most."""
STEEPEST = 64.0
"""The spent share steers by its base-2 logarithm, within this bound on either side: an infinity shows no way."""


@dataclass(frozen=True, eq=False)
class Example:
    """One input, and which of the formula's outputs its gradient is of."""

    points: Points
    component: int


@dataclass(frozen=True, eq=False)
class Found:
    """The simplest input that was found at which a routine breaks its promise.

    `measurement` judges that one point. `cause` is None where the routine raised: `measurement.crashes` has the
    message.
    """

    measurement: Measurement
    cause: Cause | None

    @property
    def point(self) -> Points:
        """The input, as one point of origin "given"."""
        return self.measurement.points

    @property
    def spent(self) -> float:
        """Error over budget there."""
        return float(self.measurement.judgement.of_points()[1][0])

    @property
    def evidence(self) -> str:
        """The grade of what was found."""
        return EVIDENCE


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search saw: `spent` is the largest share among the points within budget, `covered` the gaps it met."""

    found: Found | None
    examples: int
    unresolved: int
    spent: float
    covered: frozenset[Cause]


def search(
    routine: Routine, format: Format, device: str, of: str, chosen: settings | None = None
) -> Found | None:
    """The simplest input at which the routine spends more than its budget, or None where none was found.

    `of` is "value" or "grad"; failures that a gap of the routine covers do not count. Without `chosen` settings
    hypothesis's current profile holds.
    """
    return explore(routine, format, device, of, chosen).found


def explore(
    routine: Routine,
    format: Format,
    device: str,
    of: str,
    chosen: settings | None = None,
    drawn: Sequence[Measurement] | None = None,
) -> Searched:
    """`search`, with an account of what it saw on the way.

    `drawn` measures the same routine at drawn points. Where nothing in the code shows why a single point failed, its
    cause is that of its like among them.
    """
    gaps = frozenset(gap.cause for gap in routine.gaps if gap.covers(of, format.name, device))
    seen = _Account()
    company = _Company(routine, format, device, of, drawn)

    def breaks(example: Example) -> bool:
        measurement = judged_alone(routine, example.points, example.component, format, device, of)
        fate, spent = _verdict(measurement)
        seen.examples += 1
        seen.unresolved += fate == Fate.UNRESOLVED
        if fate.fails:
            cause = None if fate == Fate.CRASH else _cause(measurement)
            if cause is not None and gaps and not covered_by(cause, gaps):
                cause = company.cause(measurement, example.component)
            if cause is not None and covered_by(cause, gaps):
                # Not steered by: inside a gap the spent share only leads deeper into it.
                seen.covered.add(cause)
                return False
            seen.last = Found(measurement, cause)
        elif fate == Fate.WITHIN:
            seen.spent = max(seen.spent, spent)
        if fate.is_judged:
            target(steering(spent), label="log2 of the spent share")
        return fate.fails

    found: Found | None = None
    try:
        # What is replayed and how often is the profile's business; nothing here is the printer's.
        simplest = find(
            examples(routine.formula, format, of),
            breaks,
            settings=_quiet(chosen or settings()),
            database_key=database_key(routine, format, device, of),
        )
        measurement = judged_alone(routine, simplest.points, simplest.component, format, device, of)
        assert seen.last is not None
        found = Found(measurement, seen.last.cause)  # hypothesis runs the simplest input once more at the end
    except (NoSuchExample, SkipTest):  # skipped: the profile's phases leave nothing to run
        pass
    except Flaky:
        # It failed once and did not when it was asked again: equal inputs, different results.
        assert seen.last is not None
        found = Found(seen.last.measurement, Cause.ORDER)
    return Searched(found, seen.examples, seen.unresolved, seen.spent, frozenset(seen.covered))


class _Account:
    """What a search has seen so far."""

    def __init__(self) -> None:
        self.examples = 0
        self.unresolved = 0
        self.spent = 0.0
        self.covered: set[Cause] = set()
        self.last: Found | None = None


class _Company:
    """Failing points among which the cause of one more is sought; measured when they are first needed."""

    def __init__(
        self,
        routine: Routine,
        format: Format,
        device: str,
        of: str,
        drawn: Sequence[Measurement] | None,
    ) -> None:
        self.routine, self.format, self.device, self.of = routine, format, device, of
        self.drawn = drawn
        self.failing: dict[int | None, tuple[Points, np.ndarray]] = {}

    def cause(self, one: Measurement, component: int) -> Cause:
        """The cause of one failing point, diagnosed together with drawn ones of its size."""
        if self.drawn is None:
            sample = sampled(self.routine.formula, self.format, FEW, 0)
            self.drawn = [
                m
                for points, truth in zip(sample.drawn, sample.truths, strict=True)
                for m in measure(self.routine, points, truth, self.format, self.device)
                if m.of == self.of
            ]
        size = one.points.size
        if size not in self.failing:
            (part,) = [m for m in self.drawn if m.points.size == size]
            fates = part.judgement.of_points()[0]
            rows = np.flatnonzero((fates >= Fate.OVER) & (fates != Fate.CRASH))
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), FEW)).astype(int))]
            self.failing[size] = part.points.select(rows), part.component[rows]
        points, components = self.failing[size]
        together = Points.concatenate([one.points, points])
        backward = self.of == "grad"
        truth = settle(
            self.routine.formula,
            together,
            self.format,
            with_gradient=backward,
            component=np.concatenate([[component], components]),
        )
        measured = measure(self.routine, together, truth, self.format, self.device, backward)
        return _cause(next(m for m in measured if m.of == self.of))


def database_key(routine: Routine, format: Format, device: str, of: str) -> bytes:
    """The name under which hypothesis's database keeps failures of this measurement, the same in every run."""
    return f"{routine.formula.name}.{routine.name}[{format.name}-{device}-{of}]".encode()


def steering(spent: float) -> float:
    """The spent share as hypothesis steers by it: a finite number, larger where more was spent."""
    with np.errstate(divide="ignore"):
        return float(np.clip(np.log2(spent), -STEEPEST, STEEPEST))


def covered_by(cause: Cause, gaps: frozenset[Cause]) -> bool:
    """Whether a gap speaks of what happened at a single point."""
    # That a result is wrong by a constant factor shows at several points only.
    return cause in gaps or (cause == Cause.WRONG_FORMULA and Cause.SCALE in gaps)


def judged_alone(
    routine: Routine, point: Points, component: int, format: Format, device: str, of: str
) -> Measurement:
    """The routine's value, or its gradient of one output, measured at one point."""
    backward = of == "grad"
    truth = settle(routine.formula, point, format, with_gradient=backward, component=np.array([component]))
    measured = measure(routine, point, truth, format, device, backward)
    (one,) = [measurement for measurement in measured if measurement.of == of]
    return one


def _verdict(measurement: Measurement) -> tuple[Fate, float]:
    fates, spent, _ = measurement.judgement.of_points()
    return Fate(int(fates[0])), float(spent[0])


def _cause(measurement: Measurement) -> Cause:
    return diagnose(measurement).causes[0]


def _quiet(chosen: settings) -> settings:
    # Deadlines measure the machine; explaining an example takes hundreds of runs whose result nobody sees.
    silent = chosen.verbosity == Verbosity.normal
    return settings(
        chosen,
        deadline=None,
        print_blob=False,
        verbosity=Verbosity.quiet if silent else chosen.verbosity,
        phases=[phase for phase in chosen.phases if phase != Phase.explain],
    )


def examples(formula: Formula, format: Format, of: str) -> "SearchStrategy[Example]":
    """Single points of a formula; those with the first size, and the first output's gradient, are the simplest."""
    sizes = next((domain.ragged for domain in formula.inputs.values() if domain.ragged), None)
    outputs = _outputs(formula, format) if of == "grad" else {}
    values = {
        size: {name: domain.strategy(format, size) for name, domain in formula.inputs.items()}
        for size in (sizes or (None,))
    }

    @st.composite
    def one(draw: "DrawFn") -> Example:
        size = draw(st.sampled_from(sizes)) if sizes else None
        drawn: dict[str, Any] = {name: draw(value) for name, value in values[size].items()}
        component = draw(st.integers(0, outputs[size] - 1)) if outputs.get(size, 1) > 1 else 0
        columns = {name: formula.inputs[name].column([value], format) for name, value in drawn.items()}
        return Example(Points(columns, np.array(["given"]), size), component)

    make: Callable[[], SearchStrategy[Example]] = one
    return make()


def _outputs(formula: Formula, format: Format) -> dict[int | None, int]:
    """How many numbers the formula gives, for each size of its inputs."""
    counts: dict[int | None, int] = {}
    for points in formula.points(format, 1, 0):
        truth = settle(formula, points.select([0]), format, with_gradient=False)
        counts[points.size] = int(np.prod(truth.value.shape[1:]))
    return counts


# The property -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sample:
    """The drawn points of one formula in one format with their truths; every routine and device shares them."""

    drawn: tuple[Points, ...]
    truths: tuple[Truth, ...]
    disagreements: tuple[str, ...]
    count: int
    seed: int


@dataclass(frozen=True, eq=False)
class Examined:
    """What came of a routine's value or gradient.

    `spent` is the largest share of the budget outside of gaps. `gaps` counts the drawn points that each gap covers,
    `met` are those that cover any, drawn or searched. A gap is `stale` where nothing fails by it, here or in another
    format. `findings` are of drawn points and leave out what a gap covers; `crash` is one drawn point at which the
    routine raised.
    """

    of: str
    points: int
    examples: int
    unresolved: int
    spent: float
    gaps: Mapping[Gap, int]
    met: tuple[Gap, ...]
    stale: tuple[Gap, ...]
    findings: tuple[Finding, ...]
    crash: tuple[Measurement, int] | None
    found: Found | None

    @property
    def in_doubt(self) -> bool:
        """Whether more truths are unresolved than a run may leave open."""
        return self.unresolved > UNRESOLVED * (self.points + self.examples)

    @property
    def passed(self) -> bool:
        """Whether the promise holds, but for what the gaps say, and no gap is stale."""
        broken = self.findings or self.crash or self.found or self.stale
        return not broken and not self.in_doubt


@lru_cache(maxsize=8)  # formats of one formula: its routines come one after the other
def sampled(formula: Formula, format: Format, points: int, seed: int) -> Sample:
    """The points at which `numcheck check` judges this formula, proved, and recomputed here and there in mpmath."""
    drawn = tuple(formula.points(format, points, seed))
    backward = any(routine.grad is not None for routine in formula.routines.values())
    truths = tuple(settle(formula, part, format, with_gradient=backward) for part in drawn)
    disagreements: list[str] = []
    for part, truth in zip(drawn, truths, strict=True):
        share = max(2, int(np.ceil(SECOND_OPINION * len(part))))
        rows = np.unique(np.linspace(0, len(part) - 1, share).astype(int))
        disagreements.extend(second_opinion(formula, part, truth, format, rows).disagreements)
    return Sample(drawn, truths, tuple(disagreements), points, seed)


def examine(
    routine: Routine,
    format: Format,
    device: str,
    sample: Sample,
    chosen: settings | None = None,
    others: tuple[Format, ...] = (),
) -> tuple[Examined, ...]:
    """The routine's value, and its gradient where it promises one, at the drawn points and in a search.

    A gap may strike in one format only: before one is called stale, it is looked for in the `others` too.
    """
    measured = [
        measure(routine, points, truth, format, device)
        for points, truth in zip(sample.drawn, sample.truths, strict=True)
    ]
    made = [_examined(routine, format, device, list(parts), chosen) for parts in zip(*measured, strict=True)]
    met = {gap for one in made for gap in one.met}
    elsewhere = tuple(other for other in others if other != format)

    def is_stale(gap: Gap) -> bool:
        return gap not in met and not strikes(routine, gap, elsewhere, device, sample.count, sample.seed)

    return tuple(replace(one, stale=tuple(gap for gap in one.gaps if is_stale(gap))) for one in made)


@lru_cache(maxsize=64)
def strikes(
    routine: Routine, gap: Gap, formats: tuple[Format, ...], device: str, points: int, seed: int
) -> bool:
    """Whether any drawn point fails by this gap, in one of the formats."""
    for format in formats:
        if routine.formats is not None and format.name not in routine.formats:
            continue
        if not any(gap.covers(of, format.name, device) for of in ("value", "grad")):
            continue
        sample = sampled(routine.formula, format, points, seed)
        for part, truth in zip(sample.drawn, sample.truths, strict=True):
            for one in measure(routine, part, truth, format, device):
                if gap.covers(one.of, format.name, device) and (diagnose(one).causes == gap.cause).any():
                    return True
    return False


def _examined(
    routine: Routine, format: Format, device: str, parts: list[Measurement], chosen: settings | None
) -> Examined:
    of = parts[0].of
    applicable = [gap for gap in routine.gaps if gap.covers(of, format.name, device)]
    causes = {gap.cause for gap in applicable}
    struck: dict[Cause, int] = dict.fromkeys(causes, 0)
    broken: list[Cluster] = []
    crash: tuple[Measurement, int] | None = None
    spent, unresolved = 0.0, 0
    for part in parts:
        diagnosis = diagnose(part)
        fates, shares, _ = part.judgement.of_points()
        in_gap = np.isin(diagnosis.causes.astype(str), list(causes))
        spent = max(spent, float(np.max(shares[~in_gap], initial=0.0)))
        unresolved += int((fates == Fate.UNRESOLVED).sum())
        for cause in causes:
            struck[cause] += int((diagnosis.causes == cause).sum())
        broken += [c for c in clusters(part, diagnosis) if c.cause not in causes and not c.forgiven]
        if part.crashes and crash is None:
            crash = (part, min(part.crashes))
    searched = explore(routine, format, device, of, chosen, parts)
    return Examined(
        of,
        sum(len(part.points) for part in parts),
        searched.examples,
        unresolved + searched.unresolved,
        max(spent, searched.spent, searched.found.spent if searched.found else 0.0),
        {gap: struck[gap.cause] for gap in applicable},
        tuple(gap for gap in applicable if struck[gap.cause] or gap.cause in searched.covered),
        (),
        tuple(alone(findings(broken, {}))),
        crash,
        searched.found,
    )
