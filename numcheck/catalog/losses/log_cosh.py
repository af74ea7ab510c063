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
def log_cosh(prediction: m.Reals, target: m.Reals) -> m.Reals:
    """log(cosh(e)) of the error e: half its square near 0, its absolute value less log 2 far from 0.

    Hard at both ends: near 0 the loss is a small difference from log 1 or log 2, far from 0 cosh overflows.
    """
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


@gap("overflow", why="cosh overflows")
@gap("absorption", why="cosh(e) rounds to 1 for a small e, and its logarithm to 0")
@gap("cancellation", why="the logarithm of a number near 1 keeps few digits")
@gap(
    "nan_gradient",
    why="cosh and its derivative overflow, and the backward multiplies an infinity by 1/infinity = 0",
)
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def naive_form(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The formula as it is printed."""
    return torch.log(torch.cosh(prediction - target))


@gap("cancellation", why="softplus(-2e) - log 2 cancels near 0; so do the derivatives 1 and -2 sigmoid(-2e)")
@gap("absorption", why="log 2 absorbs a small loss")
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def softplus_form(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """e + softplus(-2e) - log 2, as Keras has it."""
    error = prediction - target
    return error + functional.softplus(-2 * error) - _LOG_2


@gap("cancellation", why="log1p(exp(-2|e|)) - log 2 cancels near 0; so do the derivatives")
@gap("absorption", why="log 2 absorbs a small loss")
@log_cosh.routine(value=ulps(2), grad=ulps(4))
def absolute_form(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """|e| + log1p(exp(-2|e|)) - log 2."""
    error = (prediction - target).abs()
    return error + torch.log1p(torch.exp(-2 * error)) - _LOG_2


@log_cosh.routine(value=ulps(2), grad=ulps(4))
def half_angle_form(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """log1p(2 sinh(e/2)**2) up to |e| = 1, from cosh(e) = 1 + 2 sinh(e/2)**2; the absolute form beyond."""
    error = (prediction - target).abs()
    half = torch.sinh(0.5 * error.clamp(max=1))
    near = torch.log1p(2 * half * half)
    return torch.where(error <= 1, near, error + (torch.log1p(torch.exp(-2 * error)) - _LOG_2))
