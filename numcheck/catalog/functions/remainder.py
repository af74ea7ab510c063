"""Remainder of a division rounded down.

Where it is hard: where the quotient has more digits than the format, and where x is a little below zero, so
that the result is nearly y.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Knuth 1997, The Art of Computer Programming, volume 1, section 1.2.4, equation 1",
    known=[((7, 3), "1"), ((-7, 3), "2"), ((1.152921504606847e18, 3), "1")],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def remainder(x, y):
    """x modulo y, with the sign of y."""
    return m.remainder(x, y)


@gap("placement", why="a whole vector of numbers gives NaN where the quotient is large", of="value")
@remainder.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x, y):
    """torch.remainder."""
    return torch.remainder(x, y)
