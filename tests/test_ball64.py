"""Float64 balls hold what Arb proves: every rule, at operands chosen to break it, and every formula of the catalogue.

Operands are drawn in batches from a seed: exponents from the subnormals to the largest, midpoints of one bit and of
all, low parts at the full half ulp, radii from nothing to more than the midpoint, scales far apart. The
exact result at the ends, in the middle and elsewhere in the operands must lie in the result, unless that is unknown.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._inductor import config as inductor_config
from torch.fx.experimental.proxy_tensor import make_fx

from numcheck.declaration.formulas import Formula, formula_of
from numcheck.declaration.registry import formulas, load_catalog
from numcheck.domain import Points, real
from numcheck.formats import Format, format_of
from numcheck.reals import trust
from numcheck.reals import vocabulary as m
from numcheck.reals.arb import ARB
from numcheck.reals.arithmetic import NO, UNDECIDED, YES
from numcheck.reals.arrays import Reals
from numcheck.reals.ball64 import (
    BALL64,
    BOUNDS,
    EXPONENT_LIMIT,
    Balls,
    bounds,
    functions,
    operations,
    recording,
)
from numcheck.reals.ball64.balls import FLOOR
from numcheck.reals.enclosures import (
    PROVED,
    ContradictionError,
    contradiction,
    enclosure,
    enclosure_of_float64,
)
from numcheck.reals.evaluation import Wanted
from numcheck.reals.precision import precision
from numcheck.truth import FLOAT64, Truth, audit, describe, groups, settle, settling
from numcheck.truth.proofs import evaluate_chunk

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


def drawn(seed: int, low: int = -1074, high: int = 1023, count: int = LANES, scales: bool = False) -> Balls:
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
    parts: list[Tensor | None] = [
        torch.from_numpy(part.astype(np.float64)) for part in (middle, rest, radius)
    ]
    if not scales:  # what has no low part or radius takes ways of its own
        kind = int(random.integers(0, 4))
        parts[1] = None if kind & 1 else parts[1]
        parts[2] = None if kind & 2 else parts[2]
        return Balls(torch.from_numpy(middle), *parts[1:])
    sizes = [0.0, 1e-20, 1e-3, 1.5, 40.0, 649.5, 650.0, 650.5, 700.0, 1e5, 1e13, 1e30, 1e300]
    scale = random.choice(sizes, count) * random.choice([1.0, 1 + 2.0**-30, 1 - 2.0**-52], count)
    scale = torch.from_numpy(scale * random.choice([-1.0, 1.0], count))
    spread = random.choice([0.0, 1e-20, 2.0**-30, 0.7, 3.0, 1e9], count)
    return Balls(torch.from_numpy(middle), *parts[1:], scale=Balls(scale, None, torch.from_numpy(spread)))


def beside(seed: int, x: Balls) -> Balls:
    """Balls that nearly cancel those of `x`, or tie with them."""
    random = np.random.default_rng(seed)
    y = drawn(seed + 1, count=x.size, scales=x.scale is not None)

    def moved(part: np.ndarray) -> np.ndarray:
        for _ in range(2):
            with np.errstate(over="ignore"):
                next_one = np.nextafter(part, random.choice([-INF, INF], x.size))
            part = np.where((random.random(x.size) < 0.4) & np.isfinite(next_one), next_one, part)
        return part

    high, radius, scale = moved(x.high.numpy()), y.radius, x.scale
    low = half_ulps(high) * random.choice([-1.0, 1.0, 0.5, 1 / 3, 0.0], x.size)
    if radius is not None:
        radius = torch.where(radius < x.high.abs(), radius, 0.0)
    if scale is not None:
        apart = random.choice([0.0, 0.0, 2.0**-40, 0.5, 1.0, -3.0, 40.0, 700.0], x.size)
        scale = replace(scale, high=torch.from_numpy(moved(scale.high.numpy()) + apart))
    return Balls(torch.from_numpy(high), torch.from_numpy(low), radius, scale=scale)


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
    part = arb(Fraction(share).numerator) / Fraction(share).denominator
    if not all(math.isfinite(part) for part in (high, low, radius)):
        return None
    number = arb(high) + arb(low) + part * arb(radius)
    return number if x.scale is None else number * point(x.scale, i, -share).exp()


def holds(x: Balls, i: int, exact: Any) -> bool:
    """Whether the ball may be right: it is unknown, or nothing proves that `exact` lies outside."""
    if not is_known(x, i):
        return True
    high, low, radius = lane(x, i)
    if x.scale is None:
        return bool(exact.is_finite()) and not abs(exact - arb(high) - arb(low)) > arb(radius)
    scale, _, spread = (arb(part) for part in lane(x.scale, i))
    scale += arb(lane(x.scale, i)[1])
    # some number of the scale goes with some number of the rest
    ends = [abs(exact) / (scale + side * spread).exp() for side in (-1, 1)]
    sign = 1 if exact > 0 else -1
    ball = [sign * (arb(high) + arb(low)) + side * arb(radius) for side in (-1, 1)]
    return bool(exact.is_finite()) and not (min(ends) > ball[1] or max(ends) < ball[0])


def is_known(x: Balls, i: int) -> bool:
    return all(math.isfinite(part) for part in lane(x, i)) and (x.scale is None or is_known(x.scale, i))


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
    "inverse": (-1074, 1023),
    "cbrt": (-900, 1000),
    "sin": (-1074, 10),
    "cos": (-1074, 10),
    "asin": (-1074, 0),
    "acos": (-1074, 0),
    "atan": (-1074, 110),
    "sinh": (-1074, 10),
    "cosh": (-1074, 10),
    "tanh": (-1074, 10),
    "asinh": (-1074, 600),
    "atanh": (-1074, 0),
    "erf": (-1074, 5),
    "erfc": (-1074, 5),
    "acosh": (-1, 500),
    "erfcx": (-1074, 10),
    "erfinv": (-1074, 0),
    "erfcinv": (-300, 0),
    "entr": (-900, 900),
    "floor": (-1074, 60),
    "ceil": (-1074, 60),
    "trunc": (-1074, 60),
    "round": (-1074, 60),
    "lgamma": (-20, 20),
    "digamma": (-20, 20),
    "times_pi": (-1074, 1023),
}


def arb_one(name: str) -> Callable[[Any], Any]:
    return lambda x: ARB.unary(name, np.array([x], dtype=object))[0]


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@pytest.mark.parametrize("name", BINARY)
@SHARED
@given(seed=seeds)
def test_every_operation_on_two_balls_holds_the_exact_result(name: str, scales: bool, seed: int) -> None:
    x = drawn(seed, scales=scales)
    for y in (drawn(seed + 1), beside(seed, x), drawn(seed + 1, scales=scales)):
        assert_holds(BALL64.binary(name, x, y), BINARY[name], x, y)
        assert_holds(BALL64.binary(name, y, x), BINARY[name], y, x)


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@pytest.mark.parametrize("name", UNARY)
@SHARED
@given(seed=seeds)
def test_every_function_of_a_ball_holds_the_exact_value(name: str, scales: bool, seed: int) -> None:
    x = drawn(seed, *UNARY[name], scales=scales)
    assert_holds(BALL64.unary(name, x), arb_one(name), x)


def test_few_results_are_unknown_where_ordinary_numbers_meet() -> None:
    for name in BINARY:
        x, y = drawn(1, -100, 100, 2000), drawn(2, -100, 100, 2000)
        got = BALL64.binary(name, replace(x, radius=None), replace(y, radius=None))
        assert sum(is_known(got, i) for i in range(2000)) > 1800, name


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@SHARED
@given(seed=seeds, n=st.integers(-9, 9))
def test_integer_powers_hold_the_exact_ones(scales: bool, seed: int, n: int) -> None:
    x = drawn(seed, -200, 200, scales=scales)
    # FLINT has nan for a negative power of a ball around zero, and so it is for an exact zero
    assert_holds(BALL64.binary("power", x, n), lambda x: x**n if n >= 0 else 1 / x**-n, x)


@SHARED
@given(seed=seeds)
def test_real_powers_and_angles_hold_the_exact_ones(seed: int) -> None:
    x, y = drawn(seed, -500, 500), drawn(seed + 1, -20, 10)
    x = replace(x, high=x.high.abs())
    assert_holds(BALL64.binary("pow", x, y), lambda x, y: x**y, x, y)
    for y in (drawn(seed + 1), beside(seed, x)):
        x = drawn(seed)
        assert_holds(BALL64.binary("atan2", y, x), arb.atan2, y, x)


@SHARED
@given(seed=seeds, order=st.integers(2, 8))
def test_hurwitz_zeta_holds_the_exact_one(seed: int, order: int) -> None:
    x = drawn(seed, -19, 19)
    s = BALL64.lift(np.array([order], dtype=object))
    assert_holds(BALL64.binary("zeta", s, x), lambda x: arb(order).zeta(x), x)


def test_torch_is_never_asked_for_a_zeta_left_of_zero(monkeypatch):
    """It adds a term for each unit to zero there, at -2**52 + 0.5 for months."""
    asked: list[Tensor] = []

    def zeta(s: Tensor, q: Tensor) -> Tensor:
        asked.append(q)
        return torch.ones_like(q)

    monkeypatch.setattr(torch.special, "zeta", zeta)
    x = BALL64.lift(np.array([-(2.0**52) + 0.5, -0.5, 1.0]))
    found = BALL64.binary("zeta", BALL64.lift(np.array([3], dtype=object)), x)
    assert (torch.cat(asked) > 0).all()
    assert found.high.isnan().tolist() == [True, True, False]


POWERS_OF_TWO = [Fraction(2) ** n for n in (-60, -59, -1, 0, 1, 59, 60)]
CONSTANTS = [
    *POWERS_OF_TWO,
    Fraction(1, 3),
    Fraction(0),
    Fraction(10) ** 40,
    Fraction(1, 10**320),
    Fraction(2) ** -1080,
]


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@pytest.mark.parametrize("name", BINARY)
@SHARED
@given(seed=seeds, number=st.sampled_from(CONSTANTS), sign=st.sampled_from([1, -1]))
def test_a_constant_meets_a_ball_as_its_exact_number(
    name: str, scales: bool, seed: int, number: Fraction, sign: int
) -> None:
    x, number = drawn(seed, scales=scales), sign * number
    y = BALL64.lift(np.array([number], dtype=object))

    def exact(x: Any) -> Any:
        return BINARY[name](x, arb(number.numerator) / number.denominator)

    assert_holds(BALL64.binary(name, x, y), exact, x)
    assert_holds(
        BALL64.binary(name, y, x), lambda x: BINARY[name](arb(number.numerator) / number.denominator, x), x
    )


@SHARED
@given(seed=seeds)
def test_a_sum_holds_the_exact_sum(seed: int) -> None:
    parts = [drawn(seed + i, -300, 300) for i in range(5)]
    joined = BALL64.concatenate([part.reshape((LANES, 1)) for part in parts], 1)
    total = BALL64.sum(joined, (1,), False)
    with precision(BITS):
        for i in range(LANES):
            points = [point(part, i, share) for part, share in zip(parts, (1, -1, 0, 1, 1), strict=True)]
            assert not is_known(total, i) or holds(total, i, sum(points, arb(0)))


# Comparisons, choices ---------------------------------------------------------------------------------------------

SIGNS = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "eq": operator.eq}


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@pytest.mark.parametrize("sign", SIGNS)
@SHARED
@given(seed=seeds)
def test_what_is_decided_holds_for_every_number_in_the_balls(sign: str, scales: bool, seed: int) -> None:
    x = drawn(seed, scales=scales)
    opposite = {"lt": operator.ge, "le": operator.gt, "gt": operator.le, "ge": operator.lt, "eq": operator.ne}
    for y in (drawn(seed + 1), beside(seed, x), drawn(seed + 1, scales=scales)):
        states = BALL64.compare(sign, x, y).tolist()
        with precision(BITS):
            for i, state in enumerate(states):
                for a, b in ((0, 0), (1, -1), (-1, 1)):
                    p, q = point(x, i, a), point(y, i, b)
                    if p is None or q is None:
                        continue
                    wrong = opposite[sign] if state == YES else SIGNS[sign]
                    assert state == UNDECIDED or not wrong(p, q), (lane(x, i), sign, lane(y, i), state)


@SHARED
@given(seed=seeds)
def test_exact_pairs_are_compared_exactly(seed: int) -> None:
    x = replace(drawn(seed), radius=None)
    y = replace(beside(seed, x), radius=None)
    for sign in SIGNS:
        states = BALL64.compare(sign, x, y).tolist()
        decided = [state for state in states if state != UNDECIDED]
        assert len(decided) > LANES / 2
        same = BALL64.compare(sign, x, x).tolist()
        assert set(same) <= {int(SIGNS[sign](1, 1)), UNDECIDED}


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@SHARED
@given(seed=seeds)
def test_an_undecided_choice_holds_both_and_a_decided_one_its_own(scales: bool, seed: int) -> None:
    x = drawn(seed, scales=scales)
    for y in (drawn(seed + 1), beside(seed, x), drawn(seed + 1, scales=scales)):
        states = torch.from_numpy(np.random.default_rng(seed).choice([YES, NO, UNDECIDED], LANES))
        got = BALL64.select(states, x, y)
        with precision(BITS):
            for i, state in enumerate(states.tolist()):
                for of, where in ((x, (YES, UNDECIDED)), (y, (NO, UNDECIDED))):
                    for share in (0, 1, -1):
                        p = point(of, i, share)
                        if state in where and is_known(got, i):
                            assert p is not None and holds(got, i, p), (lane(x, i), lane(y, i), lane(got, i))


def test_what_is_unknown_stays_unknown_whatever_it_meets() -> None:
    """Each of the three parts may tell it; an undefined number is as unknown."""
    ones = torch.ones(1, dtype=torch.float64)
    for x in (
        Balls(ones * NAN),
        Balls(ones, ones * NAN),
        Balls(ones, None, ones * NAN),
        Balls(ones, None, ones * INF),
        Balls(ones * NAN, scale=Balls(ones * 700)),
        Balls(ones, scale=Balls(ones, None, ones * NAN)),
        BALL64.doubt(0, 1),
    ):
        for y in (
            Balls(ones),
            Balls(ones, None, ones),
            Balls(ones, None, ones, scale=Balls(ones * 700)),
        ):
            for name in (*BINARY, "atan2", "pow"):
                for a, b in ((x, y), (y, x)):
                    assert not is_known(BALL64.binary(name, a, b), 0), (name, x, y)
            for name in SIGNS:
                assert BALL64.compare(name, x, y).item() == UNDECIDED
            assert not is_known(BALL64.select(torch.tensor([UNDECIDED]), x, y), 0)
            assert not is_known(BALL64.select(torch.tensor([UNDECIDED]), y, x), 0)
        for name in UNARY:
            assert not is_known(BALL64.unary(name, x), 0), (name, x)
        zero = BALL64.lift(np.zeros(1))
        assert not is_known(BALL64.binary("mul", zero, x), 0)
        assert not is_known(BALL64.binary("mul", BALL64.lift(np.array([0], dtype=object)), x), 0)
        assert np.isnan(enclosure_of_float64(x).high).all()


def test_the_larger_of_two_scales_is_never_the_smaller() -> None:
    zeros = torch.zeros(1, dtype=torch.float64)
    for one, other in ((800.0, 700.0), (700.0, 800.0), (-800.0, -700.0), (-700.0, -800.0)):
        x, y = (Balls(zeros + 1, scale=Balls(zeros + scale)) for scale in (one, other))
        for name in ("maximum", "minimum"):
            assert_holds(BALL64.binary(name, x, y), BINARY[name], x, y)


def test_constants_keep_the_shapes_of_their_operands() -> None:
    x = Reals(BALL64, BALL64.lift(np.ones((5, 3))))
    zeros = m.zeros_like(x)
    for function, want in (
        (lambda: m.exp(zeros), 1.0),
        (lambda: m.log(zeros + 1), 0.0),
        (lambda: zeros + 1, 1.0),
        (lambda: zeros * zeros, 0.0),
        (lambda: (zeros + 1) * x, 1.0),
        (lambda: x / (zeros + 1), 1.0),
        (lambda: x**0, 1.0),
        (lambda: m.broadcast(m.sum(zeros + 1) / 3, (3,)), 1.0),
    ):
        got = function()
        assert got.shape == (3,)
        assert (got.data.high == want).all()


def test_a_constant_beyond_float64_is_unknown_and_an_infinite_one_as_well() -> None:
    x = Reals(BALL64, BALL64.lift(np.ones(1)))
    for number in (10**400, Fraction(10) ** 400, math.inf, math.nan):
        assert not is_known((x * number).data, 0)
        assert not is_known((x + number).data, 0)
    assert is_known((x * Fraction(1, 10**400)).data, 0)
    assert (x * Fraction(1, 10**400)).data.radius > 0


@pytest.mark.parametrize("apart", [1.0, 20.0, 200.0, 600.0])
@pytest.mark.parametrize("offset", [0.0, 5.0, -80.0, 3e4, -2e20])
def test_scaled_exponentials_cancel_to_the_last_digit(offset: float, apart: float) -> None:
    """log(exp(x) + exp(y)) - x = log(1 + exp(y - x)), however far x and y lie apart and wherever they are."""
    x, y = (Reals(settling.BALLS, settling.BALLS.lift(np.array([part]))) for part in (offset, offset - apart))
    got = (m.log(m.exp(x) + m.exp(y)) - x).data
    with precision(BITS):
        exact = (1 + (arb(offset - apart) - arb(offset)).exp()).log()
        assert holds(got, 0, exact)
        assert got.radius is not None and arb(float(got.radius)) < 2.0**-40 * exact


def test_exponentials_of_infinities_are_zero_and_unknown() -> None:
    zero = BALL64.unary("exp", BALL64.lift(np.array([-INF])))
    assert is_known(zero, 0) and lane(zero, 0) == (0, 0, 0)
    total = BALL64.binary("add", zero, BALL64.unary("exp", BALL64.lift(np.array([-900.0]))))
    high, low, radius = lane(BALL64.unary("log", total), 0)
    assert (high, low) == (-900, 0) and radius < 2.0**-900
    overflown = BALL64.binary("mul", *(BALL64.lift(np.array([x])) for x in (-1e200, 1e200)))
    for x in (BALL64.lift(np.array([INF])), overflown):
        assert not is_known(BALL64.unary("exp", x), 0)


def test_all_bits_of_an_integer_are_lifted() -> None:
    values = np.array([2**63 - 1, -(2**63), 2**53 + 1, -(2**62) - 1, 0, 5])
    x = BALL64.lift(values)
    assert x.low is not None
    told = [int(high) + int(low) for high, low in zip(x.high.tolist(), x.low.tolist(), strict=True)]
    assert told == values.tolist()


@pytest.mark.parametrize(
    "key",
    [
        (..., slice(None, None, -1)),
        (slice(None, None, -1), slice(2, None, -2)),
        (1, slice(None), slice(None, None, -3)),
        ([0, 1], slice(None, None, -2)),
        (slice(None), [2, 0], -1),
        (..., [1, 3]),
    ],
)
def test_elements_are_those_that_numpy_names(key: Any) -> None:
    a = np.arange(1.0, 49.0).reshape((2, 2, 3, 4))
    x = Reals(BALL64, BALL64.lift(a))
    assert np.array_equal(x[key].data.high.numpy(), a[(slice(None), *key)])
    back = BALL64.scatter(x[key].data, key, (2, 3, 4))
    want = np.zeros_like(a)
    want[(slice(None), *key)] = a[(slice(None), *key)]
    assert np.array_equal(back.high.numpy(), want)
    assert back.absent is not None
    assert np.array_equal(back.absent.numpy(), want == 0)


@SHARED
@given(seed=seeds)
def test_an_order_is_told_only_where_it_is_proved(seed: int) -> None:
    parts = [drawn(seed + i, -30, 30) for i in range(3)]
    parts[2] = beside(seed, parts[0])
    x = BALL64.concatenate([part.reshape((LANES, 1)) for part in parts], 1)
    order, undecided = BALL64.order(x)
    with precision(BITS):
        for i in range(LANES):
            if not undecided[i]:
                ranked = [parts[j] for j in order[i].tolist()]
                for lower, upper in itertools.pairwise(ranked):
                    assert not point(lower, i, 1) > point(upper, i, -1)


@SHARED
@given(seed=seeds)
def test_a_root_is_enclosed(seed: int) -> None:
    random = np.random.default_rng(seed)
    targets = np.ldexp(1 + random.random(LANES), random.integers(-40, 20, LANES))
    y = Reals(BALL64, BALL64.lift(targets))
    got = m.root(lambda t: t**3 + t - y, 0, 2.0**12).data
    known = 0
    with precision(300):
        for i, target in enumerate(targets.tolist()):
            if is_known(got, i):
                known += 1
                low, high = point(got, i, -1), point(got, i, 1)
                assert not low**3 + low > target and not high**3 + high < target
    assert known > LANES / 2


# What became of the lanes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scales", [False, True], ids=["plain", "scaled"])
@given(seed=seeds)
def test_an_enclosure_holds_what_the_ball_held(scales: bool, seed: int) -> None:
    x = drawn(seed, scales=scales)
    found = enclosure_of_float64(x)
    with precision(BITS):
        for i in range(LANES):
            if found.state[i] != PROVED or not np.isfinite(found.radius[i]):
                continue
            high, exponent = float(found.high[i]), int(found.exponent[i])
            assert high == 0 or 0.5 <= abs(high) < 1
            for share in (0, 1, -1):
                p = point(x, i, share)
                assert p is not None
                if abs(exponent) == EXPONENT_LIMIT:
                    size = abs(p).log() / arb(2).log()
                    assert (size > 2**40) if exponent > 0 else (size < -(2**40)), lane(x, i)
                    assert (p > 0) == (high > 0)
                    continue
                scaled = p * arb((1, -exponent))
                assert not abs(scaled - arb(high) - arb(float(found.low[i]))) > arb(float(found.radius[i])), (
                    lane(x, i)
                )


def test_an_exact_zero_contradicts_the_least_number_and_opposite_ends_each_other() -> None:
    def told(*balls: Any) -> Any:
        return enclosure(np.array(balls, dtype=object))

    with precision(128):
        tiny = arb((1, -1500))
        vast, vanishing = arb(2.0**45).exp(), arb(-(2.0**45)).exp()
        wrong = contradiction(
            told(arb(0), arb(0), vast, tiny, vast), told(tiny, arb(0), vanishing, tiny, vast)
        )
    assert wrong.tolist() == [True, False, True, False, False]


# The catalogue ----------------------------------------------------------------------------------------------------

load_catalog()
FORMATS = [format_of(name) for name in ("float32", "bfloat16", "float16")]


def compared_with_arb(
    formula: Formula, points: Points, format: Format, patch: pytest.MonkeyPatch, conditioning: bool
) -> int:
    """At how many of the points float64 balls settle the formula; there they must not contradict Arb."""
    patch.setattr(settling, "FEWEST", 1)
    ours = settle(formula, points, format, with_conditioning=conditioning)
    rows = np.flatnonzero(ours.precision == FLOAT64)
    if not rows.size:
        return 0
    patch.setattr(settling, "FEWEST", 10**12)
    chosen = points.select(rows)
    theirs = settle(formula, chosen, format, with_conditioning=False, component=ours.component[rows])
    assert (theirs.precision != FLOAT64).all()
    wrong = np.zeros(len(rows), dtype=bool)
    for one, other in ((ours.value, theirs.value), (ours.gradient, theirs.gradient)):
        if one is not None and other is not None:
            wrong |= contradiction(one[rows], other).reshape(len(rows), -1).any(axis=1)
    where = describe(chosen.select(np.flatnonzero(wrong)[:1])) if wrong.any() else ""
    assert not wrong.any(), f"{formula.name} in {format.name} at {where}"
    if conditioning:
        assert not _forgives_too_much(formula, chosen, ours, rows)
    return len(rows)


def _forgives_too_much(formula: Formula, points: Points, told: Truth, rows: np.ndarray) -> list[str]:
    """Where the conditioning is told larger than 1,500 bits of Arb have it."""
    wrong: list[str] = []
    for group in groups(formula, points):
        for few in np.array_split(group, max(1, len(group) // 64)):
            sample = few[:2]  # each takes a hundred times as long as its value
            with precision(1500):
                found = evaluate_chunk(
                    formula,
                    points.select(sample),
                    told.component[rows][sample],
                    Wanted(True, True),
                )
            for of, half in told.halves.items():
                with np.errstate(over="ignore"):  # of one that ends where doubles do
                    most = found.halves[of].conditioning * (1 + 2.0**-50) + 5e-324
                if (half.conditioning[rows][sample] > most).any():
                    wrong.append(describe(points.select(sample)))
    return wrong


def test_no_formula_of_the_catalogue_contradicts_arb(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = 0
    for i, formula in enumerate(formulas().values()):
        format = FORMATS[i % 3]
        for points in formula.points(format, 20, i):
            few = points.select(np.arange(min(20, len(points))))
            settled += compared_with_arb(formula, few, format, monkeypatch, False)
    assert settled > 500


@pytest.mark.full
@pytest.mark.parametrize("name", formulas())
def test_no_formula_contradicts_arb_at_ten_million_points_over_the_catalogue(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunk by chunk, each with a seed of its own, of the first the conditioning too; a quarter of an hour."""
    formula, settled, seed = formulas()[name], 0, 0
    tried = 0
    while tried < 10_000_000 / len(formulas()):
        for format in FORMATS:
            for points in formula.points(format, 2000, seed):
                settled += compared_with_arb(formula, points, format, monkeypatch, seed == 0)
                tried += len(points)
        seed += 1
    print(f"{name}: float64 balls settled {settled} of {tried} points")
    assert settled > tried / 10


