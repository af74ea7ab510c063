"""Float64 balls hold what Arb proves: every rule, at operands chosen to break it, and every formula of the catalogue.

Operands are drawn in batches from a seed: exponents from the subnormals to the largest, midpoints of one bit and of
all, low parts at the full half ulp, radii from nothing to more than the midpoint, numbers kept as logarithms. The
exact result at the ends, in the middle and elsewhere in the operands must lie in the result, unless that is unknown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numcheck.reals import arrays as m
from numcheck.reals import ball64
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import NO, UNDECIDED, YES, Reals
from numcheck.reals.ball64 import BALL64, Balls
from numcheck.reals.settle import precision

BITS = 2600  # holds every sum of a double and another one
LANES = 64
INF, NAN = math.inf, math.nan
seeds = st.integers(0, 2**32 - 1)
# The profile's examples, shared out where one test runs over a whole table.
SHARED = settings(max_examples=max(5, settings.default.max_examples // 10))

# Operands ---------------------------------------------------------------------------------------------------------


def numbers(random: np.random.Generator, exponents: np.ndarray) -> np.ndarray:
    """Doubles of these exponents: of one bit, of all bits, of a few and of any."""
    count = len(exponents)
    few = random.integers(1, 16, count) / 8
    some = np.stack([np.ones(count), np.full(count, 2 - 2.0**-52), few, 1 + random.random(count)])
    chosen = some[random.integers(0, 4, count), np.arange(count)]
    chosen = np.where(random.random(count) < 0.1, 1 + 2.0**-52, chosen)
    with np.errstate(all="ignore"):
        return np.ldexp(chosen, exponents) * random.choice([-1.0, 1.0], count)


def half_ulps(high: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        down = np.abs(high) - np.nextafter(np.abs(high), 0)
        return np.where(np.isfinite(high), down / 2, 0.0)


def drawn(
    seed: int, low: int = -1074, high: int = 1023, count: int = LANES, logarithms: bool = False
) -> Balls:
    """Adversarial balls whose midpoints have exponents between `low` and `high`."""
    random = np.random.default_rng(seed)
    middle = numbers(random, random.integers(low, high + 1, count))
    near_one = random.random(count) < 0.3
    middle = np.where(
        near_one, numbers(random, random.integers(max(low, -6), min(high, 6) + 1, count)), middle
    )
    middle = np.where(random.random(count) < 0.05, 0.0, middle)
    half = half_ulps(middle)
    share = np.stack(
        [np.zeros(count), np.ones(count), random.random(count), 2.0 ** -random.integers(0, 900, count)]
    )
    with np.errstate(all="ignore"):
        rest = (
            half * share[random.integers(0, 4, count), np.arange(count)] * random.choice([-1.0, 1.0], count)
        )
        sizes = np.stack(
            [
                np.zeros(count),
                np.abs(middle) * 2.0 ** -random.integers(1, 120, count),
                np.abs(middle) * random.random(count) * 2,
                np.abs(middle) * (1 - 2.0 ** -random.integers(1, 53, count)),
                np.full(count, 5e-324) * random.integers(1, 4, count),
                2.0 ** random.integers(-200, 3, count),
            ]
        )
    radius = sizes[random.integers(0, 6, count), np.arange(count)]
    radius = np.where(np.isfinite(radius), radius, 0.0)
    if logarithms:
        far = random.random(count) < 0.5
        size = random.choice([630.0, 639.0, 640.0, 641.0, 649.5, 650.5, 700.0, 1e5, 1e13, 1e30, 1e300], count)
        size = size * random.choice([1.0, 1 + 2.0**-30, 1 - 2.0**-52], count)
        logs = size * random.choice([-1.0, 1.0], count)
        spread = np.stack(
            [
                np.zeros(count),
                2.0 ** random.integers(-300, 3, count),
                size * 2.0 ** -random.integers(0, 60, count),
            ]
        )
        spread = spread[random.integers(0, 3, count), np.arange(count)]
        middle = np.where(far, np.copysign(INF, middle), middle)
        rest, radius = np.where(far, logs, rest), np.where(far, spread, radius)
    parts = [torch.from_numpy(part.astype(np.float64)) for part in (middle, rest, radius)]
    if not logarithms:  # what has no low part or radius takes ways of its own
        kind = int(random.integers(0, 4))
        if kind & 1:
            parts[1] = None  # type: ignore[call-overload]
        if kind & 2:
            parts[2] = None  # type: ignore[call-overload]
    return Balls(parts[0], parts[1], parts[2], logarithmic=logarithms)


def beside(seed: int, x: Balls) -> Balls:
    """Balls that nearly cancel those of `x`, or tie with them."""
    random = np.random.default_rng(seed)
    y = drawn(seed + 1, count=x.size, logarithms=x.logarithmic)

    def moved(part: np.ndarray) -> np.ndarray:
        for _ in range(2):
            next_one = np.nextafter(part, random.choice([-INF, INF], x.size))
            part = np.where((random.random(x.size) < 0.4) & np.isfinite(next_one), next_one, part)
        return part

    high, radius = x.high.numpy(), y.radius
    far = np.isinf(high)
    with np.errstate(over="ignore"):
        high = np.where(far, high * random.choice([-1.0, 1.0], x.size), moved(high))
        low = half_ulps(high) * random.choice([-1.0, 1.0, 0.5, 1 / 3, 0.0], x.size)
        if x.low is not None:
            low = np.where(
                far, moved(x.low.numpy()) + random.choice([0.0, 0.5, 1.0, 2.0, -3.0, 40.0], x.size), low
            )
    if radius is not None:
        radius = torch.where((radius < x.high.abs()) | y.high.isinf(), radius, 0.0)
    return Balls(torch.from_numpy(high), torch.from_numpy(low), radius, logarithmic=x.logarithmic)


# What the balls hold ----------------------------------------------------------------------------------------------

SHARES = (0, 1, -1, Fraction(1, 3))


def lane(x: Balls, i: int) -> tuple[float, float, float]:
    low, radius = (
        0.0 if part is None else float(part.broadcast_to(x.high.shape)[i]) for part in (x.low, x.radius)
    )
    return float(x.high[i]), low, radius


def point(x: Balls, i: int, share: Any) -> Any:
    """A number in the ball: its middle, an end or between; None where the ball is unknown."""
    high, low, radius = lane(x, i)
    share = arb(Fraction(share).numerator) / Fraction(share).denominator
    if x.logarithmic and math.isinf(high):
        size = (arb(low) + share * arb(radius)).exp()
        return size if high > 0 else -size
    if not all(math.isfinite(part) for part in (high, low, radius)):
        return None
    return arb(high) + arb(low) + share * arb(radius)


def holds(x: Balls, i: int, exact: Any) -> bool:
    """Whether the ball may be right: it is unknown, or nothing proves that `exact` lies outside."""
    high, low, radius = lane(x, i)
    if math.isnan(high) or not (math.isfinite(low) and math.isfinite(radius)):
        return True
    if math.isinf(high):
        if not x.logarithmic:
            return True  # overflowed, and unknown
        if not exact.is_finite() or exact == 0 or (exact > 0) != (high > 0):
            return False
        return not abs(abs(exact).log() - arb(low)) > arb(radius)
    return bool(exact.is_finite()) and not abs(exact - arb(high) - arb(low)) > arb(radius)


def is_known(x: Balls, i: int) -> bool:
    high, low, radius = lane(x, i)
    return (
        (math.isfinite(high) or (x.logarithmic and math.isinf(high)))
        and math.isfinite(low)
        and math.isfinite(radius)
    )


def assert_holds(got: Balls, exact: Callable[..., Any], *operands: Balls) -> int:
    """The exact results over the operands lie in `got`; how many lanes told anything."""
    known = 0
    got = got.each(lambda part: part.broadcast_to(operands[0].high.shape))
    with precision(BITS):
        for i in range(operands[0].size):
            if not is_known(got, i):
                continue
            known += 1
            for shares in zip(SHARES, SHARES[::-1], strict=True):
                points = [point(x, i, share) for x, share in zip(operands, shares, strict=False)]
                told = [lane(x, i) for x in operands]
                assert all(p is not None for p in points), f"{lane(got, i)} told of unknown {told}"
                want = exact(*points)
                assert holds(got, i, want), f"{lane(got, i)} at {shares} of {told}: {want.str(40)}"
    return known


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "maximum": lambda x, y: x.max(y),
    "minimum": lambda x, y: x.min(y),
}
UNARY: dict[str, tuple[int, int]] = {
    "neg": (-1074, 1023),
    "abs": (-1074, 1023),
    "exp": (-1074, 10),
    "expm1": (-1074, 10),
    "log": (-1074, 1023),
    "log1p": (-1074, 1023),
    "sqrt": (-1074, 1023),
    "rsqrt": (-1074, 1023),
    "sin": (-1074, 10),
    "cos": (-1074, 10),
    "atan": (-1074, 110),
    "sinh": (-1074, 10),
    "cosh": (-1074, 10),
    "tanh": (-1074, 10),
    "asinh": (-1074, 600),
    "atanh": (-1074, 0),
    "erf": (-1074, 5),
    "erfc": (-1074, 5),
    "lgamma": (-20, 20),
    "digamma": (-20, 20),
    "times_pi": (-1074, 1023),
}


def arb_one(name: str) -> Callable[[Any], Any]:
    return lambda x: ARB.unary(name, np.array([x], dtype=object))[0]


@pytest.mark.parametrize("logarithms", [False, True], ids=["plain", "logarithms"])
@pytest.mark.parametrize("name", BINARY)
@SHARED
@given(seed=seeds)
def test_every_operation_on_two_balls_holds_the_exact_result(name: str, logarithms: bool, seed: int) -> None:
    x = drawn(seed, logarithms=logarithms)
    for y in (drawn(seed + 1), beside(seed, x), drawn(seed + 1, logarithms=logarithms)):
        assert_holds(BALL64.binary(name, x, y), BINARY[name], x, y)
        assert_holds(BALL64.binary(name, y, x), BINARY[name], y, x)


@pytest.mark.parametrize("logarithms", [False, True], ids=["plain", "logarithms"])
@pytest.mark.parametrize("name", UNARY)
@SHARED
@given(seed=seeds)
def test_every_function_of_a_ball_holds_the_exact_value(name: str, logarithms: bool, seed: int) -> None:
    x = drawn(seed, *UNARY[name], logarithms=logarithms)
    assert_holds(BALL64.unary(name, x), arb_one(name), x)
