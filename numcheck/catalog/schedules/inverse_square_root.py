"""The transformer's rate: linear warm-up, then the inverse square root of the step."""

import torch

from numcheck import formula, gap, integer, m, one_of, real, ulps


@formula(
    source="Vaswani et al. 2017, Attention is all you need, equation 3, times a factor",
    known=[
        ((4, 4, 1.0, 64.0), "0.0625"),
        ((1, 4, 0.5, 64.0), "0.0078125"),
        ((16, 4, 0.5, 64.0), "0.015625"),
    ],
    wrt=(),
    step=integer(1, 1000000),
    warmup=integer(1, 100000),
    factor=real(0.5, 2),
    width=one_of(64.0, 512.0),
)
def inverse_square_root(step, warmup, factor, width):
    """factor * width**-0.5 * min(step**-0.5, step * warmup**-1.5)."""
    rising = step / (warmup * m.sqrt(warmup))
    return factor / m.sqrt(width) * m.minimum(1 / m.sqrt(step), rising)


@inverse_square_root.law
def four_times_as_late_is_half_as_much(f, step, warmup, factor, width):
    """After warm-up, which is then four times as long, too."""
    return f(4 * step, 4 * warmup, factor, width), f(step, warmup, factor, width) / 2


@inverse_square_root.law
def the_warm_up_is_linear(f, step, warmup, factor, width):
    """Step k of step * warmup steps of warm-up is k times the first."""
    return f(step, step * warmup, factor, width), step * f(1, step * warmup, factor, width)


@inverse_square_root.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def in_float64(step, warmup, factor, width):
    """The formula as it is printed, of Python's floats: float64, rounded once."""
    t, w = step.double(), warmup.double()
    return (factor.double() * width**-0.5 * torch.minimum(t**-0.5, t * w**-1.5)).to(factor.dtype)


@inverse_square_root.routine(value=ulps(4), formats=["float32"])
def in_float32(step, warmup, factor, width):
    """The formula as it is printed, on tensors."""
    t, w = step.float(), warmup.float()
    return factor * width**-0.5 * torch.minimum(t**-0.5, t * w**-1.5)


@inverse_square_root.routine(value=ulps(4), formats=["float32"])
def reciprocal_root(step, warmup, factor, width):
    """rsqrt of the larger of step and warmup, times what the warm-up lacks."""
    t, w = step.float(), warmup.float()
    return factor * width**-0.5 * torch.rsqrt(torch.maximum(t, w)) * torch.clamp(t / w, max=1)


@gap(
    "wrong_formula",
    "overflow",
    "underflow",
    "special_value",
    "absorption",
    "cancellation",
    why="float16 ends at 65504, and a step beyond 2048 is rounded",
)
@inverse_square_root.routine(value=ulps(4, cond=4), formats=["float16"])
def in_float16(step, warmup, factor, width):
    """The same in float16, steps included."""
    t, w = step.half(), warmup.half()
    return factor * width**-0.5 * torch.minimum(t**-0.5, t * w**-1.5)
