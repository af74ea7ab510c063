"""Truths that hang on the sign of a zero: what IEEE 754 has there counts as right, as far as it is proved.

A formula of reals knows one zero. A negative zero is what a negative number too small for the format rounds to; so what
the formula has for such a number is another right result, where IEEE arithmetic tells the two zeros apart and takes
that side: -pi for the angle of (-0.0, -1), minus infinity for the slope of a square root. So IEEE arithmetic says
whether the sign matters, and Arb proves the number, at a negative power of two far below every format. Where the truth
is infinite its size is proved already, and the sign is IEEE's: 1/sqrt(-0.0) is minus infinity, though no negative
number has a root.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from flint import arb

from numcheck.declaration.formulas import Formula
from numcheck.declaration.words import Of
from numcheck.domain import Points, continuous
from numcheck.formats import Format
from numcheck.reals.arb import ARB
from numcheck.reals.arithmetic import Arithmetic
from numcheck.reals.arrays import Reals
from numcheck.reals.enclosures import PROVED, TOLERANCE, Enclosure, enclosure, narrow
from numcheck.reals.evaluation import Wanted
from numcheck.reals.ieee import IEEE
from numcheck.reals.precision import START, precision, precisions
from numcheck.truth.batches import evaluated, groups, lifted

FAR_BELOW = 1 << 17
"""The power of two that stands for a number next to zero is 2**-FAR_BELOW, or its square."""
MOST_BITS = 1024  # a number beside zero that is not settled by then hangs on more than a sign
NEAR = 2.0**-20


def negative_zeros(formula: Formula, points: Points) -> np.ndarray:
    """The points at which a real input is a negative zero, or has one among its entries."""
    found = np.zeros(len(points), dtype=bool)
    for name in continuous(formula.inputs):
        column = points.columns[name]
        found |= _negative(column).reshape(len(points), -1).any(axis=1)
    return np.flatnonzero(found)


def _negative(column: Any) -> np.ndarray:
    """Where a column holds negative zeros; float8 has no operators, but all its numbers are float64's too."""
    wide = column.double()
    return np.asarray((wide == 0) & torch.signbit(wide))


def hanging_on_signs(formula: Formula, points: Points, of: Of, component: np.ndarray) -> np.ndarray:
    """Those of the points at which IEEE arithmetic has something else for the signs of zeros than without them."""
    rows = negative_zeros(formula, points)
    found = [
        rows[which[_hanging(formula, points.select(rows[which]), of, component[rows[which]])[1].any(axis=1)]]
        for which in groups(formula, points.select(rows))
    ]
    return np.sort(np.concatenate(found)) if found else rows


def _hanging(
    formula: Formula, points: Points, of: Of, component: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What IEEE has at points that share their choices, and which of these numbers hang on the sign of a zero."""
    both = Points.concatenate([points, _unsigned(formula, points)])
    try:
        with precision(START):
            here, plain = _in_ieee(formula, both, of, np.tile(component, 2)).reshape(2, len(points), -1)
    except (
        Exception
    ) as error:  # whatever a formula can do that float64 cannot follow: then nothing is confirmed
        logging.getLogger(__name__).debug("%s: %s", formula.name, error, exc_info=error)
        return np.full((len(points), 1), np.nan), np.zeros((len(points), 1), dtype=bool)
    alike = (here == plain) & (np.signbit(here) == np.signbit(plain))
    return here, ~alike & ~np.isnan(here)


def signed(
    formula: Formula, point: Points, truth: Enclosure, of: Of, component: int, format: Format
) -> Enclosure:
    """The truth of a half at one point, with what IEEE has for the signs of its zeros in place of what has another.

    Elements that do not hang on a sign, or of which it is not proved, stay as they are.
    """
    here, hangs = (part.reshape(truth.shape) for part in _hanging(formula, point, of, np.array([component])))
    found = truth.copy()
    infinite = hangs & np.isinf(truth.high) & np.isinf(here) & (truth.state == PROVED)
    found.high[infinite] = here[infinite]
    left = hangs & ~infinite & (truth.state == PROVED)
    for arguments in _beside_zero(formula, point) if left.any() else ():
        told = _proved(formula, arguments, of, component, format)
        if told is None:
            continue
        confirmed = (
            left & (told.state == PROVED) & narrow(told, format, TOLERANCE) & _alike(told.nearest(), here)
        )
        key = np.nonzero(confirmed)
        found.put(key, told[key])
        left &= ~confirmed
    return found


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (a == b) | (np.abs(a - b) <= NEAR * np.abs(a))  # infinities are alike by the first alone


def _unsigned(formula: Formula, point: Points) -> Points:
    """The point with positive zeros."""
    columns: dict[str, Any] = dict(point.columns)
    for name in continuous(formula.inputs):
        wide = columns[name].double()
        columns[name] = torch.where(wide == 0, 0.0, wide).to(columns[name].dtype)
    return Points(columns, point.origin, point.size)


def _half(
    formula: Formula, arguments: Mapping[str, Any], of: Of, component: np.ndarray, arithmetic: Arithmetic
) -> Any:
    wanted = Wanted(of is Of.GRAD, False)
    return evaluated(formula, arguments, len(component), component, wanted, arithmetic)[-1][0]


def _in_ieee(formula: Formula, point: Points, of: Of, component: np.ndarray) -> np.ndarray:
    arithmetic: Arithmetic = IEEE
    with np.errstate(all="ignore"):
        found = _half(formula, lifted(formula, point, arithmetic, True), of, component, arithmetic)
    return np.asarray(found, dtype=np.float64)


def _beside_zero(formula: Formula, point: Points) -> Iterator[dict[str, Any]]:
    """The formula's arguments with a negative number next to zero for each negative zero.

    Once all of one size, and once each input's far smaller than the others': of atan2(-0.0, -0.0) IEEE has the angle
    of a point on the negative axis.
    """
    signs: dict[str, np.ndarray] = {}
    for name in continuous(formula.inputs):
        negative = _negative(point.columns[name])
        if negative.any():
            signs[name] = negative
    for smaller in (None, *signs):
        arguments = lifted(formula, point, ARB, True)
        for name, negative in signs.items():
            reals: Reals = arguments[name]
            data = reals.data.copy()
            data[negative] = -arb((1, -FAR_BELOW * (2 if name == smaller else 1)))
            arguments[name] = Reals(ARB, data, None, reals.traced)
        yield arguments


def _proved(
    formula: Formula, arguments: Mapping[str, Any], of: Of, component: int, format: Format
) -> Enclosure | None:
    """The half beside zero, as narrow as it gets."""
    found = None
    for bits in precisions():
        if bits > MOST_BITS:
            break
        with precision(bits):
            found = enclosure(_half(formula, arguments, of, np.array([component]), ARB))
        if narrow(found, format, TOLERANCE).all():
            break
    return found
