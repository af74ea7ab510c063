"""Quotient of two numbers.

Where it is hard: in the gradient, where x / y**2 leaves the range on the way to a result that does not.
"""

import torch

from numcheck import formula, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 5.4.1",
    known=[
        ((1, 4), "0.25"),
        ((1, 3), "0.333333333333333333333333333333"),
        ((-2, 7), "-0.285714285714285714285714285714"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def div(x, y):
    """How often y fits into x."""
    return x / y


@div.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x, y):
    """torch.div."""
    return torch.div(x, y)
