"""A region is a true sentence: what it says of points holds of fresh ones, and in words that a user needs."""

import numpy as np
import pytest
import torch

from numcheck import box, format_of, index, integer, matrix, one_of, polygon, real, unit_vector, vector
from numcheck.declaration.formulas import formula_of
from numcheck.diagnosis import fresh
from numcheck.diagnosis.questions import alone
from numcheck.diagnosis.regions import Seen, Where, described, region
from numcheck.diagnosis.rules import Condition, Region, shortest
from numcheck.diagnosis.traits import Trait
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

    found = fresh.drawn_in(formula, FLOAT32, beside_100, [known], 40, 0)
    numbers = torch.cat([points.columns["a"] for points, _ in found])
    assert all(beside_100(points, None).all() for points, _ in found) and (numbers != 100).sum() > 10


def test_the_same_question_draws_the_same_points():
    asked = [], []
    for each in asked:
        learnt(*CASES["offset over spread"][:2], asked=each)
    pairs = list(zip(*asked, strict=True))
    assert pairs and all(one.columns["x"].equal(other.columns["x"]) for one, other in pairs)
