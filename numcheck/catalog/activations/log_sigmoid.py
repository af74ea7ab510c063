"""Logarithm of the logistic function: about -exp(-x) for large x, which 1 absorbs; x itself where exp(-x) overflows."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10, equations 3.30 and 3.36",
    known=[
        ((0,), "-0.6931471805599453094172321214581765680755"),
        ((2,), "-0.1269280110429724964437268063583044314343"),
        ((-20,), "-20.00000000206115362031438070323898279888"),
    ],
    x=real(-float("inf"), float("inf"), near=(-88.72, -20, 16.6, 20, 88.72)),
)
def log_sigmoid(x):
    """Log-probability, in nats, of the outcome that odds exp(x) favour."""
    return m.log(1 / (1 + m.exp(-x)))


@log_sigmoid.law
def both_outcomes_differ_by_the_logit(f, x):
    """log_sigmoid(x) - log_sigmoid(-x) = x."""
    return f(x) - f(-x), x


@log_sigmoid.law
def it_is_minus_softplus_of_minus_x(f, x):
    """log_sigmoid(x) = -log(1 + exp(-x))."""
    return f(x), -m.log1p(m.exp(-x))


@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def stable_form(x):
    """min(x, 0) - log1p(exp(-abs(x))), each half of the line chosen by where."""
    tail = torch.log1p(torch.exp(torch.where(x >= 0, -x, x)))
    return torch.where(x >= 0, -tail, x - tail)


@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def minus_softplus(x):
    """-softplus(-x) with torch's softplus and its default threshold of 20."""
    return -functional.softplus(-x)


@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.logsigmoid."""
    return functional.logsigmoid(x)


@gap("overflow", "underflow", "nan_gradient", why="exp(-x), and its square in the backward, leave the range")
@gap("absorption", why="1 absorbs exp(-x)")
@log_sigmoid.routine(value=ulps(4), grad=ulps(4))
def naive_form(x):
    """As the book prints it."""
    return torch.log(1 / (1 + torch.exp(-x)))


@gap("underflow", "overflow", "nan_gradient", why="the sigmoid underflows; log and backward meet a pole")
@gap("cancellation", why="what the sigmoid lacks of one was rounded away before the logarithm")
@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def log_of_sigmoid(x):
    """The logarithm of torch's own sigmoid."""
    return torch.log(torch.sigmoid(x))


@gap("wrong_formula", why="the slopes that autograd gives clamp and abs at 0 add up to 1, not to 1/2")
@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def clamped_form(x):
    """min(x, 0) - log1p(exp(-abs(x))), with torch's clamp and abs."""
    return torch.clamp(x, max=0) - torch.log1p(torch.exp(-torch.abs(x)))


@gap("overflow", why="the backward exponentiates a positive number, which overflows, and divides by it")
@log_sigmoid.routine(value=ulps(2), grad=ulps(4))
def log_add_exp(x):
    """-logaddexp(0, -x)."""
    return -torch.logaddexp(torch.zeros_like(x), -x)
