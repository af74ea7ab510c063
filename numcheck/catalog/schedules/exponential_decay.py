"""Exponential decay of a rate: a power of a number near 1, over up to 100,000 steps."""

import torch

from numcheck import formula, gap, integer, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.lr_scheduler.ExponentialLR",
    known=[
        ((3, 0.5, 0.5), "0.0625"),
        ((0, 1.0, 0.999), "1"),
        ((10, 0.5, 0.75), "0.028156757354736328125"),
    ],
    wrt=(),
    step=integer(0, 100000),
    base=real(0.001, 1),
    gamma=one_of(0.99, 0.999, 0.99999),
)
def exponential_decay(step, base, gamma):
    """base * gamma**step."""
    return base * gamma**step


@exponential_decay.law
def a_step_multiplies_by_gamma(f, step, base, gamma):
    """Each rate is gamma times the one before."""
    return f(step + 1, base, gamma), gamma * f(step, base, gamma)


@exponential_decay.law
def later_is_smaller_to_begin_with(f, step, base, gamma):
    """Sixteen steps are a factor of the base."""
    return f(step + 16, base, gamma), f(step, gamma**16 * base, gamma)


@exponential_decay.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def power_in_float64(step, base, gamma):
    """The formula as it is printed, in float64, rounded once: ExponentialLR's closed form."""
    return (base.double() * gamma ** step.double()).to(base.dtype)


@exponential_decay.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_chainable(step, base, gamma):
    """One product after another in float64, which ExponentialLR takes of Python's floats."""
    powers = torch.full((int(step.max()) + 1,), gamma, dtype=torch.float64)
    powers[0] = 1
    return (base.double() * powers.cumprod(0)[step]).to(base.dtype)


@gap(
    "wrong_formula",
    "absorption",
    "cancellation",
    "order",
    "underflow",
    why="products are rounded up to 100,000 times; 0.999 is 1 in bfloat16",
)
@exponential_decay.routine(value=ulps(2))
def product_in_the_format(step, base, gamma):
    """One product after another in the format, as of a rate that is a tensor."""
    powers = torch.full((int(step.max()) + 1,), gamma, dtype=base.dtype)
    powers[0] = 1
    return base * powers.cumprod(0)[step]


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="the exponent, of integers alone, is rounded, and its error is that of the power",
)
@exponential_decay.routine(value=ulps(2), formats=["float32"])
def exponential_in_float32(step, base, gamma):
    """exp(step * log(gamma)) on tensors, of a logarithm in float64."""
    return base * torch.exp(step * torch.tensor(gamma, dtype=torch.float64).log().item())
