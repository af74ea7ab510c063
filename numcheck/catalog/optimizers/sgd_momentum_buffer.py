"""Momentum buffer of stochastic gradient descent, torch's `b_t`: hard where the gradient turns round and it cancels."""

import torch

from numcheck import formula, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, b_t (after Sutskever et al. 2013, equation 1)",
    known=[
        ((2, 10, 0.5, 0.5, True), "2"),
        ((2, 10, 0.5, 0.5, False), "6"),
        ((-3, 3, 0.75, 0.0, False), "-0.75"),
    ],
    wrt=(),
    grad=real(-1e4, 1e4),
    buffer=real(-1e4, 1e4),
    momentum=one_of(0.5, 0.9, 0.99),
    dampening=one_of(0.0, 0.1, 0.5),
    first=one_of(False, True),
)
def sgd_momentum_buffer(grad, buffer, momentum, dampening, first):
    """Momentum buffer after a step with `grad`, in its unit; the `first` step ignores `buffer` and dampening."""
    return grad if first else momentum * buffer + (1 - dampening) * grad


@sgd_momentum_buffer.law
def no_momentum_keeps_the_gradient_alone(f, grad, buffer, momentum, dampening, first):
    """Without momentum and dampening the buffer is the gradient."""
    return f(grad, buffer, 0, 0, first), grad


@sgd_momentum_buffer.law
def doubled_gradients_double_the_buffer(f, grad, buffer, *others):
    """The buffer is linear in gradients."""
    return f(2 * grad, 2 * buffer, *others), 2 * f(grad, buffer, *others)


# Budgets: each term carries the rounding of its coefficient, of the product and of the sum, hence cond=3.
@sgd_momentum_buffer.routine(value=ulps(1, cond=3))
def as_printed(grad, buffer, momentum, dampening, first):
    """Two products and a sum, each rounded to the format."""
    return grad if first else momentum * buffer + (1 - dampening) * grad


@sgd_momentum_buffer.routine(value=ulps(1, cond=3))
def in_place(grad, buffer, momentum, dampening, first):
    """As torch's own code: the buffer is scaled in place, and the gradient added with a factor."""
    return grad.clone() if first else buffer.clone().mul_(momentum).add_(grad, alpha=1 - dampening)


@sgd_momentum_buffer.routine(value=ulps(1, cond=3))
def torch_sgd(grad, buffer, momentum, dampening, first):
    """The state that torch.optim.SGD keeps after one step, all points as one parameter."""
    weight = torch.zeros_like(grad)
    weight.grad = grad.detach()
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=momentum, dampening=dampening, foreach=False)
    if not first:
        optimizer.state[weight]["momentum_buffer"] = buffer.detach().clone()
    optimizer.step()
    return optimizer.state[weight]["momentum_buffer"]
