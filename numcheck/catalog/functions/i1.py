"""Modified Bessel function of the first kind of order 1.

Where it is hard: far out, where it grows as exp(|x|) does, and near zero, where it is x / 2 and its slope
needs its quotient by x.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 10.25, equation 10.25.2",
    known=[
        ((0,), "0"),
        ((1,), "0.565159103992485027207696027610"),
        ((-10,), "-2670.98830370125465434103196677"),
    ],
    x=real(-float("inf"), float("inf")),
)
def i1(x):
    """The modified Bessel function of the first kind of order 1."""
    return m.i1(x)


exp_overflows = gap("overflow", why="exp(|x|) overflows before it is divided by the root of |x|", of="value")
infinite = gap("special_value", why="at infinity one infinity is divided by another", of="value")


@exp_overflows
@infinite
@gap("cancellation", why="a Chebyshev series is summed in float32")
@gap("nan_gradient", why="the backward subtracts i1(x) / x from i0(x), and both overflow", of="grad")
@i1.routine(value=ulps(2), grad=ulps(4), formats=("float32",))
def torch_builtin(x):
    """torch.special.i1."""
    return torch.special.i1(x)


@exp_overflows
@infinite
@i1.routine(value=ulps(2), formats=("bfloat16", "float16"))
def without_gradient(x):
    """torch.special.i1, whose backward is not written for 16 bits."""
    return torch.special.i1(x)
