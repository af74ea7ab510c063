"""Modified Bessel function of the first kind of order 0.

Where it is hard: far out, where it grows as exp(|x|) does and every ulp of x counts.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.25, equation 10.25.2",
    known=[
        ((0,), "1"),
        ((1,), "1.26606587775200833559824462521"),
        ((10,), "2815.71662846625447146981115343"),
    ],
    x=real(-float("inf"), float("inf")),
)
def i0(x):
    """The modified Bessel function of the first kind of order 0."""
    return m.i0(x)


@gap("overflow", why="exp(|x|) overflows before it is divided by the root of |x|")
@gap("special_value", "nan_gradient", why="at infinity one infinity is divided by another")
@gap("cancellation", why="a Chebyshev series is summed in float32")
@i0.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.i0."""
    return torch.i0(x)
