"""Exponential function.

Where it is hard: nowhere. The reduced argument needs a few bits more than the format has.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "1"), ((1,), "2.71828182845904523536028747"), ((-20,), "2.06115362243855782796594038e-9")],
    x=real(-float("inf"), float("inf")),
)
def exp(x):
    """The exponential function."""
    return m.exp(x)


@exp.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(x):
    """torch.exp."""
    return torch.exp(x)
