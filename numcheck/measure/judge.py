"""The fate of every number that a routine gave, against proved truths and under its budget."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from numcheck.declaration.budgets import LARGEST, Budget
from numcheck.declaration.words import Fate, Of
from numcheck.formats import Format
from numcheck.measure.error import WIDE, errors, rounds_to_infinity
from numcheck.measure.execute import Given
from numcheck.reals.enclosures import (
    INVALID,
    PROVED,
    TOLERANCE,
    Enclosure,
    binade,
    largest_ulp_exponent,
    negligible,
    scaled,
    ulp_exponent,
)
from numcheck.truth import Half, forgiven_by_all


@dataclass(frozen=True, eq=False)
class Judgement:
    """Error, share of the budget and fate, for every number that a routine gave; shape (N, numbers per point).

    `error` is in ulps of the format at the truth, `allowed` the budget in the same unit, `forgiven` its second term.
    `margin` is how much of `spent` the truth's own radius leaves open.
    """

    got: np.ndarray
    truth: Enclosure
    error: np.ndarray
    allowed: np.ndarray
    forgiven: np.ndarray
    spent: np.ndarray
    margin: np.ndarray
    fate: np.ndarray
    unit: np.ndarray
    """Exponent of the unit that error and allowance are counted in."""
    format: Format

    @functools.cached_property
    def worst_element(self) -> np.ndarray:
        """For each point, its element with the gravest fate, and among those the one that spent most."""
        gravest = self.fate == self.fate.max(axis=1, keepdims=True)
        return np.argmax(np.where(gravest, self.spent, -1.0), axis=1)  # which takes a NaN for the most

    @functools.cached_property
    def worst(self) -> "Judgement":
        """The one number that speaks for each point, its worst element: arrays of shape (N,)."""
        return self.select((np.arange(len(self.fate)), self.worst_element))

    def select(self, rows: np.ndarray | tuple[np.ndarray, np.ndarray]) -> "Judgement":
        """At some of the points."""
        names = self.__dataclass_fields__.keys() - {"format"}
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def with_rows(judged: Judgement, rows: np.ndarray, other: Judgement) -> Judgement:
    """The judgement with that of another run in place of its own at some rows; `other` is of these."""
    names = judged.__dataclass_fields__.keys() - {"format", "truth"}
    parts = {name: getattr(judged, name).copy() for name in names}
    truth = judged.truth.copy()
    truth.put(rows, other.truth)
    for name, numbers in parts.items():
        numbers[rows] = getattr(other, name)
    return replace(judged, truth=truth, **parts)


_MOST_LENIENT = Budget(LARGEST, LARGEST, coupled=True)


def judge(
    of: Of, given: Given, half: Half, budget: Budget, components: int, crashes: Mapping[int, str]
) -> Judgement:
    """The fate of every number that a routine gave of one half, against its proved truths.

    A zero of the value has to carry the sign of a truth too small for the format, where the budget is less than an ulp:
    a wider one reaches across zero anyway. A gradient cannot promise that: autograd adds up parts, and IEEE addition
    turns -0 + 0 into +0.
    """
    format, count = given.format, len(given.numbers)
    got = given.numbers.reshape(count, -1)
    truth = half.exact.reshaped(got.shape)
    conditioning = half.conditioning.reshape(got.shape)
    exponent = ulp_exponent(truth, format)
    if budget.coupled:
        exponent = np.broadcast_to(largest_ulp_exponent(truth, format), exponent.shape)
    with np.errstate(all="ignore"):
        error, radius = errors(got, truth, exponent, format)
        wide = ~(radius <= WIDE)
        forgiven = (budget.cond + (components if budget.gamma else 0)) * format.unit_roundoff * conditioning
        forgiven = np.fmax(scaled(forgiven, -exponent), 0.0)
        allowed = budget.ulps + forgiven
        spent = np.where(error == 0, 0.0, error / allowed)
        interval = wide
        if wide.any():
            # a ball around zero is no interval, however lenient the budgets that it was settled for
            most = forgiven_by_all([_MOST_LENIENT], truth, conditioning, format)
            interval = wide & ~negligible(truth, most, TOLERANCE)
        margin = np.where(interval | (radius == 0), 0.0, radius / allowed)
    fate = _fates(got, truth, spent, format)
    if of is Of.VALUE:
        fate[_wrong_zeros(got, truth, format) & ~wide & (spent <= 1) & (allowed < 1)] = Fate.SPECIAL
    lost, unjudged = ~np.isfinite(got) & (fate != Fate.WITHIN), truth.state != PROVED
    for share in spent, error:
        share[lost], share[unjudged] = np.inf, 0.0
    for i in crashes:
        fate[i], spent[i], error[i] = Fate.CRASH, np.inf, np.inf
    return Judgement(got, truth, error, allowed, forgiven, spent, margin, fate, exponent, format)


def _fates(got: np.ndarray, truth: Enclosure, spent: np.ndarray, format: Format) -> np.ndarray:
    """The fate of each number, the later rule before the earlier.

    An infinity is within where the truth rounds to it. Just below, it has been measured as the power of two after the
    largest number: within if the budget reaches so far, else an overflow.
    """
    fate = np.full(got.shape, Fate.WITHIN, np.int8)
    over = ~(spent <= 1)  # a share that is no number is over, too
    infinite = np.isinf(got)
    if over.any():
        normal = binade(truth) >= format.min_exponent
        fate[over] = Fate.OVER
        fate[over & normal & (np.abs(got) < format.smallest_normal)] = Fate.UNDERFLOW
        fate[over & infinite] = Fate.OVERFLOW
        fate[over & infinite & rounds_to_infinity(truth, format)] = Fate.SPECIAL  # of the wrong sign
    fate[np.isinf(truth.high) & ~infinite] = Fate.SPECIAL
    fate[np.isnan(got)] = Fate.SPECIAL
    fate[truth.state == INVALID] = Fate.INVALID
    fate[truth.state > INVALID] = Fate.UNRESOLVED
    return fate


def _wrong_zeros(got: np.ndarray, truth: Enclosure, format: Format) -> np.ndarray:
    """Zeros of the wrong sign, where the truth's sign is known and it rounds to zero itself."""
    half = (
        format.min_exponent - format.precision
    )  # the exponent of half the smallest subnormal, which rounds to zero
    tie = (truth.exponent == half + 1) & (np.abs(truth.high) == 0.5) & (truth.low == 0) & (truth.radius == 0)
    tiny = (truth.exponent <= half) | tie
    known = (truth.high != 0) & (truth.radius < np.abs(truth.high))
    return (got == 0) & known & tiny & (np.signbit(got) != np.signbit(truth.high))
