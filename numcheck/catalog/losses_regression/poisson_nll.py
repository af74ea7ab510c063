"""Poisson negative log-likelihood of a rate, as torch defines it."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.PoissonNLLLoss, log_input=False; full adds Stirling's term",
    known=[
        ((2, 3, False), "-0.0794415416798359282516963643745"),
        ((1, 1, True), "1"),
        ((2, 3, True), "1.68464000186322073341199170126"),
        ((0, 0, False), "0"),
    ],
    wrt=("rate",),
    rate=real(0, 1000),
    count=real(0, 1000),
    full=one_of(False, True),
)
def poisson_nll(rate, count, full):
    """Nats lost on `count` when `rate` is predicted, without log(count!), of which `full` has Stirling's part above 1.

    By convention 0 log 0 is 0. Hard beside a rate of 0, and where rate and logarithm cancel.
    """
    loss = rate - m.xlogy(count, rate)
    if not full:
        return loss
    stirling = count * m.log(count) - count + m.log(2 * m.pi() * count) / 2
    return loss + m.where(count > 1, stirling, 0)


@poisson_nll.law
def its_log_rate_is_what_a_count_adds(f, rate, count, full):
    """Without the last term, one count more adds -log(rate)."""
    return f(rate + 1, count + 1, False), f(rate + 1, count, False) - m.log(rate + 1)


@poisson_nll.law
def stirlings_part_does_not_depend_on_the_rate(f, rate, count, full):
    """What `full` adds is the same at every rate."""
    return f(rate + 1, count, True) - f(rate + 1, count, False), f(rate + 2, count, True) - f(
        rate + 2, count, False
    )


# cond=4: logarithm, product, difference and the last term
@poisson_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def distance_from_the_count(rate, count, full):
    """With `full`, above 1: (r - k) - k log1p((r - k)/k) + log(2 pi k)/2, whose terms are small beside r = k."""
    loss = rate - count * torch.log(torch.where(count > 0, rate, 1.0))
    if not full:
        return loss
    above = torch.where(count > 1, count, 2.0)
    distance = rate - above
    beside = rate > 0.5 * above
    relative = torch.where(beside, distance / above, 0.0)
    far = torch.log(torch.where(beside | (count <= 1), above, rate)) - torch.log(above)
    logarithm = torch.where(beside, torch.log1p(relative), far)
    whole = distance - above * logarithm + 0.5 * torch.log(6.283185307179586 * above)
    return torch.where(count > 1, whole, loss)


at_the_minimum = gap("cancellation", "absorption", why="near the minimum Stirling's part cancels the rest")


@at_the_minimum
@gap("wrong_formula", why="1e-8 is much beside a small rate")
@gap(
    "underflow",
    "nan_gradient",
    why="in float16 1e-8 is 0, so that 0 times log(0) is NaN",
    formats=["float16"],
)
@poisson_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def torch_builtin(rate, count, full):
    """`poisson_nll_loss`, which takes the logarithm of rate + 1e-8."""
    return functional.poisson_nll_loss(rate, count, log_input=False, full=full, reduction="none")


@at_the_minimum
@gap("special_value", "nan_gradient", why="0 times log(0) is NaN")
@poisson_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def naive_form(rate, count, full):
    """The formula as it is printed."""
    loss = rate - count * torch.log(rate)
    if not full:
        return loss
    stirling = count * torch.log(count) - count + 0.5 * torch.log(2 * torch.pi * count)
    return loss + torch.where(count > 1, stirling, 0.0)


@at_the_minimum
@gap("nan_gradient", why="the derivative of xlogy by y is x/y, 0/0 at a rate of 0 without counts")
@poisson_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def xlogy_form(rate, count, full):
    """rate - xlogy(count, rate), and Stirling's part."""
    loss = rate - torch.xlogy(count, rate)
    if not full:
        return loss
    stirling = torch.xlogy(count, count) - count + 0.5 * torch.log(2 * torch.pi * count)
    return loss + torch.where(count > 1, stirling, 0.0)
