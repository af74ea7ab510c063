"""Mean softmax cross-entropy over positions: pixels of an image, or tokens of a text."""

from torch.nn import functional

from numcheck import formula, gap, labels, m, matrix, ulps
from numcheck.catalog.losses_classification.softmax_cross_entropy import softplus_of_the_margin


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CrossEntropyLoss with K-dimensional input, reduction='mean'",
    known=[
        ((((1, 2, 3), (0, 0, 5)), (2, 0)), "2.71049593308291460336236040423"),
        ((((1, 2, 3), (1, 2, 3)), (0, 0)), "2.40760596444438030448291990455"),
    ],
    wrt=("logits",),
    logits=matrix(-200, 200, shape=(2, 3), sizes=(2, 3, 4)),
    classes=labels(classes=3, sizes=(2, 3, 4)),
)
def dense_cross_entropy(logits, classes):
    """Mean nats lost on the class of each position, one row of `logits` a position. Hard where a class is sure."""
    losses = [m.log(m.sum(m.exp(logits[i]))) - logits[i][classes[i]] for i in range(len(logits))]
    return m.mean(m.stack(losses))


@dense_cross_entropy.law
def the_order_of_positions_does_not_matter(f, logits, classes):
    """Rolling rows and classes leaves the mean."""
    return f(logits, classes), f(m.roll(logits, 1), m.roll(classes, 1))


@dense_cross_entropy.law
def a_common_offset_changes_nothing(f, logits, classes):
    """Softmax depends on differences alone."""
    return f(logits, classes), f(logits + 3, classes)


@dense_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def mean_of_margins(logits, classes):
    """The mean over positions of softplus(logsumexp of the other classes - x_label)."""
    losses = softplus_of_the_margin.function(logits.reshape(-1, 3), classes.reshape(-1))
    return losses.reshape(classes.shape).mean(1)


near_one = gap("cancellation", "underflow", why="a sum or p near 1 has few or no digits of lesser terms")


@near_one
@dense_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(logits, classes):
    """`cross_entropy` of (points, classes, positions), as the documentation orders them."""
    return functional.cross_entropy(logits.transpose(1, 2), classes, reduction="none").mean(1)


@near_one
@dense_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def rows_flattened(logits, classes):
    """All positions of all points as one batch of rows."""
    losses = functional.cross_entropy(logits.reshape(-1, 3), classes.reshape(-1), reduction="none")
    return losses.reshape(classes.shape).mean(1)


@near_one
@gap(
    "wrong_formula",
    why="reshape takes the numbers in the order of memory: rows are mixed of several positions",
)
@dense_cross_entropy.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def reshaped_instead_of_transposed(logits, classes):
    """A model's (points, classes, positions) reshaped to rows of classes without moving the axis first."""
    mixed = logits.transpose(1, 2).reshape(-1, 3)
    return (
        functional.cross_entropy(mixed, classes.reshape(-1), reduction="none").reshape(classes.shape).mean(1)
    )
