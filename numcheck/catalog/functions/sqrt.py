"""Square root.

Where it is hard: among the subnormal numbers, which a kernel may take for zero.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.2",
    known=[((0,), "0"), ((2,), "1.414213562373095048801688724209698078570"), ((0.0625,), "0.25")],
    x=real(0, float("inf")),
)
def sqrt(x):
    """The square root."""
    return m.sqrt(x)


@sqrt.routine(value=ulps(1), grad=ulps(2))
def torch_builtin(x):
    """torch.sqrt."""
    return torch.sqrt(x)
