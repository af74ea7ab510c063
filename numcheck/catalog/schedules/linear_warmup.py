"""Linear warm-up of a rate, from a share of it to all of it."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, integer, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.lr_scheduler.LinearLR",
    known=[
        ((1, 4, 1.0, 0.25), "0.4375"),
        ((9, 4, 0.5, 0.25), "0.5"),
        ((0, 7, 0.75, 0.5), "0.375"),
    ],
    wrt=(),
    step=integer(0, 1000000),
    total=integer(1, 1000000),
    base=real(0.001, 1),
    start=one_of(0.001, 0.25, 0.3333333333333333),
)
def linear_warmup(step, total, base, start):
    """base * (start + (1 - start) * min(step, total) / total)."""
    return base * (start + (1 - start) * m.minimum(step, total) / total)


@linear_warmup.law
def each_step_adds_the_same(f, step, total, base, start):
    """Of four times as many steps, those of the first quarter rise a quarter as far."""
    rise = f(step, total, base, start) - base * start
    return 4 * (f(m.minimum(step, total), 4 * total, base, start) - base * start), rise


@linear_warmup.law
def afterwards_it_is_the_base(f, step, total, base, start):
    """Warm is warm."""
    return f(step + total, total, base, start), base


@linear_warmup.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def in_float64(step, total, base, start):
    """The formula as it is printed, in float64, rounded once."""
    share = torch.minimum(step, total).double() / total
    return (base.double() * (start + (1 - start) * share)).to(base.dtype)


@linear_warmup.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_closed_form(step, total, base, start):
    """torch's LinearLR, its closed form for a given step: Python's floats, which are float64."""
    rates = []
    for t, iterations, rate in zip(step.tolist(), total.tolist(), base.tolist(), strict=True):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
        schedule = lr_scheduler.LinearLR(optimizer, start, 1.0, iterations)
        schedule.last_epoch = t
        rates += schedule._get_closed_form_lr()
    return torch.tensor(rates, dtype=torch.float64).to(base.dtype)


@linear_warmup.routine(value=ulps(3, cond=3))
def by_lerp(step, total, base, start):
    """`lerp` between the two rates, in the format, by a share that is rounded to it."""
    share = (torch.minimum(step, total).double() / total).to(base.dtype)
    return torch.lerp(base * start, base, share)
