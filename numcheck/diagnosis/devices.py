"""Whether one routine gives the same on two devices, as far as its budgets allow: the CPU against CUDA.

Two results disagree where they lie farther apart than both budgets allow together. Were both within, each would lie
within its own budget of the truth, and so both within the sum of each other: where they disagree, one at least is over,
whatever the truth is. So a disagreement is no failure of its own and changes no verdict. It says of a failure that the
device makes it, and which device is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numcheck.declaration.words import Fate, Harm
from numcheck.diagnosis import fresh
from numcheck.diagnosis.questions import Question, Search, asked
from numcheck.diagnosis.regions import Seen, Where, complexity, region, simplest
from numcheck.domain import Points
from numcheck.measure import Judgement, Measurement, apart
from numcheck.reals.enclosures import PROVED, scaled


def disagreement(one: Judgement, other: Judgement) -> np.ndarray:
    """How far two devices' results lie apart, as a share of what both budgets allow together; for every number.

    Both are of one routine at the same points. More than 1 is a disagreement. The distance is the error of the one
    against the other, by the law of `measure.error`: anywhere between the one-sided derivatives at a kink is right.
    Results that are not both finite agree where they are the same, or both within their budgets (an infinity beside the
    largest number). 0 where the truth is not proved, for nobody can be over there.
    """
    a, b = one.got, other.got
    with np.errstate(all="ignore"):
        radius = scaled(one.truth.radius, one.truth.exponent - one.unit)
        allowed = one.allowed + scaled(other.allowed, other.unit - one.unit)
        share = apart(a, one.format, b, other.format, one.unit, radius) / allowed
    crashed = one.fate == Fate.CRASH, other.fate == Fate.CRASH
    share = np.where(np.isfinite(a) & np.isfinite(b), share, np.inf)
    share = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, share)
    share = np.where((one.fate == Fate.WITHIN) & (other.fate == Fate.WITHIN), 0.0, share)
    share = np.where(crashed[0] | crashed[1], np.where(crashed[0] & crashed[1], 0.0, np.inf), share)
    return np.where((one.truth.state == PROVED) & (other.truth.state == PROVED), share, 0.0)


REMEDY = "the devices order sums or evaluate functions differently: mend the one over its budget by its own findings"


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Where two devices disagree on a routine's value or gradient, told as a finding of the second."""

    one: Measurement
    measurement: Measurement
    points: int
    where: Where
    bits_lost: float
    """Leading bits in which the results differ at the worst point: log2 of their distance in ulps, at most all."""
    worst: int
    simplest: Points
    component: int
    """The output that the simplest point of a gradient is of; 0 for a formula with one."""
    cause: str = "device_disagreement"
    remedy: str = REMEDY
    loss = gap = coupled = None
    forgiven = False

    @property
    def region(self) -> str:
        """Where the devices disagree, in words."""
        return str(self.where)

    @property
    def harm(self) -> Harm:
        """What the worst point does to whoever uses the second device."""
        pairs = (m.judgement.got[self.worst] for m in (self.one, self.measurement))
        there, here = (bool(np.isfinite(got).all()) for got in pairs)
        return Harm.NOT_FINITE if there and not here else Harm.DIGITS


def compared(one: Sequence[Measurement], other: Sequence[Measurement]) -> Search[Disagreement | None]:
    """What is told of the points where a routine's measurements on two devices disagree; None where they agree.

    The sequences hold measurements of the same points, one for each size of the inputs.
    """
    pairs = zip(one, other, strict=True)
    shares = [disagreement(a.judgement, b.judgement).max(axis=1, initial=0.0) for a, b in pairs]
    count = sum(int((share > 1).sum()) for share in shares)
    if not count:
        return None
    gravest = max(range(len(shares)), key=lambda k: float(shares[k].max(initial=0.0)))
    share, a, b = shares[gravest], one[gravest], other[gravest]
    formula, format = a.routine.formula, a.format

    def differ(points: Points, component: np.ndarray) -> Search[Seen]:
        here, there = yield from asked([Question(measurement, points, component) for measurement in (a, b)])
        return Seen.of(here, np.where(disagreement(here.judgement, there.judgement).max(axis=1) > 1, 1, -1))

    seen = [Seen.of(part, np.where(each > 1, 1, -1)) for part, each in zip(one, shares, strict=True)]
    where = yield from region(formula, format, seen, differ)
    rows = np.flatnonzero(share > 1)
    held = where.holds(*fresh.chosen(seen[gravest].place, rows))
    rows = rows[held] if held.any() else rows
    worst = int(rows[np.argmax(share[rows])])
    anchor = int(rows[np.argmin(complexity(a.points.select(rows)))])
    component, place = int(a.component[anchor]), fresh.chosen(seen[gravest].place, [anchor])
    simple = yield from simplest(formula, place, where, differ, format)
    this, that = a.judgement, b.judgement
    key = [worst], [element(this, that, worst)]
    with np.errstate(all="ignore"):
        (steps,) = apart(this.got[key], this.format, that.got[key], that.format, this.unit[key], np.zeros(1))
    bits = float(min(np.log2(max(steps, 1.0)), this.format.precision))
    return Disagreement(a, b, count, where, bits, worst, simple, component)


def element(one: Judgement, other: Judgement, row: int) -> int:
    """The number of a point's results in which the devices differ most."""
    return int(np.argmax(disagreement(one, other)[row]))
