"""One step of ascent: torch's `maximize` turns the gradient, not the weight decay."""

import torch

from numcheck import formula, gap, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, maximize",
    known=[
        # d = -4 + 0.5 * 2, b = 0.5 * 2 - 3
        ((2, 4, 2, 0.5, 0.5, 0.5), "3"),
        ((2, 4, -2, 0.5, 0.5, 0.0), "4.5"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-1e3, 1e3),
    buffer=real(-1e3, 1e3),
    lr=one_of(0.001, 0.1),
    momentum=one_of(0.5, 0.9),
    decay=one_of(0.0, 0.1),
)
def sgd_maximize(weight, grad, buffer, lr, momentum, decay):
    """weight - lr * b, with b = momentum * buffer - grad + decay * weight: uphill, and towards zero."""
    return weight - lr * (momentum * buffer - grad + decay * weight)


@sgd_maximize.law
def ascent_on_f_is_descent_on_minus_f(f, weight, grad, buffer, lr, momentum, decay):
    """The negative gradient makes it the step that minimises."""
    descent = weight - lr * (momentum * buffer + grad + decay * weight)
    return f(weight, -grad, buffer, lr, momentum, decay), descent


@sgd_maximize.law
def without_momentum_and_decay_the_gradient_is_added(f, weight, grad, buffer, lr, momentum, decay):
    """weight + lr * grad."""
    return f(weight, grad, buffer, lr, 0, 0), weight + lr * grad


def options_of(lr, momentum, decay):
    """What torch.optim.SGD is made with."""
    return {"lr": lr, "momentum": momentum, "weight_decay": decay}


# Budgets: a term carries up to six roundings.
@sgd_maximize.routine(value=ulps(1, cond=6))
def as_printed(weight, grad, buffer, lr, momentum, decay):
    """Every operation rounded to the format."""
    return weight - lr * (momentum * buffer - grad + decay * weight)


@sgd_maximize.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grad, buffer, lr, momentum, decay):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, buffer))
    return as_printed.function(*wide, lr, momentum, decay).to(weight.dtype)


@sgd_maximize.routine(value=ulps(1, cond=6))
def torch_maximize(weight, grad, buffer, lr, momentum, decay):
    """torch.optim.SGD with maximize=True."""
    options = options_of(lr, momentum, decay) | {"maximize": True, "foreach": False}
    return step_of(lambda p: torch.optim.SGD(p, **options), weight, grad, momentum_buffer=buffer)


@sgd_maximize.routine(value=ulps(1, cond=6))
def descent_on_the_negative(weight, grad, buffer, lr, momentum, decay):
    """torch.optim.SGD on the gradient of minus the objective."""
    options = options_of(lr, momentum, decay) | {"foreach": False}
    return step_of(lambda p: torch.optim.SGD(p, **options), weight, -grad, momentum_buffer=buffer)


@gap("wrong_formula", why="the decay is turned as well as the gradient: weights grow")
@sgd_maximize.routine(value=ulps(1, cond=6))
def all_turned(weight, grad, buffer, lr, momentum, decay):
    """A step along plus the rate, of a buffer that holds what is climbed: the decay climbs, too."""
    return weight + lr * (momentum * -buffer + (grad + decay * weight))
