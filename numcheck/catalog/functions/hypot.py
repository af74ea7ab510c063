"""Length of the hypotenuse of a right triangle.

Where it is hard: where the squares leave the range and the root of their sum does not.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, section 9.2",
    known=[
        ((3, 4), "5"),
        ((1, 1), "1.41421356237309504880168872421"),
        ((0.5, -2), "2.06155281280883027491070492799"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def hypot(x, y):
    """The length of the hypotenuse over the legs x and y."""
    return m.hypot(x, y)


@hypot.law
def the_order_does_not_matter(f, x, y):
    """The legs change places."""
    return f(x, y), f(y, x)


@gap("nan_gradient", why="the backward divides by the length, which is zero", of="grad")
@gap("overflow", why="the backward divides by the length, which has overflowed", of="grad")
@gap(
    "underflow",
    why="the backward divides by the length, of which few bits are left among subnormals",
    of="grad",
)
@hypot.routine(value=ulps(1), grad=ulps(4))
def torch_builtin(x, y):
    """torch.hypot."""
    return torch.hypot(x, y)
