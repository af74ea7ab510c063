"""Mean absolute percentage error, as a share rather than in percent."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Hyndman & Koehler 2006, Another look at measures of forecast accuracy, section 2.2 (there in percent)",
    known=[
        (((3, 4, 7, 9, 8, -3, -2, 1), (2, 5, 9, 7, 10, -5, -2, 2)), "0.288492063492063492063492063492"),
        (((1, 2), (2, -4)), "1"),
    ],
    wrt=("prediction",),
    prediction=vector(-10000, 10000),
    target=vector(-10000, 10000),
)
def mean_absolute_percentage_error(prediction, target):
    """Mean of the differences in parts of their targets; undefined where a target is 0. Hard beside small targets."""
    return m.mean(abs((target - prediction) / target))


@mean_absolute_percentage_error.law
def inputs_times_s_change_nothing(f, prediction, target):
    """With s = -2**-24: the unit of the target does not matter."""
    return f(prediction * -(2**-24), target * -(2**-24)), f(prediction, target)


@mean_absolute_percentage_error.law
def inputs_times_32768_change_nothing(f, prediction, target):
    """The same with s = 2**15."""
    return f(2**15 * prediction, 2**15 * target), f(prediction, target)


@mean_absolute_percentage_error.law
def a_prediction_of_zero_is_off_by_the_whole(f, prediction, target):
    """Predictions of 0 give 1."""
    return f(0 * prediction, target), 0 * m.sum(target) + 1


@mean_absolute_percentage_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def n_times_the_target(prediction, target):
    """Differences over n times their targets, so that no term exceeds the mean, in float32 at least."""
    wide = torch.promote_types(target.dtype, torch.float32)
    difference = target.to(wide) - prediction.to(wide)
    return (difference / (target.to(wide) * target.shape[1])).abs().sum(1).to(target.dtype)


before_the_mean = gap("overflow", why="one quotient, or the sum of all, leaves the range before n divides it")


@before_the_mean
@mean_absolute_percentage_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def as_printed(prediction, target):
    """The formula as it is printed."""
    return ((target - prediction) / target).abs().mean(1)


@before_the_mean
@gap("order", "cancellation", "absorption", why="1 less a quotient is rounded twice", of="value")
@mean_absolute_percentage_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def quotient_less_one(prediction, target):
    """|p/t - 1|."""
    return (prediction / target - 1).abs().mean(1)


@before_the_mean
@gap("nan_gradient", why="in float16 1 over 1.17e-6 is infinite, and meets a slope of 0", formats=["float16"])
@gap("wrong_formula", why="smaller targets than that are taken for it")
@mean_absolute_percentage_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def clamped_targets(prediction, target):
    """Targets of at least 1.17e-6 in size, as torchmetrics has them, against division by 0."""
    return ((prediction - target).abs() / target.abs().clamp(min=1.17e-06)).mean(1)
