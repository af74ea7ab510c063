"""Exponential linear unit.

Where it is hard: just below zero, where exp(x) - 1 has lost the digits of x.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Clevert, Unterthiner & Hochreiter 2016, Exponential linear units, ICLR, section 3",
    known=[((0,), "0"), ((-1.5,), "-0.776869839851570171066719529236"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def elu(x):
    """x above zero, exp(x) - 1 below."""
    return m.where(x > 0, x, m.exp(x) - 1)


@elu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.elu."""
    return functional.elu(x)
