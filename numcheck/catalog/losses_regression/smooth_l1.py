"""Smooth L1 loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.SmoothL1Loss; for beta = 1 Girshick 2015, Fast R-CNN, equation 3",
    known=[
        ((3, 0, 0.1), "2.94999999999999999722444243844"),
        ((0.5, 0.25, 1.0), "0.03125"),
        ((0.5, 0.25, 3.0), "0.0104166666666666666666666666667"),
    ],
    wrt=("prediction",),
    prediction=real(-10000, 10000),
    target=real(-10000, 10000),
    beta=one_of(0.0, 0.1, 1.0, 3.0),
)
def smooth_l1(prediction, target, beta):
    """The absolute error less beta/2; below `beta` its square over 2 beta. Hard at beta = 0: the target is a kink."""
    error = abs(prediction - target)
    return m.where(error < beta, error**2 / (2 * beta), error - beta / 2) if beta else error


@smooth_l1.law
def twice_all_lengths_is_twice_the_loss(f, prediction, target, beta):
    """Homogeneous of degree one, `beta` included."""
    return 2 * f(prediction, target, beta), f(2 * prediction, 2 * target, 2 * beta)


@smooth_l1.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target, beta):
    """Only the distance counts."""
    return f(prediction, target, beta), f(target, prediction, beta)


@smooth_l1.routine(value=ulps(2), grad=ulps(2))
def divided_before_squaring(prediction, target, beta):
    """e times e/(2 beta); L1 where beta is 0."""
    error = (prediction - target).abs()
    if beta == 0:
        return error
    near = error.clamp(max=beta)  # so that error / beta overflows in neither branch
    return torch.where(error < beta, near * (near / (2 * beta)), error - 0.5 * beta)


small_squares = gap("underflow", why="a small error's square is subnormal before a small beta divides it")


@small_squares
@smooth_l1.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(prediction, target, beta):
    """`smooth_l1_loss`."""
    return functional.smooth_l1_loss(prediction, target, reduction="none", beta=beta)


@small_squares
@smooth_l1.routine(value=ulps(2), grad=ulps(2))
def huber_over_beta(prediction, target, beta):
    """torch's huber_loss divided by its delta; L1 where beta is 0."""
    if beta == 0:
        return functional.l1_loss(prediction, target, reduction="none")
    return functional.huber_loss(prediction, target, reduction="none", delta=beta) / beta


@small_squares
@gap("nan_gradient", why="beta = 0: the branch that is not taken divides by 0")
@smooth_l1.routine(value=ulps(2), grad=ulps(2))
def naive_form(prediction, target, beta):
    """The formula as it is printed, without a case for beta = 0."""
    error = (prediction - target).abs()
    return torch.where(error < beta, error**2 / torch.full_like(error, 2 * beta), error - 0.5 * beta)
