"""Logarithm of shares in proportion to exponentials.

Where it is hard: a share that underflows has a logarithm of minus infinity, though the exact one is merely large; a
share that is nearly all has a logarithm near zero, which x - logsumexp(x) gets as a difference of close numbers.
"""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.2.3, equations 6.29 and 6.30",
    known=[
        (
            ([1, 2, 3],),
            "-2.407605964444380304482919904545070451473, -1.407605964444380304482919904545070451473, "
            "-0.4076059644443803044829199045450704514729",
        ),
    ],
    examples=[
        ((-65440, 249.25, 256),),  # x - logsumexp(x) leaves float16's range
        ((-64, -0.015625, -8),),  # the backward adds shares that differ by far
    ],
    x=vector(-float("inf"), 10000, sizes=(2, 3, 8), near=(-88.72, 11.09, 88.72)),
)
def log_softmax(x):
    """Log-probability, in nats, of each class whose log-odds are the vector `x`."""
    return m.log(m.exp(x) / m.sum(m.exp(x)))


@log_softmax.law
def it_is_the_entry_minus_logsumexp(f, x):
    """log_softmax(x) = x - logsumexp(x)."""
    return f(x), x - m.log(m.sum(m.exp(x)))


@log_softmax.law
def the_shares_sum_to_one(f, x):
    """Probabilities."""
    return m.sum(m.exp(f(x))), m.sum(m.zeros_like(x)) + 1


@log_softmax.law
def a_common_offset_changes_nothing(f, x):
    """log_softmax(x + 3) = log_softmax(x)."""
    return f(x + 3), f(x)


# ulps(4), ulps(6): the share is rounded three times before its logarithm is taken
@gap("underflow", why="exponentials are subnormal or zero, and so is the share whose logarithm is taken")
@gap("overflow", why="exp exceeds the largest number beyond log(largest): infinity over infinity")
@gap("cancellation", why="the logarithm of a rounded share near one has lost what distinguishes it from one")
@gap("nan_gradient", why="the backward multiplies an infinity by zero")
@log_softmax.routine(value=ulps(6), grad=ulps(8))
def naive_form(x):
    """As the book prints it."""
    z = torch.exp(x)
    return torch.log(z / z.sum(-1, keepdim=True))


@gap("underflow", why="the share is subnormal or zero before its logarithm is large")
@gap("cancellation", why="the logarithm of a rounded share near one has lost what distinguishes it from one")
@gap("nan_gradient", why="the backward multiplies 1/0 by zero")
@log_softmax.routine(value=ulps(2), grad=ulps(4))
def log_of_softmax(x):
    """The logarithm of torch's softmax."""
    return torch.log(torch.softmax(x, -1))


# ulps(4), ulps(6): near zero the logarithm of the sum, up to log(8), is rounded at its own size
@gap("absorption", why="the logarithm of the sum is absorbed by the largest input")
@gap(
    "cancellation",
    why="x and logsumexp(x) are close where a share is nearly one, and both rounded at the size of the offset",
)
@gap("overflow", why="x - logsumexp(x) leaves the range")
@log_softmax.routine(value=ulps(6), grad=ulps(6))
def minus_logsumexp(x):
    """x - logsumexp(x): two numbers of the size of the offset are subtracted."""
    return x - torch.logsumexp(x, -1, keepdim=True)


@gap(
    "cancellation",
    why="log(1 + small) of a rounded sum: the largest entry's logarithm has lost its digits, as has 1 - s_i",
)
@gap(
    "absorption",
    why="small exponentials are absorbed by the largest entry's 1, so that its logarithm is zero",
)
@gap(
    "underflow",
    why="small exponentials underflow or are absorbed; the result is +0 where the exact one is negative",
)
@log_softmax.routine(value=ulps(6), grad=ulps(7))
def max_subtracted(x):
    """The largest input is subtracted before the exponentials and not added again."""
    shifted = x - x.amax(-1, keepdim=True).detach()
    return shifted - torch.log(torch.exp(shifted).sum(-1, keepdim=True))


# grad ulps(8): the derivatives of eight entries are added one after another
@gap(
    "underflow",
    why="small exponentials are subnormal, with few digits or none, and so are the derivatives made of them",
)
@gap("cancellation", why="the derivative 1 - s_i is taken of a rounded share that is nearly one")
@gap(
    "absorption",
    why="a small share is absorbed where the backward adds it to the other parts of its class's derivative",
)
@log_softmax.routine(value=ulps(2), grad=ulps(8))
def stable_form(x):
    """The largest input's own term is left out of the sum and log1p takes the others."""
    largest, position = x.max(-1, keepdim=True)
    shifted = x - largest
    others = torch.exp(shifted).scatter(-1, position, 0.0).sum(-1, keepdim=True)
    return shifted - torch.log1p(others)


@gap(
    "cancellation",
    why="log(1 + small) of a rounded sum: the largest entry's logarithm has lost its digits, as has 1 - s_i",
)
@gap(
    "underflow",
    why="small exponentials underflow or are absorbed; the result is +0 where the exact one is negative",
)
@log_softmax.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.log_softmax."""
    return torch.log_softmax(x, -1)
