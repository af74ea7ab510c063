"""Gated linear unit: a large value times a gate's tail, which underflows before the product does."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Dauphin, Fan, Auli & Grangier 2017, Language Modeling with Gated Convolutional Networks, ICML, equation 1",
    known=[
        ((2, 0), "1"),
        ((-3, 1), "-2.19317573589001463775347772547"),
        ((4, -20), "8.2446144727608143257234485179e-9"),
    ],
    value=real(-1e4, 1e4),
    gate=real(-200, 200),
)
def glu(value, gate):
    """`value` times the share sigmoid(gate)."""
    return value * (1 / (1 + m.exp(-gate)))


@glu.law
def the_gate_and_its_negative_share_the_value(f, value, gate):
    """sigmoid(x) + sigmoid(-x) = 1."""
    return f(value, gate) + f(value, -gate), value


@glu.law
def it_is_linear_in_the_value(f, value, gate):
    """Twice the value is twice the result."""
    return f(2 * value, gate), 2 * f(value, gate)


sinks = gap("underflow", why="the sigmoid is subnormal or zero where the value times it is still normal")
rounded = gap(
    "cancellation", "absorption", of="grad", why="the backward computes s (1 - s) from the rounded s"
)


@sinks
@glu.routine(value=ulps(3), grad=ulps(4))
def two_sided_sigmoid(value, gate):
    """The value times a sigmoid whose exponential is at most one."""
    z = torch.exp(torch.where(gate >= 0, -gate, gate))
    return value * (torch.where(gate >= 0, 1.0, z) / (1 + z))


@gap("overflow", "underflow", "nan_gradient", why="exp(-x) or its square leaves the range")
@glu.routine(value=ulps(3), grad=ulps(4))
def naive_form(value, gate):
    """The formula as it is printed."""
    return value * (1 / (1 + torch.exp(-gate)))


@sinks
@rounded
@glu.routine(value=ulps(3), grad=ulps(4))
def times_sigmoid(value, gate):
    """value * torch.sigmoid(gate)."""
    return value * torch.sigmoid(gate)


@sinks
@rounded
@glu.routine(value=ulps(3), grad=ulps(4))
def torch_builtin(value, gate):
    """torch.nn.functional.glu of both side by side."""
    return functional.glu(torch.stack([value, gate], 1), 1)[:, 0]
