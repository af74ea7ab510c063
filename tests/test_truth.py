"""Truth of small formulas against closed forms, and a second opinion that catches what is wrong and nothing else."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from flint import ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from numcheck.declaration.budgets import ulps
from numcheck.declaration.formulas import Formula, formula_of
from numcheck.declaration.mistakes import FormulaError
from numcheck.declaration.words import Of
from numcheck.domain import Domain, Points, index, one_of, real, vector
from numcheck.formats import format_of
from numcheck.reals import arrays, enclosures, evaluation, tape
from numcheck.reals import vocabulary as m
from numcheck.reals.arrays import Reals
from numcheck.reals.enclosures import INVALID, PROVED, UNRESOLVED, Enclosure, ulp_exponent
from numcheck.reals.precision import LIMIT, START
from numcheck.truth import (
    ContradictionError,
    Truth,
    batches,
    conditioning_at,
    kinks,
    opinion,
    proofs,
    second_opinion,
    settle,
    settle_together,
    settling,
)

FLOAT64, FLOAT32 = format_of("float64"), format_of("float32")
ANY = real(-math.inf, math.inf)
UNIT = 2.0**-50  # a few float64 roundings of the closed forms, which are themselves computed in float64


def made(function: Callable[..., Any], wrt: tuple[str, ...] | None = None, **inputs: Domain) -> Formula:
    return formula_of(function, "a test", [], wrt, inputs)


def at(**columns: Any) -> Points:
    """Points from lists of floats, nested lists, ints (labels) or tuples (settings)."""
    made_columns: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values, tuple):
            made_columns[name] = values
        else:
            integral = all(isinstance(v, int) for v in values)
            made_columns[name] = torch.tensor(values, dtype=torch.int64 if integral else torch.float64)
    count = len(next(iter(columns.values())))
    return Points(made_columns, np.full(count, "given"))


def fractions(found: Enclosure) -> list[Fraction]:
    return [
        (Fraction(float(h)) + Fraction(float(low))) * Fraction(2) ** int(e)
        for h, low, e in zip(found.high.flat, found.low.flat, found.exponent.flat, strict=True)
    ]


def assert_holds(found: Enclosure, want: list[Fraction]) -> None:
    """The exact rational values lie inside the enclosures."""
    radii = [
        Fraction(float(r)) * Fraction(2) ** int(e)
        for r, e in zip(found.radius.flat, found.exponent.flat, strict=True)
    ]
    assert (found.state == PROVED).all()
    for got, radius, exact in zip(fractions(found), radii, want, strict=True):
        assert abs(got - exact) <= radius, (float(got), float(exact))


def assert_near(got: np.ndarray, want: Any) -> None:
    """Equal up to the roundings of the float64 that both were computed in."""
    want = np.asarray(want, dtype=np.float64)
    assert got.shape == want.shape
    assert (np.abs(got - want) <= UNIT * np.abs(want)).all(), (got, want)


# Values, gradients, conditioning ----------------------------------------------------------------------------------


def ratio_of_powers(x: Reals, y: Reals) -> Reals:
    return x**3 / y


XS, YS = [0.5, -3.0, 7.0, 1e-20], [2.0, 0.25, -1e10, 3.0]


def test_value_and_gradient_hold_the_exact_rationals() -> None:
    found = settle(made(ratio_of_powers, x=ANY, y=ANY), at(x=XS, y=YS), FLOAT64)
    x, y = [Fraction(v) for v in XS], [Fraction(v) for v in YS]
    assert_holds(found.value, [a**3 / b for a, b in zip(x, y, strict=True)])
    assert found.gradient is not None
    pairs = [(3 * a * a / b, -(a**3) / (b * b)) for a, b in zip(x, y, strict=True)]
    assert_holds(found.gradient, [part for pair in pairs for part in pair])


def test_conditioning_is_the_sum_of_arguments_times_slopes() -> None:
    found = settle(made(ratio_of_powers, x=ANY, y=ANY), at(x=XS, y=YS), FLOAT64)
    x, y = np.abs(XS), np.abs(YS)
    # |x * 3x**2/y| + |y * x**3/y**2|
    assert_near(found.halves[Of.VALUE].conditioning, 4 * x**3 / y)
    # |x * 6x/y| + |y * 3x**2/y**2|  and  |x * 3x**2/y**2| + |y * 2x**3/y**3|
    assert_near(found.halves[Of.GRAD].conditioning, np.stack([9 * x**2 / y, 5 * x**3 / y**2], 1))


def test_conditioning_counts_the_inputs_by_which_no_gradient_is_asked() -> None:
    found = settle(made(ratio_of_powers, wrt=("x",), x=ANY, y=ANY), at(x=XS, y=YS), FLOAT64)
    x, y = np.abs(XS), np.abs(YS)
    assert_near(found.halves[Of.VALUE].conditioning, 4 * x**3 / y)
    assert found.gradient is not None and found.gradient.shape == (4, 1)
    assert_near(found.halves[Of.GRAD].conditioning, (9 * x**2 / y)[:, None])


def test_an_infinite_slope_forgives_nothing() -> None:
    def root(x: Reals) -> Reals:
        return m.sqrt(x)

    told = settle(made(root, x=ANY), at(x=[0.0, 4.0]), FLOAT64)
    assert told.halves[Of.VALUE].conditioning.tolist() == [0.0, 1.0]
    assert told.value.state.tolist() == [PROVED, PROVED]


def test_what_an_infinite_element_leaves_undefined_takes_nothing_from_what_the_others_are_forgiven() -> None:
    def total(x: Reals) -> Reals:
        return m.log(m.sum(m.exp(x)))

    formula = made(total, x=vector(-math.inf, 9, sizes=(2, 3)))
    beside, alone = (settle(formula, at(x=[x]), FLOAT64) for x in ([-math.inf, 3.0, 4.0], [3.0, 4.0]))
    assert_near(beside.halves[Of.VALUE].conditioning, alone.halves[Of.VALUE].conditioning)
    assert_near(
        beside.halves[Of.GRAD].conditioning, np.append([[0.0]], alone.halves[Of.GRAD].conditioning, 1)
    )


def squares_and_product(v: Reals) -> Reals:
    return m.stack([v[0] ** 2, v[0] * v[1], v[1] ** 3])


def test_of_several_outputs_the_gradient_is_that_of_the_chosen_one() -> None:
    formula = made(squares_and_product, v=vector(-9, 9, sizes=(2,)))
    points = at(v=[[3.0, 5.0]] * 4)
    found = settle(formula, points, FLOAT64)
    assert found.component.tolist() == [0, 1, 2, 0]
    assert found.gradient is not None
    assert_holds(found.gradient, [Fraction(v) for v in (6, 0, 5, 3, 0, 75, 6, 0)])
    assert found.halves[Of.GRAD].conditioning.tolist() == [[6, 0], [5, 3], [0, 150], [6, 0]]
    assert found.halves[Of.VALUE].conditioning.tolist() == [[18, 30, 375]] * 4
    chosen = settle(formula, points, FLOAT64, component=np.array([2, 2, 2, 2]))
    assert chosen.gradient is not None
    assert_holds(chosen.gradient, [Fraction(v) for v in (0, 75)] * 4)


def test_the_gradient_can_be_left_out() -> None:
    found = settle(made(ratio_of_powers, x=ANY, y=ANY), at(x=XS, y=YS), FLOAT64, with_gradient=False)
    assert set(found.halves) == {Of.VALUE} and found.gradient is None


def labelled(x: Reals, label: Any, mode: Any) -> Reals:
    y = x * 2 if label else x * 3
    return y + 100 if mode == "shifted" else y


def test_points_are_grouped_by_labels_and_settings_and_come_back_in_order() -> None:
    formula = made(labelled, x=ANY, label=one_of(0, 1), mode=one_of("plain", "shifted"))
    points = at(x=[1.0, 2.0, 4.0, 8.0], label=[0, 1, 0, 1], mode=("plain", "shifted", "shifted", "plain"))
    found = settle(formula, points, FLOAT64)
    assert found.value.nearest().tolist() == [3, 104, 112, 16]
    assert found.gradient is not None
    assert found.gradient.nearest().ravel().tolist() == [3, 2, 3, 2]


def picked(logits: Reals, target: Any) -> Reals:
    return logits[target] ** 2


def test_an_index_picks_per_point() -> None:
    formula = made(picked, logits=vector(-9, 9, sizes=(3,)), target=index(sizes=(3,)))
    found = settle(formula, at(logits=[[1.0, 2.0, 4.0]] * 3, target=[2, 0, 1]), FLOAT64)
    assert found.value.nearest().tolist() == [16, 1, 4]
    assert found.gradient is not None
    assert found.gradient.nearest().tolist() == [[0, 0, 8], [2, 0, 0], [0, 4, 0]]


def sized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points are evaluated at a time, from now on."""
    sizes: list[int] = []
    evaluate = batches.evaluate

    def counted(function: Any, arguments: Any, continuous: Any, wrt: Any, lanes: int, *rest: Any) -> Any:
        found = evaluate(function, arguments, continuous, wrt, lanes, *rest)
        sizes.append(lanes)
        return found

    monkeypatch.setattr(batches, "evaluate", counted)
    return sizes


