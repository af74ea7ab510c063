"""What a sweep goes through: which routines over which inputs, in which chunks, and how another process finds it again.

A plan has a fingerprint, all that its result depends on: a checkpoint is gone on with only where nothing has changed.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType
from typing import Any

import numcheck
from numcheck.declaration.formulas import Formula, Routine
from numcheck.declaration.registry import format_named, formulas, loaded_by_name
from numcheck.declaration.words import Of, UsageError
from numcheck.domain import Space, continuous, space_of
from numcheck.foreign import formula_at, routine_at
from numcheck.formats import Format
from numcheck.measure import check_device
from numcheck.runs.environment import environment
from numcheck.truth import LONG, expect_promises, missing_compiler, settle

MOST_BITS = {1: 32, 2: 8}
"""Up to which width of a format all values of so many real inputs are tried together."""

MOST_GRID = 1 << 24
"""Values of each real input that a grid has at most."""

CHUNKS = 64
"""About so many chunks a space is cut into, as long as they lie within the two lengths below."""
SHORTEST, LONGEST = 1 << 14, 1 << 20
"""Points of a chunk: fewer do not fill the batches of the truth; more would be long in memory and in coming back."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What is swept: some routines of a formula over a space, value and gradient or value only, chunk by chunk.

    Another process finds it by `again`, which is None where it cannot, as for what a notebook defines.
    """

    formula: Formula
    routines: tuple[Routine, ...]
    format: Format
    device: str
    space: Space
    grid: int | None
    value_only: bool
    chunk: int
    again: "Callable[[], Plan] | None"
    proved_on: str = ""
    """Where the float64 balls are made; on `device`, where the routines run, if nothing else is said."""

    @property
    def backward(self) -> bool:
        """Whether gradients are judged, too."""
        return not self.value_only and any(Of.GRAD in routine.budgets for routine in self.routines)

    @property
    def compiled(self) -> bool:
        """Whether the truth is worth compiling, and can be."""
        return self.space.size >= LONG and self.note is None

    @property
    def note(self) -> str | None:
        """What a long sweep goes without, in a line."""
        return missing_compiler(self.proved_on or self.device) if self.space.size >= LONG else None

    @property
    def evidence(self) -> str:
        """The grade of what the sweep finds: "exhaustive" where the space holds every input, else "grid"."""
        return "exhaustive" if self.grid is None else "grid"

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self.space.combinations * -(-self.space.block // self.chunk)


def plan_of(
    formula: Formula | str,
    routines: Sequence[Routine | str],
    format: str,
    device: str = "cpu",
    grid: int | None = None,
    value_only: bool = False,
    chunk: int | None = None,
) -> Plan:
    """The plan of a sweep; UsageError, in one line that says what to write instead, for what cannot be swept.

    A formula or routine may be named as on the command line. `chunk` is a power of two.
    """
    stated, where = formula_at(formula), format_named(format)
    expect_promises(stated)
    space = _space(stated, where, grid)
    chosen = _routines(stated, routines, where)
    check_device(device)
    if chunk is not None and (chunk < 1 or chunk & (chunk - 1)):
        raise UsageError(f"a chunk has a power of two of points, such as {SHORTEST}, not {chunk}")
    length = LONGEST
    while length > max(SHORTEST, space.block // CHUNKS):
        length //= 2
    again = None
    if words := _words(stated, formula, routines):
        again = partial(plan_by_words, *words, format, device, grid, value_only, chunk)
    plan = Plan(stated, chosen, where, device, space, grid, value_only, chunk or length, again)
    if plan.backward and settle(stated, space.at([0]), where, with_gradient=False).outputs > 1:
        raise UsageError(
            f"{stated.name} has several outputs, and a sweep takes the gradient of one: write --value-only"
        )
    return plan


def _space(formula: Formula, format: Format, grid: int | None) -> Space:
    if grid is not None and grid < 2:
        raise UsageError(f"a grid has at least the two bounds of each input: --grid 256, not {grid}")
    if grid is not None and grid > MOST_GRID:
        raise UsageError(f"a grid lists its values: --grid {MOST_GRID} at most, not {grid}")
    instead = f"numcheck check {formula.name} --formats {format.name} --points 100000 draws points instead"
    reals = [domain for domain in continuous(formula.inputs).values() if domain.sizes is None]
    if len(reals) > max(MOST_BITS):
        raise UsageError(
            f"{formula.name} has {len(reals)} real inputs, and a sweep takes two at most: {instead}"
        )
    if reals and grid is None and format.bits > MOST_BITS[len(reals)]:
        what = "one real input is" if len(reals) == 1 else "all pairs of two real inputs are"
        narrower = "float32" if len(reals) == 1 else "float8_e4m3fn"
        raise UsageError(
            f"{what} too many values for a sweep in {format.name}: write --format {narrower}, or --grid 256"
        )
    if formula.relation is not None:
        raise UsageError(f"{formula.name} cannot be swept, its inputs stand in a relation: {instead}")
    try:
        return space_of(formula.inputs, format, grid)
    except ValueError as error:
        raise UsageError(f"{formula.name} cannot be swept, {error}: {instead}") from None


def _routines(formula: Formula, named: Sequence[Routine | str], format: Format) -> tuple[Routine, ...]:
    """The routines asked for, by default all that were written for the format."""
    if not named:
        if every := fitting(formula, format):
            return every
        raise UsageError(f"no routine of {formula.name} was written for {format.name}")
    chosen: dict[str, Routine] = {}
    for one in named:
        routine = one if isinstance(one, Routine) else routine_at(one, formula)
        if not routine.written_for(format.name):
            written = ", ".join(routine.formats or ())
            raise UsageError(f"{formula.name}.{routine.name} was written for {written}, not {format.name}")
        chosen[routine.name] = routine
    return tuple(chosen.values())


def fitting(formula: Formula, format: Format) -> tuple[Routine, ...]:
    """The formula's routines that were written for a format: those that a sweep takes unless some are named."""
    return tuple(one for one in formula.routines.values() if one.written_for(format.name))


