"""Declared formulas: registered where they stand, found by name; the catalogue's and other packages' loaded."""

import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from numcheck.declaration.formulas import Formula, formula_of
from numcheck.declaration.relations import Relation
from numcheck.declaration.words import DeclarationError, UsageError, meant, told_of
from numcheck.domain import Domain
from numcheck.formats import Format, format_of

_registry: dict[str, Formula] = {}
"""The declared formulas, by module and name."""


def formula(
    *,
    source: str,
    known: Iterable[tuple[tuple[Any, ...], str]] = (),
    examples: Iterable[tuple[Any, ...]] = (),
    wrt: Iterable[str] | None = None,
    relation: Relation | None = None,
    **inputs: Domain,
) -> Callable[[Callable[..., Any]], Formula]:
    """Declare the decorated function of `Reals` as a formula.

    `source` is where the book prints it; `known` pairs arguments with decimal values; `examples` are further arguments
    at which routines are always judged, such as inputs that once showed a mistake; `wrt` names the inputs by which the
    gradient is taken, by default every real one; each further keyword gives one input's domain. `relation` is a
    function of some of the inputs, by name and for many points at once, that says at which they stand as they must
    (`lambda low, high: low <= high`) or makes some of them of others (`lambda low, width: {"high": low + width}`).
    A formula of one's own may have the name of one in the catalogue.
    """

    def declare(function: Callable[..., Any]) -> Formula:
        made = formula_of(function, source, known, wrt, inputs, examples, relation)
        other = next((f for f in _registry.values() if f.name == made.name and f.module != made.module), None)
        if other is not None and loaded_by_name(other.module) and loaded_by_name(made.module):
            raise DeclarationError(
                f"{made.name} is already declared in {other.module}: give this formula another name"
            )
        _registry[f"{made.module}:{made.name}"] = made
        return made

    return declare


ENTRY_POINTS = "numcheck.formulas"
"""The group in which other packages name the modules that declare their formulas."""


@functools.cache
def load_catalog() -> None:
    """Import every file of the catalogue and every module that other packages name in `numcheck.formulas`."""
    catalog = importlib.import_module("numcheck.catalog")
    for found in pkgutil.walk_packages(catalog.__path__, "numcheck.catalog."):
        importlib.import_module(found.name)
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a module that is being imported can raise, or leave by
            raise UsageError(
                f"importing {entry.value}, which the entry point {entry.name} of {ENTRY_POINTS} names, raised "
                f"{told_of(error)}: mend that package, or uninstall it"
            ) from error


@functools.cache
def loaded_by_name(module: str) -> bool:
    """Whether `load_catalog` finds what this module declares, so that its name alone says which formula is meant."""
    known = [entry.module for entry in importlib.metadata.entry_points(group=ENTRY_POINTS)]
    return any(module == name or module.startswith(f"{name}.") for name in ("numcheck.catalog", *known))


def formulas() -> Mapping[str, Formula]:
    """Every registered formula by name, in alphabetical order.

    Where several share a name, it means the one that `load_catalog` finds, or the first; others are MODULE:NAME.
    """
    named: dict[str, Formula] = {}
    for made in sorted(_registry.values(), key=lambda f: not loaded_by_name(f.module)):
        if not made.laws and not made.known:
            raise DeclarationError(
                f"{made.name}: give it a law or a known value, so that its truth can be checked"
            )
        named[made.name if made.name not in named else f"{made.module}:{made.name}"] = made
    return MappingProxyType(dict(sorted(named.items())))


def format_named(name: str) -> Format:
    """The format of that name, as a user may write it."""
    try:
        return format_of(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def formula_named(name: str) -> Formula:
    """The registered formula of that name."""
    known = formulas()
    if name not in known:
        raise UsageError(f"no formula {name!r}: {meant(name, known) or '`numcheck list` prints the names'}")
    return known[name]
