"""Softmax cross-entropy that costs nothing where the label is among the k largest."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, one_of, ulps, vector
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin


@formula(
    source="Panchapagesan et al. 2016, Multi-Task Learning and Weighted Cross-Entropy, Interspeech; weight 0 in top k",
    known=[
        (((1, 2, 3), 0, 1), "2.40760596444438030448291990455"),
        (((1, 2, 3), 0, 2), "2.40760596444438030448291990455"),
        (((1, 2, 3), 1, 2), "0"),
        (((2, 2, 1), 0, 1), "0"),
    ],
    logits=vector(-200, 200, sizes=(3, 8)),
    label=index(sizes=(3, 8)),
    k=one_of(1, 2),
)
def top_k_cross_entropy(logits, label, k):
    """Nats lost on `label`, or 0 where fewer than `k` logits exceed its own. It jumps there: hard beside ties."""
    above = m.sum(m.where(logits > logits[label], 1, 0))
    return m.where(above < k, 0, m.log(m.sum(m.exp(logits - logits[label]))))


@top_k_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, label, k):
    """Rank and softmax depend on differences alone."""
    return f(logits, label, k), f(logits + 3, label, k)


@top_k_cross_entropy.law
def the_largest_costs_nothing(f, logits, label, k):
    """Raised above all others a label is among the top k, whatever k."""
    return f(m.concatenate([logits, m.stack([m.max(logits)])]), len(logits), k), 0 * logits[0]


@top_k_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(8, gamma=True))
def margin_where_outranked(logits, label, k):
    """softplus of the margin where at least k logits are larger, each compared with the label's."""
    above = (logits > logits.gather(1, label[:, None])).sum(1)
    return torch.where(above < k, 0.0, softplus_of_the_margin.function(logits, label))


@top_k_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(8, gamma=True))
def weighted_builtin(logits, label, k):
    """torch's `cross_entropy` times a weight of 0 or 1."""
    above = (logits > logits.gather(1, label[:, None])).sum(1)
    return functional.cross_entropy(logits, label, reduction="none") * (above >= k)


@gap(
    "cancellation",
    "underflow",
    why="its loss keeps few digits beside the one of equal logits that has them all",
)
@gap("wrong_formula", why="of equal logits topk picks some, and the label may not be among them")
@top_k_cross_entropy.routine(value=ulps(3, gamma=True), grad=ulps(8, gamma=True))
def membership_in_topk(logits, label, k):
    """The same, the weight found by searching the label in `topk`."""
    found = logits.topk(2, 1).indices == label[:, None]
    hit = torch.where(k == 1, found[:, 0], found.any(1))
    return functional.cross_entropy(logits, label, reduction="none") * ~hit
