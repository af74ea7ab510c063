"""Mean of the weights along a training: kept as a running mean, it is rounded once a step; as a sum it may overflow."""

import torch
from torch.optim import swa_utils

from numcheck import formula, gap, m, steps, ulps


@formula(
    source="Izmailov et al. 2018, Averaging weights leads to wider optima and better generalization, algorithm 1",
    known=[
        (((8, 4, 3),), "5"),
        (((3,),), "3"),
        (((1, 2, 3, 4, 5, 6, 7, 8, 9, 10),), "5.5"),
    ],
    wrt=(),
    weights=steps(-1e3, 1e3, horizons=(1, 3, 10, 100)),
)
def weights_mean(weights):
    """Arithmetic mean of a weight's values after each of so many epochs."""
    return m.sum(weights) / len(weights)


@weights_mean.law
def it_is_a_running_mean(f, weights):
    """The k-th weight moves the mean by a k-th of its distance."""

    def step(state, weight):
        mean, count = state
        return mean + (weight - mean) / (count + 1), count + 1

    return f(weights), m.fold(step, (0, 0), weights)[0]


@weights_mean.law
def moving_all_weights_moves_it_along(f, weights):
    """Its shares add up to 1."""
    return f(weights + 64), f(weights) + 64


# Budgets: none for the number of steps, of which a mean should not know.
@weights_mean.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(weights):
    """A sum in float64, rounded once at the end."""
    return weights.double().mean(1).to(weights.dtype)


@weights_mean.routine(value=ulps(1, cond=1), formats=["bfloat16", "float16"])
def running_mean_in_float32(weights):
    """A float32 copy is the running mean, rounded where it is used."""
    return torch_swa.function(weights.float()).to(weights.dtype)


rounded = gap(
    "absorption", "cancellation", "underflow", "order", why="it is rounded to the format in every step"
)


@rounded
@weights_mean.routine(value=ulps(2, cond=4))
def torch_swa(weights):
    """The running mean of torch's get_swa_avg_fn, in the format."""
    average, update = weights[:, 0], swa_utils.get_swa_avg_fn()
    for count, weight in enumerate(weights[:, 1:].unbind(1), 1):
        average = update(average, weight, count)
    return average


@rounded
@weights_mean.routine(value=ulps(2, cond=4))
def torch_multi_swa(weights):
    """The running mean of torch's get_swa_multi_avg_fn, by lerp, in the format."""
    average, update = [weights[:, 0].clone()], swa_utils.get_swa_multi_avg_fn()
    for count, weight in enumerate(weights[:, 1:].unbind(1), 1):
        update(average, [weight], count)
    return average[0]


@rounded
@gap("overflow", formats=["float16"], why="a sum of a hundred weights leaves the range, their mean does not")
@weights_mean.routine(value=ulps(2, cond=4))
def sum_then_share(weights):
    """One after another into a sum in the format, divided at the end."""
    total = torch.zeros_like(weights[:, 0])
    for weight in weights.unbind(1):
        total = total + weight
    return total / weights.shape[1]
