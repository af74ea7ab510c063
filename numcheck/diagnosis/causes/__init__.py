"""The causes by which digits are lost: what is known of each, one file a cause.

A file has the cause's name. Its docstring is the page that a user reads, its first line the cause in one sentence;
below stand the remedy that findings print, the thresholds that are this cause's alone, and a planted pair: a small
routine that loses digits for this cause, and one that does not. Where the cause strikes by how a routine is called,
`WHERE` says so in place of a region of inputs.

To add a cause, name it in `Cause` and write its file; nothing else lists them.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

from numcheck.declaration.budgets import ulps
from numcheck.declaration.formulas import Routine, formula_of, routine_of
from numcheck.declaration.words import Cause, DeclarationError
from numcheck.domain import Domain


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


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of one cause."""

    cause: Cause
    page: str
    """What `numcheck explain CAUSE` prints."""
    remedy: str
    """What to do about it, in one line."""
    planted: Planted
    where: str | None
    """Where it strikes, of a cause that a region of inputs says nothing of."""


def planted(
    source: str,
    formula: Callable[..., Any],
    /,
    *,
    wrong: Callable[..., Any],
    right: Callable[..., Any],
    value: float,
    grad: float | None = None,
    formats: tuple[str, ...] = ("float32", "bfloat16", "float16"),
    **inputs: Domain,
) -> Planted:
    """A planted pair of two functions of tensors, for a function of real numbers that nothing registers.

    Both promise so many ulps; those of a gradient say that the mistake shows in the gradient.
    """
    stated = formula_of(formula, source, (), None, inputs)
    budgets = ulps(value), None if grad is None else ulps(grad)
    first, second = (routine_of(stated, one, one.__name__, *budgets) for one in (wrong, right))
    return Planted(first, second, "value" if grad is None else "grad", formats)


def match(files: Collection[str]) -> None:
    """Raise DeclarationError unless these files describe all causes, and each file one."""
    for name in sorted({*files} ^ {*Cause}):
        if name in files:
            raise DeclarationError(f"{name}.py describes no cause: name it in Cause, or delete the file")
        raise DeclarationError(f"the cause {name} has no page: write numcheck/diagnosis/causes/{name}.py")


def facts_of(cause: Cause, file: ModuleType) -> Facts:
    """What a cause's file tells of it."""
    missing = [name for name in ("REMEDY", "PLANTED") if not hasattr(file, name)]
    page = inspect.getdoc(file) or ""
    if missing or not (page or sys.flags.optimize >= 2):  # python -OO strips docstrings
        raise DeclarationError(f"{cause}.py lacks {' and '.join(missing) or 'its page, a docstring'}")
    return Facts(cause, page, file.REMEDY, file.PLANTED, getattr(file, "WHERE", None))


match([found.name for found in pkgutil.iter_modules(__path__)])
FACTS: Mapping[Cause, Facts] = MappingProxyType(
    {cause: facts_of(cause, importlib.import_module(f"{__name__}.{cause}")) for cause in Cause}
)
"""What is known of every cause."""
