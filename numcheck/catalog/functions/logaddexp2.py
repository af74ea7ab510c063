"""Logarithm to base two of a sum of two powers of two.

Where it is hard: where the powers leave the range and the result does not, and near x = y = -1, where it
passes through zero.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Blanchard, Higham & Higham 2021, Accurately computing the log-sum-exp and softmax functions, section 1",
    known=[
        ((0, 0), "1"),
        ((1000, 999), "1000.58496250072115618145373894"),
        ((-1, -0.5), "0.271553303163611972643612369851"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def logaddexp2(x, y):
    """The smooth maximum of two numbers, in bits."""
    return m.log2(m.exp2(x) + m.exp2(y))


@logaddexp2.law
def the_order_does_not_matter(f, x, y):
    """A sum is symmetric."""
    return f(x, y), f(y, x)


@gap("absorption", "cancellation", why="the backward rounds x - y before it is exponentiated", of="grad")
@gap("cancellation", why="the larger number and the logarithm nearly cancel beside a result of 0", of="value")
@gap("overflow", why="the backward divides by 1 + 2**|x - y|, which overflows", of="grad")
@logaddexp2.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x, y):
    """torch.logaddexp2."""
    return torch.logaddexp2(x, y)
