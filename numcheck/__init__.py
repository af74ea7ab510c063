"""How many digits of a loss, gradient, optimizer step or geometry formula are right, and why the others are lost.

The names below are the whole public page. Each is imported when it is first used (PEP 562), so that `numcheck --help`
and the pytest plugin start without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PAGE = {
    # declaring a formula, and what one is
    "numcheck.case": (
        *("formula", "ulps", "gap", "formulas"),
        *("Formula", "Routine", "Budget", "Known", "Law", "Gap", "Fate", "Cause"),
        *("UsageError", "DeclarationError"),
    ),
    # the domains of its inputs
    "numcheck.domain": ("real", "integer", "one_of", "index", "vector", "simplex", "polygon", "curve"),
    # the formats its routines run in
    "numcheck.formats": ("FORMATS", "Format", "format_of"),
    # judging
    "numcheck.suite": ("check",),
    "numcheck.sweeps": ("sweep",),
    "numcheck.explanation": ("explain",),
    # what a formula's body is written with
    "numcheck.reals.vocabulary": ("m",),
}
"""Each module of the public page with the names it supplies; `m` is the module itself."""

_HOME = {name: module for module, names in _PAGE.items() for name in names}

if TYPE_CHECKING:
    # The same page for type checkers, which do not run __getattr__; tests/test_layers.py holds the two together.
    from numcheck.case import Budget as Budget
    from numcheck.case import Cause as Cause
    from numcheck.case import DeclarationError as DeclarationError
    from numcheck.case import Fate as Fate
    from numcheck.case import Formula as Formula
    from numcheck.case import Gap as Gap
    from numcheck.case import Known as Known
    from numcheck.case import Law as Law
    from numcheck.case import Routine as Routine
    from numcheck.case import UsageError as UsageError
    from numcheck.case import formula as formula
    from numcheck.case import formulas as formulas
    from numcheck.case import gap as gap
    from numcheck.case import ulps as ulps
    from numcheck.domain import curve as curve
    from numcheck.domain import index as index
    from numcheck.domain import integer as integer
    from numcheck.domain import one_of as one_of
    from numcheck.domain import polygon as polygon
    from numcheck.domain import real as real
    from numcheck.domain import simplex as simplex
    from numcheck.domain import vector as vector
    from numcheck.explanation import explain as explain
    from numcheck.formats import FORMATS as FORMATS
    from numcheck.formats import Format as Format
    from numcheck.formats import format_of as format_of
    from numcheck.reals import vocabulary
    from numcheck.suite import check as check
    from numcheck.sweeps import sweep as sweep

    m = vocabulary


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'numcheck' has no attribute {name!r}")
    module = import_module(home)
    found = module if name == "m" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])