def test_choices_that_a_formula_takes_as_numbers_share_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = made(
        lambda x, rate, power: rate * x**power, x=ANY, rate=one_of(0.5, 0.1), power=one_of(1, 2, 3)
    )
    points = at(x=[2.0, 4.0, 2.0, 2.0], rate=(0.5, 0.1, 0.1, 0.5), power=[1, 2, 3, 3])
    sizes = sized(monkeypatch)
    found = settle(formula, points, FLOAT64)
    assert sizes == [4]
    tenth = Fraction(0.1)
    assert_holds(found.value, [Fraction(1), 16 * tenth, 8 * tenth, Fraction(4)])
    assert found.gradient is not None
    assert_holds(found.gradient, [Fraction(1, 2), 8 * tenth, 12 * tenth, Fraction(6)])


def test_of_an_index_and_what_stands_for_none_only_the_places_share_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kept(logits: Reals, target: Any) -> Reals:
        return m.zeros_like(logits[0]) if target == -100 else m.log(logits[target])

    formula = made(kept, logits=vector(0, 9, sizes=(2,)), target=index(sizes=(2,), extra=(-100,)))
    points = at(logits=[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], target=[0, 1, -100, 1])
    sizes = sized(monkeypatch)
    found = settle(formula, points, FLOAT64)
    assert sizes == [3, 1]
    assert found.value.nearest().tolist() == [0, 0, 0, 0]  # the logarithm of the other 0 bears on nothing
    assert found.gradient is not None
    assert found.gradient.nearest().tolist() == [[1, 0], [0, 1], [0, 0], [0, 1]]


def test_choices_that_decide_together_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = made(lambda x, a, b: x if a == b else -x, wrt=(), x=ANY, a=one_of(0, 1, 2), b=one_of(0, 1, 2))
    # beside b = 2, which the first point has, a formula takes 0 and 1 for a alike
    points = at(x=[1.0, 2.0, 4.0, 8.0], a=[0, 1, 0, 1], b=[2, 1, 1, 1])
    sizes = sized(monkeypatch)
    assert settle(formula, points, FLOAT64).value.nearest().tolist() == [-1, 2, -4, 8]
    assert sum(sizes) == 4


def test_an_integer_that_no_double_holds_shares_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    big = 2**53 + 1
    formula = made(lambda x, n: x * n, x=ANY, n=one_of(1, big))
    sizes = sized(monkeypatch)
    found = settle(formula, at(x=[1.0, 1.0], n=[1, big]), FLOAT64)
    assert sizes == [1, 1]
    assert_holds(found.value, [Fraction(1), Fraction(big)])


def test_choices_that_a_batch_mixes_up_are_caught_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = made(picked, logits=vector(-9, 9, sizes=(2,)), target=index(sizes=(2,)))
    points = at(logits=[[1.0, 2.0]] * 600, target=[0, 1] * 300)
    assert (settle(formula, points, FLOAT32).precision == proofs.FLOAT64).all()
    monkeypatch.setattr(arrays, "_chosen", lambda x, place: m.sum(x, 0))
    with pytest.raises(ContradictionError, match="picked: float64 balls and Arb prove different values"):
        settle(formula, points, FLOAT32)


def audited(count: int, formula: Formula, found: Truth, points: Points, **more: float) -> list[float]:
    """The x of the points that an audit proves again."""
    seen: list[float] = []

    def noted(formula: Formula, points: Points, *rest: Any) -> None:
        seen.extend(points.columns["x"].tolist())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opinion, "audit_enclosures", noted)
        assert opinion.audit(formula, points, found, FLOAT32, **more) == count
    return seen


@pytest.mark.parametrize(("points", "again"), [(300, 2), (600, 2), (1024, 4)])
def test_one_point_in_256_is_audited_and_no_fewer_than_two(points: int, again: int) -> None:
    formula, drawn = made(lambda x: x * x, x=ANY), at(x=np.linspace(1, 2, points).tolist())
    assert len(audited(again, formula, settle(formula, drawn, FLOAT32), drawn)) == again


def test_an_audit_of_all_points_proves_each_once() -> None:
    formula, points = made(lambda x: x * x, x=ANY), at(x=np.linspace(1, 2, 300).tolist())
    seen = audited(300, formula, settle(formula, points, FLOAT32), points, share=1.0)
    assert seen == points.columns["x"].tolist()


def test_what_arb_has_proved_itself_is_not_audited() -> None:
    formula, points = made(lambda x: x * x, x=ANY), at(x=[1.0, 2.0])
    assert audited(0, formula, settle(formula, points, FLOAT32), points) == []


