"""One step of stochastic gradient descent with Nesterov momentum."""

import torch

from numcheck import formula, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, nesterov (after Sutskever et al. 2013, equations 3 and 4)",
    known=[((1, 2, 10, 0.5, 0.5), "-1.75"), ((1, 0, 0, 0.5, 0.5), "1")],
    wrt=(),
    weight=real(-1e3, 1e3),
    grad=real(-1e4, 1e4),
    buffer=real(-1e4, 1e4),
    lr=one_of(0.001, 0.1, 1.0),
    momentum=one_of(0.5, 0.9, 0.99),
)
def sgd_nesterov(weight, grad, buffer, lr, momentum):
    """Weight after a step that looks ahead: weight - lr * (grad + momentum * b), where b = momentum * buffer + grad."""
    b = momentum * buffer + grad
    return weight - lr * (grad + momentum * b)


@sgd_nesterov.law
def without_momentum_it_is_plain_descent(f, weight, grad, buffer, lr, momentum):
    """Zero momentum leaves weight - lr * grad."""
    return f(weight, grad, buffer, lr, 0), weight - lr * grad


@sgd_nesterov.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


# Budgets: momentum enters twice and the rate once, with a product and a sum each: eight roundings at most.
@sgd_nesterov.routine(value=ulps(1, cond=8))
def as_printed(weight, grad, buffer, lr, momentum):
    """Every operation rounded to the format."""
    b = momentum * buffer + grad
    return weight - lr * (grad + momentum * b)


@sgd_nesterov.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grad, buffer, lr, momentum):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, buffer))
    return as_printed.function(*wide, lr, momentum).to(weight.dtype)


@sgd_nesterov.routine(value=ulps(1, cond=8))
def torch_sgd(weight, grad, buffer, lr, momentum):
    """torch.optim.SGD itself with nesterov=True, all points as one parameter."""
    parameter = weight.detach().clone()
    parameter.grad = grad.detach()
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=momentum, nesterov=True, foreach=False)
    optimizer.state[parameter]["momentum_buffer"] = buffer.detach().clone()
    optimizer.step()
    return parameter
