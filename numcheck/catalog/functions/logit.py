"""Inverse of the logistic function.

Where it is hard: near 1/2, where the odds are nearly one. At 1 they have no value.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="Berkson 1944, JASA 39",
    known=[((0.5,), "0"), ((0.25,), "-1.098612288668109691395245"), ((0.875,), "1.945910149055313305105353")],
    x=real(0, 1),
)
def logit(x):
    """The logarithm of the odds of a probability."""
    return m.log(x / (1 - x))


@logit.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.logit."""
    return torch.logit(x)