def test_no_exponential_but_that_of_zero_is_exact() -> None:
    """exp(x) is 1 + x + x*x/2 + ...: of the least numbers the bound must not underflow with the square."""
    tiny = torch.tensor(
        [0.0, 2.0**-1074, -(2.0**-1060), 2.0**-1022, 2.0**-900, 2.0**-60], dtype=torch.float64
    )
    found = BALL64.unary("exp", BALL64.lift(tiny))
    assert found.radius is not None
    assert (found.radius > 0).tolist() == [False, True, True, True, True, True]


# Planted errors ---------------------------------------------------------------------------------------------------


def _audited(formula: Formula, points: Points) -> int:
    format = format_of("float32")
    return audit(formula, points, settle(formula, points, format), format, 1.0)


def _column(values: np.ndarray) -> Points:
    return Points({"x": torch.from_numpy(values.astype(np.float32))}, np.full(len(values), "given"))


def test_an_understated_radius_is_caught_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    def exp_minus_one(x: Reals) -> Reals:
        return m.exp(x) - 1  # cancels, so that its enclosure is near the radius of the exponential

    formula = formula_of(exp_minus_one, "a test", [], ("x",), {"x": real(-1, 1)})
    points = _column(np.linspace(0.01, 1, 600))
    assert _audited(formula, points) == 600
    rule = operations.exponential_of

    def understated(*arguments: Any) -> Balls:
        found = rule(*arguments)
        return replace(found, radius=found.radius * 2.0**-20)

    for module in (operations, functions):
        monkeypatch.setattr(module, "exponential_of", understated)
    with pytest.raises(ContradictionError, match="exp_minus_one: float64 balls and Arb"):
        _audited(formula, points)


