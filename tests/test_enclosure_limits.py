"""Enclosures at their limits: what is kept of a ball, when it is tight enough, and when two prove different things."""

from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from judging import (
    UNDEFINED,
    UNRESOLVED,
    Ball,
    beyond,
    contradict,
    enclosure,
    forgiven,
    from_float64,
    largest_units,
    lower_end,
    narrow,
    negligible,
    power,
    read,
    unchanged,
    units,
)

from numcheck import m
from numcheck.declaration.budgets import Budget
from numcheck.declaration.formulas import formula_of
from numcheck.domain import Points, real
from numcheck.formats import FORMATS, Format, format_of
from numcheck.reals.arb import MINUS_INFINITY, PLUS_INFINITY, UNKNOWN
from numcheck.reals.arb import UNDEFINED as NO_NUMBER
from numcheck.reals.enclosures import PROVED, Enclosure, contradiction, reaches_across
from numcheck.reals.enclosures import enclosure as enclosure_of
from numcheck.reals.precision import precision
from numcheck.truth import settle as settled

FLOAT64, FLOAT32, FLOAT16 = (format_of(name) for name in ("float64", "float32", "float16"))
ONE, UNIT = Fraction(1), power(-23)


# What is kept of Arb's balls --------------------------------------------------------------------------------------


def exactly(x: Any) -> Fraction:
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * power(int(exponent))


def kept(*balls: Any, bits: int = 128) -> Enclosure:
    with precision(bits):
        return enclosure_of(np.array(balls, dtype=object))


def assert_kept(ball: Any, slack: Fraction, bits: int = 128) -> None:
    """The ball lies within what is kept of it, which is wider by no more than a share of its own reach."""
    (found,) = read(kept(ball, bits=bits))
    middle, radius = exactly(ball.mid()), exactly(ball.rad())
    assert abs(Fraction(found.middle) - middle) + radius <= found.radius
    reach = radius + abs(middle)
    assert found.radius + abs(Fraction(found.middle)) <= reach * (1 + slack)


def test_what_is_not_finite_has_no_digits_beside() -> None:
    found = kept(PLUS_INFINITY, MINUS_INFINITY, NO_NUMBER, UNKNOWN)
    assert repr(found.high.tolist()) == "[inf, -inf, nan, nan]"
    assert found.low.tolist() == [0, 0, 0, 0]
    assert found.radius.tolist() == [0, 0, 0, inf]
    assert found.exponent.tolist() == [0, 0, 0, 0]


def test_a_ball_around_zero_is_kept_as_one_to_its_farther_end() -> None:
    assert read(kept(arb(0, 3))) == [Ball(Fraction(0), exactly(arb(0, 3).rad()))]
    for middle in (1, -1, 3, -0.25):
        assert_kept(arb(middle, 4), power(-20))
    assert_kept(arb(arb(0), arb(2) ** -3000), power(-20))
    assert_kept(arb(arb(2) ** -1200, 1), power(-20))
    assert_kept(arb(arb(2) ** -800, arb(2) ** 700), power(-20))
    with precision(4000):
        wide = arb((arb(1) / 3).mid(), 2**70)
    assert_kept(wide, power(-20), bits=4000)


@pytest.mark.parametrize("radius", [1, 2.0**-30, 2.0**-51])
def test_a_wide_ball_covers_the_digits_that_its_middle_loses(radius: float) -> None:
    with precision(128):
        wide = arb((arb(1) / 3).mid(), radius)
    assert_kept(wide, Fraction(1, 2))


def test_a_radius_that_float64_does_not_hold_is_kept_for_every_middle() -> None:
    for middle in (1, -1, 0.5, -0.5, 3):
        ball = arb(middle, arb(2) ** -1200)
        (found,) = read(kept(ball))
        assert found.radius > 0
        assert_kept(ball, power(-100))


def test_digits_that_a_pair_does_not_hold_go_into_the_radius() -> None:
    with precision(400):
        long = arb(1) + arb(2) ** -60 + arb(2) ** -200
    assert long.is_exact()
    assert_kept(long, power(-100), bits=400)
    (found,) = read(kept(long, bits=400))
    assert 0 < found.radius <= power(-102)


