"""Sum of a vector: terms cancel, and each addition rounds at the size of what it has so far."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.1",
    known=[(([1, 2, 3],), "6"), (([2**53, 1, -(2**53)],), "1"), (([0.5, 0.25, -0.75],), "0")],
    x=vector(-1e37, 1e37),
)
def sum(x):
    """All entries of the vector `x` added up."""
    return m.sum(x)


@sum.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@sum.law
def the_negated_vector_has_the_negated_sum(f, x):
    """sum(-x) = -sum(x)."""
    return f(-x), -f(x)


@sum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.sum."""
    return torch.sum(x, -1)


partial_sums = gap(
    "overflow", formats=["float16"], of="value", why="a partial sum leaves the range, the sum does not"
)


@partial_sums
@sum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def one_after_another(x):
    """Recursive summation, algorithm 4.1: each entry added to what there is."""
    total = torch.zeros_like(x[:, 0])
    for entry in x.unbind(-1):
        total = total + entry
    return total


# cond=3: of 8 entries each takes part in three additions
@partial_sums
@sum.routine(value=ulps(1, cond=3), grad=ulps(0, cond=0))
def pairwise(x):
    """Both halves summed by themselves, as section 4.1 has it: log2(n) roundings for each entry instead of n."""
    while x.shape[-1] > 1:
        even = x.shape[-1] // 2 * 2
        x = torch.cat([x[:, :even:2] + x[:, 1:even:2], x[:, even:]], -1)
    return x[:, 0]


# cond=2: Higham 2002, equation 4.8
@partial_sums
@sum.routine(value=ulps(1, cond=2), grad=ulps(0, cond=0))
def kahan(x):
    """Compensated summation, algorithm 4.2: what an addition loses is added to the next entry."""
    total, correction = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
    for entry in x.unbind(-1):
        y = entry + correction
        bigger = total + y
        correction = (total - bigger) + y
        total = bigger
    return total


@partial_sums
@sum.routine(value=ulps(1), grad=ulps(0, cond=0))
def neumaier(x):
    """What each addition loses, of whichever is the smaller, summed by itself and added at the end."""
    total, lost = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
    for entry in x.unbind(-1):
        bigger = total + entry
        smaller = torch.where(total.abs() >= entry.abs(), (total - bigger) + entry, (entry - bigger) + total)
        total, lost = bigger, lost + smaller
    return total + lost


@sum.routine(value=ulps(1), grad=ulps(0, cond=0), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x):
    """Added up in float64, rounded once at the end."""
    return x.double().sum(-1).to(x.dtype)
