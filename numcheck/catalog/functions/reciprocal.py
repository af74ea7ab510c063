"""Reciprocal.

Where it is hard: among the subnormal numbers, which a kernel may take for zero. At zero it has no value.
"""

import torch

from numcheck import formula, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "1"), ((-0.75,), "-1.33333333333333333333333333333"), ((4,), "0.25")],
    x=real(-float("inf"), float("inf")),
)
def reciprocal(x):
    """One divided by x."""
    return 1 / x


@reciprocal.law
def it_is_odd(f, x):
    """reciprocal(-x) = -reciprocal(x)."""
    return f(-x), -f(x)


@reciprocal.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x):
    """torch.reciprocal."""
    return torch.reciprocal(x)
