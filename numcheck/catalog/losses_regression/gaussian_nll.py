"""Gaussian negative log-likelihood."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.GaussianNLLLoss (after Nix & Weigend 1994), without its eps",
    known=[
        ((1, 3, 4, False), "1.19314718055994530941723212146"),
        ((1, 3, 4, True), "2.11208571376461805119756185786"),
        ((2, 2, 1, False), "0"),
    ],
    wrt=("prediction", "variance"),
    prediction=real(-1000, 1000),
    target=real(-1000, 1000),
    variance=real(2.0**-24, 1000),
    full=one_of(False, True),
)
def gaussian_nll(prediction, target, variance, full):
    """Nats lost on `target` when a normal distribution is predicted; `full` adds log(2 pi)/2, the constant.

    Hard where squares leave the range, and where a large logarithm meets a large error.
    """
    loss = (m.log(variance) + (prediction - target) ** 2 / variance) / 2
    return loss + m.log(2 * m.pi()) / 2 if full else loss


@gaussian_nll.law
def twice_the_unit_adds_its_logarithm(f, prediction, target, variance, full):
    """Lengths times two, the variance times four: log 2 more."""
    return f(2 * prediction, 2 * target, 4 * variance, full), f(prediction, target, variance, full) + m.log(2)


@gaussian_nll.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target, variance, full):
    """Only the distance counts."""
    return f(prediction, target, variance, full), f(target, prediction, variance, full)


@gaussian_nll.law
def full_adds_a_constant(f, prediction, target, variance, full):
    """Half the logarithm of two pi."""
    both = f(prediction, target, variance, True) - f(prediction, target, variance, False)
    return both, 0 * both + m.log(2 * m.pi()) / 2


_HALF_LOG_2_PI = 0.91893853320467274178


# cond=4: two divisions, logarithm and sum
@gaussian_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def divided_before_squaring(prediction, target, variance, full):
    """e times e/v, so that no square leaves the range before v divides it, in float32 at least."""
    wide = torch.promote_types(variance.dtype, torch.float32)
    error, v = prediction.to(wide) - target.to(wide), variance.to(wide)
    loss = 0.5 * (torch.log(v) + error * (error / v))
    return (loss + _HALF_LOG_2_PI if full else loss).to(variance.dtype)


squares = gap(
    "overflow", "nan_gradient", "underflow", why="squares and quotients leave the range", formats=["float16"]
)


@squares
@gaussian_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def naive_form(prediction, target, variance, full):
    """The formula as it is printed."""
    loss = 0.5 * (torch.log(variance) + (prediction - target) ** 2 / variance)
    return loss + _HALF_LOG_2_PI if full else loss


@squares
@gap("wrong_formula", why="it takes smaller variances for its eps")
@gaussian_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def torch_builtin(prediction, target, variance, full):
    """`gaussian_nll_loss`, which takes smaller variances for 1e-6."""
    return functional.gaussian_nll_loss(prediction, target, variance, full=full, reduction="none")


@squares
@gaussian_nll.routine(value=ulps(2, cond=4), grad=ulps(4, cond=4))
def torch_distribution(prediction, target, variance, full):
    """The log_prob of `torch.distributions.Normal`, less the constant where that is not asked for."""
    loss = -torch.distributions.Normal(prediction, variance.sqrt(), validate_args=False).log_prob(target)
    return loss if full else loss - _HALF_LOG_2_PI
