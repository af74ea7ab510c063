"""Shares in proportion to exponentials: exp overflows though no share exceeds one; s_i (1 - s_i) cancels near one."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 4.1, equation 4.1",
    known=[(([1, 2, 3],), "0.090030573170380457998, 0.24472847105479765247, 0.66524095577482188953")],
    x=vector(-float("inf"), 10000, sizes=(2, 3, 8), near=(-88.72, 11.09, 88.72)),
)
def softmax(x):
    """Probability of each class whose log-odds are the vector `x`, -inf where masked; the entries sum to one."""
    return m.exp(x) / m.sum(m.exp(x))


@softmax.law
def the_shares_sum_to_one(f, x):
    """Probabilities."""
    return m.sum(f(x)), m.sum(m.zeros_like(x)) + 1


@softmax.law
def the_order_does_not_matter(f, x):
    """Moving the entries around moves the shares along."""
    return f(m.roll(x, 1)), m.roll(f(x), 1)


@softmax.law
def a_common_offset_changes_nothing(f, x):
    """softmax(x + 3) = softmax(x)."""
    return f(x + 3), f(x)


share_near_one = gap("cancellation", "underflow", of="grad", why="s_i (1 - s_i) is taken of a rounded share")


# grad ulps(10): autograd's two terms carry the roundings of the sum and of its square, and cancel by up to two bits
@gap("overflow", "underflow", "nan_gradient", why="exp, and its square in the backward, leave the range")
@gap("cancellation", "absorption", why="the sum rounds small terms away; near share one terms cancel")
@softmax.routine(value=ulps(4), grad=ulps(10))
def naive_form(x):
    """As the book prints it."""
    z = torch.exp(x)
    return z / z.sum(-1, keepdim=True)


# ulps(8): eight terms are added one after another to a sum near one
@gap("cancellation", "absorption", of="grad", why="small exponentials are rounded away beside the largest")
@gap("cancellation", "absorption", of="value", why="exp magnifies how x - largest was rounded")
@softmax.routine(value=ulps(8), grad=ulps(7))
def max_subtracted(x):
    """The largest input is subtracted first, so that the exponentials are at most one."""
    z = torch.exp(x - x.amax(-1, keepdim=True).detach())
    return z / z.sum(-1, keepdim=True)


# twice the usual: near zero the logarithm of the sum, up to log(8), and the difference are rounded at that size
@gap("cancellation", "absorption", why="the exponential magnifies how x - logsumexp(x) was rounded")
@softmax.routine(value=ulps(6), grad=ulps(10))
def minus_logsumexp(x):
    """exp(x - logsumexp(x))."""
    return torch.exp(x - torch.logsumexp(x, -1, keepdim=True))


@gap("cancellation", "underflow", of="value", why="exp magnifies how the logarithm was rounded")
@gap("cancellation", "underflow", "overflow", of="grad", why="a rounded share's s (1 - s), beside log 0 too")
@softmax.routine(value=ulps(2), grad=ulps(4))
def exponential_of_log_softmax(x):
    """exp(log_softmax(x))."""
    return torch.exp(torch.log_softmax(x, -1))


# ulps(8) as for max_subtracted, in float32
@gap("cancellation", "underflow", of="value", why="exp magnifies how x - largest was rounded")
@share_near_one
@softmax.routine(value=ulps(8), grad=ulps(4))
def torch_builtin(x):
    """torch.softmax."""
    return torch.softmax(x, -1)
