"""Gaussian error linear unit.

Where it is hard: the negative tail, where erf(x / sqrt 2) is nearly -1 and 1 + erf cancels; erfc keeps the tail.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Hendrycks & Gimpel 2016, Gaussian error linear units, section 2",
    known=[
        ((0,), "0"),
        ((1,), "0.8413447460685429485852325456320379224779"),
        ((-5,), "-1.433257859395969558368761664373226769272e-6"),
    ],
    examples=[(-1.10709012,)],  # log_ndtr's errors, magnified
    # the negative tail leaves float32 at -14.5; beyond -30 exact erf costs mpmath seconds per point
    x=real(-30, 1000, near=(-14.2, -5.5, -3.9, -0.7518, 3.9, 5.5)),
)
def gelu(x):
    """x times the probability that a standard normal variable lies below x."""
    return x * (1 + m.erf(x / m.sqrt(m.zeros_like(x) + 2))) / 2


@gelu.law
def both_sides_share_x(f, x):
    """gelu(x) - gelu(-x) = x."""
    return f(x) - f(-x), x


_SQRT_HALF = 0.70710678118654752440


# cond=4: the derivative P(x) + x p(x) is a difference near -0.75, and each of its terms is rounded up to four times
@gap(
    "cancellation",
    why="1 + erf(x / sqrt 2) cancels in the negative tail: nothing is left below -5.5 in float32",
)
@gap("underflow", why="exp(-x*x/2) is subnormal, with few digits, where x times it is not yet")
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def naive_form(x):
    """As the paper prints it."""
    return x * (1 + torch.erf(x * _SQRT_HALF)) / 2


# cond=2: the argument is rounded twice, and erfc magnifies each by x*x
@gap("underflow", why="erfc is subnormal, with few digits, where x times it is not yet")
@gelu.routine(value=ulps(2, cond=2), grad=ulps(4, cond=4))
def complementary_form(x):
    """x erfc(-x / sqrt 2) / 2: nothing to subtract."""
    return x * torch.erfc(-x * _SQRT_HALF) / 2


@gap(
    "cancellation",
    why="1 + erf(x / sqrt 2) cancels in the negative tail: nothing is left below -5.5 in float32",
)
@gap("underflow", why="exp(-x*x/2) is subnormal, with few digits, where x times it is not yet")
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def normal_distribution(x):
    """x times torch.special.ndtr(x)."""
    return x * torch.special.ndtr(x)


# cond=2: the logarithm is rounded as well as its exponential, and torch has log_ndtr in float32 and float64 only
@gap("underflow", why="the exponential is subnormal, with few digits or none, where x times it is not yet")
@gap("cancellation", why="the errors of log_ndtr's two terms below -1 are magnified by the exponential")
@gelu.routine(value=ulps(4, cond=2), grad=ulps(6, cond=6), formats=("float32",))
def exponential_of_log_normal(x):
    """x times exp(torch.special.log_ndtr(x))."""
    return x * torch.exp(torch.special.log_ndtr(x))


@gap("cancellation", why="1 + erf(x / sqrt 2) cancels in the negative tail: use x erfc(-x / sqrt 2) / 2")
@gap("underflow", why="the kernel flushes subnormal results to zero, around x = 0 and in the tail")
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.nn.functional.gelu."""
    return functional.gelu(x)
