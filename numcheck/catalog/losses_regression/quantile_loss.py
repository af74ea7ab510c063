"""Quantile loss, or pinball loss."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Koenker & Bassett 1978, Regression Quantiles, Econometrica 46(1), pages 33-50",
    known=[((3, 5, 0.25), "0.5"), ((5, 3, 0.25), "1.5"), ((5, 5, 0.5), "0")],
    wrt=("prediction",),
    prediction=real(-10000, 10000),
    target=real(-10000, 10000),
    quantile=one_of(0.1, 0.25, 0.5, 0.9),
)
def quantile_loss(prediction, target, quantile):
    """Distance to the target, times `quantile` from below, 1 - `quantile` from above; its minimum is the quantile."""
    error = target - prediction
    return m.maximum(quantile * error, (quantile - 1) * error)


@quantile_loss.law
def exchanging_the_sides_exchanges_the_quantiles(f, prediction, target, quantile):
    """Too low by the quantile q is too high by 1 - q."""
    return f(prediction, target, quantile), f(target, prediction, 1 - quantile)


@quantile_loss.law
def the_quantile_and_its_complement_share_the_distance(f, prediction, target, quantile):
    """Both weights sum to 1."""
    return f(prediction, target, quantile) + f(prediction, target, 1 - quantile), abs(target - prediction)


@quantile_loss.law
def twice_the_inputs_is_twice_the_loss(f, prediction, target, quantile):
    """Homogeneous of degree one."""
    return f(2 * prediction, 2 * target, quantile), 2 * f(prediction, target, quantile)


@gap(
    "cancellation",
    "underflow",
    of="grad",
    why="both products of the least error round to 0, a tie of their slopes",
)
@quantile_loss.routine(value=ulps(2), grad=ulps(2))
def as_printed(prediction, target, quantile):
    """The larger of both products."""
    error = target - prediction
    return torch.maximum(quantile * error, (quantile - 1) * error)


@quantile_loss.routine(value=ulps(2), grad=ulps(2))
def one_branch_each(prediction, target, quantile):
    """The weight chosen by the sign of the error."""
    error = target - prediction
    return torch.where(error >= 0, quantile * error, (quantile - 1) * error)


@quantile_loss.routine(value=ulps(2), grad=ulps(2))
def weighted_excesses(prediction, target, quantile):
    """q relu(t - p) + (1 - q) relu(p - t)."""
    return quantile * torch.relu(target - prediction) + (1 - quantile) * torch.relu(prediction - target)


@gap("cancellation", of="value", why="the lesser side is the difference of two larger products")
@quantile_loss.routine(value=ulps(2), grad=ulps(2))
def tilted_absolute_error(prediction, target, quantile):
    """|e|/2 + (q - 1/2) e: the absolute error and its tilt, of which the lesser side is a difference."""
    error = target - prediction
    return 0.5 * error.abs() + (quantile - 0.5) * error
