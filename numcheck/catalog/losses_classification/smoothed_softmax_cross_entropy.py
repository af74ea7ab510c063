"""Softmax cross-entropy with label smoothing."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, one_of, ulps, vector
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin


@formula(
    source="Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision, section 7",
    known=[(((1, 2, 3), 2, 0.125), "0.532605964444380304483"), (((0, 20), 1, 0.1), "1.00000000206115367583")],
    logits=vector(-200, 200),
    label=index(),
    smoothing=one_of(0.0, 0.1, 0.5, 1.0),
)
def smoothed_softmax_cross_entropy(logits, label, smoothing):
    """Nats lost against a target that gives `label` what smoothing/K for each class leaves. Hard where p underflows."""
    logarithms = logits - m.log(m.sum(m.exp(logits)))
    return -(1 - smoothing) * logarithms[label] - smoothing * m.mean(logarithms)


@smoothed_softmax_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, label, smoothing):
    """Softmax depends on differences alone."""
    return f(logits, label, smoothing), f(logits + 3, label, smoothing)


@smoothed_softmax_cross_entropy.law
def the_order_of_classes_does_not_matter(f, logits, label, smoothing):
    """Rolling classes and label together leaves the loss."""
    return f(logits, label, smoothing), f(m.roll(logits, 1), (int(label) + 1) % len(logits), smoothing)


@gap("cancellation", "absorption", why="each term costs p half an ulp, and p - smoothing/K magnifies it")
@smoothed_softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def margins_from_the_label(logits, label, smoothing):
    """logsumexp(z) - smoothing * mean(z), z = x - x_label; since z_label = 0 the first is softplus(logsumexp(rest))."""
    above = (logits - logits.gather(1, label[:, None])).mean(1)
    return softplus_of_the_margin.function(logits, label) - smoothing * above


near_one = gap("cancellation", "absorption", "underflow", why="near 1 small terms and p - target lose digits")


@near_one
@smoothed_softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, label, smoothing):
    """`cross_entropy` with `label_smoothing`."""
    return functional.cross_entropy(logits, label, reduction="none", label_smoothing=smoothing)


@near_one
@smoothed_softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def smoothed_target(logits, label, smoothing):
    """The target written out as probabilities, times -log_softmax."""
    size = logits.shape[1]
    target = functional.one_hot(label, size).to(logits.dtype) * (1 - smoothing) + smoothing / size
    return -(target * torch.log_softmax(logits, 1)).sum(1)


@gap("underflow", "nan_gradient", why="where p underflows, log(p) is infinite and its slope 1/p times 0 NaN")
@gap("cancellation", "absorption", why="near 1 few digits stay of lesser terms, and of p - target")
@smoothed_softmax_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def softmax_then_log(logits, label, smoothing):
    """The logarithm of a softmax layer's output, averaged with the smoothed target."""
    logarithms = torch.log(torch.softmax(logits, 1))
    return -(1 - smoothing) * logarithms.gather(1, label[:, None])[:, 0] - smoothing * logarithms.mean(1)
