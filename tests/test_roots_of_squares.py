"""Square roots of what cannot be negative, where balls reach below zero: points that coincide."""

import numpy as np
import pytest
import torch

from numcheck import format_of, m, real, vector
from numcheck.declaration.formulas import formula_of
from numcheck.domain import Points
from numcheck.reals.enclosures import PROVED
from numcheck.truth import settle

FLOAT32 = format_of("float32")


def settled(function, **columns):
    inputs = {
        name: vector(-8, 8, sizes=(2,)) if column.ndim > 1 else real(-8, 8)
        for name, column in columns.items()
    }
    formula = formula_of(function, "a school book", (), (), inputs)
    count = len(next(iter(columns.values())))
    size = 2 if any(column.ndim > 1 for column in columns.values()) else None
    return settle(formula, Points(columns, np.full(count, "given"), size), FLOAT32, with_gradient=False).value


def chord(a, b, c, d):
    """By way of pi, so that no ball of a difference is the number zero."""
    p, q = a * m.pi() / 180, b * m.pi() / 180
    return m.sqrt(m.sin((q - p) / 2) ** 2 + m.cos(p) * m.cos(q) * m.sin((d * m.pi() - c * m.pi()) / 360) ** 2)


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_distance_of_a_point_from_itself_is_proved_to_be_zero(lanes: int):
    a, c = torch.linspace(0.25, 5, lanes), torch.linspace(-3, 3, lanes)
    value = settled(chord, a=a, b=a, c=c, d=c)
    assert (value.state == PROVED).all()
    assert (
        np.abs(value.nearest()) + np.ldexp(value.radius, value.exponent) <= FLOAT32.smallest_subnormal / 64
    ).all()


def test_the_length_of_a_difference_of_equal_vectors_is_proved_to_be_zero():
    x = torch.tensor([[1.5, -2.25]])
    value = settled(lambda x, y: m.norm(x * m.pi() - y * m.pi()), x=x, y=x)
    assert (value.state == PROVED).all()
    assert abs(float(value.nearest().item())) <= FLOAT32.smallest_subnormal / 64


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: m.sqrt(x * m.pi() - y * m.pi()),  # may be negative, for all that its text says
        lambda x, y: m.sqrt(-((x * m.pi() - y * m.pi()) ** 2)),
        lambda x, y: m.sqrt((x * m.pi() - y * m.pi()) ** 2 * (x - 3)),
        lambda x, y: m.sqrt((x * m.pi() - y * m.pi()) ** 2 - (x * m.pi() - y * m.pi()) ** 2),
        lambda x, y: m.sqrt((x * m.pi() - y * m.pi()) ** 3),
    ],
)
def test_a_root_of_what_may_be_negative_is_never_proved_by_a_ball_around_zero(function):
    x = torch.tensor([1.5])
    assert (settled(function, x=x, y=x).state != PROVED).all()


def test_the_root_of_a_square_beside_others_is_that_of_its_own_lane():
    x, y = torch.tensor([1.5, 1.5, -2.0]), torch.tensor([1.5, 0.5, 2.0])
    value = settled(lambda x, y: m.sqrt((x * m.pi() - y * m.pi()) ** 2 * (x + 1)), x=x, y=y)
    assert (value.state[:2] == PROVED).all()
    assert value.state[2] != PROVED  # 16 pi**2 times -1
