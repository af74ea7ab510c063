"""Contrastive loss as a sum of whole squares, with either label for alike pairs."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, ulps, vector


@formula(
    source="Hadsell, Chopra & LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping, eq. 4 (twice)",
    known=[
        (((1, 2), (0, 0), 0, 0, 2.0), "5"),
        (((1, 2), (0, 0), 1, 1, 2.0), "5"),
        (((1, 0), (0, 0), 1, 0, 2.0), "1"),
        (((1, 2), (1, 2), 1, 0, 2.0), "4"),
        (((1, 2), (0, 0), 0, 1, 4.0), "3.11145618000168242872661065014"),
    ],
    first=vector(-32, 32),
    second=vector(-32, 32),
    label=one_of(0, 1),
    alike=one_of(0, 1),
    margin=one_of(0.5, 2.0, 4.0),
)
def contrastive_without_half(first, second, label, alike, margin):
    """Squared distance D**2 of a pair whose label is `alike`; of any other the square of what D lacks to the margin.

    Both conventions are in use: 0 for alike pairs (the paper) and 1. Code for the one with labels of the other pulls
    apart what belongs together.
    """
    squared = m.sum((first - second) ** 2)
    if label == alike:
        return squared
    lacking = margin - m.where(squared == 0, 0, m.norm(first - second))
    return m.where(lacking > 0, lacking, 0) ** 2


@contrastive_without_half.law
def the_names_of_the_labels_do_not_matter(f, first, second, label, alike, margin):
    """Exchanging both labels and their meaning changes nothing."""
    return f(first, second, label, alike, margin), f(first, second, 1 - label, 1 - alike, margin)


@contrastive_without_half.law
def twice_all_lengths_is_four_times_the_loss(f, first, second, label, alike, margin):
    """Homogeneous of degree two, the margin included."""
    return f(2 * first, 2 * second, label, alike, 2 * margin), 4 * f(first, second, label, alike, margin)


@contrastive_without_half.law
def beyond_the_margin_unlike_pairs_cost_nothing(f, first, second, label, alike, margin):
    """There is no benefit in pushing them farther apart."""
    return f(first + 64 + margin, second, label, 1 - label, margin), 0 * m.sum(first)


@contrastive_without_half.routine(
    value=ulps(2, cond=2, gamma=True),
    grad=ulps(4, cond=2, gamma=True),
    formats=["float32", "bfloat16", "float16"],
)
def float64_then_rounded(first, second, label, alike, margin):
    """The guarded form in float64, rounded once at the end."""
    return guarded_square_root.function(first.double(), second.double(), label, alike, margin).to(first.dtype)


@gap("underflow", "absorption", why="small distances or their squares keep few digits or none")
@contrastive_without_half.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(4, cond=2, gamma=True))
def guarded_square_root(first, second, label, alike, margin):
    """The root of 1 where the squares sum to 0, and 0 in its place: both branches have derivatives."""
    squared = ((first - second) ** 2).sum(1)
    apart = squared > 0
    distance = torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)
    return torch.where(label == alike, squared, (margin - distance).clamp(min=0) ** 2)


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="labels that mean the other thing, and 1e-6 beside differences",
)
@contrastive_without_half.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(4, cond=2, gamma=True))
def zero_is_alike_whatever_is_meant(first, second, label, alike, margin):
    """(1 - label) D**2 + label max(margin - D, 0)**2 with `pairwise_distance`, as Siamese networks' code has it."""
    distance = functional.pairwise_distance(first, second)
    return (1 - label) * distance**2 + label * (margin - distance).clamp(min=0) ** 2
