"""One step of AMSGrad: Adam whose second moment never falls."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="Reddi, Kale & Kumar 2018, On the convergence of Adam and beyond, algorithm 2, corrected as in "
    "PyTorch 2.13's torch.optim.Adam, amsgrad=True",
    known=[
        # v = 7 is less than 12: 4 and 16
        ((1, 2, 4, 10, 12, 2.0, 0.5, 0.5, 0.5, 0.0), "0.5"),
        # v = 7 is the larger: as Adam, 4 and 28/3
        ((1, 2, 4, 10, 1, 2.0, 0.5, 0.5, 0.5, 0.0), "0.345346329292022856201707543753"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    exp_avg=real(-200, 200),
    exp_avg_sq=real(0, 4e4),
    largest=real(0, 4e4),
    step=one_of(1.0, 10.0, 100000.0),
    lr=one_of(0.001, 0.1),
    beta1=one_of(0.5, 0.9),
    beta2=one_of(0.99, 0.999),
    eps=one_of(1e-8, 0.001),
)
def amsgrad(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps):
    """Adam's step by the larger one of the second moment and `largest`, that of all steps before."""
    first = beta1 * exp_avg + (1 - beta1) * grad
    second = m.maximum(largest, beta2 * exp_avg_sq + (1 - beta2) * grad**2)
    return weight - lr * (first / (1 - beta1**step)) / (m.sqrt(second / (1 - beta2**step)) + eps)


@amsgrad.law
def weights_move_along(f, weight, *others):
    """The step does not depend on the weight."""
    return f(weight + 64, *others), f(weight, *others) + 64


@amsgrad.law
def rescaled_gradients_change_nothing(
    f, weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps
):
    """Gradients and eps times four, second moments times sixteen, leave the step as it was."""
    moments = (4 * exp_avg, 16 * exp_avg_sq, 16 * largest)
    left = f(weight, 4 * grad, *moments, step, lr, beta1, beta2, 4 * eps)
    return left, f(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps)


@amsgrad.law
def beyond_the_second_moment_only_the_largest_counts(
    f, weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps
):
    """With a larger `largest` the step is that of a constant second moment."""
    most = largest + exp_avg_sq + grad**2
    first = (beta1 * exp_avg + (1 - beta1) * grad) / (1 - beta1**step)
    moved = lr * first / (m.sqrt(most / (1 - beta2**step)) + eps)
    return f(weight, grad, exp_avg, exp_avg_sq, most, step, lr, beta1, beta2, eps), weight - moved


# Budgets: some twelve roundings lie between gradient and step.
@amsgrad.routine(value=ulps(4, cond=4))
def hypot_form(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps):
    """Roots are compared, of which the second moment's is a hypotenuse: nothing is squared; in float32 at least."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    grad, exp_avg = grad.to(wide), exp_avg.to(wide)
    root = torch.hypot(beta2**0.5 * exp_avg_sq.to(wide).sqrt(), (1 - beta2) ** 0.5 * grad)
    root = torch.maximum(root, largest.to(wide).sqrt()) / (1 - beta2**step) ** 0.5
    first = (beta1 * exp_avg + (1 - beta1) * grad) / (1 - beta1**step)
    return (weight.to(wide) - lr * (first / (root + eps))).to(weight.dtype)


tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


def _torch(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps, **way):
    options = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "amsgrad": True}
    moments = {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": largest}
    state = {"step": torch.tensor(step - 1), **moments}
    return step_of(lambda p: torch.optim.Adam(p, **options, **way), weight, grad, **state)


@tiny_squares
@amsgrad.routine(value=ulps(4, cond=4))
def torch_for_loop(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps):
    """torch.optim.Adam with amsgrad=True, one operation for each parameter."""
    return _torch(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps, foreach=False)


@tiny_squares
@amsgrad.routine(value=ulps(4, cond=4))
def torch_fused(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps):
    """torch.optim.Adam with amsgrad=True, one kernel for a whole step."""
    return _torch(weight, grad, exp_avg, exp_avg_sq, largest, step, lr, beta1, beta2, eps, fused=True)
