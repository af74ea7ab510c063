"""One step of Adam with decoupled weight decay."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2, their rate lr * decay",
    known=[
        ((1, 1, 0, 0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.5), "0.25"),
        # m = 3, v = 7, corrected by 1 - 1/4: 4 and 28/3; the weight shrinks by 3/4
        ((1, 2, 4, 10, 2.0, 0.5, 0.5, 0.5, 0.0, 0.5), "0.0953463292920228562017075437531"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    exp_avg=real(-200, 200),
    exp_avg_sq=real(0, 4e4),
    step=one_of(1.0, 10.0, 100000.0),
    lr=one_of(0.001, 0.1),
    beta1=one_of(0.5, 0.9),
    beta2=one_of(0.99, 0.999),
    eps=one_of(1e-8, 0.001),
    decay=one_of(0.01, 0.5),
)
def adamw(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """(1 - lr * decay) * weight, less Adam's step, which knows nothing of the decay."""
    first = (beta1 * exp_avg + (1 - beta1) * grad) / (1 - beta1**step)
    second = (beta2 * exp_avg_sq + (1 - beta2) * grad**2) / (1 - beta2**step)
    return (1 - lr * decay) * weight - lr * first / (m.sqrt(second) + eps)


@adamw.law
def a_weight_beside_shrinks_alone(f, weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """Sixteen more before are 16 * (1 - lr * decay) more after the step."""
    others = (grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay)
    return f(weight + 16, *others), f(weight, *others) + 16 * (1 - lr * decay)


@adamw.law
def rescaled_gradients_change_nothing(
    f, weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay
):
    """Gradients times four, second moments times sixteen and eps times four leave the step as it was."""
    left = f(weight, 4 * grad, 4 * exp_avg, 16 * exp_avg_sq, step, lr, beta1, beta2, 4 * eps, decay)
    return left, f(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay)


def options_of(lr, beta1, beta2, eps, decay):
    """What torch.optim.AdamW is made with."""
    return {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": decay}


# Budgets: some twelve roundings lie between gradient and step.
@adamw.routine(value=ulps(4, cond=4))
def hypot_form(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """The root of the second moment as a hypotenuse, so that nothing is squared; in float32 at least."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    weight_dtype, weight, grad, exp_avg = weight.dtype, weight.to(wide), grad.to(wide), exp_avg.to(wide)
    root = torch.hypot(beta2**0.5 * exp_avg_sq.to(wide).sqrt(), (1 - beta2) ** 0.5 * grad)
    first = (beta1 * exp_avg + (1 - beta1) * grad) / (1 - beta1**step)
    moved = lr * (first / (root / (1 - beta2**step) ** 0.5 + eps))
    return ((1 - lr * decay) * weight - moved).to(weight_dtype)


tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


@tiny_squares
@adamw.routine(value=ulps(4, cond=4))
def torch_for_loop(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """torch.optim.AdamW, one operation for each parameter."""
    options = options_of(lr, beta1, beta2, eps, decay)
    state = {"step": torch.tensor(step - 1), "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    return step_of(lambda p: torch.optim.AdamW(p, **options, foreach=False), weight, grad, **state)


@tiny_squares
@adamw.routine(value=ulps(4, cond=4))
def torch_fused(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """torch.optim.AdamW, one kernel for a whole step; of 16-bit numbers it computes in float32."""
    options = options_of(lr, beta1, beta2, eps, decay)
    state = {"step": torch.tensor(step - 1), "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    return step_of(lambda p: torch.optim.AdamW(p, **options, fused=True), weight, grad, **state)


@gap(
    "overflow",
    "underflow",
    formats=["float16"],
    why="the second moment, or it over 1 - beta2**step, leaves the range",
)
@gap(
    "wrong_formula", "cancellation", "absorption", why="decay joins the gradient, and is divided by its size"
)
@adamw.routine(value=ulps(4, cond=4))
def coupled_decay(weight, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, decay):
    """Adam of grad + decay * weight, which is what torch.optim.Adam does of its weight_decay."""
    grad = grad + decay * weight
    first = (beta1 * exp_avg + (1 - beta1) * grad) / (1 - beta1**step)
    second = (beta2 * exp_avg_sq + (1 - beta2) * grad * grad) / (1 - beta2**step)
    return weight - lr * first / (second.sqrt() + eps)
