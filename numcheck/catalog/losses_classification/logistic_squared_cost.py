"""Squared error of the probability that a logistic regression predicts."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps, vector


@formula(
    source="Brier 1950, Verification of Forecasts Expressed in Terms of Probability, Mon. Weather Rev. 78, pages 1-3",
    known=[
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 1), "0.000859206871620759025601730986881"),
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 0), "0.942234745368908121295022614759"),
        (((1, 2), (2, -1), 0, 1), "0.25"),
    ],
    wrt=("weights", "intercept"),
    features=vector(-8, 8),
    weights=vector(-8, 8),
    intercept=real(-32, 32),
    label=one_of(0, 1),
)
def logistic_squared_cost(features, weights, intercept, label):
    """(p - y)**2 of p = e**z/(1 + e**z), z = w.x + b. Hard where right; its slope vanishes where wrong, too."""
    odds = m.exp(m.dot(weights, features) + intercept)
    return (odds / (1 + odds) - label) ** 2


@logistic_squared_cost.law
def exchanging_the_labels_turns_all_coefficients(f, features, weights, intercept, label):
    """The odds of 0 are one over the odds of 1."""
    return f(features, weights, intercept, label), f(features, -weights, -intercept, 1 - label)


@logistic_squared_cost.law
def the_roots_of_both_costs_sum_to_one(f, features, weights, intercept, label):
    """p is off by p or by 1 - p."""
    roots = m.sqrt(f(features, weights, intercept, 0)) + m.sqrt(f(features, weights, intercept, 1))
    return roots, 1 + 0 * intercept


def _log_odds(features, weights, intercept):
    return (features * weights).sum(1) + intercept


small_slope = gap(
    "underflow", why="a square of a small probability is subnormal before a large feature multiplies it"
)


@small_slope
@logistic_squared_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def two_sided_probability(features, weights, intercept, label):
    """Probability of the other label squared, from an exponential of at most one, on either side of 0."""
    z = _log_odds(features, weights, intercept)
    wrong = torch.where(label == 1, -z, z)
    small = torch.exp(torch.where(wrong < 0, wrong, -wrong))
    return (torch.where(wrong < 0, small, 1.0) / (1 + small)) ** 2


@gap("cancellation", "absorption", of="grad", why="the backward takes 1 less a rounded sigmoid near 1")
@small_slope
@logistic_squared_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def sigmoid_of_the_wrong_side(features, weights, intercept, label):
    """Probability of the other label, sigmoid(-z) or sigmoid(z), squared."""
    z = _log_odds(features, weights, intercept)
    return torch.sigmoid(torch.where(label == 1, -z, z)) ** 2


@gap(
    "cancellation",
    "absorption",
    why="p - 1 keeps few digits of a p near 1, and so does 1 - p in the backward",
)
@small_slope
@logistic_squared_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def torch_builtin(features, weights, intercept, label):
    """`mse_loss` of torch's sigmoid."""
    p = torch.sigmoid(_log_odds(features, weights, intercept))
    return torch.nn.functional.mse_loss(p, label.to(p.dtype), reduction="none")


@gap("cancellation", "absorption", why="p - 1 keeps few digits of a p near 1, and 1 + e**z of e**z")
@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="e**z, or its square in the backward, leaves the range: inf/inf",
)
@logistic_squared_cost.routine(value=ulps(4, gamma=True), grad=ulps(8, cond=2, gamma=True))
def naive_form(features, weights, intercept, label):
    """The formula as it is printed."""
    odds = torch.exp(_log_odds(features, weights, intercept))
    return (odds / (1 + odds) - label) ** 2
