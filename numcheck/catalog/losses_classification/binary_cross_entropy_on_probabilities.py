"""Binary cross-entropy on probabilities."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.2, equation 4.90",
    known=[((0.25, 1), "1.386294361119890618834464243"), ((2.0**-20, 0), "9.536747711538900072502437363e-7")],
    probability=real(0, 1, near=(0.5,)),
    label=one_of(0, 1),
)
def binary_cross_entropy_on_probabilities(probability, label):
    """Nats lost when `label` is predicted with this `probability` of 1. Hard where it is tiny, and 1 - p absorbs it."""
    return -m.log(probability) if label else -m.log(1 - probability)


@binary_cross_entropy_on_probabilities.law
def exchanging_the_labels_reflects_the_probability(f, probability, label):
    """p of one label is 1 - p of the other."""
    return f(probability, label), f(1 - probability, 1 - label)


@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def guarded_branches(probability, label):
    """log(p) and log1p(-p), each of a harmless number where the label asks for the other."""
    positive = label == 1
    p, q = torch.where(positive, probability, 0.5), torch.where(positive, 0.5, probability)
    return -torch.where(positive, torch.log(p), torch.log1p(-q))


branch_not_taken = gap("nan_gradient", why="0 times the infinite slope, at p 0 or 1, of the branch not taken")


@branch_not_taken
@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def log1p_form(probability, label):
    """log1p(-p) where the label is 0."""
    return -torch.where(label == 1, probability.log(), torch.log1p(-probability))


@branch_not_taken
@gap("absorption", why="1 - p has no room for a small p")
@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def naive_form(probability, label):
    """The formula as it is printed."""
    return -torch.where(label == 1, torch.log(probability), torch.log(1 - probability))


@gap("wrong_formula", "nan_gradient", why="log is cut off at -100, p (1 - p) at 1e-12, which is 0 in float16")
@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(probability, label):
    """`binary_cross_entropy`."""
    return functional.binary_cross_entropy(probability, label.to(probability.dtype), reduction="none")


@gap("wrong_formula", "underflow", why="1e-7 is not small beside a small p, and has few digits in float16")
@gap("cancellation", "absorption", why="sums near 1 have no room for a small p, nor for the digits of 1e-7")
@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def shifted_logarithms(probability, label):
    """1e-7 added inside the logarithms against log(0), as many training scripts have it."""
    return -(label * torch.log(probability + 1e-7) + (1 - label) * torch.log(1 - probability + 1e-7))


@branch_not_taken
@gap("wrong_formula", "underflow", why="p is cut off, with derivative 0, at 1e-7: few digits in float16")
@binary_cross_entropy_on_probabilities.routine(value=ulps(2), grad=ulps(2))
def clamped_probability(probability, label):
    """p clamped to [1e-7, 1 - 1e-7] before the logarithm, as Keras has it."""
    p = probability.clamp(1e-7, 1 - 1e-7)
    return -torch.where(label == 1, torch.log(p), torch.log1p(-p))