def fingerprint_of(plan: Plan) -> dict[str, str]:
    """All that the result depends on, in words and hashes: a checkpoint is gone on with only where nothing changed."""
    told = {
        "numcheck": numcheck.__version__,
        "numcheck source": _hash(_package_source()),
        **environment([plan.device]),
        "formula": plan.formula.name,
        "source of the formula": _hash(_source(plan.formula.function)),
        "format": plan.format.name,
        "device name": plan.device,
        "chunk size": str(plan.chunk),
        "domain": "; ".join(f"{name}: {domain.describe()}" for name, domain in plan.formula.inputs.items()),
        "space": _hash("; ".join(f"{name}: {listed}" for name, listed in plan.space.ordinals.items())),
        "grid": str(plan.grid),
        "choice of value or gradient": "value" if plan.value_only else "both",
        "list of routines": ", ".join(routine.name for routine in plan.routines),
    }
    for routine in plan.routines:
        promise = f"{routine.value}, {routine.grad}"
        told[f"source of the routine {routine.name}"] = _hash(promise + _source(routine.function))
    return told


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _source(function: Callable[..., Any]) -> str:
    """The text of a function and of the module that it stands in; what it is compiled to, where there is no text."""
    texts: list[str] = [function.__module__ or "", function.__qualname__]
    try:
        texts.append(inspect.getsource(function))
    except (OSError, TypeError):  # built in, or typed into a session
        texts.append(_compiled(getattr(function, "__code__", None)))
    with suppress(OSError, TypeError, KeyError):
        texts.append(inspect.getsource(sys.modules[function.__module__]))
    return "\n".join(texts)


def _compiled(code: object) -> str:
    if not isinstance(code, CodeType):
        return repr(code)
    return repr((code.co_code, code.co_names, [_compiled(part) for part in code.co_consts]))


@lru_cache(maxsize=1)
def _package_source() -> str:
    """The text of numcheck itself, the catalogue aside: an edited checker is another checker."""
    root = Path(numcheck.__file__).parent
    paths = [path for path in sorted(root.rglob("*.py")) if "catalog" not in path.relative_to(root).parts]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@lru_cache(maxsize=1)
def plan_by_words(*words: Any) -> Plan:
    """What `plan_of` makes of these arguments, all of which are plain; found once by each process."""
    return plan_of(*words)


def _words(
    stated: Formula, formula: Formula | str, routines: Sequence[Routine | str]
) -> tuple[str, tuple[str, ...]] | None:
    """The words by which the formula and its routines are found again; None where one is not."""
    if not isinstance(formula, str):
        if not (loaded_by_name(stated.module) and formulas().get(stated.name) is stated):
            return None
        formula = stated.name
    if any(isinstance(one, Routine) and stated.routines.get(one.name) is not one for one in routines):
        return None
    return formula, tuple(one.name if isinstance(one, Routine) else one for one in routines)
