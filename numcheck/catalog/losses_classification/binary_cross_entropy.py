"""Binary cross-entropy on logits."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.2.2, equations 6.24 to 6.26",
    known=[
        ((0, 1), "0.693147180559945309417232121458"),
        ((3, 0), "3.04858735157374205875892591985"),
        ((-20, 0), "2.06115362031438070323898279888e-9"),
    ],
    logit=real(-200, 200),
    label=one_of(0, 1),
)
def binary_cross_entropy(logit, label):
    """Nats lost on `label` when sigmoid(logit) is predicted for 1. Hard where sure and right: 1 - p has few digits."""
    p = 1 / (1 + m.exp(-logit))
    return -m.log(p) if label else -m.log(1 - p)


@binary_cross_entropy.law
def exchanging_the_labels_turns_the_logit(f, logit, label):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(logit, label), f(-logit, 1 - label)


@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def softplus_form(logit, label):
    """softplus of the logit's distance to the wrong side."""
    return functional.softplus(torch.where(label == 1, -logit, logit))


@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def log_sigmoid_form(logit, label):
    """-logsigmoid of the logit's distance to the right side."""
    return -functional.logsigmoid(torch.where(label == 1, logit, -logit))


@gap("cancellation", "absorption", why="the derivative is 1 less a sigmoid near 1")
@gap("wrong_formula", why="at 0 clamp and abs have slopes 1 and 0: in all 1 - label, not 1/2 - label")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def maximum_and_log1p(logit, label):
    """max(x, 0) - x y + log1p(exp(-|x|)): the form of TensorFlow's documentation."""
    return logit.clamp(min=0) - logit * label + torch.log1p(torch.exp(-logit.abs()))


@gap("cancellation", why="near 1 the logarithm of a sum, and sigmoid(x) - 1, keep no digit of a small loss")
@gap("underflow", why="sigmoid is 0 where it should be subnormal")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(logit, label):
    """`binary_cross_entropy_with_logits`."""
    return functional.binary_cross_entropy_with_logits(logit, label.to(logit.dtype), reduction="none")


tiny_p = gap("overflow", "underflow", why="exp(-x), p, its square or 1/p leave the range; the loss does not")
branch_not_taken = gap("nan_gradient", why="0 times the infinite slope, at p 0 or 1, of the branch not taken")


@gap("cancellation", "absorption", why="1 + exp(-x) and 1 - p keep few digits of a small term beside 1")
@tiny_p
@branch_not_taken
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def naive_form(logit, label):
    """The formula as it is printed."""
    p = 1 / (1 + torch.exp(-logit))
    return -torch.where(label == 1, torch.log(p), torch.log(1 - p))


@gap("cancellation", "absorption", "special_value", why="1 - p keeps few digits of a p near 0 or 1, or is 0")
@tiny_p
@branch_not_taken
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def sigmoid_then_log(logit, label):
    """The two layers of a network that ends in a sigmoid."""
    p = torch.sigmoid(logit)
    return -torch.where(label == 1, torch.log(p), torch.log(1 - p))


@gap("cancellation", why="1 - p keeps few digits of a p near 1")
@tiny_p
@gap("wrong_formula", "nan_gradient", why="log is cut off at -100, p (1 - p) at 1e-12, which is 0 in float16")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def sigmoid_then_torch_builtin(logit, label):
    """`binary_cross_entropy` after a sigmoid, as many models have it; logarithms below -100 are cut off."""
    return functional.binary_cross_entropy(torch.sigmoid(logit), label.to(logit.dtype), reduction="none")
