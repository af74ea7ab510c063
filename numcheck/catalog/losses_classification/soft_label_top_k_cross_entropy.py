"""Softmax cross-entropy against a target distribution of which the k likeliest predictions cost nothing."""

import torch

from numcheck import formula, gap, m, one_of, simplex, ulps, vector
from numcheck.catalog.losses_classification.soft_label_cross_entropy import softplus_of_the_margins


@formula(
    source="Panchapagesan et al. 2016, Multi-Task Learning and Weighted Cross-Entropy, Interspeech; weight 0 in top k",
    known=[
        (((1, 2, 3), (0.25, 0.25, 0.5), 1), "0.953802982222190152241459952273"),
        (((1, 2, 3), (0.25, 0.25, 0.5), 2), "0.601901491111095076120729976136"),
        (((1, 2, 3), (0, 0, 1), 1), "0"),
    ],
    wrt=("logits",),
    logits=vector(-200, 200, sizes=(3, 8)),
    target=simplex(sizes=(3, 8)),
    k=one_of(1, 2),
)
def soft_label_top_k_cross_entropy(logits, target, k):
    """Nats lost on the classes of `target` that `k` or more logits exceed. It jumps at ties of logits."""
    lost = m.zeros_like(logits[0])
    for i in range(len(logits)):
        above = m.sum(m.where(logits > logits[i], 1, 0))
        lost = lost + m.where(above < k, 0, target[i] * m.log(m.sum(m.exp(logits - logits[i]))))
    return lost


@soft_label_top_k_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, target, k):
    """Rank and softmax depend on differences alone."""
    return f(logits, target, k), f(logits + 3, target, k)


@soft_label_top_k_cross_entropy.law
def the_order_of_classes_does_not_matter(f, logits, target, k):
    """Rolling classes in both leaves the loss."""
    return f(logits, target, k), f(m.roll(logits, 1), m.roll(target, 1), k)


def _outranked(logits, k):
    return (logits[:, None, :] > logits[:, :, None]).sum(2) >= k[:, None]


@soft_label_top_k_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def margins_where_outranked(logits, target, k):
    """The single classes' losses, each as softplus(logsumexp of the others - x), where the target's share counts."""
    return softplus_of_the_margins.function(logits, torch.where(_outranked(logits, k), target, 0.0))


@soft_label_top_k_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def masked_log_softmax(logits, target, k):
    """The target times log_softmax, classes in the top k masked."""
    kept = torch.where(_outranked(logits, k), target, 0.0)
    return -(kept * torch.log_softmax(logits, 1)).sum(1)


@gap(
    *("cancellation", "absorption", "order", "underflow"),
    why="of ties at the top the others' losses, and p - q, are of any size",
)
@gap("wrong_formula", why="of equal logits topk picks some, and the others' shares cost")
@soft_label_top_k_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def scattered_from_topk(logits, target, k):
    """The same, zeros scattered to the places that `topk` gives."""
    places = logits.topk(2, 1).indices
    one, two = target.scatter(1, places[:, :1], 0.0), target.scatter(1, places, 0.0)
    return -(torch.where((k == 1)[:, None], one, two) * torch.log_softmax(logits, 1)).sum(1)


@gap("underflow", "nan_gradient", why="where p underflows, log(p) is infinite and its slope 1/p times 0 NaN")
@soft_label_top_k_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def logarithm_of_softmax(logits, target, k):
    """The logarithm of torch's softmax, as it is printed."""
    kept = torch.where(_outranked(logits, k), target, 0.0)
    return -(kept * torch.log(torch.softmax(logits, 1))).sum(1)
