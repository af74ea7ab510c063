"""A weight after some steps of Adam from empty moments."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps
from numcheck.catalog.optimizers.sgd_over_steps import after


@formula(
    source="Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 1, all of its loop",
    known=[
        ((1, (4,), 0.5, 0.5, 0.5, 0.0), "0.5"),
        # two equal gradients are two steps of lr
        ((2, (4, 4), 0.5, 0.5, 0.75, 0.0), "1"),
        # m = 1/2, v = 1/2: step 1/2; then m = -1/4 over 3/4, v = 3/4 over 3/4
        ((2, (1, -1), 0.5, 0.5, 0.5, 0.0), "1.66666666666666666666666667"),
    ],
    wrt=(),
    # away from zero, where the weight shows the smallest steps
    weight=real(0.125, 16),
    grads=steps(-100, 100, horizons=(1, 3, 10)),
    lr=one_of(0.001, 0.1),
    beta1=one_of(0.5, 0.9),
    beta2=one_of(0.99, 0.999),
    eps=one_of(1e-8, 0.001),
)
def adam_over_steps(weight, grads, lr, beta1, beta2, eps):
    """Weight after a step for each of `grads`. Hard where squares leave the range, or eps alone is divided by."""

    def step(state, grad):
        weight, first, second, shares1, shares2 = state
        first, second = beta1 * first + (1 - beta1) * grad, beta2 * second + (1 - beta2) * grad**2
        shares1, shares2 = beta1 * shares1, beta2 * shares2
        moved = lr * (first / (1 - shares1)) / (m.sqrt(second / (1 - shares2)) + eps)
        return weight - moved, first, second, shares1, shares2

    return m.fold(step, (weight, 0, 0, 1, 1), grads)[0]


@adam_over_steps.law
def rescaled_gradients_change_nothing(f, weight, grads, lr, beta1, beta2, eps):
    """Gradients and eps times four leave all steps as they were."""
    return f(weight, 4 * grads, lr, beta1, beta2, 4 * eps), f(weight, grads, lr, beta1, beta2, eps)


@adam_over_steps.law
def equal_gradients_make_equal_steps(f, weight, grads, lr, beta1, beta2, eps):
    """A constant gradient g moves the weight by lr * g / (abs(g) + eps) each time."""
    constant = 0 * grads + grads[0]
    moved = len(grads) * lr * grads[0] / (m.abs(grads[0]) + eps)
    return f(weight, constant, lr, beta1, beta2, eps), weight - moved


# Budgets: each step rounds the weight once, and lr, which is at most as large, a dozen times.
@adam_over_steps.routine(value=ulps(4, cond=8, gamma=True))
def root_as_state(weight, grads, lr, beta1, beta2, eps):
    """The root of the second moment is the state, and grows by a hypotenuse; in float32 at least, which holds eps."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    moved, first, root = weight.to(wide), 0.0, torch.zeros_like(weight, dtype=wide)
    for step, grad in enumerate(grads.to(wide).unbind(1), 1):
        first = beta1 * first + (1 - beta1) * grad
        root = torch.hypot(beta2**0.5 * root, (1 - beta2) ** 0.5 * grad)
        moved = moved - lr * (first / (1 - beta1**step) / (root / (1 - beta2**step) ** 0.5 + eps))
    return moved.to(weight.dtype)


tiny_squares = gap(
    *("underflow", "special_value", "overflow", "cancellation"),
    formats=["float16"],
    why="moments below 6e-5 are kept with few digits or as 0, as eps is, and are divided by",
)


@tiny_squares
@adam_over_steps.routine(value=ulps(4, cond=8, gamma=True))
def torch_for_loop(weight, grads, lr, beta1, beta2, eps):
    """torch.optim.Adam, one operation for each parameter."""
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    return after(lambda p: torch.optim.Adam(p, **options, foreach=False), weight, grads)


@tiny_squares
@adam_over_steps.routine(value=ulps(4, cond=8, gamma=True))
def torch_foreach(weight, grads, lr, beta1, beta2, eps):
    """torch.optim.Adam, one operation for all parameters."""
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    return after(lambda p: torch.optim.Adam(p, **options, foreach=True), weight, grads)


@tiny_squares
@adam_over_steps.routine(value=ulps(4, cond=8, gamma=True))
def torch_fused(weight, grads, lr, beta1, beta2, eps):
    """torch.optim.Adam, one kernel for a whole step, in float32; moments are kept in the format."""
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    return after(lambda p: torch.optim.Adam(p, **options, fused=True), weight, grads)
