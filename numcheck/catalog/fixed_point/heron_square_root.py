"""Heron's square root: Newton's method for a square, which first halves its way to the root's size."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Heath 1921, A History of Greek Mathematics, volume 2, chapter 18 (Heron: approximation to a square root)",
    known=[
        ((4,), "2"),
        ((2,), "1.41421356237309504880168872421"),
        ((720,), "26.8328157299974763569100840248"),
    ],
    a=real(2.0**-14, 2.0**15),
)
def heron_square_root(a):
    """The x with x * x = a, the fixed point of x = (x + a / x) / 2."""
    return m.sqrt(a)


@heron_square_root.law
def it_is_a_fixed_point(f, a):
    """(x + a / x) / 2 = x."""
    x = f(a)
    return (x + a / x) / 2, x


@heron_square_root.law
def four_times_the_square_has_twice_the_root(f, a):
    """Homogeneous of degree one half."""
    return f(4 * a), 2 * f(a)


@heron_square_root.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(a):
    """`sqrt`."""
    return torch.sqrt(a)


@heron_square_root.routine(value=ulps(2), grad=ulps(4))
def from_the_exponent(a):
    """Five passes from a power of two near the root, and one through which autograd goes."""
    x = torch.ldexp(torch.ones_like(a), (torch.frexp(a.detach()).exponent + 1) // 2)
    for _ in range(5):
        x = (x + a.detach() / x) / 2
    return (x + a / x) / 2


@gap("unconverged", "wrong_formula", why="from 1 a pass no more than halves what is far too large")
@heron_square_root.routine(value=ulps(2), grad=ulps(4))
def six_passes_from_one(a):
    """Six passes from 1."""
    x = torch.ones_like(a)
    for _ in range(6):
        x = (x + a / x) / 2
    return x


@gap(
    "overflow",
    "nan_gradient",
    formats=["float16"],
    why="the square of a guess above the root leaves the range",
)
@heron_square_root.routine(value=ulps(2), grad=ulps(4))
def as_newton_writes_it(a):
    """x less (x*x - a) / (2 x), ten times from the exponent."""
    x = torch.ldexp(torch.ones_like(a), (torch.frexp(a.detach()).exponent + 1) // 2)
    for _ in range(10):
        x = x - (x * x - a) / (2 * x)
    return x
