"""Cosine embedding loss."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, one_of, ulps, vector
from numcheck.catalog.losses_metric import cosine_similarity as of_two


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CosineEmbeddingLoss",
    known=[
        (((1, 2), (2, 3), 1, 0.0), "0.00772212328633235047795529473184"),
        (((1, 2), (2, 3), -1, 0.5), "0.492277876713667649522044705268"),
        (((1, 0), (1, 1), 1, 0.0), "0.292893218813452475599155637895"),
        (((1, 0), (0, 1), -1, 0.5), "0"),
    ],
    first=vector(-32, 32, sizes=(2, 5)),
    second=vector(-32, 32, sizes=(2, 5)),
    label=one_of(-1, 1),
    margin=one_of(0.0, 0.5),
)
def cosine_embedding(first, second, label, margin):
    """1 less the cosine of two alike embeddings, label 1; of unlike ones, label -1, what it exceeds the margin by.

    Hard for alike vectors of nearly the same direction: 1 less a number near 1. Undefined where one is 0.
    """
    cosine = m.dot(first, second) / (m.norm(first) * m.norm(second))
    return 1 - cosine if label == 1 else m.maximum(cosine - margin, 0)


@cosine_embedding.law
def lengths_do_not_matter(f, first, second, label, margin):
    """Times 4 and 1/2 the vectors have the same angle."""
    return f(4 * first, second / 2, label, margin), f(first, second, label, margin)


@cosine_embedding.law
def exchanging_the_embeddings_changes_nothing(f, first, second, label, margin):
    """The angle is symmetric."""
    return f(first, second, label, margin), f(second, first, label, margin)


@cosine_embedding.law
def turning_one_round_leaves_the_rest_of_two(f, first, second, label, margin):
    """1 - cosine and 1 + cosine."""
    return f(-first, second, 1, margin), 2 - f(first, second, 1, margin)


@cosine_embedding.routine(
    value=ulps(4, cond=4, gamma=True),
    grad=ulps(4, cond=4, gamma=True),
    formats=["float32", "bfloat16", "float16"],
)
def minors_in_float64(first, second, label, margin):
    """1 - x y/(|x||y|) as sum of squares of x_i y_j - x_j y_i over |x||y| (|x||y| + x y): Lagrange's identity."""
    x, y = first.double(), second.double()
    cosine, lengths = of_two.minors_in_float64.function(x, y), torch.linalg.vector_norm(x, dim=1)
    lengths = lengths * torch.linalg.vector_norm(y, dim=1)
    minors = x[:, :, None] * y[:, None] - x[:, None] * y[:, :, None]
    ahead = torch.where(cosine > 0, (x * y).sum(1), 0.0)
    near = ((minors**2).sum((1, 2)) / 2 / (lengths * (lengths + ahead))).detach()
    # the value of one and the derivative of the other: that of the cosine is of minors too
    alike = torch.where(cosine > 0, near - (cosine - cosine.detach()), 1 - cosine)
    return torch.where(label == 1, alike, (cosine - margin).clamp(min=0)).to(first.dtype)


one_less_cosine = gap(
    "cancellation",
    "absorption",
    "order",
    "placement",
    why="1 less a rounded cosine near 1, and its slopes, cancel",
)
squares_out_of_range = gap(
    "overflow", "underflow", "nan_gradient", why="squares and products leave the range"
)
clamped = gap("wrong_formula", why="lengths have an eps beside them, or are not taken for less")


@one_less_cosine
@squares_out_of_range
@clamped
@cosine_embedding.routine(value=ulps(4, cond=4, gamma=True), grad=ulps(4, cond=4, gamma=True))
def torch_builtin(first, second, label, margin):
    """`cosine_embedding_loss`, with 1e-12 beside squared lengths."""
    return functional.cosine_embedding_loss(first, second, label, margin=margin, reduction="none")


@one_less_cosine
@squares_out_of_range
@clamped
@cosine_embedding.routine(value=ulps(4, cond=4, gamma=True), grad=ulps(4, cond=4, gamma=True))
def half_squared_distance(first, second, label, margin):
    """|x/|x| - y/|y||**2 / 2 for 1 - cosine: no 1 that cancels, but the roundings of the normalized vectors do."""
    one, other = functional.normalize(first, dim=1), functional.normalize(second, dim=1)
    alike = ((one - other) ** 2).sum(1) / 2
    return torch.where(label == 1, alike, ((one * other).sum(1) - margin).clamp(min=0))
