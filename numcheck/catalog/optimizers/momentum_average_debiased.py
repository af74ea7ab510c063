"""Average of gradients that fades, debiased: its weights add up to 1 from the first step on."""

import torch

from numcheck import formula, gap, m, one_of, steps, ulps


@formula(
    source="Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, section 3, equation 4 and what follows it",
    known=[
        (((8,), 0.5), "8"),
        # (8/8 + 4/4 + 2/2) over 7/8
        (((8, 4, 2), 0.5), "3.42857142857142857142857142857"),
        (((-4, 4, 4, 4), 0.5), "3.46666666666666666666666666667"),
    ],
    wrt=(),
    grads=steps(-1e3, 1e3, horizons=(1, 3, 10, 100)),
    beta=one_of(0.5, 0.9, 0.999),
)
def momentum_average_debiased(grads, beta):
    """Fading average of the gradients over 1 - beta**n, the sum of its weights after n steps."""
    average = m.fold(lambda average, grad: beta * average + (1 - beta) * grad, 0, grads)
    return average / (1 - beta ** len(grads))


@momentum_average_debiased.law
def of_equal_gradients_it_is_the_gradient(f, grads, beta):
    """An average of equal numbers is that number."""
    return f(0 * grads + grads[0], beta), grads[0]


@momentum_average_debiased.law
def moving_all_gradients_moves_it_along(f, grads, beta):
    """Its weights add up to 1."""
    return f(grads + 64, beta), f(grads, beta) + 64


def corrected(average, beta, n):
    """An average over what its weights add up to after n steps."""
    return average / (1 - beta**n)


tiny = gap(
    "underflow", why="products of subnormal numbers are rounded to whole subnormals, in every step again"
)


# Budgets: a gradient's term is rounded twice in each step that it stays, and stays for 1/(1 - beta) steps or so.
@tiny
@momentum_average_debiased.routine(value=ulps(1, cond=4, gamma=True))
def as_printed(grads, beta):
    """Step by step, every operation rounded to the format."""
    average = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        average = beta * average + (1 - beta) * grad
    return corrected(average, beta, grads.shape[1])


@gap(
    "overflow",
    formats=["float16"],
    why="the sum of a hundred gradients is up to a hundred times their average",
)
@tiny
@momentum_average_debiased.routine(value=ulps(1, cond=4, gamma=True))
def sum_over_its_weights(grads, beta):
    """Without dampening: a sum that fades, over (1 - beta**n) / (1 - beta), as fastai debiases."""
    total = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        total = beta * total + grad
    return total / ((1 - beta ** grads.shape[1]) / (1 - beta))


@tiny
@momentum_average_debiased.routine(value=ulps(1, cond=4, gamma=True))
def rates_that_shrink(grads, beta):
    """No correction: the k-th gradient moves the average by the share (1 - beta) / (1 - beta**k)."""
    average = grads[:, 0].clone()
    for k, grad in enumerate(grads.unbind(1), 1):
        average.lerp_(grad, (1 - beta) / (1 - beta**k))
    return average


@momentum_average_debiased.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(grads, beta):
    """An average in float32, corrected and rounded once at the end."""
    return as_printed.function(grads.float(), beta).to(grads.dtype)


@gap(
    "wrong_formula",
    "cancellation",
    "overflow",
    why="it is 1/(1 - beta) times the average, as are its rounding errors",
)
@momentum_average_debiased.routine(value=ulps(1, cond=4, gamma=True))
def sum_corrected_as_an_average(grads, beta):
    """Without dampening, yet over 1 - beta**n, as notebooks plot it: of equal gradients g it is g / (1 - beta)."""
    total = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        total = beta * total + grad
    return corrected(total, beta, grads.shape[1])
