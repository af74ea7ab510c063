"""Points side by side: which of them a formula takes in one batch, and what it is given and asks there.

A formula may branch on an input from `one_of` or `index`. So points stand apart by every choice, but for choices that
the formula takes side by side (`kindred`), because it uses them as numbers only.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from numcheck.declaration.formulas import Formula
from numcheck.domain import Points, continuous, discrete, listed
from numcheck.formats import format_of
from numcheck.reals.arb import ARB
from numcheck.reals.arithmetic import Arithmetic
from numcheck.reals.arrays import Reals, VariesError, constant
from numcheck.reals.evaluation import Evaluation, Wanted, evaluate
from numcheck.reals.precision import START, precision

Kin = Mapping[str, Mapping[Any, Any]]
"""For discrete inputs, of each choice the one with which it shares a batch."""


def groups(formula: Formula, points: Points, kin: Kin = MappingProxyType({})) -> Iterator[np.ndarray]:
    """Indices of points that share every discrete choice, or choices that are kin."""
    keys: list[list[Any]] = []
    for name in discrete(formula.inputs):
        heads = kin.get(name, {})
        keys.append([heads.get(choice, choice) for choice in listed(points.columns[name])])
    if not keys:
        yield np.arange(len(points))
        return
    yield from map(np.array, alike(zip(*keys, strict=True)))


def alike(keys: Iterable[Hashable]) -> Iterable[list[int]]:
    """The places of each key."""
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return places.values()


def kindred(formula: Formula, points: Points) -> Kin:
    """Which numbers among an input's choices the formula takes side by side, because it branches on none of them.

    The formula itself is asked, at one of the points: two choices are kin where it answers both at once.
    """
    shapes = tuple(None if isinstance(c, tuple) else c.shape[1:] for c in points.columns.values())
    known = _known_kin(formula, shapes)
    for name in discrete(formula.inputs):
        met = known.setdefault(name, {})
        for choice in dict.fromkeys(listed(points.columns[name])):
            if choice not in met:
                point, heads = points.select([0]), dict.fromkeys(met.values())
                kin = (head for head in heads if _are_kin(formula, point, name, head, choice))
                met[choice] = next(kin, choice)
    return known


@cache
def _known_kin(formula: Formula, shapes: tuple[Any, ...]) -> dict[str, dict[Any, Any]]:
    """What `kindred` has found for points of these shapes, of the choices that it has met."""
    return {}


def _are_kin(formula: Formula, point: Points, name: str, one: Any, other: Any) -> bool:
    if not all(_is_number(choice) and float(choice) == choice for choice in (one, other)):
        return False  # a double has to hold them
    points = point.with_each(name, formula.inputs[name].column([one, other], format_of("float32")))
    try:
        with precision(START):
            formula(*lifted(formula, points, ARB, True).values())
    except VariesError:
        return False
    return True


def _is_number(choice: Any) -> bool:
    return isinstance(choice, int | float) and not isinstance(choice, bool)


def chunks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """`rows` in order, at most `size` at a time."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


LONG_POINT = 64
"""Numbers of a point up to which a batch counts its points; of longer ones fewer fill it."""


def fewer(size: int, formula: Formula, points: Points) -> int:
    """So many points as are worth what `size` points of a few numbers are: at least one."""
    columns = [points.columns[name] for name in continuous(formula.inputs)]
    numbers = sum(math.prod(c.shape[1:]) for c in columns if not isinstance(c, tuple))
    return max(1, size * LONG_POINT // max(LONG_POINT, numbers))


def lifted(formula: Formula, points: Points, arithmetic: Arithmetic, trace: bool) -> dict[str, Any]:
    """The formula's arguments for one group of points; a choice that they share is one number."""
    arguments: dict[str, Any] = {}
    for name, domain in formula.inputs.items():
        column = points.columns[name]
        if domain.discrete:
            choice, *others = dict.fromkeys(listed(column))
            if others:
                numbers = torch.as_tensor(column, dtype=torch.float64)
                arguments[name] = Reals(arithmetic, arithmetic.lift(numbers))
            else:
                arguments[name] = constant(arithmetic, choice) if _is_number(choice) else choice
        else:
            assert not isinstance(column, tuple)
            data = column.double() if domain.differentiable else column.long()
            arguments[name] = Reals(arithmetic, arithmetic.lift(data), None, trace and domain.differentiable)
    return arguments


def describe(point: Points) -> str:
    """The point as name=value text."""
    return ", ".join(
        f"{name}={column[0] if isinstance(column, tuple) else column[0].tolist()}"
        for name, column in point.columns.items()
    )


def evaluated(
    formula: Formula,
    arguments: Mapping[str, Any],
    lanes: int,
    component: np.ndarray,
    wanted: Wanted,
    arithmetic: Arithmetic,
) -> Evaluation:
    """What the formula has at `lifted` points; each one's `component` counts modulo the outputs."""
    counted = list(continuous(formula.inputs))
    return evaluate(formula, arguments, counted, formula.wrt, lanes, component, wanted, arithmetic)
