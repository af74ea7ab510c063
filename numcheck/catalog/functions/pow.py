"""A number to the power of another.

Where it is hard: where the exponent is large, for every ulp of the base counts so many times; a negative base
has integer powers only.
"""

import torch

from numcheck import formula, gap, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 9.2",
    known=[
        ((2, -3), "0.125"),
        ((3, 0.5), "1.73205080756887729352744634151"),
        ((10, -2.5), "0.00316227766016837933199889354443"),
    ],
    x=real(-float("inf"), float("inf"), near=(1,)),
    y=real(-float("inf"), float("inf")),
)
def pow(x, y):
    """The product of y factors x if y is a whole number, exp(y log(x)) if not."""
    return x**y


@gap("wrong_formula", why="at 0**0 the slope by y is taken as zero", of="grad")
@gap("absorption", "cancellation", "nan_gradient", why="y - 1 is rounded, and its parity with it", of="grad")
@gap("overflow", "underflow", why="x**(y - 1) leaves the range before it is multiplied by y", of="grad")
@pow.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x, y):
    """torch.pow."""
    return torch.pow(x, y)
