"""Soft margin (logistic) loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 12.3.2, table 12.1",
    known=[((2, 1), "0.126928011042972496443726806358"), ((-20, -1), "2.06115362031438070323898279888e-9")],
    score=real(-200, 200),
    side=one_of(-1, 1),
)
def soft_margin(score, side):
    """Nats lost by a `score` if `side` is its right sign. Hard at both ends: exp overflows, or is lost beside 1."""
    return m.log(1 + m.exp(-side * score))


@soft_margin.law
def exchanging_the_sides_turns_the_score(f, score, side):
    """Only the product of score and side counts."""
    return f(score, side), f(-score, -side)


@soft_margin.law
def the_two_sides_differ_by_the_score(f, score, side):
    """log(1 + e**-x) - log(1 + e**x) = -x."""
    return f(score, side) + score * side, f(-score, side)


@soft_margin.routine(value=ulps(2), grad=ulps(2))
def softplus_form(score, side):
    """softplus(-side * score)."""
    return functional.softplus(-side * score)


@gap("overflow", why="its slope is 1/(1 + exp), whose exp overflows where the slope is to be subnormal")
@soft_margin.routine(value=ulps(2), grad=ulps(2))
def logaddexp_form(score, side):
    """logaddexp(0, -side * score)."""
    return torch.logaddexp(torch.zeros_like(score), -side * score)


@gap("overflow", "nan_gradient", why="exp overflows far on the wrong side: its slope is inf/inf")
@soft_margin.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(score, side):
    """`soft_margin_loss`."""
    return functional.soft_margin_loss(score, side.to(score.dtype), reduction="none")


large_exponentials = gap("overflow", "underflow", "nan_gradient", why="exp overflows, 1/(1 + exp) underflows")


@large_exponentials
@soft_margin.routine(value=ulps(2), grad=ulps(2))
def log1p_form(score, side):
    """log1p(exp(-side * score))."""
    return torch.log1p(torch.exp(-side * score))


@large_exponentials
@gap("absorption", why="1 + exp rounds to 1 for a score far on the right side")
@soft_margin.routine(value=ulps(2), grad=ulps(2))
def naive_form(score, side):
    """The formula as it is printed."""
    return torch.log(1 + torch.exp(-side * score))
