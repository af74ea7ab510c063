"""Mean softmax cross-entropy over the rows of a batch that are not padding."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, ulps, vector
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss, reduction='mean'; 0 for no row by convention",
    known=[
        (((1, 2, 3, 0, 0, 5), 2, -100), "0.407605964444380304482919904545"),
        (((1, 2, 3, 0, 0, 5), 2, 0), "2.71049593308291460336236040423"),
        (((1, 2, 3, 0, 0, 5), -100, -100), "0"),
    ],
    logits=vector(-200, 200, sizes=(6,)),
    first=one_of(0, 1, 2, -100),
    second=one_of(0, 1, 2, -100),
)
def mean_cross_entropy_of_kept_rows(logits, first, second):
    """Mean nats lost over two rows of three logits, less those labelled -100. Hard with none left: 0 by convention."""
    rows = m.reshape(logits, (2, 3))
    kept = [(rows[i], label) for i, label in enumerate((first, second)) if label != -100]
    if not kept:
        return m.zeros_like(logits[0])
    return m.mean(m.stack([-m.log(m.exp(row[label]) / m.sum(m.exp(row))) for row, label in kept]))


@mean_cross_entropy_of_kept_rows.law
def the_order_of_rows_does_not_matter(f, logits, first, second):
    """Exchanging rows and labels leaves the mean."""
    return f(logits, first, second), f(m.roll(logits, 3), second, first)


@mean_cross_entropy_of_kept_rows.law
def a_common_offset_changes_nothing(f, logits, first, second):
    """Softmax depends on differences alone."""
    return f(logits, first, second), f(logits + 3, first, second)


@mean_cross_entropy_of_kept_rows.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def margins_over_at_least_one(logits, first, second):
    """softplus(logsumexp of the others - x_label) of the kept rows, over their number, at least 1."""
    labels = torch.stack([first, second], 1)
    losses = softplus_of_the_margin.function(logits.reshape(-1, 3), labels.reshape(-1).clamp(min=0))
    losses = torch.where(labels != -100, losses.reshape(-1, 2), 0.0)
    return losses.sum(1) / (labels != -100).sum(1).clamp(min=1)


near_one = gap("cancellation", "underflow", why="a sum or a p near 1 has few or no digits of lesser terms")


@near_one
@mean_cross_entropy_of_kept_rows.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def sum_over_at_least_one(logits, first, second):
    """The sum of torch's losses over the number of kept rows, which counts as 1 where there is none."""
    labels = torch.stack([first, second], 1)
    losses = functional.cross_entropy(logits.reshape(-1, 3), labels.reshape(-1), reduction="none")
    return losses.reshape(-1, 2).sum(1) / (labels != -100).sum(1).clamp(min=1)


@gap("special_value", why="the mean over no row is 0/0")
@near_one
@mean_cross_entropy_of_kept_rows.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(logits, first, second):
    """`cross_entropy` with reduction="mean", mapped over the points because each is a batch of its own."""
    mean = torch.vmap(lambda rows, labels: functional.cross_entropy(rows, labels, reduction="mean"))
    return mean(logits.reshape(-1, 2, 3), torch.stack([first, second], 1))


@gap("scale", "wrong_formula", why="the ignored rows count: one kept row gives half of its loss")
@near_one
@mean_cross_entropy_of_kept_rows.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def mean_over_all_rows(logits, first, second):
    """The mean of torch's unreduced losses, in which the ignored rows count as rows with loss 0."""
    labels = torch.stack([first, second], 1)
    losses = functional.cross_entropy(logits.reshape(-1, 3), labels.reshape(-1), reduction="none")
    return losses.reshape(-1, 2).mean(1)
