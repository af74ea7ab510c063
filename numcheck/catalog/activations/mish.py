"""Self-regularised activation.

Where it is hard: far left, where 1 absorbs exp(x), and near -1.19, where the slope is zero.
"""

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