def test_float64_balls_that_are_known_are_proved_and_others_unresolved() -> None:
    found = from_float64((1.5, 2.0**-60, 2.0**-70), (nan, 0.0, 0.0), (inf, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert [ball.state for ball in found] == ["proved", "unresolved", "unresolved", "proved"]
    assert found[0].middle == Fraction(3, 2) + power(-60)
    assert power(-70) <= found[0].radius <= power(-70) + power(-102)
    assert found[3] == Ball(Fraction(0))


# The unit ---------------------------------------------------------------------------------------------------------


def test_a_ball_that_reaches_a_power_of_two_has_the_upper_unit() -> None:
    for sign in (1, -1):
        below = sign * (2 - power(-30))
        for radius, unit in ((power(-30), -22), (power(-31), -23), (power(-25), -22), (Fraction(0), -23)):
            assert units(enclosure(Ball(below, radius)), FLOAT32) == [unit]
        # a ball wider than 2**-20 of the binade has its middle's
        near = sign * (2 - power(-21))
        for radius, unit in ((power(-19), -23), (power(-19) - power(-30), -22), (power(-20) * 3 / 2, -22)):
            assert units(enclosure(Ball(near, radius)), FLOAT32) == [unit]
        assert units(enclosure(Ball(sign * ONE, power(-30))), FLOAT32) == [-23]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_the_unit_ends_at_the_smallest_subnormal(format: Format) -> None:
    least = format.min_exponent - format.precision + 1
    balls = [Ball(power(format.min_exponent + 1)), Ball(power(format.min_exponent)), Ball(power(least)),
             Ball(power(-5000)), Ball(Fraction(0)), Ball(Fraction(0), power(5000))]  # fmt: skip
    assert units(enclosure(*balls), format) == [least + 1, least, least, least, least, least]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_the_largest_unit_of_a_point_is_that_of_a_number(format: Format) -> None:
    least, unit = format.min_exponent - format.precision + 1, -format.precision + 1
    open_ = Ball(power(9), state="unresolved")
    rows = [
        (Ball(ONE), Ball(power(-1)), unit), (Ball(power(-1)), Ball(-ONE), unit), (Ball(ONE), open_, unit),
        (Ball(Fraction(0)), Ball(ONE), unit), (UNDEFINED, Ball(power(-9000)), least), (Ball(inf), UNRESOLVED, least),
        (open_, Ball(-inf), least), (UNDEFINED, UNDEFINED, least),
    ]  # fmt: skip
    found = enclosure(*[ball for *pair, _ in rows for ball in pair], shape=(len(rows), 2))
    assert largest_units(found, format) == [[unit] for *_, unit in rows]


# Tight enough -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("place", [0, 5, -3])
def test_a_ball_is_tight_enough_up_to_a_radius_of_a_sixty_fourth_of_the_unit(
    format: Format, place: int
) -> None:
    unit = power(place - format.precision + 1)
    for middle in (power(place), -power(place), power(place) * 5 / 4):
        found = enclosure(Ball(middle, unit / 64), Ball(middle, unit / 64 + unit * power(-40)))
        assert narrow(found, format) == [True, False]


def test_below_the_smallest_subnormal_its_own_sixty_fourth_is_tight_enough() -> None:
    least = power(-149)
    for middle in (Fraction(0), least, least / 2, power(-1000)):
        found = enclosure(Ball(middle, least / 64), Ball(middle, least / 32))
        assert narrow(found, FLOAT32) == [True, False]
    assert narrow(
        enclosure(Ball(power(-5000), power(-5001)), Ball(power(5000), power(5000 - 29))), FLOAT32
    ) == [
        True,
        True,
    ]
    assert narrow(
        enclosure(Ball(power(5000), power(5000 - 28)), Ball(Fraction(0), power(1500))), FLOAT32
    ) == [
        False,
        False,
    ]


def test_nothing_is_tight_enough_where_nothing_is_known_and_an_undefined_or_infinite_truth_is() -> None:
    assert narrow(enclosure(UNRESOLVED, UNDEFINED, Ball(inf), Ball(-inf)), FLOAT32) == [
        False,
        True,
        True,
        True,
    ]


def test_around_zero_a_sixty_fourth_of_what_is_forgiven_is_tight_enough() -> None:
    for middle in (Fraction(0), power(-40), -power(-40)):
        assert negligible(Ball(middle, power(-40)), 2.0**-34)
        assert not negligible(Ball(middle, power(-40)), 2.0**-34 * (1 - 2.0**-50))
    assert negligible(Ball(Fraction(0)), 0.0)
    for sign in (1, -1):  # these do not hold zero
        assert not negligible(Ball(sign * power(-40), power(-41)), 1.0)
        assert not negligible(Ball(sign * power(-40), power(-40) - power(-80)), 1.0)
    assert not negligible(UNDEFINED, 1.0)
    assert not negligible(UNRESOLVED, inf)
    around_zero = beyond(1, -(2**60), 0.75)
    assert negligible(around_zero, 0.0)
    assert not negligible(beyond(1, 2**60, 0.75), 1.0)


def test_the_strictest_budget_forgives_and_the_largest_unit_where_all_are_coupled() -> None:
    found = enclosure(Ball(ONE), Ball(power(-20)), Ball(power(10)), Ball(Fraction(0)), shape=(2, 2))
    terms = [1.0, 2.0, 4.0, 8.0]
    budgets = [Budget(1, 3, coupled=True), Budget(1, 2, coupled=True), Budget(1, 5, coupled=True)]
    plain = [2 * 2.0**-24 * term for term in terms]
    beside = [2.0**-23, 2.0**-23, 2.0**-13, 2.0**-13]
    assert forgiven(budgets, found, terms, FLOAT32) == [x + y for x, y in zip(plain, beside, strict=True)]
    assert forgiven([*budgets, Budget(1, 7)], found, terms, FLOAT32) == plain
    assert forgiven([Budget(1, 7)], found, terms, FLOAT32) == [7 * 2.0**-24 * term for term in terms]
    coupled = [Budget(1, 0, coupled=True)]
    assert forgiven(coupled, beyond(1, 2**60), [0.0], FLOAT32) == [2.0**1023]
    assert forgiven(coupled, enclosure(Ball(Fraction(0))), [0.0], FLOAT64) == [2.0**-1074]
    assert forgiven(coupled, enclosure(Ball(power(600))), [0.0], FLOAT32) == [2.0 ** (600 - 23)]


# An interval on purpose -------------------------------------------------------------------------------------------

HALF = Fraction(1, 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_interval_may_change_by_the_last_bits_that_a_radius_is_kept_in(sign: int) -> None:
    middle, bit = sign * HALF * 5 / 4, power(-20) / 2
    for change, same in ((bit, True), (bit + power(-40), False), (bit * 3 / 4, True)):
        # of the radius, that is of the one that came last
        assert unchanged(Ball(middle, HALF + change), Ball(middle, HALF), FLOAT32) is same
    for change in (power(-22), -power(-22)):
        assert unchanged(Ball(middle + change, HALF), Ball(middle, HALF), FLOAT32)
        assert unchanged(Ball(middle, HALF + change), Ball(middle, HALF), FLOAT32)
        assert not unchanged(Ball(middle + 4 * change, HALF), Ball(middle, HALF), FLOAT32)
        assert not unchanged(Ball(middle, HALF + 4 * change), Ball(middle, HALF), FLOAT32)
        # both together
        assert unchanged(Ball(middle + change, HALF + change), Ball(middle, HALF), FLOAT32)
        assert not unchanged(Ball(middle + 2 * change, HALF - 2 * change), Ball(middle, HALF), FLOAT32)


def test_an_interval_may_change_by_a_sixty_fourth_of_the_unit() -> None:
    radius = UNIT / 8
    for change, same in ((UNIT / 64, True), (UNIT / 64 + power(-50), False)):
        for sign in (1, -1):
            assert (
                unchanged(Ball(ONE * 5 / 4, radius + sign * change), Ball(ONE * 5 / 4, radius), FLOAT32)
                is same
            )
            assert (
                unchanged(Ball(ONE * 5 / 4 + sign * change, radius), Ball(ONE * 5 / 4, radius), FLOAT32)
                is same
            )
    assert not unchanged(Ball(ONE * 5 / 4, UNIT / 4), Ball(ONE * 5 / 4, UNIT / 8), FLOAT32)


def test_an_interval_that_moves_by_less_than_a_double_shows_moves() -> None:
    fine = Ball(ONE + power(-56), power(-54))
    assert unchanged(Ball(ONE + power(-56) + power(-80), power(-54)), fine, FLOAT64)
    assert not unchanged(Ball(ONE - power(-56), power(-54)), fine, FLOAT64)
    assert not unchanged(Ball(ONE + power(-55) + power(-56), power(-54)), fine, FLOAT64)


def test_an_interval_has_a_number_a_width_and_one_scale() -> None:
    interval = Ball(HALF, HALF)
    assert unchanged(interval, interval, FLOAT32)
    for other in (UNRESOLVED, UNDEFINED, Ball(inf), Ball(HALF), Ball(ONE, ONE), Ball(HALF / 2, HALF / 2)):
        assert not unchanged(interval, other, FLOAT32)
        assert not unchanged(other, interval, FLOAT32)
        assert not unchanged(other, other, FLOAT32) or other.radius > 0


# Contradictions ---------------------------------------------------------------------------------------------------


def test_balls_that_share_a_number_do_not_contradict_each_other() -> None:
    for sign in (1, -1):
        one = Ball(sign * ONE, Fraction(1, 4))
        assert not contradict(one, one)
        assert not contradict(one, Ball(sign * Fraction(3, 2), Fraction(1, 4)))
        assert contradict(one, Ball(sign * Fraction(3, 2), Fraction(1, 4) - power(-10)))
        assert contradict(one, Ball(sign * Fraction(7, 4), Fraction(1, 4)))
        assert contradict(one, Ball(-sign * ONE, Fraction(1, 4)))
        assert not contradict(Ball(sign * ONE), one)
        assert contradict(Ball(sign * ONE), Ball(sign * 2 * ONE))


def test_both_digits_of_a_pair_are_compared() -> None:
    one, other = ONE + power(-54), ONE + power(-52) - power(-54)  # whose nearest float64 differ by 2**-52
    assert not contradict(Ball(one, power(-53) * 5 / 8), Ball(other, power(-53) * 5 / 8))
    assert contradict(Ball(one, power(-53) * 3 / 8), Ball(other, power(-53) * 3 / 8))
    radius = power(-33) * 5 / 4  # of which 2**-53 is less than 2**-20
    assert unchanged(Ball(one, radius), Ball(other, radius), FLOAT64)
    assert not unchanged(Ball(one, radius / 2), Ball(other, radius / 2), FLOAT64)


def test_what_rounding_may_have_added_to_radii_is_no_contradiction() -> None:
    radius = Fraction(1, 8)
    for beside, apart in ((Fraction(3, 4), False), (Fraction(3, 2), True)):
        reach = 2 * radius * (1 + beside * power(-20))
        assert contradict(Ball(ONE, radius), Ball(ONE + reach, radius)) is apart
        assert contradict(Ball(ONE + reach, radius), Ball(ONE, radius)) is apart


def test_numbers_are_compared_to_a_hundred_bits_of_the_larger() -> None:
    for sign in (1, -1):
        middle = sign * ONE
        for bits, apart in ((-98, True), (-99, False), (-101, False)):  # mantissas lie between 1/2 and 1
            assert contradict(Ball(middle), Ball(middle + power(bits))) is apart
            assert contradict(Ball(middle), Ball(middle - power(bits))) is (bits == -98)
        assert contradict(Ball(middle + power(-80)), Ball(middle - power(-80)))
        assert not contradict(Ball(middle + power(-80)), Ball(middle + power(-80)))
        assert not contradict(Ball(middle + power(-80)), Ball(middle + power(-70), power(-70)))
        assert contradict(Ball(middle + power(-60)), Ball(middle + power(-55)))


def test_beyond_every_exponent_only_signs_that_both_know_contradict() -> None:
    def far(high: float, radius: float) -> Enclosure:
        parts = (np.array([part]) for part in (high, 0.0, radius))
        return Enclosure(*parts, np.array([-(2**50)]), np.array([PROVED]))

    below, above, around = far(-0.5, 0.0), far(0.5, 0.25), far(0.0, 0.75)
    assert contradiction(below, above)
    assert not contradiction(below, around)
    assert not contradiction(around, above)
    assert not contradiction(far(-0.5, 0.5), above)


def test_only_what_both_have_proved_contradicts() -> None:
    known = [Ball(ONE), UNDEFINED, Ball(inf), Ball(Fraction(0))]
    for ball in known:
        assert not contradict(ball, UNRESOLVED)
        for other in known:
            assert contradict(ball, other) is (ball is not other)
    assert not contradict(UNRESOLVED, UNRESOLVED)
    assert contradict(Ball(inf), Ball(-inf))
    assert not contradict(Ball(-inf), Ball(-inf))
    assert contradict(Ball(-inf), Ball(-ONE))


def test_an_exact_zero_differs_from_the_least_number_and_not_from_a_ball_around_it() -> None:
    for e in (-1, -1074, -5000, 3000):
        assert contradict(Ball(Fraction(0)), Ball(power(e)))
        assert contradict(Ball(Fraction(0)), Ball(-power(e), power(e - 1)))
        assert not contradict(Ball(Fraction(0)), Ball(power(e), power(e)))
        assert not contradict(Ball(Fraction(0)), Ball(Fraction(0), power(e)))
        assert not contradict(Ball(Fraction(0), power(-5)), Ball(power(e), 2 * power(e)))
    assert not contradict(Ball(Fraction(0)), Ball(Fraction(0)))
    assert contradict(Ball(Fraction(0)), beyond(1, -(2**60), 0.25))
    # a ball around zero has a scale
    assert not contradict(Ball(Fraction(0), power(10)), Ball(power(9)))
    assert contradict(Ball(Fraction(0), power(10)), Ball(power(11)))


def test_numbers_of_different_size_are_compared_at_the_larger_ones_scale() -> None:
    for shift in (1, 10, 60, 1500, 5000):
        assert contradict(Ball(ONE), Ball(power(shift)))
        assert contradict(Ball(ONE), Ball(-power(shift)))
        assert not contradict(Ball(ONE), Ball(power(shift), power(shift)))
    assert contradict(Ball(ONE), beyond(1, 2**33, 0.25))
    assert contradict(beyond(1, 2**33), beyond(1, 2**34))
    assert not contradict(beyond(1, 2**34 - 1, 0.5), beyond(1, 2**34, 0.5))
    # neither is beyond what an exponent tells
    assert contradict(beyond(1, 2**41 - 2**40), beyond(1, 2**40 - 1))


@pytest.mark.parametrize("end", [1, -1])
def test_beyond_the_limit_only_the_sign_is_compared(end: int) -> None:
    far, farther = end * (2**40 + 1), end * 2**60
    assert not contradict(beyond(1, far), beyond(1, farther))
    assert contradict(beyond(1, far), beyond(-1, farther))
    assert not contradict(beyond(-1, far), beyond(-1, farther))
    # at the limit itself an exponent still tells
    assert contradict(beyond(1, end * 2**40), beyond(1, farther, 0.125))
    assert contradict(beyond(1, farther), beyond(1, -farther))
    assert contradict(beyond(1, far), Ball(ONE))
    assert contradict(beyond(1, far, 0.125), beyond(1, -far, 0.125))


# The conditioning that float64 tells ------------------------------------------------------------------------------


def test_conditioning_is_told_by_its_lower_end_and_never_below_zero() -> None:
    truth = enclosure(Ball(ONE))
    for given, told in (
        ((8.0, 2.0**-60, 2.0**-30), pytest.approx(8 - 2.0**-30, rel=2.0**-50)),
        ((8.0, 2.0**-30, 0.0), 8 + 2.0**-30),
        ((8.0, -(2.0**-30), 0.0), 8 - 2.0**-30),
        ((8.0, 0.0, 16.0), 0),
        ((0.0, 0.0, 0.0), 0),
        ((1e300, 0.0, 0.0), 1e300),
        ((nan, 0.0, 0.0), 0),
    ):
        assert lower_end([given], truth, FLOAT32)[0] == [told]
    assert lower_end([(0.0, 0.0, 0.0)], truth, FLOAT32) == ([0], False)


def test_conditioning_beyond_float64_is_the_largest_number_or_nothing() -> None:
    truth = enclosure(Ball(ONE))
    for scale in (2e9, 3e9):  # whose exponents are beyond 32 bits, once and twice around
        assert lower_end([(1.0, 0.0, 0.0)], truth, FLOAT32, scale=scale)[0] == [FLOAT64.largest]
        assert lower_end([(1.0, 0.0, 0.0)], truth, FLOAT32, scale=-scale) == ([0], False)


def test_conditioning_is_loose_where_its_width_is_more_than_a_thousandth_of_it_and_of_what_matters() -> None:
    lower = 2.0**20
    limit = 2.0**-10 * lower / 2
    for radius, loose in (
        (limit * (1 - 2.0**-20), False),
        (limit * (1 + 2.0**-20), True),
        (limit * 1.5, True),
    ):
        assert lower_end([(lower + radius, 0.0, radius)], enclosure(Ball(ONE)), FLOAT32)[1] is loose
    # 64 roundoffs of the width beside an ulp of the truth
    limit = 2.0**-10 * 2.0**-23 / (64 * 2.0**-24) / 2
    for radius, loose in ((limit * (1 - 2.0**-20), False), (limit * (1 + 2.0**-20), True)):
        assert lower_end([(3 * radius, 0.0, radius)], enclosure(Ball(ONE)), FLOAT32)[1] is loose
        for e in (1, -3, 20):
            scaled = 2.0**e * radius
            assert lower_end([(3 * scaled, 0.0, scaled)], enclosure(Ball(power(e))), FLOAT32)[1] is loose
    assert lower_end([(nan, 0.0, 0.0)], enclosure(Ball(ONE)), FLOAT32)[1] is True
    exact, open_ = (1.0, 0.0, 0.0), (1.0, 0.0, 1.0)
    for terms, loose in (([exact, exact], False), ([exact, open_], True), ([open_, open_], True)):
        assert lower_end(terms, enclosure(Ball(ONE), Ball(ONE)), FLOAT32)[1] is loose
    assert lower_end([(1e300, 0.0, 1e300)], beyond(1, 2**60), FLOAT32)[1] is False
    assert lower_end([(1e300, 0.0, 1e300)], enclosure(Ball(ONE)), FLOAT32)[1] is True


# Settling ---------------------------------------------------------------------------------------------------------


def test_what_looks_undefined_is_asked_at_two_precisions() -> None:
    root = formula_of(lambda x: m.sqrt(x), "Heron", [], None, {"x": real(-4, 4)})
    points = Points({"x": torch.tensor([-1.0, 4.0], dtype=torch.float64)}, np.array(["given"] * 2))
    assert settled(root, points, FLOAT32, with_gradient=False).precision.tolist() == [256, 128]


@pytest.mark.parametrize(("count", "bits"), [(256, 53), (255, 128)])
def test_from_256_points_on_float64_comes_first(count: int, bits: int) -> None:
    formula = formula_of(lambda x: m.exp(x), "Euler 1748", [], None, {"x": real(-4, 4)})
    points = Points({"x": torch.linspace(-1, 1, count, dtype=torch.float64)}, np.array(["given"] * count))
    assert set(settled(formula, points, FLOAT32).precision.tolist()) == {bits}
    assert set(settled(formula, points, FLOAT64).precision.tolist()) == {128}


def test_just_below_a_power_of_two_the_unit_is_that_of_the_binade_below() -> None:
    for sign in (1, -1):
        for far in (40, 60, 100, 300):
            below = sign * (ONE - power(-far))
            assert units(enclosure(Ball(below)), FLOAT32) == [-24]
            assert units(enclosure(Ball(below, power(-far - 1))), FLOAT32) == [-24]
            assert units(enclosure(Ball(below, power(-far))), FLOAT32) == [-23]
            across = enclosure(Ball(below), Ball(below, power(-far - 1)), Ball(below, power(-far)))
            assert reaches_across(across, FLOAT32).ravel().tolist() == [False, False, True]
    least = power(FLOAT32.min_exponent)
    for middle, halved in ((2 * least, True), (least, False), (least / 2, False)):  # below, all units are one
        assert reaches_across(enclosure(Ball(middle, power(-200))), FLOAT32).ravel().tolist() == [halved]
    # the interval of a kink has its middle's unit
    assert not reaches_across(enclosure(Ball(ONE, HALF)), FLOAT32).any()
