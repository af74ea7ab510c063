"""One step of Adam: hard where grad * grad leaves the range, where m cancels, and where eps alone is divided by."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 1",
    known=[
        ((1, 1, 0, 0, 1.0, 0.5, 0.5, 0.5, 0.0), "0.5"),
        # m = 3, v = 7, corrected by 1 - 1/4: 4 and 28/3
        ((1, 2, 4, 10, 2.0, 0.5, 0.5, 0.5, 0.0), "0.345346329292022856201707543753"),
    ],
    wrt=(),
    # away from zero, where the weight shows the whole step: that is `adam_first_update`'s business
    weight=real(0.125, 16),
    grad=real(-200, 200),
    exp_avg=real(-200, 200),
    exp_avg_sq=real(0, 4e4),
    # a float, as torch keeps it, so that a batch of points shares one step as the parameters of an optimizer do
    step=one_of(1.0, 10.0, 100000.0),
    lr=one_of(0.001, 0.1),
    beta1=one_of(0.5, 0.9),
    beta2=one_of(0.99, 0.999),
    eps=one_of(1e-8, 0.001),
)
def adam(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Weight after step number `step` (from 1), given the moments of the step before."""
    first = beta1 * exp_avg + (1 - beta1) * grad
    second = beta2 * exp_avg_sq + (1 - beta2) * grad**2
    first_corrected = first / (1 - beta1**step)
    second_corrected = second / (1 - beta2**step)
    return weight - lr * first_corrected / (m.sqrt(second_corrected) + eps)


@adam.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@adam.law
def rescaled_gradients_change_nothing(f, weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Gradients times four, second moments times sixteen and eps times four leave the step as it was."""
    left = f(weight, 4 * grad, 4 * exp_avg, 16 * exp_avg_sq, step, lr, beta1, beta2, 4 * eps)
    return left, f(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps)


@adam.law
def turned_gradients_turn_the_step(f, weight, grad, exp_avg, *others):
    """The step is odd in the gradients."""
    return f(weight, -grad, -exp_avg, *others) + f(weight, grad, exp_avg, *others), 2 * weight


@adam.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, exp_avg, exp_avg_sq))
    return as_printed.function(*wide, step, lr, beta1, beta2, eps).to(weight.dtype)


# Budgets: ten roundings lie between gradient and step; a first step of 0.1 is not larger than the weight it leaves.
tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


@gap("overflow", why="the second moment over 1 - beta2**step leaves the range before its root is taken")
@tiny_squares
@adam.routine(value=ulps(4, cond=4))
def as_printed(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Algorithm 1 line by line, every operation rounded to the format."""
    first = beta1 * exp_avg + (1 - beta1) * grad
    second = beta2 * exp_avg_sq + (1 - beta2) * grad**2
    first_corrected = first / (1 - beta1**step)
    second_corrected = second / (1 - beta2**step)
    return weight - lr * first_corrected / (second_corrected.sqrt() + eps)


@tiny_squares
@adam.routine(value=ulps(4, cond=4))
def rate_corrected(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Both corrections folded into rate and eps, as just before the paper's section 2.1."""
    root = (1 - beta2**step) ** 0.5
    first = beta1 * exp_avg + (1 - beta1) * grad
    second = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
    return weight - lr * root / (1 - beta1**step) * first / (second.sqrt() + eps * root)


@tiny_squares
@adam.routine(value=ulps(4, cond=4))
def in_place(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Moments by lerp and addcmul, the step by addcdiv, in place: torch's own sequence of operations."""
    first = exp_avg.clone().lerp_(grad, 1 - beta1)
    second = exp_avg_sq.clone().mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    denominator = (second.sqrt() / (1 - beta2**step) ** 0.5).add_(eps)
    return weight.clone().addcdiv_(first, denominator, value=-lr / (1 - beta1**step))


@tiny_squares
@adam.routine(value=ulps(4, cond=4))
def torch_adam(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """torch.optim.Adam itself, all points as one parameter."""
    parameter = weight.detach().clone()
    parameter.grad = grad.detach()
    optimizer = torch.optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps, foreach=False)
    moments = {"exp_avg": exp_avg.detach().clone(), "exp_avg_sq": exp_avg_sq.detach().clone()}
    optimizer.state[parameter].update(step=torch.tensor(step - 1), **moments)
    optimizer.step()
    return parameter
