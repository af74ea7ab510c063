"""Rates of a range test, from the smallest to the largest by equal factors."""

import torch

from numcheck import formula, gap, integer, m, real, ulps


@formula(
    source="Smith 2017, Cyclical learning rates for training neural networks, section 3.3, with the exponential ramp "
    "of fastai's and Lightning's learning rate finders",
    known=[
        ((1, 2, 0.0625, 4), "0.5"),
        ((3, 4, 0.0625, 1), "0.5"),
        ((0, 100, 0.25, 8), "0.25"),
        ((1, 3, 0.125, 8), "0.5"),
    ],
    wrt=(),
    relation=lambda step, total: {"step": step % (total + 1)},
    step=integer(0, 1000000),
    total=integer(1, 1000000),
    low=real(2.0**-13, 0.25),
    high=real(1, 16),
)
def lr_range_test(step, total, low, high):
    """low * (high / low)**(step / total), the rate at `step` of `total`."""
    return low * m.exp(m.log(high / low) * step / total)


@lr_range_test.law
def backwards_it_falls(f, step, total, low, high):
    """The ramp from high to low, run through backwards, is the same."""
    return f(step, total, low, high), f(total - step, total, high, low)


@lr_range_test.law
def rates_as_far_from_both_ends_multiply(f, step, total, low, high):
    """It is symmetric about the geometric mean."""
    return f(step, total, low, high) * f(total - step, total, low, high), low * high


@lr_range_test.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def power_in_float64(step, total, low, high):
    """A power of the quotient, as Lightning's finder has it, of Python's floats: float64, rounded once."""
    low, dtype = low.double(), low.dtype
    return (low * (high.double() / low) ** (step.double() / total)).to(dtype)


@lr_range_test.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def between_logarithms(step, total, low, high):
    """exp of a place between the logarithms, in float64, rounded once."""
    ends = low.double().log(), high.double().log()
    return torch.exp(torch.lerp(*ends, step.double() / total)).to(low.dtype)


@gap(
    *("wrong_formula", "cancellation", "absorption"),
    why="the share of steps, of integers alone, is rounded: up to log(high / low) / 2 units in the last place",
)
@lr_range_test.routine(value=ulps(2), formats=["float32"])
def power_in_float32(step, total, low, high):
    """The power on tensors."""
    return low * (high / low) ** (step / total)
