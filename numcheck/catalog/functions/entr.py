"""A term of the entropy.

Where it is hard: near one, where the logarithm passes through zero; at zero it is zero by convention.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Shannon 1948, A Mathematical Theory of Communication, section 6",
    known=[
        ((0,), "0"),
        ((0.5,), "0.346573590279972654708616060729"),
        ((3,), "-3.29583686600432907418573571077"),
    ],
    x=real(0, float("inf"), near=(0.36787944117144233, 1)),
)
def entr(x):
    """What an event of probability x adds to the entropy, in nats."""
    return m.entr(x)


@gap("cancellation", why="the backward takes 1 off a rounded -log(x), which is nearly 1 at 1/e", of="grad")
@entr.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.special.entr."""
    return torch.special.entr(x)
