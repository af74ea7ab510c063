"""Attention to those of the keys that count: with none left, shares are 0/0, and the mean is 0 by convention."""

import torch

from numcheck import formula, gap, m, mask, matrix, ulps


@formula(
    source="Vaswani et al. 2017, Attention Is All You Need, equation 1 and section 3.2.3; 0 for no key by convention",
    known=[
        (([[1, 0]], [[1, 0], [0, 1]], [[1, 2], [5, 6]], (1, 0)), "1, 2"),
        (([[1, 0]], [[1, 0], [0, 1]], [[1, 2], [5, 6]], (0, 0)), "0, 0"),
        (([[0, 0]], [[1, 0], [0, 1], [2, 2]], [[1, 2], [5, 6], [9, 9]], (1, 1, 0)), "3, 4"),
    ],
    query=matrix(-16, 16, shape=(1, 2)),
    keys=matrix(-16, 16, shape=(1, 2), sizes=(2, 3)),
    values=matrix(-1e4, 1e4, shape=(1, 2), sizes=(2, 3)),
    kept=mask(sizes=(2, 3)),
)
def masked_attention(query, keys, values, kept):
    """Mean of the rows of `values` that are `kept`, weighted by how well `query` fits their keys; 0 where none is."""
    scores = m.matmul(query, m.transpose(keys)) / m.sqrt(len(query[0]))
    weights = m.where(kept == 1, m.exp(scores), 0)
    total = m.sum(weights)
    return m.where(total == 0, 0, m.matmul(weights, values) / m.where(total == 0, 1, total))


@masked_attention.law
def the_order_does_not_matter(f, query, keys, values, kept):
    """The result is the same after moving keys, values and mask around together."""
    return f(query, m.roll(keys, 1), m.roll(values, 1), m.roll(kept, 1)), f(query, keys, values, kept)


@masked_attention.law
def what_is_masked_does_not_matter(f, query, keys, values, kept):
    """Other values in masked rows change nothing."""
    others = m.where(m.reshape(kept, (len(kept), 1)) == 1, values, values + 7)
    return f(query, keys, others, kept), f(query, keys, values, kept)


slopes_cancel = gap(
    *("cancellation", "absorption", "underflow"),
    of="grad",
    why="of each score's slope their rounded mean is taken off, and small ones meet a large key",
)
small_shares = gap(
    "underflow", "cancellation", of="value", why="shares are subnormal before a large value meets them"
)


@slopes_cancel
@small_shares
@masked_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def shifted_where_kept(query, keys, values, kept):
    """Exponentials of scores less the largest kept one, 0 where masked; a sum of 0 is divided by as 1."""
    scores = (query @ keys.transpose(1, 2) / 2**0.5)[:, 0]
    largest = torch.where(kept, scores.detach(), -torch.inf).amax(1, keepdim=True)
    shifted = torch.where(kept, scores - torch.where(largest > -torch.inf, largest, 0.0), 0.0)
    weights = torch.where(kept, torch.exp(shifted), 0.0)
    total = weights.sum(1, keepdim=True)
    return (weights / torch.where(total > 0, total, 1.0))[:, None] @ values


@slopes_cancel
@small_shares
@masked_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(query, keys, values, kept):
    """torch.nn.functional.scaled_dot_product_attention with a boolean mask, one head."""
    heads = (x.unsqueeze(1) for x in (query, keys, values))
    return torch.nn.functional.scaled_dot_product_attention(*heads, attn_mask=kept[:, None, None]).squeeze(1)


@slopes_cancel
@small_shares
@gap("special_value", "nan_gradient", why="a row of -inf has a softmax of NaN")
@masked_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def minus_infinity_where_masked(query, keys, values, kept):
    """torch's softmax of scores that are -inf where masked."""
    scores = query @ keys.transpose(1, 2) / 2**0.5
    return torch.softmax(scores.masked_fill(~kept[:, None], -torch.inf), -1) @ values


@slopes_cancel
@small_shares
@gap("wrong_formula", why="with no key left all scores are alike: the mean of what was to be masked")
@masked_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def largest_negative_where_masked(query, keys, values, kept):
    """torch's softmax of scores that are the lowest finite number where masked."""
    scores = query @ keys.transpose(1, 2) / 2**0.5
    return torch.softmax(scores.masked_fill(~kept[:, None], torch.finfo(scores.dtype).min), -1) @ values


@slopes_cancel
@small_shares
@gap("wrong_formula", why="-100 is far below scores near 0 only, and with no key left it is no mask at all")
@masked_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def minus_hundred_added(query, keys, values, kept):
    """torch's softmax of scores to which -100 is added where masked, small enough for every format."""
    scores = query @ keys.transpose(1, 2) / 2**0.5
    return torch.softmax(scores - 100.0 * (~kept[:, None]).to(scores.dtype), -1) @ values
