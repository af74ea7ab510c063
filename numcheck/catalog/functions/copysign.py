"""Size of a number with the sign of another.

Where it is hard: where a number is zero, whose sign counts as well.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 5.5.1",
    known=[((3, -2), "-3"), ((-3, 2), "3"), ((0.5, -1), "-0.5")],
    relation=lambda y: y != 0,  # a real zero has no sign
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def copysign(x, y):
    """The absolute value of x, with the sign of y."""
    return m.copysign(x, y)


@gap("nan_gradient", why="the backward divides the result by x, and both are infinite", of="grad")
@copysign.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x, y):
    """torch.copysign."""
    return torch.copysign(x, y)
