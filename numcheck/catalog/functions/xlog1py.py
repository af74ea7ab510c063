"""A number times the logarithm of one more than another.

Where it is hard: near y = 0, where 1 + y has lost the digits of y, and where x is 0 and y is -1, for which it
is zero by convention.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Cover & Thomas 2006, Elements of Information Theory, section 2.1 (0 log 0 = 0)",
    known=[
        ((0, -1), "0"),
        ((1, 1), "0.693147180559945309417232121458"),
        ((3, 9.5367431640625e-07), "2.86102158497756470172524654489e-6"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(-1, float("inf")),
)
def xlog1py(x, y):
    """x log(1 + y), which is zero where x and 1 + y are."""
    return m.xlogy(x, 1 + y)


@gap("nan_gradient", why="the backward divides x by 1 + y, and both are zero", of="grad")
@xlog1py.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x, y):
    """torch.special.xlog1py."""
    return torch.special.xlog1py(x, y)
