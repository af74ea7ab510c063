"""Intermediates that leave the format's range."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch

from numcheck import m, real, ulps, vector
from planted import plant, stated


@stated("Verhulst 1845", x=real(-80, 1000))
def logistic(x):
    return 1 / (1 + m.exp(-x))


def sigmoid(x):
    return torch.sigmoid(x)


@plant(logistic, "overflow", twin=sigmoid, value=ulps(4))
def exponential_over_one_plus_itself(x):
    power = torch.exp(x)
    return power / (1 + power)


@stated("Moler & Morrison 1983", x=real(1, 3e38), y=real(1, 3e38))
def length_of_large_sides(x, y):
    return m.sqrt(x**2 + y**2)


@stated("Moler & Morrison 1983", x=real(0, 2**-6), y=real(0, 2**-6))
def length_of_small_sides(x, y):
    return m.sqrt(x**2 + y**2)


def wide_hypot(x, y):
    return torch.hypot(x.double(), y.double()).to(x.dtype)


@plant(length_of_large_sides, "overflow", twin=wide_hypot, value=ulps(2))
def squares_of_large_sides(x, y):
    return torch.sqrt(x * x + y * y)


@plant(length_of_small_sides, "underflow", twin=wide_hypot, value=ulps(2))
def squares_of_small_sides(x, y):
    return torch.sqrt(x * x + y * y)


@stated("the arithmetic mean", x=vector(1000, 60000, sizes=(8,)))
def mean_of_large_numbers(x):
    return m.mean(x)


def divided_before_adding(x):
    return (x / x.shape[1]).sum(1)


@plant(mean_of_large_numbers, "overflow", twin=divided_before_adding, value=ulps(2), formats=("float16",))
def sum_before_dividing(x):
    return x.sum(1) / x.shape[1]


@stated("a product over a product", a=real(1, 3e38), b=real(1, 3e38))
def ratio_of_like_products(a, b):
    return a * b / (a * b + 1)


def one_over_one_plus(a, b):
    return 1 / (1 + (1 / a) / b)


@plant(ratio_of_like_products, "overflow", twin=one_over_one_plus, value=ulps(2))
def both_products_overflow(a, b):
    product = a * b
    return product / (product + 1)


@stated("Goodfellow, Bengio & Courville 2016, section 4.1: the slope of softplus", x=real(-80, 1000))
def softplus(x):
    return m.log(1 + m.exp(x))


def builtin_softplus(x):
    return torch.nn.functional.softplus(x)


@plant(softplus, "nan_gradient", twin=builtin_softplus, value=ulps(4), grad=ulps(4))
def slope_of_a_plain_softplus(x):
    return torch.log1p(torch.exp(x))
