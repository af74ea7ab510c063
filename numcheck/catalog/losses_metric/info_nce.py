"""InfoNCE, the contrastive loss of one query among several keys."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, one_of, ulps, vector


@formula(
    source="van den Oord, Li & Vinyals 2018, Representation Learning with Contrastive Predictive Coding, equation 4",
    known=[
        (((1, 0), 0, 0.5), "0.126928011042972496443726806358"),
        (((0.5, 0.25, -0.75), 1, 0.125), "2.12696799836894391838992588825"),
    ],
    similarities=vector(-1, 1),
    positive=index(),
    temperature=one_of(0.01, 0.07, 0.125, 0.5),
)
def info_nce(similarities, positive, temperature):
    """Nats lost on the positive key when softmax(similarities / temperature) is predicted.

    Hard at low temperatures: similarities of one bit's difference are told apart, and where the positive leads, a sum
    near 1 loses the others.
    """
    weights = m.exp(similarities / temperature)
    return -m.log(weights[positive] / m.sum(weights))


@info_nce.law
def a_common_offset_changes_nothing(f, similarities, positive, temperature):
    """Only differences of similarities count."""
    return f(similarities + 1, positive, temperature), f(similarities, positive, temperature)


@info_nce.law
def the_temperature_is_the_unit_of_similarity(f, similarities, positive, temperature):
    """Twice the temperature halves every difference."""
    return f(2 * similarities, positive, 2 * temperature), f(similarities, positive, temperature)


@info_nce.law
def the_order_of_the_keys_does_not_matter(f, similarities, positive, temperature):
    """Rolling keys and positive together leaves the loss."""
    rolled = f(m.roll(similarities, 1), (int(positive) + 1) % len(similarities), temperature)
    return f(similarities, positive, temperature), rolled


@info_nce.routine(
    value=ulps(4, gamma=True), grad=ulps(8, gamma=True), formats=["float32", "bfloat16", "float16"]
)
def differences_in_float64(similarities, positive, temperature):
    """softplus(log of the sum of e**((s_j - s_p)/T) over the others), in float64, rounded once at the end."""
    s = similarities.double()
    places = torch.arange(s.shape[1] - 1, device=s.device)
    others = s.gather(1, places + (places >= positive[:, None]))
    margins = (others - s.gather(1, positive[:, None])) / temperature
    return functional.softplus(torch.logsumexp(margins, 1)).to(similarities.dtype)


leading = gap(
    "cancellation", "absorption", why="where the positive leads, a sum near 1 has few digits of the others"
)


@leading
@gap("underflow", why="the lesser weights, and what is left of their loss, leave the range")
@info_nce.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_cross_entropy(similarities, positive, temperature):
    """`cross_entropy` of the similarities over the temperature, as training code has it."""
    return functional.cross_entropy(similarities / temperature, positive, reduction="none")


@leading
@gap("overflow", "underflow", "nan_gradient", why="exp leaves the range, log(0) or inf/inf follow")
@info_nce.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def as_printed(similarities, positive, temperature):
    """The formula as it is printed."""
    weights = torch.exp(similarities / temperature)
    return -torch.log(weights.gather(1, positive[:, None])[:, 0] / weights.sum(1))
