"""Weighted mean: only the weights' ratios count, but products and sums of them leave the range."""

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="NumPy documentation, numpy.average with weights",
    known=[
        (((1, 2, 6), (1, 1, 2)), "3.75"),
        (((1, -1), (0.25, 0.75)), "-0.5"),
        (((2, 5), (1, 2)), "4"),
    ],
    x=vector(-1e4, 1e4),
    weights=vector(2.0**-14, 1e4),
)
def weighted_mean(x, weights):
    """Sum of the entries of `x`, each times its weight, over the sum of the weights."""
    return m.sum(weights * x) / m.sum(weights)


@weighted_mean.law
def twice_the_weights_change_nothing(f, x, weights):
    """Only their ratios count."""
    return f(x, 2 * weights), f(x, weights)


@weighted_mean.law
def a_common_offset_moves_the_result(f, x, weights):
    """The shares of the weights sum to one."""
    return f(x + 3, weights), f(x, weights) + 3


@weighted_mean.law
def equal_weights_give_the_mean(f, x, weights):
    """A weight alike for all is none."""
    return f(x, 0 * x + 5), m.mean(x)


# gradients by the weights are differences of entries and mean: conditioning tells how much is forgiven
products_leave = gap(
    "overflow", "underflow", "nan_gradient", why="products, sums or their squares leave the range"
)
difference = gap(
    "cancellation", "absorption", of="grad", why="autograd takes x/W and s/W**2, each rounded, apart"
)


@weighted_mean.routine(value=ulps(2), grad=ulps(8), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x, weights):
    """In float64, rounded once at the end."""
    wide = weights.double()
    return ((wide * x.double()).sum(1) / wide.sum(1)).to(x.dtype)


@products_leave
@difference
@weighted_mean.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(4, cond=2, gamma=True))
def naive_form(x, weights):
    """The formula as it is printed."""
    return (weights * x).sum(1) / weights.sum(1)


@products_leave
@difference
@weighted_mean.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(4, cond=2, gamma=True))
def shares_first(x, weights):
    """The weights over their sum before they meet an entry."""
    return (weights / weights.sum(1, keepdim=True) * x).sum(1)


@products_leave
@gap(
    "wrong_formula",
    "cancellation",
    "order",
    why="the mean of the products is no weighted mean unless weights average one",
)
@weighted_mean.routine(value=ulps(2, cond=2, gamma=True), grad=ulps(4, cond=2, gamma=True))
def mean_of_products(x, weights):
    """(weights * x).mean(), as sample weights meet an unreduced loss."""
    return (weights * x).mean(1)
