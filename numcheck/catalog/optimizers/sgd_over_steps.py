"""A weight after some steps of stochastic gradient descent with momentum."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, all its steps (after Sutskever et al. 2013, equations 1, 2)",
    known=[
        # b = 2, weight 0; b = 5, weight -2.5
        ((1, (2, 4), 0.5, 0.5), "-2.5"),
        ((1, (8,), 0.25, 0.5), "-1"),
        ((8, (1, 1, 1), 1.0, 0.5), "3.75"),
    ],
    wrt=(),
    # away from zero, where the weight shows the smallest steps: that is `applied_update`'s business
    weight=real(0.125, 16),
    grads=steps(-1e3, 1e3, horizons=(1, 3, 10, 100)),
    lr=one_of(0.001, 0.1),
    momentum=one_of(0.0, 0.5, 0.9),
)
def sgd_over_steps(weight, grads, lr, momentum):
    """Weight after all of `grads`: in each step b = momentum * b + grad, from b = 0, and weight = weight - lr * b."""

    def step(state, grad):
        weight, b = state[0], momentum * state[1] + grad
        return weight - lr * b, b

    return m.fold(step, (weight, 0), grads)[0]


@sgd_over_steps.law
def a_gradient_acts_by_a_geometric_series(f, weight, grads, lr, momentum):
    """n - 1 steps later a gradient has moved the weight by lr * (1 + momentum + ... + momentum**(n - 1))."""
    n = len(grads)
    moved = [(1 - momentum ** (n - i)) / (1 - momentum) * grads[i] for i in range(n)]
    return f(weight, grads, lr, momentum), weight - lr * m.sum(m.stack(moved))


@sgd_over_steps.law
def weights_move_along(f, weight, grads, lr, momentum):
    """The steps do not depend on the weight."""
    return f(weight + 64, grads, lr, momentum), f(weight, grads, lr, momentum) + 64


def after(optimizer, weight, grads):
    """A weight after some steps of what `optimizer` makes of its parameters; all points are one parameter."""
    parameter = weight.detach().clone()
    at_work = optimizer([parameter])
    for grad in grads.unbind(1):
        parameter.grad = grad.contiguous()
        at_work.step()
    return parameter


# Budgets: of n steps each rounds the weight, the buffer twice, and its product with the rate.
@sgd_over_steps.routine(value=ulps(1, cond=4, gamma=True))
def as_printed(weight, grads, lr, momentum):
    """Step by step, every operation rounded to the format."""
    b = torch.zeros_like(weight)
    for grad in grads.unbind(1):
        b = momentum * b + grad
        weight = weight - lr * b
    return weight


@sgd_over_steps.routine(value=ulps(1, cond=4, gamma=True))
def torch_for_loop(weight, grads, lr, momentum):
    """torch.optim.SGD, one operation for each parameter."""
    return after(lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum, foreach=False), weight, grads)


@sgd_over_steps.routine(value=ulps(1, cond=4, gamma=True))
def torch_foreach(weight, grads, lr, momentum):
    """torch.optim.SGD, one operation for all parameters."""
    return after(lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum, foreach=True), weight, grads)


@gap(
    *("placement", "cancellation", "absorption", "underflow", "wrong_formula"),
    formats=["bfloat16", "float16"],
    why="whole vectors of parameters are left as they are, the rest of them moves: pytorch issue 191763",
)
@sgd_over_steps.routine(value=ulps(1, cond=4, gamma=True))
def torch_fused(weight, grads, lr, momentum):
    """torch.optim.SGD, one kernel for a whole step."""
    return after(lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum, fused=True), weight, grads)


@sgd_over_steps.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grads, lr, momentum):
    """Weight and buffer in float32, rounded once at the end."""
    return as_printed.function(weight.float(), grads.float(), lr, momentum).to(weight.dtype)
