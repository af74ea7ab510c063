"""Error function.

Where it is hard: near zero, where it is 2 x / sqrt(pi), and 1 minus its complement has no digit of that.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.2",
    known=[((0,), "0"), ((1,), "0.84270079294971486934122064"), ((-0.125,), "-0.14031620480133381739302945")],
    x=real(-float("inf"), float("inf")),
)
def erf(x):
    """The error function."""
    return m.erf(x)


@gap(
    "cancellation",
    "underflow",
    why="the 16-bit kernel approximates the result to an absolute error, in which a small one drowns",
    of="value",
)
@erf.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.erf."""
    return torch.erf(x)
