"""Focal loss on logits."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Lin, Goyal, Girshick, He & Dollár 2017, Focal Loss for Dense Object Detection, ICCV, equation 4",
    known=[
        ((1, 1, 2.0), "0.0226580575084673315250629776534"),
        ((3, 0, 2.0), "2.76628044102526203444940580001"),
        ((-4, 0, 2.0), "5.8715697218692443931065892454e-6"),
        ((0, 1, 0.5), "0.490129071734273595856950861818"),
    ],
    logit=real(-200, 200),
    label=one_of(0, 1),
    gamma=one_of(0.5, 1.0, 2.0, 5.0),
)
def focal(logit, label, gamma):
    """Nats lost on `label`, times (1 - its probability)**gamma. Hard where sure and right: 1 - p has few digits."""
    odds = m.exp(logit if label else -logit)
    p = odds / (1 + odds)
    return -((1 - p) ** gamma) * m.log(p)


@focal.law
def exchanging_the_labels_turns_the_logit(f, logit, label, gamma):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(logit, label, gamma), f(-logit, 1 - label, gamma)


@focal.law
def doubling_gamma_squares_the_factor(f, logit, label, gamma):
    """f(gamma)**2 = f(0) f(2 gamma), and f(0) is the cross-entropy."""
    return f(logit, label, gamma) ** 2, f(logit, label, 0) * f(logit, label, 2 * gamma)


# ulps(8), cond=4: gamma softplus(z), up to 5 z, is rounded three times before its exponential is taken
@focal.routine(value=ulps(8, cond=4), grad=ulps(8, cond=4))
def softplus_of_both_sides(logit, label, gamma):
    """exp(-gamma softplus(z)) softplus(-z), z being the log-odds of the label."""
    z = torch.where(label == 1, logit, -logit)
    return torch.exp(-gamma * functional.softplus(z)) * functional.softplus(-z)


branch = gap("cancellation", "absorption", why="1 - p_t keeps few digits where the label is sure and right")
power_of_zero = gap(
    "nan_gradient", why="the slope of (1 - p_t)**0.5 is infinite where p_t rounds to 1, times 0"
)


@branch
@power_of_zero
@focal.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def as_torchvision_writes_it(logit, label, gamma):
    """binary_cross_entropy_with_logits times (1 - p_t)**gamma, p_t = p y + (1 - p)(1 - y)."""
    y = label.to(logit.dtype)
    p = torch.sigmoid(logit)
    cross_entropy = functional.binary_cross_entropy_with_logits(logit, y, reduction="none")
    return cross_entropy * (1 - (p * y + (1 - p) * (1 - y))) ** gamma


@branch
@power_of_zero
@gap("underflow", "overflow", why="a p_t that is subnormal or 0 before its logarithm, and 1/p_t")
@focal.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def naive_form(logit, label, gamma):
    """The formula as it is printed, with torch's sigmoid."""
    p = torch.sigmoid(logit)
    p_t = torch.where(label == 1, p, 1 - p)
    return -((1 - p_t) ** gamma) * torch.log(p_t)


@branch
@power_of_zero
@focal.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def probability_from_the_loss(logit, label, gamma):
    """p_t = exp(-cross-entropy), as many notebooks have it."""
    cross_entropy = functional.binary_cross_entropy_with_logits(
        logit, label.to(logit.dtype), reduction="none"
    )
    return (1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy
