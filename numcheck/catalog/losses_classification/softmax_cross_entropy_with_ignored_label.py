"""Softmax cross-entropy of a row that may be padding."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss with class indices and ignore_index",
    known=[(((1, 2, 3), 2), "0.407605964444380304482919904545"), (((1, 2, 3), -100), "0")],
    logits=vector(-200, 200),
    label=index(extra=(-100,)),
)
def softmax_cross_entropy_with_ignored_label(logits, label):
    """Nats lost on `label` when softmax(logits) is predicted; 0 for the label -100, whatever the row holds."""
    if label == -100:
        return m.zeros_like(logits[0])
    return -m.log(m.exp(logits[label]) / m.sum(m.exp(logits)))


@softmax_cross_entropy_with_ignored_label.law
def a_common_offset_changes_nothing(f, logits, label):
    """Softmax depends on differences alone."""
    return f(logits, label), f(logits + 3, label)


@softmax_cross_entropy_with_ignored_label.routine(value=ulps(3, gamma=True), grad=ulps(8, gamma=True))
# 3: at 8 like logits, which conditioning forgives nothing, the sum of 7 loses as many half ulps before its logarithm
# 8: each of up to 7 exponentials may lose half an ulp when it is added to a sum near 1
def softplus_of_the_margin_where_kept(logits, label):
    """softplus(logsumexp of the other classes' logits - x_label) where the row counts, else 0."""
    return torch.where(label >= 0, softplus_of_the_margin.function(logits, label.clamp(min=0)), 0.0)


near_one = gap("cancellation", "underflow", why="a sum or a p near 1 has few or no digits of lesser terms")


@near_one
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, label):
    """`cross_entropy` with its `ignore_index`."""
    return functional.cross_entropy(logits, label, ignore_index=-100, reduction="none")


@near_one
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def log_softmax_times_mask(logits, label):
    """-log_softmax at some class, multiplied by 0 where the row is ignored."""
    chosen = torch.log_softmax(logits, 1).gather(1, label.clamp(min=0)[:, None])[:, 0]
    return -chosen * (label >= 0)


@gap("overflow", "underflow", "nan_gradient", why="exp(x) leaves the range: inf and NaN outlive the mask 0")
@gap("cancellation", "order", why="beside the largest exponential the sum has few digits of the others")
@softmax_cross_entropy_with_ignored_label.routine(value=ulps(4, gamma=True), grad=ulps(6, gamma=True))
def naive_form_times_mask(logits, label):
    """The printed formula for some class, multiplied by 0 where the row is ignored."""
    exponentials = torch.exp(logits)
    chosen = exponentials.gather(1, label.clamp(min=0)[:, None])[:, 0]
    return -torch.log(chosen / exponentials.sum(1)) * (label >= 0)
