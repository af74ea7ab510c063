"""One step of RMSprop, eps outside of the root: hard where grad * grad leaves the range, or eps alone is divided by."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="Tieleman & Hinton 2012, Neural networks for machine learning, lecture 6.5; PyTorch 2.13 documentation, "
    "torch.optim.RMSprop",
    known=[
        # v = 0.75 * 0 + 0.25 * 16, root 2
        ((2, 4, 0, 0.5, 0.75, 0.0), "1"),
        ((2, 4, 0, 0.5, 0.75, 2.0), "1.5"),
        ((1, 1, 7, 0.5, 0.5, 0.0), "0.75"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    square_avg=real(0, 4e4),
    lr=one_of(0.001, 0.1),
    alpha=one_of(0.5, 0.9, 0.99),
    eps=one_of(1e-8, 0.001),
)
def rmsprop(weight, grad, square_avg, lr, alpha, eps):
    """weight - lr * grad / (sqrt(v) + eps), v = alpha * square_avg + (1 - alpha) * grad**2."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    return weight - lr * grad / (m.sqrt(average) + eps)


@rmsprop.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@rmsprop.law
def rescaled_gradients_change_nothing(f, weight, grad, square_avg, lr, alpha, eps):
    """Gradient and eps times four, the average square times sixteen, leave the step as it was."""
    left = f(weight, 4 * grad, 16 * square_avg, lr, alpha, 4 * eps)
    return left, f(weight, grad, square_avg, lr, alpha, eps)


@rmsprop.law
def a_turned_gradient_turns_the_step(f, weight, grad, *others):
    """The step is odd in the gradient."""
    return f(weight, -grad, *others) + f(weight, grad, *others), 2 * weight


def step_of(optimizer, weight, grad, **state):
    """A weight after one step of what `optimizer` makes of its parameters; all points are one parameter."""
    parameter = weight.detach().clone()
    parameter.grad = grad.detach().contiguous()  # fused kernels read gradients as if they had no gaps
    at_work = optimizer([parameter])
    kept = {name: number.detach().clone() for name, number in state.items()}
    at_work.state[parameter].update({"step": torch.tensor(0.0)} | kept)
    at_work.step()
    return parameter


# Budgets: up to ten roundings lie between gradient and step.
@rmsprop.routine(value=ulps(4, cond=4))
def hypot_form(weight, grad, square_avg, lr, alpha, eps):
    """The root as a hypotenuse, so that nothing is squared; in float32 at least, which holds eps."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    grad = grad.to(wide)
    root = torch.hypot(alpha**0.5 * square_avg.to(wide).sqrt(), (1 - alpha) ** 0.5 * grad)
    return (weight.to(wide) - lr * (grad / (root + eps))).to(weight.dtype)


tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


@tiny_squares
@rmsprop.routine(value=ulps(4, cond=4))
def as_printed(weight, grad, square_avg, lr, alpha, eps):
    """Line by line, every operation rounded to the format."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    return weight - lr * grad / (average.sqrt() + eps)


@tiny_squares
@rmsprop.routine(value=ulps(4, cond=4))
def torch_rmsprop(weight, grad, square_avg, lr, alpha, eps):
    """torch.optim.RMSprop itself, one operation for each parameter."""
    options = {"lr": lr, "alpha": alpha, "eps": eps, "foreach": False}
    return step_of(lambda p: torch.optim.RMSprop(p, **options), weight, grad, square_avg=square_avg)


@gap(
    "wrong_formula",
    "underflow",
    "cancellation",
    "absorption",
    why="sqrt(v + eps) is about sqrt(eps) where v is small: 1e-4, not 1e-8",
)
@rmsprop.routine(value=ulps(4, cond=4))
def eps_under_the_root(weight, grad, square_avg, lr, alpha, eps):
    """sqrt(v + eps), as TensorFlow has it and many a notebook."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    return weight - lr * grad / (average + eps).sqrt()