@pytest.mark.parametrize(("of", "word"), [(Of.VALUE, "value"), (Of.GRAD, "gradient")])
def test_one_number_that_arb_does_not_find_is_told_with_its_point(of: Of, word: str) -> None:
    formula = made(lambda x, y: m.stack([x * y, x + y]), x=ANY, y=ANY)
    points = at(x=[1.0, 2.0, 3.0, 4.0], y=[5.0, 6.0, 7.0, 9.0])
    found = settle(formula, points, FLOAT32)
    high = found.halves[of].exact.high.copy()
    high[2:, 1] *= 1.25
    told = {each: (lied(found, of, high=high) if each is of else found).halves[each].exact for each in Of}
    with pytest.raises(ContradictionError, match=rf"prove different {word}s at x=3\.0, y=7\.0$"):
        opinion.audit_enclosures(formula, points, told[Of.VALUE], told[Of.GRAD], found.component, FLOAT32)


@pytest.mark.parametrize("count", [3, 600])  # which Arb settles, and float64 balls
def test_a_gradient_by_itself_is_that_beside_the_value(count: int) -> None:
    formula = made(lambda x: m.exp(x) * m.sum(x), x=vector(-9, 9, sizes=(2,)))
    points = at(x=[[1.0 + k / 512, 2.0] for k in range(count)])
    whole, alone = settle(formula, points, FLOAT32), settle(formula, points, FLOAT32, with_value=False)
    assert list(alone.halves) == [Of.GRAD]
    told, expected = alone.halves[Of.GRAD], whole.halves[Of.GRAD]
    assert told.exact.nearest().tolist() == expected.exact.nearest().tolist()
    assert told.conditioning.tolist() == expected.conditioning.tolist()
    assert alone.component.tolist() == whole.component.tolist()


# Precision and the three outcomes ---------------------------------------------------------------------------------


def absorbed(x: Reals) -> Reals:
    return m.log(1 + m.exp(-x))


def test_the_precision_rises_only_for_the_points_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes: list[tuple[int, int]] = []
    evaluate = batches.evaluate

    def counting(function: Any, arguments: Any, continuous: Any, wrt: Any, count: int, *rest: Any) -> Any:
        lanes.append((ctx.prec, count))
        return evaluate(function, arguments, continuous, wrt, count, *rest)

    monkeypatch.setattr(batches, "evaluate", counting)
    found = settle(made(absorbed, x=ANY), at(x=[1.0, 400.0, 2.0, 300.0]), FLOAT64)
    # 1 + exp(-400) needs 578 bits before anything is left of it
    assert found.precision.tolist() == [128, 1024, 128, 512]
    assert lanes == [(128, 4), (256, 2), (512, 2), (1024, 1)]
    assert (found.value.state == PROVED).all()


def test_a_tiny_truth_is_that_of_its_series() -> None:
    found = settle(made(absorbed, x=ANY), at(x=[400.0]), FLOAT64)
    # log(1 + t) lies between t - t**2/2 and t
    got, ulp = fractions(found.value)[0], Fraction(2) ** int(ulp_exponent(found.value, FLOAT64)[0])
    assert abs(got - Fraction(math.exp(-400))) <= ulp


def test_what_the_formula_has_no_value_for_is_invalid_and_infinities_are_proved() -> None:
    def logarithm(x: Reals) -> Reals:
        return m.log(x)

    found = settle(made(logarithm, x=ANY), at(x=[-1.0, 0.0, math.inf, 1.0]), FLOAT32)
    assert found.value.state.tolist() == [INVALID, PROVED, PROVED, PROVED]
    assert found.value.high[1:].tolist() == [-math.inf, math.inf, 0]
    assert found.precision.max() < LIMIT


def test_an_undefined_subexpression_beside_an_inexact_one_is_invalid_at_once() -> None:
    def scaled(x: Reals) -> Reals:
        return m.exp(m.log(x) * m.pi()) + m.exp(x)

    found = settle(made(scaled, x=ANY), at(x=[-1.0]), FLOAT32)
    assert found.value.state.tolist() == [INVALID]
    assert found.precision[0] == 2 * START


def test_a_choice_that_no_precision_decides_is_unresolved() -> None:
    def undecidable(x: Reals) -> Reals:
        return m.where(m.sqrt(x) ** 2 == x, 1, 2) * x

    found = settle(made(undecidable, x=ANY), at(x=[2.0]), FLOAT32)
    assert found.value.state.tolist() == [UNRESOLVED]
    assert found.precision[0] == LIMIT


def test_an_infinity_passes_through_sums_with_inexact_numbers() -> None:
    def shifted(x: Reals) -> Reals:
        return (x + m.pi()) / m.sqrt(2 + 0 * m.exp(-abs(x))) * m.ratio(1, 3)

    found = settle(made(shifted, x=ANY), at(x=[math.inf, -math.inf]), FLOAT32, with_gradient=False)
    assert found.value.state.tolist() == [PROVED, PROVED]
    assert found.value.high.tolist() == [math.inf, -math.inf]


def test_a_kink_is_proved_at_the_interval_and_settles_early() -> None:
    def relu(x: Reals) -> Reals:
        return m.maximum(x, 0) * m.pi()

    found = settle(made(relu, x=ANY), at(x=[0.0, 1.0]), FLOAT32)
    assert found.gradient is not None
    assert found.gradient.state.tolist() == [[PROVED], [PROVED]]
    low = found.gradient.high[0, 0] - found.gradient.radius[0, 0]
    high = found.gradient.high[0, 0] + found.gradient.radius[0, 0]
    unit = 2.0 ** found.gradient.exponent[0, 0]
    assert low * unit <= 0 and high * unit >= math.pi
    assert high * unit <= math.pi * (1 + 2**-20)
    assert found.precision.tolist() == [256, 128]


def test_a_tie_that_looks_undecided_for_long_is_no_kink() -> None:
    def late(x: Reals) -> Reals:
        # exp(2**-400) exceeds 1 by 2**-400: decided above 400 bits only
        return m.maximum(m.exp(x) - 1, 0) * 4

    found = settle(made(late, x=ANY), at(x=[2.0**-400]), FLOAT64)
    assert found.gradient is not None
    assert abs(found.gradient.nearest()[0, 0] - 4) <= 2.0**-50
    assert found.gradient.radius[0, 0] < 2.0**-50


def test_the_precision_is_put_back_also_when_a_formula_fails() -> None:
    def failing(x: Reals) -> Reals:
        raise RuntimeError("no value")

    before = ctx.prec
    with pytest.raises(FormulaError, match=r"test_truth.py:\d+, failing: RuntimeError: no value"):
        settle(made(failing, x=ANY), at(x=[1.0]), FLOAT32)
    assert ctx.prec == before


# The second opinion -----------------------------------------------------------------------------------------------


def naive_tanh(x: Reals) -> Reals:
    return m.tanh(x) * m.exp(x)


def softmax_entropy(v: Reals) -> Reals:
    e = m.exp(v)
    p = e / m.sum(e)
    return -m.sum(m.xlogy(p, p))


def triangle(v: Reals) -> Reals:
    return m.norm(v) + m.max(v) - m.min(v)


def special(x: Reals) -> Reals:
    return m.erf(x) + m.lgamma(2 + x * x) + m.atan2(x, 2 + x) + m.log1p(x * x)


def cube_root(x: Reals) -> Reals:
    return m.root(lambda t: t**3 + t - x, -100, 100)


