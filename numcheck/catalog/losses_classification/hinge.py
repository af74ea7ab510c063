"""Hinge loss."""

import torch
from torch.nn import functional

from numcheck import formula, m, one_of, real, ulps


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 12.3.2, table 12.1",
    known=[((0.25, 1), "0.75"), ((-3, 1), "4"), ((3, 1), "0")],
    score=real(-10000, 10000, near=(1, -1)),
    side=one_of(-1, 1),
)
def hinge(score, side):
    """How far a `score` is from right by a margin of 1. At the kink any slope in between is right; hard beside it."""
    return m.maximum(0, 1 - side * score)


@hinge.law
def exchanging_the_sides_turns_the_score(f, score, side):
    """Only the product of score and side counts."""
    return f(score, side), f(-score, -side)


@hinge.routine(value=ulps(1), grad=ulps(1))
def naive_form(score, side):
    """The formula as it is printed."""
    return torch.clamp(1 - side * score, min=0)


@hinge.routine(value=ulps(1), grad=ulps(1))
def relu_form(score, side):
    """relu(1 - side * score)."""
    return functional.relu(1 - side * score)


@hinge.routine(value=ulps(1), grad=ulps(1))
def margin_ranking_loss(score, side):
    """torch's `margin_ranking_loss` of the score against 0 with margin 1."""
    nothing = torch.zeros_like(score)
    return functional.margin_ranking_loss(score, nothing, side.to(score.dtype), margin=1.0, reduction="none")


@hinge.routine(value=ulps(1), grad=ulps(1))
def half_of_sum_and_absolute_value(score, side):
    """(z + |z|)/2 with z = 1 - side * score, for hardware without a maximum."""
    z = 1 - side * score
    return 0.5 * (z + z.abs())
