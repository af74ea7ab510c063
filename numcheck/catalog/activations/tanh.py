"""Hyperbolic tangent: equal exponentials cancel near zero, large ones overflow; 1 - tanh**2 is of a rounded tanh."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, equations 4.28.1, 4.28.2 and 4.28.4",
    known=[((0,), "0"), ((1,), "0.761594155955764888119458283"), ((-20,), "-0.999999999999999991503291489")],
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
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        z = torch.exp(-2 * torch.abs(x))
        return grads[0] * (4 * z / (1 + z) ** 2)


@tanh.routine(value=ulps(2), grad=ulps(4))
def stable_form(x):
    """torch.tanh with a backward from x, not from the result: 4 z / (1 + z)**2 with z = exp(-2 abs(x))."""
    return _TanhWithOwnBackward.apply(x)


exponential_overflows = gap("overflow", "nan_gradient", why="exp overflows: infinity over infinity")
far_out = gap("cancellation", "absorption", "underflow", of="grad", why="rounded or subnormal terms cancel")


@exponential_overflows
@far_out
@gap("cancellation", "absorption", of="value", why="exp(x) - exp(-x) is taken of rounded exponentials")
@tanh.routine(value=ulps(2), grad=ulps(4))
def naive_form(x):
    """As the source prints it."""
    up, down = torch.exp(x), torch.exp(-x)
    return (up - down) / (up + down)


@gap("cancellation", why="1 - 2/(exp(2 x) + 1) cancels near zero")
@gap("underflow", "nan_gradient", why="exp(2 x), and its square in the backward, leave the range")
@tanh.routine(value=ulps(2), grad=ulps(4))
def one_minus_form(x):
    """1 - 2 / (exp(2 x) + 1): no overflow to nan, but no digits near zero."""
    return 1 - 2 / (torch.exp(2 * x) + 1)


@gap("cancellation", why="2 s - 1 near zero, and 1 - s near one, are taken of a rounded sigmoid s")
@gap("underflow", why="torch.sigmoid gives zero where its result is subnormal")
@tanh.routine(value=ulps(2), grad=ulps(4))
def twice_sigmoid(x):
    """2 sigmoid(2 x) - 1, as written for hardware that has a sigmoid."""
    return 2 * torch.sigmoid(2 * x) - 1


@exponential_overflows
@far_out
@tanh.routine(value=ulps(3), grad=ulps(4))
def expm1_form(x):
    """expm1(2 x) / (expm1(2 x) + 2): digits near zero, infinity over infinity far from it."""
    t = torch.expm1(2 * x)
    return t / (t + 2)


@gap("cancellation", why="the backward computes 1 - y*y from the rounded y: stable_form computes it from x")
@tanh.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.tanh."""
    return torch.tanh(x)
