"""Softmax cross-entropy of a row that may be padding."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss with class indices and ignore_index",
    known=[
        (((1, 2, 3), 2), "0.407605964444380304482919904545"),
        (((1, 2, 3), -100), "0"),
    ],
    logits=vector(-200, 200),
    label=index(extra=(-100,)),
)
def softmax_cross_entropy_with_ignored_label(logits: m.Reals, label: m.Reals) -> m.Reals:
    """Nats lost when class `label` is predicted with probability softmax(logits)[label]; zero for the label -100.

    Hard for the ignored rows, whose loss and gradient are zero whatever stands in them.
    """
    if label == -100:
        return m.zeros_like(logits[0])
    return -m.log(m.exp(logits[label]) / m.sum(m.exp(logits)))


@softmax_cross_entropy_with_ignored_label.law
def a_common_offset_changes_nothing(f, logits, label):
    """Softmax depends on differences alone."""
    return f(logits, label), f(logits + 3, label)


@gap("overflow", why="exp(x) overflows, and infinity/infinity times the mask 0 is NaN")
@gap("underflow", why="exp(x) underflows: the loss is infinite, or NaN times the mask 0")
@gap("cancellation", why="p keeps no digit of 1 - p")
@gap("nan_gradient", why="exp(x) overflows or underflows, and an infinite derivative is multiplied by 0")
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(6, gamma=True))
def naive_form_times_mask(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The printed formula for some class, multiplied by 0 where the row is ignored."""
    exponentials = torch.exp(logits)
    chosen = exponentials.gather(1, label.clamp(min=0)[:, None])[:, 0]
    return -torch.log(chosen / exponentials.sum(1)) * (label >= 0)


@gap("cancellation", why="log_softmax keeps no digit of a small loss; p_label - 1 cancels")
@gap("underflow", why="the logarithm of a p near 1 rounds to 0, and the loss to -0")
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """`cross_entropy` with its `ignore_index`."""
    return functional.cross_entropy(logits, label, ignore_index=-100, reduction="none")


@gap("cancellation", why="log_softmax keeps no digit of a small loss; p_label - 1 cancels")
@gap("underflow", why="the logarithm of a p near 1 rounds to 0, and the loss to -0")
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def log_softmax_times_mask(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """-log_softmax at some class, multiplied by 0 where the row is ignored."""
    chosen = torch.log_softmax(logits, 1).gather(1, label.clamp(min=0)[:, None])[:, 0]
    return -chosen * (label >= 0)


@softmax_cross_entropy_with_ignored_label.routine(value=ulps(2, gamma=True), grad=ulps(8, gamma=True))
# 8: each of up to 7 exponentials may lose half an ulp when it is added to a sum near 1
def softplus_of_the_margin_where_kept(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """softplus(logsumexp of the other classes' logits - x_label) where the row counts, else 0."""
    place = label.clamp(min=0)[:, None]
    places = torch.arange(logits.shape[1] - 1, device=logits.device)
    others = logits.gather(1, places + (places >= place))
    largest = others.detach().amax(1, keepdim=True)
    margin = torch.logsumexp(others - largest, 1) + (largest - logits.gather(1, place))[:, 0]
    return torch.where(label >= 0, functional.softplus(margin), 0.0)
