"""Polynomial decay of a rate: 1 - step / total is small at the end, and of few digits unless steps are subtracted."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, gap, integer, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.lr_scheduler.PolynomialLR",
    known=[
        ((1, 4, 1.0, 2.0), "0.5625"),
        ((3, 4, 0.5, 0.5), "0.25"),
        ((4, 4, 0.5, 1.0), "0"),
        ((999999, 1000000, 1.0, 2.0), "1.00000000000000000000e-12"),
    ],
    wrt=(),
    relation=lambda step, total: {"step": step % (total + 1)},
    step=integer(0, 1000000),
    total=integer(1, 1000000),
    base=real(0.001, 1),
    power=one_of(0.5, 1.0, 2.0),
)
def polynomial_decay(step, total, base, power):
    """base * (1 - step / total)**power, the rate at `step` of `total`."""
    left = 1 - step / total
    return base * (m.sqrt(left) if power == 0.5 else left ** int(power))


@polynomial_decay.law
def twice_as_many_steps_are_half_as_long(f, step, total, base, power):
    """Only the share of steps counts."""
    return f(2 * step, 2 * total, base, power), f(step, total, base, power)


@polynomial_decay.law
def two_powers_multiply(f, step, total, base, power):
    """The root times itself is the line, and that times itself the parabola."""
    return base * f(step, total, base, 2.0 if power == 1 else 1.0), f(
        step, total, base, power if power == 1 else 0.5
    ) ** 2


@polynomial_decay.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def steps_left(step, total, base, power):
    """(total - step) / total, a difference of integers, in float64, rounded once."""
    return (base.double() * ((total - step).double() / total) ** power).to(base.dtype)


@polynomial_decay.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_closed_form(step, total, base, power):
    """torch's PolynomialLR, its closed form for a given step: Python's floats, which are float64."""
    rates = []
    for t, iterations, rate in zip(step.tolist(), total.tolist(), base.tolist(), strict=True):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
        schedule = lr_scheduler.PolynomialLR(optimizer, iterations, power)
        schedule.last_epoch = t
        rates += schedule._get_closed_form_lr()
    return torch.tensor(rates, dtype=torch.float64).to(base.dtype)


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="the share of steps, of integers alone, is rounded to 2**-24",
)
@polynomial_decay.routine(value=ulps(4), formats=["float32"])
def as_printed_in_float32(step, total, base, power):
    """The formula as it is printed, on tensors."""
    return base * (1 - step / total) ** power
