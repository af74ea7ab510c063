"""The judge against the law of budgets, written again in rational numbers."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import copysign, inf, isinf, isnan, nan

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from judging import (
    UNDEFINED,
    UNRESOLVED,
    Ball,
    beyond,
    counted,
    disagreement,
    enclosure,
    exponent_of,
    forgiven,
    judged,
    judgement,
    measured,
    plainly,
    power,
    spoken,
    steps_apart,
)

from numcheck.declaration.budgets import Budget
from numcheck.declaration.words import Fate, Of
from numcheck.formats import FORMATS, Format, format_of

FLOAT64, FLOAT32, FLOAT16 = (format_of(name) for name in ("float64", "float32", "float16"))
BFLOAT16 = format_of("bfloat16")
UNIT = power(-23)
"""The ulp of float32 between 1 and 2."""
ONE = Fraction(1)
NARROW_FORMATS = [f for f in FORMATS if f.bits in (16, 32)]
"""Formats whose errors float64 tells exactly, or nearly."""


# The law, in rational numbers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    fate: str
    error: float
    allowed: float
    spent: float
    margin: float
    close: bool = False
    """Whether the verdict hangs on a difference that is too small for float64."""


def unit_exponent(ball: Ball, format: Format) -> int:
    """Of the unit in the last place at a truth; of a ball that reaches across a power of two, the upper one."""
    floor = format.min_exponent
    if isinstance(ball.middle, float):
        return max(0, floor) - (format.precision - 1)
    if ball.middle == 0:
        return floor - (format.precision - 1)
    e = exponent_of(ball.middle)
    across = ball.radius < power(e - 20) and abs(ball.middle) + ball.radius >= power(e)
    return max(e - 1 + across, floor) - (format.precision - 1)


def largest_exponent(balls: list[Ball], format: Format) -> int:
    """Of the largest unit among the numbers of a point; what has no number or is not known has no unit."""
    numbers = [ball for ball in balls if ball.state == "proved" and not isinstance(ball.middle, float)]
    return max(
        [unit_exponent(ball, format) for ball in numbers], default=format.min_exponent - format.precision + 1
    )


def rounds_to_infinity(ball: Ball, format: Format) -> bool:
    """At least half an ulp above the largest number whose significand is full."""
    if isinstance(ball.middle, float):
        return isinf(ball.middle)
    return abs(ball.middle) >= power(format.max_exponent + 1) * (1 - power(-format.precision - 1))


def number(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return inf if x > 0 else -inf


def ratio(x: Fraction, y: Fraction) -> float:
    return number(x / y) if y else (inf if x else nan)


def expected(
    got: list[float],
    balls: list[Ball],
    budget: Budget,
    format: Format,
    conditioning: list[Fraction],
    components: int,
    signed_zero: bool,
) -> list[Told]:
    units = [unit_exponent(ball, format) for ball in balls]
    largest = largest_exponent(balls, format)
    return [
        _expected(x, ball, budget, format, terms, components, signed_zero,
                  largest if budget.coupled else unit, largest)
        for x, ball, terms, unit in zip(got, balls, conditioning, units, strict=True)
    ]  # fmt: skip


def _expected(
    got: float, ball: Ball, budget: Budget, format: Format, conditioning: Fraction, components: int,
    signed_zero: bool, exponent: int, largest: int,
) -> Told:  # fmt: skip
    unit = power(exponent)
    cond = Fraction(budget.cond) + (components if budget.gamma else 0)
    allowed = Fraction(budget.ulps) + cond * power(-format.precision) * conditioning / unit
    radius = ball.radius / unit
    if ball.state != "proved":
        return Told("invalid" if ball.state == "undefined" else "unresolved", 0, number(allowed), 0, 0)
    rounds = rounds_to_infinity(ball, format)
    wide = radius > Fraction(1, 8)
    lenient = 64 * power(-format.precision) * conditioning + power(largest)
    around_zero = abs(ball.middle) <= ball.radius <= lenient / 64
    margin = 0.0 if radius == 0 or (wide and not around_zero) else ratio(radius, allowed)
    sign = copysign(1, ball.middle)
    if isnan(got):
        return Told("special", inf, number(allowed), inf, margin)
    if isinf(got) and rounds and got == sign * inf:
        return Told("within", 0, number(allowed), 0, margin)
    if isinf(got) and rounds:
        return Told("special", inf, number(allowed), inf, margin)
    if isinstance(ball.middle, float):
        return Told("special", inf, number(allowed), inf, margin)
    place = power(format.max_exponent + 1) * (1 if got > 0 else -1) if isinf(got) else Fraction(got)
    distance = abs(place - ball.middle) / unit
    error = Fraction(0) if distance <= radius else distance - radius if wide else distance
    far = isinf(got) and (place * ball.middle <= 0 or 2 * (abs(ball.middle) + ball.radius) < abs(place))
    within = error <= allowed and not far
    spent = ratio(error, allowed) if error else 0.0
    close = 0 < abs(distance - radius) < radius / 2**30 or 0 < abs(error - allowed) < allowed / 2**30
    if within:
        fate = "within"
        half = power(format.min_exponent - format.precision)
        tiny = abs(ball.middle) < half or (abs(ball.middle) == half and not ball.radius)
        known = ball.radius < abs(ball.middle)
        wrong = got == 0 and copysign(1, got) != sign
        if signed_zero and tiny and known and wrong and not wide and allowed < 1:
            fate = "special"
    elif isinf(got):
        return Told("overflow", inf, number(allowed), inf, margin, close)
    elif exponent_of(ball.middle or power(-(2**12))) - 1 + _across(ball) >= format.min_exponent and abs(
        got
    ) < Fraction(format.smallest_normal):
        fate = "underflow"
    else:
        fate = "over"
    return Told(fate, number(error), number(allowed), spent, margin, close)


def _across(ball: Ball) -> bool:
    e = exponent_of(ball.middle) if ball.middle else 0
    return bool(ball.middle) and ball.radius < power(e - 20) and abs(ball.middle) + ball.radius >= power(e)


@st.composite
def truths(draw: st.DrawFn, format: Format) -> Ball:
    """Balls around numbers of the format, between them, and beside its ends."""
    kind = draw(st.sampled_from("number number number number zero infinite undefined unresolved".split()))
    if kind == "infinite":
        return Ball(draw(st.sampled_from([inf, -inf])))
    if kind in ("undefined", "unresolved"):
        return UNDEFINED if kind == "undefined" else UNRESOLVED
    p = format.precision
    place = draw(
        st.sampled_from([0, 1, -5, format.min_exponent, format.min_exponent + 1, format.max_exponent])
        | st.integers(format.min_exponent - p - 3, format.max_exponent + 2)
    )
    ulp = power(max(place, format.min_exponent) - p + 1)
    radius = draw(st.sampled_from([0, 0, 1, 2, 4, 15, 16, 17, 128, 500])) * ulp / 128
    if kind == "zero":
        return Ball(Fraction(0), radius)
    first, last = 1 << (p - 1), (1 << p) - 1
    mantissa = draw(st.sampled_from([first, first + 1, last]) | st.integers(first, last))
    between = draw(st.sampled_from([0, 0, 64, 63]) | st.integers(0, 127))
    middle = (mantissa + Fraction(between, 128)) * power(place - p + 1)
    return Ball(draw(st.sampled_from([1, -1])) * middle, radius)


@st.composite
def results(draw: st.DrawFn, ball: Ball, format: Format, unit: Fraction, allowed: Fraction) -> float:
    """Right results, those beside the limit, and special ones."""
    special = [0.0, -0.0, inf, -inf, nan, format.largest, -format.largest, format.smallest_normal,
               format.smallest_normal - format.smallest_subnormal, format.smallest_subnormal]  # fmt: skip
    kind = draw(st.sampled_from("near near near limit limit limit special".split()))
    if kind == "special" or isinstance(ball.middle, float):
        return draw(st.sampled_from(special))
    if kind == "limit":
        off = allowed + draw(st.sampled_from([0, 0, ball.radius / unit, Fraction(1, 64), -Fraction(1, 64)]))
    else:
        off = Fraction(draw(st.integers(0, 40)), draw(st.sampled_from([1, 8, 64])))
    got = ball.middle + draw(st.sampled_from([1, -1])) * off * unit
    beyond = abs(got) >= power(format.max_exponent + 1)  # where the format has infinities only
    return copysign(inf if beyond else number(got), (got > 0) - (got < 0) or draw(st.sampled_from([1, -1])))


BUDGETS = st.builds(
    Budget,
    st.sampled_from([0, 0.5, 0.75, 1, 2, 64]),
    st.sampled_from([0, 1, 8, 64]),
    st.booleans(),
    st.booleans(),
)


def near(one: float, other: float) -> bool:
    slack = max(1e-9 * max(abs(one), abs(other)), 1e-250)
    return one == other or (isnan(one) and isnan(other)) or abs(one - other) <= slack < inf


@settings(max_examples=300)
@given(data=st.data(), format=st.sampled_from(NARROW_FORMATS), budget=BUDGETS)
def test_the_judge_keeps_to_the_law_of_budgets(data: st.DataObject, format: Format, budget: Budget) -> None:
    size = data.draw(st.integers(1, 3))
    balls = [data.draw(truths(format)) for _ in range(size)]
    components, of = data.draw(st.integers(1, 5)), data.draw(st.sampled_from(Of))
    largest = power(largest_exponent(balls, format))
    units = [largest if budget.coupled else power(unit_exponent(ball, format)) for ball in balls]
    conditioning, got = [], []
    for ball, unit in zip(balls, units, strict=True):
        many = data.draw(st.sampled_from([0, 0, 1, 2, 3, 1 << 20]))
        terms = many * unit * power(format.precision) / 4
        if not power(-900) < terms < power(900):  # where float64 itself would round them
            terms = Fraction(0)
        allowed = Fraction(budget.ulps) + (Fraction(budget.cond) + components * budget.gamma) * (
            power(-format.precision) * terms / unit
        )
        conditioning.append(terms)
        got.append(data.draw(results(ball, format, unit, allowed)))
    want = expected(got, balls, budget, format, conditioning, components, of is Of.VALUE)
    assume(not any(tell.close for tell in want))
    found = judged(got, balls, budget, format, [float(c) for c in conditioning], components, of=of)
    for i, tell in enumerate(want):
        assert found.fates[i] == tell.fate
        assert near(found.error[i], tell.error)
        assert near(found.spent[i], tell.spent)
        if not isinstance(balls[i].middle, float):
            assert near(found.allowed[i], tell.allowed)
            assert near(found.margin[i], tell.margin)


# At the limits ----------------------------------------------------------------------------------------------------


def one(
    got: Fraction | float,
    middle: Fraction,
    ulps: float = 1,
    radius: Fraction = Fraction(0),
    *,
    cond: float = 0,
    format: Format = FLOAT32,
    terms: float = 0,
) -> tuple[str, float, float]:
    """Fate, error and margin of one number."""
    found = judged([float(got)], [Ball(middle, radius)], Budget(ulps, cond), format, [terms])
    return found.fates[0], found.error[0], found.margin[0]


@pytest.mark.parametrize("ulps", [0.5, 1, 2, 8, 64])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_budget_itself_is_within_and_a_step_beyond_is_over(ulps: float, sign: int) -> None:
    limit, step = ONE + sign * Fraction(ulps) * UNIT, power(-52)
    assert one(limit, ONE, ulps) == ("within", ulps, 0)
    assert one(limit + sign * step, ONE, ulps)[0] == "over"
    assert one(limit - sign * step, ONE, ulps)[0] == "within"


def test_an_error_is_told_from_all_digits_of_the_truth() -> None:
    for sign in (1, -1):
        # the second lies just below a power of two, where the unit is half as large
        for got, middle, unit in (
            (1 + power(-30), 1 + power(-60), UNIT),
            (1 + power(-30), 1 - power(-60), UNIT / 2),
        ):
            assert one(sign * got, sign * middle)[1] == float(abs(got - middle) / unit)


def test_a_budget_of_nothing_asks_for_the_truth_itself() -> None:
    assert one(ONE, ONE, 0) == ("within", 0, 0)
    found = judged([1 + 2.0**-52], [Ball(ONE)], Budget(0, 0), FLOAT32)
    assert (found.fates, found.spent) == (["over"], [inf])


def test_the_unit_doubles_at_a_power_of_two_and_where_a_ball_reaches_one() -> None:
    below = 2 - power(-30)
    assert one(below - 2 * UNIT, below)[:2] == ("over", 2)
    assert one(2 - 2 * UNIT, Fraction(2))[:2] == ("within", 1)
    assert one(2 + 4 * UNIT, Fraction(2))[:2] == ("over", 2)
    assert one(below - 2 * UNIT, below, 1, power(-30))[:2] == ("within", 1)
    assert one(below - 2 * UNIT, below, 1, power(-31))[:2] == ("over", 2)


@pytest.mark.parametrize("format", [f for f in FORMATS if f.bits >= 16], ids=lambda f: f.name)
def test_below_the_smallest_normal_the_unit_is_the_smallest_subnormal(format: Format) -> None:
    least, normal = Fraction(format.smallest_subnormal), Fraction(format.smallest_normal)
    for middle in (normal, normal - least, 3 * least, least, Fraction(0)):
        assert one(middle + least, middle, format=format)[:2] == ("within", 1)
        assert one(middle + 3 * least, middle, format=format)[:2] == ("over", 3)
    assert one(2 * normal + 2 * least, 2 * normal, format=format)[:2] == ("within", 1)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_infinity_of_the_wrong_sign_is_special_however_much_conditioning_forgives(sign: int) -> None:
    past = sign * power(FLOAT32.max_exponent + 1)
    forgiving = {"cond": 64, "terms": 1e200}
    assert one(sign * inf, past, **forgiving) == ("within", 0, 0)
    assert one(-sign * inf, past, **forgiving) == ("special", inf, 0)


def test_what_lies_inside_the_ball_is_the_truth() -> None:
    for radius in (power(-30), UNIT / 64, UNIT / 8, UNIT / 4):
        assert one(ONE + radius, ONE, 0, radius)[:2] == ("within", 0)
        assert one(ONE - radius, ONE, 0, radius)[:2] == ("within", 0)


def test_an_error_is_told_from_the_middle_up_to_a_radius_of_an_eighth_and_from_the_end_beyond() -> None:
    got = ONE + 2 * UNIT
    assert one(got, ONE, 1, UNIT / 8) == ("over", 2, 1 / 8)
    wider = UNIT / 8 + power(-40)
    assert one(got, ONE, 2, wider) == ("within", float(2 - wider / UNIT), 0)
    assert one(got, ONE, 2, 2 * UNIT) == ("within", 0, 0)


def test_an_interval_is_met_anywhere_inside_and_its_verdict_is_never_open() -> None:
    for got in (Fraction(0), ONE, Fraction(1, 3) + power(-70)):
        assert one(float(got), Fraction(1, 2), 1, Fraction(1, 2)) == ("within", 0, 0)
    assert one(1 + UNIT, Fraction(1, 2), 2, Fraction(1, 2))[0] == "within"
    assert one(1 + 4 * UNIT, Fraction(1, 2), 2, Fraction(1, 2))[0] == "over"


def test_the_margin_is_the_radius_as_a_share_of_the_budget() -> None:
    assert one(ONE, ONE, 4, UNIT / 64)[2] == 1 / 256
    assert one(ONE, ONE, 4, Fraction(0))[2] == 0
    assert one(ONE, ONE, 0, UNIT / 64)[2] == inf


def test_a_wide_ball_around_zero_is_an_interval_unless_the_most_lenient_budget_forgives_it() -> None:
    terms, least = 1.0, power(-149)
    limit = (64 * power(-24) + least) / 64
    radius = Fraction(float(limit))
    assert one(0.0, Fraction(0), 1, radius - power(-60), terms=terms, cond=1)[2] > 0
    assert one(0.0, Fraction(0), 1, radius + power(-60), terms=terms, cond=1)[2] == 0
    # of a row, the largest element's ulp is forgiven too
    row = [Ball(Fraction(0), UNIT / 64), Ball(ONE)]
    assert judged([0.0, 1.0], row, Budget(1, 0), FLOAT32).margin[0] > 0
    row = [Ball(Fraction(0), UNIT / 63 - power(-70)), Ball(ONE)]
    row = [Ball(Fraction(0), 3 * UNIT / 128), Ball(ONE)]
    assert judged([0.0, 1.0], row, Budget(1, 0), FLOAT32).margin[0] == 0


def test_conditioning_forgives_exactly_the_rest() -> None:
    # 3 units roundoff of conditioning 2 are 3 ulp of 1
    limit = ONE + 4 * UNIT
    assert one(limit, ONE, 1, cond=3, terms=2)[0] == "within"
    assert one(limit + power(-50), ONE, 1, cond=3, terms=2)[0] == "over"


def test_gamma_adds_the_number_of_components_to_what_conditioning_forgives() -> None:
    for components, fate in ((5, "within"), (4, "over")):
        budget = Budget(1, 1, gamma=True)
        limit = float(ONE + 4 * UNIT)
        found = judged([limit], [Ball(ONE)], budget, FLOAT32, [1.0], components)
        assert (found.fates, found.allowed) == ([fate], [1 + (1 + components) / 2])
        assert judged([limit], [Ball(ONE)], Budget(1, 1), FLOAT32, [1.0], components).allowed == [1.5]


@pytest.mark.parametrize(("terms", "allowed"), [(nan, 1), (inf, inf), (1e300, pytest.approx(1e300 / 2))])
def test_conditioning_that_is_no_number_forgives_nothing_and_infinite_conditioning_all(
    terms: float, allowed: float
) -> None:
    assert judged([1.0], [Ball(ONE)], Budget(1, 1), FLOAT32, [terms]).allowed == [allowed]


def test_coupled_components_are_counted_in_the_unit_of_the_largest() -> None:
    balls = [Ball(power(-10)), Ball(ONE), Ball(-power(-20))]
    got = [float(power(-10) + UNIT), float(1 + UNIT), float(-power(-20) - 2 * UNIT)]
    found = judged(got, balls, Budget(1, 0, coupled=True), FLOAT32)
    assert (found.fates, found.error) == (["within", "within", "over"], [1, 1, 2])
    assert judged(got, balls, Budget(1, 0), FLOAT32).fates == ["over", "within", "over"]


@pytest.mark.parametrize(
    "ball", [UNDEFINED, UNRESOLVED, Ball(inf)], ids=["undefined", "unresolved", "infinite"]
)
def test_what_is_no_number_or_not_known_has_no_unit_that_others_could_be_counted_in(ball: Ball) -> None:
    for least in (power(-66), power(-140)):
        unit = max(least * power(-23), power(-149))
        row = [Ball(least), ball]
        found = judged([float(least + 2 * unit), nan], row, Budget(1, 0, coupled=True), FLOAT32)
        assert (found.fates[0], found.error[0]) == ("over", 2)
        assert (
            forgiven([Budget(1, 0, coupled=True)], enclosure(*row), [0.0, 0.0], FLOAT32) == [float(unit)] * 2
        )
    (alone,) = judged([1.0], [ball], Budget(1, 0, coupled=True), FLOAT32).fates
    assert alone == judged([1.0], [ball], Budget(1, 0), FLOAT32).fates[0]


def test_points_are_coupled_within_themselves_only() -> None:
    truth = enclosure(Ball(ONE), Ball(power(-20)), shape=(2, 1))
    found = judged([1.0, float(power(-20) + UNIT)], truth, Budget(1, 0, coupled=True), FLOAT32)
    assert found.fates == ["within", "over"]


# Infinities, zeros and what has no value --------------------------------------------------------------------------


@pytest.mark.parametrize("format", [f for f in FORMATS if f.bits in (16, 32)], ids=lambda f: f.name)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_infinity_is_right_where_the_truth_rounds_to_it(format: Format, sign: int) -> None:
    edge = Fraction(format.overflow_threshold)
    step = power(format.max_exponent - 45)
    nothing = Budget(0.25, 0)
    for middle in (edge, edge + step, 2 * edge, 4 * edge, power(2000)):
        assert judged([sign * inf], [Ball(sign * middle)], nothing, format).fates == ["within"]
        assert judged([-sign * inf], [Ball(sign * middle)], nothing, format).fates == ["special"]
    just_below = [Ball(sign * (edge - step))]
    assert judged([sign * inf], just_below, nothing, format).fates == ["overflow"]
    assert judged([sign * inf], just_below, Budget(1, 0), format).fates == ["within"]
    largest = [Ball(sign * Fraction(format.largest))]
    found = judged([sign * inf], largest, Budget(1, 0), format)
    assert (found.fates, found.error) == (["within"], [1])
    assert judged([sign * inf], largest, Budget(0.875, 0), format).fates == ["overflow"]
    assert judged([-sign * inf], largest, Budget(64, 0), format).fates == ["overflow"]
    for far in (edge / 2, Fraction(1)):
        assert judged([sign * inf], [Ball(sign * far)], Budget(1, 0), format).fates == ["overflow"]


def test_a_finite_result_is_measured_also_where_the_truth_rounds_to_infinity() -> None:
    edge = Fraction(FLOAT16.overflow_threshold)
    found = judged([FLOAT16.largest], [Ball(edge)], Budget(0.5, 0), FLOAT16)
    assert (found.fates, found.error) == (["within"], [0.5])
    assert judged([FLOAT16.largest], [Ball(4 * edge)], Budget(64, 0), FLOAT16).fates == ["over"]


def test_what_was_lost_has_spent_everything() -> None:
    for got, middle in ((nan, ONE), (inf, ONE), (-inf, ONE), (-inf, power(200)), (1.0, inf)):
        found = judged([got], [Ball(middle)], Budget(64, 0), FLOAT32)
        assert (found.spent, found.error) == ([inf], [inf])


def test_an_infinite_truth_takes_its_own_infinity_alone() -> None:
    for got, fate in ((inf, "within"), (-inf, "special"), (FLOAT32.largest, "special"), (nan, "special")):
        assert judged([got], [Ball(inf)], Budget(64, 64), FLOAT32, [inf]).fates == [fate]


def test_a_result_that_is_lost_below_the_smallest_normal_has_underflowed() -> None:
    normal, least = (Fraction(x) for x in (FLOAT32.smallest_normal, FLOAT32.smallest_subnormal))
    for got, middle, fate in (
        (0, normal, "underflow"),
        (0, 1, "underflow"),
        (normal - least, 2 * normal, "underflow"),
        (-normal + least, 2 * normal, "underflow"),
        (normal, 2 * normal, "over"),
        (-normal, 2 * normal, "over"),
        (-2 * normal, 2 * normal, "over"),
        (0, normal - least, "over"),
        (0, normal / 2, "over"),
        (normal - least, normal, "within"),
    ):
        assert one(float(got), Fraction(middle))[0] == fate


def test_a_zero_has_the_sign_of_a_truth_too_small_for_the_format() -> None:
    least = Fraction(FLOAT32.smallest_subnormal)
    below = least / 2 - power(-180)
    for sign in (1, -1):
        for middle in (below, least / 4, least / 2**40):
            right, wrong = copysign(0.0, sign), copysign(0.0, -sign)
            assert one(right, sign * middle, 0.75)[0] == "within"
            assert one(wrong, sign * middle, 0.75)[0] == "special"
            # a wider budget reaches across zero anyway
            assert one(wrong, sign * middle, 1)[0] == "within"
            # a subnormal of the wrong sign is an error like any other
            assert one(float(-sign * least), sign * middle, 0.75)[0] == "over"
            assert one(float(sign * least), sign * middle, 1)[0] == "within"
        # where the truth does not round to zero the budget alone decides
        assert one(copysign(0.0, -sign), sign * least * 5 / 8, 0.75)[0] == "within"
        assert one(copysign(0.0, -sign), sign * least, 0.75)[0] == "over"
        # beyond what is allowed it is over, not special
        assert one(copysign(0.0, -sign), sign * below, 0.25)[0] == "over"
        assert one(copysign(0.0, -sign), sign * least / 4, 0.25)[0] == "special"


def test_a_zero_may_have_either_sign_where_that_of_the_truth_is_not_known_or_not_asked_for() -> None:
    tiny = power(-160)
    for radius, fate in (
        (Fraction(0), "special"),
        (tiny / 2, "special"),
        (tiny, "within"),
        (2 * tiny, "within"),
    ):
        assert one(-0.0, tiny, 0.5, radius)[0] == fate
    for zero in (0.0, -0.0):
        assert one(zero, Fraction(0), 0.5)[0] == "within"
        assert one(zero, Fraction(0), 0.5, tiny)[0] == "within"
    found = judged([-0.0], [Ball(tiny)], Budget(0.5, 0), FLOAT32, of=Of.GRAD)
    assert found.fates == ["within"]


def test_a_zero_inside_a_wide_ball_may_have_either_sign() -> None:
    tiny = power(-151)
    assert one(-0.0, tiny, 0.5, tiny * 3 / 4)[0] == "within"
    assert one(-0.0, tiny, 0.5, tiny * 3 / 8)[0] == "special"


def test_results_at_once_keep_their_own_signs_of_zero() -> None:
    balls = [Ball(power(-160)), Ball(-power(-160)), Ball(ONE), Ball(power(-160))]
    found = judged([-0.0, -0.0, -1.0, 0.0], balls, Budget(0.5, 0), FLOAT32)
    assert found.fates == ["special", "within", "over", "within"]


def test_what_has_no_value_and_what_is_not_known_spends_nothing() -> None:
    for ball, fate in ((UNDEFINED, "invalid"), (UNRESOLVED, "unresolved")):
        for got in (1.0, nan, inf, 0.0):
            found = judged([got], [ball], Budget(1, 0), FLOAT32)
            assert (found.fates, found.spent, found.error) == ([fate], [0], [0])


def test_a_crash_is_a_crash_whatever_the_truth() -> None:
    truth = enclosure(Ball(ONE), Ball(ONE), UNDEFINED, UNRESOLVED, shape=(4, 1))
    found = judged([1.0, 1.0, nan, nan], truth, Budget(1, 0), FLOAT32, crashes={1: "!", 2: "!", 3: "!"})
    assert found.fates == ["within", "crash", "crash", "crash"]
    assert found.spent == found.error == [0, inf, inf, inf]


def test_what_lies_beyond_every_exponent_is_still_compared() -> None:
    huge, tiny = 2**60, -(2**60)
    for sign in (1, -1):
        found = judged([sign * inf, 0.0], beyond(sign, huge)[[0, 0]], Budget(1, 0), FLOAT32)
        assert found.fates == ["within", "underflow"]
        assert found.error == [0, 0.75 * 2**24]
        found = judged([sign * 0.0], beyond(sign, tiny), Budget(0.5, 0), FLOAT32)
        assert (found.fates, found.error) == (["within"], [0])
        assert judged([-sign * 0.0], beyond(sign, tiny), Budget(0.5, 0), FLOAT32).fates == ["special"]
        assert judged([1.0], beyond(sign, tiny), Budget(0.5, 0), FLOAT32).error == [2.0**149]
    found = judged([1.0], beyond(1, huge), Budget(0, 1), FLOAT32, [1e300])
    assert (found.error, found.allowed) == ([0.75 * 2**24], [0])


def test_the_range_of_float64_is_measured_whole() -> None:
    least = power(-1074)
    assert one(2.0**-1074, Fraction(0), 1, format=FLOAT64)[:2] == ("within", 1)
    assert one(2.0**-1073, least, 0, format=FLOAT64)[:2] == ("over", 1)
    assert one(FLOAT64.largest, Fraction(0), 64, format=FLOAT64)[:2] == ("over", inf)
    found = judged([FLOAT64.largest], [Ball(Fraction(0), power(1100))], Budget(1, 0), FLOAT64)
    assert found.fates == ["within"]
    forgiven = judged([0.0], [Ball(Fraction(0))], Budget(0, 1), FLOAT64, [2.0**-1000]).allowed
    assert forgiven == [2.0 ** (1074 - 53 - 1000)]


# Which number speaks for its point, and how many there are --------------------------------------------------------

GRAVITY = "crash special overflow underflow over unresolved gap within invalid".split()


@pytest.mark.parametrize(("graver", "lighter"), list(pairwise(GRAVITY)))
def test_the_gravest_fate_speaks_whatever_was_spent(graver: str, lighter: str) -> None:
    assert spoken([[lighter, graver], [graver, lighter]], [[1e40, 0.5], [0.5, inf]]) == [(graver, 0.5)] * 2
    assert spoken([[lighter, graver], [graver, lighter]], [[nan, 0.5], [0.5, nan]]) == [(graver, 0.5)] * 2


@pytest.mark.parametrize(
    ("less", "more"),
    [(0.25, 0.5), (2.0, 3.0), (2.0, 2.0 + 2.0**-51), (0.0, 5e-324), (1e20, 1e28), (1e28, 1e308), (1e308, inf),
     (0.0, 1e28), (1e28, nan), (inf, nan), (0.5, inf)],
)  # fmt: skip
@pytest.mark.parametrize("fate", ["over", "within", "special"])
def test_of_equal_fates_the_one_that_spent_most_speaks(fate: str, less: float, more: float) -> None:
    (told, again) = spoken([[fate, fate]] * 2, [[less, more], [more, less]])
    assert told[0] == again[0] == fate
    assert repr(told[1]) == repr(again[1]) == repr(more)


def test_each_point_is_told_by_its_own_elements() -> None:
    assert spoken([["over", "over"], ["within", "within"]], [[2.0, 3.0], [0.25, 0.5]]) == [
        ("over", 3), ("within", 0.5)
    ]  # fmt: skip


def test_every_fate_is_counted() -> None:
    fates = ["within", "over", "within", "crash", "invalid"]
    count = counted(fates)
    assert {fate: n for fate, n in count.items() if n} == {"within": 2, "over": 1, "crash": 1, "invalid": 1}
    assert set(count) == set(GRAVITY)


# When a verdict is settled again ----------------------------------------------------------------------------------
# A lie is told of the identity at 1. Where the judge asks again, it finds the truth, and the error shows that.

LIE = ONE + 10 * UNIT


def asked_again(
    off: Fraction, radius: Fraction, ulps: float = 1, loose: bool = False, of: bool = False
) -> bool:
    """Whether a result so many ulps off was settled again; `of` asks it of a gradient."""
    got = float(LIE + off * UNIT)
    found = measured([[got]], [[Ball(LIE, radius)]], Budget(ulps, 0), FLOAT32, gradient=of, loose=[loose])
    assert found.error[0] in (float(abs(off)), float(10 + off))
    assert found.fates == ["within" if found.error[0] <= ulps else "over"]
    assert found.spent[0] == (found.error[0] / ulps if ulps else inf)
    return found.error[0] != float(abs(off))


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_verdict_is_settled_again_where_it_hangs_on_the_radius(sign: int, gradient: bool) -> None:
    radius = UNIT / 64
    for off, again in ((0, True), (1, True), (2, False), (-1, True), (-2, False), (-32, False), (64, False)):
        assert asked_again(sign * (1 + Fraction(off, 64)), radius, of=gradient) is again
    assert asked_again(sign * Fraction(1), Fraction(0), of=gradient) is False


def test_a_budget_of_nothing_leaves_nothing_open() -> None:
    assert asked_again(Fraction(1), UNIT / 64, ulps=0) is False


@pytest.mark.parametrize("gradient", [False, True])
def test_a_failure_is_settled_again_where_conditioning_is_loose(gradient: bool) -> None:
    for off, again in (
        (Fraction(1), False),
        (1 + power(-20), True),
        (Fraction(2), True),
        (Fraction(50), True),
    ):
        assert asked_again(off, Fraction(0), loose=True, of=gradient) is again
        assert asked_again(off, Fraction(0), loose=False, of=gradient) is False


def test_only_the_points_in_question_are_settled_again() -> None:
    lie = [[Ball(LIE)], [Ball(LIE, UNIT / 64)], [Ball(LIE)]]
    found = measured([[float(LIE + UNIT)]] * 3, lie, Budget(1, 0), FLOAT32)
    assert (found.error, found.fates) == ([1, 11, 1], ["within", "over", "within"])
    assert found.margin == [0, 0, 0]


def test_of_a_point_in_question_all_numbers_are_settled_again() -> None:
    lie = [[Ball(LIE), Ball(LIE, UNIT / 64)], [Ball(LIE), Ball(LIE)]]
    found = measured([[float(LIE + UNIT)] * 2] * 2, lie, Budget(1, 0), FLOAT32)
    assert found.error == [11, 11, 1, 1]


def test_a_gradient_that_is_settled_again_is_that_of_its_output() -> None:
    lie = [[Ball(LIE), Ball(LIE)], [Ball(LIE), Ball(LIE, UNIT / 64)]]
    got = [[float(LIE), float(LIE)], [0.0, float(LIE + UNIT)]]
    found = measured(got, lie, Budget(1, 0), FLOAT32, gradient=True)
    assert found.error == [0, 0, 0, 11]


def test_the_sign_of_a_zero_is_judged_again_of_a_value_and_never_of_a_gradient() -> None:
    tiny, least = power(-160), power(-149)
    lie = [[Ball(least / 2, least / 64)]]
    budget = Budget(0.5, 0)
    assert measured([[-0.0]], lie, budget, FLOAT32, at=float(tiny)).fates == ["special"]
    assert measured([[0.0]], lie, budget, FLOAT32, at=float(tiny)).fates == ["within"]
    found = measured(
        [[1.0, -0.0]], [[Ball(ONE), Ball(least / 2, least / 64)]], budget, FLOAT32, gradient=True
    )
    assert found.fates == ["within", "within"]


# Truths that a finer result needs tighter -------------------------------------------------------------------------


def sharpened(radius: Fraction, format: Format, of: Format, gradient: bool = False) -> bool:
    found = measured([[float(LIE)]], [[Ball(LIE, radius)]], Budget(64, 0), format, of, gradient)
    assert found.error[0] in (0, 10)
    return found.error[0] == 10


@pytest.mark.parametrize("gradient", [False, True])
def test_a_truth_too_wide_for_a_finer_result_is_settled_for_that(gradient: bool) -> None:
    for format in (BFLOAT16, FLOAT16):
        assert sharpened(UNIT / 64, format, FLOAT32, gradient) is False
        assert sharpened(UNIT / 64 + power(-45), format, FLOAT32, gradient) is True
    assert sharpened(UNIT / 64 + power(-45), FLOAT32, FLOAT32, gradient) is False
    assert sharpened(UNIT / 64 + power(-45), FLOAT64, FLOAT32, gradient) is False


def test_a_result_is_finer_by_its_digits_or_by_its_range() -> None:
    for format, of, radius in ((BFLOAT16, FLOAT16, power(-10)), (FLOAT16, BFLOAT16, power(-40))):
        lie = power(-100) if format is FLOAT16 else LIE
        found = measured([[float(lie)]], [[Ball(lie, radius)]], Budget(64, 0), format, of)
        assert found.fates == ["over" if of is BFLOAT16 else "within"]
    ulp = power(-10)
    found = measured(
        [[float(1 + 10 * ulp)]], [[Ball(1 + 10 * ulp, ulp / 32)]], Budget(64, 0), BFLOAT16, FLOAT16
    )
    assert found.error == [10]


def test_of_several_points_and_numbers_the_wide_ones_are_settled_again() -> None:
    wide, narrow = Ball(LIE, UNIT / 32), Ball(LIE, UNIT / 64)
    lie = [[narrow, narrow], [narrow, wide], [wide, narrow]]
    found = measured([[float(LIE)] * 2] * 3, lie, Budget(64, 0), BFLOAT16, FLOAT32)
    assert found.error == [0, 0, 10, 10, 10, 10]
    gradient = measured([[float(LIE)] * 2] * 3, lie, Budget(64, 0), BFLOAT16, FLOAT32, gradient=True)
    zero = float(LIE / power(-149))  # of the component that an output does not depend on
    assert gradient.error == [0, 0, zero, 10, 10, zero]


# What is plainly within -------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    data=st.data(),
    format=st.sampled_from(NARROW_FORMATS),
    ulps=st.sampled_from([0.5, 0.75, 1, 2, 64]),
)
def test_what_is_plainly_within_is_within_by_the_law(
    data: st.DataObject, format: Format, ulps: float
) -> None:
    ball = data.draw(truths(format).filter(lambda ball: ball.state == "proved" and ball.middle != 0))
    assume(not isinstance(ball.middle, float))
    unit = power(unit_exponent(ball, format))
    got = data.draw(results(ball, format, unit, Fraction(ulps)))
    (sure, error), = plainly([got], [ball], ulps, format)  # fmt: skip
    (law,) = expected([got], [ball], Budget(ulps, 0), format, [Fraction(0)], 1, True)
    radius, known = ball.radius / unit, ball.radius < abs(ball.middle)
    signed = got != 0 or not known or copysign(1, got) == copysign(1, ball.middle)
    infinite = (
        isinf(got)
        and (got > 0) == (ball.middle > 0)
        and abs(ball.middle) - ball.radius >= Fraction(format.overflow_threshold)
    )
    assume(not isnan(got))
    place = power(format.max_exponent + 1) * int(copysign(1, got)) if isinf(got) else Fraction(got)
    distance = abs(place - ball.middle) / unit
    off = Fraction(0) if distance <= radius else distance
    clear = off <= power(-10) or not halved(ball, format)
    assert sure is (infinite or (radius <= Fraction(1, 64) and off + radius <= ulps and signed and clear))
    if sure:
        assert law.fate == "within"
        assert error == number(Fraction(0) if infinite else off)


def halved(ball: Ball, format: Format) -> bool:
    """Whether a ball holds a power of two, and numbers below it whose unit is half of that."""
    least, most = abs(ball.middle) - ball.radius, abs(ball.middle) + ball.radius
    power_of_two = power(exponent_of(most) - 1)
    return least < power_of_two and power_of_two > Fraction(format.smallest_normal)


def plain_one(
    got: Fraction | float, middle: Fraction, radius: Fraction, ulps: float = 1
) -> tuple[bool, float]:
    return plainly([float(got)], [Ball(middle, radius)], ulps, FLOAT32)[0]


def test_a_result_is_plain_up_to_the_budget_less_the_radius() -> None:
    radius = UNIT / 64
    for middle in (ONE * 5 / 4, -ONE * 5 / 4):
        limit = middle + (UNIT - radius) * (1 if middle > 0 else -1)
        assert plain_one(limit, middle, radius) == (True, 63 / 64)
        assert plain_one(limit + power(-52) * (1 if middle > 0 else -1), middle, radius)[0] is False
        assert plain_one(2 * middle - limit, middle, radius) == (True, 63 / 64)


def test_just_below_a_power_of_two_the_unit_is_half_as_large_where_the_result_is_plain() -> None:
    for low, unit in ((power(-60), UNIT), (-power(-60), UNIT / 2)):
        assert plain_one(ONE, ONE + low, Fraction(0)) == (True, float(abs(low) / unit))
        assert plain_one(1 + power(-30), ONE + low, Fraction(0)) == (True, float((power(-30) - low) / unit))
        assert plain_one(1 - UNIT / 2, ONE + low, power(-61)) == (True, float((UNIT / 2 + low) / unit))
        assert plain_one(1 - UNIT / 2, ONE + low, power(-59))[0] is False


def test_a_ball_is_plain_up_to_a_radius_of_a_sixty_fourth() -> None:
    assert plain_one(ONE, ONE, UNIT / 64)[0] is True
    assert plain_one(ONE, ONE, UNIT / 64 + power(-50))[0] is False


def test_the_unit_of_a_plain_result_is_that_of_the_law() -> None:
    below, far = 2 - power(-30), 2 - power(-30) - 2 * UNIT
    assert plain_one(far, below, Fraction(0))[0] is False
    assert plain_one(far + power(-30), below, power(-30))[0] is False  # whose unit may be half of that
    least = power(-149)
    for middle in (3 * least, power(-126) - least, power(-126), least / 4, Fraction(0)):
        assert plain_one(middle + least / 2, middle, Fraction(0)) == (True, 0.5)
        assert plain_one(middle + 2 * least, middle, Fraction(0))[0] is False
    assert plain_one(power(127) + power(104), power(127), Fraction(0)) == (True, 1)


def test_a_zero_is_plain_with_the_sign_of_the_truth_or_where_that_is_not_known() -> None:
    tiny = power(-160)
    for sign in (1, -1):
        assert plain_one(copysign(0.0, sign), sign * tiny, Fraction(0))[0] is True
        assert plain_one(copysign(0.0, -sign), sign * tiny, tiny / 2)[0] is False
        assert plain_one(copysign(0.0, -sign), sign * tiny, tiny)[0] is True
        assert plain_one(copysign(0.0, -sign), Fraction(0), tiny)[0] is True
        assert plain_one(float(-sign * power(-149)), sign * tiny, Fraction(0), 2)[0] is True


def test_an_infinity_is_plain_where_the_whole_ball_rounds_to_it() -> None:
    edge, step = Fraction(FLOAT32.overflow_threshold), power(80)
    for sign in (1, -1):
        infinity = sign * inf
        assert plain_one(infinity, sign * edge, Fraction(0), 0.25) == (True, 0)
        assert plain_one(infinity, sign * (edge + step), step, 0.25) == (True, 0)
        assert plain_one(infinity, sign * (edge + step), 2 * step, 0.25)[0] is False
        assert plain_one(infinity, sign * (edge - step), Fraction(0), 0.25)[0] is False
        assert plain_one(-infinity, sign * (edge + step), Fraction(0))[0] is False
        # however wide it is
        assert plain_one(infinity, sign * 4 * edge, edge) == (True, 0)
        # as the power of two after the largest number it is within a wider budget
        assert plain_one(infinity, sign * (edge - step), Fraction(0))[0] is True
        assert plain_one(infinity, sign * Fraction(FLOAT32.largest), Fraction(0)) == (True, 1)
        assert plain_one(sign * FLOAT32.largest, sign * edge, Fraction(0)) == (True, 0.5)
        assert plain_one(sign * FLOAT32.largest, sign * 3 * edge, Fraction(0))[0] is False
        assert plain_one(nan, sign * 3 * edge, Fraction(0))[0] is False
        assert plain_one(nan, sign * ONE, Fraction(0))[0] is False


def test_a_point_is_plain_where_all_its_numbers_are_and_has_the_largest_of_their_errors() -> None:
    got = [float(1 + off * UNIT) for off in (0, Fraction(1, 2), Fraction(1, 4), 2, 2, 0)]
    found = plainly(got, [Ball(ONE)] * 6, 1, FLOAT32, numbers=2)
    assert found[0] == (True, 0.5)
    assert [sure for sure, _ in found] == [True, False, False]


def test_what_nothing_tells_from_the_truth_has_no_error_where_it_is_plain() -> None:
    for radius in (UNIT / 64, UNIT / 128):
        assert plain_one(ONE + radius, ONE, radius) == (True, 0)
        assert plain_one(ONE + radius + power(-50), ONE, radius) != (True, 0)


# Two devices ------------------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(data=st.data(), format=st.sampled_from(NARROW_FORMATS))
def test_two_devices_differ_by_their_distance_as_a_share_of_both_budgets(
    data: st.DataObject, format: Format
) -> None:
    ball = data.draw(truths(format).filter(lambda ball: not isinstance(ball.middle, float)))
    unit = power(unit_exponent(ball, format))
    budgets = [data.draw(BUDGETS) for _ in range(2)]
    got = [data.draw(results(ball, format, unit, Fraction(b.ulps))) for b in budgets]
    assume(not any(isinf(x) or isnan(x) for x in got))
    one, other = (judgement([x], enclosure(ball), b, format) for x, b in zip(got, budgets, strict=True))
    distance, open_ = abs(Fraction(got[0]) - Fraction(got[1])) / unit, 2 * ball.radius / unit
    apart = Fraction(0) if distance <= open_ else distance - open_ if open_ > Fraction(1, 8) else distance
    laws = [
        expected([x], [ball], b, format, [Fraction(0)], 1, True)[0] for x, b in zip(got, budgets, strict=True)
    ]
    want = ratio(apart, sum((Fraction(b.ulps) for b in budgets), Fraction(0)))
    if got[0] == got[1] or [law.fate for law in laws] == ["within"] * 2:
        want = 0.0
    (share,) = disagreement(one, other)
    assert near(share, want)


def test_devices_that_count_in_different_units_and_formats_are_compared() -> None:
    half = [Ball(ONE)]
    one = judgement([1.0], enclosure(*half), Budget(1, 0), FLOAT32)
    other = judgement([1.0 + 2.0**-8], enclosure(*half), Budget(1, 0), FLOAT16)
    allowed = UNIT + power(-10)
    assert disagreement(one, other) == [float(power(-8) / allowed)]
    assert disagreement(other, one) == [float(power(-8) / allowed)]


def test_what_the_truth_leaves_open_is_taken_off_twice() -> None:
    interval = Ball(Fraction(1, 2), Fraction(1, 2))
    one, other = (judgement([x], enclosure(interval), Budget(1, 0), FLOAT32) for x in (-1.0, 1.0))
    ulp = power(-23 - 1)
    assert disagreement(one, other) == [float((2 - 1) / (2 * ulp))]
    inside = judgement([0.25], enclosure(interval), Budget(1, 0), FLOAT32)
    assert disagreement(one, inside) == [float(Fraction(1, 4) / (2 * ulp))]
    assert disagreement(judgement([-0.25], enclosure(interval), Budget(1, 0), FLOAT32), inside) == [0]


def test_nobody_disagrees_where_either_truth_is_open() -> None:
    right, wrong = (judgement([x], enclosure(Ball(ONE)), Budget(1, 0), FLOAT32) for x in (1.0, 2.0))
    for ball in (UNDEFINED, UNRESOLVED):
        open_ = judgement([2.0], enclosure(ball), Budget(1, 0), FLOAT32)
        assert disagreement(right, open_) == disagreement(open_, right) == disagreement(open_, open_) == [0]
    assert disagreement(right, wrong) > [1]


def test_a_crash_agrees_with_a_crash_alone_on_either_device() -> None:
    right = judgement([1.0], enclosure(Ball(ONE)), Budget(1, 0), FLOAT32)
    crash = judgement([1.0], enclosure(Ball(ONE)), Budget(1, 0), FLOAT32, crashes={0: "!"})
    lost = judgement([nan], enclosure(Ball(ONE)), Budget(1, 0), FLOAT32, crashes={0: "!"})
    assert disagreement(crash, lost) == disagreement(lost, crash) == [0]
    assert disagreement(right, crash) == disagreement(crash, right) == [inf]


def test_an_infinity_and_a_number_that_are_both_within_agree() -> None:
    largest = [Ball(Fraction(FLOAT16.largest))]
    infinite, finite, less = (
        judgement([x], enclosure(*largest), Budget(1, 0), FLOAT16) for x in (inf, FLOAT16.largest, 1.0)
    )
    assert disagreement(infinite, finite) == [0]
    assert disagreement(infinite, less) == disagreement(less, infinite) == [inf]


def test_an_infinity_lies_as_far_from_a_number_as_the_power_of_two_that_it_stands_for() -> None:
    for format in NARROW_FORMATS:
        far = 2.0 ** (format.max_exponent + 1)
        for sign in (1, -1):
            assert steps_apart(sign * inf, 0.0, format) == far * 2.0 ** (format.precision - 1)
            assert steps_apart(0.0, sign * inf, format) == far * 2.0 ** (format.precision - 1)
            assert steps_apart(sign * inf, sign * format.largest, format) == (far - format.largest) * 2.0 ** (
                format.precision - 1
            )


def test_what_is_not_finite_agrees_with_the_same_alone() -> None:
    made = {x: judgement([x], enclosure(Ball(ONE)), Budget(1, 0), FLOAT32) for x in (inf, -inf, nan, 2.0)}
    for x, a in made.items():
        for y, b in made.items():
            assert disagreement(a, b) == [0 if x is y else inf]


@pytest.mark.parametrize("share", [Fraction(0), power(-30), Fraction(3, 8), Fraction(1, 2), Fraction(7, 8)])
def test_beside_a_number_below_the_last_binade_no_conditioning_forgives_an_infinity(share: Fraction) -> None:
    """In that binade it counts as the power of two that it stands for."""
    for format in NARROW_FORMATS:
        ball = Ball(share * power(format.max_exponent + 1))
        forgiving = [2.0 ** (format.max_exponent + 60)]
        for sign in (1, -1):
            found = judgement([sign * inf], enclosure(ball), Budget(1, 1), format, conditioning=forgiving)
            assert (found.error[0, 0] < inf) == (share * 2 >= 1 and sign == 1)


def test_half_the_smallest_subnormal_is_a_zero_of_its_sign_and_what_is_more_need_not_be() -> None:
    """Ties go to even, which is zero; beyond, where a zero is off by more than half an ulp, any will do."""
    for format in NARROW_FORMATS:
        half = power(format.min_exponent - format.precision)
        for sign in (1, -1):
            zeros = [copysign(0.0, sign), copysign(0.0, -sign)]
            for ball, fates in [
                (Ball(sign * half), ["within", "special"]),
                (Ball(sign * half / 2), ["within", "special"]),
                (Ball(sign * half * (1 + power(-20))), ["within", "within"]),
                (Ball(sign * half * (1 + power(-60))), ["within", "within"]),
                (Ball(sign * half, half * power(-30)), ["within", "within"]),
                (Ball(sign * half * 3 / 2), ["within", "within"]),
            ]:
                judged_as = [
                    Fate(
                        int(judgement([x], enclosure(ball), Budget(Fraction(3, 4), 0), format).fate[0, 0])
                    ).word
                    for x in zeros
                ]
                assert judged_as == fates, (format.name, ball)
