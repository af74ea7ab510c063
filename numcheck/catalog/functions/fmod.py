"""Remainder of a division towards zero.

Where it is hard: where the quotient has more digits than the format, so that it cannot be rounded before it
is subtracted.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="ISO/IEC 9899:2018 (C17), section 7.12.10.1",
    known=[((7, 3), "1"), ((-7, 3), "-1"), ((1.152921504606847e18, 3), "1")],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def fmod(x, y):
    """What is left of x after as many y as fit into it, with the sign of x."""
    return m.fmod(x, y)


@gap("placement", why="a whole vector of numbers gives NaN where the quotient is large", of="value")
@gap(
    "cancellation",
    "placement",
    why="the quotient may be rounded to a whole number before it is cut off",
    of="grad",
)
@fmod.routine(value=ulps(0, cond=0), grad=ulps(4))
def torch_builtin(x, y):
    """torch.fmod."""
    return torch.fmod(x, y)
