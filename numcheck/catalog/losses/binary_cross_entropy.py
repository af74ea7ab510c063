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
def binary_cross_entropy(logit: m.Reals, label: m.Reals) -> m.Reals:
    """Nats lost when `label` is predicted with probability sigmoid(logit).

    Hard where the prediction is right and sure: the loss is about exp(-|logit|), and 1 - p has none of its digits left.
    """
    p = 1 / (1 + m.exp(-logit))
    return -m.log(p) if label else -m.log(1 - p)


@binary_cross_entropy.law
def exchanging_the_labels_turns_the_logit(f, logit, label):
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f(logit, label), f(-logit, 1 - label)


@gap("overflow", why="exp(-logit) overflows: p is 0 and its logarithm infinite")
@gap("absorption", why="1 + exp(-logit) rounds to 1, and 1 - p, too, for a small p")
@gap("cancellation", why="1 - p cancels for a p near 1")
@gap("underflow", why="p underflows, and -log(1 - 0) is -0")
@gap(
    "nan_gradient", why="the branch that is not taken has an infinite derivative, and 0 times infinity is NaN"
)
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def naive_form(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The formula as it is printed."""
    p = 1 / (1 + torch.exp(-logit))
    return -torch.where(label == 1, torch.log(p), torch.log(1 - p))


@gap(
    "underflow",
    why="sigmoid underflows: log(0) is infinite, and -log(1 - 0) is -0; sigmoid underflows: 1/0 times 0",
)
@gap("absorption", why="1 - p rounds to 1 for a small p")
@gap("cancellation", why="1 - p cancels for a p near 1")
@gap("special_value", why="sigmoid rounds to 1, and log(1 - 1) is infinite")
@gap(
    "nan_gradient", why="the branch that is not taken has an infinite derivative, and 0 times infinity is NaN"
)
@gap("overflow", why="1/p overflows for a subnormal p")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def sigmoid_then_log(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The two layers of a network that ends in a sigmoid."""
    p = torch.sigmoid(logit)
    return -torch.where(label == 1, torch.log(p), torch.log(1 - p))


@gap(
    "wrong_formula",
    why="torch cuts logarithms off at -100, and the denominator p (1 - p) of the derivative at 1e-12",
)
@gap(
    "cancellation",
    why="1 - p cancels for a p near 1: the derivative is 0 for a prediction that is sure and wrong",
)
@gap("underflow", why="sigmoid underflows")
@gap("overflow", why="1/p overflows for a subnormal p")
@gap("nan_gradient", why="1e-12 is 0 in half precision, and the derivative 0/0")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def sigmoid_then_torch_builtin(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """`binary_cross_entropy` after a sigmoid, as many models have it; logarithms below -100 are cut off."""
    return functional.binary_cross_entropy(torch.sigmoid(logit), label.to(logit.dtype), reduction="none")


@gap(
    "cancellation",
    why="the logarithm of a sum near 1 keeps no digit of a small loss, nor does sigmoid(x) - 1",
)
@gap("underflow", why="sigmoid is 0 where it should be subnormal")
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """`binary_cross_entropy_with_logits`."""
    return functional.binary_cross_entropy_with_logits(logit, label.to(logit.dtype), reduction="none")


@gap("cancellation", why="the derivative is 1 less a sigmoid near 1")
@gap("absorption", why="the derivative 1 absorbs that of log1p(exp(-x))")
@gap(
    "wrong_formula",
    why="at 0 the derivatives of clamp and abs are 1 and 0, so that the sum is 1 - label, not 1/2 - label",
)
@binary_cross_entropy.routine(value=ulps(2), grad=ulps(4))
def maximum_and_log1p(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """max(x, 0) - x y + log1p(exp(-|x|)): the form of TensorFlow's documentation."""
    return logit.clamp(min=0) - logit * label + torch.log1p(torch.exp(-logit.abs()))


@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def softplus_form(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """softplus of the logit's distance to the wrong side."""
    return functional.softplus(torch.where(label == 1, -logit, logit))


@binary_cross_entropy.routine(value=ulps(2), grad=ulps(2))
def log_sigmoid_form(logit: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """-logsigmoid of the logit's distance to the right side."""
    return -functional.logsigmoid(torch.where(label == 1, logit, -logit))
