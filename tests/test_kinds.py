"""Kinds of input: each answers every question, and one that is declared here goes wherever the others go."""

import ast
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, final

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from numcheck import (
    Format,
    UsageError,
    box,
    check,
    curve,
    explain,
    format_of,
    index,
    integer,
    integers,
    labels,
    m,
    mask,
    matrix,
    one_of,
    ordered,
    polygon,
    real,
    sampled,
    simplex,
    steps,
    sweep,
    ulps,
    unit_vector,
    vector,
)
from numcheck.declaration.formulas import formula_of, routine_of
from numcheck.domain import Column, Domain, Points, continuous, draw, magnitude
from numcheck.domain.kinds import numeric
from numcheck.domain.meetings import Meeting, the_same
from numcheck.measure.scaling import ladder
from numcheck.runs.search import examples

FLOAT32 = format_of("float32")
PACKAGE = Path(__file__).parents[1] / "numcheck"


def opposed(leading, own, format, rng):
    """The other way, on the side of zero on which there is room."""
    return format.round(leading.double() - torch.where(leading.double() > 0, 0.5, -0.5))


# -- kinds that nobody else knows ------------------------------------------------------------------------------------


@final
@dataclass(frozen=True)
class Angle:
    """An angle of up to half a turn to either side; twice a right one is no larger copy of it, so it has no scale."""

    sizes = None
    discrete = False
    measures = ()
    differentiable = True
    scalable = False

    def describe(self):
        return "an angle in turns"

    def parse(self, text, format):
        return float(text.removesuffix(" turns"))

    def column(self, values, format):
        return format.round(torch.tensor(values, dtype=torch.float64))

    def contains(self, column, format):
        return (column.double().abs() <= 0.5).numpy()

    def corners(self, format, size, rng):
        return self.column([-0.5, -0.25, -0.0, 0, format.smallest_subnormal, 1 / 6, 0.25, 0.375, 0.5], format)

    def sweep(self, format, count, size, rng):
        return self.column(np.ldexp(0.5, -rng.integers(0, 24, count)) * rng.choice([-1, 1], count), format)

    def sample(self, format, count, size, rng):
        return self.column(rng.uniform(-0.5, 0.5, count), format)

    def strategy(self, format, size):
        return st.integers(-8, 8).map(lambda n: n / 16)

    def meetings(self, format, size):
        return {"equal": Meeting(follow=the_same), "a half turn off": Meeting(follow=opposed)}

    def enumerated(self, format, grid):
        least, most = format.to_ordinals(self.column([-0.5, 0.5], format)).tolist()
        return range(least, most + 1)

    def shortenings(self, column, format):
        mantissa, exponent = np.frexp(column.double().numpy())
        return self.column([*column.tolist(), *np.ldexp(np.sign(mantissa) / 2, exponent)], format)


@final
@dataclass(frozen=True)
class Rising:
    """Several numbers from 0 to 100, none below the one before."""

    sizes: tuple[int, ...] = (2, 3)

    discrete = False
    measures = ()
    differentiable = True
    scalable = True

    def describe(self):
        return "rising numbers"

    def parse(self, text, format):
        return sorted(float(part) for part in text.split("<"))

    def column(self, values, format):
        return format.round(torch.tensor(values, dtype=torch.float64))

    def contains(self, column, format):
        wide = column.double()
        return ((wide.diff(dim=1) >= 0).all(1) & (wide >= 0).all(1) & (wide <= 100).all(1)).numpy()

    def corners(self, format, size, rng):
        return self.column([[0] * size, [100] * size, [0] * (size - 1) + [100], range(size)], format)

    def sweep(self, format, count, size, rng):
        return self.column(np.sort(100 * 2.0 ** rng.uniform(-30, 0, (count, size))), format)

    def sample(self, format, count, size, rng):
        return self.column(np.sort(rng.uniform(0, 100, (count, size))), format)

    def strategy(self, format, size):
        return st.lists(st.integers(0, 100), min_size=size, max_size=size).map(sorted)

    def meetings(self, format, size):
        return {"level": Meeting(lead=lambda own, format, rng: own[:, :1].expand_as(own))}

    def enumerated(self, format, grid):
        return None

    def shortenings(self, column, format):
        return torch.cat([column, format.round(column.double().round())])


