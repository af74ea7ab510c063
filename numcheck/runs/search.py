"""Hypothesis looks for inputs that spend more than the budget.

Drawn points are judged before; the search goes on where they were all right. It is steered by the spent share of the
budget, stops at the first failure that no gap covers, and shrinks it to the simplest input that still fails. What it
gives is evidence of the grade *searched*. Hypothesis's database tries a failure that was found once first next time.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from unittest import SkipTest

import numpy as np
from hypothesis import Phase, Verbosity, assume, find, settings, target
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.strategies import DrawFn, SearchStrategy

from numcheck.declaration.formulas import Formula, Gap, Routine
from numcheck.declaration.words import Cause, Fate, Of
from numcheck.diagnosis import Finding, alone, findings
from numcheck.domain import Points, met_once
from numcheck.formats import Format
from numcheck.runs.examine import Examined, Sample, drawn, examine, examine_at
from numcheck.runs.gaps import is_stale
from numcheck.runs.verdict import UNRESOLVED
from numcheck.runs.witnesses import Witnesses, read
from numcheck.truth import settle

STEEPEST = 64.0
"""The spent share steers by its base-2 logarithm, within this bound on either side: an infinity shows no way."""

MEETINGS = 63
"""So many ways in which the inputs of an example are brought together, or the entries of one."""

Example = tuple[Points, int]
"""One input, and which of the formula's outputs its gradient is of."""


@dataclass(eq=False)
class Searched:
    """What a search saw, and the simplest input that it found at which a routine breaks its promise, examined alone.

    `spent` is the largest share among the points within budget, `met` the gaps that struck; `flaky` where the input
    that was found failed once, and not when it was asked again.
    """

    found: Examined | None = None
    examples: int = 0
    unresolved: int = 0
    spent: float = 0.0
    met: set[Gap] = field(default_factory=set[Gap])
    flaky: bool = False

    @property
    def cause(self) -> Cause | None:
        """Why the input that was found fails; None where the routine raised, or where there is none."""
        if self.found is None:
            return None
        return Cause.NOT_DETERMINISTIC if self.flaky else self.found.causes[0]


def search(routine: Routine, format: Format, device: str, of: Of, chosen: settings | None = None) -> Searched:
    """What a search saw, and the simplest input it found at which the routine spends more than its budget, if any.

    Failures that a gap of the routine covers do not count. Without `chosen` settings hypothesis's current profile
    holds.
    """
    seen = Searched()

    def breaks(example: Example) -> bool:
        examined = examine_at(routine, *example, format, device, of)
        fate, spent = Fate(int(examined.judged[0][0])), float(examined.judged[1][0])
        seen.examples += 1
        seen.unresolved += fate is Fate.UNRESOLVED
        if fate.fails:
            gaps = [gap for gap, mask in examined.covered.items() if mask[0]]
            if gaps:
                # Not steered by: inside a gap the spent share only leads deeper into it.
                seen.met.update(gaps)
                return False
            seen.found = examined
        elif fate is Fate.WITHIN:
            seen.spent = max(seen.spent, spent)
        if fate.is_judged:
            target(steering(spent), label="log2 of the spent share")
        return fate.fails

    try:
        # What is replayed and how often is the profile's business; nothing here is the printer's.
        simplest = find(
            examples(routine.formula, format, of),
            breaks,
            settings=_quiet(chosen or settings()),
            database_key=database_key(routine, format, device, of),
        )
        seen.found = examine_at(routine, *simplest, format, device, of)
    except (NoSuchExample, SkipTest):  # skipped: the profile's phases leave nothing to run
        pass
    except Flaky:
        # It failed once and did not when it was asked again: equal inputs, different results.
        seen.flaky = True
    return seen


def database_key(routine: Routine, format: Format, device: str, of: Of) -> bytes:
    """The name under which hypothesis's database keeps failures of this measurement, the same in every run."""
    return f"{routine.formula.name}.{routine.name}[{format.name}-{device}-{of}]".encode()


def steering(spent: float) -> float:
    """The spent share as hypothesis steers by it: a finite number, larger where more was spent."""
    with np.errstate(divide="ignore"):
        return float(np.clip(np.log2(spent), -STEEPEST, STEEPEST))


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


