"""One step of Adagrad: the rate falls with the root of all squared gradients, which underflow and overflow."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="Duchi, Hazan & Singer 2011, Adaptive subgradient methods, section 1.3; PyTorch 2.13 documentation, "
    "torch.optim.Adagrad",
    known=[
        ((2, 3, 7, 0.5, 0.0), "1.625"),
        ((2, 3, 16, 0.5, 1.0), "1.75"),
        ((1, 4, 0, 0.5, 4.0), "0.75"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    squares=real(0, 4e4),
    lr=one_of(0.01, 0.1),
    eps=one_of(1e-10, 0.001),
)
def adagrad(weight, grad, squares, lr, eps):
    """weight - lr * grad / (sqrt(squares + grad**2) + eps), of the sum of the squares of all earlier gradients."""
    return weight - lr * grad / (m.sqrt(squares + grad**2) + eps)


@adagrad.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@adagrad.law
def rescaled_gradients_change_nothing(f, weight, grad, squares, lr, eps):
    """Gradient and eps times four, squares times sixteen, leave the step as it was."""
    return f(weight, 4 * grad, 16 * squares, lr, 4 * eps), f(weight, grad, squares, lr, eps)


@adagrad.law
def the_first_step_has_the_size_of_the_rate(f, weight, grad, squares, lr, eps):
    """Of the first gradient the size is lost, but beside eps."""
    return f(weight, grad, 0 * squares, lr, eps), weight - lr * grad / (m.abs(grad) + eps)


# Budgets: some six roundings lie between gradient and step.
@adagrad.routine(value=ulps(4, cond=4))
def hypot_form(weight, grad, squares, lr, eps):
    """The root as a hypotenuse, so that nothing is squared; in float32 at least, which holds eps."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    grad = grad.to(wide)
    step = lr * (grad / (torch.hypot(squares.to(wide).sqrt(), grad) + eps))
    return (weight.to(wide) - step).to(weight.dtype)


tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")
large_squares = gap("overflow", formats=["float16"], why="the sum of squares leaves float16's range")


@tiny_squares
@large_squares
@adagrad.routine(value=ulps(4, cond=4))
def as_printed(weight, grad, squares, lr, eps):
    """The formula as it is printed, every operation rounded to the format."""
    return weight - lr * grad / ((squares + grad**2).sqrt() + eps)


@tiny_squares
@large_squares
@adagrad.routine(value=ulps(4, cond=4))
def torch_for_loop(weight, grad, squares, lr, eps):
    """torch.optim.Adagrad, one operation for each parameter."""
    return step_of(lambda p: torch.optim.Adagrad(p, lr=lr, eps=eps, foreach=False), weight, grad, sum=squares)


@gap(
    *("placement", "underflow", "special_value"),
    formats=["float16"],
    why="whole vectors are divided by an eps that is 0 in float16, 0 over 0; the rest, one by one, is not",
)
@adagrad.routine(value=ulps(4, cond=4))
def torch_fused(weight, grad, squares, lr, eps):
    """torch.optim.Adagrad, one kernel for a whole step."""
    return step_of(lambda p: torch.optim.Adagrad(p, lr=lr, eps=eps, fused=True), weight, grad, sum=squares)
