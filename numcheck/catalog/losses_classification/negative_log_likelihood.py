"""Negative log-likelihood of log-probabilities, with class weights."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.NLLLoss with weight",
    known=[
        (((-1, -2, -0.5), (1, 0.25, 2), 1), "0.5"),
        (((-1, -2, -0.5), (1, 0.25, 4), 2), "2"),
        (((-3, 0), (1, 1), 1), "0"),
    ],
    wrt=("log_probabilities",),
    log_probabilities=vector(-torch.inf, 0),
    weights=vector(2.0**-14, 64),
    label=index(),
)
def negative_log_likelihood(log_probabilities, weights, label):
    """Nats lost on `label`, times its weight. Hard beside a class of probability 0, whose -inf must not be summed."""
    return -weights[label] * log_probabilities[label]


@negative_log_likelihood.law
def twice_the_weight_is_twice_the_loss(f, log_probabilities, weights, label):
    """Homogeneous in the weights."""
    return 2 * f(log_probabilities, weights, label), f(log_probabilities, 2 * weights, label)


@negative_log_likelihood.law
def the_order_of_classes_does_not_matter(f, log_probabilities, weights, label):
    """Rolling classes, weights and label together leaves the loss."""
    rolled = f(m.roll(log_probabilities, 1), m.roll(weights, 1), (int(label) + 1) % len(weights))
    return f(log_probabilities, weights, label), rolled


@negative_log_likelihood.routine(value=ulps(1), grad=ulps(1))
def picked_entry(log_probabilities, weights, label):
    """The entry of the label, gathered, times its weight."""
    return -(weights * log_probabilities).gather(1, label[:, None])[:, 0]


@negative_log_likelihood.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(log_probabilities, weights, label):
    """`nll_loss` with `weight`, mapped over the points because each has weights of its own."""
    loss = torch.vmap(lambda x, w, y: functional.nll_loss(x, y, weight=w, reduction="none"))
    return loss(log_probabilities, weights, label)


@gap(
    "special_value",
    "overflow",
    why="0 * -inf is NaN for a class of probability 0, or one whose product overflows",
)
@negative_log_likelihood.routine(value=ulps(1), grad=ulps(1))
def one_hot_times_logarithms(log_probabilities, weights, label):
    """-sum(w y log p) with the label as a row of zeros and a one, as formulas are copied from papers."""
    target = functional.one_hot(label, weights.shape[1]).to(weights.dtype)
    return -(weights * target * log_probabilities).sum(1)


@gap("underflow", "overflow", why="exp of the entry leaves the range: log 0, 1/p")
@gap("cancellation", why="a probability near 1 has no room for a small loss")
@gap("nan_gradient", why="1/p times p is infinity times 0")
@negative_log_likelihood.routine(value=ulps(1), grad=ulps(1))
def logarithm_of_the_probability(log_probabilities, weights, label):
    """-w log(exp(x)), where a model hands out probabilities made of log-probabilities."""
    p = torch.exp(log_probabilities)
    return -weights.gather(1, label[:, None])[:, 0] * torch.log(p.gather(1, label[:, None])[:, 0])
