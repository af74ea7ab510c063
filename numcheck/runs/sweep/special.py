"""What a function gives at infinities, NaN, zeros and the smallest numbers, and what a row says of its behaviour.

What is right there is the formula's truth where it has one, NaN for NaN, and the limit where the formula has none at an
infinity or a pole; where there is no limit NaN is. A zero or an infinity has the sign of the truth next to it, if that
is known: so C's Annex F asks for expm1(-0.0) = -0.0 and 1/-inf = -0.0. Where that is not known either sign is right. A
gradient is asked for where there is a value.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.declaration.formulas import Routine
from numcheck.declaration.words import Of
from numcheck.domain import Points
from numcheck.reals.enclosures import INVALID, PROVED, Enclosure
from numcheck.runs.sweep.behaviour import looked_at
from numcheck.runs.sweep.largest import (
    Part,
    defined,
    known_in_doubles,
    result_of,
    settled,
    turns_of,
)
from numcheck.runs.sweep.plan import Plan
from numcheck.runs.sweep.run import truths
from numcheck.runs.sweep.summary import EMPTY, Summary, merged
from numcheck.truth import BATCH, hanging_on_signs

TOWARDS = (100, 200, 400, 700, 1000)
"""The powers of two along which a limit is looked for."""
GROWS = 1.5
"""What has a limit of zero or infinity shrinks or grows so much from one of them to the next."""
CLOSE = 4
"""Ulps up to which a result at a special input is the truth."""
SUBNORMALS = 512
"""Subnormal inputs of each sign that tell whether such are taken for zeros."""


def special(plan: Plan, routine: Routine, part: Part) -> dict[str, dict[str, Any]]:
    """For each special input the result there, what is right, and whether it is."""
    format = plan.format
    tiny, most = format.smallest_subnormal, format.largest
    inputs = {"inf": torch.inf, "-inf": -torch.inf, "nan": torch.nan, "0": 0.0, "-0": -0.0}
    inputs |= {"tiny": tiny, "-tiny": -tiny}
    got = _given(plan, routine, part, list(inputs.values()))
    beside = {"inf": most, "-inf": -most, "0": tiny, "-0": -tiny}
    found: dict[str, dict[str, Any]] = {}
    for name, x, result in zip(inputs, inputs.values(), got, strict=True):
        told = expected(plan, part, x, beside.get(name))
        shown = " or ".join(dict.fromkeys(_shown(one) for one in told))
        right: bool | None = any(_is(plan, result, one, either=part.of is Of.GRAD) for one in told)
        if (
            part.of is Of.GRAD
            and x == x
            and np.isnan(expected(plan, Part(Of.VALUE), x, beside.get(name))).all()
        ):
            shown, right = "no value", None
        found[name] = {"result": _shown(result), "exact": shown, "right": right}
    return found


def expected(plan: Plan, part: Part, x: float, beside: float | None) -> list[float]:
    """What is right at an input, of which `beside` is the number of the format next to it, on the finite side.

    Several numbers where more than one is right.
    """
    if np.isnan(x):
        return [np.nan]
    point = _points(plan, [x])
    truth = settled(plan, part, point)
    value = float(truth.nearest()[0])
    if truth.state[0] == INVALID:
        found = [np.nan] if beside is None else _limit(plan, part, x)
        if x == 0 and np.isnan(found).all():
            # the other zero's, of either sign: where the function ends there is one side
            other = _limit(plan, part, -x)
            found = [*other, *(-one for one in other)] if np.isinf(other).all() else found
        return found
    if truth.state[0] != PROVED or truth.radius[0] > abs(truth.high[0]) * 2.0**-4 > 0:
        low, high = (float(truth.high[0] + sign * truth.radius[0]) for sign in (-1, 1))
        return [float(np.ldexp(end, int(truth.exponent[0]))) for end in (low, high)]
    if beside is None or (value != 0 and np.isfinite(value)):
        return [value]
    next_to = settled(plan, part, _points(plan, [beside]))
    if next_to.state[0] == PROVED and next_to.radius[0] < abs(next_to.high[0]):
        return [float(np.copysign(value, next_to.high[0]))]
    signs = hanging_on_signs(plan.formula, point, part.of, np.zeros(1, dtype=np.int64))
    return [value, -value] if signs.size or value == 0 else [value]


def _limit(plan: Plan, part: Part, x: float) -> list[float]:
    """The limit at zero or an infinity, as far as powers of two on the way there tell it; NaN where they tell none."""
    way = [2.0 ** (power if np.isinf(x) else -power) for power in TOWARDS]
    points = _points(plan, [float(np.copysign(size, x)) for size in way], torch.float64)
    truth = settled(plan, part, points)
    if (truth.state != PROVED).any():
        return [np.nan]
    last = _rounded(plan, truth)[2:]
    if (last == last[0]).all():
        signed = last[0] != 0 or truth.radius[-1] < abs(truth.high[-1])
        return [float(last[-1])] if signed else [0.0, -0.0]
    with np.errstate(all="ignore"):  # by the exponents, which are told however far beyond float64 they are
        steps = np.diff(truth.exponent.astype(np.float64) + np.log2(np.abs(truth.high)))
    sign = np.sign(truth.high)
    if (sign == sign[0]).all() and (steps >= np.log2(GROWS)).all():
        return [float(sign[0] * np.inf)]
    if (sign == sign[0]).all() and (steps <= -np.log2(GROWS)).all():
        return [float(np.copysign(0.0, sign[0]))]
    return [np.nan]


def _is(plan: Plan, result: float, right: float, either: bool) -> bool:
    """Whether a result is what is right, a zero with its sign unless `either` is; nonzero numbers nearly."""
    if np.isnan(right) or np.isnan(result):
        return bool(np.isnan(right) and np.isnan(result))
    wanted = float(plan.format.round(torch.tensor([right], dtype=torch.float64))[0])
    if wanted == 0 or (result == 0 and abs(right) >= plan.format.smallest_subnormal):
        return result == wanted and (either or np.signbit(result) == np.signbit(wanted))
    if np.isinf(wanted) or np.isinf(result):
        return result == wanted
    return abs(result - right) <= CLOSE * float(
        plan.format.ulp(torch.tensor([right], dtype=torch.float64))[0]
    )


def _shown(number: float) -> str:
    return f"{number:.9g}"


def _points(plan: Plan, numbers: Sequence[float], dtype: torch.dtype | None = None) -> Points:
    (name,) = plan.formula.inputs
    column = torch.tensor(numbers, dtype=torch.float64).to(dtype or plan.format.dtype)
    return Points({name: column}, np.full(len(numbers), "given"))


def _given(plan: Plan, routine: Routine, part: Part, numbers: Sequence[float]) -> list[float]:
    """What the routine gives for these numbers, in a call of a batch's length."""
    whole = np.resize(np.array(numbers), BATCH)
    got = result_of(plan, routine, part, _points(plan, whole.tolist()))
    return [float(x) for x in got[: len(numbers)].double()]


