"""Whole runs over formulas, routines, formats and devices.

    witnesses -> examine -> gaps -> check, explain, search, sweep/
      (`examine` is the one way of judging; verdict, points, environment and workers serve them all)

What other rooms take from here is imported when it is first used (PEP 562): the command line starts worker processes
before it imports anything heavy itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numcheck.runs.check import check_catalog as check_catalog
    from numcheck.runs.examine import Sample as Sample
    from numcheck.runs.examine import examine_at as examine_at
    from numcheck.runs.points import decimal as decimal
    from numcheck.runs.points import shown_again as shown_again
    from numcheck.runs.search import Tested as Tested
    from numcheck.runs.search import property_of as property_of
    from numcheck.runs.search import sampled as sampled
    from numcheck.runs.sweep.plan import plan_of as plan_of
    from numcheck.runs.sweep.run import Interrupted as Interrupted
    from numcheck.runs.sweep.run import folder_of as folder_of
    from numcheck.runs.sweep.run import sweep_verdict as sweep_verdict
    from numcheck.runs.sweep.run import swept as swept
    from numcheck.runs.sweep.table import tabulate as tabulate
    from numcheck.runs.verdict import verdict_of as verdict_of
    from numcheck.runs.workers import jobs as jobs
    from numcheck.runs.workers import prepare as prepare

_PAGE = {
    "numcheck.runs.check": ("check_catalog",),
    "numcheck.runs.examine": ("Sample", "examine_at"),
    "numcheck.runs.points": ("decimal", "shown_again"),
    "numcheck.runs.search": ("Tested", "property_of", "sampled"),
    "numcheck.runs.sweep.plan": ("plan_of",),
    "numcheck.runs.sweep.run": ("Interrupted", "folder_of", "sweep_verdict", "swept"),
    "numcheck.runs.sweep.table": ("tabulate",),
    "numcheck.runs.verdict": ("verdict_of",),
    "numcheck.runs.workers": ("jobs", "prepare"),
}
_HOME = {name: module for module, names in _PAGE.items() for name in names}
__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'numcheck.runs' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
