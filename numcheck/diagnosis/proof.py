"""The proof that a routine's code is wrong: executed exactly, at its own input, it misses the truth too.

The code runs in exact arithmetic (`operators.execute`) at 128 bits, and at more where balls are too wide to tell. What
comes out is compared with the truth's own enclosure, so that neither a rounding nor the end of a range has a part in
it. Where formula and rounding both have a part in an error, the greater part names the cause. Where an operator has no
exact rule, or a comparison stays undecided, nothing is proved.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from flint import arb

from numcheck.diagnosis.records import LANES, call_at
from numcheck.measure import Judgement, Measurement, by_settings, whole_vectors
from numcheck.operators import Executed, execute
from numcheck.reals.arb import is_infinite, is_undefined
from numcheck.reals.enclosures import PROVED, Enclosure
from numcheck.reals.precision import precision

BITS = (128, 512, 2048)
"""Beyond the last, (1 + x) ** (1 / x) of the smallest x of float32 is told, and no code of this kind that is not."""


def wrong_code(measurement: Measurement, rows: np.ndarray) -> np.ndarray:
    """Which of the rows are proved to be wrong because the code is: what it gives there in exact arithmetic is nearer
    to the failing result than half of the error, and so misses the truth by the greater part of it.
    """
    worst = measurement.judgement.worst
    found = np.zeros(len(rows), dtype=bool)
    for positions in by_settings(measurement.points, rows):
        for start in range(0, len(positions), LANES):
            left = positions[start : start + LANES]
            for bits in BITS:
                if not left.size:
                    break
                with precision(bits):
                    told = _executed(measurement, rows[left])
                    verdicts = list(_verdicts(measurement, rows[left], told)) if told else [False] * len(left)
                found[left] = [verdict is True for verdict in verdicts]
                left = left[[verdict is None for verdict in verdicts]]
    return found & np.isfinite(worst.got[rows])


def _executed(measurement: Measurement, rows: np.ndarray) -> Executed | None:
    call, component = call_at(measurement, rows[whole_vectors(len(rows))])
    try:
        return execute(*call, component=component)
    except Exception:  # an operator without an exact rule (InexactError), or whatever the routine itself raises
        return None


def _verdicts(measurement: Measurement, rows: np.ndarray, told: Executed) -> Iterator[bool | None]:
    """Of each row whether the code is wrong there; None where these balls are too wide to tell."""
    worst = measurement.judgement.worst
    for lane, row in enumerate(rows.tolist()):
        yield None if told.open[lane] else _verdict(
            told.numbers[lane, measurement.judgement.worst_element[row]], worst, row
        )


def _verdict(exact: Any, worst: Judgement, row: int) -> bool | None:
    """Whether exact code gives nearly what the routine gave, where that is wrong."""
    if not exact.is_finite():
        return False if is_infinite(exact) or is_undefined(exact) else None
    if np.isinf(worst.truth.high[row]):
        return True  # which no finite number is near to
    error, apart = abs(arb(float(worst.got[row])) - _ball(worst.truth, row)), abs(arb(float(worst.got[row])) - exact)
    return True if 2 * apart < error else False if 2 * apart >= error else None


def _ball(truth: Enclosure, row: int) -> Any:
    """The truth of a number as a ball."""
    if truth.state[row] != PROVED or not np.isfinite(truth.high[row]):
        return arb(0, arb.pos_inf())
    high, low, radius = (float(part[row]) for part in (truth.high, truth.low, truth.radius))
    return arb(arb(high) + arb(low), radius) * arb(2) ** int(truth.exponent[row])
