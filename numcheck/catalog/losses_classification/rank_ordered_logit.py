"""Negative log-likelihood of a ranking: rank-ordered logit, also known as the Plackett-Luce model and as ListMLE."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Beggs, Cardell & Hausman 1981, Assessing the potential demand for electric cars, J. Econometrics 17(1)",
    known=[
        (((3, 2, 1),), "0.720867651962603138531915399513"),
        (((1, 2, 3),), "3.72086765196260313853191539951"),
        (((0, 0, 0),), "1.79175946922805500081247735838"),
        (((20, 0),), "2.06115362031438070323898279888e-9"),
    ],
    utilities=vector(-200, 200),
)
def rank_ordered_logit(utilities):
    """Nats lost on a ranking, `utilities` in its order: at each rank a softmax choice among those that are left.

    Hard where each choice is sure: what is small is lost beside one, rank after rank.
    """
    ranks = [utilities[j] - m.log(m.sum(m.exp(utilities[j:]))) for j in range(len(utilities))]
    return -m.sum(m.stack(ranks))


@rank_ordered_logit.law
def independence_of_irrelevant_alternatives(f, utilities):
    """The odds that a rather than b comes first are e**a : e**b, with a third alternative or without."""
    a, b, c = utilities[0], utilities[1], utilities[-1] + 1
    first = [m.exp(-f(m.stack(ranking))) for ranking in ([a, b, c], [a, c, b], [b, a, c], [b, c, a])]
    pair = [m.exp(-f(m.stack(ranking))) for ranking in ([a, b], [b, a])]
    return (first[0] + first[1]) / (first[2] + first[3]), pair[0] / pair[1]


@rank_ordered_logit.law
def denominators_differ_by_rank(f, utilities):
    """The odds of two rankings whose first two change places are those of what each leaves to choose from."""
    a, b, rest = utilities[0], utilities[1], [utilities[j] for j in range(2, len(utilities))]
    turned = f(m.stack([b, a, *rest]))
    without_a, without_b = (m.sum(m.exp(m.stack([left, *rest]))) for left in (b, a))
    return turned - f(utilities), m.log(without_b) - m.log(without_a)


@rank_ordered_logit.law
def a_common_offset_changes_nothing(f, utilities):
    """Only differences of utilities count."""
    return f(utilities), f(utilities + 3)


@rank_ordered_logit.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True, coupled=True))
# 8: each of up to 7 exponentials may lose half an ulp when it is added to a sum near 1
def softplus_of_each_margin(utilities):
    """Sum over ranks of softplus(logsumexp of those that come after - the chosen), shifted by the largest."""
    loss = torch.zeros_like(utilities[:, 0])
    for j in range(utilities.shape[1] - 1):
        after = utilities[:, j + 1 :]
        largest = after.detach().amax(1, keepdim=True)
        margin = torch.logsumexp(after - largest, 1) + (largest[:, 0] - utilities[:, j])
        loss = loss + torch.nn.functional.softplus(margin)
    return loss


near_one = gap(
    "cancellation", "absorption", "underflow", why="a sum or a share near 1 keeps few digits of the others"
)


@near_one
@rank_ordered_logit.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True, coupled=True))
def log_softmax_of_those_left(utilities):
    """Rank by rank torch's log_softmax of the alternatives that are left."""
    left = [torch.log_softmax(utilities[:, j:], 1)[:, 0] for j in range(utilities.shape[1])]
    return -torch.stack(left, 1).sum(1)


@near_one
@gap(
    "overflow",
    "nan_gradient",
    why="a sum of shares that underflowed is 0, and the largest one's slope infinite",
)
@rank_ordered_logit.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True, coupled=True))
def log_of_running_sums(utilities):
    """The largest subtracted, exponentials summed from the last rank to the first, and the logarithms' difference."""
    shifted = utilities - utilities.amax(1, keepdim=True).detach()
    sums = torch.exp(shifted).flip(1).cumsum(1).flip(1)
    return (torch.log(sums) - shifted).sum(1)


@near_one
@gap("overflow", "nan_gradient", formats=["float16"], why="1e-10 rounds to 0 there, and log(0) is left")
@gap("wrong_formula", why="1e-10 is not small beside the shares of the last ranks")
@rank_ordered_logit.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True, coupled=True))
def as_list_mle_is_written(utilities):
    """The same, 1e-10 added inside the logarithm against log(0)."""
    shifted = utilities - utilities.amax(1, keepdim=True).detach()
    sums = torch.exp(shifted).flip(1).cumsum(1).flip(1)
    return (torch.log(sums + 1e-10) - shifted).sum(1)


@gap("overflow", "underflow", "nan_gradient", why="exp leaves the range: inf/inf, 0/0, log(0) follow")
@gap("cancellation", "absorption", why="a sum or a share near 1 keeps few digits of the others")
@rank_ordered_logit.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True, coupled=True))
def naive_form(utilities):
    """The product of the shares, as the paper's equation has it, and its logarithm."""
    z = torch.exp(utilities)
    return -torch.log(z / z.flip(1).cumsum(1).flip(1)).sum(1)
