"""Complement of the error function, scaled by exp(x*x).

Where it is hard: far right, where one factor overflows, the other underflows and the product is 1 / (x
sqrt(pi)); its slope is a difference of nearly equal terms there.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.2, equation 7.2.3 at i x",
    known=[
        ((0,), "1"),
        ((1,), "0.427583576155807004410750344491"),
        ((100,), "0.00564161378298943290355645700695"),
    ],
    x=real(-float("inf"), float("inf")),
)
def erfcx(x):
    """The complement of the error function times exp(x*x), which takes its decay off."""
    return m.erfcx(x)


@gap(
    "cancellation", why="400 / (4 + x) is rounded before a table takes one of its 100 offsets off", of="value"
)
@gap(
    "cancellation",
    why="the backward subtracts 2 / sqrt(pi) from 2 x erfcx(x), which agree far right",
    of="grad",
)
@gap("overflow", why="2 x overflows before it meets erfcx(x)", of="grad")
@erfcx.routine(value=ulps(2), grad=ulps(4), formats=("float32",))
def torch_builtin(x):
    """torch.special.erfcx."""
    return torch.special.erfcx(x)
