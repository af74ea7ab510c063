"""Binary cross-entropy on logits against a probability, positives weighted."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.BCEWithLogitsLoss with pos_weight",
    known=[
        ((1, 0.25, 1.0), "1.06326168751822283404899549497"),
        ((-20, 2.0**-20, 1.0), "0.0000190755474817453143807032389828"),
        ((1, 1, 2.0), "0.626523375036445668097990989936"),
    ],
    wrt=("logit",),
    logit=real(-200, 200),
    target=real(0, 1, near=(0.5,)),
    weight=one_of(0.5, 1.0, 2.0),
)
def soft_label_binary_cross_entropy(logit, target, weight):
    """Nats lost when sigmoid(logit) is predicted for 1 and 1 comes with probability `target`, then `weight`-fold.

    Hard where both agree: the slope p - y cancels there, and 1 - y and 1 - p have no room for small ones.
    """
    p = 1 / (1 + m.exp(-logit))
    return -(weight * target * m.log(p) + (1 - target) * m.log(1 - p))


@soft_label_binary_cross_entropy.law
def unweighted_labels_may_be_exchanged(f, logit, target, weight):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(logit, target, 1), f(-logit, 1 - target, 1)


@soft_label_binary_cross_entropy.law
def the_loss_is_linear_in_the_target(f, logit, target, weight):
    """A mixture of the losses on both labels."""
    return f(logit, target, weight), target * f(logit, 1, weight) + (1 - target) * f(logit, 0, weight)


@soft_label_binary_cross_entropy.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def mixture_of_softplus(logit, target, weight):
    """w y softplus(-x) + (1 - y) softplus(x): two terms, neither negative."""
    return weight * (target * functional.softplus(-logit)) + (1 - target) * functional.softplus(logit)


near_one = gap(
    "cancellation", "absorption", why="near 1 a logarithm of a sum, and of the sigmoid p - y, keep few digits"
)
sigmoid_sinks = gap("underflow", of="grad", why="sigmoid is 0 where it should be subnormal")
logarithm_sinks = gap("underflow", of="value", why="the logarithm of a sum is 0 where it should be subnormal")


@near_one
@sigmoid_sinks
@logarithm_sinks
@soft_label_binary_cross_entropy.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def torch_builtin(logit, target, weight):
    """`binary_cross_entropy_with_logits` with `pos_weight`."""
    pos_weight = torch.tensor(weight, dtype=logit.dtype, device=logit.device)
    return functional.binary_cross_entropy_with_logits(logit, target, reduction="none", pos_weight=pos_weight)


@near_one
@gap(
    "underflow",
    "overflow",
    "nan_gradient",
    "special_value",
    why="log(p) of a p that is subnormal or 0, and 1/p",
)
@soft_label_binary_cross_entropy.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def naive_form(logit, target, weight):
    """The formula as it is printed, with torch's sigmoid."""
    p = torch.sigmoid(logit)
    return -(weight * target * torch.log(p) + (1 - target) * torch.log(1 - p))


@near_one
@sigmoid_sinks
@gap("wrong_formula", why="the weight belongs to the positive part alone")
@soft_label_binary_cross_entropy.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def weighted_as_a_whole(logit, target, weight):
    """The unweighted loss times the weight mixed by the target, which is the same for hard labels alone."""
    mixed = weight * target + (1 - target)
    return mixed * functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
