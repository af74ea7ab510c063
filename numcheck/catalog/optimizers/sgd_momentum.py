"""One step of stochastic gradient descent with momentum; `applied_update` shows what of it the weight takes."""

import torch

from numcheck import formula, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD (after Sutskever et al. 2013, equations 1 and 2)",
    known=[
        ((1, 2, 10, 0.5, 0.5, 0.5, True), "0"),
        ((1, 2, 10, 0.5, 0.5, 0.5, False), "-2"),
        ((1, 0, 0, 0.5, 0.5, 0.0, False), "1"),
    ],
    wrt=(),
    weight=real(-1e3, 1e3),
    grad=real(-1e4, 1e4),
    buffer=real(-1e4, 1e4),
    lr=one_of(0.001, 0.1, 1.0),
    momentum=one_of(0.5, 0.9, 0.99),
    dampening=one_of(0.0, 0.1),
    first=one_of(False, True),
)
def sgd_momentum(weight, grad, buffer, lr, momentum, dampening, first):
    """Weight less lr * b, with b = momentum * buffer + (1 - dampening) * grad, or plain grad on the `first` step."""
    b = grad if first else momentum * buffer + (1 - dampening) * grad
    return weight - lr * b


@sgd_momentum.law
def without_momentum_it_is_plain_descent(f, weight, grad, buffer, lr, momentum, dampening, first):
    """Zero momentum and dampening leave weight - lr * grad."""
    return f(weight, grad, buffer, lr, 0, 0, first), weight - lr * grad


@sgd_momentum.law
def the_first_step_ignores_the_buffer(f, weight, grad, buffer, lr, momentum, dampening, first):
    """What the buffer held before the first step does not matter."""
    left = f(weight, grad, buffer, lr, momentum, dampening, True)
    return left, f(weight, grad, 0 * buffer, lr, momentum, dampening, True)


@sgd_momentum.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


# Budgets: the buffer's terms carry up to five roundings (coefficient, product, sum, rate, product), hence cond=5.
@sgd_momentum.routine(value=ulps(1, cond=5))
def as_printed(weight, grad, buffer, lr, momentum, dampening, first):
    """Every operation rounded to the format."""
    b = grad if first else momentum * buffer + (1 - dampening) * grad
    return weight - lr * b


@sgd_momentum.routine(value=ulps(1, cond=5))
def rate_folded_in(weight, grad, buffer, lr, momentum, dampening, first):
    """The rate multiplied into both coefficients before they meet a tensor, as fused kernels do."""
    if first:
        return torch.add(weight, grad, alpha=-lr)
    return torch.add(torch.add(weight, buffer, alpha=-lr * momentum), grad, alpha=-lr * (1 - dampening))


@sgd_momentum.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grad, buffer, lr, momentum, dampening, first):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, buffer))
    return as_printed.function(*wide, lr, momentum, dampening, first).to(weight.dtype)


@sgd_momentum.routine(value=ulps(1, cond=5))
def torch_sgd(weight, grad, buffer, lr, momentum, dampening, first):
    """torch.optim.SGD itself, all points as one parameter."""
    parameter = weight.detach().clone()
    parameter.grad = grad.detach()
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=momentum, dampening=dampening, foreach=False)
    if not first:
        optimizer.state[parameter]["momentum_buffer"] = buffer.detach().clone()
    optimizer.step()
    return parameter
