"""Exponential function.

Where it is hard: nowhere. The reduced argument needs a few bits more than the format has.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[
        ((0,), "1"),
        ((1,), "2.718281828459045235360287471352662497757"),
        ((-20,), "0.000000002061153622438557827965940380155820976376"),
    ],
    x=real(-float("inf"), float("inf")),
)
def exp(x):
    """The exponential function."""
    return m.exp(x)


@exp.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(x):
    """torch.exp."""
    return torch.exp(x)