@final
@dataclass(frozen=True)
class Sign:
    """Plus or minus one, written as one character."""

    sizes = None
    discrete = True
    differentiable = False

    def describe(self):
        return "a sign"

    def parse(self, text, format):
        return {"+": 1, "-": -1}[text] if text in "+-" else int(text)

    def column(self, values, format):
        return torch.tensor(values, dtype=torch.int64)

    def contains(self, column, format):
        return (column.abs() == 1).numpy()

    def strategy(self, format, size):
        return st.sampled_from((1, -1))

    def choices(self, size):
        return (1, -1)


def haversine(angle, sign):
    """The sagitta of an arc, over twice the radius; its sign is chosen, by a branch that only a choice can take."""
    half = m.sin(angle * m.pi())
    return half * half if sign > 0 else -(half * half)


HAVERSINE = formula_of(
    haversine, "Inman 1835", [((0.25, 1), "0.5")], None, {"angle": Angle(), "sign": Sign()}
)


def cosines(angle, sign):
    return sign * (1 - torch.cos(2 * torch.pi * angle)) / 2


def findings_of(function, formula, **options):
    report = check(
        function, formula, formats=("float32",), points=300, value=ulps(4), grad=ulps(8), **options
    )
    [value] = [told for told in report["measurements"] if told["of"] == "value"]
    return value, {found["cause"]: found for found in value["findings"]}


def test_a_kind_that_nobody_knows_is_drawn_settled_measured_and_diagnosed():
    value, found = findings_of(cosines, HAVERSINE)
    assert sum(value["fates"].values()) >= 300
    assert found["cancellation"]["operator"] == "aten.rsub.Scalar"
    assert value["map"]["rows"] == ["sign -1", "sign 1"]
    assert value["plot"]["x"] == ["angle"]


def test_the_region_of_a_kind_that_nobody_knows_is_found_by_moving_it_and_its_example_by_shortening_it():
    _, found = findings_of(cosines, HAVERSINE)
    told = found["cancellation"]
    # nothing is lost at zero itself, which some draws show
    assert re.fullmatch(r"(-0\.0\d+ <= angle|\S+e-\d+ <= \|angle\|) <= 0\.0\d+", told["region"])
    assert told["region_fails"] >= 0.8 and told["region_covers"] >= 0.9
    assert abs(float(told["simplest"]["inputs"]["angle"]["decimal"])) < 0.1


def test_several_numbers_of_a_kind_that_nobody_knows_are_moved_as_it_has_it():
    stated = formula_of(
        lambda x: m.sqrt(m.sum(x * x)), "Euclid", [(((3, 4),), "5")], None, {"x": Rising()}
    )  # fmt: skip
    _, found = findings_of(lambda x: (x * x * 1e36).sum(1).sqrt() / 1e18, stated)
    # the sum of three squares overflows from 18.45 on, where they are one, and from 10.65 on, where they are equal
    bound = float(found["overflow"]["region"].removeprefix("max|x| >= "))
    assert 10.6 < bound < 18.5 and found["overflow"]["region_fails"] >= 0.8


def test_a_ladder_leaves_a_kind_alone_that_says_so():
    points = Points.concatenate(draw(HAVERSINE.inputs, FLOAT32, 60, 0, "haversine"))
    climb = ladder(HAVERSINE, points, FLOAT32, False)
    assert torch.equal(climb.points.columns["angle"], climb.points.columns["angle"][climb.home])


def test_inputs_of_a_kind_that_nobody_knows_are_brought_together():
    [points] = draw({"a": Angle(), "b": Angle(), "s": Sign()}, FLOAT32, 300, 0, "angles")
    assert int((points.columns["a"] == points.columns["b"]).sum()) >= 20
    apart = points.select(points.origin == "a half turn off").columns
    assert len(apart["a"]) >= 20
    assert set((apart["a"] - apart["b"]).abs().tolist()) == {0.5}


def test_entries_of_a_kind_that_nobody_knows_meet_as_it_says():
    for points in draw({"x": Rising()}, FLOAT32, 300, 0, "rising"):
        level = points.select(points.origin == "level").columns["x"]
        assert len(level) >= 30
        assert (level == level[:, :1]).all()


def test_a_kind_that_nobody_knows_is_searched_by_its_own_strategy():
    simplest, _ = find(
        examples(HAVERSINE, FLOAT32, "value"),
        lambda example: float(example[0].columns["angle"][0]) > 0.2,
        random=Random(3),
    )
    assert float(simplest.columns["angle"][0]) == 0.25
    assert simplest.columns["sign"].tolist() == [1]


