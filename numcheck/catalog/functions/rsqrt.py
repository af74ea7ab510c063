"""Reciprocal of the square root.

Where it is hard: among the subnormal numbers, whose reciprocals a kernel may take for infinite. At zero it has no
value.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((1,), "1"), ((2,), "0.7071067811865475244008443621048490392848"), ((0.0625,), "4")],
    x=real(0, float("inf")),
)
def rsqrt(x):
    """The reciprocal of the square root."""
    return 1 / m.sqrt(x)


@gap("overflow", why="the backward cubes the result before it halves it", of="grad")
@rsqrt.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.rsqrt."""
    return torch.rsqrt(x)
