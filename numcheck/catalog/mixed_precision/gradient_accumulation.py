"""Gradient of a batch from micro-batches, the loss scaled: half precision overflows in sums and vanishes in shares."""

import torch

from numcheck import formula, gap, m, one_of, steps, ulps


@formula(
    source="PyTorch 2.13 documentation, Automatic mixed precision examples, Gradient accumulation",
    known=[
        (((1, 2, 3, 4), 256.0), "2.5"),
        (((8,), 1.0), "8"),
        (((-1, 1, 3), 65536.0), "1"),
    ],
    wrt=(),
    grads=steps(-16, 16, horizons=(1, 3, 10, 64)),
    scale=one_of(1.0, 2.0**8, 2.0**12),
)
def gradient_accumulation(grads, scale):
    """Mean of the micro-batches' gradients, accumulated of losses times scale over their number, and unscaled."""
    n = len(grads)
    return m.fold(lambda total, grad: total + scale * (grad / n), 0, grads) / scale


@gradient_accumulation.law
def the_scale_leaves_no_trace(f, grads, scale):
    """Any scale gives the mean."""
    return f(grads, scale), m.mean(grads)


@gradient_accumulation.law
def moving_all_gradients_moves_the_mean(f, grads, scale):
    """Shares add up to 1."""
    return f(grads + 64, scale), f(grads, scale) + 64


# Budgets: none for the number of micro-batches; a gradient is rounded with its scale, its share and its sum.
@gradient_accumulation.routine(value=ulps(1), formats=["bfloat16", "float16"])
def in_float32(grads, scale):
    """Gradients of float32 parameters, under autocast: accumulated and unscaled in float32, rounded once."""
    return share_then_sum.function(grads.float(), scale).to(grads.dtype)


@gradient_accumulation.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def mean_in_float64(grads, scale):
    """No accumulation: the mean in float64, rounded once."""
    return grads.double().mean(1).to(grads.dtype)


rounded = gap(
    "absorption", "cancellation", "order", why="a sum of many is rounded to the format in every step"
)
large = gap("overflow", formats=["float16"], why="scaled gradients, or their sum, leave the range")


@rounded
@large
@gap("underflow", why="a share of a small gradient has few digits or none")
@gradient_accumulation.routine(value=ulps(1, cond=3))
def share_then_sum(grads, scale):
    """Each loss is scaled and divided by the number of micro-batches, as documented; all in the format."""
    total = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        total = total + grad * (scale / grads.shape[1])
    return total / scale


@rounded
@large
@gradient_accumulation.routine(value=ulps(1, cond=3))
def sum_then_share(grads, scale):
    """Losses are only scaled; the sum is divided by the scale and the number of micro-batches."""
    total = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        total = total + grad * scale
    return total / (scale * grads.shape[1])


@rounded
@gap(
    "wrong_formula",
    "scale",
    "unconverged",
    why="the sum of the gradients of means is as many times the mean as there are",
)
@large
@gradient_accumulation.routine(value=ulps(1, cond=3))
def without_a_share(grads, scale):
    """Scaled, accumulated and unscaled, with no thought of the number of micro-batches."""
    total = torch.zeros_like(grads[:, 0])
    for grad in grads.unbind(1):
        total = total + grad * scale
    return total / scale