def distance(x: Reals, y: Reals) -> Reals:
    return abs(x - y)


def share(x: Reals, y: Reals) -> Reals:
    return m.exp(x) / (m.exp(x) + m.exp(y))


NUMBERS = [0.5, -3.0, 1e-12, 7.0, 0.0, -1e-30]
VECTORS = [[0.5, -3.0, 1.0], [20.0, -20.0, 0.0], [1e-10, 0.0, 3.0], [0.0, 0.0, 0.0]]
RIGHT: dict[str, tuple[Callable[..., Any], Mapping[str, Domain], Points]] = {
    "tanh": (naive_tanh, {"x": ANY}, at(x=NUMBERS)),
    "absorbed": (absorbed, {"x": ANY}, at(x=[1.0, 90.0, -800.0, 3e38, -3e38])),
    "rationals": (ratio_of_powers, {"x": ANY, "y": ANY}, at(x=XS, y=YS)),
    "entropy": (softmax_entropy, {"v": vector(-30, 30)}, at(v=VECTORS)),
    "triangle": (triangle, {"v": vector(-30, 30)}, at(v=VECTORS)),
    "special": (special, {"x": ANY}, at(x=NUMBERS)),
    "root": (cube_root, {"x": ANY}, at(x=[0.5, -3.0])),
    "near a kink": (distance, {"x": ANY, "y": ANY}, at(x=[0.0, 1.0, 0.0], y=[1e-320, 1 + 2.0**-52, -5e-324])),
    "vanishing": (share, {"x": ANY, "y": ANY}, at(x=[-3e38, 3e38, -1e300], y=[3e38, -3e38, 0.0])),
    "several": (squares_and_product, {"v": vector(-9, 9)}, at(v=VECTORS)),
    "exponential": (lambda x: m.exp(x), {"x": ANY}, at(x=[3e38, -3e38, 1e4, -1e4, math.inf, -math.inf])),
}


def case_of(name: str) -> tuple[Formula, Points]:
    function, inputs, points = RIGHT[name]
    return made(function, **inputs), points


@pytest.mark.parametrize("format", [FLOAT32, FLOAT64], ids=lambda format: format.name)
@pytest.mark.parametrize("name", RIGHT)
def test_the_second_opinion_agrees_with_what_is_right(name: str, format: Any) -> None:
    formula, points = case_of(name)
    found = settle(formula, points, format)
    opinion = second_opinion(formula, points, found, format)
    assert opinion.checked == len(points)
    assert opinion.disagreements == ()


def moved_by_ulps(truth: Truth, ulps: int) -> Truth:
    value = truth.value
    with np.errstate(over="ignore"):
        shift = np.ldexp(
            float(ulps), np.clip(ulp_exponent(value, FLOAT32) - value.exponent, -900, 900).astype(int)
        )
    return lied(truth, Of.VALUE, low=value.low + shift)


def lied(truth: Truth, of: Of, **parts: np.ndarray) -> Truth:
    """The truth with other parts told of one half's exact numbers."""
    half = truth.halves[of]
    wrong = replace(half, exact=replace(half.exact, **parts))
    return replace(truth, halves={**truth.halves, of: wrong})


@pytest.mark.parametrize(
    "name", ["tanh", "absorbed", "rationals", "entropy", "triangle", "special", "root", "several"]
)
@pytest.mark.parametrize("ulps", [2, -2])
def test_a_truth_that_is_two_ulps_off_is_caught_at_every_point(name: str, ulps: int) -> None:
    formula, points = case_of(name)
    points = points.select(np.arange(2))
    found = settle(formula, points, FLOAT32)
    wrong = moved_by_ulps(found, ulps)
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 2


def test_a_wrong_derivative_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    formula, _ = case_of("tanh")
    points = at(x=[0.5, -3.0, 1e-12, 0.0, -1e-30])
    right = tape.RULES["tanh"]

    def wrong(cotangent: Reals, out: Reals, x: Reals) -> Reals:
        slope = right(cotangent, out, x)
        assert isinstance(slope, Reals)
        return slope * (1 + 2.0**-18)

    monkeypatch.setitem(tape.RULES, "tanh", wrong)
    found = settle(formula, points, FLOAT32)
    opinion = second_opinion(formula, points, found, FLOAT32)
    assert len(opinion.disagreements) == len(points)
    assert all("directional derivative" in told for told in opinion.disagreements)


def test_an_infinity_told_for_a_number_is_caught() -> None:
    formula, points = case_of("tanh")
    points = points.select(np.arange(1))
    found = settle(formula, points, FLOAT32)
    wrong = lied(found, Of.VALUE, high=np.full_like(found.value.high, np.inf))
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 1


BEYOND = 2**60
"""The exponent that stands for all larger ones."""


