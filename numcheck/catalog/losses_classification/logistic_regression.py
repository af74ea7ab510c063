"""Negative log-likelihood of logistic regression, one observation."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps, vector


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 4.4.1, equation 4.20",
    known=[
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 1), "0.0297504182726205651948111740817"),
        (((1, 2, 3), (0.5, -0.25, 1), 0.5, 0), "3.52975041827262056519481117408"),
        (((4, 2), (-4, -8), 12, 0), "2.06115362031438070323898279888e-9"),
    ],
    wrt=("weights", "intercept"),
    features=vector(-16, 16),
    weights=vector(-16, 16),
    intercept=real(-100, 100),
    label=one_of(0, 1),
)
def logistic_regression(features, weights, intercept, label):
    """Nats lost on `label` when 1 has probability e**z/(1 + e**z), z = w.x + b. Hard where sure and right."""
    odds = m.exp(m.dot(weights, features) + intercept)
    p = odds / (1 + odds)
    return -(label * m.log(p) + (1 - label) * m.log(1 - p))


@logistic_regression.law
def exchanging_the_labels_turns_all_coefficients(f, features, weights, intercept, label):
    """The odds of 0 are one over the odds of 1."""
    return f(features, weights, intercept, label), f(features, -weights, -intercept, 1 - label)


@logistic_regression.law
def the_two_losses_differ_by_the_log_odds(f, features, weights, intercept, label):
    """The log-odds are linear in the features."""
    difference = f(features, weights, intercept, 0) - f(features, weights, intercept, 1)
    return difference, m.dot(weights, features) + intercept


def _log_odds(features, weights, intercept):
    return (features * weights).sum(1) + intercept


small_slope = gap(
    "underflow", of="grad", why="the slope by z is subnormal before a large feature multiplies it"
)


@small_slope
@logistic_regression.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def softplus_of_the_wrong_side(features, weights, intercept, label):
    """softplus of how far the log-odds lie on the wrong side."""
    z = _log_odds(features, weights, intercept)
    return functional.softplus(torch.where(label == 1, -z, z))


@gap(
    "cancellation",
    "absorption",
    why="near 1 a logarithm of a sum, and sigmoid(z) - 1, keep few digits or none",
)
@gap(
    "underflow", why="sigmoid is 0 where it should be subnormal, and subnormal where a feature multiplies it"
)
@logistic_regression.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def torch_builtin(features, weights, intercept, label):
    """`binary_cross_entropy_with_logits` of a linear layer's output."""
    z = _log_odds(features, weights, intercept)
    return functional.binary_cross_entropy_with_logits(z, label.to(z.dtype), reduction="none")


@gap("cancellation", "absorption", "special_value", why="1 - p keeps few digits of a p near 0 or 1, or is 0")
@gap("overflow", "underflow", "nan_gradient", why="e**z, p or 1/p leaves the range, and 0 meets infinity")
@logistic_regression.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def naive_form(features, weights, intercept, label):
    """The formula as it is printed."""
    odds = torch.exp(_log_odds(features, weights, intercept))
    p = odds / (1 + odds)
    return -(label * torch.log(p) + (1 - label) * torch.log(1 - p))


@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="e**z overflows, its slope is inf/inf, or 1/e**z is subnormal",
)
@gap(
    "cancellation", "absorption", why="the logarithm of 1 + e**z, less y z, keeps few digits of a small loss"
)
@logistic_regression.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def as_the_textbook_sums_it(features, weights, intercept, label):
    """log(1 + e**z) - y z, the log-likelihood as equation 4.20 has it."""
    z = _log_odds(features, weights, intercept)
    return torch.log(1 + torch.exp(z)) - label * z


@gap(
    "wrong_formula", why="p is cut off at 1e-15, which is not small beside a small p, or rounds away beside 1"
)
@gap("cancellation", "absorption", "special_value", "nan_gradient", why="1 - p, or 1 - 1e-15, is 1 or 0")
@gap("overflow", "underflow", why="p has few digits or none before its logarithm, and 1/p leaves the range")
@logistic_regression.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def clipped_probability(features, weights, intercept, label):
    """p clipped to [1e-15, 1 - 1e-15] before its logarithm, as metrics in the manner of scikit-learn's had it."""
    p = torch.sigmoid(_log_odds(features, weights, intercept)).clamp(1e-15, 1 - 1e-15)
    return -(label * torch.log(p) + (1 - label) * torch.log(1 - p))
