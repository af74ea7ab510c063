"""Cube.

Where it is hard: where it leaves the range.
"""

import torch

from numcheck import formula, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((-1.5,), "-3.375"), ((3,), "27")],
    x=real(-float("inf"), float("inf")),
)
def cube(x):
    """x to the power 3."""
    return x**3


@cube.law
def it_is_odd(f, x):
    """cube(-x) = -cube(x)."""
    return f(-x), -f(x)


@cube.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.pow with the exponent 3."""
    return torch.pow(x, 3)
