"""Inverse of a blend of a power curve and a line, with its gradient: a root of which training asks for derivatives."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Blondel et al. 2022, Efficient and Modular Implicit Differentiation, section 2.1",
    known=[
        ((0.5, 0.5, 3), "0.682327803828019327369483739711"),
        ((0.25, 0.5, 9), "0.658867283913060782735442596553"),
        ((0.5, 0.5, 2), "0.618033988749894848204586834366"),
        ((1, 0.25, 2), "0.5"),
        ((0, 0.25, 9), "0.25"),
    ],
    alpha=real(0, 1, near=(0.5,)),
    y=real(2.0**-10, 1),
    p=one_of(2, 3, 9),
)
def power_blend_inverse(alpha, y, p):
    """The x in [0, 1] at which alpha x**p + (1 - alpha) x = y."""
    return m.root(lambda x: alpha * x**p + (1 - alpha) * x - y, 0, 1)


@power_blend_inverse.law
def the_blend_of_the_root_is_y(f, alpha, y, p):
    """There and back."""
    x = f(alpha, y, p)
    return alpha * x**p + (1 - alpha) * x, y


@power_blend_inverse.law
def a_line_alone_is_its_own_inverse(f, alpha, y, p):
    """A share of 0 leaves the line."""
    return f(0 * alpha, y, p), y


def _bisected(alpha, y, p):
    low, high = torch.zeros_like(y), torch.ones_like(y)
    for _ in range(56):
        middle = (low + high) / 2
        below = alpha * middle**p + (1 - alpha) * middle < y
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return high


class _Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, alpha, y, p):
        x = _bisected(alpha.double(), y.double(), p)
        ctx.save_for_backward(x, alpha)
        ctx.p = p
        return x.to(y.dtype)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        x, alpha = ctx.saved_tensors
        share, p = alpha.double(), ctx.p
        by_y = cotangent.double() / (share * p * x ** (p - 1) + 1 - share)
        return (by_y * x * (1 - x ** (p - 1))).to(alpha.dtype), by_y.to(alpha.dtype), None


# Budgets: a float64 root is off by an ulp of 1, times the curve's bend; x (1 - x**(p-1)) is told near 1 to that.
@power_blend_inverse.routine(
    value=ulps(1), grad=ulps(1, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def bisection_with_implicit_gradient(alpha, y, p):
    """Halvings in float64; backward is 1 / slope by y, and what the blend loses by alpha over the slope."""
    return _Inverse.apply(alpha, y, p)


@power_blend_inverse.routine(
    value=ulps(1), grad=ulps(1, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def one_step_of_newton(alpha, y, p):
    """The same root, a constant for autograd, and one step of Newton from it, whose slopes are the root's."""
    share, height = alpha.double(), y.double()
    x = _bisected(share.detach(), height.detach(), p)
    slope = share.detach() * p * x ** (p - 1) + 1 - share.detach()
    return (x - (share * x**p + (1 - share) * x - height) / slope).to(y.dtype)


@gap(
    "unconverged", "wrong_formula", why="what the last passes leave over is cut off, and their slopes with it"
)
@power_blend_inverse.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4, coupled=True))
def newton_unrolled(alpha, y, p):
    """Eight passes of Newton from 1, from where it comes down without a leap; autograd goes back through all."""
    x = torch.ones_like(y)
    for _ in range(8):
        x = x - (alpha * x**p + (1 - alpha) * x - y) / (alpha * p * x ** (p - 1) + 1 - alpha)
    return x


@gap(
    "wrong_formula",
    of="grad",
    why="comparisons have no slopes: autograd finds that the root depends on nothing",
)
@power_blend_inverse.routine(
    value=ulps(1), grad=ulps(2, coupled=True), formats=["float32", "bfloat16", "float16"]
)
def bisection_alone(alpha, y, p):
    """Halvings in float64, with what autograd makes of them."""
    return _bisected(alpha.double(), y.double(), p).to(y.dtype) + 0 * y + 0 * alpha
