"""A number times the logarithm of another.

Where it is hard: where both are zero, for which it is zero by convention, and near y = 1, where the logarithm
passes through zero.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Cover & Thomas 2006, Elements of Information Theory, section 2.1 (0 log 0 = 0)",
    known=[
        ((0, 0), "0"),
        ((1, 2), "0.693147180559945309417232121458"),
        ((-3, 0.25), "4.15888308335967185650339272875"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(0, float("inf"), near=(1,)),
)
def xlogy(x, y):
    """x log(y), which is zero where x and y are."""
    return m.xlogy(x, y)


@gap("nan_gradient", why="the backward divides x by y, and both are zero", of="grad")
@xlogy.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x, y):
    """torch.xlogy."""
    return torch.xlogy(x, y)
