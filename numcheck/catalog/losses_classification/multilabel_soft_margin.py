"""Multi-label soft margin loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, mask, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.MultiLabelSoftMarginLoss",
    known=[
        (((1, 2, 3), (1, 0, 0)), "1.82959235004497912975054940706"),
        (((20, -20), (1, 0)), "2.06115362031438070323898279888e-9"),
        (((0, 0), (0, 1)), "0.693147180559945309417232121458"),
    ],
    wrt=("logits",),
    logits=vector(-200, 200),
    target=mask(),
)
def multilabel_soft_margin(logits, target):
    """Mean nats lost on each label by itself, present where `target` is 1. Hard where a label is sure and right."""
    p = 1 / (1 + m.exp(-logits))
    return -m.mean(m.where(target == 1, m.log(p), m.log(1 - p)))


@multilabel_soft_margin.law
def turning_labels_and_logits_changes_nothing(f, logits, target):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(logits, target), f(-logits, 1 - target)


@multilabel_soft_margin.law
def the_order_of_labels_does_not_matter(f, logits, target):
    """Rolling both leaves the mean."""
    return f(logits, target), f(m.roll(logits, 1), m.roll(target, 1))


@multilabel_soft_margin.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def mean_softplus(logits, target):
    """The mean of softplus(-x) for labels that are present, softplus(x) for others."""
    return functional.softplus(torch.where(target, -logits, logits)).mean(1)


@multilabel_soft_margin.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def torch_builtin(logits, target):
    """`multilabel_soft_margin_loss`."""
    return functional.multilabel_soft_margin_loss(logits, target.to(logits.dtype), reduction="none")


@gap(
    "cancellation",
    "absorption",
    why="near 1 a logarithm of a sum, and sigmoid(x) - 1, keep few digits or none",
)
@gap("underflow", why="sigmoid is 0 where it should be subnormal")
@multilabel_soft_margin.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def mean_of_binary_cross_entropies(logits, target):
    """The mean of torch's `binary_cross_entropy_with_logits`."""
    y = target.to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, y, reduction="none").mean(1)


@gap("cancellation", "absorption", "special_value", why="1 - p keeps few digits of a p near 0 or 1, or is 0")
@gap("overflow", "underflow", "nan_gradient", why="p is subnormal or 0, and 1/p infinite, times 0")
@multilabel_soft_margin.routine(value=ulps(2, gamma=True), grad=ulps(3, gamma=True))
def naive_form(logits, target):
    """The formula as it is printed, with torch's sigmoid."""
    p, y = torch.sigmoid(logits), target.to(logits.dtype)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean(1)
