"""Complement of the error function.

Where it is hard: far right, where 1 - erf(x) has no digit left and the result falls as exp(-x*x) does, out of
the range.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 7.2",
    known=[
        ((0,), "1"),
        ((1,), "0.157299207050285130658779364917"),
        ((5,), "1.53745979442803485018834348538e-12"),
    ],
    x=real(-float("inf"), float("inf")),
)
def erfc(x):
    """What the error function lacks of one."""
    return 1 - m.erf(x)


@erfc.law
def both_tails_make_two(f, x):
    """erfc(-x) = 2 - erfc(x)."""
    return f(-x), 2 - f(x)


@erfc.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.erfc."""
    return torch.erfc(x)
