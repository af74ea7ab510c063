"""Leaky rectified linear unit.

Where it is hard: nowhere but at zero, where any slope from 1/100 to 1 is right.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models, section 2",
    known=[((0,), "0"), ((-25,), "-0.25"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def leaky_relu(x):
    """x, of which a hundredth is left below zero."""
    return m.maximum(x, x / 100)


@leaky_relu.routine(value=ulps(2), grad=ulps(1))
def torch_builtin(x):
    """torch.nn.functional.leaky_relu with its slope of 0.01."""
    return functional.leaky_relu(x)
