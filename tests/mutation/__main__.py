"""The command: which mutants of a room survive its tests."""

import os
import sys
import time
from collections import Counter

from .equivalents import argued, stale
from .mutants import Mutant
from .rooms import ROOMS
from .trial import run

ENOUGH = 0.97


def main(name: str, *functions: str) -> int:
    """Print what was killed and what survived; 0 where the tests are good enough and the list of equivalents fits."""
    started, reasons = time.perf_counter(), argued()
    again = "--argued" in functions
    functions = tuple(word for word in functions if word != "--argued")
    skipped: list[Mutant] = []

    def chosen(mutant: Mutant) -> bool:
        if functions and mutant.function not in functions:
            return False
        words = ROOMS[name].only.get(mutant.function)
        if words is not None and not any(word in mutant.source for word in words):
            return False
        if not again and (mutant.function, mutant.change) in reasons:
            skipped.append(mutant)
            return False
        return True

    def told(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    trial = run(ROOMS[name], chosen, told)
    if trial.problem is not None:
        print(trial.problem)
        return 2
    gone = stale(reasons)
    total, killed = Counter[str](), Counter[str]()
    survivors: list[Mutant] = []
    excused = skipped
    total.update(mutant.target for mutant in skipped)
    wrong: list[Mutant] = []
    for mutant, killer in trial.killers.items():
        equivalent = (mutant.function, mutant.change) in reasons
        if equivalent:
            (wrong if killer else excused).append(mutant)
        total[mutant.target] += 1
        killed[mutant.target] += killer is not None
        if killer is None and not equivalent:
            survivors.append(mutant)
    for target in total:
        print(f"{killed[target]:5} of {total[target]:4} {target}")
    for mutant in excused:
        print(f"equivalent: {mutant}: {reasons[mutant.function, mutant.change]}")
    for mutant in survivors:
        print(f"survived: {mutant}")
    for mutant in wrong:
        print(f"argued to be equivalent, but killed by {trial.killers[mutant]}: {mutant}")
    for entry in gone:
        print(f"argued of no mutant: {entry}")
    every = total.total()
    share = killed.total() / max(1, every - len(excused))
    print(
        f"{name}: {killed.total()} of {every} mutants killed, {len(excused)} argued equivalent, "
        f"{len(survivors)} survived: {share:.1%} "
        f"({trial.seconds:.0f} s of tests, {time.perf_counter() - started:.0f} s in all)"
    )
    return int(share < ENOUGH or bool(gone or wrong))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ROOMS:
        sys.exit(f"write a room: python -m tests.mutation {'|'.join(ROOMS)} [FUNCTION]...")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(*sys.argv[1:]))
