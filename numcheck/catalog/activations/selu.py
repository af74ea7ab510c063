"""Scaled exponential linear unit.

Where it is hard: just below zero, where exp(x) - 1 has lost the digits of x.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-normalizing neural networks, equation 2 and appendix",
    known=[
        ((0,), "0"),
        ((-1.5,), "-1.36581435336725274119176989291"),
        ((1,), "1.05070098735548049341933498529"),
    ],
    x=real(-float("inf"), float("inf")),
)
def selu(x):
    """A multiple of x above zero and of exp(x) - 1 below, which keep mean 0 and variance 1."""
    half, e = m.erfc(1 / m.sqrt(2)), m.exp(1)
    alpha = m.sqrt(2 / m.pi()) / (1 - half * m.sqrt(e))
    square = (
        2 * m.erfc(m.sqrt(2)) * e**2 + m.pi() * half**2 * e - 2 * (2 + m.pi()) * half * m.sqrt(e) + m.pi() + 2
    )
    scale = (1 - half * m.sqrt(e)) * m.sqrt(2 * m.pi() / square)
    return scale * m.where(x > 0, x, alpha * (m.exp(x) - 1))


@selu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.selu."""
    return functional.selu(x)


SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@gap("cancellation", of="grad", why="the backward of expm1 adds 1 to its rounded result")
@selu.routine(value=ulps(2), grad=ulps(2))
def clamped_expm1(x):
    """The two constants of the paper's appendix, expm1 of the negative part, and the positive part beside it."""
    return SCALE * torch.where(x > 0, x, ALPHA * torch.expm1(x.clamp(max=0)))


@gap("cancellation", of="value", why="exp(x) - 1 has lost the digits of a small x")
@gap("nan_gradient", why="0 times the infinite exponential of the half that is not taken")
@selu.routine(value=ulps(2), grad=ulps(2))
def naive_form(x):
    """The formula as it is printed, with the constants' digits."""
    return SCALE * torch.where(x > 0, x, ALPHA * (torch.exp(x) - 1))


@gap("cancellation", of="value", why="ALPHA * exp(x) - ALPHA has lost the digits of a small x")
@selu.routine(value=ulps(2), grad=ulps(2))
def guarded_exponential(x):
    """alpha * exp(min(x, 0)) - alpha, the exponential guarded, the difference not."""
    return SCALE * torch.where(x > 0, x, ALPHA * torch.exp(x.clamp(max=0)) - ALPHA)
