"""Huber's loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Huber 1964, Robust Estimation of a Location Parameter; Hastie, Tibshirani & Friedman 2009, equation 12.38",
    known=[((3, 0, 1.0), "2.5"), ((3, 0, 0.1), "0.295000000000000016098233857065")],
    wrt=("prediction",),
    prediction=real(-10000, 10000),
    target=real(-10000, 10000),
    delta=one_of(0.1, 1.0, 8.0),
)
def huber(prediction, target, delta):
    """Half the squared error up to `delta`, and its tangent beyond. Hard where a square underflows or overflows."""
    error = abs(prediction - target)
    return m.where(error <= delta, error**2 / 2, delta * (error - delta / 2))


@huber.law
def twice_all_lengths_is_four_times_the_loss(f, prediction, target, delta):
    """Homogeneous of degree two, `delta` included."""
    return 4 * f(prediction, target, delta), f(2 * prediction, 2 * target, 2 * delta)


@huber.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target, delta):
    """Only the distance counts."""
    return f(prediction, target, delta), f(target, prediction, delta)


@huber.routine(value=ulps(2), grad=ulps(2))
def naive_form(prediction, target, delta):
    """The formula as it is printed."""
    error = (prediction - target).abs()
    return torch.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta))


@huber.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(prediction, target, delta):
    """`huber_loss`."""
    return functional.huber_loss(prediction, target, reduction="none", delta=delta)


@huber.routine(value=ulps(2), grad=ulps(2))
def clipped_error(prediction, target, delta):
    """c (e - c/2) with the error clipped to c = min(e, delta)."""
    error = (prediction - target).abs()
    clipped = error.clamp(max=delta)
    return clipped * (error - 0.5 * clipped)


@gap("cancellation", "absorption", why="the derivative is (q - delta) + delta")
@huber.routine(value=ulps(2), grad=ulps(2))
def quadratic_and_linear_part(prediction, target, delta):
    """q**2/2 + delta (e - q) with q = min(e, delta), as TensorFlow models have it."""
    error = (prediction - target).abs()
    quadratic = error.clamp(max=delta)
    return 0.5 * quadratic**2 + delta * (error - quadratic)
