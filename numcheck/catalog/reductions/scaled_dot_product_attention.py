"""Attention of one query to the rows of a matrix: exp of a score magnifies its rounding, and shares underflow."""

import torch

from numcheck import formula, gap, m, matrix, ulps


@formula(
    source="Vaswani et al. 2017, Attention Is All You Need, equation 1",
    known=[
        (([[0, 0, 0, 0]], [[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 2, 3, 4], [5, 6, 7, 8]]), "3, 4, 5, 6"),
        (
            ([[1, 0, 0, 0]], [[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 2, 3, 4], [5, 6, 7, 8]]),
            "2.51016267519258174144439773702, 3.51016267519258174144439773702, 4.51016267519258174144439773702",
        ),
        (
            (
                [[2, 0, 0, 0]],
                [[1, 0, 0, 0], [0, 0, 0, 1], [3, 0, 0, 0]],
                [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]],
            ),
            "0.114195199384594478930141702542, 0.0420100661340660510180654123652, 0.843794734481339470051792885093",
        ),
    ],
    query=matrix(-8, 8, shape=(1, 4)),
    keys=matrix(-8, 8, shape=(1, 4), sizes=(2, 3)),
    values=matrix(-1e4, 1e4, shape=(1, 4), sizes=(2, 3)),
)
def scaled_dot_product_attention(query, keys, values):
    """Mean of the rows of `values`, weighted by how well `query` fits each of the `keys`."""
    scores = m.matmul(query, m.transpose(keys)) / m.sqrt(len(query[0]))
    shares = m.exp(scores) / m.sum(m.exp(scores))
    return m.matmul(shares, values)


@scaled_dot_product_attention.law
def the_order_does_not_matter(f, query, keys, values):
    """The result is the same after moving keys and values around together."""
    return f(query, m.roll(keys, 1), m.roll(values, 1)), f(query, keys, values)


@scaled_dot_product_attention.law
def twice_the_values_have_twice_the_mean(f, query, keys, values):
    """It is linear in the values."""
    return f(query, keys, 2 * values), 2 * f(query, keys, values)


@gap(
    "cancellation",
    "absorption",
    "placement",
    of="grad",
    why="of each score's slope their rounded mean is taken off",
)
@gap("underflow", of="grad", why="slopes of scores are subnormal before a large key multiplies them")
@gap(
    "underflow",
    "cancellation",
    of="value",
    formats=("float16",),
    why="shares are rounded among the subnormal numbers before a large value multiplies them",
)
@scaled_dot_product_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def torch_builtin(query, keys, values):
    """torch.nn.functional.scaled_dot_product_attention, with one head."""
    heads = (x.unsqueeze(1) for x in (query, keys, values))
    return torch.nn.functional.scaled_dot_product_attention(*heads).squeeze(1)


slopes_cancel = gap(
    *("cancellation", "absorption", "placement", "underflow"),
    of="grad",
    why="of each score's slope their rounded mean is taken off, and small ones meet a large key",
)
small_shares = gap(
    "underflow", "cancellation", of="value", why="shares are subnormal before a large value meets them"
)


@slopes_cancel
@gap("overflow", "nan_gradient", why="exp of a score leaves the range: inf/inf")
@gap("underflow", "cancellation", of="value", why="shares or their sum are subnormal or 0")
@scaled_dot_product_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def naive_form(query, keys, values):
    """The formula as it is printed."""
    z = torch.exp(query @ keys.transpose(1, 2) / 2)
    return z / z.sum(-1, keepdim=True) @ values


@slopes_cancel
@small_shares
@scaled_dot_product_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def softmax_of_scores(query, keys, values):
    """torch's softmax of the scores, and a product."""
    return torch.softmax(query @ keys.transpose(1, 2) / 2, -1) @ values


@slopes_cancel
@small_shares
@scaled_dot_product_attention.routine(value=ulps(4, gamma=True), grad=ulps(8, gamma=True))
def online(query, keys, values):
    """Key by key, sum and mean rescaled where the largest score so far grows (FlashAttention, algorithm 1)."""
    scores = (query @ keys.transpose(1, 2) / 2)[:, 0]
    largest, total, mean = scores[:, :1], torch.ones_like(scores[:, :1]), values[:, 0]
    for j in range(1, keys.shape[1]):
        score = scores[:, j : j + 1]
        grown = torch.maximum(largest, score)
        shrink, weight = torch.exp(largest - grown), torch.exp(score - grown)
        total, mean, largest = total * shrink + weight, mean * shrink + weight * values[:, j], grown
    return (mean / total)[:, None]
