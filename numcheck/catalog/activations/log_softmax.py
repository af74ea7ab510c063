"""Logarithm of shares in proportion to exponentials: hard where a share underflows, and where it is nearly all."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.2.2.3, equations 6.29 and 6.30",
    known=[(([1, 2, 3],), "-2.4076059644443803045, -1.4076059644443803045, -0.40760596444438030448")],
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


# grad ulps(8): the derivatives of eight entries are added one after another
@gap("cancellation", "absorption", "order", of="grad", why="the backward adds up 1 - share of rounded shares")
@gap("cancellation", "absorption", of="value", why="exp magnifies how x - largest was rounded")
@gap("underflow", why="exponentials that vanish one by one would not have vanished together")
@log_softmax.routine(value=ulps(2), grad=ulps(8))
def stable_form(x):
    """The largest input's own term is left out of the sum and log1p takes the others."""
    largest, position = x.max(-1, keepdim=True)
    shifted = x - largest
    others = torch.exp(shifted).scatter(-1, position, 0.0).sum(-1, keepdim=True)
    return shifted - torch.log1p(others)


share_near_one = gap("cancellation", why="what a share lacks of one was rounded away before the logarithm")


# the share is rounded three times before its logarithm is taken
@gap("overflow", "underflow", "nan_gradient", why="exp leaves the range at either end: inf / inf, or log(0)")
@share_near_one
@log_softmax.routine(value=ulps(6), grad=ulps(8))
def naive_form(x):
    """As the book prints it."""
    z = torch.exp(x)
    return torch.log(z / z.sum(-1, keepdim=True))


@gap("underflow", "nan_gradient", why="the share underflows: log(0), and the backward divides by it")
@share_near_one
@log_softmax.routine(value=ulps(2), grad=ulps(4))
def log_of_softmax(x):
    """The logarithm of torch's softmax."""
    return torch.log(torch.softmax(x, -1))


# ulps(4), ulps(6): near zero the logarithm of the sum, up to log(8), is rounded at its own size
@gap("cancellation", "absorption", why="x and logsumexp(x) are close, and rounded at the size of the offset")
@log_softmax.routine(value=ulps(6), grad=ulps(6))
def minus_logsumexp(x):
    """x - logsumexp(x): two numbers of the size of the offset are subtracted."""
    return x - torch.logsumexp(x, -1, keepdim=True)


@gap("cancellation", "absorption", why="small exponentials are rounded away beside the largest, which is 1")
@log_softmax.routine(value=ulps(6), grad=ulps(7))
def max_subtracted(x):
    """The largest input is subtracted before the exponentials and not added again."""
    shifted = x - x.amax(-1, keepdim=True).detach()
    return shifted - torch.log(torch.exp(shifted).sum(-1, keepdim=True))


@gap("cancellation", "underflow", why="small exponentials are rounded away beside the largest, which is 1")
@log_softmax.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.log_softmax."""
    return torch.log_softmax(x, -1)
