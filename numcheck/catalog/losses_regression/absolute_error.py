"""Mean absolute error."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, equations 7.1 and 7.4",
    known=[
        (((1, 2, 3), (1.5, 0, -1)), "2.16666666666666666666666666667"),
        (((3, 4, 7, 9, 8, -3, -2, 1), (2, 5, 9, 7, 10, -5, -2, 2)), "1.375"),
    ],
    wrt=("prediction",),
    prediction=vector(-10000, 10000),
    target=vector(-10000, 10000),
)
def absolute_error(prediction, target):
    """Mean of the absolute differences. Where an entry is hit, any derivative in [-1/n, 1/n] by it is right."""
    return m.mean(abs(prediction - target))


@absolute_error.law
def twice_the_inputs_is_twice_the_loss(f, prediction, target):
    """Homogeneous of degree one."""
    return 2 * f(prediction, target), f(2 * prediction, 2 * target)


@absolute_error.law
def inputs_times_s_are_the_loss_times_the_size_of_s(f, prediction, target):
    """With s = -2**-24: scaling the target scales the figure, and tells nothing of the fit."""
    return f(prediction * -(2**-24), target * -(2**-24)), f(prediction, target) / 2**24


@absolute_error.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target):
    """The absolute value does not see the sign."""
    return f(prediction, target), f(target, prediction)


@absolute_error.routine(value=ulps(2, gamma=True), grad=ulps(1))
def naive_form(prediction, target):
    """The formula as it is printed."""
    return (prediction - target).abs().mean(1)


@absolute_error.routine(value=ulps(2, gamma=True), grad=ulps(1))
def torch_builtin(prediction, target):
    """`l1_loss`, averaged over each point."""
    return functional.l1_loss(prediction, target, reduction="none").mean(1)


@absolute_error.routine(value=ulps(2, gamma=True), grad=ulps(1))
def larger_minus_smaller(prediction, target):
    """max(p, t) - min(p, t), averaged."""
    return (torch.maximum(prediction, target) - torch.minimum(prediction, target)).mean(1)


@gap("underflow", "overflow", "nan_gradient", why="squares leave the range, and the root at 0 has no slope")
@gap("cancellation", "absorption", of="grad", why="the slopes of square and root are rounded each by itself")
@absolute_error.routine(value=ulps(2, gamma=True), grad=ulps(1))
def root_of_the_square(prediction, target):
    """sqrt((p - t)**2) for the absolute value."""
    return ((prediction - target) ** 2).sqrt().mean(1)
