"""Softmax cross-entropy against a target distribution."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, simplex, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss with probabilities for each class",
    known=[(((1, 2, 3), (0.25, 0.25, 0.5)), "1.15760596444438030448291990455")],
    wrt=("logits",),
    logits=vector(-200, 200),
    target=simplex(),
)
def soft_label_cross_entropy(logits, target):
    """Nats lost on `target` when softmax(logits) is predicted. Hard where a p underflows, or is sure and right."""
    return -m.sum(target * m.log(m.exp(logits) / m.sum(m.exp(logits))))


@soft_label_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, target):
    """Softmax depends on differences alone."""
    return f(logits, target), f(logits + 3, target)


@soft_label_cross_entropy.law
def the_order_of_classes_does_not_matter(f, logits, target):
    """Rolling classes in both leaves the loss."""
    return f(logits, target), f(m.roll(logits, 1), m.roll(target, 1))


@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softplus_of_the_margins(logits, target):
    """The target's mean of the single classes' losses, each as softplus(logsumexp of the others - x)."""
    places = torch.arange(logits.shape[1], device=logits.device)
    others = logits[:, places[:-1] + (places[:-1] >= places[:, None])]  # row k lacks class k
    largest = others.detach().amax(2, keepdim=True)
    margins = torch.logsumexp(others - largest, 2) + (largest[:, :, 0] - logits)
    return (target * functional.softplus(margins)).sum(1)


@gap("cancellation", "underflow", why="near 1 few digits stay of lesser terms, and of p - q")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, target):
    """`cross_entropy` with probabilities as its target."""
    return functional.cross_entropy(logits, target, reduction="none")


@gap("cancellation", "absorption", "underflow", why="logsumexp(x) keeps few digits beyond the largest x")
@gap("wrong_formula", why="a target whose rounded entries do not sum to 1 is taken as if they did")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def logsumexp_form(logits, target):
    """logsumexp(x) - q . x, which takes it for granted that the target's sum is 1."""
    return torch.logsumexp(logits, 1) - (target * logits).sum(1)


@gap("underflow", "nan_gradient", why="where p underflows, log(p) is infinite and its slope 1/p times 0 NaN")
@gap("cancellation", why="a p near 1 keeps few digits of 1 - p, of which a small loss is made")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softmax_then_log(logits, target):
    """The formula as it is printed, with torch's softmax."""
    return -(target * torch.log(torch.softmax(logits, 1))).sum(1)


@gap("wrong_formula", why="1e-8 is not small beside a small p")
@gap("underflow", "nan_gradient", why="where p underflows, and in half precision 1e-8 too, log(0) is left")
@gap("cancellation", "absorption", why="a p near 1 keeps few digits of 1 - p, of which a small loss is made")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def shifted_logarithm(logits, target):
    """1e-8 added inside the logarithm against log(0)."""
    return -(target * torch.log(torch.softmax(logits, 1) + 1e-8)).sum(1)
