"""Continuously differentiable exponential linear unit, of width two.

Where it is hard: just below zero, where exp(x/2) - 1 has lost the digits of x.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Barron 2017, Continuously differentiable exponential linear units, arXiv:1704.07483",
    known=[((0,), "0"), ((-1.5,), "-1.05526689451797058572390689811"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def celu(x):
    """x above zero, 2 (exp(x/2) - 1) below."""
    return m.where(x > 0, x, 2 * (m.exp(x / 2) - 1))


@celu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.celu with alpha = 2."""
    return functional.celu(x, alpha=2.0)
