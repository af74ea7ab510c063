"""Every kind of input from its declaration to a verdict, relations between inputs, and state over steps."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import find, settings

from numcheck import (
    DeclarationError,
    Formula,
    UsageError,
    box,
    check,
    explain,
    format_of,
    formula,
    integer,
    integers,
    labels,
    m,
    mask,
    matrix,
    ordered,
    real,
    sampled,
    steps,
    sweep,
    ulps,
    unit_vector,
    vector,
)
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.declaration.words import Of
from numcheck.domain import Points, draw
from numcheck.domain.box import FORMS
from numcheck.measure.scaling import ladder
from numcheck.runs.search import examples

FLOAT32 = format_of("float32")


def stated(function: Callable[..., Any], relation: Any = None, **inputs: Any) -> Formula:
    return formula_of(function, "a school book", (), None, inputs, relation=relation)


def halves(function: Callable[..., Any], stated: Formula, **options: Any) -> dict[str, dict[str, Any]]:
    """What is reported of each half of a routine, by its name."""
    report = check(function, stated, formats=("float32",), points=120, **options)
    return {told["of"]: told for told in report["measurements"]}


def total(x):
    return x.double().flatten(1).sum(1) if x.ndim > 1 else x.double()


def beta(count, size, rng):
    return rng.beta(2, 5, size=(count, size))


def weighted(x, w):
    """Each number times a real one, added up: what every kind of numbers can be asked for."""
    return m.sum(x) * w


KINDS: dict[str, tuple[Any, str]] = {
    "box": (box(-8, 8, "cxcywh"), "1,2,0.5,3"),
    "matrix": (matrix(-8, 8, (2, 3)), "1,2,3;4,5,6"),
    "symmetric": (matrix(-8, 8, (2, 2), "symmetric"), "1,2;2,5"),
    "positive definite": (matrix(-8, 8, (2, 2), "positive definite"), "2,1;1,5"),
    "orthogonal": (matrix(-1, 1, (2, 2), "orthogonal"), "0,1;-1,0"),
    "unit_vector": (unit_vector(sizes=(2, 4)), "0,1"),
    "mask": (mask(sizes=(2, 5)), "1,0"),
    "integers": (integers(-9, 9, sizes=(2, 3)), "3,4"),
    "labels": (labels(3, sizes=(2, 3), ignored=-100), "-100,2"),
    "ordered": (ordered(-8, 8, sizes=(2, 3)), "-1,2.5"),
    "steps": (steps(-8, 8, horizons=(1, 4)), "1"),
    "sampled": (sampled(beta, 0, 1, sizes=(2, 3)), "0.25,0.5"),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_a_right_routine_of_any_kind_of_input_passes_and_a_wrong_one_is_caught_and_explained(kind: str):
    domain, text = KINDS[kind]
    formula = stated(weighted, x=domain, w=real(0.5, 2))

    def right(x, w):
        return (total(x) * w).to(w.dtype)

    def wrong(x, w):
        return (total(x) * w + w).to(w.dtype)

    budgets = {"value": ulps(4, cond=4, gamma=True), "grad": ulps(8, cond=8, gamma=True)}
    assert set(halves(right, formula, **budgets)) == {"value", "grad"}
    for told in halves(right, formula, **budgets).values():
        assert told["fates"]["within"] == sum(told["fates"].values()) >= 120
    told = halves(wrong, formula, **budgets)
    assert told["value"]["fates"]["over"] > 60
    assert told["value"]["findings"][0]["region"]
    assert all(f"--at 'x={'{'}" not in found["reproduce"] for found in told["value"]["findings"])
    shown = dict(explain(routine_of(formula, right, "right", **budgets), formula, {"x": text, "w": "2"}).rows)
    assert shown["value spent"].endswith(": within")
    shown = dict(explain(routine_of(formula, wrong, "wrong", **budgets), formula, {"x": text, "w": "2"}).rows)
    assert shown["value spent"].endswith(": over")


@every_kind
def test_what_a_report_prints_of_any_kind_of_input_is_read_back(kind: str):
    from numcheck.runs.points import argument

    domain, _ = KINDS[kind]
    for points in draw({"x": domain}, FLOAT32, 40, 0, kind):
        column = points.columns["x"]
        for i in range(0, len(points), 7):
            value = domain.parse(argument(column, i), FLOAT32)
            assert torch.equal(domain.column([value], FLOAT32), column[i : i + 1])


@every_kind
def test_any_kind_of_input_is_searched_down_to_a_simple_one(kind: str):
    domain, _ = KINDS[kind]
    formula = stated(weighted, x=domain, w=real(0.5, 2))
    searching = settings(max_examples=300, database=None, deadline=None)
    point, _ = find(
        examples(formula, FLOAT32, Of.VALUE), lambda example: True, settings=searching, random=Random(3)
    )
    assert float(point.columns["w"][0]) == 1
    assert point.columns["x"].double().abs().max() <= 8
    least, _ = find(
        examples(formula, FLOAT32, Of.VALUE),
        lambda example: bool(total(example[0].columns["x"])[0] != 0),
        settings=searching,
        random=Random(3),
    )  # fmt: skip
    entries = least.columns["x"].double().flatten().tolist()
    assert sum(x != 0 for x in entries) <= 4


def test_a_gradient_is_never_taken_by_a_mask_labels_or_integers():
    for domain in (mask(sizes=(2,)), labels(3, sizes=(2,)), integers(0, 3, sizes=(2,))):
        assert stated(weighted, x=domain, w=real(0, 1)).wrt == ("w",)
        with pytest.raises(
            DeclarationError, match=r"^weighted: the gradient is taken by real inputs, w, not \('x',\)$"
        ):
            formula_of(weighted, "a school book", (), ("x",), {"x": domain, "w": real(0, 1)})


# -- boxes -----------------------------------------------------------------------------------------------------------


def edges(column: torch.Tensor, form: str) -> np.ndarray:
    return FORMS[form][1](column.double().numpy())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "format", [format_of(name) for name in ("float32", "bfloat16")], ids=lambda f: f.name
)
def test_two_boxes_meet_in_every_way_that_is_named(form: str, format: Any):
    [points] = draw({"p": box(-64, 64, form), "q": box(-64, 64, form)}, format, 2000, 1, form)

    def met(name: str) -> tuple[np.ndarray, np.ndarray]:
        chosen = points.select(points.origin == name)
        assert len(chosen) >= 12, name
        one, other = (edges(chosen.columns[key], form) for key in "pq")
        return one, other

    def sides(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])

    assert (sides(*met("disjoint")) < 0).any(axis=1).mean() > 0.9
    touching = sides(*met("touching"))
    assert ((touching == 0).any(axis=1) & (touching >= 0).all(axis=1)).mean() > 0.9
    assert ((sides(*met("one corner shared")) == 0).all(axis=1)).mean() > 0.9
    for name in ("nested", "nested with a corner shared"):
        one, other = met(name)
        inner = (other[:, :2] >= one[:, :2]).all(axis=1) & (other[:, 2:] <= one[:, 2:]).all(axis=1)
        outer = (one[:, :2] >= other[:, :2]).all(axis=1) & (one[:, 2:] <= other[:, 2:]).all(axis=1)
        assert (inner | outer).all()
    shared = (one == other).reshape(len(one), 2, 2).any(axis=1).all(axis=1)
    assert shared.mean() > 0.9
    one, other = met("equal")
    assert (one == other).all()
    one, other = met("zero-sized")
    flat = [(b[:, 2:] == b[:, :2]).any(axis=1) for b in (one, other)]
    assert (flat[0] | flat[1]).mean() > 0.5


@pytest.mark.parametrize("form", FORMS)
def test_boxes_in_float16_are_none_that_has_its_edges_turned_round(form: str):
    domain, half = box(0, 4096, form), format_of("float16")
    turned = half.round(torch.tensor([[5.0, 5, 4, 6], [5, 5, 6, -1], [5, 5, 5, 5]]).double())
    told = {"xyxy": [False, False, True], "ltrb": [False, False, True]}.get(form, [True, False, True])
    assert domain.contains(turned, half).tolist() == told


# -- matrices, directions, masks, labels, orders -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["any", "symmetric", "positive definite"])
def test_matrices_of_every_form_are_sometimes_nearly_singular(form: str):
    points = Points.concatenate(draw({"a": matrix(-8, 8, (3, 3), form)}, FLOAT32, 1000, 1, form))
    wide = points.columns["a"].double().numpy()
    with np.errstate(all="ignore"):
        condition = np.linalg.cond(wide)
    assert ((condition > 2.0**10) & np.isfinite(condition)).sum() >= 30
    assert (condition < 2.0**6).sum() >= 100


def test_symmetric_matrices_are_symmetric_and_definite_ones_definite_as_exact_minors_tell():
    from fractions import Fraction

    points = Points.concatenate(
        draw({"a": matrix(-8, 8, (2, 2), "positive definite")}, FLOAT32, 600, 1, "pd")
    )
    for (a, b), (c, d) in points.columns["a"].double().tolist():
        assert b == c
        assert a > 0
        assert Fraction(a) * Fraction(d) > Fraction(b) * Fraction(c)


def test_values_of_one_kind_and_several_shapes_are_drawn_beside_each_other_and_those_of_one_shape_meet():
    shapes = {"a": (2, 3), "b": (3, 3), "c": (3, 3)}
    [points] = draw({name: matrix(-8, 8, shape) for name, shape in shapes.items()}, FLOAT32, 900, 1, "shapes")
    assert {name: tuple(column.shape[1:]) for name, column in points.columns.items()} == shapes
    assert (points.columns["b"] == points.columns["c"]).flatten(1).all(1).sum() >= 5


def test_orthogonal_matrices_turn_and_reflect():
    points = Points.concatenate(draw({"a": matrix(-1, 1, (2, 2), "orthogonal")}, FLOAT32, 600, 1, "turns"))
    signs = np.linalg.det(points.columns["a"].double().numpy()).round(3)
    assert set(signs.tolist()) == {1.0, -1.0}


def test_directions_meet_equal_opposite_close_and_upright():
    drawn = draw({"u": unit_vector(sizes=(3,)), "v": unit_vector(sizes=(3,))}, FLOAT32, 1200, 1, "directions")

    def cosine(name: str) -> torch.Tensor:
        [points] = [part.select(part.origin == name) for part in drawn]
        u, v = (points.columns[key].double() for key in "uv")
        assert len(u) >= 10
        return (u * v).sum(1)

    assert (cosine("equal") > 1 - 2.0**-20).all()
    assert (cosine("opposite") < -1 + 2.0**-20).all()
    assert (cosine("close") > 0.99).all()
    assert (cosine("nearly opposite") < -0.99).all()
    assert (cosine("upright").abs() < 2.0**-20).all()


def test_every_corner_of_a_mask_and_every_label_is_drawn():
    [points] = draw({"k": mask(sizes=(4,)), "x": vector(0, 1, sizes=(4,))}, FLOAT32, 300, 1, "masks")
    counted = points.columns["k"].sum(1)
    assert set(counted.tolist()) == {0, 1, 2, 3, 4}
    [points] = draw({"of": labels(3, sizes=(4,), ignored=-1)}, FLOAT32, 300, 1, "labels")
    ignored = (points.columns["of"] == -1).sum(1)
    assert set(ignored.tolist()) == {0, 1, 2, 3, 4}
    assert set(points.columns["of"].flatten().tolist()) == {-1, 0, 1, 2}


def test_what_is_ordered_never_falls_and_has_ties_and_neighbours():
    [points] = draw({"t": ordered(-8, 8, sizes=(4,))}, FLOAT32, 900, 1, "orders")
    places = FLOAT32.to_ordinals(points.columns["t"])
    gaps = places.diff(dim=1)
    assert (gaps >= 0).all()
    assert (gaps == 0).all(1).any() and (gaps == 0).any(1).sum() >= 50
    assert ((gaps > 0) & (gaps <= 6)).any(1).sum() >= 10


def test_labels_pick_from_a_matrix_of_scores_and_ignored_ones_count_for_nothing():
    def picked(scores, of):
        kept = [m.where(of[i] == -1, 0, scores[i][m.where(of[i] == -1, 0, of[i])]) for i in range(3)]
        return kept[0] + kept[1] + kept[2]

    def gathered(scores, of):
        chosen = scores.double().gather(2, of.clamp(min=0)[:, :, None])[:, :, 0]
        return torch.where(of == -1, 0.0, chosen).sum(1).to(scores.dtype)

    def the_last_class_where_ignored(scores, of):
        return scores.double().gather(2, (of % 2)[:, :, None])[:, :, 0].sum(1).to(scores.dtype)

    formula = stated(picked, scores=matrix(-8, 8, (3, 2)), of=labels(2, sizes=(3,), ignored=-1))
    for told in halves(gathered, formula, value=ulps(2, gamma=True), grad=ulps(2)).values():
        assert told["fates"]["within"] == sum(told["fates"].values())
    told = halves(the_last_class_where_ignored, formula, value=ulps(2, gamma=True), grad=ulps(2))
    assert told["value"]["fates"]["over"] + told["value"]["fates"]["special"] > 20


# -- relations and samplers --------------------------------------------------------------------------------------------


def clamped(low, x, high):
    return m.clamp(x, low, high)


THREE = {"low": real(-8, 8), "x": real(-8, 8), "high": real(-8, 8)}


def test_a_condition_holds_at_every_point_that_is_drawn_searched_or_known():
    formula = stated(clamped, lambda low, high: low <= high, **THREE)
    [points] = formula.points(FLOAT32, 900, 0)
    assert len(points) >= 900
    assert (points.columns["low"] <= points.columns["high"]).all()
    assert {"corner", "sweep", "sample", "equal", "close"} <= set(points.origin)
    turned, _ = find(
        examples(formula, FLOAT32, Of.VALUE),
        lambda example: bool(example[0].columns["low"] > 1),
        settings=settings(max_examples=500, database=None, deadline=None),
        random=Random(1),
    )
    assert turned.columns["high"] >= turned.columns["low"]
    assert formula.holds((1.0, 0.0, 2.0), formula.at((1.0, 0.0, 2.0), FLOAT32), FLOAT32)
    assert not formula.holds((2.0, 0.0, 1.0), formula.at((2.0, 0.0, 1.0), FLOAT32), FLOAT32)


def test_inputs_that_a_relation_makes_of_others_are_so_at_every_point():
    formula = stated(clamped, lambda low, x: {"high": low + x.abs()}, **THREE)
    for name in ("float32", "float8_e4m3fn"):
        format = format_of(name)
        [points] = formula.points(format, 600, 0)
        low, x, high = (points.columns[key].double() for key in ("low", "x", "high"))
        assert len(points) >= 600
        assert torch.equal(format.round(low + x.abs()).double(), high)
        assert (high <= 8).all()


def test_a_relation_goes_from_its_declaration_to_a_verdict():
    @formula(
        source="a school book",
        known=[((1, 2, 3), "2")],
        relation=lambda low, high: low <= high,
        **THREE,
    )
    def clamped_between_ordered_bounds(low, x, high):
        """`x` brought between the bounds."""
        return m.minimum(m.maximum(x, low), high)

    def the_other_way_round(low, x, high):
        return torch.maximum(torch.minimum(x, high), low)  # the same, as long as low <= high

    told = halves(the_other_way_round, clamped_between_ordered_bounds, value=ulps(0.5), grad=ulps(1))
    assert told["value"]["fates"]["within"] == sum(told["value"]["fates"].values())
    apart = stated(clamped, **THREE)
    assert halves(the_other_way_round, apart, value=ulps(0.5))["value"]["fates"]["over"] > 0


@pytest.mark.parametrize(
    ("relation", "says"),
    [
        (
            lambda low, heigh: low <= heigh,
            r"its relation takes heigh; write a function of some of low, x, high",
        ),
        ("low <= high", r"write relation=lambda low, high: low <= high, not 'low <= high'"),
        (lambda low: low.sum() > 0, r"return one bool for each point"),
        (lambda low: low + 1, r"return one bool for each point"),
        (lambda low: {"middle": low}, r"its relation makes middle, which is no number among low, x, high"),
        (lambda low: {"high": low[:1]}, r"its relation makes high of shape \(1,\)"),
        (lambda low: low / None, r"its relation raised TypeError"),
        (lambda low, x, high: low + x == 2 * high + 0.1234567, r"return the inputs that it makes instead"),
    ],
)
def test_a_relation_that_cannot_be_gets_one_line_that_says_what_to_write(relation: Any, says: str):
    with pytest.raises(DeclarationError, match=rf"^[^\n]*{says}[^\n]*$"):
        stated(clamped, relation, **THREE).points(FLOAT32, 100, 0)


def test_an_example_against_the_relation_is_refused():
    with pytest.raises(DeclarationError, match="example"):
        formula_of(
            clamped, "a school book", (), None, THREE, [(2.0, 0.0, 1.0)], lambda low, high: low <= high
        )


def test_a_sampler_draws_all_there_is_in_its_bounds_the_same_for_the_same_seed():
    domain = sampled(lambda count, rng: rng.integers(1, 4, count) / 4, 0, 1)
    [points], [again] = (draw({"x": domain}, FLOAT32, 200, 5, "quarters") for _ in range(2))
    assert set(points.columns["x"].tolist()) == {0.25, 0.5, 0.75}
    assert torch.equal(points.columns["x"], again.columns["x"])


@pytest.mark.parametrize(
    ("sampler", "says"),
    [
        (lambda count, rng: rng.random(count) + 1, "the function gave 1.6.* in float32; write bounds that hold it"),
        (lambda count, rng: rng.random((count, 2)), r"the function gave shape \(\d+, 2\); give \(\d+,\)"),
    ],
)  # fmt: skip
def test_a_sampler_that_gives_something_else_says_so(sampler: Any, says: str):
    with pytest.raises(ValueError, match=says):
        draw({"x": sampled(sampler, 0, 1)}, FLOAT32, 100, 0, "wrong")


def test_what_no_domain_can_draw_is_one_line_of_the_formula():
    stray = stated(lambda x: x * 1, x=sampled(lambda count, rng: 2 + rng.random(count), 0, 1))
    with pytest.raises(
        DeclarationError, match=r"^<lambda>: numbers drawn by [^\n]*write bounds that hold it[^\n]*$"
    ):
        stray.points(FLOAT32, 100, 0)
    with pytest.raises(
        DeclarationError,
        match=r"^<lambda>: real\([^\n]*holds no value of float16: write wider bounds, or judge it in other formats$",
    ):
        stated(lambda x: x * 1, x=real(1e5, 2e5)).points(format_of("float16"), 100, 0)


def test_a_sweep_refuses_inputs_that_stand_in_a_relation():
    formula = stated(lambda x, y: x * y, lambda x, y: x <= y, x=real(0, 1), y=real(0, 1))
    with pytest.raises(UsageError, match="cannot be swept, its inputs stand in a relation"):
        sweep(formula, [], format="float8_e4m3fn")


@pytest.mark.parametrize(
    "declare",
    [
        lambda: box(1, 1),
        lambda: box(0, math.inf),
        lambda: box(0, 1, "yxyx"),
        lambda: matrix(0, 1, (2,)),
        lambda: matrix(0, 1, (2, 3), "symmetric"),
        lambda: matrix(0, 1, (2, 2), "orthogonal"),
        lambda: matrix(-1, 1, (2, 2), "diagonal"),
        lambda: unit_vector(sizes=3),
        lambda: mask(sizes=(0,)),
        lambda: integers(2, 1),
        lambda: labels(0),
        lambda: labels(3, ignored=1),
        lambda: ordered(1, 0),
        lambda: steps(0, 1, horizons=()),
        lambda: sampled(3, 0, 1),
        lambda: box(0, 1).parse("1,2,3", FLOAT32),
        lambda: matrix(0, 1).parse("1,2", FLOAT32),
        lambda: mask().parse("1,2", FLOAT32),
        lambda: labels(3).parse("one", FLOAT32),
    ],
)
def test_a_wrong_kind_gets_one_line_that_says_what_to_write(declare: Callable[[], Any]):
    with pytest.raises(ValueError, match=r"^[^\n]*write[^\n]*$"):
        declare()


def test_a_ladder_of_scales_climbs_over_points_that_met():
    formula = stated(lambda x, y: m.sum(x * y), x=vector(-8, 8, sizes=(2,)), y=vector(-8, 8, sizes=(2,)))
    points = Points.concatenate(formula.points(FLOAT32, 400, 0))
    assert set(ladder(formula, points, FLOAT32, False).points.origin) == {"sample"}


# -- state over steps --------------------------------------------------------------------------------------------------


def folded(x, start):
    return m.fold(lambda state, value: state * 0.5 + value, start, x)


def looped(x, start):
    state = start
    for value in x:
        state = state * 0.5 + value
    return state


def in_float64(x, start):
    state = start.double()
    for value in x.unbind(1):
        state = state * 0.5 + value
    return state.to(x.dtype)


@pytest.mark.parametrize("function", [folded, looped])
def test_a_formula_folds_or_loops_over_its_steps_and_a_routine_gets_them_all(function: Any):
    formula = stated(function, x=steps(-1, 1, horizons=(1, 2, 17)), start=real(-1, 1))
    budgets = {"value": ulps(2, gamma=True), "grad": ulps(4, gamma=True)}
    for told in halves(in_float64, formula, **budgets).values():
        assert told["fates"]["within"] == sum(told["fates"].values()) >= 120
    late = halves(lambda x, start: in_float64(x.flip(1), start), formula, **budgets)
    assert late["value"]["fates"]["over"] >= 40


def test_a_fold_goes_over_several_sequences_at_once_and_its_state_may_be_several_numbers():
    def moments(g, w):
        mean, weight = m.fold(lambda s, v, u: (s[0] + u * v, s[1] + u), (0, 0), g, w)
        return mean / weight

    def right(g, w):
        return ((g.double() * w).sum(1) / w.double().sum(1)).to(g.dtype)

    formula = stated(moments, g=steps(-1, 1, horizons=(1, 5)), w=steps(0.5, 2, horizons=(1, 5)))
    for told in halves(right, formula, value=ulps(2, gamma=True), grad=ulps(4, cond=4, gamma=True)).values():
        assert told["fates"]["within"] == sum(told["fates"].values())


def test_few_of_the_long_sequences_are_drawn_and_many_of_the_short_ones():
    drawn = draw({"x": steps(-1, 1, horizons=(1, 100, 10_000, 100_000))}, FLOAT32, 2000, 0, "long")
    lengths = {points.size: len(points) for points in drawn}
    assert lengths[1] >= 900 and lengths[100] >= 900
    assert 12 <= lengths[100_000] <= 40
    assert sum(lengths.values()) >= 2000


@pytest.mark.parametrize("horizon", [300, pytest.param(10_000, marks=pytest.mark.full)])
def test_a_state_over_many_steps_is_proved(horizon: int):
    formula = formula_of(
        folded, "a school book", (), (), {"x": steps(-1, 1, horizons=(1, horizon)), "start": real(-1, 1)}
    )
    told = halves(in_float64, formula, value=ulps(2, gamma=True))["value"]
    assert told["fates"]["within"] == sum(told["fates"].values())


def test_integers_reach_a_routine_as_integers_and_a_mask_as_booleans():
    seen: dict[str, torch.dtype] = {}

    def looking(k, n, one, x):
        seen.update(k=k.dtype, n=n.dtype, one=one.dtype, x=x.dtype)
        return x.sum(1)

    formula = stated(
        lambda k, n, one, x: m.sum(x),
        k=mask(sizes=(2,)), n=integers(0, 9, sizes=(2,)), one=integer(0, 9), x=vector(-1, 1, sizes=(2,)),
    )  # fmt: skip
    halves(looking, formula, value=ulps(4))
    assert seen == {"k": torch.bool, "n": torch.int64, "one": torch.int64, "x": torch.float32}


@pytest.mark.parametrize("seed", range(4))
def test_where_the_entries_of_one_input_meet_inputs_of_other_kinds_are_sometimes_at_their_ends(seed: int):
    """A logarithm of quaternions is lost where the vector is zero and the real part is 1: neither alone shows it."""
    formula = stated(lambda w, v: w * m.sum(v), w=real(-1, 1), v=vector(-1, 1, sizes=(3,)))
    [points] = formula.points(FLOAT32, 2000, seed)
    nothing = (points.columns["v"] == 0).all(dim=1)
    assert (nothing & (points.columns["w"].abs() == 1)).any()


def test_a_matrix_of_any_number_of_rows_is_drawn_at_each_of_its_sizes():
    keys = matrix(-8, 8, (1, 4), sizes=(2, 5))
    parts = draw({"keys": keys}, FLOAT32, 200, 0, "keys")
    assert [(part.size, tuple(part.columns["keys"].shape[1:])) for part in parts] == [
        (2, (2, 4)),
        (5, (5, 4)),
    ]
    assert all(keys.contains(part.columns["keys"], FLOAT32).all() for part in parts)
    assert keys.parse("1,2,3,4;5,6,7,8;1,2,3,4", FLOAT32)[2] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="write a shape instead of sizes"):
        matrix(-8, 8, (2, 2), "symmetric", sizes=(2, 3))
