"""Hurwitz zeta function.

Where it is hard: beside its pole at s = 1, and for large q, where the sum ends in an integral.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 25.11, equation 25.11.1",
    known=[
        ((2, 1), "1.64493406684822643647241516665"),
        ((3, 0.25), "64.6638699687684601666689835894"),
        ((1.5, 100), "0.200501249981771907421189611544"),
    ],
    wrt=(),
    s=real(1, float("inf")),
    q=real(0, float("inf")),
)
def zeta(s, q):
    """The sum of (k + q)**-s over the whole numbers k from 0."""
    return m.zeta(s, q)


@gap("special_value", why="where all of its terms underflow it multiplies zero by infinity")
@zeta.routine(value=ulps(2), formats=("float32",))
def torch_builtin(s, q):
    """torch.special.zeta."""
    return torch.special.zeta(s, q)
