"""Cube root.

Where it is hard: far from 1: the exponent 1/3 is rounded, and the logarithm of x magnifies its error.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((2,), "1.25992104989487316476721060728"), ((-27,), "-3")],
    x=real(-float("inf"), float("inf")),
)
def cbrt(x):
    """The number whose cube is x."""
    return m.cbrt(x)


@cbrt.law
def it_is_odd(f, x):
    """cbrt(-x) = -cbrt(x)."""
    return f(-x), -f(x)


@gap(
    "cancellation",
    "underflow",
    "wrong_formula",
    why="the exponent 1/3 is rounded to the format, and the logarithm of x magnifies that",
)
@gap(
    "nan_gradient",
    why="copysign divides its result by itself or, at zero, multiplies an infinite slope by 0",
    of="grad",
)
@cbrt.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """The power 1/3 of abs(x) with the sign of x: torch has no cube root of its own."""
    return torch.copysign(torch.pow(torch.abs(x), 1 / 3), x)
