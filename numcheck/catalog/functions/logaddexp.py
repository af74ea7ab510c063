"""Logarithm of the sum of two exponentials.

Where it is hard: where the exponentials leave the range and the result does not, and where x and y are near
log(1/2), so that it passes through zero.
"""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Blanchard, Higham & Higham 2021, Accurately computing the log-sum-exp and softmax functions, equation 1.1",
    known=[
        ((0, 0), "0.693147180559945309417232121458"),
        ((1000, 999), "1000.31326168751822283404899549"),
        ((-1, -0.5), "-0.0259230158198933191270026449188"),
    ],
    x=real(-float("inf"), float("inf")),
    y=real(-float("inf"), float("inf")),
)
def logaddexp(x, y):
    """The smooth maximum of two numbers, in nats."""
    return m.log(m.exp(x) + m.exp(y))


@logaddexp.law
def the_order_does_not_matter(f, x, y):
    """A sum is symmetric."""
    return f(x, y), f(y, x)


@gap("absorption", "cancellation", why="the backward rounds x - y before it is exponentiated", of="grad")
@gap("overflow", why="the backward divides by 1 + exp(|x - y|), which overflows", of="grad")
@logaddexp.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x, y):
    """torch.logaddexp."""
    return torch.logaddexp(x, y)
