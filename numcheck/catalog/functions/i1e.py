"""Modified Bessel function of the first kind of order 1, scaled by exp(-|x|).

Where it is hard: far out, where one factor overflows and the other underflows, and near zero, where it is x /
2 and its slope needs its quotient by x.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.25, equation 10.25.2",
    known=[
        ((0,), "0"),
        ((1,), "0.207910415349708448869354685508"),
        ((-1000,), "-0.0126109302569286294702375643366"),
    ],
    x=real(-float("inf"), float("inf")),
)
def i1e(x):
    """The modified Bessel function of order 1 times exp(-|x|), which takes its growth off."""
    return m.i1e(x)


@gap("cancellation", why="a Chebyshev series is summed in float32", of="value")
@gap("cancellation", "absorption", why="the backward subtracts i1e from i0e, which agree far out", of="grad")
@i1e.routine(value=ulps(2), grad=ulps(4), formats=("float32",))
def torch_builtin(x):
    """torch.special.i1e."""
    return torch.special.i1e(x)


@i1e.routine(value=ulps(2), formats=("bfloat16", "float16"))
def without_gradient(x):
    """torch.special.i1e, whose backward is not written for 16 bits."""
    return torch.special.i1e(x)
