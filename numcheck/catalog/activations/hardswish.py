"""Swish of straight lines.

Where it is hard: near -3/2, where the slope is zero, and at -3 and 3, where it jumps.
"""

from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Howard et al. 2019, Searching for MobileNetV3, ICCV, section 5.2",
    known=[((-4,), "0"), ((-1.5,), "-0.375"), ((0.25,), "0.135416666666666666666666666667")],
    x=real(-1e308, 1e308, near=(-3, -1.5, 3)),
)
def hardswish(x):
    """x times (x + 3)/6 brought into [0, 1]."""
    return x * m.clamp(x + 3, 0, 6) / 6


@gap("overflow", why="x is multiplied by up to 6 before it is divided by 6", of="value")
@hardswish.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.hardswish."""
    return functional.hardswish(x)


beside_the_corner = gap(
    "cancellation", "absorption", of="grad", why="x + 3 rounds to 6, where the slope jumps"
)


@beside_the_corner
@hardswish.routine(value=ulps(4), grad=ulps(4, cond=4))
def share_first(x):
    """x times what is already a share of 1."""
    return x * ((x + 3).clamp(0, 6) / 6)


@beside_the_corner
@gap("overflow", why="x is multiplied by up to 6 before it is divided by 6")
@hardswish.routine(value=ulps(4), grad=ulps(4, cond=4))
def naive_form(x):
    """The formula as it is printed, from left to right, with relu6."""
    return x * functional.relu6(x + 3) / 6


@hardswish.routine(value=ulps(4), grad=ulps(4, cond=4))
def hardsigmoid_form(x):
    """x * hardsigmoid(x)."""
    return x * functional.hardsigmoid(x)
