"""Mistakes in geometry and in root finding."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch

from numcheck import m, polygon, real, ulps
from planted import plant, stated


@stated("Meister 1769; Braden 1986", xy=polygon(sizes=(3, 4, 8), radius=(1e-2, 1e2), centre=(0, 1e6)))
def area(xy):
    x, y = xy[:, 0], xy[:, 1]
    return (m.dot(x, m.roll(y, -1)) - m.dot(m.roll(x, -1), y)) / 2


def area_from_a_corner(xy):
    x, y = (xy.double() - xy[:, :1].double()).unbind(2)
    return ((x * y.roll(-1, 1) - x.roll(-1, 1) * y).sum(1) / 2).to(xy.dtype)


@plant(
    area,
    "cancellation",
    twin=area_from_a_corner,
    value=ulps(4),
    formats=("float32",),
    written_for=("float32", "bfloat16"),
)
def shoelace_far_from_the_origin(xy):
    x, y = xy.unbind(2)
    return (x * y.roll(-1, 1) - x.roll(-1, 1) * y).sum(1) / 2


@plant(
    area,
    "scale",
    twin=area_from_a_corner,
    value=ulps(4),
    written_for=("float32", "bfloat16"),
    formats=("float32", "bfloat16"),
)
def area_without_the_half(xy):
    return 2 * area_from_a_corner(xy)


@stated("the mean of a triangle's corners", xy=polygon(sizes=(3,), radius=(0.5, 2), centre=(0, 4)))
def centroid_of_a_triangle(xy):
    return (xy[0] + xy[1] + xy[2]) / 3


def a_third_of_the_sum(xy):
    return (xy.double().sum(1) / 3).to(xy.dtype)


@plant(centroid_of_a_triangle, "scale", twin=a_third_of_the_sum, value=ulps(2))
def centroid_divided_by_two(xy):
    return (xy.double().sum(1) / 2).to(xy.dtype)


# --- the x at which a blend of x and x**2 reaches y


@stated("the inverse of weight * x + (1 - weight) * x**2", weight=real(0.25, 0.75), y=real(2**-8, 1))
def inverse_of_a_blend(weight, y):
    rest = 1 - weight
    return (m.sqrt(weight**2 + 4 * rest * y) - weight) / (2 * rest)


def _newton(weight, y, steps):
    weight, y, dtype = weight.double(), y.double(), y.dtype
    x = torch.full_like(y, 0.5)
    for _ in range(steps):
        x = x - (weight * x + (1 - weight) * x * x - y) / (weight + 2 * (1 - weight) * x)
    return x.to(dtype)


def newton_to_the_end(weight, y):
    return _newton(weight, y, 16)


@plant(inverse_of_a_blend, "wrong_formula", twin=newton_to_the_end, value=ulps(2))
def the_inverses_are_blended(weight, y):
    return weight * y + (1 - weight) * torch.sqrt(y)


@stated("Heron of Alexandria, Metrica I.8", a=real(2**-10, 2**10))
def square_root(a):
    return m.sqrt(a)


def twenty_steps_of_heron(a):
    x = torch.ones_like(a, dtype=torch.float64)
    for _ in range(20):
        x = (x + a.double() / x) / 2
    return x.to(a.dtype)


@plant(square_root, "unconverged", twin=twenty_steps_of_heron, value=ulps(2))
def four_steps_of_heron(a):
    x = torch.ones_like(a)
    for _ in range(4):
        x = (x + a / x) / 2
    return x


@stated("Newton's method for x**5 = a", a=real(0.5, 2))
def fifth_root(a):
    return a ** m.ratio(1, 5)


def _newton_of_the_fifth_power(a, start):
    x = torch.full_like(a, start)
    for _ in range(20):
        x = x - (x**5 - a) / (5 * x**4)
    return x


def fifth_root_from_one(a):
    return _newton_of_the_fifth_power(a.double(), 1.0).to(a.dtype)


@plant(fifth_root, "unconverged", twin=fifth_root_from_one, value=ulps(2), formats=("float32", "bfloat16"))
def newton_started_on_the_plateau(a):
    return _newton_of_the_fifth_power(a, 0.0625)


@stated("the root of a simple linear equation", slope=real(0.5, 2), y=real(0.5, 2))
def quotient(slope, y):
    return y / slope


def division(slope, y):
    return y / slope


@plant(quotient, "unconverged", twin=division, value=ulps(2))
def gradient_descent_stopped_early(slope, y):
    x = torch.zeros_like(y)
    for _ in range(10):
        x = x - 0.125 * slope * (slope * x - y)
    return x
