"""Cosine annealing step by step, as a scheduler that may be chained computes it: each rate from the one before."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, gap, integer, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.lr_scheduler.CosineAnnealingLR, the recursive formula",
    known=[
        ((1, 10.0, 1.0, 0.0), "0.975528258147576786058219666689"),
        ((10, 10.0, 1.0, 0.25), "0.25"),
        ((15, 10.0, 1.0, 0.5), "0.75"),
        ((20, 10.0, 0.75, 0.5), "0.75"),
    ],
    wrt=(),
    step=integer(0, 100),
    half=one_of(2.0, 10.0, 50.0),
    base=real(0.001, 1),
    floor=one_of(1e-06, 1e-05),
)
def cosine_by_steps(step, half, base, floor):
    """floor + (base - floor) * (1 + cos(pi * step / half)) / 2: down in `half` steps, up in as many, and so on."""
    return floor + (base - floor) * (1 + m.cos(m.pi() * step / half)) / 2


@cosine_by_steps.law
def a_rate_is_a_multiple_of_the_one_before(f, step, half, base, floor):
    """Over the floor by the quotient of 1 + cos, cross-multiplied."""
    here, there = (1 + m.cos(m.pi() * t / half) for t in (step, step + 1))
    return (f(step + 1, half, base, floor) - floor) * here, (f(step, half, base, floor) - floor) * there


@cosine_by_steps.law
def a_period_later_the_rate_is_back(f, step, half, base, floor):
    """Two halves are a period."""
    return f(step + 2 * half, half, base, floor), f(step, half, base, floor)


@cosine_by_steps.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def half_angle(step, half, base, floor):
    """In closed form, as a square, in float64, rounded once."""
    left = (half - step.double()) / half
    return (floor + (base.double() - floor) * torch.sin(torch.pi / 2 * left) ** 2).to(base.dtype)


def _above(t, half):
    """1 + cos of the angle after t steps, a Python float."""
    return 1 + torch.cos(torch.tensor(torch.pi * t / half, dtype=torch.float64)).item()


def _each_step(step, rates):
    """Of the rates after each step those that were asked for."""
    return torch.stack(rates).gather(0, step[None])[0]


@cosine_by_steps.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_chainable(step, half, base, floor):
    """torch's CosineAnnealingLR stepped to the end, each point a group of parameters; Python's floats are float64."""
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": rate} for rate in base.tolist()], lr=1.0)
    schedule = lr_scheduler.CosineAnnealingLR(optimizer, int(half), eta_min=floor)
    rates = [torch.tensor(schedule.get_last_lr(), dtype=torch.float64)]
    for _ in range(int(step.max())):
        optimizer.step()
        schedule.step()
        rates.append(torch.tensor(schedule.get_last_lr(), dtype=torch.float64))
    return _each_step(step, rates).to(base.dtype)


@gap(
    *("cancellation", "absorption", "underflow", "order"),
    why="each step rounds the rate, and none forgets: near the floor the error of all before is larger than the rate",
)
@cosine_by_steps.routine(value=ulps(2))
def recursive_in_the_format(step, half, base, floor):
    """The same recursion on a rate that is a tensor of the format."""
    rates = [base]
    for t in range(1, int(step.max()) + 1):
        if (t - 1 - half) % (2 * half) == 0:
            risen = rates[-1] + (base - floor) * (2 - _above(1, half)) / 2
        else:
            ratio = _above(t, half) / _above(t - 1, half)
            risen = ratio * (rates[-1] - floor) + floor
        rates.append(risen)
    return _each_step(step, rates)
