"""Mean of those entries of a vector that count: 0/0 with none left, and what is masked may be infinite."""

import torch

from numcheck import formula, gap, m, mask, ulps, vector


@formula(
    source="NumPy documentation, numpy.ma.mean, for a masked array; 0 for no entry by convention",
    known=[(((1, 2, 6), (1, 0, 1)), "3.5"), (((1, 2, 6), (0, 0, 0)), "0"), (((1, -7), (0, 1)), "-7")],
    x=vector(-torch.inf, torch.inf),
    kept=mask(),
)
def masked_mean(x, kept):
    """Sum of the entries of `x` that are `kept`, over their number; 0 where none is."""
    count = m.sum(kept)
    return m.sum(m.where(kept == 1, x, 0)) / m.where(count == 0, 1, count)


@masked_mean.law
def the_order_does_not_matter(f, x, kept):
    """Moving entries and mask around together changes nothing."""
    return f(m.roll(x, 1), m.roll(kept, 1)), f(x, kept)


@masked_mean.law
def what_is_masked_does_not_matter(f, x, kept):
    """Other numbers in masked places change nothing."""
    return f(m.where(kept == 1, x, 1), kept), f(x, kept)


sum_leaves = gap("overflow", "placement", of="value", why="the sum leaves the range where the mean does not")


@masked_mean.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def where_in_float64(x, kept):
    """Masked entries replaced by 0, summed in float64, over at least one, rounded once."""
    total = torch.where(kept, x.double(), 0.0).sum(1)
    return (total / kept.sum(1).clamp(min=1)).to(x.dtype)


@sum_leaves
@masked_mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def where_then_sum(x, kept):
    """Masked entries replaced by 0, the sum over at least one."""
    return torch.where(kept, x, 0.0).sum(1) / kept.sum(1).clamp(min=1)


@sum_leaves
@gap("special_value", why="infinity times the mask's 0 is NaN")
@masked_mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def times_mask(x, kept):
    """The product with the mask, the sum over at least one."""
    return (x * kept).sum(1) / kept.sum(1).clamp(min=1)


@sum_leaves
@gap("special_value", why="0/0 where no entry is kept")
@masked_mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def over_the_number(x, kept):
    """Masked entries replaced by 0, the sum over the number of the others."""
    return torch.where(kept, x, 0.0).sum(1) / kept.sum(1)


@sum_leaves
@gap("special_value", why="the mean of nothing is NaN")
@masked_mean.routine(value=ulps(2, gamma=True), grad=ulps(1))
def torch_builtin(x, kept):
    """torch.nanmean of entries that are NaN where masked."""
    return torch.nanmean(x.masked_fill(~kept, torch.nan), 1)
