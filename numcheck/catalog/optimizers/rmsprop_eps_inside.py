"""One step of RMSprop, eps under the root: where gradients are small the step is lr * grad / sqrt(eps)."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="Goodfellow, Bengio & Courville 2016, Deep Learning, algorithm 8.5",
    known=[
        # v = 0.75 * 0 + 0.25 * 16, root 2
        ((2, 4, 0, 0.5, 0.75, 0.0), "1"),
        # v + eps = 4 + 12
        ((2, 4, 0, 0.5, 0.75, 12.0), "1.5"),
        ((1, 0, 0, 0.5, 0.5, 1.0), "1"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    square_avg=real(0, 4e4),
    lr=one_of(0.001, 0.1),
    alpha=one_of(0.5, 0.9, 0.99),
    eps=one_of(1e-6, 0.001),
)
def rmsprop_eps_inside(weight, grad, square_avg, lr, alpha, eps):
    """weight - lr * grad / sqrt(v + eps), v = alpha * square_avg + (1 - alpha) * grad**2."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    return weight - lr * grad / m.sqrt(average + eps)


@rmsprop_eps_inside.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@rmsprop_eps_inside.law
def rescaled_gradients_change_nothing(f, weight, grad, square_avg, lr, alpha, eps):
    """Gradient times four, average square and eps times sixteen, leave the step as it was."""
    left = f(weight, 4 * grad, 16 * square_avg, lr, alpha, 16 * eps)
    return left, f(weight, grad, square_avg, lr, alpha, eps)


@rmsprop_eps_inside.law
def a_turned_gradient_turns_the_step(f, weight, grad, *others):
    """The step is odd in the gradient."""
    return f(weight, -grad, *others) + f(weight, grad, *others), 2 * weight


# Budgets: up to ten roundings lie between gradient and step.
@rmsprop_eps_inside.routine(value=ulps(4, cond=4))
def as_printed(weight, grad, square_avg, lr, alpha, eps):
    """Line by line, in the format; eps keeps the root from zero, and what of the square underflows is less than eps."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    return weight - lr * grad / (average + eps).sqrt()


@rmsprop_eps_inside.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(weight, grad, square_avg, lr, alpha, eps):
    """Computed in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, square_avg))
    return as_printed.function(*wide, lr, alpha, eps).to(weight.dtype)


@rmsprop_eps_inside.routine(value=ulps(4, cond=4))
def in_place(weight, grad, square_avg, lr, alpha, eps):
    """By addcmul, rsqrt and addcmul, in place."""
    average = square_avg.clone().mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
    return weight.clone().addcmul_(grad, average.add_(eps).rsqrt_(), value=-lr)


@gap(
    "wrong_formula",
    "underflow",
    "cancellation",
    "absorption",
    why="sqrt(v) + eps is eps, not sqrt(eps), where v is small",
)
@rmsprop_eps_inside.routine(value=ulps(4, cond=4))
def torch_rmsprop(weight, grad, square_avg, lr, alpha, eps):
    """torch.optim.RMSprop with the same eps, which stands outside of the root there."""
    options = {"lr": lr, "alpha": alpha, "eps": eps, "foreach": False}
    return step_of(lambda p: torch.optim.RMSprop(p, **options), weight, grad, square_avg=square_avg)