@pytest.mark.parametrize(
    ("function", "high", "exponent", "agrees"),
    [
        (lambda x: m.exp(x), 0.75, BEYOND, True),
        (lambda x: -m.exp(x), -0.75, BEYOND, True),
        (lambda x: m.exp(-x), 0.75, -BEYOND, True),
        (lambda x: -m.exp(-x), -0.75, -BEYOND, True),
        (lambda x: m.exp(-x), 0.0, -BEYOND, True),
        (lambda x: 0 * x, 0.0, -BEYOND, True),
        (lambda x: -m.exp(x), 0.75, BEYOND, False),
        (lambda x: m.exp(-x), -0.75, -BEYOND, False),
        (lambda x: m.exp(-x), 0.75, BEYOND, False),
        (lambda x: m.exp(x), 0.75, -BEYOND, False),
        (lambda x: m.exp(x), 0.0, -BEYOND, False),
        (lambda x: 0 * x, 0.75, -BEYOND, False),
        (lambda x: 3 + 0 * x, 0.75, BEYOND, False),
        (lambda x: x / 2.0**300, 0.75, -BEYOND, False),
        (lambda x: m.exp(x), -0.75, 2, False),
    ],
)
def test_a_number_beyond_every_exponent_is_compared_by_its_end_and_its_sign(
    function: Callable[..., Any], high: float, exponent: int, agrees: bool
) -> None:
    formula, points = made(function, x=ANY), at(x=[1e30])
    found = settle(formula, points, FLOAT32, with_gradient=False)
    told = lied(
        found,
        Of.VALUE,
        high=np.array([high]),
        low=np.zeros(1),
        radius=np.full(1, 0.0 if high else 0.9),
        exponent=np.array([exponent]),
    )
    assert (second_opinion(formula, points, told, FLOAT32).disagreements == ()) == agrees


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("settled_by", [8, 600], ids=["Arb", "float64 balls"])
def test_mpmath_agrees_with_what_lies_beyond_float64s_integers_wherever_its_exponent_is(
    sign: int, settled_by: int
) -> None:
    formula = made(lambda x: sign * m.exp(x), x=ANY)
    points = at(x=[s * x for s in (-1.0, 1.0) for x in np.geomspace(1e11, 1e30, settled_by // 2).tolist()])
    found = settle(formula, points, FLOAT32)
    assert not second_opinion(formula, points, found, FLOAT32).disagreements


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("more", "agrees"), [(0.0, True), (2.0**-40, False)])
def test_the_second_opinion_may_be_off_by_the_radius_and_a_64th_of_an_ulp(
    sign: int, more: float, agrees: bool
) -> None:
    formula, points = made(lambda x: x, x=ANY), at(x=[1.5])
    found = settle(formula, points, FLOAT32, with_gradient=False)
    off = 2.0**-26 + 2.0**-23 / 64 + more  # the value is 0.75 * 2**1, its ulp 2**-23
    told = lied(found, Of.VALUE, low=np.array([sign * off / 2]), radius=np.array([2.0**-27]))
    assert (second_opinion(formula, points, told, FLOAT32).disagreements == ()) == agrees


def test_a_value_told_of_other_than_mpmath_has_is_shown_with_twenty_digits() -> None:
    formula, points = made(lambda x: x / 3, x=ANY), at(x=[1.0])
    found = settle(formula, points, FLOAT32, with_gradient=False)
    wrong = lied(found, Of.VALUE, high=np.array([0.75]), low=np.zeros(1), exponent=np.zeros(1, np.int64))
    assert second_opinion(formula, points, wrong, FLOAT32).disagreements == (
        "<lambda> in float32: value 0.75, but mpmath has 0.33333333333333333333 at x=1.0",
    )


@pytest.mark.parametrize("digits", [0.0, 0.75])
def test_mpmath_is_asked_at_more_bits_until_two_precisions_tell_the_same(digits: float) -> None:
    """At 170 bits, as many as are first asked for after float64, the formula's exponential is lost."""
    formula, points = made(lambda x: m.log(1 + m.exp(x)), x=ANY), at(x=[-200.0])
    right = settle(formula, points, FLOAT64, with_gradient=False)
    right = replace(right, precision=np.array([53]))
    assert second_opinion(formula, points, right, FLOAT64).disagreements == ()
    wrong = lied(right, Of.VALUE, high=np.array([digits]), low=np.zeros(1))
    (told,) = second_opinion(formula, points, wrong, FLOAT64).disagreements
    assert "but mpmath has 1.38389652673673" in told


def test_a_large_number_that_cancels_on_the_way_raises_no_alarm() -> None:
    formula = made(lambda x, y: (x + m.exp(y)) - m.exp(y), wrt=("x",), x=ANY, y=ANY)
    points = at(x=[10.0], y=[5000.0])
    assert second_opinion(formula, points, settle(formula, points, FLOAT32), FLOAT32).disagreements == ()


def test_what_a_sigmoid_lacks_of_one_is_agreed_upon_wherever_it_lies() -> None:
    formula, points = made(lambda x: 1 - 1 / (1 + m.exp(-x)), x=ANY), at(x=[1e30, 300.0])
    found = settle(formula, points, FLOAT32, with_gradient=False)
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()


@pytest.mark.parametrize("y", [1e-300, -1e-300])
def test_a_wrong_slope_is_caught_though_a_constant_lies_close_to_a_kink(y: float) -> None:
    formula = made(
        lambda x, y: abs(x - y[0]) * y[1], wrt=("x",), x=ANY, y=vector(-math.inf, math.inf, sizes=(3,))
    )
    points = at(x=[0.0], y=[[y, 3.0, math.inf]])
    found = settle(formula, points, FLOAT64)
    assert second_opinion(formula, points, found, FLOAT64).disagreements == ()
    assert found.gradient is not None
    wrong = lied(found, Of.GRAD, high=found.gradient.high * (1 + 2.0**-20))
    (told,) = second_opinion(formula, points, wrong, FLOAT64).disagreements
    slope = math.copysign(3.0, -y)
    assert f"directional derivative {slope * (1 + 2.0**-20) / 4:.20}, but mpmath's" in told


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("share", "caught"), [(0.99, False), (1.01, True)])
@pytest.mark.parametrize(
    ("exponent", "allowed"), [(0, 2.0**-29), (-141, 2.0**-15)], ids=["normal", "subnormal"]
)
def test_a_slope_may_be_off_by_a_32nd_of_an_ulp_or_a_64th_of_the_least_number(
    exponent: int, allowed: float, share: float, sign: int, caught: bool
) -> None:
    """The slope is 0.75 times a power of two, and what is allowed of it is told in the same unit."""
    formula, points = made(lambda x: x * x * 2.0**exponent, x=ANY), at(x=[0.75])
    found = settle(formula, points, FLOAT32)
    wrong = lied(found, Of.GRAD, low=np.array([[sign * share * allowed]]))
    assert bool(second_opinion(formula, points, wrong, FLOAT32).disagreements) == caught


def test_a_kink_close_to_an_input_that_is_no_variable_raises_no_alarm() -> None:
    formula = made(distance, wrt=("x",), x=ANY, y=ANY)
    points = at(x=[0.0, 0.0], y=[1e-320, -1e-300])
    assert second_opinion(formula, points, settle(formula, points, FLOAT64), FLOAT64).disagreements == ()


def test_a_wrong_slope_beside_a_kink_is_caught() -> None:
    def beside_a_kink(x: Reals, y: Reals) -> Reals:
        return abs(x) + y * y

    formula, points = made(beside_a_kink, x=ANY, y=ANY), at(x=[0.0], y=[3.0])
    found = settle(formula, points, FLOAT32)
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()
    assert found.gradient is not None
    wrong = lied(found, Of.GRAD, high=found.gradient.high * [1, 1 + 2.0**-20])
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 1


def test_the_second_opinion_takes_the_precision_that_it_needs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float64 balls keep exponentials at a scale; mpmath needs more than 312 bits to tell 1 - p from zero here."""

    def doubtful(x: Reals) -> Reals:
        return -m.log(1 - 1 / (1 + m.exp(-x)))

    formula = made(doubtful, x=ANY)
    points = at(x=[108.344696044921875, 300.0])
    monkeypatch.setattr(settling, "FEWEST", 1)
    found = settle(formula, points, FLOAT32)
    assert (found.precision == 53).all()
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()
    wrong = moved_by_ulps(found, 2)
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 2


def jumping(x: Reals) -> Reals:
    return m.where(x * x - x >= 0, x / 10, x * x + 2)


CONVENTIONS: dict[str, tuple[Callable[..., Any], Points]] = {
    "a kink whose side a where states": (lambda x: m.where(x > 0, x, x / 4), at(x=[0.0])),
    "two kinks at once": (
        lambda x, y: m.where(x > 0, x, x / 4) + m.where(y < 0, y, y / 4),
        at(x=[0.0], y=[0.0]),
    ),
    "a jump": (jumping, at(x=[0.0, 1.0])),
    "a branch cut": (lambda y, x: m.atan2(y, x), at(y=[0.0, 0.0], x=[-1.0, -3.0])),
    "an end of the domain": (lambda x: x + m.sqrt(x) ** 3, at(x=[0.0])),
    "a slope apart": (lambda x: m.where(x == 0, 2 * x, x), at(x=[0.0])),
    "a value apart": (lambda x: m.where(x == 0, 1, x * x), at(x=[0.0])),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_second_opinion_never_doubts_a_convention(name: str) -> None:
    function, points = CONVENTIONS[name]
    formula = made(function, **dict.fromkeys(points.columns, ANY))
    found = settle(formula, points, FLOAT32)
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()


def test_beside_a_jump_a_wrong_slope_is_caught() -> None:
    formula, points = made(jumping, x=ANY), at(x=[2.0**-24, 0.75, 3.0])
    found = settle(formula, points, FLOAT32)
    assert found.gradient is not None
    wrong = lied(found, Of.GRAD, high=found.gradient.high * (1 + 2.0**-20))
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 3


def test_a_slope_told_where_the_formula_has_no_value_is_caught() -> None:
    formula, points = made(lambda x: m.log(x), x=ANY), at(x=[1.0])
    found = settle(formula, points, FLOAT32)
    assert second_opinion(formula, at(x=[-1.0]), found, FLOAT32).disagreements


@pytest.mark.parametrize("exponent", [700.0, 13766.0986328125, 1e5])
def test_a_number_far_above_the_step_raises_no_alarm(exponent: float) -> None:
    formula, points = made(lambda x, y: x + m.exp(y), x=ANY, y=ANY), at(x=[10.0], y=[exponent])
    found = settle(formula, points, FLOAT32)
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()


def test_beside_a_large_number_a_wrong_slope_is_caught() -> None:
    formula, points = made(lambda x, y: x * x + m.exp(y), wrt=("x",), x=ANY, y=ANY), at(x=[10.0], y=[5000.0])
    found = settle(formula, points, FLOAT32)
    assert found.gradient is not None
    wrong = lied(found, Of.GRAD, high=found.gradient.high * (1 + 2.0**-20))
    assert len(second_opinion(formula, points, wrong, FLOAT32).disagreements) == 1


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: 3 ** m.exp(x), 1e6),
        (lambda x: m.exp(m.exp(x)), 1e6),
        (lambda x: m.exp(-m.exp(m.exp(x))), 20.0),
        (lambda x: m.sin(m.exp(x)), 1e6),
        (lambda x: x**x, 1e30),
        (lambda x: m.log1p(m.exp(-x)), 1e9),
        (lambda x: m.erfc(m.exp(x)), 1e5),
    ],
)
def test_the_second_opinion_has_bounded_work(function: Callable[..., Any], x: float) -> None:
    """Each of these hung, or took all memory, where mpmath made a number's exponent into so many bits."""
    formula, points = made(function, x=ANY), at(x=[x])
    found = settle(formula, points, FLOAT32)
    assert second_opinion(formula, points, found, FLOAT32).disagreements == ()


def test_the_points_decide_which_of_them_are_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[float]] = []

    def noted(formula: Formula, points: Points, *rest: Any) -> None:
        seen.append(points.columns["x"].tolist())

    monkeypatch.setattr(opinion, "audit_enclosures", noted)
    formula = made(absorbed, x=ANY)
    for shift in (0.0, 0.0, 0.5):
        settle(formula, at(x=(np.linspace(-5, 5, 600) + shift).tolist()), FLOAT32)
    assert seen[0] == seen[1]
    assert seen[0] != [x - 0.5 for x in seen[2]]


