"""Absolute error of the probability that a logistic regression predicts."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps, vector


@formula(
    source="Willmott & Matsuura 2005, Advantages of the mean absolute error, Climate Research 30, pages 79-82",
    known=[
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 1), "0.0293122307513563188652895581142"),
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 0), "0.970687769248643681134710441886"),
        (((1, 2), (2, -1), 0, 1), "0.5"),
    ],
    wrt=("weights", "intercept"),
    features=vector(-8, 8),
    weights=vector(-8, 8),
    intercept=real(-32, 32),
    label=one_of(0, 1),
)
def logistic_absolute_cost(features, weights, intercept, label):
    """|p - y| of p = e**z/(1 + e**z), z = w.x + b. Hard where right; where wrong its slope vanishes with p (1 - p)."""
    odds = m.exp(m.dot(weights, features) + intercept)
    return abs(odds / (1 + odds) - label)


@logistic_absolute_cost.law
def exchanging_the_labels_turns_all_coefficients(f, features, weights, intercept, label):
    """The odds of 0 are one over the odds of 1."""
    return f(features, weights, intercept, label), f(features, -weights, -intercept, 1 - label)


@logistic_absolute_cost.law
def the_costs_of_both_labels_sum_to_one(f, features, weights, intercept, label):
    """p is off by p or by 1 - p."""
    return f(features, weights, intercept, 0) + f(features, weights, intercept, 1), 1 + 0 * intercept


def _log_odds(features, weights, intercept):
    return (features * weights).sum(1) + intercept


small_slope = gap("underflow", why="a probability is subnormal before a large feature multiplies it")


@small_slope
@logistic_absolute_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def two_sided_probability(features, weights, intercept, label):
    """Probability of the other label from an exponential of at most one, whichever side the log-odds lie on."""
    z = _log_odds(features, weights, intercept)
    wrong = torch.where(label == 1, -z, z)
    small = torch.exp(torch.where(wrong < 0, wrong, -wrong))
    return torch.where(wrong < 0, small, 1.0) / (1 + small)


@gap("cancellation", "absorption", of="grad", why="the backward takes 1 less a rounded sigmoid near 1")
@small_slope
@logistic_absolute_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def sigmoid_of_the_wrong_side(features, weights, intercept, label):
    """Probability of the other label, sigmoid(-z) or sigmoid(z)."""
    z = _log_odds(features, weights, intercept)
    return torch.sigmoid(torch.where(label == 1, -z, z))


@gap(
    "cancellation",
    "absorption",
    why="p - 1 keeps few digits of a p near 1, and so does 1 - p in the backward",
)
@small_slope
@logistic_absolute_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def torch_builtin(features, weights, intercept, label):
    """`l1_loss` of torch's sigmoid."""
    p = torch.sigmoid(_log_odds(features, weights, intercept))
    return torch.nn.functional.l1_loss(p, label.to(p.dtype), reduction="none")


@gap("cancellation", "absorption", why="p - 1 keeps few digits of a p near 1, and 1 + e**z of e**z")
@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="e**z, or its square in the backward, leaves the range: inf/inf",
)
@logistic_absolute_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def naive_form(features, weights, intercept, label):
    """The formula as it is printed."""
    odds = torch.exp(_log_odds(features, weights, intercept))
    return (odds / (1 + odds) - label).abs()
