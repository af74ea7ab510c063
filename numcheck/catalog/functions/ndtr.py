"""Distribution function of the standard normal distribution.

Where it is hard: far left, where 1 + erf(x / sqrt(2)) cancels, and where the tail leaves the range.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.20, equation 7.20.1",
    known=[
        ((0,), "0.5"),
        ((1,), "0.841344746068542948585232545632"),
        ((-8,), "6.22096057427178412351599517259e-16"),
    ],
    x=real(-float("inf"), float("inf")),
)
def ndtr(x):
    """The share of the standard normal distribution below x."""
    return m.erfc(-x / m.sqrt(2)) / 2


@ndtr.law
def both_sides_make_one(f, x):
    """ndtr(-x) = 1 - ndtr(x)."""
    return f(-x), 1 - f(x)


@gap("cancellation", why="1 + erf(x / sqrt(2)) keeps nothing of a small tail", of="value")
@gap("cancellation", why="the square of the rounded x / sqrt(2) is exponentiated", of="grad")
@ndtr.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.special.ndtr."""
    return torch.special.ndtr(x)
