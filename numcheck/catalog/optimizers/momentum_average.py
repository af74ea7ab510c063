"""Average of gradients that fades, with dampening: it begins at 0, and is too small at first."""

import torch

from numcheck import formula, gap, m, one_of, steps, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.SGD, with dampening = momentum; Kingma & Ba 2015, algorithm 1, m_t",
    known=[
        (((8,), 0.5), "4"),
        # 8/8 + 4/4 + 2/2
        (((8, 4, 2), 0.5), "3"),
        (((-4, 4, 4), 0.5), "2.5"),
    ],
    wrt=(),
    grads=steps(-1e3, 1e3, horizons=(1, 3, 10, 100)),
    beta=one_of(0.5, 0.9, 0.99),
)
def momentum_average(grads, beta):
    """m after the last of the steps m = beta * m + (1 - beta) * grad, from m = 0. Hard where gradients turn round."""
    return m.fold(lambda average, grad: beta * average + (1 - beta) * grad, 0, grads)


@momentum_average.law
def it_lacks_beta_to_the_n_of_a_constant(f, grads, beta):
    """After n equal gradients g the average is (1 - beta**n) * g."""
    return f(0 * grads + grads[0], beta), (1 - beta ** len(grads)) * grads[0]


@momentum_average.law
def it_is_1_minus_beta_of_the_sum_that_fades(f, grads, beta):
    """Dampening is a factor."""
    return f(grads, beta), (1 - beta) * m.fold(lambda b, grad: beta * b + grad, 0, grads)


tiny = gap(
    "underflow", why="products of subnormal numbers are rounded to whole subnormals, in every step again"
)


# Budgets: a gradient's term is rounded twice in each step that it stays, and stays for 1/(1 - beta) steps or so.
@tiny
@momentum_average.routine(value=ulps(1, cond=4, gamma=True))
def as_printed(grads, beta):
    """Step by step, every operation rounded to the format."""
    average = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        average = beta * average + (1 - beta) * grad
    return average


@tiny
@momentum_average.routine(value=ulps(1, cond=4, gamma=True))
def by_lerp(grads, beta):
    """`lerp`, as in torch.optim.Adam: the average moves by a share of its distance to the gradient."""
    average = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        average.lerp_(grad, 1 - beta)
    return average


@momentum_average.routine(value=ulps(1))
def weighted_at_once(grads, beta):
    """A product of all gradients with the powers of beta, in float64, rounded once at the end."""
    ages = torch.arange(grads.shape[1] - 1, -1, -1, dtype=torch.float64)
    return ((1 - beta) * (beta**ages * grads).sum(1)).to(grads.dtype)


@momentum_average.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_then_rounded(grads, beta):
    """An average in float32, rounded once at the end."""
    return as_printed.function(grads.float(), beta).to(grads.dtype)
