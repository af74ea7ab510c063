"""Normalised sinc function.

Where it is hard: near integers, where it is small, and where pi x, rounded, is no longer near a multiple of pi.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, equation 10.49.3, at pi x",
    known=[
        ((0,), "1"),
        ((0.5,), "0.636619772367581343075535053490"),
        ((-2.25,), "0.100035146239678452172799910112"),
    ],
    x=real(-float("inf"), float("inf")),
)
def sinc(x):
    """sin(pi x) / (pi x), and 1 at zero."""
    return m.sinc(x)


@sinc.law
def it_is_even(f, x):
    """sinc(-x) = sinc(x)."""
    return f(-x), f(x)


@gap("special_value", "nan_gradient", why="pi x overflows, and the sine of infinity is not a number")
@gap(
    "cancellation",
    "wrong_formula",
    why="pi x is rounded before multiples of pi are taken off it, and differences of such sines near zero",
)
@gap("underflow", "overflow", why="the backward divides by x * x, and gives 0 where that is 0", of="grad")
@sinc.routine(value=ulps(2, cond=2), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.sinc."""
    return torch.sinc(x)
