"""Kullback-Leibler divergence from log-probabilities."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, simplex, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.KLDivLoss; Cover & Thomas 2006, section 2.3, for 0 log 0 = 0",
    known=[
        (((0.5, 0.5), (-1, -2)), "0.806852819440054690582767878542"),
        (((1, 0), (-1, -5)), "1"),
        (((0.25, 0.25, 0.5), (-1, -1, -2)), "0.460279229160082035874151817813"),
    ],
    wrt=("log_prediction",),
    target=simplex(),
    log_prediction=vector(-100, 0),
)
def kl_divergence(target, log_prediction):
    """Nats lost when `target` is coded with exp(log_prediction), normalised or not. Hard where a target is 0."""
    return m.sum(m.xlogy(target, target) - target * log_prediction)


@kl_divergence.law
def shifting_the_prediction_shifts_the_divergence(f, target, log_prediction):
    """A common factor of the prediction comes out as its logarithm."""
    return f(target, log_prediction - 1), f(target, log_prediction) + m.sum(target)


@kl_divergence.law
def the_order_of_classes_does_not_matter(f, target, log_prediction):
    """Rolling classes in both leaves the divergence."""
    return f(target, log_prediction), f(m.roll(target, 1), m.roll(log_prediction, 1))


@kl_divergence.routine(value=ulps(2, gamma=True), grad=ulps(1))
def torch_builtin(target, log_prediction):
    """`kl_div`, summed over each point."""
    return functional.kl_div(log_prediction, target, reduction="none").sum(1)


@kl_divergence.routine(value=ulps(2, gamma=True), grad=ulps(1))
def negative_entropy_plus_cross_entropy(target, log_prediction):
    """-sum(entr(q)) - sum(q log p): each sum by itself, then their difference."""
    return -torch.special.entr(target).sum(1) - (target * log_prediction).sum(1)


@kl_divergence.routine(value=ulps(2, gamma=True), grad=ulps(1))
def masked_difference(target, log_prediction):
    """q (log q - log p) where q is not 0, the logarithm kept away from 0 before it is taken."""
    kept = target > 0
    logarithms = torch.log(torch.where(kept, target, 1.0))
    return torch.where(kept, target * (logarithms - log_prediction), 0.0).sum(1)


@gap("special_value", why="0 * log(0) is NaN")
@kl_divergence.routine(value=ulps(2, gamma=True), grad=ulps(1))
def naive_form(target, log_prediction):
    """The formula without its convention for 0 log 0."""
    return (target * (torch.log(target) - log_prediction)).sum(1)