# Float64 balls before Arb -----------------------------------------------------------------------------------------


def test_large_batches_are_settled_in_float64_and_small_ones_by_arb() -> None:
    formula = made(absorbed, x=ANY)
    many = settle(formula, at(x=np.linspace(-5, 5, 600).tolist()), FLOAT32)
    few = settle(formula, at(x=np.linspace(-5, 5, 60).tolist()), FLOAT32)
    assert (many.precision == proofs.FLOAT64).all()
    assert (few.precision == 128).all()


def logarithms_apart(x: Reals, y: Reals) -> Reals:
    return m.log(x) - m.log(y)


def equal_pairs() -> Points:
    """Where the difference of two logarithms is zero, which no precision proves."""
    numbers = np.linspace(1.5, 9, 600).tolist()
    return at(x=numbers, y=numbers)


def test_a_zero_is_settled_as_far_as_every_routine_is_forgiven_there() -> None:
    formula = made(logarithms_apart, x=real(0, math.inf), y=real(0, math.inf))
    assert (settle(formula, equal_pairs(), FLOAT32).precision > 128).all()  # nobody is forgiven anything
    for cond, precision in ((1.0, proofs.FLOAT64), (0.0, 256), (2.0, 256)):  # the strictest counts

        def nothing(x: Any, y: Any) -> Any:
            return x * 0

        nothing.__name__ = f"forgiven_{cond:g}"
        formula.routine(value=ulps(1, cond=cond))(nothing)
        found = settle(formula, equal_pairs(), FLOAT32, with_gradient=False)
        assert (found.precision == precision).all()
        assert_holds(found.value, [Fraction(0)] * 600)
        # conditioning is 2 everywhere
        radius = np.ldexp(found.value.radius, found.value.exponent.astype(np.int32))
        assert (radius <= 2 * 2.0**-24 / 64).all()


def a_square_beside_nothing(x: Reals, y: Reals) -> Reals:
    return x * x + (m.log(y) - m.log(y))


@pytest.mark.parametrize("coupled", [True, False])
def test_a_slope_of_zero_is_settled_beside_the_largest_where_budgets_couple_them(coupled: bool) -> None:
    formula = made(a_square_beside_nothing, x=ANY, y=real(0, math.inf))

    @formula.routine(value=ulps(1), grad=ulps(1, coupled=True))
    def square(x: Any, y: Any) -> Any:
        return x * x

    @formula.routine(value=ulps(1), grad=ulps(1, coupled=coupled))
    def power(x: Any, y: Any) -> Any:
        return x**2

    assert list(formula.routines.values()) == [square, power]
    found = settle(formula, equal_pairs(), FLOAT32)
    assert ((found.precision == proofs.FLOAT64) == coupled).all()


# Several formats in one go ----------------------------------------------------------------------------------------


def draws(formula: Formula, *names: str) -> tuple[list[Points], list[np.ndarray]]:
    points = [formula.points(format_of(name), 300, 0)[0] for name in names]
    return points, [np.arange(len(part)) for part in points]


def test_truths_of_several_formats_are_settled_once_and_tight_enough_for_each(monkeypatch) -> None:
    formula = formula_of(lambda x: m.log(1 + m.exp(x)), "a test", [], None, {"x": real(-200, 200)})
    names = ("float32", "bfloat16", "float16")
    points, component = draws(formula, *names)
    apart = [settle(formula, part, format_of(name)) for part, name in zip(points, names, strict=True)]
    asked: list[Any] = []

    def counted(formula: Formula, points: Points, format: Any, **wanted: Any) -> Truth:
        asked.append((len(points), format.name))
        return settle(formula, points, format, **wanted)

    monkeypatch.setattr(settling, "settle", counted)
    together = settle_together(formula, points, [format_of(name) for name in names], component)
    assert asked == [(sum(map(len, points)), "float32")]
    for one, other, name, part in zip(together, apart, names, points, strict=True):
        assert part.columns["x"].dtype == format_of(name).dtype
        for of in Of:
            exact = one.halves[of].exact
            assert (exact.state == PROVED).all() and exact.shape == other.halves[of].exact.shape
            assert not enclosures.contradiction(exact, other.halves[of].exact).any()
            assert enclosures.narrow(exact, format_of(name), enclosures.TOLERANCE).all()


