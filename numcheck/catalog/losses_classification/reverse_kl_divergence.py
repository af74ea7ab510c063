"""Kullback-Leibler divergence in the mode-seeking direction: of the prediction from the target."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Cover & Thomas 2006, Elements of Information Theory, section 2.3, arguments exchanged",
    known=[
        (((-1, -2), (-2, -1)), "0.232544157934829629701524275189"),
        (((-1, -0.5, -2), (-3, -0.25, -2)), "0.584126217414726287290097656575"),
        (((0, -8), (-3, -8)), "3"),
    ],
    wrt=("log_prediction",),
    log_prediction=vector(-200, 0),
    log_target=vector(-200, 0),
)
def reverse_kl_divergence(log_prediction, log_target):
    """Nats lost when exp(log_prediction) is coded for exp(log_target). Hard where the prediction's share underflows."""
    return m.sum(m.exp(log_prediction) * (log_prediction - log_target))


@reverse_kl_divergence.law
def a_distribution_does_not_diverge_from_itself(f, log_prediction, log_target):
    """Zero for equal arguments."""
    return f(log_prediction, log_prediction), 0 * log_prediction[0]


@reverse_kl_divergence.law
def scaling_both_alike_scales_the_divergence(f, log_prediction, log_target):
    """A common factor e of both distributions comes out."""
    return f(log_prediction - 1, log_target - 1) * m.exp(1), f(log_prediction, log_target)


@reverse_kl_divergence.law
def the_order_of_classes_does_not_matter(f, log_prediction, log_target):
    """Rolling classes in both leaves the divergence."""
    return f(log_prediction, log_target), f(m.roll(log_prediction, 1), m.roll(log_target, 1))


small_share = gap("underflow", why="a subnormal share is multiplied by a log-ratio of up to 200")


@small_share
@reverse_kl_divergence.routine(value=ulps(3, cond=2, gamma=True), grad=ulps(4, cond=2))
def share_times_log_ratio(log_prediction, log_target):
    """The formula as it is printed: both logarithms are there already."""
    return (torch.exp(log_prediction) * (log_prediction - log_target)).sum(1)


@small_share
@reverse_kl_divergence.routine(value=ulps(3, cond=2, gamma=True), grad=ulps(4, cond=2))
def torch_builtin(log_prediction, log_target):
    """`kl_div` with the arguments exchanged and log_target=True, summed over each point."""
    return functional.kl_div(log_target, log_prediction, reduction="none", log_target=True).sum(1)


@gap("underflow", "nan_gradient", why="0 log 0, and 1/0, where the prediction's share underflows")
@gap("cancellation", why="log p of a rounded p near 1, or near another log q, keeps few digits")
@reverse_kl_divergence.routine(value=ulps(3, cond=2, gamma=True), grad=ulps(4, cond=2))
def logarithms_of_shares(log_prediction, log_target):
    """p (log p - log q) of the probabilities, as code that has only those must have it."""
    p, q = torch.exp(log_prediction), torch.exp(log_target)
    return (p * (torch.log(p) - torch.log(q))).sum(1)


@gap("wrong_formula", why="the other direction is another number, and has another minimum")
@reverse_kl_divergence.routine(value=ulps(3, cond=2, gamma=True), grad=ulps(4, cond=2))
def arguments_in_the_order_of_the_paper(log_prediction, log_target):
    """`kl_div(prediction, target)`: torch takes the distribution that is averaged over second, not first."""
    return functional.kl_div(log_prediction, log_target, reduction="none", log_target=True).sum(1)
