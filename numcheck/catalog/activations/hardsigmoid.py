"""Logistic function of straight lines.

Where it is hard: nowhere but at -3 and 3, where any slope from 0 to 1/6 is right.
"""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Howard et al. 2019, Searching for MobileNetV3, ICCV, section 5.2",
    known=[((-3,), "0"), ((0,), "0.5"), ((0.25,), "0.541666666666666666666666666667")],
    x=real(-float("inf"), float("inf"), near=(-3, 3)),
)
def hardsigmoid(x):
    """(x + 3)/6 brought into [0, 1]."""
    return m.clamp(x + 3, 0, 6) / 6


@gap("cancellation", why="x + 3 is rounded to 6, where clamp has a slope still", of="grad")
@hardsigmoid.routine(value=ulps(2), grad=ulps(1))
def naive_form(x):
    """As the paper prints it."""
    return torch.clamp(x + 3, 0, 6) / 6


@gap("cancellation", "wrong_formula", why="the kernel rounds 1/6 to float32", formats=("float64",), of="grad")
@hardsigmoid.routine(value=ulps(2), grad=ulps(1))
def torch_builtin(x):
    """torch.nn.functional.hardsigmoid."""
    return functional.hardsigmoid(x)
