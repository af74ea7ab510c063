"""Self-regularised activation.

Where it is hard: far left, where 1 absorbs exp(x), and near -1.19, where the slope is zero.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Misra 2020, Mish: a self regularized non-monotonic activation function, BMVC",
    known=[
        ((0,), "0"),
        ((1,), "0.865098388267310346116233449256"),
        ((-20,), "-4.12230724062876140064029177401e-8"),
    ],
    x=real(-1e308, 1e308, near=(-88.72, -1.1925, 8.9, 88.72)),
)
def mish(x):
    """x times the hyperbolic tangent of its softplus."""
    return x * m.tanh(m.log(1 + m.exp(x)))


# cond=4: the derivative is a difference near -1.19, and each of its terms is rounded up to four times
@gap("underflow", "placement", why="exp(x) is subnormal or zero where x times it is not yet", of="value")
@gap("underflow", why="the backward's 1/(1 + exp(-x)) is zero where x times it is a normal number", of="grad")
@gap(
    "cancellation",
    why="1 - t * t of a rounded hyperbolic tangent t, times x, meets t, left of zero of the other sign",
    of="grad",
)
@mish.routine(value=ulps(4), grad=ulps(4, cond=4))
def torch_builtin(x):
    """torch.nn.functional.mish."""
    return functional.mish(x)


# n = e**x (e**x + 2): tanh(log(1 + e**x)) = n / (n + 2), and of e**-x beyond 0 the same upside down
@gap("underflow", why="exp(x) is subnormal or zero where x times it is not yet")
@mish.routine(value=ulps(4), grad=ulps(8, cond=8))
def rational_in_the_exponential(x):
    """x n/(n + 2) with n = z (z + 2), z = e**x up to 0; with z = e**-x beyond, (1 + 2 z)/(1 + 2 z + 2 z z)."""
    z = torch.exp(-x.abs())
    left = z * (z + 2)
    right = 1 + 2 * z
    return x * torch.where(x < 0, left / (left + 2), right / (right + 2 * z * z))


@gap("underflow", why="exp(x) is subnormal or zero where x times it is not yet")
@mish.routine(value=ulps(4), grad=ulps(8, cond=8))
def tanh_of_softplus(x):
    """x * tanh(softplus(x)) with torch's two functions."""
    return x * torch.tanh(functional.softplus(x))


@gap("absorption", why="1 absorbs exp(x)")
@gap("nan_gradient", why="exp(x) overflows, and its slope is inf/inf")
@mish.routine(value=ulps(4), grad=ulps(8, cond=8))
def naive_form(x):
    """The formula as it is printed."""
    return x * torch.tanh(torch.log(1 + torch.exp(x)))
