"""Moving average of a weight: where decay is near 1, shares of small differences are absorbed by the average."""

import torch
from torch.optim import swa_utils

from numcheck import formula, gap, m, one_of, steps, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.optim.swa_utils.get_ema_multi_avg_fn (after Polyak & Juditsky 1992)",
    known=[
        (((8, 4, 2), 0.5), "4"),
        (((3,), 0.9), "3"),
        (((0, 1, 1), 0.75), "0.4375"),
    ],
    wrt=(),
    weights=steps(-16, 16, horizons=(1, 3, 10, 100)),
    decay=one_of(0.5, 0.9, 0.999),
)
def weights_ema(weights, decay):
    """The first weight, moved in every later step: average = decay * average + (1 - decay) * weight."""
    return m.fold(lambda average, weight: decay * average + (1 - decay) * weight, weights[0], weights)


@weights_ema.law
def moving_all_weights_moves_it_along(f, weights, decay):
    """Its shares add up to 1."""
    return f(weights + 64, decay), f(weights, decay) + 64


@weights_ema.law
def the_first_weight_fades_by_a_power(f, weights, decay):
    """Of n steps of zeros after it decay**n of it is left."""
    rest = m.concatenate([weights[:1], 0 * weights[1:]])
    return f(rest, decay), decay ** (len(weights) - 1) * weights[0]


# Budgets: none for the number of steps, of which an average should not know: with n weights it is rounded n times.
@weights_ema.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def shares_at_once(weights, decay):
    """A product of all weights with their shares, in float64, rounded once at the end."""
    n = weights.shape[1]
    shares = (1 - decay) * decay ** torch.arange(n - 1, -1, -1, dtype=torch.float64)
    shares[0] = decay ** (n - 1)
    return (shares * weights).sum(1).to(weights.dtype)


@weights_ema.routine(value=ulps(1, cond=1), formats=["bfloat16", "float16"])
def float32_then_rounded(weights, decay):
    """An average in float32 of weights in the format, rounded where it is used."""
    return by_lerp.function(weights.float(), decay).to(weights.dtype)


rounded = gap(
    "absorption",
    "cancellation",
    "underflow",
    "order",
    why="a step's rounding error is of the size of the step",
)


@rounded
@weights_ema.routine(value=ulps(2, cond=4))
def by_lerp(weights, decay):
    """In the format, by a share of the distance, as torch's get_ema_multi_avg_fn."""
    average = [weights[:, 0].clone()]
    update = swa_utils.get_ema_multi_avg_fn(decay)
    for weight in weights[:, 1:].unbind(1):
        update(average, [weight], None)
    return average[0]


@rounded
@weights_ema.routine(value=ulps(2, cond=4))
def by_two_products(weights, decay):
    """In the format, decay * average + (1 - decay) * weight, as torch's get_ema_avg_fn."""
    average, update = weights[:, 0], swa_utils.get_ema_avg_fn(decay)
    for weight in weights[:, 1:].unbind(1):
        average = update(average, weight, None)
    return average
