"""What is mutated, and by which tests each room is judged. The one place to edit where code or tests move."""

from dataclasses import dataclass, field
from typing import Any

SETTLE, TRUTH, MEASURE = "numcheck.reals.settle", "numcheck.truth", "numcheck.measure"


@dataclass(frozen=True)
class Room:
    """Functions, methods and constants of modules, and the test files that must notice any change in them.

    Of a function that does much beside judging, `only` names words: lines that hold none of them are left alone.
    """

    targets: dict[str, str]
    tests: tuple[str, ...]
    only: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


ROOMS = {
    "enclosures": Room(
        {
            SETTLE: "TOLERANCE KEPT _extreme_parts _scaled _stored _pairs _brought_near_one enclosure "
            "enclosure_of_float64 contradiction ulp_exponent binade narrow negligible no_longer_narrows "
            "precisions Enclosure.nearest",
            TRUTH: "LOOSE _settle_group _tight forgiven_by_all _at_all_elements _lower_end _in_arb",
        },
        ("test_settle.py", "test_enclosures.py", "test_truth.py"),
    ),
    "measuring": Room(
        {
            MEASURE: "in_units in_ulps judge _fates _rounds_to_infinity _wrong_zeros _decided _sharpened tally "
            "_GRAVITY Judgement.worst_element Judgement.of_points",
            "numcheck.prefilter": "_plain",
            "numcheck.agreement": "disagreement",
        },
        ("test_measure.py", "test_judge.py"),
    ),
    "verdicts": Room(
        {
            "numcheck.suite": "UNRESOLVED _mark_stale verdict",
            "numcheck.entry": "entry_of",
            "numcheck.search": "covered_by Examined.in_doubt Examined.passed",
            "numcheck.sweeps": "verdict",
            "numcheck.case": "FAILING Gap.covers",
            "numcheck.cli": "WRONG_USAGE INTERRUPTED run check",
        },
        ("test_verdicts.py",),
        {
            "entry_of": ("gap", "applicable", "covered", "struck", "reasons", "fate"),
            "check": ("code", "verdict", "interrupted"),
        },
    ),
}

NEIGHBOURS: dict[str, str] = {
    "PROVED": "INVALID",
    "INVALID": "UNRESOLVED",
    "UNRESOLVED": "PROVED",
}
"""Members of enumerations that are plain names, and what each is exchanged for."""


def enumerations() -> tuple[Any, ...]:
    """Enumerations whose members are exchanged for the next one."""
    from numcheck.case import Cause, Fate

    return Fate, Cause
