"""The change that Adam's first step makes: about lr against the gradient's sign, whatever the gradient's size."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 1 at t = 1",
    known=[
        ((64, 0.5, 0.5, 0.75, 0.0), "-0.5"),
        ((-0.25, 0.5, 0.75, 0.5, 0.0), "0.5"),
        ((0.75, 0.5, 0.75, 0.5, 0.25), "-0.375"),
        ((0, 0.5, 0.75, 0.5, 0.25), "0"),
    ],
    wrt=(),
    grad=real(-100, 100),
    lr=one_of(0.001, 0.1),
    beta1=one_of(0.5, 0.9),
    beta2=one_of(0.99, 0.999),
    eps=one_of(1e-8, 0.001),
)
def adam_first_update(grad, lr, beta1, beta2, eps):
    """New weight less old weight after step 1, in the weight's unit: at most lr, whatever the gradient's size."""
    first = (1 - beta1) * grad
    second = (1 - beta2) * grad**2
    return -1 * lr * (first / (1 - beta1)) / (m.sqrt(second / (1 - beta2)) + eps)


@adam_first_update.law
def the_decay_rates_cancel(f, grad, lr, beta1, beta2, eps):
    """After one step nothing has decayed yet."""
    return f(grad, lr, beta1, beta2, eps), -1 * lr * grad / (abs(grad) + eps)


@adam_first_update.law
def rescaled_gradients_change_nothing(f, grad, lr, beta1, beta2, eps):
    """Gradient and eps times four leave the step as it was."""
    return f(4 * grad, lr, beta1, beta2, 4 * eps), f(grad, lr, beta1, beta2, eps)


@adam_first_update.law
def a_turned_gradient_turns_the_step(f, grad, lr, beta1, beta2, eps):
    """The step is odd in the gradient."""
    return f(-grad, lr, beta1, beta2, eps), -f(grad, lr, beta1, beta2, eps)


@adam_first_update.routine(value=ulps(4))
def without_the_square(grad, lr, beta1, beta2, eps):
    """-lr * grad / (abs(grad) + eps): no square, no correction; eps joins in float32, which holds 1e-8."""
    wide = grad if grad.dtype == torch.float32 else grad.float()
    return (-lr * (wide / (wide.abs() + eps))).to(grad.dtype)


@adam_first_update.routine(value=ulps(4), formats=["bfloat16", "float16"])
def float32_then_rounded(grad, lr, beta1, beta2, eps):
    """torch.optim.Adam on float32 copies, rounded once at the end: what a float32 master weight is given."""
    return torch_adam.function(grad.float(), lr, beta1, beta2, eps).to(grad.dtype)


# Budgets: more than the usual 4 ulps, for some ten roundings, each worth half an ulp to one, of which none is forgiven.
tiny_moments = gap("underflow", why="moments of small gradients, and in float16 eps, lose digits or vanish")


@tiny_moments
@adam_first_update.routine(value=ulps(8))
def as_printed(grad, lr, beta1, beta2, eps):
    """Algorithm 1 line by line, every operation rounded to the format."""
    first = (1 - beta1) * grad
    second = (1 - beta2) * grad**2
    return -lr * (first / (1 - beta1)) / ((second / (1 - beta2)).sqrt() + eps)


@tiny_moments
@adam_first_update.routine(value=ulps(8))
def rate_corrected(grad, lr, beta1, beta2, eps):
    """Both corrections folded into rate and eps, as just before the paper's section 2.1."""
    root = (1 - beta2) ** 0.5
    return -lr * root / (1 - beta1) * ((1 - beta1) * grad) / (((1 - beta2) * grad * grad).sqrt() + eps * root)


@tiny_moments
@adam_first_update.routine(value=ulps(8))
def torch_adam(grad, lr, beta1, beta2, eps):
    """torch.optim.Adam's first step from a weight of zero, all points as one parameter."""
    parameter = torch.zeros_like(grad)
    parameter.grad = grad.detach()
    torch.optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps, foreach=False).step()
    return parameter