def test_a_kind_that_nobody_knows_reads_its_own_text():
    routine = routine_of(HAVERSINE, cosines, "cosines", ulps(4), None)
    told = dict(explain(routine, HAVERSINE, {"angle": "0.5 turns", "sign": "-"}).rows)
    assert told["value truth"] == "-1.0"


def test_a_kind_that_nobody_knows_is_swept_as_far_as_it_can_be_listed():
    routine = routine_of(HAVERSINE, cosines, "cosines", ulps(4), None)
    swept = sweep(HAVERSINE, [routine], format="float8_e4m3fn", value_only=True)
    assert swept["points"] == 2 * len(Angle().enumerated(format_of("float8_e4m3fn"), None))
    with pytest.raises(UsageError, match="its input x is rising numbers"):
        sweep(
            formula_of(lambda x: m.sum(x), "Euclid", [(((3, 4),), "7")], None, {"x": Rising()}),
            [], format="float16", grid=4,
        )  # fmt: skip


def uniform(count, rng):
    return rng.random(count)


def normal(count, size, rng):
    return torch.from_numpy(rng.standard_normal((count, size)))


# -- all kinds -------------------------------------------------------------------------------------------------------

KINDS: list[Domain] = [
    real(-200, 200, near=(0.3, 20)),
    real(-math.inf, math.inf),
    real(0.75, 1),
    integer(1, 10000),
    one_of(0, 1),
    one_of(0.9, "mean", None),
    curve(),
    index(extra=(-100,)),
    vector(-5, 8),
    vector(-math.inf, math.inf),
    simplex(),
    polygon(),
    *(box(-16, 100, form) for form in ("xyxy", "ltrb", "xywh", "cxcywh")),
    *(matrix(-8, 8, (3, 3), form) for form in ("any", "symmetric", "positive definite", "orthogonal")),
    matrix(0, 1, (2, 3)),
    matrix(1, math.inf, (1, 2)),
    unit_vector(),
    mask(),
    integers(-3, 5),
    labels(4, ignored=-100),
    labels(1),
    ordered(-5, 8, near=(0.3,)),
    ordered(-math.inf, math.inf),
    steps(-5, 8, horizons=(1, 3)),
    sampled(uniform, 0, 1),
    sampled(normal, -50, 50, sizes=(2, 3)),
    Angle(),
    Rising(sizes=(3,)),
    Sign(),
]

QUICK = settings(max_examples=5, database=None, deadline=None, phases=[Phase.generate])


def named(domain: Domain) -> str:
    """A domain as it is written, without the address of a sampler, which is another in each process."""
    return re.sub(r"<function ([\w.<>]+) at \w+>", r"\1", repr(domain))


every_kind = pytest.mark.parametrize("domain", KINDS, ids=named)
every_continuous = pytest.mark.parametrize(
    "domain", continuous(dict(zip(map(repr, KINDS), KINDS, strict=True))).values(), ids=named
)
every_number = pytest.mark.parametrize(
    "domain", numeric(dict(zip(map(repr, KINDS), KINDS, strict=True))).values(), ids=named
)
UNHEARD: dict[Domain, set[str]] = {
    real(0.75, 1): {"opposite", "one zero", "all zero"},
    matrix(0, 1, (2, 3)): {"opposite"},
    matrix(1, math.inf, (1, 2)): {"opposite", "one zero", "all zero"},
    sampled(uniform, 0, 1): {"opposite"},
}
"""Meetings that a domain has no room for."""

every_format = pytest.mark.parametrize(
    "format", [format_of(name) for name in ("float32", "bfloat16", "float8_e4m3fnuz")], ids=lambda f: f.name
)


def size_of(domain: Domain) -> int | None:
    return None if domain.sizes is None else 3


def drawn(domain: Any, format: Format) -> list[Column]:
    size, rng = size_of(domain), np.random.default_rng(5)
    if domain.discrete:
        return [domain.column(domain.choices(size), format)]
    return [
        domain.corners(format, size, rng),
        domain.sweep(format, 40, size, rng),
        domain.sample(format, 40, size, rng),
    ]


