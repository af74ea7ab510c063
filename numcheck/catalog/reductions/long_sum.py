"""Sum of many numbers, judged without regard to how many: each addition may round, and few ways keep that small."""

import torch

from numcheck import formula, gap, m, ulps, vector
from numcheck.catalog.reductions.sum import kahan as kahan_of_few
from numcheck.catalog.reductions.sum import neumaier as neumaier_of_few
from numcheck.catalog.reductions.sum import one_after_another as running_sum
from numcheck.catalog.reductions.sum import pairwise as pairwise_of_few


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, sections 4.2 and 4.3",
    known=[(([1, *[2.0**-24] * 63],), "1.000003755092620849609375"), (([0.5, -0.25] * 64,), "16")],
    x=vector(-64, 64, sizes=(64, 128, 256)),
)
def long_sum(x):
    """All entries of the vector `x` added up."""
    return m.sum(x)


@long_sum.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@long_sum.law
def the_negated_vector_has_the_negated_sum(f, x):
    """sum(-x) = -sum(x)."""
    return f(-x), -f(x)


@gap("order", "absorption", "cancellation", why="of n roundings each is as large as the sum so far")
@long_sum.routine(value=ulps(2, cond=2), grad=ulps(0, cond=0))
def one_after_another(x):
    """Recursive summation: the last of the entries meets a sum of all others."""
    return running_sum.function(x)


# cond=8: each of 256 entries takes part in eight additions
@long_sum.routine(value=ulps(1, cond=8), grad=ulps(0, cond=0))
def pairwise(x):
    """Both halves summed by themselves: log2(n) roundings for each entry."""
    return pairwise_of_few.function(x)


@long_sum.routine(value=ulps(2, cond=2), grad=ulps(0, cond=0))
def kahan(x):
    """Compensated summation: two roundings for each entry, however many there are."""
    return kahan_of_few.function(x)


# cond=2: what additions lose is summed with roundings of its own, of second order, which 256 entries make large
@long_sum.routine(value=ulps(1, cond=2), grad=ulps(0, cond=0))
def neumaier(x):
    """What each addition loses summed by itself."""
    return neumaier_of_few.function(x)


@gap(
    "placement",
    "order",
    "absorption",
    why="some arrangements have few partial sums, each as large as the whole",
)
@long_sum.routine(value=ulps(2, cond=2), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.sum, which adds in vectors, in float32 at least, and those in a cascade."""
    return torch.sum(x, -1)


@gap("order", "absorption", "cancellation", why="n products with 1 are added one after another")
@long_sum.routine(value=ulps(2, cond=2), grad=ulps(0, cond=0))
def last_of_the_running_sums(x):
    """The last entry of torch.cumsum."""
    return torch.cumsum(x, -1)[:, -1]
