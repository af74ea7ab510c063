"""Log-cosh loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Saleh & Saleh 2022, Statistical Properties of the log-cosh Loss Function Used in Machine Learning",
    known=[
        ((1, 0), "0.4337808304830271870264946849"),
        ((100, 0), "99.3068528194400546905827678785"),
        ((2.0**-10, 0), "4.7683708241191912695568861999e-7"),
    ],
    wrt=("prediction",),
    prediction=real(-1000, 1000),
    target=real(-1000, 1000),
)
def log_cosh(prediction, target):
    """log(cosh(e)) of the error e. Hard near 0, where log 1 or log 2 cancels, and far from it, where cosh overflows."""
    return m.log(m.cosh(prediction - target))


@log_cosh.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target):
    """cosh is even."""
    return f(prediction, target), f(target, prediction)


@log_cosh.law
def a_common_offset_changes_nothing(f, prediction, target):
    """Only the difference counts."""
    return f(prediction, target), f(prediction + 7, target + 7)


_LOG_2 = 0.69314718055994530942
log_2_cancels = gap("cancellation", "absorption", why="near 0 loss and slope are differences of larger terms")


# value ulps(3): the error of sinh counts twice
@log_cosh.routine(value=ulps(3), grad=ulps(4))
def half_angle_form(prediction, target):
    """log1p(2 sinh(e/2)**2) up to |e| = 1, from cosh(e) = 1 + 2 sinh(e/2)**2; the absolute form beyond."""
    error = (prediction - target).abs()
    half = torch.sinh(0.5 * error.clamp(max=1))
    near = torch.log1p(2 * half * half)
    return torch.where(error <= 1, near, error + (torch.log1p(torch.exp(-2 * error)) - _LOG_2))


@log_2_cancels
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def softplus_form(prediction, target):
    """e + softplus(-2e) - log 2, as Keras has it."""
    error = prediction - target
    return error + functional.softplus(-2 * error) - _LOG_2


@log_2_cancels
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def absolute_form(prediction, target):
    """|e| + log1p(exp(-2|e|)) - log 2."""
    error = (prediction - target).abs()
    return error + torch.log1p(torch.exp(-2 * error)) - _LOG_2


@gap("cancellation", "absorption", why="cosh(e) rounds to a number near 1, whose log keeps few digits")
@gap("overflow", "underflow", "nan_gradient", why="cosh or 1 over it leaves the range, and inf * 0 is NaN")
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def naive_form(prediction, target):
    """The formula as it is printed."""
    return torch.log(torch.cosh(prediction - target))