def values(domain: Any, format: Format) -> list[torch.Tensor]:
    """Columns of one value each, all finite."""
    rows = torch.cat(drawn(domain, format))
    return [rows[i : i + 1] for i in range(0, len(rows), 3) if magnitude(rows[i : i + 1]).isfinite()]


@every_kind
def test_a_kind_is_a_final_frozen_dataclass_of_one_sort(domain: Domain):
    assert isinstance(domain, Domain)
    assert type(domain).__final__
    assert type(domain).__dataclass_params__.frozen
    assert type(domain).__bases__ == (object,)
    assert not (domain.discrete and domain.differentiable)


@every_kind
@every_format
def test_a_kind_contains_what_it_draws_and_tells_hypothesis(domain: Domain, format: Format):
    for column in drawn(domain, format):
        assert domain.contains(column, format).all()
    simple = find(domain.strategy(format, size_of(domain)), lambda value: True, settings=QUICK)
    assert domain.contains(domain.column([simple], format), format).tolist() == [True]


@pytest.mark.parametrize("domain", [domain for domain in KINDS if domain.discrete], ids=named)
def test_choices_are_contained_and_read_back_from_their_text_and_others_are_not(domain: Any):
    for choice in domain.choices(3):
        assert domain.parse(str(choice), FLOAT32) == choice
    other = torch.tensor([-7]) if isinstance(drawn(domain, FLOAT32)[0], torch.Tensor) else ("other",)
    assert domain.contains(other, FLOAT32).tolist() == [False]


@every_continuous
@every_format
def test_shortenings_have_the_shape_of_the_value_and_are_of_the_format(domain: Any, format: Format):
    for value in values(domain, format):
        shorter = domain.shortenings(value, format)
        assert shorter.dtype == format.dtype
        assert shorter.shape[1:] == value.shape[1:]
        assert domain.contains(shorter, format).any()
        assert (
            (shorter.double() == value.double())
            .flatten(1 - (value.ndim == 1))
            .reshape(len(shorter), -1)
            .all(1)
            .any()
        )


@every_number
@every_format
def test_what_meets_has_the_shape_and_format_of_the_values_and_where_it_does_not_lie_in_the_domain_stays_as_drawn(
    domain: Any, format: Format
):
    size, rng = size_of(domain), np.random.default_rng(1)
    drawn = domain.sample(format, 40, size, rng)
    for meeting in domain.meetings(format, size).values():
        led = drawn if meeting.lead is None else meeting.lead(drawn, format, rng)
        made = (
            [led]
            if meeting.follow is None
            else [led, meeting.follow(led, drawn[torch.arange(39, -1, -1)], format, rng)]
        )
        assert all(column.shape == drawn.shape and column.dtype == drawn.dtype for column in made)
    for points in draw({"a": domain, "b": domain}, format, 100, 3, "met"):
        assert domain.contains(points.columns["a"], format).all()
        assert domain.contains(points.columns["b"], format).all()


@every_number
def test_every_meeting_of_a_kind_is_drawn_and_named_and_leaves_the_other_origins_their_share(domain: Any):
    drawn = draw({"a": domain, "b": domain}, FLOAT32, 2000, 3, "met")
    shares = Counter(str(origin) for points in drawn for origin in points.origin)
    names = set(domain.meetings(FLOAT32, size_of(domain)))
    met = sum(shares[name] for name in names)
    assert all(shares[name] for name in ("corner", "sweep", "sample", *(names - UNHEARD.get(domain, set()))))
    assert met <= sum(shares.values()) / 3
    assert shares["sample"] >= 400


@every_continuous
def test_the_ordinals_that_a_kind_lists_are_those_of_its_values(domain: Any):
    format = format_of("float8_e4m3fn")
    listed = domain.enumerated(format, None)
    if listed is None:
        return
    assert domain.contains(format.from_ordinals(torch.tensor(listed)), format).all()
    every = torch.arange(format.lowest_ordinal, format.highest_ordinal + 1)
    assert domain.contains(format.from_ordinals(every), format).sum() == len(listed)
    assert set(domain.enumerated(format, 9)) <= set(listed)


def test_nobody_asks_which_kind_an_input_is():
    kinds = "|".join(sorted({type(domain).__name__ for domain in KINDS}))
    asking = re.compile(rf"isinstance\(.*(?<![.\w])({kinds})\b")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    calls = [ast.unparse(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [call for call in calls if asking.match(call)] == []
