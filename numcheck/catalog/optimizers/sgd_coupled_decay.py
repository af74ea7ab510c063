"""Weight decay that is coupled: half its square joins the loss, and momentum remembers the decay, too."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps
from numcheck.catalog.optimizers.sgd_over_steps import after


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, weight_decay; Loshchilov & Hutter 2019, Decoupled weight "
    "decay regularization, algorithm 1",
    known=[
        # d = 4 + 0.5 * 2, weight 2 - 5/2; d = 4 - 0.25, b = 2.5 + 3.75, weight -0.5 - 6.25/2
        ((2, (4, 4), 0.5, 0.5, 0.5), "-3.625"),
        ((2, (4,), 0.5, 0.0, 0.5), "-0.5"),
    ],
    wrt=(),
    # away from zero, where the weight shows the smallest steps: that is `applied_update`'s business
    weight=real(0.125, 16),
    grads=steps(-16, 16, horizons=(1, 2, 10)),
    lr=one_of(0.001, 0.1),
    momentum=one_of(0.0, 0.5, 0.9),
    decay=one_of(0.0001, 0.1),
)
def sgd_coupled_decay(weight, grads, lr, momentum, decay):
    """Weight after steps of b = momentum * b + grad + decay * weight, weight = weight - lr * b, from b = 0."""

    def step(state, grad):
        weight, b = state
        b = momentum * b + (grad + decay * weight)
        return weight - lr * b, b

    return m.fold(step, (weight, 0), grads)[0]


@sgd_coupled_decay.law
def it_is_the_gradient_of_a_penalty(f, weight, grads, lr, momentum, decay):
    """One step is plain descent on the loss plus decay / 2 * weight**2."""
    return f(weight, grads[:1], lr, momentum, decay), weight - lr * (grads[0] + decay * weight)


@sgd_coupled_decay.law
def twice_weight_and_gradients_is_twice_the_weight(f, weight, grads, *others):
    """It is linear in both."""
    return f(2 * weight, 2 * grads, *others), 2 * f(weight, grads, *others)


# Budgets: a step rounds the decayed gradient, the buffer, and the weight, twice each.
@sgd_coupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def as_printed(weight, grads, lr, momentum, decay):
    """Step by step, every operation rounded to the format."""
    b = torch.zeros_like(weight)
    for grad in grads.unbind(1):
        b = momentum * b + (grad + decay * weight)
        weight = weight - lr * b
    return weight


@sgd_coupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def torch_for_loop(weight, grads, lr, momentum, decay):
    """torch.optim.SGD with weight_decay, one operation for each parameter."""
    options = {"lr": lr, "momentum": momentum, "weight_decay": decay}
    return after(lambda p: torch.optim.SGD(p, **options, foreach=False), weight, grads)


@gap(
    *("placement", "cancellation", "absorption", "underflow", "wrong_formula"),
    formats=["bfloat16", "float16"],
    why="whole vectors of parameters are left as they are, the rest of them moves: pytorch issue 191763",
)
@sgd_coupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def torch_fused(weight, grads, lr, momentum, decay):
    """torch.optim.SGD with weight_decay, one kernel for a whole step."""
    options = {"lr": lr, "momentum": momentum, "weight_decay": decay}
    return after(lambda p: torch.optim.SGD(p, **options, fused=True), weight, grads)


@sgd_coupled_decay.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grads, lr, momentum, decay):
    """Weight and buffer in float32, rounded once at the end."""
    return as_printed.function(weight.float(), grads.float(), lr, momentum, decay).to(weight.dtype)
