"""Inverse of a power curve: steep at the lower end, where Newton's way from above takes one small bite a pass."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="NIST DLMF 4.2(iv) (powers) and 3.8(ii) (Newton's rule)",
    known=[((0.25, 2), "0.5"), ((2**-9, 9), "0.5"), ((0.5, 3), "0.793700525984099737375852819636")],
    y=real(2.0**-100, 1),
    p=one_of(2, 3, 9),
)
def power_curve_inverse(y, p):
    """The x in [0, 1] with x**p = y."""
    return m.sqrt(y) if p == 2 else m.exp(m.log(y) / p)


@power_curve_inverse.law
def the_power_of_it_is_y(f, y, p):
    """There and back."""
    return f(y, p) ** p, y


@power_curve_inverse.law
def a_height_times_two_to_the_p_is_twice_as_far(f, y, p):
    """Homogeneous of degree 1/p."""
    return f(y * 2**p, p), 2 * f(y, p)


@gap("cancellation", "wrong_formula", "absorption", why="1 / p was rounded: log(y) times that")
@power_curve_inverse.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(y, p):
    """`pow` with the exponent 1 / p."""
    return y ** (1 / p)


@gap("cancellation", why="a rounded logarithm's error, as large as log(y), is one of the result's digits")
@power_curve_inverse.routine(value=ulps(2), grad=ulps(4))
def by_logarithm(y, p):
    """exp(log(y) / p)."""
    return torch.exp(torch.log(y) / p)


@power_curve_inverse.routine(value=ulps(1), grad=ulps(2), formats=["float32", "bfloat16", "float16"])
def float64_power(y, p):
    """`pow` in float64, rounded once."""
    return (y.double() ** (1 / torch.as_tensor(p, dtype=torch.float64))).to(y.dtype)


@gap("unconverged", "wrong_formula", why="from 1 each pass takes 1/p off until it is near")
@power_curve_inverse.routine(value=ulps(2), grad=ulps(4))
def twelve_passes_of_newton(y, p):
    """x = ((p - 1) x + y / x**(p - 1)) / p, twelve times from 1."""
    x = torch.ones_like(y)
    for _ in range(12):
        x = ((p - 1) * x + y / x ** (p - 1)) / p
    return x
