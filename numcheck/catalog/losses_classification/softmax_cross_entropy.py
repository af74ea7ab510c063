"""Softmax cross-entropy of one row of logits."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, equations 10.21 and 10.22",
    known=[
        (((1, 2, 3), 2), "0.407605964444380304482919904545"),
        (((0, 20), 1), "2.06115362031438070323898279888e-9"),
        (((998, 999, 1000), 0), "2.40760596444438030448291990455"),
    ],
    logits=vector(-1000, 1000),
    label=index(),
)
def softmax_cross_entropy(logits, label):
    """Nats lost on `label` when softmax(logits) is predicted. Hard where it leads: a sum near 1 loses the others."""
    return -m.log(m.exp(logits[label]) / m.sum(m.exp(logits)))


@softmax_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, label):
    """Softmax depends on differences alone."""
    return f(logits, label), f(logits + 3, label)


@softmax_cross_entropy.law
def the_order_of_classes_does_not_matter(f, logits, label):
    """Rolling classes and label together leaves the loss."""
    return f(logits, label), f(m.roll(logits, 1), (int(label) + 1) % len(logits))


@softmax_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(8, gamma=True))
# 3: at 8 like logits, which conditioning forgives nothing, the sum of 7 loses as many half ulps before its logarithm
# 8: each of up to 7 exponentials may lose half an ulp when it is added to a sum near 1
def softplus_of_the_margin(logits, label):
    """softplus(log(s) - x_l), s the others' sum of e**x: log((e**x_l + s) / e**x_l) = log(1 + e**(log(s) - x_l))."""
    places = torch.arange(logits.shape[1] - 1, device=logits.device)
    others = logits.gather(1, places + (places >= label[:, None]))
    # at a large offset logsumexp's own derivative, exp(x - rounded logsumexp), does not sum to 1: shift it away
    largest = others.detach().amax(1, keepdim=True)
    margin = torch.logsumexp(others - largest, 1) + (largest - logits.gather(1, label[:, None]))[:, 0]
    return functional.softplus(margin)


@gap("cancellation", "underflow", why="a sum or a p near 1 has few or no digits of lesser terms")
@softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, label):
    """`cross_entropy`."""
    return functional.cross_entropy(logits, label, reduction="none")


@gap("cancellation", "absorption", why="logsumexp(x) keeps few digits of what it has beyond the largest x")
@softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def logsumexp_form(logits, label):
    """logsumexp(x) - x_label."""
    return torch.logsumexp(logits, 1) - logits.gather(1, label[:, None])[:, 0]


@gap("underflow", "nan_gradient", why="where p underflows, log(p) is infinite and its slope 1/p times 0 NaN")
@gap("cancellation", why="a p near 1 keeps few digits of 1 - p, of which a small loss is made")
@softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softmax_then_log(logits, label):
    """The logarithm of a softmax layer's output."""
    return -torch.log(torch.softmax(logits, 1).gather(1, label[:, None])[:, 0])


@gap("overflow", "underflow", "nan_gradient", why="exp(x) leaves the range: inf/inf, 0/0, log(0) follow")
@gap("cancellation", "order", why="beside the largest exponential the sum has few digits of the others")
@softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(6, gamma=True))
def naive_form(logits, label):
    """The formula as it is printed."""
    exponentials = torch.exp(logits)
    return -torch.log(exponentials.gather(1, label[:, None])[:, 0] / exponentials.sum(1))
