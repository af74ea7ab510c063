"""Rectified linear unit.

Where it is hard: nowhere but at zero, where any slope from 0 to 1 is right.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines, ICML",
    known=[((0,), "0"), ((-1.5,), "0"), ((0.25,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def relu(x):
    """The positive part of x."""
    return m.maximum(x, 0)


@relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.relu."""
    return functional.relu(x)
