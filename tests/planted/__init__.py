"""Planted mistakes: wrong routines of the kind that people ship, each beside its correct twin and the cause to name.

Formulas are declared locally and never registered. A file gathers the mistakes of one topic; `PLANTED` gathers them
all, in the order in which the files are read.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.words import Cause
from numcheck.domain import Domain

ALL = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, eq=False)
class Planted:
    """A wrong routine and its correct twin, which promise the same budget for the same formula."""

    wrong: Routine
    twin: Routine
    cause: Cause
    of: str
    """Where the mistake shows: in the "value" or in the "grad"."""
    formats: tuple[str, ...]
    """The formats in which the wrong routine must be caught, and its cause named."""
    written_for: tuple[str, ...]
    """The formats in which the twin keeps its promise."""

    @property
    def name(self) -> str:
        """The mistake in words."""
        return self.wrong.name


PLANTED: list[Planted] = []


def stated(
    source: str,
    wrt: tuple[str, ...] | None = None,
    relation: Callable[..., Any] | None = None,
    **inputs: Domain,
) -> Callable[..., Formula]:
    """A formula for the planted routines of one file; nothing registers it."""

    def declare(function: Callable[..., Any]) -> Formula:
        return formula_of(function, source, (), wrt, inputs, relation=relation)

    return declare


def plant(
    formula: Formula,
    cause: str,
    *,
    twin: Callable[..., Any],
    value: Budget,
    grad: Budget | None = None,
    formats: tuple[str, ...] = ALL,
    written_for: tuple[str, ...] = ALL,
) -> Callable[..., Callable[..., Any]]:
    """Plant the decorated routine; a gradient's budget says that the mistake shows in the gradient."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        wrong, right = (routine_of(formula, f, f.__name__, value, grad) for f in (function, twin))
        of = "value" if grad is None else "grad"
        PLANTED.append(Planted(wrong, right, Cause(cause), of, formats, written_for))
        return function

    return add


def planted() -> Mapping[str, Planted]:
    """Every planted mistake by name, from all files of this folder."""
    for file in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(file.name)
    found = {mistake.name: mistake for mistake in PLANTED}
    assert len(found) == len(PLANTED), "two planted routines share a name"
    return found
