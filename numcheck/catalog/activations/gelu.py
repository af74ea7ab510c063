"""Gaussian error linear unit: hard in the negative tail, where 1 + erf(x / sqrt 2) cancels; erfc keeps the tail."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps

_SQRT_HALF = 0.70710678118654752440
tail_cancels = gap("cancellation", why="1 + erf(x / sqrt 2) cancels in the negative tail: erfc keeps it")
sinks_early = gap("underflow", why="the probability or its density is subnormal where x times it is not yet")


@formula(
    source="Hendrycks & Gimpel 2016, Gaussian error linear units, section 2",
    known=[((0,), "0"), ((1,), "0.8413447460685429485852325"), ((-5,), "-0.000001433257859395969558368762")],
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


# cond=2: the argument is rounded twice, and erfc magnifies each by x*x
@sinks_early
@gelu.routine(value=ulps(2, cond=2), grad=ulps(4, cond=4))
def complementary_form(x):
    """x erfc(-x / sqrt 2) / 2: nothing to subtract."""
    return x * torch.erfc(-x * _SQRT_HALF) / 2


# cond=4: the derivative P(x) + x p(x) is a difference near -0.75, and each of its terms is rounded up to four times
@tail_cancels
@sinks_early
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def naive_form(x):
    """As the paper prints it."""
    return x * (1 + torch.erf(x * _SQRT_HALF)) / 2


@tail_cancels
@sinks_early
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def normal_distribution(x):
    """x times torch.special.ndtr(x)."""
    return x * torch.special.ndtr(x)


# cond=2: the logarithm is rounded as well as its exponential, and torch has log_ndtr in float32 and float64 only
@sinks_early
@gap("cancellation", why="the exponential magnifies what log_ndtr errs by")
@gelu.routine(value=ulps(4, cond=2), grad=ulps(6, cond=6), formats=("float32",))
def exponential_of_log_normal(x):
    """x times exp(torch.special.log_ndtr(x))."""
    return x * torch.exp(torch.special.log_ndtr(x))


@tail_cancels
@gap("underflow", formats=("float32", "float16"), why="1 + erf, in float32, has few digits left or none")
@gap("underflow", formats=("bfloat16",), why="the kernel flushes subnormal results to zero")
@gelu.routine(value=ulps(2), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.nn.functional.gelu."""
    return functional.gelu(x)
