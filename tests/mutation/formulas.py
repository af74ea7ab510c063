"""The command that changes formulas: which mutants of each does the catalogue itself not notice?

`python -m tests.mutation.formulas [FORMULA...]`. A mutant is killed by a known value or a law of its own page, or by a
routine whose code, executed exactly, gave the formula's value at ordinary points and does not give the mutant's.
"""

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType, FunctionType

from numcheck.declaration.formulas import Formula
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.truth import expect_promises

from ..second_way import DIGITS, Second, apart, second_way
from .equivalents import argued
from .mutants import mutants

ARGUED = Path(__file__).with_name("equivalent_formulas.toml")
ENOUGH = 0.97
SECONDS = 30
"""A mutant whose truth takes longer than this is noticed."""
WORSE = 1000
"""So many times as far from what was executed as the formula itself is, a mutant says something else."""


class _LateError(Exception):
    pass


def mutants_of(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """What is changed in the formula's own text, and the formula that comes of it."""
    for mutant in mutants(formula.module, formula.name):
        names = formula.function.__globals__
        changed = FunctionType(mutant.code, names, formula.name, formula.function.__defaults__)
        yield mutant.change, replace(formula, function=changed)


def notices(changed: Formula, second: Second) -> bool:
    """Whether anything on the page contradicts the changed formula."""
    try:
        expect_promises(changed)
        return apart(changed, "value", second.ran) > max(10.0**-DIGITS, WORSE * second.apart)
    except (
        Exception
    ):  # a false promise, or whatever a mutant raises: the formula as it is has come through all of it
        return True


def main(*names: str) -> int:
    """Print what was killed and what survived; 0 where enough was killed, 2 where the formula as it is would be."""
    load_catalog()
    reasons = argued(ARGUED)
    made = [f for f in formulas().values() if f.module.startswith("numcheck.catalog.")]
    total = killed = 0

    def late(number: int, frame: FrameType | None) -> None:
        raise _LateError

    signal.signal(signal.SIGALRM, late)
    for formula in made:
        if names and formula.name not in names:
            continue
        second = second_way(formula, "value")
        signal.alarm(SECONDS)
        if notices(formula, second):
            print(f"{formula.name} contradicts its own page with nothing changed, or takes {SECONDS} s")
            return 2
        signal.alarm(0)
        for change, changed in mutants_of(formula):
            if (formula.name, change) in reasons:
                continue
            signal.alarm(SECONDS)
            dead = notices(changed, second)
            signal.alarm(0)
            total, killed = total + 1, killed + dead
            if not dead:
                print(f"survived: {formula.name}: {change}", flush=True)
    print(f"{killed} of {total} killed, {killed / max(total, 1):.1%}")
    return 0 if killed >= ENOUGH * total else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
