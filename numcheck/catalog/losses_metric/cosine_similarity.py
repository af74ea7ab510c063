"""Cosine of the angle between two vectors."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.CosineSimilarity, without its eps",
    known=[
        (((1, 2), (2, 3)), "0.992277876713667649522044705268"),
        (((1, 0), (1, 1)), "0.707106781186547524400844362105"),
        (((1, 2, 3), (-2, -4, -6)), "-1"),
    ],
    first=vector(-1e20, 1e20, sizes=(2, 5)),
    second=vector(-1e20, 1e20, sizes=(2, 5)),
)
def cosine_similarity(first, second):
    """Dot product over both lengths; undefined where a vector is 0. Hard where a square leaves the range."""
    return m.dot(first, second) / (m.norm(first) * m.norm(second))


@cosine_similarity.law
def lengths_do_not_matter(f, first, second):
    """Times 4 and 1/2 the vectors have the same angle."""
    return f(4 * first, second / 2), f(first, second)


@cosine_similarity.law
def exchanging_the_vectors_changes_nothing(f, first, second):
    """The angle is symmetric."""
    return f(first, second), f(second, first)


@cosine_similarity.law
def turning_one_round_changes_the_sign(f, first, second):
    """Odd in each vector."""
    return f(-first, second), -f(first, second)


class _Cosine(torch.autograd.Function):
    # the derivative by x_i is the sum over j of x_j (x_j y_i - x_i y_j) over |x|**3 |y|: of parallel vectors exactly 0
    @staticmethod
    def forward(ctx, first, second):
        ctx.save_for_backward(first, second)
        return as_printed.function(first, second)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        first, second = ctx.saved_tensors
        minors = first[:, :, None] * second[:, None] - first[:, None] * second[:, :, None]
        length, reach = (torch.linalg.vector_norm(x, dim=1)[:, None] for x in (first, second))
        by_first = -(minors * first[:, None]).sum(2) / (length**3 * reach)
        by_second = (minors * second[:, None]).sum(2) / (reach**3 * length)
        return cotangent[:, None] * by_first, cotangent[:, None] * by_second


# value ulps(4): two lengths, a product and a quotient, where conditioning forgives nothing: beside parallel vectors
@cosine_similarity.routine(
    value=ulps(4, gamma=True), grad=ulps(4, gamma=True), formats=["float32", "bfloat16", "float16"]
)
def minors_in_float64(first, second):
    """As printed, in float64, with a backward made of x_i y_j - x_j y_i, whose products of float32 are exact there."""
    return _Cosine.apply(first.double(), second.double()).to(first.dtype)


projection = gap(
    "cancellation",
    "absorption",
    "order",
    "placement",
    why="the backward takes off a projection as long as the vector",
)
squares_out_of_range = gap(
    "overflow", "underflow", "nan_gradient", why="squares and products leave the range"
)
clamped = gap("wrong_formula", why="it takes smaller lengths for its eps")


@projection
@squares_out_of_range
@clamped
@cosine_similarity.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(first, second):
    """`cosine_similarity`, which takes lengths below 1e-8 for that."""
    return functional.cosine_similarity(first, second, dim=1)


@projection
@squares_out_of_range
@clamped
@cosine_similarity.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def normalized_first(first, second):
    """`normalize` each, then the dot product, as embeddings are compared; it takes lengths below 1e-12 for that."""
    return (functional.normalize(first, dim=1) * functional.normalize(second, dim=1)).sum(1)


@projection
@squares_out_of_range
@gap("special_value", why="0/0 where both lengths, or their product, vanish")
@cosine_similarity.routine(value=ulps(4, gamma=True), grad=ulps(4, gamma=True))
def as_printed(first, second):
    """The formula as it is printed."""
    lengths = torch.linalg.vector_norm(first, dim=1) * torch.linalg.vector_norm(second, dim=1)
    return (first * second).sum(1) / lengths
