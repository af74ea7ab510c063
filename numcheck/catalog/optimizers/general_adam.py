"""Adam of a general optimizer: statistics (two averages, a step count), debiased, and steppers in a given order."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps
from numcheck.catalog.optimizers.rmsprop import step_of


@formula(
    source="fast.ai 2019, Deep learning from the foundations, notebook 09_optimizers; Kingma & Ba 2015, algorithm 1",
    known=[
        # averages 4 and 7, debiased by 3/4 (dampened): 4 / (3/4) over sqrt(28/3); no decay
        ((1, 2, 6, 10, 2.0, 0.5, 0.5, 0.5, 0.0, 0.0, True, True), "0.127128439056030474935610058338"),
        # average 6 + 2, debiased by (3/4) / (1/2): the same 16/3
        ((1, 2, 12, 10, 2.0, 0.5, 0.5, 0.5, 0.0, 0.0, False, True), "0.127128439056030474935610058338"),
        # decay of 1/4 after a step of 0.5, and before it
        ((1, 1, 0, 0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.5, True, False), "0.375"),
        ((1, 1, 0, 0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.5, True, True), "0.25"),
    ],
    wrt=(),
    weight=real(0.125, 16),
    grad=real(-200, 200),
    grad_avg=real(-200, 200),
    sqr_avg=real(0, 4e4),
    step=one_of(1.0, 10.0, 100000.0),
    lr=one_of(0.001, 0.1),
    mom=one_of(0.5, 0.9),
    sqr_mom=one_of(0.99, 0.999),
    eps=one_of(1e-8, 1e-5),
    wd=one_of(0.0, 0.5),
    dampening=one_of(False, True),
    decay_first=one_of(False, True),
)
def general_adam(weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first):
    """Weight after adam_step and weight_decay, in either order; without dampening `grad_avg` is a sum that fades."""
    damp = 1 - mom if dampening else 1
    grad_avg = mom * grad_avg + damp * grad
    sqr_avg = sqr_mom * sqr_avg + (1 - sqr_mom) * grad**2
    debiased = grad_avg / (damp * (1 - mom**step) / (1 - mom))
    moved = lr * debiased / (m.sqrt(sqr_avg / (1 - sqr_mom**step)) + eps)
    return weight * (1 - lr * wd) - moved if decay_first else (weight - moved) * (1 - lr * wd)


@general_adam.law
def dampening_is_a_unit_of_the_average(
    f, weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first
):
    """A sum is 1/(1 - mom) times an average; debiased, it makes the same step."""
    others = (sqr_avg, step, lr, mom, sqr_mom, eps, wd)
    damped = f(weight, grad, grad_avg, *others, True, decay_first)
    return damped, f(weight, grad, grad_avg / (1 - mom), *others, False, decay_first)


@general_adam.law
def with_decay_first_it_is_adamw(
    f, weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first
):
    """With exp_avg = grad_avg, exp_avg_sq = sqr_avg, betas = (mom, sqr_mom) and weight_decay = wd."""
    first = (mom * grad_avg + (1 - mom) * grad) / (1 - mom**step)
    second = (sqr_mom * sqr_avg + (1 - sqr_mom) * grad**2) / (1 - sqr_mom**step)
    adamw = (1 - lr * wd) * weight - lr * first / (m.sqrt(second) + eps)
    return f(weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, True, True), adamw


# Budgets: some twelve roundings lie between gradient and step.
@general_adam.routine(value=ulps(2), formats=["bfloat16", "float16"])
def float32_then_rounded(
    weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first
):
    """Statistics and steppers in float32, rounded once at the end."""
    wide = (x.float() for x in (weight, grad, grad_avg, sqr_avg))
    settings = (step, lr, mom, sqr_mom, eps, wd, dampening, decay_first)
    return as_composed.function(*wide, *settings).to(weight.dtype)


large_squares = gap(
    "overflow", formats=["float16"], why="squares over 1 - sqr_mom**step leave the range before their root"
)
tiny_squares = gap("underflow", why="squares of small gradients, and in float16 eps, lose digits or vanish")


@tiny_squares
@large_squares
@general_adam.routine(value=ulps(4, cond=4))
def as_composed(weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first):
    """AverageGrad, AverageSqdGrad, StepCount and debias as printed, then the two steppers, in place."""
    damp = 1 - mom if dampening else 1
    average = grad_avg.clone().mul_(mom).add_(grad, alpha=damp)
    squares = sqr_avg.clone().mul_(sqr_mom).addcmul_(grad, grad, value=1 - sqr_mom)
    debias1, debias2 = damp * (1 - mom**step) / (1 - mom), 1 - sqr_mom**step
    weight = weight * (1 - lr * wd) if decay_first else weight.clone()
    weight.addcdiv_(average, (squares / debias2).sqrt() + eps, value=-lr / debias1)
    return weight if decay_first else weight.mul_(1 - lr * wd)


@tiny_squares
@general_adam.routine(value=ulps(4, cond=4))
def torch_under_the_mapping(
    weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first
):
    """torch.optim.AdamW, or Adam and a decay after it, of the dampened average."""
    options = {"lr": lr, "betas": (mom, sqr_mom), "eps": eps, "weight_decay": wd if decay_first else 0}
    average = grad_avg if dampening else (1 - mom) * grad_avg
    state = {"step": torch.tensor(step - 1), "exp_avg": average, "exp_avg_sq": sqr_avg}
    moved = step_of(lambda p: torch.optim.AdamW(p, **options, foreach=False), weight, grad, **state)
    return moved if decay_first else moved * (1 - lr * wd)


@large_squares
@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    "underflow",
    why="a sum is taken for an average: 1/(1 - mom) too large",
)
@general_adam.routine(value=ulps(4, cond=4))
def debiased_as_an_average(
    weight, grad, grad_avg, sqr_avg, step, lr, mom, sqr_mom, eps, wd, dampening, decay_first
):
    """debias without the dampening in it, 1 - mom**step, whether there was dampening or not."""
    damp = 1 - mom if dampening else 1
    average = mom * grad_avg + damp * grad
    squares = sqr_mom * sqr_avg + (1 - sqr_mom) * grad**2
    moved = lr * (average / (1 - mom**step)) / ((squares / (1 - sqr_mom**step)).sqrt() + eps)
    return weight * (1 - lr * wd) - moved if decay_first else (weight - moved) * (1 - lr * wd)
