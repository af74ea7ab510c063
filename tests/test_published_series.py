"""A published series of a tiny polygon's centroid, which jumped about: its area had cancelled, the division was right.

The numbers are those of a question about a map editor: the denominator and the numerator of a centroid in double
precision, printed with sixteen decimals, while one node of the polygon is moved steadily.
"""

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import torch

from numcheck import ulps
from numcheck.declaration.formulas import routine_of
from numcheck.declaration.registry import formula_named, load_catalog
from numcheck.declaration.words import Cause, Fate
from numcheck.diagnosis.diagnose import diagnose
from numcheck.domain import Points
from numcheck.formats import format_of
from numcheck.measure.measurement import Measurement, measure
from numcheck.truth import settle

AREAS = (
    "2119123e-16",
    "2137313e-16",
    "2137313e-16",
    "2155502e-16",
    "2182787e-16",
    "2200977e-16",
    "2210072e-16",
)
MOMENTS = ("922932995e-16", "930474444e-16", "930582124e-16", "938123574e-16", "950458711e-16", "958000159e-16",
           "962901528e-16")  # fmt: skip
HALF_A_DIGIT = Fraction(1, 2 * 10**16)
SPACING = Fraction(1, 2**40)
"""That of doubles between 4096 and 8192, the size of products of coordinates that are a few dozen each."""

FLOAT64 = format_of("float64")
load_catalog()
CENTROID = formula_named("polygon_centroid")


def test_the_published_areas_are_a_few_hundred_spacings_of_the_products_that_they_are_differences_of():
    spacings = [round(Fraction(area) / SPACING) for area in AREAS]
    assert spacings == [233, 235, 235, 237, 240, 242, 243]
    assert all(
        abs(n * SPACING - Fraction(area)) <= HALF_A_DIGIT for n, area in zip(spacings, AREAS, strict=True)
    )


def test_the_published_quotients_are_divided_right_and_jump_less_than_one_spacing_of_the_area_moves_them():
    exact = [Fraction(moment) / Fraction(area) for moment, area in zip(MOMENTS, AREAS, strict=True)]
    for quotient, moment, area in zip(exact, MOMENTS, AREAS, strict=True):
        rounding = abs(Fraction(float(moment) / float(area)) - quotient)
        assert rounding <= 2 * Fraction(1, 2**52) * quotient  # of the operands' own and the division's
    jumps = [abs(after - before) for before, after in itertools.pairwise(exact)]
    steps = [quotient / round(Fraction(area) / SPACING) for quotient, area in zip(exact, AREAS, strict=True)]
    assert max(jumps) < min(steps)


def moved_steadily() -> Points:
    """A quadrilateral of about the published area around (70, 70), one of whose nodes moves by equal steps."""
    xy = torch.tensor([[0.0, 0.0], [1.0, 0.1], [1.1, 1.0], [0.1, 0.9]], dtype=torch.float64) * 1.5e-5 + 70
    series = xy.repeat(64, 1, 1)
    series[:, 2, 0] += torch.arange(64, dtype=torch.float64) * 2.0**-32
    return Points({"xy": series}, np.array(["given"] * len(series)), 4)


def judged(name: str) -> Measurement:
    points = moved_steadily()
    routine = routine_of(CENTROID, CENTROID.routines[name].function, name, ulps(4, cond=8), None)
    (value,) = measure(routine, points, settle(CENTROID, points, FLOAT64), FLOAT64, "cpu")
    return value


def test_the_division_of_such_a_centroid_is_not_blamed_but_the_cancelling_cross_products():
    value = judged("absolute_shoelace")
    worst = value.judgement.worst
    failing = worst.fate == Fate.OVER
    assert failing.mean() > 0.9 and np.median(worst.spent) > 100
    found = diagnose(value)
    assert set(found.causes[failing]) == {Cause.CANCELLATION}
    blamed = Counter((loss.operator, loss.line) for loss in found.losses.values())
    ((operator, line), _), *_ = blamed.most_common(1)
    assert operator in ("aten.sub.Tensor", "aten.sum.dim_IntList")
    assert "cross" in line


def test_the_computed_centroid_lies_many_widths_outside_of_the_polygon():
    value = judged("absolute_shoelace")
    exact, got = value.judgement.truth.nearest()[:, 0], value.judgement.got[:, 0]
    xy = value.points.columns["xy"]
    assert isinstance(xy, torch.Tensor)
    left, right = xy[..., 0].amin(1).numpy(), xy[..., 0].amax(1).numpy()
    assert ((left < exact) & (exact < right)).all()
    assert (got > right + 100 * (right - left)).all()
    assert np.abs(np.diff(got)).min() > 1000 * np.abs(np.diff(exact)).max()


def test_the_centroid_from_a_corner_follows_the_same_polygons():
    assert set(judged("corner_origin").judgement.worst.fate) == {Fate.WITHIN}
