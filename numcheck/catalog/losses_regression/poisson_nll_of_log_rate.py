"""Poisson negative log-likelihood of the logarithm of a rate, as torch defines it."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.PoissonNLLLoss, log_input=True; full adds Stirling's term",
    known=[
        ((0, 3, False), "1"),
        ((0, 1, True), "1"),
        ((1, 3, False), "-0.281718171540954764639712528647"),
        ((0, 3, True), "2.76408154354305666166368806563"),
    ],
    wrt=("log_rate",),
    log_rate=real(-100, 100),
    count=real(0, 500),
    full=one_of(False, True),
)
def poisson_nll_of_log_rate(log_rate, count, full):
    """Nats lost on `count` when exp(log_rate) is predicted, without log(count!) or with Stirling's part of it above 1.

    Hard where both terms cancel, as they do near the minimum with `full`, and where exp leaves float16's range.
    """
    loss = m.exp(log_rate) - count * log_rate
    if not full:
        return loss
    stirling = count * m.log(count) - count + m.log(2 * m.pi() * count) / 2
    return loss + m.where(count > 1, stirling, 0)


@poisson_nll_of_log_rate.law
def a_count_adds_its_log_rate(f, log_rate, count, full):
    """Without the last term, one count more subtracts log_rate."""
    return f(log_rate, count + 1, False), f(log_rate, count, False) - log_rate


@poisson_nll_of_log_rate.law
def without_counts_the_rate_is_the_loss(f, log_rate, count, full):
    """A count of 0 costs the rate."""
    return f(log_rate, 0 * count, full), m.exp(log_rate)


# cond=4: logarithm, exponential, product and the last term
@poisson_nll_of_log_rate.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def distance_from_the_count(log_rate, count, full):
    """With `full`, above 1: k (expm1(d) - d) + log(2 pi k)/2 with d = x - log(k), small near the minimum."""
    if not full:
        return torch.exp(log_rate) - count * log_rate
    above = torch.where(count > 1, count, 2.0)
    distance = torch.where(count > 1, log_rate - torch.log(above), 0.0)
    whole = above * (torch.expm1(distance) - distance) + 0.5 * torch.log(6.283185307179586 * above)
    few = torch.where(count > 1, 0.0, log_rate)
    return torch.where(count > 1, whole, torch.exp(few) - count * few)


@gap("overflow", why="in float16 the rate is infinite before count x is taken off", formats=["float16"])
@poisson_nll_of_log_rate.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def torch_builtin(log_rate, count, full):
    """`poisson_nll_loss`."""
    return functional.poisson_nll_loss(log_rate, count, log_input=True, full=full, reduction="none")


@gap("overflow", "underflow", "nan_gradient", why="the rate leaves the range where its logarithm does not")
@gap("cancellation", "absorption", why="a rate near 1 has few digits of its logarithm")
@poisson_nll_of_log_rate.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def rate_and_its_logarithm(log_rate, count, full):
    """The loss of the rate, `log_input=False`, after exp(x): the logarithm is taken back."""
    rate = torch.exp(log_rate)
    return functional.poisson_nll_loss(rate, count, log_input=False, full=full, eps=0, reduction="none")
