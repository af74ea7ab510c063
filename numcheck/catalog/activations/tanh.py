"""Hyperbolic tangent.

Where it is hard: the printed form subtracts two equal exponentials near zero and divides two infinities far from it;
and the derivative 1 - tanh(x)**2 is taken of a tanh that has rounded to 1, though it is about 4 exp(-2 x) there.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, equations 4.28.1, 4.28.2 and 4.28.4",
    known=[
        ((0,), "0"),
        ((1,), "0.7615941559557648881194582826047935904128"),
        ((-20,), "-0.9999999999999999915032914894168220454386"),
    ],
    examples=[(7.96484375,)],  # in float16 the derivative is a difference of two subnormal quotients
    x=real(-1e308, 1e308, near=(-44.36, -9.01, 9.01, 44.36, 88.72)),
)
def tanh(x):
    """Hyperbolic tangent, in (-1, 1)."""
    return m.tanh(x)


@tanh.law
def it_is_odd(f, x):
    """tanh(-x) = -tanh(x)."""
    return f(-x), -f(x)


@tanh.law
def it_adds_as_velocities_do(f, x):
    """tanh(2 x) = 2 tanh(x) / (1 + tanh(x)**2)."""
    return f(2 * x), 2 * f(x) / (1 + f(x) ** 2)


class _TanhWithOwnBackward(torch.autograd.Function):
    """torch.tanh, with its derivative computed from x rather than from the rounded result."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        z = torch.exp(-2 * torch.abs(x))
        return grads[0] * (4 * z / (1 + z) ** 2)


@gap("overflow", why="exp(abs(x)) exceeds the largest number: infinity over infinity")
@gap(
    "cancellation",
    why="exp(x) - exp(-x) cancels near zero, and autograd's two terms of the derivative far from it",
)
@gap(
    "absorption",
    why="the small exponential is absorbed by the large one, so the derivative comes out as zero",
)
@gap(
    "underflow",
    why="the derivative is a difference of two quotients that are subnormal in float16",
    of="grad",
)
@gap(
    "nan_gradient",
    why="an exponential exceeds the largest number, and the backward multiplies it by 1/infinity = 0",
)
@tanh.routine(value=ulps(2), grad=ulps(4))
def naive_form(x):
    """As the source prints it."""
    up, down = torch.exp(x), torch.exp(-x)
    return (up - down) / (up + down)


@gap("cancellation", why="1 - 2/(exp(2 x) + 1) cancels near zero")
@gap(
    "underflow",
    why="the backward squares 1/(exp(2 x) + 1), which underflows at half the x at which the derivative does",
)
@gap("nan_gradient", why="the backward multiplies the infinite exp(2 x) by zero")
@tanh.routine(value=ulps(2), grad=ulps(4))
def one_minus_form(x):
    """1 - 2 / (exp(2 x) + 1): no overflow to nan, but no digits near zero."""
    return 1 - 2 / (torch.exp(2 * x) + 1)


@gap(
    "cancellation", why="2 sigmoid(2 x) - 1 cancels near zero; the derivative s (1 - s) where s is nearly one"
)
@gap("underflow", why="torch.sigmoid gives zero where its result is subnormal")
@tanh.routine(value=ulps(2), grad=ulps(4))
def twice_sigmoid(x):
    """2 sigmoid(2 x) - 1, as written for hardware that has a sigmoid."""
    return 2 * torch.sigmoid(2 * x) - 1


@gap("overflow", why="expm1(2 x) exceeds the largest number beyond log(largest)/2: infinity over infinity")
@gap(
    "cancellation",
    why="the backward adds 1 to expm1(2 x), which is nearly -1 far left, and two terms that cancel far right",
)
@gap("absorption", why="2 is absorbed by expm1(2 x), so the two terms of the derivative cancel to zero")
@gap(
    "nan_gradient",
    why="expm1(2 x) exceeds the largest number, and the backward multiplies it by 1/infinity = 0",
)
@gap(
    "underflow",
    why="1 / (expm1(2 x) + 2) is subnormal, and the derivative a difference of two such",
    of="grad",
)
@tanh.routine(value=ulps(2), grad=ulps(4))
def expm1_form(x):
    """expm1(2 x) / (expm1(2 x) + 2): digits near zero, infinity over infinity far from it."""
    t = torch.expm1(2 * x)
    return t / (t + 2)


@tanh.routine(value=ulps(2), grad=ulps(4))
def stable_form(x):
    """torch.tanh with a backward that computes 4 z / (1 + z)**2 with z = exp(-2 abs(x))."""
    return _TanhWithOwnBackward.apply(x)


@gap("cancellation", why="the backward computes 1 - y*y from the rounded y: stable_form computes it from x")
@tanh.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.tanh."""
    return torch.tanh(x)