def test_formats_of_which_none_holds_the_others_are_settled_apart(monkeypatch) -> None:
    formula = formula_of(lambda x: x * x, "a test", [], None, {"x": real(-2, 2)})
    points, component = draws(formula, "bfloat16", "float16")
    asked: list[str] = []

    def counted(formula: Formula, points: Points, format: Any, **wanted: Any) -> Truth:
        asked.append(format.name)
        return settle(formula, points, format, **wanted)

    monkeypatch.setattr(settling, "settle", counted)
    settle_together(formula, points, [format_of("bfloat16"), format_of("float16")], component)
    assert asked == ["bfloat16", "float16"]


def test_points_that_no_precision_settles_are_given_up_early() -> None:
    def doubtful(x: Reals) -> Reals:
        return -m.log((1 + m.exp(-x)) - 1)

    formula = made(doubtful, x=ANY)
    hopeless = settle(formula, at(x=[1e5, 1e10, 3e38]), FLOAT32)
    assert (hopeless.value.state == UNRESOLVED).all()
    assert (hopeless.precision <= 512).all()
    # what more bits settle is not given up, though it adds numbers that are far apart
    assert (settle(formula, at(x=[100.0, 1000.0, 6000.0]), FLOAT32).value.state == PROVED).all()
    beside = made(lambda x, y: doubtful(x) + (y + m.exp(-1e30 * y)), x=ANY, y=ANY)
    assert (settle(beside, at(x=[100.0], y=[1.0]), FLOAT32).value.state == PROVED).all()


def test_what_only_the_range_of_the_format_asks_for_is_not_given_up() -> None:
    found = settle(made(lambda x: 1 - 1 / (1 + m.exp(-x)), x=ANY), at(x=[1e5, 3e38]), FLOAT64)
    assert (found.value.state == PROVED).all()


def test_the_logarithm_of_what_no_precision_tells_from_one_is_known() -> None:
    def raised(x: Reals, y: Reals) -> Reals:
        return m.exp(x) * m.log(1 / (1 + m.exp(-x))) + m.exp(x) * (y - 1)

    found = settle(made(raised, x=ANY, y=ANY), at(x=[1e6, 1e30], y=[1.0, 1.0]), FLOAT64)
    assert (found.value.nearest() == -1).all()
    # the slope of a power is the logarithm of its base
    power = made(lambda x, y: m.exp(x) * (1 / (1 + m.exp(-x))) ** y, x=ANY, y=ANY, wrt=("y",))
    (slope,) = settle(power, at(x=[1e6], y=[2.0]), FLOAT64).gradient.nearest().T
    assert (slope == -1).all()


# Long points ------------------------------------------------------------------------------------------------------


def log_sum(v: Reals) -> Reals:
    return m.log(m.sum(m.exp(v)))


def softmax(v: Reals) -> Reals:
    return m.exp(v) / m.sum(m.exp(v))


