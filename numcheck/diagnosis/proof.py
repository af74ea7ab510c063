"""The proof that a routine's code is wrong: executed exactly, at its own input, it misses the truth too.

The code runs in exact arithmetic (`operators.execute`) at 256 bits, and at more where balls are too wide to tell. What
comes out is compared with the truth's own enclosure, so that neither a rounding nor the end of a range has a part in
it. Where formula and rounding both have a part in an error, the greater part names the cause. Where an operator has no
exact rule, or a comparison stays undecided, nothing is proved.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from numcheck.declaration.words import told_of
from numcheck.diagnosis.records import LANES, call_at
from numcheck.domain import spread
from numcheck.measure import Judgement, Measurement, by_settings, whole_vectors
from numcheck.operators import Executed, InexactError, execute
from numcheck.reals.arb import UNKNOWN, is_infinite, is_undefined
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.reals.precision import precision

BITS = (256, 2048)
"""Beyond the last, (1 + x) ** (1 / x) of the smallest x of float32 is told, and no code of this kind that is not."""

FEW = 64  # points that are executed first
EACH = 16  # operators for each of them, from which on the code goes through points one by one


@dataclass(eq=False)
class Proof:
    """Of some points whether the code is wrong there: YES, NO or UNDECIDED; where it gives a finite number in exact
    arithmetic, and about which, NaN where it was not asked; and why it could not be told.
    """

    states: np.ndarray
    finite: np.ndarray
    exact: np.ndarray
    why_not: str = ""

    @staticmethod
    def of(count: int) -> "Proof":
        """Of so many points nothing is known."""
        return Proof(np.full(count, UNDECIDED), np.zeros(count, dtype=bool), np.full(count, np.nan))


def wrong_code(measurement: Measurement, rows: np.ndarray) -> Proof:
    """Whether the rows are wrong because the code is: what it gives there in exact arithmetic is nearer to the failing
    result than half of the error, and so misses the truth by the greater part of it.

    Code that runs operators for each point by itself, in a loop of Python's, is executed at `FEW` points alone: where
    they all say the same they speak for the others.
    """
    proof = Proof.of(len(rows))
    for positions in by_settings(measurement.points, rows):
        few = positions[spread(len(positions), FEW)]
        others = np.setdiff1d(positions, few)
        took = _tell(proof, measurement, rows, few)
        if took <= EACH * len(few):
            for start in range(0, len(others), LANES):
                _tell(proof, measurement, rows, others[start : start + LANES])
        elif len(told := set(proof.states[few].tolist())) == 1:
            proof.states[others], proof.finite[others] = told.pop(), proof.finite[few].all()
        elif others.size:
            proof.why_not = "it runs operators for each point by itself, too many to execute exactly"
    return proof


def _tell(proof: Proof, measurement: Measurement, rows: np.ndarray, positions: np.ndarray) -> int:
    """Write down what exact arithmetic says at some of the rows; how many operators a run of them took."""
    left, took = positions, 0
    for bits in BITS:
        with precision(bits):
            told = _executed(measurement, rows[left])
            if isinstance(told, str):
                proof.why_not = told
                return took
            took = took or told.operators
            exact = _numbers(measurement, rows[left], told)
            proof.states[left] = [_verdict(x, measurement.judgement.worst, row) for x, row in exact]
            proof.finite[left] = [x.is_finite() for x, _ in exact]
            proof.exact[left] = [float(x.mid()) if x.is_finite() else np.nan for x, _ in exact]
        left = left[proof.states[left] == UNDECIDED]
        if not left.size:
            return took
    proof.why_not = f"it hangs on more than {BITS[-1]} bits"
    return took


def _executed(measurement: Measurement, rows: np.ndarray) -> Executed | str:
    """What the code gives exactly, or why it cannot be told."""
    call, component = call_at(measurement, rows[whole_vectors(len(rows))])
    try:
        return execute(*call, component=component)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an operator without an exact rule, or whatever the routine itself raises
        return told_of(error) if not isinstance(error, InexactError) else str(error)


def _numbers(measurement: Measurement, rows: np.ndarray, told: Executed) -> list[tuple[Any, int]]:
    """Of each row the exact number that stands for the one that speaks for it; unknown where a question stayed open."""
    numbers = told.numbers[np.arange(len(rows)), measurement.judgement.worst_element[rows]]
    numbers[told.open[: len(rows)]] = UNKNOWN
    return list(zip(numbers, rows.tolist(), strict=True))


def _verdict(exact: Any, worst: Judgement, row: int) -> int:
    """Whether exact code gives nearly what the routine gave, where that is wrong."""
    if not np.isfinite(worst.got[row]) or is_infinite(exact) or is_undefined(exact):
        return NO
    if not exact.is_finite():
        return UNDECIDED
    got = arb(float(worst.got[row]))
    error, apart = abs(got - _ball(worst.truth, row)), 2 * abs(got - exact)
    return YES if apart < error else NO if apart >= error else UNDECIDED


def _ball(truth: Enclosure, row: int) -> Any:
    """The truth of a number as a ball; to an infinity no number is near."""
    if truth.state[row] != PROVED:
        return UNKNOWN
    high, low, radius = (float(part[row]) for part in (truth.high, truth.low, truth.radius))
    return arb(arb(high) + arb(low), radius) * arb(2) ** int(truth.exponent[row])
