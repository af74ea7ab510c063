"""Sample standard deviation: squares leave the range where it does not, and its slope is infinite at 0."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.9, the root of equation 1.4",
    known=[
        (([1, 2, 3],), "1"),
        (([2**30, 2**30 + 2],), "1.4142135623730950488016887242097"),
        (([2, 4, 4, 4, 5, 5, 7, 9],), "2.13808993529939507747642784704"),
    ],
    x=vector(-1e30, 1e30),
)
def standard_deviation(x):
    """Root of the mean squared deviation of `x` from its mean, n - 1 for n; slope 0 at equal entries by convention."""
    squares = m.sum((x - m.mean(x)) ** 2) / (len(x) - 1)
    return m.where(squares == 0, 0, m.sqrt(m.where(squares == 0, 1, squares)))


@standard_deviation.law
def a_common_offset_changes_nothing(f, x):
    """std(x + 3) = std(x)."""
    return f(x + 3), f(x)


@standard_deviation.law
def twice_the_spread_is_twice_the_deviation(f, x):
    """std(-2 x) = 2 std(x)."""
    return f(-2 * x), 2 * f(x)


squares_leave = gap("overflow", "underflow", why="the squares leave the range where the deviation does not")
slope_at_zero = gap("nan_gradient", why="0 times the infinite slope of the root, or 0/0")


@standard_deviation.routine(
    value=ulps(1), grad=ulps(4, gamma=True), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(x):
    """In float64, where the mean of few equal float32 numbers is exact; slopes 0 where all deviations are 0."""
    wide = x.double()
    squares = ((wide - wide.mean(-1, keepdim=True)) ** 2).sum(-1) / (x.shape[-1] - 1)
    apart = squares > 0
    return torch.where(apart, torch.sqrt(torch.where(apart, squares, 1.0)), 0.0).to(x.dtype)


@squares_leave
@slope_at_zero
@gap("placement", of="value", why="in some batches the mean of equal entries is rounded away from them")
@gap("cancellation", of="grad", why="its backward takes a rounded mean off the entries again")
@standard_deviation.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(x):
    """torch.std."""
    return torch.std(x, -1)


@squares_leave
@slope_at_zero
@gap("cancellation", why="the mean is rounded: away from equal entries, and into what is left beside it")
@standard_deviation.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def root_of_two_passes(x):
    """The formula as it is printed."""
    deviation = x - x.mean(-1, keepdim=True)
    return torch.sqrt((deviation**2).sum(-1) / (x.shape[-1] - 1))


@squares_leave
@gap("cancellation", of="grad", why="its backward takes a rounded mean off the entries again")
@gap("nan_gradient", why="infinity over infinity where the variance leaves the range")
@gap("wrong_formula", why="1e-6 is not small beside a small variance")
@standard_deviation.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def small_number_under_the_root(x):
    """sqrt(var + 1e-6), against the infinite slope at 0."""
    return torch.sqrt(torch.var(x, -1) + 1e-6)


@squares_leave
@gap(
    "cancellation",
    "absorption",
    "special_value",
    "nan_gradient",
    why="squares of the offset's size cancel, below 0 even",
)
@standard_deviation.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def one_pass(x):
    """The root of (mean(x*x) - mean(x)**2) n/(n - 1)."""
    n = x.shape[-1]
    return torch.sqrt(((x * x).mean(-1) - x.mean(-1) ** 2) * n / (n - 1))