@pytest.mark.parametrize("count", [3, 400], ids=["by Arb", "by float64 balls"])
@pytest.mark.parametrize("function", [log_sum, softmax, softmax_entropy])
def test_of_many_numbers_conditioning_is_told_as_the_least_that_it_can_be(
    function: Callable[..., Any], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = made(function, v=vector(-5, 5, sizes=(12,)))
    (drawn,) = formula.points(FLOAT32, 3 * count + 300, 0)
    points = drawn.select(np.flatnonzero(drawn.origin == "sample")[:count])
    exact = settle(formula, points, FLOAT32)
    monkeypatch.setattr(evaluation, "ROWS", 4)
    monkeypatch.setattr(proofs, "ROWS", 4)
    least = settle(formula, points, FLOAT32)
    assert least.loose.all()
    for of, half in exact.halves.items():
        if half.conditioning[0].size > 4:
            told, known = least.halves[of].conditioning, half.conditioning
            assert (told <= known * (1 + 2.0**-40)).all()
            assert np.median(told / known) > 0.3
            for element in (0, 7):
                places = np.full(count, element)
                asked = conditioning_at(formula, points, exact.component, of, places)
                assert (np.abs(asked - known[:, element]) <= known[:, element] * 2.0**-40).all()


def test_a_point_of_ten_thousand_numbers_is_settled_in_passes_and_not_in_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The square of ten thousand would be a hundred million derivatives, for each of a hundred points."""
    formula = made(log_sum, v=vector(-5, 5, sizes=(10_000,)))
    passes = 0
    backwards = evaluation.gradient

    def counted(*arguments: Any) -> Any:
        nonlocal passes
        passes += 1
        return backwards(*arguments)

    monkeypatch.setattr(evaluation, "gradient", counted)
    (points,) = formula.points(FLOAT32, 4, 0)
    found = settle(formula, points.select(np.arange(4)), FLOAT32)
    assert found.gradient is not None and (found.gradient.state == PROVED).all()
    assert passes <= 8


# What needs many bits, and what no bits tell ---------------------------------------------------------------------


def wave(x: Any) -> Any:
    """A wave as short as its argument is large, and as low."""
    return m.sin(m.exp(x)) / m.exp(x)


def test_a_slope_that_twice_the_bits_do_not_tell_is_no_interval_of_a_kink() -> None:
    """At 128 and 256 bits the ball is as wide as it can be; at 512 it tells the slope."""
    formula, points = made(wave, x=real(0, 300)), at(x=[200.0])
    truth = settle(formula, points, FLOAT32)
    assert truth.gradient is not None
    with mpmath.workprec(2000):  # the quotient's slope by itself, which shares no rule with ours
        e = mpmath.exp(200)
        slope = float(mpmath.cos(e) - mpmath.sin(e) / e)
    assert truth.gradient.nearest().item() == pytest.approx(
        slope, rel=2.0**-28
    )  # 1/64 ulp of float32, at most
    assert second_opinion(formula, points, truth, FLOAT32).disagreements == ()


def test_a_slope_that_no_precision_tells_stays_open() -> None:
    formula = made(lambda x: m.sin(m.exp(m.exp(x))) / m.exp(m.exp(x)), x=real(0, 60))
    truth = settle(formula, at(x=[10.5, 40.0]), FLOAT32)
    assert truth.gradient is not None
    assert (truth.gradient.state == UNRESOLVED).all()


@pytest.mark.parametrize(
    ("function", "x", "low", "high"),
    [
        (lambda x: abs(x), 0.0, -1, 1),
        (lambda x: m.maximum(x, 2 * x), 0.0, 1, 2),
        (lambda x: m.norm(m.stack([x, x])), 0.0, -2, 2),
        (lambda x: m.exp(x) * m.minimum(x, 3), 3.0, math.exp(3) * 3, math.exp(3) * 4),
    ],
)
def test_a_kink_keeps_the_interval_between_its_slopes(
    function: Callable[..., Any], x: float, low: float, high: float
) -> None:
    gradient = settle(made(function, x=ANY), at(x=[x]), FLOAT32).gradient
    assert gradient is not None and (gradient.state == PROVED).all()
    middle, radius = gradient.nearest().item(), np.ldexp(gradient.radius, gradient.exponent).item()
    assert middle - radius <= low + 1e-6 and high - 1e-6 <= middle + radius


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (lambda x: m.maximum(x, 0) - m.maximum(-x, 0), 0.0, 1.0),
        (lambda x: m.maximum(x, 0) + m.log1p(m.exp(-abs(x))), 0.0, 0.5),
        (lambda x: m.maximum(x, x), 3.0, 1.0),
        (lambda x: abs(x - 1) * 3 - abs(3 - 3 * x), 1.0, 0.0),
        (lambda x: m.maximum(m.exp(x) - 1, 0) - m.maximum(1 - m.exp(x), 0), 0.0, 1.0),
        (lambda x: m.minimum(x, 2) + m.maximum(x, 2), 2.0, 1.0),
    ],
)
def test_ties_that_make_up_for_each_other_leave_one_slope(
    function: Callable[..., Any], x: float, slope: float
) -> None:
    """Each of these is smooth: shares that are not told of both ties at once would let others pass."""
    formula, points = made(function, x=ANY), at(x=[x])
    truth = settle(formula, points, FLOAT32)
    assert truth.gradient is not None and truth.gradient.nearest().item() == slope
    assert np.ldexp(truth.gradient.radius, truth.gradient.exponent).item() < 2.0**-50
    assert second_opinion(formula, points, truth, FLOAT32).disagreements == ()


def assert_spans(middle: float, radius: float, low: float, high: float) -> None:
    """The interval holds all from low to high, and no more than the radius is rounded up: Arb's have 30 bits."""
    assert middle - radius <= low and high <= middle + radius
    assert 2 * radius <= (high - low) * (1 + 2.0**-26)


@pytest.mark.parametrize(
    ("function", "by_x", "by_y"),
    [
        # parallel: one side of x = y is x - y, the other 2 y - 2 x
        (lambda x, y: abs(x - y) + m.maximum(y - x, 0), (-2, 1), (-1, 2)),
        # the tie of x with y is not that of either with 1, so all that their shares allow is kept
        (lambda x, y: m.maximum(m.maximum(x, y), 1), (0, 1), (0, 1)),
    ],
)
def test_of_two_inputs_a_tie_keeps_what_lies_between_its_two_sides(
    function: Callable[..., Any], by_x: tuple[float, float], by_y: tuple[float, float]
) -> None:
    gradient = settle(made(function, x=ANY, y=ANY), at(x=[1.0], y=[1.0]), FLOAT32).gradient
    assert gradient is not None
    middle, radius = gradient.nearest()[0], np.ldexp(gradient.radius, gradient.exponent)[0]
    for place, (low, high) in enumerate((by_x, by_y)):
        assert_spans(middle[place], radius[place], low, high)


@settings(max_examples=40)
@given(
    terms=st.lists(
        st.tuples(st.integers(-3, 3), st.sampled_from(["abs", "maximum", "minimum"]), st.integers(-3, 3)),
        min_size=1,
        max_size=5,
    )
)
def test_a_sum_of_kinks_at_one_place_has_all_between_its_two_slopes_and_nothing_else(
    terms: list[tuple[int, str, int]],
) -> None:
    """The slopes of both sides are whole numbers, told here by counting."""
    one_sided = {
        "abs": lambda k, side: abs(k) * side,
        "maximum": lambda k, side: k if k * side > 0 else 0,
        "minimum": lambda k, side: k if k * side < 0 else 0,
    }

    def summed(x: Any) -> Any:
        words = {"abs": abs, "maximum": lambda y: m.maximum(y, 0), "minimum": lambda y: m.minimum(y, 0)}
        return sum((c * words[name](k * (x - 1)) for c, name, k in terms), 0 * x)

    low, high = sorted(sum(c * one_sided[name](k, side) for c, name, k in terms) for side in (-1, 1))
    gradient = settle(made(summed, x=ANY), at(x=[1.0]), FLOAT32).gradient
    assert gradient is not None
    middle, radius = gradient.nearest().item(), np.ldexp(gradient.radius, gradient.exponent).item()
    assert_spans(middle, radius, low, high)


def test_a_slope_between_sides_waits_no_longer_for_a_value_than_that_takes() -> None:
    def late(x: Any) -> Any:
        # exp(2**-400) exceeds 1 by 2**-400: told above 400 bits only
        return m.maximum(x, 0) - m.maximum(-x, 0) + (m.exp(m.ratio(1, 2**400)) - 1)

    truth = settle(made(late, x=ANY), at(x=[0.0]), FLOAT64)
    assert truth.precision.tolist() == [512] and truth.gradient is not None
    assert truth.gradient.nearest().item() == 1


def test_what_a_point_with_ties_is_told_does_not_hang_on_its_company() -> None:
    """Together these meet more ties than are looked at at once, and each by itself few."""
    size = kinks.MOST + 6

    def loss(x: Any) -> Any:
        return m.sum(m.maximum(x, 0) - m.maximum(-x, 0))

    ones = np.ones((size, size))
    np.fill_diagonal(ones, 0.0)
    formula = made(loss, x=vector(-9, 9, sizes=(size,)))
    told = settle(formula, at(x=ones.tolist()), FLOAT32, with_conditioning=False).gradient
    assert told is not None and (told.nearest() == 1).all() and (told.radius < 2.0**-50).all()


def test_each_entry_of_a_vector_has_the_slope_that_its_own_ties_leave() -> None:
    def loss(x: Any) -> Any:
        return m.sum(m.maximum(x, 0) - x / 4 + m.log1p(m.exp(-abs(x))))

    gradient = settle(made(loss, x=vector(-9, 9, sizes=(3,))), at(x=[[0.0, 0.0, -0.0]]), FLOAT32).gradient
    assert gradient is not None and gradient.nearest().tolist() == [[0.25, 0.25, 0.25]]


@pytest.mark.parametrize(
    ("function", "x"),
    [(lambda x: x + 1, -math.inf), (lambda x: abs(x), math.inf), (lambda x: x + m.log(x * 0), 5.0)],
)
def test_beside_an_infinity_a_difference_says_nothing(function: Callable[..., Any], x: float) -> None:
    formula, points = made(function, x=ANY), at(x=[x])
    assert second_opinion(formula, points, settle(formula, points, FLOAT32), FLOAT32).disagreements == ()


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: m.y1(x), 5e-324),
        (lambda x: m.y0(x), 1e-45),
        (lambda x: m.polygamma(1, 1 + m.log(x)), 0.0),
        (lambda x: m.bessel_j(10**6, x), 10.0),
    ],
)
def test_the_second_opinion_asks_nothing_that_mpmath_needs_seconds_for(
    function: Callable[..., Any], x: float
) -> None:
    formula, points = made(function, x=ANY), at(x=[x])
    assert second_opinion(formula, points, settle(formula, points, FLOAT64), FLOAT64).disagreements == ()
