"""Kullback-Leibler divergence from probabilities."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, simplex, ulps


@formula(
    source="Cover & Thomas 2006, Elements of Information Theory, section 2.3 (definition of relative entropy)",
    known=[
        (((0.75, 0.25), (0.5, 0.5)), "0.130812035941136959129201806234"),
        (((0.5, 0.5), (0.75, 0.25)), "0.143841036225890463719609502997"),
        (((0, 1), (0.5, 0.5)), "0.693147180559945309417232121458"),
    ],
    wrt=("prediction",),
    target=simplex(),
    prediction=simplex(),
)
def kl_divergence_on_probabilities(target, prediction):
    """Nats lost when `prediction` codes `target`, 0 log(0/p) being 0. Hard where either has zeros, or both agree."""
    # the quotient's logarithm as a difference, so that q log(q/0) is infinite: 1/0 alone has no sign
    return m.sum(m.where(target == 0, 0, target * (m.log(target) - m.log(prediction))))


@kl_divergence_on_probabilities.law
def a_distribution_does_not_diverge_from_itself(f, target, prediction):
    """Zero for equal arguments."""
    return f(target, target), m.zeros_like(target[0])


@kl_divergence_on_probabilities.law
def the_order_of_classes_does_not_matter(f, target, prediction):
    """Rolling classes in both leaves the divergence."""
    return f(target, prediction), f(m.roll(target, 1), m.roll(prediction, 1))


@kl_divergence_on_probabilities.routine(value=ulps(2, gamma=True), grad=ulps(2))
def masked_logarithms(target, prediction):
    """q (log q - log p) where q is not 0; elsewhere both logarithms are of 1, so that no derivative is 0/0."""
    kept = target > 0
    q, p = torch.where(kept, target, 1.0), torch.where(kept, prediction, 1.0)
    return torch.where(kept, q * (torch.log(q) - torch.log(p)), 0.0).sum(1)


@gap("nan_gradient", why="the derivative q/p is 0/0 where neither has the class")
@kl_divergence_on_probabilities.routine(value=ulps(2, gamma=True), grad=ulps(2))
def difference_of_xlogy(target, prediction):
    """sum(xlogy(q, q) - xlogy(q, p)): xlogy has the convention for 0 log 0."""
    return (torch.xlogy(target, target) - torch.xlogy(target, prediction)).sum(1)


@gap("special_value", "nan_gradient", why="where neither has the class 0 * log(0) and its derivative are NaN")
@kl_divergence_on_probabilities.routine(value=ulps(2, gamma=True), grad=ulps(2))
def torch_builtin(target, prediction):
    """`kl_div` of the prediction's logarithm, summed over each point."""
    return functional.kl_div(prediction.log(), target, reduction="none").sum(1)


@gap("special_value", "overflow", "underflow", "nan_gradient", why="q/p is 0, infinite or 0/0")
@kl_divergence_on_probabilities.routine(value=ulps(2, gamma=True), grad=ulps(2))
def naive_form(target, prediction):
    """The formula without its convention for 0 log 0."""
    return (target * torch.log(target / prediction)).sum(1)


@gap("wrong_formula", why="the added number is not small beside a small p")
@gap("underflow", "nan_gradient", formats=["float16"], why="1e-8 rounds to 0, and 0 times infinity is NaN")
@kl_divergence_on_probabilities.routine(value=ulps(2, gamma=True), grad=ulps(2))
def shifted_logarithms(target, prediction):
    """1e-8 added inside both logarithms against log(0)."""
    return (target * (torch.log(target + 1e-8) - torch.log(prediction + 1e-8))).sum(1)
