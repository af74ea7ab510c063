"""Product of a vector: well conditioned, but partial products leave the range, and so do those of the slopes."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1, lemma 3.1",
    known=[(([1, 2, 3],), "6"), (([0.5, -4],), "-2"), (([3, 0, 7],), "0"), (([-1, 1.5, -3],), "4.5")],
    x=vector(-1e12, 1e12),
)
def prod(x):
    """All entries of the vector `x` multiplied."""
    product = x[0]
    for i in range(1, len(x)):
        product = product * x[i]
    return product


@prod.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@prod.law
def it_is_linear_in_each_entry(f, x):
    """Twice one entry is twice the product."""
    return f(m.concatenate([2 * x[:1], x[1:]])), 2 * f(x)


@prod.law
def a_zero_makes_it_zero(f, x):
    """Whatever the others are."""
    return f(m.concatenate([0 * x[:1], x[1:]])), 0 * x[0]


partial_products = gap(
    "overflow", "underflow", "nan_gradient", why="a partial product leaves the range, the whole does not"
)


@partial_products
@prod.routine(value=ulps(1), grad=ulps(1))
def one_after_another(x):
    """Each entry multiplied with what there is."""
    product = x[:, 0]
    for entry in x.unbind(-1)[1:]:
        product = product * entry
    return product


@partial_products
@gap(
    "cancellation",
    "special_value",
    "placement",
    why="its own order: by way of subnormals, or 0 times infinity",
)
@prod.routine(value=ulps(1), grad=ulps(1))
def torch_builtin(x):
    """torch.prod."""
    return torch.prod(x, -1)


@partial_products
@gap("cancellation", "absorption", why="exp magnifies the rounding of a sum of logarithms")
@prod.routine(value=ulps(1), grad=ulps(1))
def exponential_of_logarithms(x):
    """The sign of the product times exp of the sum of logarithms, as likelihoods are multiplied."""
    return x.sign().prod(-1) * torch.exp(x.abs().log().sum(-1))


class _Exponents(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        fractions, exponents = torch.frexp(x)
        ctx.save_for_backward(fractions, exponents)
        return _multiplied(fractions, exponents.sum(-1))

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        fractions, exponents = ctx.saved_tensors
        n = fractions.shape[-1]
        others = [[j for j in range(n) if j != i] for i in range(n)]
        return cotangent[:, None] * _multiplied(fractions[:, others], exponents[:, others].sum(-1))


def _multiplied(fractions, exponent):
    """Product of the fractions, in [1/2, 1), brought there again after each, times two to the exponent."""
    product = torch.ones_like(fractions[..., 0])
    for fraction in fractions.unbind(-1):
        product, more = torch.frexp(product * fraction)
        exponent = exponent + more
    half = exponent // 2
    return torch.ldexp(torch.ldexp(product, half), exponent - half)


@prod.routine(value=ulps(1), grad=ulps(1))
def exponents_apart(x):
    """Fractions multiplied, exponents added, and put together at the end; the slopes likewise."""
    return _Exponents.apply(x)
