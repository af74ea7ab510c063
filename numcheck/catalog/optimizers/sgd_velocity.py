"""Momentum by velocity, v = beta * v - rate * grad, under rates that change: a velocity keeps the rates of its past."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps


@formula(
    source="Sutskever et al. 2013, On the importance of initialization and momentum, equations 1 and 2",
    known=[
        # v = -2, weight 0; v = -1 - 1
        ((2, (4, 4), (0.5, 0.25), 0.5), "-2"),
        ((2, (4,), (0.5,), 0.5), "0"),
        ((2, (4, 0), (0.5, 0), 0.5), "-1"),
    ],
    wrt=(),
    # away from zero, where the weight shows the smallest steps
    weight=real(0.125, 16),
    grads=steps(-100, 100, horizons=(1, 2, 10)),
    rates=steps(0, 1, horizons=(1, 2, 10)),
    momentum=one_of(0.5, 0.9),
)
def sgd_velocity(weight, grads, rates, momentum):
    """Weight after steps of velocity = momentum * velocity - rate * grad, weight = weight + velocity, from rest."""

    def step(state, grad, rate):
        weight, velocity = state[0], momentum * state[1] - rate * grad
        return weight + velocity, velocity

    return m.fold(step, (weight, 0), grads, rates)[0]


@sgd_velocity.law
def under_one_rate_it_is_the_buffer_form(f, weight, grads, rates, momentum):
    """velocity = -rate * b with the buffer b = momentum * b + grad."""

    def step(state, grad):
        weight, b = state[0], momentum * state[1] + grad
        return weight - rates[0] * b, b

    other = m.fold(step, (weight, 0), grads)[0]
    return f(weight, grads, 0 * rates + rates[0], momentum), other


@sgd_velocity.law
def a_rate_is_a_factor_of_its_own_gradient(f, weight, grads, rates, momentum):
    """Rates may be multiplied into gradients beforehand."""
    return f(weight, grads, rates, momentum), f(weight, rates * grads, 0 * rates + 1, momentum)


# Budgets: each step rounds a product, the velocity twice, and the weight.
@sgd_velocity.routine(value=ulps(1, cond=4, gamma=True))
def as_printed(weight, grads, rates, momentum):
    """Step by step, every operation rounded to the format."""
    velocity = torch.zeros_like(weight)
    for grad, rate in zip(grads.unbind(1), rates.unbind(1), strict=True):
        velocity = momentum * velocity - rate * grad
        weight = weight + velocity
    return weight


@sgd_velocity.routine(value=ulps(1, cond=4, gamma=True))
def buffer_of_scaled_gradients(weight, grads, rates, momentum):
    """torch.optim.SGD with a rate of one, given gradients times their rates: its buffer is minus the velocity."""
    parameter = weight.clone()
    optimizer = torch.optim.SGD([parameter], lr=1.0, momentum=momentum, foreach=False)
    for scaled in (grads * rates).unbind(1):
        parameter.grad = scaled.contiguous()
        optimizer.step()
    return parameter


@sgd_velocity.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grads, rates, momentum):
    """Weight and velocity in float32, rounded once at the end."""
    return as_printed.function(weight.float(), grads.float(), rates.float(), momentum).to(weight.dtype)


@gap("wrong_formula", "unconverged", why="today's rate acts on gradients of the past, too")
@sgd_velocity.routine(value=ulps(1, cond=4, gamma=True))
def buffer_form(weight, grads, rates, momentum):
    """weight - rate * b with b = momentum * b + grad, as torch.optim.SGD under a schedule."""
    b = torch.zeros_like(weight)
    for grad, rate in zip(grads.unbind(1), rates.unbind(1), strict=True):
        b = momentum * b + grad
        weight = weight - rate * b
    return weight
