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
def soft_label_cross_entropy(logits: m.Reals, target: m.Reals) -> m.Reals:
    """Nats to code `target` with the probabilities softmax(logits): -sum(q log p).

    Hard where a class with no share of the target has a probability that underflows, 0 times infinity, and where
    the prediction is sure and right.
    """
    return -m.sum(target * m.log(m.exp(logits) / m.sum(m.exp(logits))))


@soft_label_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, target):
    """Softmax depends on differences alone."""
    return f(logits, target), f(logits + 3, target)


@soft_label_cross_entropy.law
def the_order_of_classes_does_not_matter(f, logits, target):
    """Rolling classes in both leaves the loss."""
    return f(logits, target), f(m.roll(logits, 1), m.roll(target, 1))


@gap("underflow", why="a probability underflows, and its logarithm is infinite")
@gap("cancellation", why="p keeps no digit of 1 - p")
@gap("nan_gradient", why="a probability underflows: the infinite derivative of its logarithm times 0")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softmax_then_log(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The formula as it is printed, with torch's softmax."""
    return -(target * torch.log(torch.softmax(logits, 1))).sum(1)


@gap("cancellation", why="log_softmax keeps no digit of a small loss; p - q cancels")
@gap("underflow", why="the logarithm of a p near 1 rounds to 0")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """`cross_entropy` with probabilities as its target."""
    return functional.cross_entropy(logits, target, reduction="none")


@gap("cancellation", why="logsumexp(x) - q . x cancels for a small loss; p - q cancels")
@gap("absorption", why="logsumexp absorbs the exponentials of the lesser logits")
@gap("wrong_formula", why="a target whose rounded entries do not sum to 1 is taken as if they did")
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def logsumexp_form(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """logsumexp(x) - q . x, which takes it for granted that the target's sum is 1."""
    return torch.logsumexp(logits, 1) - (target * logits).sum(1)


@gap("wrong_formula", why="the added number is not small beside a small p")
@gap("absorption", why="p + 1e-8 rounds to p; p absorbs 1 - p")
@gap("underflow", why="a probability underflows; in half precision so does 1e-8")
@gap("cancellation", why="p keeps no digit of 1 - p")
@gap(
    "nan_gradient",
    why="a probability and, in float16, 1e-8 are both 0: the infinite derivative of the logarithm times 0",
)
@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def shifted_logarithm(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1e-8 added inside the logarithm against log(0)."""
    return -(target * torch.log(torch.softmax(logits, 1) + 1e-8)).sum(1)


@soft_label_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softplus_of_the_margins(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The target's mean of the single classes' losses, each as softplus(logsumexp of the others - x)."""
    places = torch.arange(logits.shape[1], device=logits.device)
    others = logits[:, places[:-1] + (places[:-1] >= places[:, None])]  # row k lacks class k
    largest = others.detach().amax(2, keepdim=True)
    margins = torch.logsumexp(others - largest, 2) + (largest[:, :, 0] - logits)
    return (target * functional.softplus(margins)).sum(1)
