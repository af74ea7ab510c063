"""The one-cycle schedule: a rate rises along a cosine and falls along another, to a small share of its beginning."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, gap, integer, m, one_of, real, ulps


@formula(
    source="Smith & Topin 2018, Super-convergence; PyTorch 2.13 documentation, torch.optim.lr_scheduler.OneCycleLR",
    known=[
        # rises from 1/25 in 4 steps, falls in 15
        ((0, 20, 1.0, 0.25), "4.00000000000000000000e-2"),
        ((2, 20, 0.5, 0.25), "2.600000000000000000000e-1"),
        ((4, 20, 1.0, 0.25), "1"),
        ((19, 20, 1.0, 0.25), "4.00000000000000000000e-6"),
    ],
    wrt=(),
    relation=lambda step, total: {"step": step % total},
    step=integer(0, 1000000),
    total=integer(20, 1000000),
    largest=real(0.01, 1),
    rising=one_of(0.25, 0.3),
)
def one_cycle(step, total, largest, rising):
    """Cosines from largest / 25 to largest, at step rising * total - 1, and from there to largest / 250,000."""
    top, last = rising * total - 1, total - 1
    up = (1 - m.cos(m.pi() * step / top)) / 2
    down = (1 + m.cos(m.pi() * (step - top) / (last - top))) / 2
    low, least = largest / 25, largest / 250000
    return m.where(step <= top, low + (largest - low) * up, least + (largest - least) * down)


@one_cycle.law
def all_rates_are_shares_of_the_largest(f, step, total, largest, rising):
    """The rate is linear in the largest one."""
    return 4 * f(step, total, largest, rising), f(step, total, 4 * largest, rising)


@one_cycle.law
def it_begins_and_ends_low(f, step, total, largest, rising):
    """10,000 times what it ends with is what it begins with."""
    return f(0 * step, total, largest, rising), 10000 * f(total - 1, total, largest, rising)


@one_cycle.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def half_angles(step, total, largest, rising):
    """Both halves as squares, in float64, rounded once."""
    top, last = rising * total.double() - 1, total - 1
    up = torch.sin(torch.pi / 2 * (step / top)) ** 2
    down = torch.sin(torch.pi / 2 * ((last - step) / (last - top))) ** 2
    share = torch.where(step <= top, (1 + 24 * up) / 25, (1 + 249999 * down) / 250000)
    return (largest.double() * share).to(largest.dtype)


@one_cycle.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_one_cycle(step, total, largest, rising):
    """torch's OneCycleLR at a given step, of Python's floats, which are float64."""
    rates = []
    for t, steps, rate in zip(step.tolist(), total.tolist(), largest.tolist(), strict=True):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        schedule = lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=rising, cycle_momentum=False)
        schedule.last_epoch = t
        schedule._get_lr_called_within_step = True  # else it warns
        rates += schedule.get_lr()
    return torch.tensor(rates, dtype=torch.float64).to(largest.dtype)


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="shares of steps are rounded to 2**-24, and 1 + cos cancels near the end",
)
@one_cycle.routine(value=ulps(4), formats=["float32"])
def in_float32(step, total, largest, rising):
    """The formula as it is printed, on tensors."""
    top, last = rising * total.float() - 1, total - 1
    up = (1 - torch.cos(torch.pi * (step / top))) / 2
    down = (1 + torch.cos(torch.pi * ((step - top) / (last - top)))) / 2
    low, least = largest / 25, largest / 250000
    return torch.where(step <= top, low + (largest - low) * up, least + (largest - least) * down)
