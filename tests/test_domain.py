"""Domains and points: what is drawn, that it lies where it should, and that minimal examples read easily."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from numcheck.domain import (
    Column,
    Domain,
    Points,
    curve,
    draw,
    index,
    integer,
    one_of,
    ordered,
    polygon,
    real,
    simplex,
    spread,
    vector,
)
from numcheck.domain.curves import CURVES, Curve
from numcheck.domain.index import Index
from numcheck.domain.integer import Integer
from numcheck.domain.one_of import OneOf
from numcheck.domain.polygon import Polygon
from numcheck.domain.real import Real
from numcheck.domain.simplex import Simplex
from numcheck.domain.vector import Vector
from numcheck.formats import FORMATS, Format, format_of

FLOAT16, FLOAT32, FLOAT64 = (format_of(name) for name in ("float16", "float32", "float64"))

FORMULAS: dict[str, dict[str, Domain]] = {
    "one number": {"x": real(-200, 200, near=(0.3, 20))},
    "everywhere": {"x": real(-math.inf, math.inf)},
    "narrow": {"x": real(0.75, 1)},
    "labelled": {"logit": real(-200, 200), "label": one_of(0, 1)},
    "step": {
        "p": real(-10, 10),
        "g": real(-100, 100),
        "v": real(0, 50),
        "t": integer(1, 10000),
        "b": one_of(0.9, 0.5),
    },
    "classes": {"logits": vector(-math.inf, 100), "target": index(extra=(-100,)), "weight": vector(0, 8)},
    "divergence": {"p": simplex(), "q": simplex()},
    "area": {"xy": polygon()},
    "blend": {"f": curve(), "g": curve(), "alpha": real(0, 1), "y": real(0, 1)},
    "only settings": {"f": curve(), "mode": one_of("mean", "sum")},
}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def tensor(column: Column) -> torch.Tensor:
    assert isinstance(column, torch.Tensor)
    return column


def doubles(column: Column) -> list[float]:
    return tensor(column).to(torch.float64).flatten().tolist()


def bits_of(column: Column, format: Format) -> list[int]:
    return format.to_ordinals(tensor(column)).flatten().tolist()


def significand_bits(value: float) -> int:
    numerator = abs(value).as_integer_ratio()[0]
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0


def holds(domain: Domain, column: Column, format: Format, size: int | None) -> bool:
    """Whether every value of a column is one of the format and of the domain."""
    match domain:
        case Real() | Vector():
            values = tensor(column)
            interval, places = domain.interval(format), format.to_ordinals(values)
            inside = bool(((places >= interval.first) & (places <= interval.last)).all())
            shaped = values.ndim == 1 if isinstance(domain, Real) else values.shape[1:] == (size,)
            return values.dtype == format.dtype and shaped and inside
        case Integer():
            return bool(((tensor(column) >= domain.low) & (tensor(column) <= domain.high)).all())
        case OneOf():
            return set(column if isinstance(column, tuple) else column.tolist()) <= set(domain.values)
        case Index():
            return set(tensor(column).tolist()) <= set(domain.choices(size))
        case Simplex():
            slack = Fraction(format.unit_roundoff) + Fraction(2) ** -50
            for row in tensor(column).to(torch.float64).tolist():
                off = abs(sum(map(Fraction, row)) - 1)
                if (
                    len(row) != size
                    or min(row) < 0
                    or off > slack + len(row) * Fraction(format.smallest_subnormal)
                ):
                    return False
            return tensor(column).dtype == format.dtype
        case Polygon():
            values = tensor(column)
            finite = bool(values.to(torch.float64).isfinite().all())
            return values.dtype == format.dtype and values.shape[1:] == (size, 2) and finite


def same(left: list[Points], right: list[Points]) -> bool:
    def rows(column: Column) -> Any:
        if isinstance(column, tuple):
            return column
        return column.view(torch.uint8 if column.element_size() == 1 else column.dtype).tolist()

    return len(left) == len(right) and all(
        list(a.origin) == list(b.origin)
        and all(rows(a.columns[name]) == rows(b.columns[name]) for name in a.columns)
        for a, b in zip(left, right, strict=True)
    )


# -- draw --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", FORMULAS)
def test_everything_drawn_lies_in_its_domain_and_format(name: str, format: Format):
    for points in draw(FORMULAS[name], format, 600, 1, name):
        for key, domain in FORMULAS[name].items():
            assert holds(domain, points.columns[key], format, points.size)


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_drawn_is_contained(name: str, format: Format):
    for points in draw(FORMULAS[name], format, 300, 1, name):
        for key, domain in FORMULAS[name].items():
            assert domain.contains(points.columns[key], format).all()


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("size", [1, 2, 3, 8, 40])
def test_every_row_that_a_simplex_makes_is_contained(format: Format, size: int):
    domain = simplex(sizes=(size,))
    for column in (
        domain.corners(format, size, rng()),
        domain.sweep(format, 500, size, rng()),
        domain.sample(format, 500, size, rng()),
    ):
        assert domain.contains(column, format).all()


def test_values_beyond_a_bound_are_not_contained():
    assert real(0, 1).contains(torch.tensor([-0.0, 0.0, 1.0, 1.5]), FLOAT32).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert vector(0, 1).contains(torch.tensor([[0.0, 1.0], [0.5, 2.0]]), FLOAT32).tolist() == [True, False]
    rows = torch.tensor([[0.0, 1.0], [0.5, 0.5], [0.5, 0.25], [0.5, 2.0]])
    assert ordered(0, 1).contains(rows, FLOAT32).tolist() == [True, True, False, False]


@pytest.mark.parametrize("format", [FLOAT16, FLOAT32, FLOAT64], ids=lambda f: f.name)
def test_shares_that_are_negative_or_do_not_sum_to_one_are_not_contained(format: Format):
    above = 1 + 4 * format.unit_roundoff
    rows = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.125], [0.5, 0.5, 0.5], [1.5, -0.5, 0], [above, 0, 0], [0, 0, 0]]
    rows += [
        [1, -0.0, 0],
        [math.nan, 0.5, 0.5],
        [0.5, 0.25, 0.25 * (1 + 64 * format.unit_roundoff)],
        [math.inf, 0, 0],
    ]
    column = format.round(torch.tensor(rows, dtype=torch.float64))
    assert simplex().contains(column, format).tolist() == [True] + [False] * (len(rows) - 1)


def test_a_polygon_with_a_vertex_at_infinity_is_not_contained():
    triangles = torch.tensor([[[0.0, 0], [1, 0], [0, 1]], [[0, 0], [1, 0], [0, math.inf]]])
    assert polygon().contains(triangles, FLOAT32).tolist() == [True, False]


@pytest.mark.parametrize("name", FORMULAS)
def test_all_columns_have_as_many_values_as_there_are_points(name: str):
    drawn = draw(FORMULAS[name], FLOAT32, 600, 1, name)
    assert sum(len(points) for points in drawn) >= 600
    for points in drawn:
        assert list(points.columns) == list(FORMULAS[name])
        assert {len(column) for column in points.columns.values()} == {len(points)}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_same_seed_draws_the_same_points(name: str):
    assert same(draw(FORMULAS[name], FLOAT16, 300, 5, name), draw(FORMULAS[name], FLOAT16, 300, 5, name))


def test_seed_and_name_each_change_the_points():
    inputs = FORMULAS["one number"]
    first = draw(inputs, FLOAT32, 300, 5, "a")
    assert not same(first, draw(inputs, FLOAT32, 300, 6, "a"))
    assert not same(first, draw(inputs, FLOAT32, 300, 5, "b"))


@pytest.mark.parametrize("format", [FLOAT16, FLOAT32, FLOAT64], ids=lambda f: f.name)
@pytest.mark.parametrize("name", FORMULAS)
def test_every_corner_of_every_number_is_drawn(name: str, format: Format):
    for points in draw(FORMULAS[name], format, 900, 3, name):
        corners = points.select(points.origin == "corner")
        for key, domain in FORMULAS[name].items():
            if isinstance(domain, Real):
                expected = bits_of(domain.corners(format, points.size, rng()), format)
                assert set(expected) <= set(bits_of(corners.columns[key], format))


def test_every_corner_meets_every_label():
    inputs = FORMULAS["labelled"]
    [points] = draw(inputs, FLOAT32, 2000, 1, "labelled")
    corners = points.select(points.origin == "corner")
    met = set(
        zip(
            bits_of(corners.columns["logit"], FLOAT32), tensor(corners.columns["label"]).tolist(), strict=True
        )
    )
    expected = bits_of(inputs["logit"].corners(FLOAT32, None, rng()), FLOAT32)
    assert {(corner, label) for corner in expected for label in (0, 1)} <= met


@pytest.mark.parametrize("origin", ["corner", "sweep", "sample"])
def test_every_pair_of_curves_is_drawn(origin: str):
    [points] = draw(FORMULAS["blend"], FLOAT32, 2000, 1, "blend")
    part = points.select(points.origin == origin)
    f, g = part.columns["f"], part.columns["g"]
    assert isinstance(f, tuple)
    assert isinstance(g, tuple)
    assert len(set(zip(f, g, strict=True))) == len(CURVES) ** 2


def test_ragged_formulas_get_points_for_each_size_and_every_index():
    drawn = draw(FORMULAS["classes"], FLOAT32, 600, 1, "classes")
    assert [points.size for points in drawn] == [2, 3, 8]
    for points in drawn:
        assert set(tensor(points.columns["target"]).tolist()) == {-100, *range(points.size or 0)}


def met(inputs: dict[str, Domain], name: str, format: Format = FLOAT32, seed: int = 1) -> list[torch.Tensor]:
    """The columns, as doubles, of the points at which inputs were brought together in this way."""
    [points] = draw(inputs, format, 2000, seed, "met")
    chosen = points.select(points.origin == name)
    assert len(chosen) >= 20, f"{name}: {len(chosen)} points"
    return [tensor(column).double() for column in chosen.columns.values()]


TWO: dict[str, Domain] = {"x": real(-5, 5), "y": real(-1e6, 1e6)}
BESIDE = ("equal", "ulps apart", "close", "opposite", "one zero", "all zero", "far offset", "one special")


@pytest.mark.parametrize("format", [FLOAT16, FLOAT32, FLOAT64], ids=lambda f: f.name)
def test_two_inputs_of_a_kind_meet_in_every_way_and_each_of_them_is_named(format: Format):
    x, y = met(TWO, "equal", format)
    assert (x == y).all()
    x, y = (format.to_ordinals(column.to(format.dtype)) for column in met(TWO, "ulps apart", format))
    assert set((x - y).abs().tolist()) == {1, 2, 3}
    x, y = met(TWO, "opposite", format)
    assert (x == -y).all()
    assert all(((x == 0) & (y == 0)).all() for x, y in [met(TWO, "all zero", format)])
    x, y = met(TWO, "one zero", format)
    assert ((x == 0) | (y == 0)).all()
    assert ((x != 0) | (y != 0)).any()


def test_close_inputs_differ_by_a_part_of_themselves_from_a_sixteenth_to_a_millionth():
    x, y = met(TWO, "close")
    least = FLOAT32.smallest_normal * 2.0**24
    apart = (y - x).abs()[x.abs() >= least] / x.abs()[x.abs() >= least]
    assert (apart <= 2.0**-4 * 1.07).all()
    assert (apart >= 2.0**-21 - FLOAT32.unit_roundoff).all()
    assert apart.min() < 2.0**-14 and apart.max() > 2.0**-7


def test_inputs_at_a_common_far_offset_are_closer_to_each_other_than_to_zero():
    x, y = met({"x": real(-1e6, 1e6), "y": real(-1e6, 1e6)}, "far offset")
    assert ((x - y).abs() <= 2 * x.abs().maximum(y.abs())).all()
    assert float(((x - y).abs() <= x.abs() / 4).double().mean()) > 0.8
    assert x.abs().max() > 1e4


def test_an_input_stands_at_a_special_value_beside_an_ordinary_one():
    x, y = met({"x": real(-math.inf, 7), "y": real(-math.inf, 7)}, "one special")
    special = {-math.inf, 0.0, 1.0, -1.0, 7.0}
    assert special <= {*x.tolist(), *y.tolist()}


@pytest.mark.parametrize("low", [-90.0, 30.0])
def test_two_points_of_two_coordinates_each_come_close_in_both_at_once(low: float):
    """As of a distance on a sphere, in whatever order the four are declared, and whatever domains the two axes have."""
    for order in (("a1", "b1", "a2", "b2"), ("a1", "a2", "b1", "b2")):
        inputs: dict[str, Domain] = {
            name: real(-180, 180) if name[0] == "a" else real(low, 90) for name in order
        }
        [points] = draw(inputs, FLOAT32, 2000, 1, "sphere")
        a1, b1, a2, b2 = (tensor(points.columns[name]).double() for name in ("a1", "b1", "a2", "b2"))
        near = ((a1 - a2).abs() <= a1.abs() / 8) & ((b1 - b2).abs() <= b1.abs() / 8) & (a1 * b1 != 0)
        assert int((near & (a1 != a2) & (b1 != b2)).sum()) >= 8
        assert int((near & (a1 != a2) & (b1 == b2)).sum()) >= 1


def test_of_eight_inputs_two_quadruples_are_equal_and_many_sums_tie():
    names = ("x1", "y1", "w1", "h1", "x2", "y2", "w2", "h2")
    inputs: dict[str, Domain] = {name: real(-16, 16) if name[0] in "xy" else real(0.25, 16) for name in names}
    equal = ties = 0
    for seed in range(3):
        [points] = draw(inputs, FLOAT32, 2000, seed, "boxes")
        one, other = (
            torch.stack([tensor(points.columns[n]).double() for n in names if n[1] == i]) for i in "12"
        )
        equal += int(((one == other).all(0) & (one.diff(dim=0) != 0).any(0)).sum())
        edges = [box[:2] + sign * box[2:] / 2 for box in (one, other) for sign in (-1, 1)]
        shared = ((edges[0] == edges[2]) | (edges[1] == edges[3])) & (one != other).any(0)
        ties += int(shared.any(0).sum())
    assert equal >= 9
    assert ties >= 30


def test_what_meets_lies_in_the_domain_of_each_where_these_differ():
    inputs: dict[str, Domain] = {"x": vector(0, 5), "y": vector(-1, 1), "z": vector(-100, 0.5)}
    shares = dict.fromkeys(BESIDE, 0)
    for points in draw(inputs, FLOAT32, 2000, 1, "narrow"):
        for name, domain in inputs.items():
            assert domain.contains(points.columns[name], FLOAT32).all()
        for name in BESIDE:
            shares[name] += int((points.origin == name).sum())
    assert min(shares.values()) >= 2


def test_inputs_that_have_nothing_in_common_are_drawn_all_the_same():
    [points] = draw({"x": real(1, 2), "y": real(-8, -4)}, FLOAT32, 600, 1, "apart")
    assert len(points) >= 600
    assert "equal" not in points.origin


def test_vectors_are_sometimes_equal_to_one_another():
    for points in draw({"x": vector(-5, 5), "y": vector(-5, 5)}, FLOAT32, 900, 1, "distance"):
        equal = (tensor(points.columns["x"]) == tensor(points.columns["y"])).all(dim=1)
        assert int(equal.sum()) >= 5


def test_entries_of_a_vector_meet_in_every_way():
    drawn = Points.concatenate(draw({"x": vector(-1e6, 1e6, sizes=(4,))}, FLOAT32, 2000, 1, "entries"))

    def rows(name: str) -> torch.Tensor:
        column = tensor(drawn.select(drawn.origin == name).columns["x"])
        assert len(column) >= 20
        return column.double()

    assert (rows("entries equal").diff(dim=1) == 0).all()
    places = FLOAT32.to_ordinals(rows("entries ulps apart").float())
    assert ((places - places[:, :1]).abs().amax(1) <= 6).all()
    assert (rows("entries opposite").abs().diff(dim=1) == 0).all()
    assert (rows("entries zero") == 0).all()
    assert (rows("one entry zero") == 0).any(1).all()
    assert ((rows("one entry not zero") == 0).sum(1) >= 3).all()
    ties = rows("two entries equal").sort(1).values.diff(dim=1) == 0
    assert ties.any(1).all() and not ties.all(1).all()
    sizes = rows("one entry dominates").abs().sort(1).values
    assert (sizes[:, -2] <= sizes[:, -1] / 16).all() and (sizes[:, -2] > 0).any()
    far = rows("entries far")
    assert float((far.amax(1) - far.amin(1) <= far.abs().amax(1)).double().mean()) > 0.8


def test_integers_meet_equal_and_one_apart():
    x, y = met({"x": integer(1, 100), "y": integer(0, 9)}, "one apart")
    assert set((x - y).abs().tolist()) == {1}


def test_shares_meet_equal_and_close_and_sum_to_one():
    for points in draw({"p": simplex(), "q": simplex()}, FLOAT32, 900, 1, "divergence"):
        p, q = (tensor(c).double() for c in points.select(points.origin == "close").columns.values())
        assert ((p - q).abs() <= 0.2 * p + 2.0**-100).all()
        assert (p != q).any(1).sum() >= 10


def test_a_formula_of_one_number_is_drawn_in_thirds():
    [points] = draw({"x": real(-5, 5)}, FLOAT32, 900, 1, "one")
    assert set(points.origin) == {"corner", "sweep", "sample"}


@pytest.mark.parametrize("name", FORMULAS)
def test_few_points_can_be_asked_for(name: str):
    for count in (1, 2, 5):
        assert sum(map(len, draw(FORMULAS[name], FLOAT16, count, 1, name))) >= count


def test_select_takes_masks_and_positions_alike():
    [points] = draw(FORMULAS["labelled"], FLOAT32, 100, 1, "labelled")
    mask = points.origin == "sweep"
    assert same([points.select(mask)], [points.select(np.flatnonzero(mask))])


def test_concatenate_undoes_a_split():
    [points] = draw(FORMULAS["blend"], FLOAT32, 100, 1, "blend")
    half = len(points) // 2
    parts = [points.select(range(half)), points.select(range(half, len(points)))]
    assert same([Points.concatenate(parts)], [points])


# -- corners -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_corners_hold_the_ends_of_the_format_and_powers_of_two(format: Format):
    corners = set(doubles(real(-math.inf, math.inf).corners(format, None, rng())))
    promised = [format.smallest_subnormal, format.smallest_normal, format.largest, 0.5, 1.0, 2.0, 4.0]
    promised += [2.0**format.max_exponent] + [math.inf] * format.has_infinity
    assert {sign * value for value in promised for sign in (1, -1)} <= corners


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_corners_hold_the_zeros_that_the_format_has(format: Format):
    ordinals = bits_of(real(-1, 1).corners(format, None, rng()), format)
    assert {0, 1, 2, 3, -1, -2, -3} <= set(ordinals)
    zeros = [math.copysign(1, x) for x in doubles(real(-1, 1).corners(format, None, rng())) if x == 0]
    assert sorted(zeros) == ([-1.0, 1.0] if format.has_negative_zero else [1.0])


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_corners_hold_bounds_and_near_points_with_three_neighbours_on_either_side(format: Format):
    domain = real(-8, 8, near=(0.3, -2))
    ordinals = set(bits_of(domain.corners(format, None, rng()), format))
    for value in (0.3, -2.0):
        place = bits_of(format.round(torch.tensor([value], dtype=torch.float64)), format)[0]
        assert {place + step for step in range(-3, 4)} <= ordinals
    low, high = domain.interval(format).first, domain.interval(format).last
    assert {low, low + 1, low + 2, low + 3, high, high - 1, high - 2, high - 3} <= ordinals
    assert min(ordinals) == low
    assert max(ordinals) == high


def test_a_bound_of_zero_has_the_sign_that_is_written():
    assert real(0, 1).interval(FLOAT32).first == 0
    assert real(-0.0, 1).interval(FLOAT32).first == -1
    assert real(-1, 0).interval(FLOAT32).last == 0
    assert real(-1, -0.0).interval(FLOAT32).last == -1


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@given(low=st.floats(allow_nan=False), high=st.floats(allow_nan=False))
@settings(max_examples=60, database=None, deadline=None)
def test_ordinals_of_a_domain_are_the_innermost_ones(format: Format, low: float, high: float):
    low, high = min(low, high), max(low, high)
    if low == math.inf or high == -math.inf:
        return
    try:
        interval = Real(low, high).interval(format)
    except ValueError:
        return
    ends = torch.tensor([interval.first - 1, interval.first, interval.last, interval.last + 1])
    before, least, top, after = format.from_ordinals(ends).to(torch.float64).tolist()
    clipped = math.isinf(low) and not format.has_infinity
    assert clipped or low <= least
    assert top <= high or (math.isinf(high) and not format.has_infinity)
    outermost = low <= -format.largest
    assert outermost or before < low or (before == low == 0)
    outermost = high >= format.largest
    assert outermost or after > high or (after == high == 0)


def test_finite_bounds_beyond_a_format_hold_no_infinity():
    assert all(map(math.isfinite, doubles(real(-1e30, 1e30).corners(FLOAT16, None, rng()))))


def test_a_domain_without_values_in_a_format_says_what_to_write():
    with pytest.raises(
        ValueError, match=r"^real\(100000.0, 200000.0\) holds no value of float16: write wider bounds$"
    ):
        real(1e5, 2e5).interval(FLOAT16)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_vector_corners_hold_each_promised_pattern(size: int):
    rows = vector(-200, 200).corners(FLOAT32, size, rng()).to(torch.float64).tolist()
    one = 1.0
    assert [0.0] * size in rows
    assert [200.0] * size in rows
    assert [200.0] + [0.0] * (size - 1) in rows
    assert [one] * (size - 1) + [FLOAT32.smallest_subnormal] in rows
    assert [200.0 if i % 2 else -200.0 for i in range(size)] in rows
    assert any(row.count(max(row)) == 2 for row in rows)
    unit = 2.0**-23
    assert any(
        max(row) - min(row) <= 4 * size * unit * max(row) and len(set(row)) == size
        for row in rows
        if min(row) > 64
    )


def test_vectors_with_infinite_bounds_are_masked_in_part_and_whole():
    rows = vector(-math.inf, 100).corners(FLOAT32, 3, rng()).to(torch.float64).tolist()
    masked = {sum(x == -math.inf for x in row) for row in rows}
    assert masked == {0, 1, 2, 3}


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_simplex_corners_lie_in_the_simplex(format: Format, size: int):
    assert holds(simplex(), simplex().corners(format, size, rng()), format, size)


def test_integer_corners_hold_bounds_and_the_first_integer_that_the_format_skips():
    assert {1, 2, 2049, 10000} <= set(integer(1, 10000).corners(FLOAT16, None, rng()).tolist())


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_most_polygons_keep_an_area(format: Format):
    for points in draw({"xy": polygon()}, format, 900, 1, "area"):
        xy = tensor(points.columns["xy"]).to(torch.float64)
        x, y = (xy - xy[:, :1]).unbind(dim=2)
        area = (x * y.roll(-1, dims=1) - x.roll(-1, dims=1) * y).sum(dim=1)
        assert float((area != 0).float().mean()) > 0.5


# -- sweep and sample --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_a_sweep_takes_one_value_from_each_stretch_of_ordinals(format: Format):
    interval = (domain := real(-200, 200)).interval(format)
    low, high = interval.first, interval.last
    count = 64
    ordinals = sorted(bits_of(domain.sweep(format, count, None, rng()), format))
    width = (high - low + 1) // count
    assert all(low + i * width <= ordinal for i, ordinal in enumerate(ordinals))
    assert all(ordinal < low + (i + 1) * width for i, ordinal in enumerate(ordinals[:-1]))


def test_a_sweep_of_few_values_repeats_them_evenly():
    ordinals = bits_of(
        real(1, 1.5).sweep(format_of("float8_e4m3fn"), 50, None, rng()), format_of("float8_e4m3fn")
    )
    assert {ordinals.count(place) for place in set(ordinals)} == {10}


def test_a_sample_spans_magnitudes_and_signs():
    values = doubles(real(-1e6, 1e6).sample(FLOAT32, 1000, None, rng()))
    assert min(map(abs, values)) < 2.0**-6
    assert max(map(abs, values)) > 2.0**10
    assert {math.copysign(1, x) for x in values} == {1.0, -1.0}


def test_a_sample_of_vectors_has_rows_far_from_zero_and_close_together():
    rows = tensor(vector(-1e6, 1e6).sample(FLOAT32, 500, 8, rng())).to(torch.float64)
    spread = rows.amax(dim=1) - rows.amin(dim=1)
    assert int((spread < rows.abs().amin(dim=1) * 2.0**-8).sum()) > 20


# -- strategies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize(
    "domain",
    [
        real(-200, 200, near=(0.3,)),
        real(-math.inf, math.inf),
        real(0.75, 1),
        real(-0.0, 0),
        vector(-5, math.inf),
        simplex(),
        polygon(),
    ],
    ids=lambda domain: type(domain).__name__,
)
def test_strategies_stay_in_the_domain_and_format(domain: Domain, format: Format):
    size = None if domain.sizes is None else 3

    @settings(max_examples=20, database=None, deadline=None, phases=[Phase.generate])
    @given(domain.strategy(format, size))
    def check(value: Any) -> None:
        column = tensor(domain.column([value], format))
        assert column.to(torch.float64)[0].tolist() == value
        assert holds(domain, column, format, size)
        assert domain.contains(column, format).all()

    check()


def simplest(domain: Domain, format: Format, fails: Callable[[Any], bool]) -> Any:
    size = None if domain.sizes is None else 3
    searching = settings(max_examples=2000, database=None, deadline=None)
    return find(domain.strategy(format, size), fails, settings=searching, random=Random(11))


@pytest.mark.parametrize("format", [FLOAT64, FLOAT32, format_of("bfloat16")], ids=lambda f: f.name)
@pytest.mark.parametrize(
    ("fails", "allowed"),
    [
        (lambda x: x > 10, (10.5, 11, 12, 16)),
        (lambda x: x <= -17.33, (-17.5, -18, -20, -24, -32)),
        (lambda x: 0 < x < 1, (0.5, 0.75)),
        (lambda x: x > 88.7, (89, 90, 96, 128)),
        (lambda x: x < 0, (-1,)),
        (lambda x: x != round(x), (0.5, 1.5)),
        (lambda x: x == 0, (0,)),
    ],
    ids=("above 10", "below -17.33", "between", "above 88.7", "negative", "no integer", "zero"),
)
def test_minimal_numbers_are_short(
    format: Format, fails: Callable[[float], bool], allowed: tuple[float, ...]
):
    value = simplest(real(-200, 200), format, fails)
    assert significand_bits(value) <= 4
    assert value in allowed


def test_a_number_in_a_narrow_window_gets_no_more_bits_than_it_needs():
    assert significand_bits(simplest(real(1, 32), FLOAT32, lambda x: 17 < x < 17.75)) <= 6


def test_the_simplest_number_is_zero_or_else_one():
    assert simplest(real(-200, 200), FLOAT32, lambda x: True) == 0
    assert simplest(real(-200, 200), FLOAT32, lambda x: x != 0) == 1


def test_minimal_vectors_are_zero_where_nothing_else_is_needed():
    row = simplest(vector(-200, 200), FLOAT32, lambda row: max(row) > 88.7)
    assert sorted(row)[:2] == [0, 0]
    assert significand_bits(max(row)) <= 4


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_corners_of_polygons_hold_a_triangle_as_thin_as_the_significand_allows(format: Format):
    """Twice its area is one unit in the last place of a coordinate, squared."""
    corners = polygon(radius=(0.25, 2)).corners(format, 3, rng()).double()
    least = math.inf
    for first, second, third in corners.tolist():
        (ax, ay), (bx, by) = (
            [Fraction(p) - Fraction(q) for p, q in zip(to, first, strict=True)] for to in (second, third)
        )
        if twice_area := abs(ax * by - ay * bx):
            extent = max(map(abs, (ax, ay, bx, by)))
            least = min(least, twice_area / extent**2)
    assert least <= 3 * 4.0**-format.precision


def test_minimal_simplexes_and_polygons_have_small_numerators():
    assert simplest(simplex(), FLOAT32, lambda row: max(row) < 1) in (
        [0.5, 0.5, 0],
        [0.5, 0, 0.5],
        [0, 0.5, 0.5],
    )
    flat = [x for vertex in simplest(polygon(), FLOAT32, lambda xy: True) for x in vertex]
    assert all(significand_bits(x) <= 4 for x in flat)


# -- curves ------------------------------------------------------------------------------------------------------

RATIOS = [Fraction(k, 48) for k in range(49)]


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_curves_rise_from_zero_to_one(curve: Curve):
    heights = [curve(x) for x in RATIOS]
    assert all(isinstance(height, Fraction) for height in heights)
    assert heights[0] == 0
    assert heights[-1] == 1
    assert all(a < b for a, b in pairwise(heights))


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_derivatives_of_curves_are_exact(curve: Curve):
    # Dual numbers a + b e with e**2 = 0 over the rationals differentiate by the rules of algebra alone.
    for x in RATIOS:
        assert curve.derivative(x) == curve(Dual(x, Fraction(1))).slope


class Dual:
    def __init__(self, value: Fraction, slope: Fraction):
        self.value, self.slope = value, slope

    def __add__(self, other: "Dual | int") -> "Dual":
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: "Dual | int") -> "Dual":
        other = _dual(other)
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: "Dual | int") -> "Dual":
        other = _dual(other)
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    def __truediv__(self, other: "Dual | int") -> "Dual":
        other = _dual(other)
        quotient = self.value / other.value
        return Dual(quotient, (self.slope - quotient * other.slope) / other.value)

    def __pow__(self, n: int) -> "Dual":
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope if n else Fraction(0))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: int) -> "Dual":
        return _dual(other) - self

    def __rtruediv__(self, other: int) -> "Dual":
        return _dual(other) / self


def _dual(number: "Dual | int") -> Dual:
    return number if isinstance(number, Dual) else Dual(Fraction(number), Fraction(0))


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_inverses_of_curves_lead_back(curve: Curve):
    heights = torch.linspace(0, 1, 257, dtype=torch.float64)
    back = curve(curve.inverse(heights))
    # An error of a few u in x grows by the slope, which is 9 at most; the curve's own rounding adds a few u of 1.
    assert float((back - heights).abs().max()) <= 32 * FLOAT64.unit_roundoff


def test_the_plateau_is_flat_exactly_in_the_middle():
    assert Curve("plateau").derivative(0.5) == 0


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_curves_keep_the_type_of_a_tensor(curve: Curve):
    x = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float16)
    assert curve(x).dtype == curve.derivative(x).dtype == curve.inverse(x).dtype == torch.float16
    assert curve(x).shape == curve.derivative(x).shape == curve.inverse(x).shape == x.shape


# -- text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "text", "value"),
    [
        (real(-1, 1), "-20", -20.0),
        (real(-1, 1), " 0x1.8p-3 ", 0.1875),
        (real(-1, 1), "inf", math.inf),
        (real(-1, 1), "1/4", 0.25),
        (real(-1, 1), "0.1", FLOAT32.round_rational(Fraction(1, 10))),
        (real(-1, 1), "1e99999", math.inf),
        (integer(0, 5), "3", 3),
        (one_of(0, 1), "1", 1),
        (one_of(0.9, 0.5), "0.90", 0.9),
        (one_of("mean", None, True), "None", None),
        (one_of("mean", None, True), "True", True),
        (curve(), "cube", Curve("cube")),
        (index(extra=(-100,)), "-100", -100),
        (vector(0, 1), "1, 2,3", [1.0, 2.0, 3.0]),
        (simplex(), "0.5,0.5", [0.5, 0.5]),
        (polygon(), "0,0;1,0;0,1", [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_text_is_read_as_a_value(domain: Domain, text: str, value: Any):
    assert domain.parse(text, FLOAT32) == value


def test_minus_zero_is_read_with_its_sign():
    assert math.copysign(1, real(-1, 1).parse("-0", FLOAT32)) == -1


def test_a_decimal_is_rounded_once():
    # 1 + 2**-24 + 2**-60: a double drops the last term, and then the tie goes to 1.
    text = str(10**60 + 10**60 // 2**24 + 10**60 // 2**60) + "e-60"
    assert real(0, 2).parse(text, FLOAT32) == 1 + 2.0**-23


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (real(-1, 1), "one"),
        (real(-1, 1), "nan"),
        (real(-1, 1), "1/0"),
        (vector(0, 1), "1,,2"),
        (integer(0, 5), "1.5"),
        (one_of(0, 1), "2"),
        (curve(), "circle"),
        (index(), "-1"),
        (polygon(), "0,0;1"),
    ],
)
def test_text_that_is_no_value_gets_one_line_that_says_what_to_write(domain: Domain, text: str):
    with pytest.raises(ValueError, match=r"^[^\n]*write[^\n]*$"):
        domain.parse(text, FLOAT32)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: real(1, 0),
        lambda: real(math.nan, 0),
        lambda: real(math.inf, math.inf),
        lambda: real("0", 1),  # pyright: ignore[reportArgumentType]
        lambda: real(0, 1, near=(2,)),
        lambda: real(0, 1, near=0),  # pyright: ignore[reportArgumentType]
        lambda: integer(0.5, 1),  # pyright: ignore[reportArgumentType]
        lambda: integer(2, 1),
        lambda: one_of(),
        lambda: one_of(1, 1),
        lambda: one_of([1, 2]),
        lambda: vector(0, 1, sizes=()),
        lambda: vector(0, 1, sizes=(0,)),
        lambda: vector(0, 1, sizes=(2, 2)),
        lambda: index(sizes=3),  # pyright: ignore[reportArgumentType]
        lambda: simplex(sizes="3"),  # pyright: ignore[reportArgumentType]
        lambda: polygon(sizes=(2,)),
        lambda: polygon(radius=(0, 1)),
        lambda: polygon(centre=(2, 1)),
        lambda: curve("circle"),
    ],
)
def test_a_wrong_declaration_gets_one_line_that_says_what_to_write(declare: Callable[[], Domain]):
    with pytest.raises(ValueError, match=r"^[^\n]*write[^\n]*$"):
        declare()


def test_ints_are_labels_and_everything_else_is_a_setting():
    assert isinstance(one_of(0, 1).column([1], FLOAT32), torch.Tensor)
    for choices in ((True, False), (1, "two"), (0.9, 0.5)):
        assert one_of(*choices).column(choices, FLOAT32) == choices


@pytest.mark.parametrize(
    "domain", [domain for inputs in FORMULAS.values() for domain in inputs.values()], ids=repr
)
def test_domains_are_values(domain: Domain):
    assert domain == eval(repr(domain), {**globals(), "inf": math.inf})
    assert hash(domain) == hash(domain)
    assert domain.describe()


@given(count=st.integers(2, 10_000), most=st.integers(2, 300))
def test_spread_rows_reach_both_ends_and_leave_no_gap_longer_than_another(count: int, most: int):
    rows = spread(count, most)
    gaps = np.diff(rows)
    assert len(rows) == min(count, most)
    assert rows[0] == 0 and rows[-1] == count - 1
    assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_ends_of_inputs_meet_in_every_draw(seed: int, count: int):
    """As far apart and as far out as they can be, whatever the seed: there a sum or a difference overflows."""
    inputs = {f"x{i}": real(-3e38, 3e38) for i in range(count)}
    (points,) = draw(inputs, FLOAT32, 60, seed, "ends")
    ends = {
        tuple(np.sign(row))
        for row in np.stack([points.columns[n].numpy() for n in inputs], axis=1)
        if (np.abs(row) > 2.9e38).all()
    }
    one = np.eye(count) * 2 - 1
    assert {tuple(np.ones(count)), tuple(-np.ones(count)), *map(tuple, one), *map(tuple, -one)} <= ends
