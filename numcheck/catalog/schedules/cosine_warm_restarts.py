"""Cosine annealing with warm restarts: the number of a run is a logarithm rounded down, wrong where that is exact."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, gap, integer, m, one_of, real, ulps


def _within(run, place, first, factor):
    """Places in a run, which is `factor` times as long as the one before."""
    length = torch.tensor(first, dtype=torch.float64) * torch.tensor(factor, dtype=torch.float64) ** run
    return {"place": place % length.long()}


@formula(
    source="Loshchilov & Hutter 2017, SGDR: Stochastic gradient descent with warm restarts, section 3, equation 5",
    known=[
        ((0, 0, 1.0, 3.0, 0.5), "0.5"),
        ((5, 0, 1.0, 3.0, 0.5), "0.5"),
        # the middle of a run of 16 steps, and a quarter of it
        ((4, 8, 1.0, 2.0, 0.5), "0.25"),
        ((4, 4, 1.0, 2.0, 1.0), "0.853553390593273762200422181052"),
    ],
    wrt=(),
    relation=_within,
    run=integer(0, 8),
    place=integer(0, 100000),
    first=one_of(1.0, 10.0),
    factor=one_of(2.0, 3.0, 10.0),
    base=real(0.001, 1),
)
def cosine_warm_restarts(run, place, first, factor, base):
    """base * (1 + cos(pi * place / length)) / 2, after so many steps of run number `run`, of first * factor**run."""
    return base * (1 + m.cos(m.pi() * place / (first * factor**run))) / 2


@cosine_warm_restarts.law
def the_next_run_is_the_same_but_slower(f, run, place, first, factor, base):
    """A run later, factor times as far, the rate is the same."""
    return f(run + 1, factor * place, first, factor, base), f(run, place, first, factor, base)


@cosine_warm_restarts.law
def a_longer_beginning_is_a_later_run(f, run, place, first, factor, base):
    """Only the length of the run counts."""
    return f(run, place, factor * first, factor, base), f(run + 1, place, first, factor, base)


@cosine_warm_restarts.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def half_angle(run, place, first, factor, base):
    """A square of what is left of a run that is known by its number, in float64, rounded once."""
    length = first * factor ** run.double()
    return (base.double() * torch.sin(torch.pi / 2 * ((length - place) / length)) ** 2).to(base.dtype)


def _epochs(run, place, first, factor):
    """How many steps were taken before."""
    return (first * (factor ** run.double() - 1) / (factor - 1) + place).round().long().tolist()


@cosine_warm_restarts.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def counted(run, place, first, factor, base):
    """From the number of steps alone: runs are taken off one by one, in integers, as torch's step() counts them."""
    shares = []
    for left in _epochs(run, place, first, factor):
        length = int(first)
        while left >= length:
            left, length = left - length, length * int(factor)
        shares.append((length - left) / length)
    return (base.double() * torch.sin(torch.pi / 2 * torch.tensor(shares, dtype=torch.float64)) ** 2).to(
        base.dtype
    )


@gap(
    *("cancellation", "wrong_formula", "special_value", "underflow", "absorption"),
    why="math.log(3**5, 3) is 4.999..., so that a run begins with the end of another, where 1 + cos is 0 or noise",
)
@cosine_warm_restarts.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def torch_step_of_epoch(run, place, first, factor, base):
    """torch's CosineAnnealingWarmRestarts.step(epoch), of Python's floats, which are float64."""
    rates = []
    for epoch, rate in zip(_epochs(run, place, first, factor), base.tolist(), strict=True):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
        optimizer.step()
        schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, int(first), int(factor))
        schedule.step(epoch)
        rates += schedule.get_last_lr()
    return torch.tensor(rates, dtype=torch.float64).to(base.dtype)
