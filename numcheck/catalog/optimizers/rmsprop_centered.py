"""One step of RMSprop by the variance of gradients: hard where that is a difference of nearly equal squares."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


def _reachable(square_avg, grad_avg):
    """States that a history of gradients can leave: where the mean square is less than the mean's square, both are made
    those of equal gradients, of so few digits that every format has their square."""
    significand, exponent = torch.frexp(grad_avg)
    coarse = torch.ldexp((8 * significand).round() / 8, exponent)
    coarse = torch.where(coarse.abs() < 2**-9, 0.0, coarse)
    equal = square_avg < grad_avg**2
    return {
        "square_avg": torch.where(equal, coarse**2, square_avg),
        "grad_avg": torch.where(equal, coarse, grad_avg),
    }


@formula(
    source="PyTorch 2.13 documentation, torch.optim.RMSprop, centered=True (after Graves 2013, Generating "
    "sequences with recurrent neural networks)",
    known=[
        # mean square 8 + 4, mean 2, variance 8
        ((2, 4, 8, 0, 0.5, 0.5, 0.0), "1.29289321881345247559915563790"),
        # mean square 4.5, mean 1.5, variance 2.25
        ((2, 1, 8, 2, 0.5, 0.5, 0.5), "1.75"),
    ],
    wrt=(),
    relation=_reachable,
    weight=real(0.125, 16),
    grad=real(-100, 100),
    square_avg=real(0, 1e4),
    grad_avg=real(-100, 100),
    lr=one_of(0.001, 0.1),
    alpha=one_of(0.5, 0.9, 0.99),
    eps=one_of(1e-8, 0.001),
)
def rmsprop_centered(weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """weight - lr * grad / (sqrt(v - mean**2) + eps), both averages with the share 1 - alpha of the gradient."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    mean = alpha * grad_avg + (1 - alpha) * grad
    return weight - lr * grad / (m.sqrt(average - mean**2) + eps)


@rmsprop_centered.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@rmsprop_centered.law
def the_variance_is_that_before_and_a_distance(f, weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """alpha times the old variance, and alpha (1 - alpha) times the square of what the gradient is off the mean."""
    variance = alpha * (square_avg - grad_avg**2) + alpha * (1 - alpha) * (grad - grad_avg) ** 2
    step = lr * grad / (m.sqrt(variance) + eps)
    return f(weight, grad, square_avg, grad_avg, lr, alpha, eps), weight - step


@rmsprop_centered.law
def a_turned_gradient_turns_the_step(f, weight, grad, square_avg, grad_avg, *others):
    """The step is odd in the gradients."""
    turned = f(weight, -grad, square_avg, -grad_avg, *others)
    return turned + f(weight, grad, square_avg, grad_avg, *others), 2 * weight


# Budgets: some ten roundings lie between gradient and step.
@rmsprop_centered.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def by_distance_in_float64(weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """The variance as the law has it, in float64, rounded once at the end."""
    wide = (x.double() for x in (weight, grad, square_avg, grad_avg))
    return by_distance.function(*wide, lr, alpha, eps).to(weight.dtype)


tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


@tiny_squares
@rmsprop_centered.routine(value=ulps(4, cond=4))
def by_distance(weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """The variance as the law has it: a sum of what cannot be negative."""
    before = (square_avg - grad_avg * grad_avg).clamp(min=0)
    variance = alpha * before + alpha * (1 - alpha) * (grad - grad_avg) ** 2
    return weight - lr * grad / (variance.sqrt() + eps)


rounded = gap(
    "cancellation",
    "special_value",
    "absorption",
    why="of equal gradients the rounded squares differ by noise, of which the root is taken, even if it is negative",
)


@tiny_squares
@rounded
@rmsprop_centered.routine(value=ulps(4, cond=4))
def as_printed(weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """Line by line, every operation rounded to the format."""
    average = alpha * square_avg + (1 - alpha) * grad**2
    mean = alpha * grad_avg + (1 - alpha) * grad
    return weight - lr * grad / ((average - mean**2).sqrt() + eps)


@tiny_squares
@rounded
@rmsprop_centered.routine(value=ulps(4, cond=4))
def torch_rmsprop(weight, grad, square_avg, grad_avg, lr, alpha, eps):
    """torch.optim.RMSprop with centered=True."""
    options = {"lr": lr, "alpha": alpha, "eps": eps, "centered": True, "foreach": False}
    state = {"square_avg": square_avg, "grad_avg": grad_avg}
    return step_of(lambda p: torch.optim.RMSprop(p, **options), weight, grad, **state)
