"""Inverse cosine.

Where it is hard: near 1, where it is small and pi/2 less the inverse sine has no digit of that.
"""

import torch

from numcheck import formula, m, real, ulps


@formula(
    source="NIST Digital Library of Mathematical Functions, section 4.23",
    known=[
        ((1,), "0"),
        ((0.5,), "1.04719755119659774615421446109"),
        ((-0.875,), "2.63623214330563593149132850929"),
    ],
    x=real(-1, 1),
)
def acos(x):
    """The angle in [0, pi] whose cosine is x."""
    return m.acos(x)


@acos.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.acos."""
    return torch.acos(x)
