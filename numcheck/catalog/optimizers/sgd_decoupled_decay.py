"""Weight decay that is decoupled: weights shrink before the step, and momentum knows nothing of it."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps
from numcheck.catalog.optimizers.sgd_over_steps import after


@formula(
    source="Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 1, their rate lr * decay",
    known=[
        # 2 * 3/4 - 2, b = 4; -1/2 * 3/4 - 3, b = 6
        ((2, (4, 4), 0.5, 0.5, 0.5), "-3.375"),
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
def sgd_decoupled_decay(weight, grads, lr, momentum, decay):
    """Weight after steps of b = momentum * b + grad, weight = (1 - lr * decay) * weight - lr * b, from b = 0."""

    def step(state, grad):
        weight, b = state
        b = momentum * b + grad
        return (1 - lr * decay) * weight - lr * b, b

    return m.fold(step, (weight, 0), grads)[0]


@sgd_decoupled_decay.law
def without_momentum_it_is_the_gradient_of_a_penalty(f, weight, grads, lr, momentum, decay):
    """Coupled and decoupled are one where nothing is remembered."""
    other = m.fold(lambda w, grad: w - lr * (grad + decay * w), weight, grads)
    return f(weight, grads, lr, 0, decay), other


@sgd_decoupled_decay.law
def without_gradients_a_weight_shrinks_by_a_power(f, weight, grads, lr, momentum, decay):
    """Momentum adds nothing to the decay."""
    return f(weight, 0 * grads, lr, momentum, decay), (1 - lr * decay) ** len(grads) * weight


@sgd_decoupled_decay.law
def twice_weight_and_gradients_is_twice_the_weight(f, weight, grads, *others):
    """It is linear in both."""
    return f(2 * weight, 2 * grads, *others), 2 * f(weight, grads, *others)


# Budgets: a step rounds the factor of the decay, the buffer, and the weight, twice each.
@sgd_decoupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def decay_then_step(weight, grads, lr, momentum, decay):
    """Two steppers, as general optimizers compose them: first the weights shrink, then they move."""
    weight, b = weight.clone(), torch.zeros_like(weight)
    for grad in grads.unbind(1):
        b.mul_(momentum).add_(grad)
        weight.mul_(1 - lr * decay)
        weight.add_(b, alpha=-lr)
    return weight


@sgd_decoupled_decay.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grads, lr, momentum, decay):
    """Weight and buffer in float32, rounded once at the end."""
    return decay_then_step.function(weight.float(), grads.float(), lr, momentum, decay).to(weight.dtype)


@gap(
    "wrong_formula",
    "unconverged",
    why="the weight of before the step shrinks, not what the step has made of it",
)
@sgd_decoupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def step_then_decay(weight, grads, lr, momentum, decay):
    """The two steppers in the other order, [momentum_step, weight_decay]: the step shrinks, too."""
    b = torch.zeros_like(weight)
    for grad in grads.unbind(1):
        b = momentum * b + grad
        weight = (1 - lr * decay) * (weight - lr * b)
    return weight


@gap(
    "wrong_formula", "unconverged", why="decay joins the gradient, so that momentum repeats it in later steps"
)
@sgd_decoupled_decay.routine(value=ulps(1, cond=6, gamma=True))
def torch_sgd_weight_decay(weight, grads, lr, momentum, decay):
    """torch.optim.SGD's weight_decay, which is coupled."""
    options = {"lr": lr, "momentum": momentum, "weight_decay": decay}
    return after(lambda p: torch.optim.SGD(p, **options, foreach=False), weight, grads)
