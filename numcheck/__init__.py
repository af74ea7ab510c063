"""How many digits of a loss, gradient, optimizer step or geometry formula are right, and why the others are lost.

The names below are the whole public page. Each is imported when it is first used (PEP 562), so that `numcheck --help`
and the pytest plugin start without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PAGE = {
    # declaring a formula, and what one is
    "numcheck.declaration.words": ("Fate", "Cause", "UsageError", "DeclarationError"),
    "numcheck.declaration.budgets": ("Budget", "ulps"),
    "numcheck.declaration.formulas": ("Formula", "Routine", "Known", "Law", "Gap", "gap"),
    "numcheck.declaration.registry": ("formula", "formulas"),
    # the domains of its inputs
    "numcheck.domain": (
        *("real", "integer", "one_of", "index", "vector", "simplex", "polygon", "curve"),
        *("box", "integers", "labels", "mask", "matrix", "ordered", "sampled", "steps", "unit_vector"),
    ),
    # the formats its routines run in
    "numcheck.formats": ("FORMATS", "Format", "format_of"),
    # judging
    "numcheck.runs.check": ("check",),
    "numcheck.runs.sweep.run": ("sweep",),
    "numcheck.runs.explain": ("explain",),
    # watching a training
    "numcheck.training.monitor": ("monitor",),
    # proving what the mean value theorem asks of a map before it is iterated
    "numcheck.truth.selfmaps": ("maps_into",),
    # what a formula's body is written with
    "numcheck.reals.vocabulary": ("m",),
}
"""Each module of the public page with the names it supplies; `m` is the module itself."""

_HOME = {name: module for module, names in _PAGE.items() for name in names}

if TYPE_CHECKING:
    # The same page for type checkers, which do not run __getattr__; tests/test_layers.py holds the two together.
    from numcheck.declaration.budgets import Budget as Budget
    from numcheck.declaration.budgets import ulps as ulps
    from numcheck.declaration.formulas import Formula as Formula
    from numcheck.declaration.formulas import Gap as Gap
    from numcheck.declaration.formulas import Known as Known
    from numcheck.declaration.formulas import Law as Law
    from numcheck.declaration.formulas import Routine as Routine
    from numcheck.declaration.formulas import gap as gap
    from numcheck.declaration.registry import formula as formula
    from numcheck.declaration.registry import formulas as formulas
    from numcheck.declaration.words import Cause as Cause
    from numcheck.declaration.words import DeclarationError as DeclarationError
    from numcheck.declaration.words import Fate as Fate
    from numcheck.declaration.words import UsageError as UsageError
    from numcheck.domain import box as box
    from numcheck.domain import curve as curve
    from numcheck.domain import index as index
    from numcheck.domain import integer as integer
    from numcheck.domain import integers as integers
    from numcheck.domain import labels as labels
    from numcheck.domain import mask as mask
    from numcheck.domain import matrix as matrix
    from numcheck.domain import one_of as one_of
    from numcheck.domain import ordered as ordered
    from numcheck.domain import polygon as polygon
    from numcheck.domain import real as real
    from numcheck.domain import sampled as sampled
    from numcheck.domain import simplex as simplex
    from numcheck.domain import steps as steps
    from numcheck.domain import unit_vector as unit_vector
    from numcheck.domain import vector as vector
    from numcheck.formats import FORMATS as FORMATS
    from numcheck.formats import Format as Format
    from numcheck.formats import format_of as format_of
    from numcheck.reals import vocabulary
    from numcheck.runs.check import check as check
    from numcheck.runs.explain import explain as explain
    from numcheck.runs.sweep.run import sweep as sweep
    from numcheck.training.monitor import monitor as monitor
    from numcheck.truth.selfmaps import maps_into as maps_into

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