def _rounded(plan: Plan, truth: Enclosure) -> np.ndarray:
    return plan.format.round(torch.from_numpy(truth.nearest())).double().numpy()


# Subnormal inputs, and the borders of batches ---------------------------------------------------------------------


def flushed_inputs(plan: Plan, routine: Routine, part: Part) -> dict[str, int]:
    """How many subnormal inputs are taken for zeros, and how many are not, where the truth tells them apart."""
    format = plan.format
    many = (1 << (format.precision - 1)) - 1
    places = np.unique(np.linspace(1, many, SUBNORMALS).astype(np.int64))
    sizes = [format.value_of(int(place)) for place in places]
    counts = {"flushed": 0, "kept": 0}
    for sign in (1.0, -1.0):
        numbers = [sign * size for size in sizes]
        points, zero = _points(plan, numbers), _points(plan, [sign * 0.0])
        truth, at_zero = settled(plan, part, points), settled(plan, part, zero)
        if at_zero.state[0] != PROVED:
            continue
        base = torch.from_numpy(at_zero.nearest())
        apart = np.abs(truth.nearest() - base.numpy()) >= format.ulp(base).numpy()
        differs = (truth.state == PROVED) & apart
        got = np.array(_given(plan, routine, part, [sign * 0.0, *numbers]))
        flushed = differs & (got[1:] == got[0])
        counts["flushed"] += int(flushed.sum())
        counts["kept"] += int(differs.sum() - flushed.sum())
    return counts


def turned_at_borders(plan: Plan, routine: Routine, part: Part) -> Summary:
    """The turns from the last point of a batch to the first of the next one, which no batch sees."""
    found, size = EMPTY, plan.space.size
    firsts = np.arange(BATCH - 1, size - 1, BATCH)
    for begin in range(0, len(firsts), BATCH // 2):
        some = firsts[begin : begin + BATCH // 2]
        numbers = np.stack([some, some + 1], axis=1).ravel()
        points = plan.space.at(np.resize(numbers, BATCH))
        limits = defined(plan, part)
        inside = torch.from_numpy((numbers >= limits.start) & (numbers < limits.stop))
        if not inside.any():
            continue
        known = known_in_doubles(plan, part, points, truths(plan).of(points), 0, inside)
        turned, got = turns_of(plan, known), result_of(plan, routine, part, points)[: len(numbers)]
        assert turned is not None
        wrong: Tensor = turned(got)[::2]
        told = looked_at(wrong, 0, 0)
        if told.error is not None:
            told = replace(told, error=told.error._replace(point=int(some[told.error.point])))
        found = merged(found, told)
    return found