def examples(formula: Formula, format: Format, of: Of) -> SearchStrategy[Example]:
    """Single points of a formula; those with the first size, and the first output's gradient, are the simplest."""
    sizes = next((domain.sizes for domain in formula.inputs.values() if domain.sizes), None)
    outputs = _outputs(formula, format) if of is Of.GRAD else {}
    values = {
        size: {name: domain.strategy(format, size) for name, domain in formula.inputs.items()}
        for size in (sizes or (None,))
    }

    @st.composite
    def one(draw: DrawFn) -> Example:
        seed = draw(st.integers(0, MEETINGS))
        size = draw(st.sampled_from(sizes)) if sizes else None
        columns = {
            name: formula.inputs[name].column([draw(value)], format) for name, value in values[size].items()
        }
        component = draw(st.integers(0, outputs[size] - 1)) if outputs.get(size, 1) > 1 else 0
        point = Points(columns, np.array(["given"]), size)
        if seed:  # at 0, the simplest, every input is itself
            point = met_once(formula.inputs, point, format, np.random.default_rng(seed))
        kept = formula.related(point, format)
        assume(len(kept) == 1)
        return replace(kept, origin=np.array(["given"])), component

    return one()


def _outputs(formula: Formula, format: Format) -> dict[int | None, int]:
    """How many numbers the formula gives, for each size of its inputs."""
    drawn = ((points.size, points.select([0])) for points in formula.points(format, 1, 0))
    return {size: settle(formula, one, format, with_gradient=False).outputs for size, one in drawn}


# The property -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)  # formats of one formula: its routines come one after the other
def sampled(formula: Formula, format: Format, points: int, seed: int) -> tuple[Sample, Witnesses]:
    """The points at which `numcheck check` judges this formula, and the witnesses among them."""
    known = read(formula)
    (sample,) = drawn(formula, [format], points, seed, known, list(formula.routines.values()))
    return sample, known


@dataclass(frozen=True, eq=False)
class Tested:
    """One half of a routine as a property: examined at drawn points, then searched."""

    examined: Examined
    searched: Searched
    known: Witnesses

    @property
    def points(self) -> int:
        """How many points were drawn."""
        return len(self.examined.judged[0])

    @property
    def judged(self) -> int:
        """Drawn points at which there was a truth to judge by."""
        return sum(Fate(int(fate)).is_judged for fate in self.examined.judged[0])

    @property
    def unresolved(self) -> int:
        """Points whose truth stayed open."""
        return int((self.examined.judged[0] == Fate.UNRESOLVED).sum()) + self.searched.unresolved

    @property
    def in_doubt(self) -> bool:
        """Whether more truths are unresolved than a run may leave open."""
        return self.unresolved > UNRESOLVED * (self.points + self.searched.examples)

    @property
    def spent(self) -> float:
        """The largest share of the budget outside of gaps."""
        found = self.searched.found
        return max(self.examined.spent, self.searched.spent, 0.0 if found is None else found.spent)

    @property
    def met(self) -> list[Gap]:
        """The gaps that struck, at drawn points or in the search."""
        return [gap for gap, mask in self.examined.covered.items() if mask.any() or gap in self.searched.met]

    @cached_property
    def stale(self) -> list[Gap]:
        """The gaps that fail no more, at drawn points or in the search, although witnesses name this environment."""
        idle = [gap for gap in self.examined.gaps if gap not in self.searched.met]
        return [gap for gap in idle if is_stale(self.examined, gap, self.known)]

    @cached_property
    def findings(self) -> list[Finding]:
        """What is told of the drawn points that no gap covers."""
        return alone(findings(self.examined.parts, self.examined.broken, self.examined.gap_of))

    @property
    def passed(self) -> bool:
        """Whether the promise holds, but for what the gaps say, and no gap is stale."""
        broken = self.findings or self.examined.crash or self.searched.found or self.stale
        return not broken and not self.in_doubt


def property_of(
    routine: Routine, sample: Sample, known: Witnesses, device: str, chosen: settings | None = None
) -> tuple[Tested, ...]:
    """The routine's value, and its gradient where it promises one, at the drawn points and in a search."""
    return tuple(
        Tested(one, search(routine, one.format, device, one.of, chosen), known)
        for one in examine(routine, sample, device)
    )
