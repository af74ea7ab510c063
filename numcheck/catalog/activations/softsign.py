"""Smooth sign with tails of a power.

Where it is hard: in its slope far out, where the square of 1 + abs(x) leaves the range.
"""

from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Bergstra et al. 2009, Quadratic polynomials learn better image features, technical report 1337, Montreal",
    known=[((0,), "0"), ((-1.5,), "-0.6"), ((1,), "0.5")],
    x=real(-float("inf"), float("inf")),
)
def softsign(x):
    """x over 1 + abs(x), between -1 and 1."""
    return x / (1 + m.abs(x))


@softsign.law
def it_is_odd(f, x):
    """softsign(-x) = -softsign(x)."""
    return f(-x), -f(x)


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
