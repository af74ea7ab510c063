"""Sign of a number.

Where it is hard: nowhere. It is flat, but at zero, where it jumps.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, common notations and definitions",
    known=[((0,), "0"), ((-1.5,), "-1"), ((0.25,), "1")],
    x=real(-float("inf"), float("inf")),
)
def sign(x):
    """-1, 0 or 1, as x is below, at or above zero."""
    return m.sign(x)


@sign.law
def it_is_odd(f, x):
    """sign(-x) = -sign(x)."""
    return f(-x), -f(x)


@sign.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.sign."""
    return torch.sign(x)
