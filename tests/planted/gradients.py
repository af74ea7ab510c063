"""Mistakes that only the gradient shows, and singular points."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from typing import Any

import torch

from numcheck import m, real, ulps, vector
from planted import plant, stated


@stated("Hadsell, Chopra & LeCun 2006: the distance of embeddings", x=vector(-1, 1), y=vector(-1, 1))
def distance(x, y):
    squared = m.sum((x - y) ** 2)
    return m.where(squared == 0, 0, m.sqrt(squared))


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        length = x.double().norm(dim=1)
        ctx.save_for_backward(x, length)
        return length.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, length = ctx.saved_tensors
        direction = x.double() / length.clamp(min=1e-300)[:, None]
        return (grad[:, None] * direction).to(x.dtype)


def distance_with_a_declared_slope(x, y):
    return _Norm.apply(x - y)


@plant(
    distance,
    "nan_gradient",
    twin=distance_with_a_declared_slope,
    value=ulps(4),
    grad=ulps(4),
    formats=("float32", "bfloat16"),
)
def square_root_at_zero_distance(x, y):
    return torch.sqrt(((x.double() - y.double()) ** 2).sum(1)).to(
        x.dtype
    )  # no square vanishes before its root


@stated("a root that starts at 1", x=real(-4, 4))
def root_beyond_one(x):
    return m.where(x > 1, m.sqrt(x - 1), 0)


def safe_before_the_root(x):
    inside = x > 1
    return torch.where(inside, torch.sqrt(torch.where(inside, x, 2) - 1), 0)


@plant(root_beyond_one, "nan_gradient", twin=safe_before_the_root, value=ulps(2), grad=ulps(4))
def where_after_a_square_root(x):
    return torch.where(x > 1, torch.sqrt(x - 1), 0)


@stated("the positive part of the logarithm", x=real(0, 4))
def positive_logarithm(x):
    return m.where(x > 1, m.log(x), 0)


def clamped_before_the_logarithm(x):
    return torch.log(torch.where(x > 1, x, 1))


@plant(positive_logarithm, "nan_gradient", twin=clamped_before_the_logarithm, value=ulps(2), grad=ulps(2))
def where_after_a_logarithm(x):
    return torch.where(x > 1, torch.log(x), 0)


@stated("Woodward 1953: the unnormalised sinc", x=real(-8, 8))
def sinc(x):
    return m.where(x == 0, 1, m.sin(x) / x)


def sinc_with_its_limit(x):
    hole = x == 0
    safe = torch.where(hole, 1, x.double())
    return torch.where(hole, 1, torch.sin(safe) / safe).to(x.dtype)


@plant(sinc, "special_value", twin=sinc_with_its_limit, value=ulps(2))
def sine_over_its_argument(x):
    return torch.sin(x) / x


@plant(sinc, "wrong_formula", twin=sinc_with_its_limit, value=ulps(2))
def nan_to_num_hides_the_limit(x):
    return torch.nan_to_num(torch.sin(x.double()) / x.double()).to(x.dtype)


@stated("Elfwing, Uchibe & Doya 2018, Sigmoid-Weighted Linear Units", x=real(-1, 8))
def silu(x):
    return x / (1 + m.exp(-x))


def _silu_slope_known(x):
    return (x.double() * torch.sigmoid(x.double())).to(x.dtype)


@plant(silu, "wrong_formula", twin=_silu_slope_known, value=ulps(2), grad=ulps(2))
def sigmoid_detached_from_the_graph(x):
    return (x.double() * torch.sigmoid(x.double()).detach()).to(x.dtype)


@stated("the cube", x=real(-8, 8))
def cube(x):
    return x**3


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return grad * x * x


def cube_by_products(x):
    return x * x * x


@plant(cube, "scale", twin=cube_by_products, value=ulps(2), grad=ulps(2))
def own_backward_without_its_factor(x):
    return _Cube.apply(x)


@stated("Hendrycks & Gimpel 2016, Gaussian Error Linear Units", x=real(0.5, 4))
def gelu(x):
    return x * (1 + m.erf(x / m.sqrt(m.zeros_like(x) + 2))) / 2


def gelu_by_erf(x):
    return torch.nn.functional.gelu(x)


@plant(gelu, "wrong_formula", twin=gelu_by_erf, value=ulps(4), formats=("float32",))
def gelu_by_tanh(x):
    return torch.nn.functional.gelu(x, approximate="tanh")


@stated(
    "Goodfellow, Bengio & Courville 2016, section 6.2.2.2, as it is written to be stable",
    logit=real(-30, 30),
    label=real(0, 1),
)
def loss_of_a_logit(logit, label):
    return m.maximum(logit, 0) - logit * label + m.log1p(m.exp(-abs(logit)))


def _by_softplus(logit, label):
    logit, label, dtype = logit.double(), label.double(), logit.dtype
    return (torch.nn.functional.softplus(logit) - logit * label).to(dtype)


@plant(loss_of_a_logit, "wrong_formula", twin=_by_softplus, value=ulps(2), grad=ulps(2))
def kinks_that_make_up_for_each_other_have_slopes_that_do_not(logit, label):
    logit, label, dtype = logit.double(), label.double(), logit.dtype
    loss = logit.clamp(min=0) - logit * label + torch.log1p(torch.exp(-logit.abs()))
    return loss.to(dtype)
