"""Modified Bessel function of the first kind of order 0, scaled by exp(-|x|).

Where it is hard: far out, where one factor overflows and the other underflows, and the slope, a difference of
nearly equal terms, falls faster than they do.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.25, equation 10.25.2",
    known=[
        ((0,), "1"),
        ((1,), "0.465759607593640436501901529563"),
        ((1000,), "0.0126172404558912565857161312899"),
    ],
    x=real(-float("inf"), float("inf")),
)
def i0e(x):
    """The modified Bessel function of order 0 times exp(-|x|), which takes its growth off."""
    return m.i0e(x)


@gap("placement", why="what does not fill a vector is computed in 16 bits throughout", of="value")
@gap("cancellation", why="a Chebyshev series is summed in float32", of="value")
@gap("cancellation", "absorption", why="the backward subtracts i0e from i1e, which agree far out", of="grad")
@i0e.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.special.i0e."""
    return torch.special.i0e(x)
