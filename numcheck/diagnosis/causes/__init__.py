"""The causes by which digits are lost: what is known of each, one file a cause.

A file has the cause's name. Its docstring is the page that a user reads, its first line the cause in one sentence;
below stand the remedy that findings print, the harm, the thresholds that are this cause's alone, and a planted pair: a
small routine that loses digits for this cause, and one that does not.

To add a cause, name it in `Cause` and write its file; nothing else lists them.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType, ModuleType
from typing import Any

from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import Formula, Routine, formula_of, routine_of
from numcheck.declaration.words import Cause, DeclarationError
from numcheck.domain import Domain


class Harm(IntEnum):
    """How badly a reader is misled by what a cause leaves; the worst is the largest."""

    FORGIVEN = 0
    """The result is as good as the inputs allow."""
    LOST_BITS = 1
    """The right number with fewer digits."""
    OTHER_NUMBER = 2
    """Another number than the formula's, at whatever precision."""
    NOT_FINITE = 3
    """NaN or an infinity where a finite number is right."""


@dataclass(frozen=True, eq=False)
class Planted:
    """Two routines of one formula with one promise: the wrong one breaks it for the cause, the right one keeps it.

    Nothing breaks a promise by `sensitivity`: of its pair the wrong one needs what conditioning forgives.
    """

    wrong: Routine
    right: Routine
    of: str
    """Where it shows: in the "value" or in the "grad"."""
    formats: tuple[str, ...]
    """In which formats."""


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of one cause."""

    cause: Cause
    page: str
    """What `numcheck explain CAUSE` prints."""
    remedy: str
    """What to do about it, in one line."""
    harm: Harm
    planted: Planted

    @property
    def sentence(self) -> str:
        """What the cause means."""
        return self.page.partition("\n")[0]


def stated(source: str, **inputs: Domain) -> Callable[[Callable[..., Any]], Formula]:
    """The decorated function of real numbers as the formula of a planted pair; nothing registers it."""

    def declare(function: Callable[..., Any]) -> Formula:
        return formula_of(function, source, (), None, inputs)

    return declare


def planted(
    formula: Formula,
    *,
    wrong: Callable[..., Any],
    right: Callable[..., Any],
    value: Budget,
    grad: Budget | None = None,
    formats: tuple[str, ...] = ("float32", "bfloat16", "float16"),
) -> Planted:
    """A planted pair of two functions of tensors; a gradient's budget says that the mistake shows in the gradient."""
    of = "value" if grad is None else "grad"
    first, second = (routine_of(formula, one, one.__name__, value, grad) for one in (wrong, right))
    return Planted(first, second, of, formats)


def matched(files: Collection[str]) -> list[Cause]:
    """The causes that these files describe, in the order of `Cause`: all of them, and each file one."""
    for name in sorted(files):
        if name not in set(Cause):
            raise DeclarationError(f"{name}.py describes no cause: name it in Cause, or delete the file")
    for cause in Cause:
        if cause not in files:
            raise DeclarationError(
                f"the cause {cause} has no page: write numcheck/diagnosis/causes/{cause}.py"
            )
    return list(Cause)


def facts_of(cause: Cause, file: ModuleType) -> Facts:
    """What a cause's file tells of it."""
    missing = [name for name in ("REMEDY", "HARM", "PLANTED") if not hasattr(file, name)]
    page = inspect.getdoc(file) or ""
    if missing or not (page or sys.flags.optimize >= 2):  # python -OO strips docstrings
        raise DeclarationError(f"{cause}.py lacks {' and '.join(missing) or 'its page, a docstring'}")
    return Facts(cause, page, file.REMEDY, file.HARM, file.PLANTED)


_files = matched([found.name for found in pkgutil.iter_modules(__path__)])
FACTS: Mapping[Cause, Facts] = MappingProxyType(
    {cause: facts_of(cause, importlib.import_module(f"{__name__}.{cause}")) for cause in _files}
)
"""What is known of every cause."""
