"""Softmax cross-entropy with class weights."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin as unweighted


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss with class indices and weight",
    known=[
        (((1, 2, 3), (0.5, 1, 2), 0), "1.20380298222219015224145995227"),
        (((1, 2, 3), (0.5, 1, 2), 2), "0.81521192888876060896583980909"),
    ],
    wrt=("logits",),
    logits=vector(-200, 200),
    weights=vector(0, 64),
    label=index(),
)
def weighted_softmax_cross_entropy(logits, weights, label):
    """Nats lost on `label` when softmax(logits) is predicted, times its weight. Hard where either factor is tiny."""
    return -weights[label] * m.log(m.exp(logits[label]) / m.sum(m.exp(logits)))


@weighted_softmax_cross_entropy.law
def twice_the_weight_is_twice_the_loss(f, logits, weights, label):
    """Homogeneous in the weights."""
    return 2 * f(logits, weights, label), f(logits, 2 * weights, label)


@weighted_softmax_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, weights, label):
    """Softmax depends on differences alone."""
    return f(logits, weights, label), f(logits - 5, weights, label)


@gap("underflow", why="a loss or probability is subnormal before the weight multiplies it")
@weighted_softmax_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(12, gamma=True))
# 3: at 8 like logits, which conditioning forgives nothing, the sum of 7 loses as many half ulps before its logarithm
# 12: each of up to 7 exponentials may lose half an ulp when it is added to a sum near 1
def softplus_of_the_margin(logits, weights, label):
    """The weight times softplus(logsumexp of the other classes' logits - x_label)."""
    return weights.gather(1, label[:, None])[:, 0] * unweighted.function(logits, label)


near_one = gap("cancellation", "underflow", why="a sum or a p near 1 has few or no digits of lesser terms")


@near_one
@weighted_softmax_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, weights, label):
    """`cross_entropy` with `weight`, mapped over the points because each has weights of its own."""
    loss = torch.vmap(lambda x, w, y: functional.cross_entropy(x, y, weight=w, reduction="none"))
    return loss(logits, weights, label)


@near_one
@weighted_softmax_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True))
def unweighted_times_weight(logits, weights, label):
    """The unweighted loss of each point, multiplied by its weight afterwards."""
    return functional.cross_entropy(logits, label, reduction="none") * weights.gather(1, label[:, None])[:, 0]


@gap("overflow", "underflow", "nan_gradient", why="exp(x) leaves the range: inf/inf, 0/0, log(0) follow")
@gap("cancellation", why="beside the largest exponential the sum has few digits of the others")
@weighted_softmax_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True))
def naive_form(logits, weights, label):
    """The formula as it is printed."""
    exponentials = torch.exp(logits)
    chosen = exponentials.gather(1, label[:, None])[:, 0]
    return -weights.gather(1, label[:, None])[:, 0] * torch.log(chosen / exponentials.sum(1))
