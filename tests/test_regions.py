"""A region is a true sentence: what it says of points holds of fresh ones, and in words that a user needs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from numcheck import (
    box,
    format_of,
    index,
    integer,
    matrix,
    one_of,
    polygon,
    real,
    simplex,
    unit_vector,
    vector,
)
from numcheck.declaration.formulas import formula_of
from numcheck.diagnosis import fresh, traits
from numcheck.diagnosis.questions import alone
from numcheck.diagnosis.regions import Seen, Where, _meant, described, region
from numcheck.diagnosis.rules import CLOSE, Condition, Region, Table, features_of, shortest
from numcheck.diagnosis.traits import Trait
from numcheck.domain import Points
from numcheck.measure import RoutineError

FLOAT64, FLOAT32, FLOAT16 = format_of("float64"), format_of("float32"), format_of("float16")


def stated(**inputs):
    """A formula of these inputs; what it is does not matter, for the points are labelled by tests."""
    names = ", ".join(inputs)
    return formula_of(eval(f"lambda {names}: 0"), "a test", [], None, inputs)


def labelled(fails, points):
    """1 where a point fails, -1 where it passes."""
    columns = {n: c if isinstance(c, tuple) else c.double().numpy() for n, c in points.columns.items()}
    return np.where(fails(**columns), 1, -1)


def learnt(inputs, fails, format=FLOAT32, count=600, asked=None):
    """The region in which points of these inputs fail, and what was asked on the way."""
    formula = stated(**inputs)

    def probe(points, component):
        if asked is not None:
            asked.append(points)
        return Seen(points, 0 * component, labelled(fails, points))
        yield

    parts = formula.points(format, count, 0)
    seen = [Seen(part, np.zeros(len(part), dtype=int), labelled(fails, part)) for part in parts]
    return alone(region(formula, format, seen, probe))


def shares(inputs, fails, where, seed=2**20 + 1, format=FLOAT32):
    """The shares that a region has among points of another seed: of those in it that fail, of the failing in it."""
    inside = failing = both = 0
    for part in stated(**inputs).points(format, 3000, seed):
        held = where.holds(part, np.zeros(len(part), dtype=int))
        wrong = labelled(fails, part) == 1
        inside, failing, both = inside + held.sum(), failing + wrong.sum(), both + (held & wrong).sum()
    return both / inside, both / failing


def overlap(a, b):
    return (np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])).min(axis=1)


def angle(a, b):
    return 2 * np.arcsin(np.minimum(np.linalg.norm(a - b, axis=1) / 2, 1))


WIDE, BOX, UNIT = real(-1000, 1000), box(-1000, 1000), unit_vector((3,))
CASES = {
    "one bound": ({"x": WIDE}, lambda x: x >= 88.7228394, "x >= 88.72"),
    "two bounds": ({"x": WIDE}, lambda x: (x > 3) & (x < 50), "3 <= x <= 50"),
    "a positive number": ({"x": real(-1, 1)}, lambda x: x > 0, "x > 0"),
    "exactly zero": ({"v": vector(-1, 1, (3,))}, lambda v: ~v.any(1), "v = 0"),
    "an entry is zero": ({"v": vector(0, 1, (3,))}, lambda v: (v == 0).any(1), "an entry of v is 0"),
    "exact equality": ({"anchor": WIDE, "positive": WIDE}, lambda anchor, positive: anchor == positive,
                       "anchor = positive"),
    "rows that are equal": ({"a": vector(-1, 1, (3,)), "b": vector(-1, 1, (3,))}, lambda a, b: (a == b).all(1),
                            "a = b"),
    "a difference": ({"a": WIDE, "b": WIDE}, lambda a, b: a - b >= 88.7228394, "a - b >= 88.72"),
    "a ratio": ({"a": real(2**-20, 2**20), "b": real(2**-20, 2**20)}, lambda a, b: a >= 1000 * b,
                "|a| / |b| >= 1000"),
    "offset over spread": (
        {"x": vector(-1e6, 1e6, (3, 8))},
        lambda x: x.any(1) & (np.abs(x).max(1) >= 4096 * np.ptp(x, axis=1)),
        "max|x| / (max x - min x) >= 4096",
    ),
    "integers": ({"x": real(0, 1), "n": integer(0, 99)}, lambda x, n: (n >= 11) & (n <= 40), "11 <= n <= 40"),
    "one choice": ({"x": WIDE, "power": one_of(1.0, 2.0, 3.0)}, lambda x, power: np.array(power) == 2.0,
                   "everywhere in the domain with power 2.0"),
    "any choice but one": ({"x": WIDE, "power": one_of(1.0, 2.0, 3.0)}, lambda x, power: np.array(power) != 1.0,
                           "everywhere in the domain with power other than 1.0"),
    "a mode": ({"x": WIDE, "mode": one_of("a", "b", "c")}, lambda x, mode: (np.array(mode) == "b") & (x > 1),
               "x >= 1 with mode b"),
    "number of entries": ({"v": vector(-1, 1, (2, 3, 8))}, lambda v: np.full(len(v), v.shape[1] >= 3),
                          "number of entries >= 3"),
    "all inputs small": ({"x": WIDE, "y": WIDE, "z": WIDE},
                         lambda x, y, z: np.maximum(np.maximum(abs(x), abs(y)), abs(z)) <= 2,
                         "max(|x|, |y|, |z|) <= 2"),
    "two points near each other": (
        {"x1": WIDE, "y1": WIDE, "x2": WIDE, "y2": WIDE},
        lambda x1, y1, x2, y2: np.maximum(abs(x1 - x2), abs(y1 - y2)) <= 2,
        "max(|x1 - x2|, |y1 - y2|) <= 2",
    ),
    "not below another": ({"a": WIDE, "b": WIDE}, lambda a, b: a >= b, "a - b >= 0"),
    "not above another": ({"a": WIDE, "b": WIDE}, lambda a, b: a <= b, "a - b <= 0"),
    "boxes that lie apart": ({"a": BOX, "b": BOX}, lambda a, b: overlap(a, b) < 0, "overlap of a and b < 0"),
    "boxes that touch": ({"a": BOX, "b": BOX}, lambda a, b: overlap(a, b) == 0, "a and b touch"),
    "a matrix that is nearly singular": ({"a": matrix(-1, 1)}, lambda a: np.linalg.cond(a) >= 1000,
                                         "condition number of a >= 1000"),
    "directions nearly alike": ({"a": UNIT, "b": UNIT}, lambda a, b: angle(a, b) <= 0.5,
                                "angle between a and b <= 0.5"),
    "a box without area": ({"a": BOX}, lambda a: ((a[:, 2:] - a[:, :2]) == 0).any(1), "a has no width or no height"),
    "everywhere": ({"x": WIDE}, lambda x: x == x, "everywhere in the domain"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_region_says_what_users_need(name):
    inputs, fails, words = CASES[name]
    assert str(learnt(inputs, fails)) == words


@pytest.mark.parametrize("name", CASES)
def test_a_region_holds_of_points_of_another_seed(name):
    inputs, fails, _ = CASES[name]
    where = learnt(inputs, fails)
    assert where.fails >= 0.8 and where.covers >= 0.9
    true = shares(inputs, fails, where)
    assert true[0] >= 0.8 and true[1] >= 0.9


def test_the_way_between_the_ends_of_float64_goes_through_all_of_it():
    largest = torch.finfo(torch.float64).max
    formula = stated(x=real(-largest, largest))
    ends = formula.at((-largest,), FLOAT64), formula.at((largest,), FLOAT64)
    ordinals = FLOAT64.to_ordinals(fresh.between(formula, FLOAT64, *ends, 7).columns["x"])
    whole = 2 * FLOAT64.highest_ordinal
    assert [round(8 * (int(o) - FLOAT64.lowest_ordinal) / whole) for o in ordinals] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.filterwarnings("error")
def test_inputs_up_to_the_ends_of_float64_are_told_without_a_warning():
    largest = torch.finfo(torch.float64).max
    every = real(-largest, largest)

    def fails(x, y):
        with np.errstate(over="ignore"):
            return np.isinf(x * y)

    where = learnt({"x": every, "y": every}, fails, FLOAT64)
    assert str(where) == "|x| * |y| is beyond a double's range"


def test_two_places_are_told_beside_each_other():
    def fails(x):
        return (x >= 88) | (x <= -500)

    where = learnt({"x": WIDE}, fails)
    assert len(where.region.rules) == 2 and " or " in str(where)
    assert min(shares({"x": WIDE}, fails, where)) >= 0.9


def test_entries_of_a_short_vector_are_told_apart():
    where = learnt({"v": vector(0, 1, (3,))}, lambda v: v[:, 1] >= 0.5)
    assert str(where) == "v[1] >= 0.5"


def test_the_entry_at_an_index_is_told():
    def fails(v, at):
        return v[np.arange(len(v)), at.astype(int)] < v.max(1) - 20

    inputs = {"v": vector(-100, 100, (3, 8)), "at": index((3, 8))}
    where = learnt(inputs, fails)
    assert str(where).startswith("max v - v[at] >= 2")
    assert min(shares(inputs, fails, where)) >= 0.9


def test_a_polygon_is_told_by_its_distance_beside_its_extent():
    def fails(xy):
        return np.abs(xy).max((1, 2)) >= 100 * np.ptp(xy, axis=1).max(1)

    assert str(learnt({"xy": polygon()}, fails)) == "max|xy| / extent(xy) >= 100"


def test_one_failing_point_is_enough_where_others_like_it_are_asked_for():
    formula = stated(x=WIDE)
    point = formula.at((500.0,), FLOAT32)
    seen = [Seen(point, np.zeros(1, dtype=int), np.ones(1, dtype=int))]

    def probe(points, component):
        return Seen(points, component, labelled(lambda x: x >= 88.7228394, points))
        yield

    where = alone(region(formula, FLOAT32, seen, probe))
    assert str(where) == "x >= 88.72"


def test_where_points_fail_by_chance_no_region_is_told_but_how_many_they_are():
    def fails(x):
        return np.sin(1e6 * x) > 0.9

    where = learnt({"x": WIDE}, fails)
    failing = sum(int((labelled(fails, p) == 1).sum()) for p in stated(x=WIDE).points(FLOAT32, 600, 0))
    assert (
        where.region is None and str(where) == f"no simple region found: {failing} failing points scattered"
    )
    assert where.fails < 0.5 and where.covers == 1


@pytest.mark.parametrize("count", [400, 500, 800])
def test_a_point_that_is_drawn_again_and_again_fails_once(count):
    """Many points of a run are all zeros; beside them lie few at which a weighted sum sinks, and more where not."""
    weights = np.array([1, 0.0574, 0.0176], dtype=np.float32)

    def vanishes(x):
        with np.errstate(under="ignore"):
            return (x.astype(np.float32) * weights).sum(axis=1) == 0

    where = learnt({"x": vector(0, 1, sizes=(3,))}, vanishes, count=count)
    assert where.fails == 1
    assert where.covers is not None and where.covers > 0.85


def test_a_share_that_is_too_low_is_printed():
    x = Trait("x", lambda points, _: points.columns["x"].double().numpy())
    told = Region(((Condition(x, 1.0),),))
    assert str(Where(told, 0.9, 0.95)) == "x >= 1"
    assert str(Where(told, 0.62, 0.95)) == "x >= 1 (62 % of the points there fail)"
    assert str(Where(told, 0.9, 0.5)) == "x >= 1 (50 % of the failing points lie there)"
    assert str(Where(told, 0.62, 0.5)).endswith(
        "(62 % of the points there fail, 50 % of the failing points lie there)"
    )


def test_only_points_of_the_domain_are_asked_for():
    for inputs, fails, _ in CASES.values():
        asked = []
        learnt(inputs, fails, FLOAT16, 200, asked)
        formula = stated(**inputs)
        assert asked and all(fresh.within(formula, points, FLOAT16).all() for points in asked)


def test_what_fails_for_another_reason_stays_outside_where_that_can_be_told():
    formula = stated(x=WIDE)
    parts = formula.points(FLOAT32, 600, 0)

    def label(points):
        x = points.columns["x"].double().numpy()
        return np.select([x >= 200, x >= 50], [1, 0], -1)

    def probe(points, component):
        return Seen(points, component, label(points))
        yield

    seen = [Seen(part, np.zeros(len(part), dtype=int), label(part)) for part in parts]
    assert str(alone(region(formula, FLOAT32, seen, probe))) == "x >= 200"
    assert described(formula, FLOAT32, seen).startswith("x >= ")


def test_a_broken_contract_ends_the_search_and_not_the_run():
    formula = stated(x=WIDE)
    parts = formula.points(FLOAT32, 100, 0)

    def probe(points, component):
        raise RoutineError("returned shape (2,)")
        yield

    seen = [Seen(part, np.zeros(len(part), dtype=int), labelled(lambda x: x > 5, part)) for part in parts]
    where = alone(region(formula, FLOAT32, seen, probe))
    assert str(where) == "near the examples (the search stopped: returned shape (2,))"
    assert where.fails is None and where.covers is None


def test_a_bound_is_the_shortest_decimal_between_what_fails_and_what_passes():
    assert shortest(88.72284, 88.72283) == (88.72, False)
    assert shortest(4150.0, 3950.0) == (4096, False)  # powers of two are as short as any
    assert shortest(41500.0, 39500.0) == (40000, False)
    assert shortest(1e-45, 0.0) == (0, True)
    assert shortest(0.0, 1e-45) == (0, False)
    assert shortest(-1.0, 2.0) == (0, True)


@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_a_bound_keeps_what_fails_and_leaves_out_what_passes(inside, outside):
    assume(abs(outside - inside) > abs(inside) * CLOSE)
    bound, excluded = shortest(inside, outside)
    up = outside > inside
    assert (inside < bound if up else inside > bound) or (inside == bound and not excluded)
    assert (bound < outside if up else bound > outside) or (bound == outside and excluded)


@pytest.mark.parametrize(
    ("inside", "outside", "bound"),
    [
        (0.5, -0.5, (0, True)),
        (-0.5, 0.5, (0, True)),
        (1.0, 0.0, (0, True)),
        (0.0, -3.0, (0, False)),
        (0.0, 3.0, (0, False)),
        (math.inf, 3.0, (math.inf, False)),
        (-88.72284, -88.72283, (-88.72, False)),
        (1030.0, 900.0, (1024, False)),
        (1024.0, 900.0, (1024, False)),
        (900.0, 1024.0, (900, False)),
        (510.0, 520.0, (510, False)),
        (2100.0, 2000.0, (2048, False)),
        (-4150.0, -3950.0, (-4096, False)),
        (0.00099, 0.00095, (0.00099, False)),
        (1.05e-3, 0.9e-3, (0.001, False)),
        (3.0, 4.0, (3, False)),
        (3.3, 4.0, (3.3, False)),
        (0.1, 0.30000000000000004, (0.1, False)),
        (1 / 3, 0.5, (0.4, False)),
        (1e-7, 3e-7, (1e-7, False)),
        (2.0**53 + 2, 2.0**53 - 64, (2.0**53, False)),
        (1.1 * 2.0**54, 0.9 * 2.0**54, (1.9e16, False)),
        (3.312345678, 4.0, (4, True)),
        (1024.0, 1100.0, (1024, False)),
        (3.3125, 3.37, (3.32, False)),
        (3.3178, 3.3165, (3.317, False)),
        (3.25, 4.0, (4, True)),
        (510.7, 900.25, (600, False)),
    ],
)
def test_a_bound_is_as_short_as_it_can_be(inside, outside, bound):
    assert shortest(inside, outside) == bound


PLAIN = Trait("x", lambda points, _: points.columns["x"].double().numpy())
TOLD = Trait("|x - y|", PLAIN.of, instead={0.0: "x = y", math.inf: "x is far from y"})
RATES = Trait("rate", PLAIN.of, choices=(0.1, 0.5))
NAMES = Trait("mode", PLAIN.of, choices=("sum", "mean"), ordered=False)
HELD: dict[str, tuple[Condition, list[float]]] = {
    "x >= 1": (Condition(PLAIN, 1), [1, 1.5, 2, math.inf]),
    "x > 1": (Condition(PLAIN, 1, above=True), [1.5, 2, math.inf]),
    "x <= 1": (Condition(PLAIN, high=1), [-math.inf, -1, 0, 1]),
    "x < 1": (Condition(PLAIN, high=1, below=True), [-math.inf, -1, 0]),
    "1 <= x <= 2": (Condition(PLAIN, 1, 2), [1, 1.5, 2]),
    "1 < x < 2": (Condition(PLAIN, 1, 2, above=True, below=True), [1.5]),
    "1 < x <= 2": (Condition(PLAIN, 1, 2, above=True), [1.5, 2]),
    "x <= 0": (Condition(PLAIN, high=0), [-math.inf, -1, 0]),
    "x < 0": (Condition(PLAIN, high=0, below=True), [-math.inf, -1]),
    "x = 1.5": (Condition(PLAIN, 1.5, 1.5), [1.5]),
    "x >= 0.33333333333333331": (Condition(PLAIN, 1 / 3), [1, 1.5, 2, math.inf]),
    "x = y": (Condition(TOLD, 0, 0), [0]),
    "|x - y| <= 0": (Condition(TOLD, high=0), [-math.inf, -1, 0]),
    "|x - y| >= 0": (Condition(TOLD, 0), [0, 1, 1.5, 2, math.inf]),
    "|x - y| < 0": (Condition(TOLD, high=0, below=True), [-math.inf, -1]),
    "|x - y| <= 1": (Condition(TOLD, high=1), [-math.inf, -1, 0, 1]),
    "x is far from y": (Condition(TOLD, math.inf), [math.inf]),
}


@pytest.mark.parametrize("words", HELD)
def test_a_condition_says_of_which_numbers_it_holds(words):
    condition, held = HELD[words]
    numbers = np.array([-math.inf, -1, 0, 1, 1.5, 2, math.inf])
    assert str(condition) == words.strip()
    assert condition.chosen is None
    assert numbers[condition.holds(numbers)].tolist() == held


@pytest.mark.parametrize(
    ("condition", "words", "held"),
    [
        (Condition(RATES, 0.1, 0.1), "rate 0.1", [0.1]),
        (Condition(RATES, without=0.5), "rate other than 0.5", [0.1, 0.25]),
        (Condition(NAMES, 1, 1), "mode mean", []),
        (Condition(NAMES, without=0), "mode other than sum", [0.1, 0.25, 0.5]),
        (Condition(RATES, 0.1, 0.5), None, [0.1, 0.25, 0.5]),
    ],
)
def test_a_choice_stands_in_words_at_the_end(condition, words, held):
    numbers = np.array([0.1, 0.25, 0.5])
    assert condition.chosen == words
    assert numbers[condition.holds(numbers)].tolist() == held


THREE = Trait("power", PLAIN.of, choices=(1, 2, 3))
MANY, TOO_MANY = (Trait("many", PLAIN.of, choices=tuple(range(count))) for count in (12, 13))


def test_a_stretch_of_what_is_or_is_not_a_choice_is_that_choice_or_the_other_ones():
    nothing = np.zeros(0)
    table = Table(
        [(PLAIN, None), (NAMES, 1.0), (NAMES, 0.0), (THREE, 2.0)], nothing, nothing, nothing, nothing, nothing
    )
    assert str(table.condition(0, 1.0, 2.0)) == "1 <= x <= 2"
    told = [table.condition(feature, number, number).chosen for feature in (1, 2, 3) for number in (1.0, 0.0)]
    assert told == ["mode mean", "mode sum", "mode sum", "mode mean", "power 2", "power other than 2"]


def test_a_choice_is_looked_at_by_itself_and_as_a_range_where_it_has_one():
    assert list(features_of([PLAIN, RATES])) == [(PLAIN, None), (RATES, 0.1), (RATES, 0.5)]
    assert list(features_of([NAMES])) == [(NAMES, 0.0), (NAMES, 1.0)]
    assert list(features_of([THREE])) == [(THREE, None), (THREE, 1.0), (THREE, 2.0), (THREE, 3.0)]
    assert len(list(features_of([MANY]))) == 13
    assert list(features_of([TOO_MANY])) == [(TOO_MANY, None)]


def test_a_region_holds_where_all_conditions_of_one_of_its_rules_do():
    region = Region(((Condition(PLAIN, 1), Condition(PLAIN, high=2)), (Condition(PLAIN, -1, -1),)))
    formula = stated(x=WIDE)
    points = formula.at((0.0,), FLOAT32).concatenate(
        [formula.at((x,), FLOAT32) for x in (-1.0, 0.0, 1.0, 2.0, 3.0)]
    )
    assert region.holds(points, np.zeros(5, dtype=int)).tolist() == [True, False, True, True, False]
    assert [(points.select([row]), 0) in region for row in range(5)] == [True, False, True, True, False]
    assert str(region) == "x >= 1 and x <= 2, or x = -1"


NONE = math.nan
TRAITS: dict[str, list[float]] = {
    "a": [3, -2, 0],
    "|a|": [3, 2, 0],
    "b": [-4, -2, 5],
    "|b|": [4, 2, 5],
    "max|x|": [5, 2, 4],
    "max x - min x": [8, 0, 8],
    "max|x| / (max x - min x)": [5 / 8, math.inf, 1 / 2],
    "min|x|": [1, 2, 1 / 2],
    "max|x| / min|x|": [5, 1, 8],
    "max|x| / second |x|": [5 / 3, 1, 1],
    "max x": [3, 2, 4],
    "min x": [-5, 2, -4],
    "x[0]": [1, 2, 1 / 2],
    "x[1]": [-5, 2, -4],
    "x[2]": [3, 2, 4],
    "|x[output]| / max|x|": [1, 1, NONE],
    "max|y|": [5, 2, 8],
    "max y - min y": [17 / 2, 0, 10],
    "max|y| / (max y - min y)": [10 / 17, math.inf, 4 / 5],
    "min|y|": [1, 2, 1],
    "max|y| / min|y|": [5, 1, 8],
    "max|y| / second |y|": [10 / 7, 1, 4],
    "max y": [7 / 2, 2, 8],
    "min y": [-5, 2, -2],
    "y[0]": [1, 2, 8],
    "y[1]": [-5, 2, 1],
    "y[2]": [7 / 2, 2, -2],
    "|y[output]| / max|y|": [1, 1, NONE],
    "t": [1, 0, 2],
    "k": [1, 2, 1],
    "output": [1, 0, 5],
    "a - b": [7, 0, -5],
    "|a - b|": [7, 0, 5],
    "|a - b| / max(|a|, |b|)": [NONE, 0, 1],
    "|a| / |b|": [3 / 4, 1, 0],
    "|a| * |b|": [12, 4, 0],
    "|a + b|": [1, 4, 5],
    "|a| * b**2": [48, 8, 0],
    "|a| / b**2": [3 / 16, 1 / 2, 0],
    "|b| * a**2": [36, 8, 0],
    "|b| / a**2": [4 / 9, 1 / 2, math.inf],
    "max(|a|, |b|)": [4, 2, 5],
    "max|x - y|": [1 / 2, 0, 15 / 2],
    "max|x - y| / max(|x|, |y|)": [1 / 10, 0, 15 / 16],
    "max|x| / max|y|": [1, 1, 1 / 2],
    "max|x| * max|y|": [25, 4, 32],
    "(max x - min x) * (max y - min y)": [68, 0, 80],
    "|a| / max|x|": [3 / 5, 1, 0],
    "|a| * max|x|": [15, 4, 0],
    "|a| / max|y|": [3 / 5, 1, 0],
    "|a| * max|y|": [15, 4, 0],
    "|b| / max|x|": [4 / 5, 1, 5 / 4],
    "|b| * max|x|": [20, 4, 20],
    "|b| / max|y|": [4 / 5, 1, 5 / 8],
    "|b| * max|y|": [20, 4, 40],
    "x[t]": [-5, 2, 4],
    "max x - x[t]": [8, 0, 0],
    "y[t]": [-5, 2, -2],
    "max y - y[t]": [17 / 2, 0, 10],
}
INSTEAD = {
    "max|x|": {0: "x = 0"},
    "max x - min x": {0: "all entries of x equal"},
    "max|x| / (max x - min x)": {math.inf: "all entries of x equal"},
    "min|x|": {0: "an entry of x is 0"},
    "a - b": {0: "a = b"},
    "|a - b|": {0: "a = b"},
    "|a - b| / max(|a|, |b|)": {0: "a = b"},
    "|a| * |b|": {math.inf: "|a| * |b| is beyond a double's range"},
    "|a + b|": {0: "a = -b"},
    "max(|a|, |b|)": {0: "a = b = 0"},
    "max|x - y|": {0: "x = y"},
    "max|x - y| / max(|x|, |y|)": {0: "x = y"},
    "max x": {},
}


def all_traits() -> tuple[list[Trait], Points, np.ndarray]:
    row = vector(-100, 100, sizes=(3,))
    formula = stated(a=WIDE, b=WIDE, x=row, y=row, t=index(sizes=(3,)), k=one_of(1, 2))
    columns = {
        "a": torch.tensor([3.0, -2, 0]),
        "b": torch.tensor([-4.0, -2, 5]),
        "x": torch.tensor([[1.0, -5, 3], [2, 2, 2], [0.5, -4, 4]]),
        "y": torch.tensor([[1.0, -5, 3.5], [2, 2, 2], [8, 1, -2]]),
        "t": torch.tensor([1, 0, 2]),
        "k": (1, 2, 1),
    }
    points, output = Points(columns, np.array(["given"] * 3), 3), np.array([1, 0, 5])
    return [*traits.single(formula, [points], [output]), *traits.paired(formula, [points])], points, output


def test_every_trait_is_the_number_that_its_name_says():
    found, points, output = all_traits()
    assert [trait.name for trait in found] == list(TRAITS)
    for trait in found:
        numbers = np.asarray(trait.of(points, output), dtype=float)
        assert np.array_equal(numbers, TRAITS[trait.name], equal_nan=True), trait.name


TOGETHER = {
    "x1 y1 x2 y2": {"x1 - x2", "y1 - y2", "x1 - y1", "x2 - y2", "max(|x1 - x2|, |y1 - y2|)"},
    "lat1 lon1 lat2 lon2": {"lat1 - lat2", "lon1 - lon2", "lat1 - lon1", "lat2 - lon2",
                            "max(|lat1 - lat2|, |lon1 - lon2|)"},
    "x y x0 y0": {"x - x0", "y - y0", "x - y", "x0 - y0", "max(|x - x0|, |y - y0|)"},
    "from_x from_y to_x to_y": {"from_x - to_x", "from_y - to_y", "from_x - from_y", "to_x - to_y",
                                "max(|from_x - to_x|, |from_y - to_y|)", "max(|from_x - from_y|, |to_x - to_y|)"},
    "old_mean old_scale new_mean new_scale": {
        "old_mean - new_mean", "old_scale - new_scale", "old_mean - old_scale", "new_mean - new_scale",
        "max(|old_mean - new_mean|, |old_scale - new_scale|)", "max(|old_mean - old_scale|, |new_mean - new_scale|)"},
    "x1 x2 rate": {"x1 - x2", "x1 - rate", "x2 - rate"},
    "x1 y1 x2 y2 rate": {"x1 - x2", "y1 - y2", "x1 - y1", "x2 - y2", "max(|x1 - x2|, |y1 - y2|)",
                         "x1 - rate", "y1 - rate", "x2 - rate", "y2 - rate"},
    "m11 m12 m21 m22": {"m11 - m12", "m11 - m21", "m11 - m22", "m12 - m21", "m12 - m22", "m21 - m22"},
}  # fmt: skip


@pytest.mark.parametrize("names", TOGETHER)
def test_inputs_are_compared_where_they_say_the_same_of_two_things_or_belong_to_one(names):
    formula = stated(**dict.fromkeys(names.split(), WIDE))
    found = [trait.name for trait in traits.paired(formula, formula.points(FLOAT32, 20, 0))]
    assert {name for name in found if " - " in name and not name.startswith("|")} == TOGETHER[names]


def test_inputs_of_one_domain_have_a_largest_together_and_one_alone_has_none():
    formula = stated(a=WIDE, b=WIDE, c=real(0, 1))
    found = [trait.name for trait in traits.paired(formula, formula.points(FLOAT32, 20, 0))]
    assert [name for name in found if name.startswith("max(|") and "/" not in name] == ["max(|a|, |b|)"]


def test_what_a_trait_says_instead_of_a_number_is_so():
    found = {trait.name: dict(trait.instead) for trait in all_traits()[0]}
    assert {name: found[name] for name in INSTEAD} == INSTEAD


def test_choices_are_in_order_where_all_of_them_are_numbers():
    orders = [
        traits._choice("k", choices).ordered for choices in ((1, 2.5), (1, None), (True, False), ("a", "b"))
    ]
    assert orders == [True, False, False, False]


def on_the_way(formula, start, stop, count, format=FLOAT32):
    one, other = (formula.at((end,), format) for end in (start, stop))
    (column,) = fresh.between(formula, format, one, other, count).columns.values()
    return column.tolist()


def test_on_the_way_from_one_point_to_another_ordinals_are_evenly_spread():
    assert on_the_way(stated(x=WIDE), 1.0, 2.0, 3) == [1.25, 1.5, 1.75]
    assert on_the_way(stated(x=WIDE), 16.0, 1.0, 3) == [8, 4, 2]
    assert on_the_way(stated(n=integer(0, 9)), 0, 8, 3) == [2, 4, 6]
    assert on_the_way(stated(n=integer(0, 9)), 9, 5, 1) == [7]


def test_on_the_way_to_a_neighbour_there_are_the_two_alone():
    """float64 has more ordinals than a double has digits."""
    beyond = 1 + 2.0**-52
    told = on_the_way(stated(x=WIDE), 1.0, beyond, 3, format_of("float64"))
    assert len(told) == 3 and set(told) <= {1.0, beyond}


def test_an_input_whose_numbers_belong_together_goes_straight():
    shares = stated(x=simplex(sizes=(2,)))
    told = on_the_way(shares, (0.25, 0.75), (0.75, 0.25), 3)
    assert told == [[0.375, 0.625], [0.5, 0.5], [0.625, 0.375]]


def test_points_are_distinct_in_their_numbers_choices_and_outputs():
    columns = {"x": torch.tensor([3.0, 1, 3, 3, 2, 3]), "k": ("a", "a", "a", "b", "a", "a")}
    points, output = Points(columns, np.array(["given"] * 6)), np.array([0, 0, 0, 0, 0, 1])
    kept, outputs = fresh.distinct((points, output))
    assert list(zip(kept.columns["x"].tolist(), kept.columns["k"], outputs.tolist(), strict=True)) == [
        (3, "a", 0), (1, "a", 0), (3, "b", 0), (2, "a", 0), (3, "a", 1),
    ]  # fmt: skip
    assert len(fresh.distinct((kept, outputs))[0]) == 5


def test_an_entry_at_an_index_outside_is_none():
    points = Points(
        {"row": torch.tensor([[1.0, 5.0, 3.0]] * 4), "at": torch.tensor([0, 2, 3, -1])},
        np.array(["given"] * 4),
        3,
    )
    none = np.zeros(4, dtype=int)
    told = traits._entry_at("row", "at", points, none).tolist()
    assert told[:2] == [1, 3] and np.isnan(told[2:]).all()
    below = traits._below_the_largest("row", "at", points, none).tolist()
    assert below[:2] == [4, 2] and np.isnan(below[2:]).all()


def test_numbers_that_are_equal_stay_equal_where_points_wander():
    formula = stated(a=WIDE, b=WIDE)
    points = formula.at((3.0, 3.0), FLOAT32).select(np.zeros(40, dtype=int))
    place = points, np.zeros(40, dtype=int)

    def equal(points, component):
        return (points.columns["a"] == points.columns["b"]).numpy()

    moved, _ = fresh.wandered(formula, FLOAT32, equal, place, np.random.default_rng(0), range(12))
    assert equal(moved, None).all() and len(torch.unique(moved.columns["a"])) > 10


def test_fresh_points_of_a_narrow_region_are_others_than_the_known_one():
    formula = stated(a=WIDE)
    known = formula.at((100.0,), FLOAT32), np.zeros(1, dtype=int)

    def beside_100(points, component):
        return ((points.columns["a"] - 100).abs() < 1e-3).numpy()

    own, moved = fresh.drawn_in(formula, FLOAT32, beside_100, [known], 40, 0)
    numbers = torch.cat([points.columns["a"] for points, _ in [*own, *moved]])
    assert all(beside_100(points, None).all() for points, _ in [*own, *moved]) and (numbers != 100).sum() > 10


def test_where_enough_points_are_drawn_in_a_region_no_others_are_taken():
    formula = stated(a=real(0, 1))
    known = formula.at((0.25,), FLOAT32), np.zeros(1, dtype=int)

    def below(points, component):
        return (points.columns["a"] < 0.5).numpy()

    own, moved = fresh.drawn_in(formula, FLOAT32, below, [known], 40, 0)
    assert sum(len(points) for points, _ in own) >= 40
    assert moved == []


@pytest.mark.parametrize(
    ("number", "means_nothing"),
    [(0.0, False), (1.0, False), (0.25, False), (0.3, False), (-1250.0, False), (2.0**-30, False), (math.inf, False),
     (0.3731689453125, True), (1.4867730140686035, True), (1.1754946310819804e-38, True)],
)  # fmt: skip
def test_a_rule_of_one_number_that_means_nothing_is_none(number, means_nothing):
    """A run happened to draw it; zeros, short numbers, powers of two and choices are what somebody could look for."""
    rule, other = (Condition(PLAIN, number, number),), (Condition(PLAIN, 1.0, 2.0),)
    assert (_meant(Region((rule, other))).rules == (other,)) == means_nothing
    assert _meant(Region(((Condition(RATES, 0.1, 0.1),),))).rules
    assert _meant(Region(((Condition(PLAIN, 0.371111, 0.372222),),))).rules


def test_the_same_question_draws_the_same_points():
    asked = [], []
    for each in asked:
        learnt(*CASES["offset over spread"][:2], asked=each)
    pairs = list(zip(*asked, strict=True))
    assert pairs and all(one.columns["x"].equal(other.columns["x"]) for one, other in pairs)
