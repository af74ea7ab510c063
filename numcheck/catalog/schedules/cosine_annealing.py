"""Cosine annealing in closed form: near its end 1 + cos is a small difference, of which even float64 loses digits."""

import torch

from numcheck import formula, gap, integer, m, one_of, real, ulps


@formula(
    source="Loshchilov & Hutter 2017, SGDR: Stochastic gradient descent with warm restarts, equation 5",
    known=[
        ((1, 2, 1.0, 0.0), "0.5"),
        ((1, 3, 0.5, 0.25), "0.4375"),
        ((0, 1000000, 0.5, 0.125), "0.5"),
        # sin(pi/2000000)**2
        ((999999, 1000000, 1.0, 0.0), "2.46740110027031029864541503349e-12"),
    ],
    wrt=(),
    relation=lambda step, total: {"step": step % total},
    step=integer(0, 1000000),
    total=integer(1, 1000000),
    base=real(0.001, 1),
    floor=one_of(0.0, 1e-05),
)
def cosine_annealing(step, total, base, floor):
    """floor + (base - floor) * (1 + cos(pi * step / total)) / 2: the rate at `step` of `total`."""
    return floor + (base - floor) * (1 + m.cos(m.pi() * step / total)) / 2


@cosine_annealing.law
def both_halves_add_up(f, step, total, base, floor):
    """A step as far from the end as another from the beginning lacks what that has."""
    return f(step, total, base, floor) + f(total - step, total, base, floor), base + floor


@cosine_annealing.law
def twice_as_many_steps_are_half_as_long(f, step, total, base, floor):
    """Only the share of steps counts."""
    return f(2 * step, 2 * total, base, floor), f(step, total, base, floor)


@cosine_annealing.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def half_angle(step, total, base, floor):
    """(1 + cos(a)) / 2 = sin((pi - a) / 2)**2: a square of what is left, in float64, rounded once."""
    left = (total - step).double() / total
    return (floor + (base.double() - floor) * torch.sin(torch.pi / 2 * left) ** 2).to(base.dtype)


near_the_end = gap(
    "cancellation", why="1 + cos keeps few digits of the last rates, whose size is that of its rounding error"
)


@near_the_end
@cosine_annealing.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_closed_form(step, total, base, floor):
    """torch's CosineAnnealingLR, its closed form for a given step: Python's floats, which are float64."""
    rates = []
    for t, t_max, rate in zip(step.tolist(), total.tolist(), base.tolist(), strict=True):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, t_max, eta_min=floor)
        schedule.last_epoch = t
        rates += schedule._get_closed_form_lr()
    return torch.tensor(rates, dtype=torch.float64).to(base.dtype)


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="the share of steps, of integers alone, is rounded, and 1 + cos cancels",
)
@cosine_annealing.routine(value=ulps(2), formats=["float32"])
def as_printed_in_float32(step, total, base, floor):
    """The formula as it is printed, on tensors."""
    return floor + (base - floor) * (1 + torch.cos(torch.pi * (step / total))) / 2
