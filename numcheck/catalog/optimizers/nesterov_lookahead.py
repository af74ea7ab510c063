"""Nesterov's step on a parabola: the gradient is taken where momentum is about to carry the weight."""

import torch

from numcheck import formula, gap, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="Sutskever et al. 2013, On the importance of initialization and momentum, equations 3 and 4",
    known=[
        # ahead 2 + 2 = 4, gradient 2, velocity 2 - 1
        ((2, 4, 0.5, 0.5, 0.5), "3"),
        ((2, 0, 0.5, 0.5, 0.5), "1.5"),
        ((4, -8, 1, 0.5, 0.5), "0"),
    ],
    wrt=(),
    # away from zero, where the weight shows the smallest steps
    weight=real(0.125, 16),
    velocity=real(-16, 16),
    curvature=real(0, 16),
    lr=one_of(0.001, 0.1, 0.5),
    momentum=one_of(0.5, 0.9),
)
def nesterov_lookahead(weight, velocity, curvature, lr, momentum):
    """weight + v, v = momentum * velocity - lr * gradient at weight + momentum * velocity, of curvature / 2 * x**2."""
    ahead = weight + momentum * velocity
    return weight + (momentum * velocity - lr * (curvature * ahead))


@nesterov_lookahead.law
def torch_keeps_the_place_ahead(f, weight, velocity, curvature, lr, momentum):
    """torch's Nesterov step of the place ahead, with velocity = -lr * b, leads to the next place ahead."""
    ahead, b = weight + momentum * velocity, velocity / (-1 * lr)
    grad = curvature * ahead
    there = ahead - lr * (grad + momentum * (momentum * b + grad))
    after = f(weight, velocity, curvature, lr, momentum)
    return there, after + momentum * (after - weight)


@nesterov_lookahead.law
def twice_weight_and_velocity_is_twice_the_place(f, weight, velocity, *others):
    """A parabola's gradient is linear."""
    return f(2 * weight, 2 * velocity, *others), 2 * f(weight, velocity, *others)


# Budgets: a term carries up to seven roundings.
@gap(
    "cancellation",
    "absorption",
    why="the weight less lr * curvature times the same weight: where that is near 1 few digits stay",
)
@nesterov_lookahead.routine(value=ulps(1, cond=7))
def as_printed(weight, velocity, curvature, lr, momentum):
    """Every operation rounded to the format."""
    ahead = weight + momentum * velocity
    return weight + (momentum * velocity - lr * (curvature * ahead))


@nesterov_lookahead.routine(value=ulps(1, cond=7))
def shrunk_from_ahead(weight, velocity, curvature, lr, momentum):
    """The place ahead, and from there the step: weight + momentum * velocity less lr * curvature times the same."""
    ahead = weight + momentum * velocity
    return ahead - lr * (curvature * ahead)


@nesterov_lookahead.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, velocity, curvature, lr, momentum):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, velocity, curvature))
    return as_printed.function(*wide, lr, momentum).to(weight.dtype)


@gap("wrong_formula", why="it steps from the weight, where its own step wants the place ahead")
@nesterov_lookahead.routine(value=ulps(1, cond=7))
def torch_nesterov_at_the_weight(weight, velocity, curvature, lr, momentum):
    """torch.optim.SGD with nesterov=True, given the weight and its gradient there as if the two forms were one."""
    options = {"lr": lr, "momentum": momentum, "nesterov": True, "foreach": False}
    buffer = -velocity / lr
    return step_of(
        lambda p: torch.optim.SGD(p, **options), weight, curvature * weight, momentum_buffer=buffer
    )
