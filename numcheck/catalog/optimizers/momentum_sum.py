"""Sum of gradients that fades: SGD's momentum buffer after all of its steps."""

import torch

from numcheck import formula, gap, m, one_of, steps, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, b_t without dampening (after Polyak 1964)",
    known=[
        (((8,), 0.9), "8"),
        # 8/4 + 4/2 + 2
        (((8, 4, 2), 0.5), "6"),
        (((1, -1, 1, -1, 1), 0.5), "0.6875"),
    ],
    wrt=(),
    grads=steps(-1e3, 1e3, horizons=(1, 3, 10, 100)),
    momentum=one_of(0.5, 0.9, 0.99),
)
def momentum_sum(grads, momentum):
    """b after the last of the steps b = momentum * b + grad, from b = 0: the first step leaves the gradient itself.

    Hard where gradients turn round and their sum cancels.
    """
    return m.fold(lambda b, grad: momentum * b + grad, 0, grads)


@momentum_sum.law
def old_gradients_fade_by_powers(f, grads, momentum):
    """The gradient of k steps ago has the weight momentum**k."""
    n = len(grads)
    return f(grads, momentum), m.sum(m.stack([momentum ** (n - 1 - i) * grads[i] for i in range(n)]))


@momentum_sum.law
def doubled_gradients_double_the_sum(f, grads, momentum):
    """It is linear in gradients."""
    return f(2 * grads, momentum), 2 * f(grads, momentum)


tiny = gap(
    "underflow", why="products of subnormal numbers are rounded to whole subnormals, in every step again"
)


# Budgets: a gradient's term is rounded twice in each step that it stays, and stays for 1/(1 - momentum) steps or so.
@tiny
@momentum_sum.routine(value=ulps(1, cond=2, gamma=True))
def as_printed(grads, momentum):
    """Step by step, each product and each sum rounded to the format."""
    b = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        b = momentum * b + grad
    return b


@tiny
@momentum_sum.routine(value=ulps(1, cond=2, gamma=True))
def torch_sgd(grads, momentum):
    """The state that torch.optim.SGD keeps, all points as one parameter."""
    weight = torch.zeros_like(grads[:, 0])
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=momentum, foreach=False)
    for grad in grads.unbind(1):
        weight.grad = grad.contiguous()
        optimizer.step()
    return optimizer.state[weight]["momentum_buffer"]


@momentum_sum.routine(value=ulps(1))
def weighted_at_once(grads, momentum):
    """A product of all gradients with the powers of momentum, in float64, rounded once at the end."""
    ages = torch.arange(grads.shape[1] - 1, -1, -1, dtype=torch.float64)
    return (momentum**ages * grads).sum(1).to(grads.dtype)


@momentum_sum.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(grads, momentum):
    """A buffer in float32, rounded once at the end."""
    return as_printed.function(grads.float(), momentum).to(grads.dtype)
