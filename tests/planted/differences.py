"""Differences of close numbers, and sums in which one side disappears."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import torch

from numcheck import m, real, ulps, vector
from planted import plant, stated


@stated("Goldberg 1991, theorem 4", x=real(2**-40, 2**-10))
def log_of_one_plus(x):
    return m.log(1 + x)


def log1p(x):
    return torch.log1p(x)


@plant(log_of_one_plus, "absorption", twin=log1p, value=ulps(2))
def one_is_added_before_the_logarithm(x):
    return torch.log(1 + x)


@stated("Kahan 1980, interest rates", x=real(2**-30, 0.25))
def growth(x):
    return m.exp(x) - 1


def expm1(x):
    return torch.expm1(x)


@plant(growth, "cancellation", twin=expm1, value=ulps(2))
def one_is_subtracted_after_the_exponential(x):
    return torch.exp(x) - 1


@stated("Higham 2002, section 1.7", x=real(2**-10, 0.5))
def versine(x):
    return 1 - m.cos(x)


def twice_a_squared_sine(x):
    half = torch.sin(x.float() / 2)
    return (2 * half * half).to(x.dtype)


@plant(versine, "cancellation", twin=twice_a_squared_sine, value=ulps(4))
def one_minus_a_cosine(x):
    return 1 - torch.cos(x)


@stated("Higham 2002, section 1.8: the smaller root of x**2 - 2bx + c", b=real(4, 16), c=real(0.5, 1))
def smaller_root(b, c):
    return b - m.sqrt(b**2 - c)


def product_over_the_larger_root(b, c):
    return c / (b + torch.sqrt(b * b - c))


@plant(smaller_root, "cancellation", twin=product_over_the_larger_root, value=ulps(4))
def textbook_quadratic_formula(b, c):
    return b - torch.sqrt(b * b - c)


@stated("Higham 2002, problem 1.2", x=real(4, 200))
def difference_of_roots(x):
    return m.sqrt(x + 1) - m.sqrt(x)


def one_over_a_sum_of_roots(x):
    wide = x.double()
    return (1 / (torch.sqrt(wide + 1) + torch.sqrt(wide))).to(x.dtype)


@plant(
    difference_of_roots,
    "cancellation",
    twin=one_over_a_sum_of_roots,
    value=ulps(2),
    formats=("float32", "float16"),
)
def square_roots_are_subtracted(x):
    return torch.sqrt(x + 1) - torch.sqrt(x)


@stated("Chan, Golub & LeVeque 1983, equation 1.1", x=vector(-100, 100))
def variance(x):
    return m.mean((x - m.mean(x)) ** 2)


def variance_of_shifted_numbers(x):
    shifted = x.double() - x[:, :1].double()
    return ((shifted - shifted.mean(1, keepdim=True)) ** 2).mean(1).to(x.dtype)


@plant(variance, "cancellation", twin=variance_of_shifted_numbers, value=ulps(4))
def one_pass_variance(x):
    return (x * x).mean(1) - x.mean(1) ** 2


@plant(variance, "scale", twin=variance_of_shifted_numbers, value=ulps(4))
def variance_divided_by_one_less(x):
    return x.double().var(1, unbiased=True).to(x.dtype)


@stated("Higham 2002, section 4.2", x=vector(0.5, 1, sizes=(128,)))
def total(x):
    return m.sum(x)


def wide_sum(x):
    return x.double().sum(1).to(x.dtype)


@plant(total, "order", twin=wide_sum, value=ulps(2), formats=("float32", "float16"))
def running_sum_in_the_inputs_format(x):
    sum_so_far = torch.zeros_like(x[:, 0])
    for i in range(x.shape[1]):
        sum_so_far = sum_so_far + x[:, i]
    return sum_so_far


@stated("Higham 2002, section 4.2", first=real(512, 1024), rest=vector(2**-4, 2**-3, sizes=(128,)))
def total_after_a_large_number(first, rest):
    return first + m.sum(rest)


def small_numbers_first(first, rest):
    return (first.double() + rest.double().sum(1)).to(first.dtype)


@plant(
    total_after_a_large_number,
    "absorption",
    twin=small_numbers_first,
    value=ulps(1),
    formats=("bfloat16", "float16"),
)
def small_numbers_added_to_a_large_one(first, rest):
    sum_so_far = first
    for i in range(rest.shape[1]):
        sum_so_far = sum_so_far + rest[:, i]
    return sum_so_far
