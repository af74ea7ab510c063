"""A weight in a narrow format after many small steps: absorbed one by one, kept where a wider copy takes them."""

import torch

from numcheck import formula, gap, m, one_of, real, steps, ulps


@formula(
    source="Micikevicius et al. 2018, Mixed precision training, section 3.1; Higham 2002, section 4.3",
    known=[
        ((1, (1, 2, 3), 0.25), "-0.5"),
        ((1, (0.25,), 1.0), "0.75"),
        # sixteen steps of an eighth of bfloat16's spacing beside 1
        ((1, (1,) * 10, 2.0**-11), "0.9951171875"),
    ],
    wrt=(),
    # away from zero, where a weight shows the smallest steps
    weight=real(0.125, 16, near=(1,)),
    grads=steps(-16, 16, horizons=(1, 3, 10, 100)),
    lr=one_of(2.0**-11, 0.0001, 0.01),
)
def descent_over_steps(weight, grads, lr):
    """Weight after plain descent by all of `grads`."""
    return m.fold(lambda weight, grad: weight - lr * grad, weight, grads)


@descent_over_steps.law
def all_steps_may_be_one(f, weight, grads, lr):
    """A step by the sum of all gradients."""
    return f(weight, grads, lr), weight - lr * m.sum(grads)


@descent_over_steps.law
def weights_move_along(f, weight, grads, lr):
    """The steps do not depend on the weight."""
    return f(weight + 64, grads, lr), f(weight, grads, lr) + 64


# Budgets: none for the number of steps, which must not matter; a term is rounded with its rate and its sum.
@descent_over_steps.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(weight, grads, lr):
    """A weight in float64 takes all steps, and is rounded once at the end."""
    return (weight.double() - lr * grads.double().sum(1)).to(weight.dtype)


@descent_over_steps.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float32_master_weight(weight, grads, lr):
    """A weight in float32 takes the steps, and its rounded copy is what the network sees."""
    return stored_in_format.function(weight.float(), grads.float(), lr).to(weight.dtype)


@descent_over_steps.routine(value=ulps(1, cond=3))
def kahan(weight, grads, lr):
    """In the format: what a step leaves over is kept, and joins the next one (Kahan 1965)."""
    left_over = torch.zeros_like(weight)
    for grad in grads.unbind(1):
        step = left_over - lr * grad
        stored = weight + step
        left_over = step - (stored - weight)
        weight = stored
    return weight


whole_spacings = gap(
    "absorption", "cancellation", "order", why="a weight moves by whole spacings, or not at all"
)


@whole_spacings
@descent_over_steps.routine(value=ulps(1, cond=3))
def stored_in_format(weight, grads, lr):
    """The weight in the format takes each step, and is rounded each time."""
    for grad in grads.unbind(1):
        weight = weight - lr * grad
    return weight


@gap(
    "absorption",
    "cancellation",
    "order",
    why="each step is rounded by up to a whole spacing, if without a bias",
)
@descent_over_steps.routine(value=ulps(1, cond=3), formats=["bfloat16"], varies="stochastic rounding")
def stochastically_rounded(weight, grads, lr):
    """Rounded up or down by chance, in proportion: steps are right on average, a weight wanders about the truth."""
    for grad in grads.float().unbind(1):
        bits = (weight.float() - lr * grad).view(torch.int32)
        noise = torch.randint(0, 2**16, bits.shape, dtype=torch.int32)
        weight = ((bits + noise) & -(2**16)).view(torch.float32).to(weight.dtype)
    return weight
