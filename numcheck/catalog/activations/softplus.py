"""The smooth positive part: exp(x) overflows where the result is x itself, and 1 absorbs a small exp(x)."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, section 3.10, equation 3.31, after Dugas et al. 2001",
    known=[
        ((0,), "0.6931471805599453094172321214581765680755"),
        ((1,), "1.313261687518222834048995494967855641915"),
        ((-20,), "2.061153620314380703238982798877915235603e-9"),
    ],
    x=real(-float("inf"), float("inf"), near=(-16.6, 11.09, 16.6, 20, 88.72)),
)
def softplus(x):
    """Positive part of x, rounded off over a width of one."""
    return m.log(1 + m.exp(x))


@softplus.law
def positive_minus_negative_part_is_x(f, x):
    """softplus(x) - softplus(-x) = x."""
    return f(x) - f(-x), x


@softplus.routine(value=ulps(2), grad=ulps(4))
def stable_form(x):
    """max(x, 0) + log1p(exp(-abs(x))), each half of the line chosen by where."""
    tail = torch.log1p(torch.exp(torch.where(x > 0, -x, x)))
    return torch.where(x > 0, x + tail, tail)


@softplus.routine(value=ulps(2), grad=ulps(4))
def minus_log_sigmoid(x):
    """-log_sigmoid(-x) with torch's log_sigmoid."""
    return -functional.logsigmoid(-x)


@softplus.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.softplus, which returns x itself beyond its threshold of 20."""
    return functional.softplus(x)


exponential_overflows = gap("overflow", "nan_gradient", why="exp(x) overflows, times 0 in the backward")
quotient_vanishes = gap(
    "underflow", of="grad", why="just below that the backward's 1/(1 + exp(x)) is subnormal"
)


@gap("absorption", why="1 absorbs exp(x)")
@exponential_overflows
@quotient_vanishes
@softplus.routine(value=ulps(2), grad=ulps(4))
def naive_form(x):
    """As the book prints it."""
    return torch.log(1 + torch.exp(x))


@exponential_overflows
@quotient_vanishes
@softplus.routine(value=ulps(2), grad=ulps(4))
def log1p_form(x):
    """log1p(exp(x)): keeps the small exponential, not the large one."""
    return torch.log1p(torch.exp(x))


@gap("wrong_formula", why="the slopes that autograd gives clamp and abs at 0 add up to 1, not to 1/2")
@softplus.routine(value=ulps(2), grad=ulps(4))
def clamped_form(x):
    """max(x, 0) + log1p(exp(-abs(x))), with torch's clamp and abs."""
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-torch.abs(x)))


@gap("overflow", why="the backward exponentiates a positive number, which overflows, and divides by it")
@softplus.routine(value=ulps(2), grad=ulps(4))
def log_add_exp(x):
    """logaddexp(x, 0)."""
    return torch.logaddexp(x, torch.zeros_like(x))
