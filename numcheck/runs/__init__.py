"""Whole runs over formulas, routines, formats and devices.

    witnesses -> examine -> gaps -> check, explain, search, sweep/
      (`examine` is the one way of judging; verdict, points, environment and workers serve them all)

What other rooms take from here is imported when it is first used (PEP 562): the command line starts worker processes
before it imports anything heavy itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numcheck.runs.bench import Workload, benched
    from numcheck.runs.check import check_catalog
    from numcheck.runs.examine import Sample, examine_at
    from numcheck.runs.kernels import DIRECTIONS, Kernel, kernels_of, lacking, prepared
    from numcheck.runs.points import arguments_of, decimal, shown_again
    from numcheck.runs.search import Tested, property_of, sampled
    from numcheck.runs.stopwatch import why_not
    from numcheck.runs.sweep.plan import plan_of
    from numcheck.runs.sweep.run import Interrupted, folder_of, sweep_verdict, swept
    from numcheck.runs.sweep.table import tabulate, tabulate_own
    from numcheck.runs.switches import switched
    from numcheck.runs.verdict import verdict_of
    from numcheck.runs.workers import jobs, prepare

_PAGE = {
    "numcheck.runs.bench": ("Workload", "benched"),
    "numcheck.runs.check": ("check_catalog",),
    "numcheck.runs.examine": ("Sample", "examine_at"),
    "numcheck.runs.kernels": ("DIRECTIONS", "Kernel", "kernels_of", "lacking", "prepared"),
    "numcheck.runs.points": ("arguments_of", "decimal", "shown_again"),
    "numcheck.runs.search": ("Tested", "property_of", "sampled"),
    "numcheck.runs.stopwatch": ("why_not",),
    "numcheck.runs.sweep.plan": ("plan_of",),
    "numcheck.runs.sweep.run": ("Interrupted", "folder_of", "sweep_verdict", "swept"),
    "numcheck.runs.sweep.table": ("tabulate", "tabulate_own"),
    "numcheck.runs.switches": ("switched",),
    "numcheck.runs.verdict": ("verdict_of",),
    "numcheck.runs.workers": ("jobs", "prepare"),
}
_HOME = {name: module for module, names in _PAGE.items() for name in names}
__all__ = ["DIRECTIONS", "Interrupted", "Kernel", "Sample", "Tested", "Workload"]
__all__ += ["arguments_of", "benched", "check_catalog", "decimal", "examine_at", "folder_of", "jobs"]
__all__ += [
    "kernels_of",
    "lacking",
    "plan_of",
    "prepare",
    "prepared",
    "property_of",
    "sampled",
    "shown_again",
]
__all__ += ["sweep_verdict", "swept", "switched", "tabulate", "tabulate_own", "verdict_of", "why_not"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'numcheck.runs' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
