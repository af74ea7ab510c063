"""Running sums of a vector: each of them is one more addition on top of the last, however small it is."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Blelloch 1990, Prefix Sums and Their Applications, section 1.2",
    known=[
        (([1, 2, 3],), "1, 3, 6"),
        (([2**53, 1, -(2**53)],), "9007199254740992, 9007199254740993, 1"),
        (([0.5, 0.25, -0.75],), "0.5, 0.75, 0"),
    ],
    x=vector(-torch.inf, torch.inf),
)
def cumsum(x):
    """Of each entry of the vector `x` the sum of it and of all before it."""
    return m.cumsum(x)


@cumsum.law
def the_negated_vector_has_the_negated_sums(f, x):
    """cumsum(-x) = -cumsum(x)."""
    return f(-x), -f(x)


@cumsum.law
def twice_the_vector_has_twice_the_sums(f, x):
    """cumsum(2 x) = 2 cumsum(x)."""
    return f(2 * x), 2 * f(x)


@gap("overflow", of="value", formats=["bfloat16"], why="its sums are float32's, whose range is the same")
@cumsum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.cumsum."""
    return torch.cumsum(x, -1)


partial_sums = gap("overflow", of="value", why="once a running sum has left the range it does not come back")


@partial_sums
@cumsum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def one_after_another(x):
    """Each entry added to the last sum."""
    sums = [x[:, 0]]
    for entry in x.unbind(-1)[1:]:
        sums.append(sums[-1] + entry)
    return torch.stack(sums, -1)


@partial_sums
@cumsum.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def by_doubling(x):
    """Sums of 2, of 4, of 8 entries: the scan of a parallel machine, log2(n) roundings deep."""
    reach = 1
    while reach < x.shape[-1]:
        x = torch.cat([x[:, :reach], x[:, reach:] + x[:, :-reach]], -1)
        reach *= 2
    return x


@partial_sums
@gap("special_value", why="what an infinite sum lost is infinity less infinity")
@cumsum.routine(value=ulps(1, cond=2), grad=ulps(0, cond=0))
def compensated(x):
    """Kahan's summation, each sum so far an output."""
    total, correction, sums = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0]), []
    for entry in x.unbind(-1):
        y = entry + correction
        bigger = total + y
        correction = (total - bigger) + y
        total = bigger
        sums.append(total)
    return torch.stack(sums, -1)


@cumsum.routine(value=ulps(1), grad=ulps(0, cond=0), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x):
    """Summed in float64, each sum rounded once."""
    return x.double().cumsum(-1).to(x.dtype)
