"""Smooth sign with tails of a power.

Where it is hard: in its slope far out, where the square of 1 + abs(x) leaves the range.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Bergstra et al. 2009, Quadratic polynomials learn better image features, technical report 1337, Montreal",
    known=[((0,), "0"), ((-3,), "-0.75"), ((2,), "0.666666666666666666666666666667")],
    x=real(-float("inf"), float("inf")),
)
def softsign(x):
    """x over 1 + abs(x), between -1 and 1."""
    return x / (1 + m.abs(x))


@softsign.law
def it_is_odd(f, x):
    """softsign(-x) = -softsign(x)."""
    return f(-x), -f(x)


class _SoftsignWithOwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x / (1 + torch.abs(x))

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        z = 1 + torch.abs(x)
        return grads[0] / z / z


@softsign.routine(value=ulps(2), grad=ulps(4))
def stable_form(x):
    """The same quotient with the backward 1 / (1 + abs(x))**2, divided twice."""
    return _SoftsignWithOwnBackward.apply(x)


@gap(
    "cancellation",
    "absorption",
    why="autograd adds 1/(1 + a) and -a/(1 + a)**2 with a = abs(x), which cancel",
    of="grad",
)
@softsign.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.softsign."""
    return functional.softsign(x)
