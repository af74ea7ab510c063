"""Dot product of two vectors: it cancels where they are nearly at right angles, and each product is rounded before."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Num. Algorithms, section 3.1; Ogita, Rump & Oishi 2005 for Dot2",
    known=[
        (([1, 2, 3], [4, 5, 6]), "32"),
        (([2**15 + 1, 1], [2**15 - 1, -(2**30)]), "-1"),
        (([3, -1, 2**20], [0.5, 1.5, 0]), "0"),
    ],
    examples=[([2.0**-75] * 8, [1.5 * 2.0**-75] * 8)],  # products of three quarters of the smallest number
    x=vector(-1e12, 1e12),
    y=vector(-1e12, 1e12),
)
def dot(x, y):
    """Sum of the products of the entries of `x` with those of `y`."""
    return m.sum(x * y)


@dot.law
def the_vectors_may_change_places(f, x, y):
    """x.y = y.x."""
    return f(x, y), f(y, x)


@dot.law
def it_is_linear(f, x, y):
    """x.(2 x + y) = 2 x.x + x.y."""
    return f(x, 2 * x + y), 2 * f(x, x) + f(x, y)


products_sink = gap(
    "underflow", of="value", why="each product is rounded by itself among the subnormal numbers"
)
partial_sums = gap(
    "overflow", of="value", formats=["float16"], why="a product or partial sum leaves the range"
)


@products_sink
@partial_sums
@dot.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def one_after_another(x, y):
    """Each product added to what there is."""
    total = torch.zeros_like(x[:, 0])
    for a, b in zip(x.unbind(-1), y.unbind(-1), strict=True):
        total = total + a * b
    return total


@products_sink
@partial_sums
@dot.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def sum_of_products(x, y):
    """(x * y).sum(), as it is usually written over a batch."""
    return (x * y).sum(-1)


@products_sink
@dot.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(x, y):
    """torch.dot, mapped over the points."""
    return torch.vmap(torch.dot)(x, y)


@dot.routine(value=ulps(1), grad=ulps(0, cond=0), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(x, y):
    """In float64, where products of float32 numbers are exact, rounded once at the end."""
    return (x.double() * y.double()).sum(-1).to(x.dtype)


def _halves(x):
    """High and low part of a float32, of 12 bits each (Veltkamp's splitting)."""
    scaled = x * 4097.0
    high = scaled - (scaled - x)
    return high, x - high


# cond=1 beside the last rounding: Ogita, Rump & Oishi 2005, section 5; errors of products may be subnormal
@gap("underflow", of="value", why="the error of a product lies below the smallest subnormal number")
@dot.routine(value=ulps(1), grad=ulps(0, cond=0), formats=["float32"])
def dot2(x, y):
    """What each product and each addition loses, by error-free transformations, summed by itself."""
    (xh, xl), (yh, yl) = _halves(x.detach()), _halves(y.detach())
    products = x * y
    rounded = products.detach()
    lost = xl * yl - (((rounded - xh * yh) - xl * yh) - xh * yl)
    total, rest = products[:, 0], lost[:, 0]
    for product, error in zip(products.unbind(-1)[1:], lost.unbind(-1)[1:], strict=True):
        bigger = total + product
        other = bigger.detach() - total.detach()
        rest = rest + ((total.detach() - (bigger.detach() - other)) + (product.detach() - other) + error)
        total = bigger
    return total + rest