def test_a_floor_that_has_become_zero_is_caught_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch.where makes it of two Python numbers, in float32."""

    def tenth_power(x: Reals) -> Reals:
        return x**10

    formula = formula_of(tenth_power, "a test", [], ("x",), {"x": real(0, 1)})
    points = _column(np.full(600, 1e-38) * np.linspace(1, 2, 600))
    assert _audited(formula, points) == 600
    monkeypatch.setattr(operations, "FLOOR", 0.0)
    with pytest.raises(ContradictionError, match="tenth_power"):
        _audited(formula, points)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_that_is_too_small_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOUNDS, name, replace(BOUNDS[name], ulps=0.01))
    with pytest.raises(
        ContradictionError, match=rf"torch's {name} on cpu is off by .* times its bound of 0\.01 ulps"
    ):
        trust.audit_functions("cpu", 1, 200)


def test_arithmetic_that_flushes_or_rounds_otherwise_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    trust.self_test("cpu", 3)
    for words, wrong in (
        ("{!r} * {!r}", lambda x, y: torch.where((x * y).abs() < 2.0**-1022, 0.0, x * y)),
        ("{!r} / {!r}", lambda x, y: x * (1 / y)),
        ("1 / {1!r}", lambda x, y: (1 / y) * (1 + 2.0**-52)),
        ("{!r} + {!r}", lambda x, y: (x.float() + y.float()).double()),
    ):
        right = trust.OPERATIONS[words]

        def planted(x: Any, y: Any, wrong: Any = wrong, right: Any = right) -> Any:
            return wrong(x, y) if isinstance(x, torch.Tensor) else right(x, y)

        with monkeypatch.context() as patch:
            patch.setitem(trust.OPERATIONS, words, planted)
            with pytest.raises(ContradictionError, match="float64 balls cannot be trusted there"):
                trust.self_test("cpu", 3, 500)


def test_flushing_subnormals_is_caught() -> None:
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormals")
    try:
        with pytest.raises(ContradictionError):
            trust.self_test("cpu", 4, 500)
    finally:
        torch.set_flush_denormal(False)


@example(seed=516)  # draws the largest number
@given(seed=seeds)
@SHARED
def test_the_device_is_as_trustworthy_as_the_bounds_say(seed: int) -> None:
    trust.self_test("cpu", seed, 200)
    worst = trust.audit_functions("cpu", seed, 200)
    assert set(worst) == set(BOUNDS)


@pytest.mark.parametrize("name", [name for name in BOUNDS if name not in ("atan2", "zeta")])
@pytest.mark.parametrize("count", [1, 64])
def test_a_function_answers_on_the_interval_of_its_bound_and_is_unknown_beyond_it(
    name: str, count: int
) -> None:
    low, high = BOUNDS[name].low, BOUNDS[name].high
    beyond = [x for x in (math.nextafter(low, -INF), math.nextafter(high, INF)) if not low <= x <= high]
    for known, places in ((True, [low, high]), (False, [*beyond, -2 * abs(low) - 1, NAN])):
        for place in places:
            y, _ = bounds.called(name, torch.full((count,), place, dtype=torch.float64))
            assert y.isnan().all() != known, place


@pytest.mark.parametrize(
    ("device", "capability", "whole"),
    [("cpu", "AVX512", True), ("cpu", "AVX2", False), ("cpu", "DEFAULT", False), ("cuda", "AVX512", False)],
)
def test_an_architecture_is_named_only_for_a_processor_with_whole_vectors(
    device: str, capability: str, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    named = whole and hasattr(inductor_config.cpp, "march")
    assert trust.compiler_options(torch.device(device)) == ({"cpp.march": "x86-64-v4"} if named else {})


def test_bounds_are_several_times_what_was_measured() -> None:
    for name, bound in BOUNDS.items():
        assert bound.ulps >= 3 * bound.worst > 0, name


def test_every_process_looks_once_and_before_it_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds_seen: list[int] = []

    def noted(device: str, seed: int, count: int) -> dict[str, float]:
        seeds_seen.append(seed)
        return {}

    monkeypatch.setattr(trust, "_looked", set())
    monkeypatch.setattr(trust, "audit_functions", noted)
    formula = formulas()["softplus"]
    for seed in (0, 0, 1):
        settle(formula, formula.points(FORMATS[0], 600, seed)[0], FORMATS[0])
    assert len(seeds_seen) == 1
    monkeypatch.setattr(trust, "_looked", set())
    settle(formula, formula.points(FORMATS[0], 600, 1)[0], FORMATS[0])
    assert len(set(seeds_seen)) == 2  # other points, other seed


# Compiled ---------------------------------------------------------------------------------------------------------


COMPILES = pytest.mark.filterwarnings("ignore")  # the compiler's own imports warn


@pytest.mark.full
@COMPILES
def test_arithmetic_and_functions_are_as_good_when_compiled() -> None:
    """Error-free sums and products above all: no compiler may contract, reassociate or simplify them."""
    options = trust.compiler_options(torch.device("cpu"))
    compiled = functools.partial(torch.compile, fullgraph=True, dynamic=False, options=options)
    trust.self_test("cpu", 5, 4000, compiled)
    trust.audit_functions("cpu", 5, 4000, compiled)


@pytest.mark.full
@COMPILES
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_rules_compiled_and_not_enclose_the_same_numbers(name: str) -> None:
    """Equal up to their radii: torch's functions may differ in their last bits, and a radius follows those.

    So nearly all radii differ by less than an eighth, and none is a hundredth of the other.
    """

    def rule(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x, y = Balls(*parts[:3]), Balls(*parts[3:])
        z = BALL64.binary(name, x, y) if name in BINARY else BALL64.unary(name, x)
        zeros = torch.zeros_like(z.high)
        return z.high, zeros if z.low is None else z.low, zeros if z.radius is None else z.radius

    low, high = UNARY.get(name, (-1074, 1023))
    x, y = (replace(drawn(seed, low, high, 4000), low=None) for seed in (1, 2))
    parts = [
        torch.zeros_like(ball.high) if part is None else part
        for ball in (x, y)
        for part in (ball.high, ball.low, ball.radius)
    ]
    with recording():
        graph = make_fx(rule)(*parts)
    plain, compiled = rule(*parts), torch.compile(graph, fullgraph=True)(*parts)
    known = [torch.stack([part.isfinite() for part in found]).all(0) for found in (plain, compiled)]
    assert torch.equal(*known)
    difference = ((plain[0] - compiled[0]) + (plain[1] - compiled[1])).abs()
    assert (difference <= plain[2] + compiled[2])[known[0]].all()
    one, other = (found[2][known[0]] for found in (plain, compiled))
    most, least = torch.maximum(one, other), torch.minimum(one, other)
    assert (most - least > most / 8 + FLOOR).double().mean() < 1 / 1000
    assert (most <= 100 * (least + FLOOR)).all()
