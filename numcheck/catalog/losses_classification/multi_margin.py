"""Multi-class margin loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, index, m, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.MultiMarginLoss with p=1 and margin=1; Weston & Watkins 1999",
    known=[(((0, 0.25, 0.5, 1), 3), "0.1875"), (((1, 2, 4, 0.5), 0), "1.625"), (((3, 0), 0), "0")],
    scores=vector(-1e3, 1e3),
    label=index(),
)
def multi_margin(scores, label):
    """Sum of what the other scores lack to lie 1 below the `label`'s, over the number of classes. Hard at the kinks."""
    return (m.sum(m.maximum(0, 1 - scores[label] + scores)) - 1) / len(scores)


@multi_margin.law
def a_common_offset_changes_nothing(f, scores, label):
    """Only differences of scores count."""
    return f(scores, label), f(scores + 3, label)


@multi_margin.law
def the_order_of_classes_does_not_matter(f, scores, label):
    """Rolling scores and label together leaves the loss."""
    return f(scores, label), f(m.roll(scores, 1), (int(label) + 1) % len(scores))


beside_the_kink = gap(
    "cancellation", "absorption", of="grad", why="a margin rounded to 0, or from it: the other slope"
)


@beside_the_kink
@multi_margin.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(2, gamma=True))
def others_alone(scores, label):
    """The other classes' margins, each the difference of the scores plus 1."""
    places = torch.arange(scores.shape[1] - 1, device=scores.device)
    others = scores.gather(1, places + (places >= label[:, None]))
    lacking = (others - scores.gather(1, label[:, None]) + 1).clamp(min=0)
    return lacking.sum(1) / scores.shape[1]


@beside_the_kink
@multi_margin.routine(
    value=ulps(2, cond=2, gamma=True), grad=ulps(2, gamma=True), formats=["float64", "float32"]
)
def torch_builtin(scores, label):
    """`multi_margin_loss`, which torch's CPU code lacks in half precision."""
    return functional.multi_margin_loss(scores, label, reduction="none")


@beside_the_kink
@gap(
    "cancellation",
    "absorption",
    of="value",
    why="the label's own margin of 1 is added, rounded, and taken off again",
)
@multi_margin.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(2, gamma=True))
def naive_form(scores, label):
    """The formula as it is printed: all classes, less the label's 1."""
    lacking = (1 - scores.gather(1, label[:, None]) + scores).clamp(min=0)
    return (lacking.sum(1) - 1) / scores.shape[1]


@beside_the_kink
@gap("absorption", of="value", why="what a margin lacks to 1 is rounded away beside the label's 1")
@gap("wrong_formula", why="the label's own margin of 1 is counted")
@multi_margin.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(2, gamma=True))
def mean_of_all_margins(scores, label):
    """The mean over all classes, which forgets to leave the label out."""
    return (1 - scores.gather(1, label[:, None]) + scores).clamp(min=0).mean(1)
