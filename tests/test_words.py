"""Every word of a formula: where it has a value and slopes, in each arithmetic, and that the arithmetics agree."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB, is_infinite
from numcheck.reals.arrays import Reals
from numcheck.reals.ball64 import BALL64, Balls
from numcheck.reals.ball64.balls import is_told
from numcheck.reals.evaluation import Wanted, evaluate
from numcheck.reals.mp import CONTEXT, MP
from numcheck.reals.precision import precision

# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(3, settings.default.max_examples // 30))

WORDS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{
        name: (1, getattr(m, name))
        for name in (
            "abs exp expm1 log log1p log2 rsqrt sign sqrt asinh atan atanh cos cosh sin sinh tan tanh"
            " digamma erf erfc lgamma"
        ).split()
    },
    **{name: (2, getattr(m, name)) for name in "atan2 maximum minimum xlogy".split()},
    "power": (2, lambda x, y: x**y),
    "quotient": (2, lambda x, y: x / y),
    "cube of an inverse": (1, lambda x: x**-3),
    "norm": (2, lambda x, y: m.norm(m.stack([x, y]))),
    "clamp": (2, lambda x, y: m.clamp(x, -1, y)),
    "sort": (2, lambda x, y: m.sort(m.stack([x, y]))[0]),
}
"""Words of numbers, with how many they take."""


def special(count: int) -> Any:
    """Doubles where functions have their ends, poles and jumps, and any others, inside of domains and out."""
    ends = [0.0, 0.5, 1.0, 1 + 2**-52, 1 - 2**-53, 1.5, 2.0, 3.0, 7.25, 1e-300, 1e-40, 5e-324, 1e30, 1e300]
    some = st.sampled_from([sign * end for end in ends for sign in (1, -1)]) | st.floats(-9, 9)
    return st.lists(
        st.tuples(*[some | st.floats(allow_nan=False, allow_infinity=False)] * count), min_size=2, max_size=8
    )


def numbers(arithmetic: Any, data: Any) -> np.ndarray:
    """Where an array holds proved numbers, or infinities."""
    if isinstance(data, Balls):
        return is_told(data).broadcast_to(data.shape).numpy()
    if arithmetic is MP:
        return ~np.frompyfunc(CONTEXT.isnan, 1, 1)(data).astype(bool)
    return np.frompyfunc(lambda x: x.is_finite() or is_infinite(x), 1, 1)(data).astype(bool)


def forgives(arithmetic: Any, terms: Any) -> np.ndarray:
    """Where conditioning terms are known and not zero."""
    if isinstance(terms, Balls):
        return numbers(arithmetic, terms) & (terms.high != 0).numpy()
    return np.asarray(terms != 0) if arithmetic is ARB else numbers(arithmetic, terms) & (terms != 0)


def evaluated(arithmetic: Any, function: Callable[..., Any], points: list[tuple[float, ...]]) -> Any:
    """(value, its conditioning) and (gradient, its conditioning) of a function at points."""
    columns = np.array(points, dtype=np.float64).T
    names = [f"x{i}" for i in range(len(columns))]
    lifts = [torch.from_numpy(column.copy()) if arithmetic is BALL64 else column for column in columns]
    inputs = [Reals(arithmetic, arithmetic.lift(column), None, True) for column in lifts]
    component = np.zeros(1, dtype=np.int64)
    arguments = dict(zip(names, inputs, strict=True))
    return evaluate(function, arguments, names, names, len(points), component, Wanted(True, True))


ARITHMETICS = pytest.mark.parametrize("arithmetic", [ARB, BALL64, MP], ids=["arb", "ball64", "mp"])
BUILT_ON: dict[str, Callable[[Reals, Any], Reals]] = {
    "alone": lambda word, x: word,
    "scaled": lambda word, x: 3 * word - 1,
    "beside a number": lambda word, x: word + x,
    "beside a branch that is not taken": lambda word, x: word + m.where(x == x, 0, x),
    "under a root": lambda word, x: m.sqrt(word),
    "second of two": lambda word, x: m.stack([word, x]),
}


@ARITHMETICS
@pytest.mark.parametrize("name", WORDS)
@SHARED
@given(data=st.data())
def test_a_slope_and_conditioning_exist_only_where_the_value_does(
    name: str, arithmetic: Any, data: st.DataObject
) -> None:
    count, word = WORDS[name]
    points = data.draw(special(count))
    for around in BUILT_ON.values():
        with precision(200):
            (value, forgiven), (slope, curved) = evaluated(
                arithmetic, lambda *x, around=around: around(word(*x), x[0]), points
            )
        there = numbers(arithmetic, value).reshape(len(points), -1)
        sloping = numbers(arithmetic, slope)
        assert not (sloping & ~there[:, :1]).any()
        for terms, of in ((forgiven, there), (curved, sloping)):
            assert not (forgives(arithmetic, terms).reshape(of.shape) & ~of).any()


@pytest.mark.parametrize("program", [m.log, lambda x: m.log(x) + 2 * x, lambda x: m.stack([m.log(x), 3 * x])])
def test_a_function_that_is_undefined_is_flat_in_no_input(program: Callable[..., Any]) -> None:
    """Neither in what it does not depend on, nor where no branch leads."""
    for arithmetic in (ARB, BALL64, MP):
        with precision(200):
            both = [(-1.0, 5.0), (2.0, 5.0)]
            _, (slope, _) = evaluated(arithmetic, lambda x, y: program(x) + m.where(x > 9, y, 0), both)
        assert numbers(arithmetic, slope).tolist() == [[False, False], [True, True]]


def test_another_output_that_is_undefined_takes_no_slope_away() -> None:
    points = [(-1.0,), (-2.0,)]
    for arithmetic in (ARB, BALL64, MP):
        with precision(200):
            (value, forgiven), (slope, _) = evaluated(
                arithmetic, lambda x: m.stack([3 * x, m.log(x)]), points
            )
        assert numbers(arithmetic, value).tolist() == [[True, False]] * 2
        assert numbers(arithmetic, slope).all()
        if arithmetic is ARB:
            assert forgiven.tolist() == [[3, 0], [6, 0]]


def test_infinite_slopes_are_told_at_the_ends_of_a_root_and_forgive_nothing() -> None:
    with precision(200):
        (_, forgiven), (slope, curved) = evaluated(ARB, m.sqrt, [(0.0,), (4.0,)])
    assert float(slope[0, 0]) == math.inf and float(slope[1, 0]) == 0.25
    assert forgiven.tolist() == [0, 1] and curved.tolist() == [[0], [0.125]]
