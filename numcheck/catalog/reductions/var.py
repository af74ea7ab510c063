"""Sample variance: a large common offset cancels, and squares of deviations leave the range where entries do not."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, equation 1.4",
    known=[
        (([2, 4, 4, 4, 5, 5, 7, 9],), "4.5714285714285714285714285714286"),
        (([2**30, 2**30 + 1, 2**30 + 2],), "1"),
        (([0.5, 0.25],), "0.03125"),
    ],
    x=vector(-1e30, 1e30),
)
def var(x):
    """Sum of the squared deviations of the entries of `x` from their mean, over one less than their number."""
    return m.sum((x - m.mean(x)) ** 2) / (len(x) - 1)


@var.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@var.law
def a_common_offset_changes_nothing(f, x):
    """var(x + 3) = var(x)."""
    return f(x + 3), f(x)


@gap(
    "overflow",
    of="grad",
    formats=("float16",),
    why="a deviation leaves the range before 2 / (n - 1) scales it",
)
@gap("placement", of="value", why="in some batches the mean of equal entries is rounded away from them")
@var.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(x):
    """torch.var."""
    return torch.var(x, -1)


before_the_division = gap("overflow", "nan_gradient", why="sums leave the range that n - 1 would bring back")


@before_the_division
@gap("cancellation", of="value", why="the mean of equal entries is rounded away from them")
@var.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def two_passes(x):
    """The formula as it is printed: the mean first, then the squares of the deviations."""
    deviation = x - x.mean(-1, keepdim=True)
    return (deviation**2).sum(-1) / (x.shape[-1] - 1)


@gap("cancellation", why="two squares of the size of the offset's cancel")
@gap("overflow", why="squares of the entries leave the range where those of deviations do not")
@var.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def mean_of_squares_less_square_of_mean(x):
    """(mean(x*x) - mean(x)**2) n/(n - 1), in one pass."""
    n = x.shape[-1]
    return ((x * x).mean(-1) - x.mean(-1) ** 2) * n / (n - 1)


@gap(
    "cancellation",
    "absorption",
    why="entries far from the first leave two squares of that distance to cancel",
)
@gap("overflow", "nan_gradient", why="squares of distances from the first leave the range")
@var.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def shifted_by_the_first(x):
    """The one-pass form of differences from the first entry, a constant for autograd."""
    return mean_of_squares_less_square_of_mean.function(x - x[:, :1].detach())


@before_the_division
@var.routine(value=ulps(4, cond=2, gamma=True), grad=ulps(4, cond=4, gamma=True))
def welford(x):
    """Mean and sum of squared deviations renewed with each entry, as Welford has it: one pass, no cancellation."""
    average, squares = x[:, 0], torch.zeros_like(x[:, 0])
    for count, entry in enumerate(x.unbind(-1)[1:], 2):
        difference = entry - average
        average = average + difference / count
        squares = squares + difference * (entry - average)
    return squares / (x.shape[-1] - 1)
