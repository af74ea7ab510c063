"""Warm-up and cosine annealing, one after the other."""

import torch
from torch.optim import lr_scheduler

from numcheck import formula, gap, integer, m, real, ulps


@formula(
    source="Loshchilov & Hutter 2017, SGDR, equation 5; transformers 5, get_cosine_schedule_with_warmup",
    known=[
        ((1, 4, 8, 1.0), "0.25"),
        ((4, 4, 8, 0.5), "0.5"),
        ((6, 4, 8, 0.5), "0.25"),
        ((7, 4, 8, 1.0), "0.146446609406726237799577818948"),
    ],
    wrt=(),
    relation=lambda step, warmup, total: {
        "warmup": warmup % total,
        "step": step % total,
    },
    step=integer(0, 1000000),
    warmup=integer(0, 1000000),
    total=integer(1, 1000000),
    base=real(0.001, 1),
)
def warmup_cosine(step, warmup, total, base):
    """base * step / warmup before `warmup`, then base * (1 + cos(pi * share)) / 2 at a share of all steps after it."""
    share = (step - warmup) / (total - warmup)
    rising = step / m.maximum(warmup, 1)
    return base * m.where(step < warmup, rising, (1 + m.cos(m.pi() * share)) / 2)


@warmup_cosine.law
def twice_as_many_steps_are_half_as_long(f, step, warmup, total, base):
    """Only shares of steps count."""
    return f(2 * step, 2 * warmup, 2 * total, base), f(step, warmup, total, base)


@warmup_cosine.law
def all_rates_are_shares_of_the_base(f, step, warmup, total, base):
    """The rate is linear in the base."""
    return 4 * f(step, warmup, total, base), f(step, warmup, total, 4 * base)


@warmup_cosine.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def half_angle(step, warmup, total, base):
    """The falling half as a square of what is left, in float64, rounded once."""
    left = (total - step).double() / (total - warmup)
    falling = torch.sin(torch.pi / 2 * left) ** 2
    rising = step.double() / warmup.clamp(min=1)
    return (base.double() * torch.where(step < warmup, rising, falling)).to(base.dtype)


@gap(
    "cancellation", why="1 + cos keeps few digits of the last rates, whose size is that of its rounding error"
)
@warmup_cosine.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def lambda_of_transformers(step, warmup, total, base):
    """torch's LambdaLR with the function of Hugging Face's get_cosine_schedule_with_warmup."""

    def share_of(t, warm, last):
        if t < warm:
            return t / max(1, warm)
        progress = (t - warm) / max(1, last - warm)
        return max(
            0.0, 0.5 * (1.0 + torch.cos(torch.tensor(torch.pi * progress, dtype=torch.float64)).item())
        )

    rates = []
    for t, warm, last, rate in zip(
        step.tolist(), warmup.tolist(), total.tolist(), base.tolist(), strict=True
    ):
        optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "initial_lr": rate}], lr=rate)
        rates += lr_scheduler.LambdaLR(
            optimizer, lambda epoch, w=warm, n=last: share_of(epoch, w, n), t - 1
        ).get_last_lr()
    return torch.tensor(rates, dtype=torch.float64).to(base.dtype)


@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    why="the share is rounded, and 1 + cos cancels near the end",
)
@warmup_cosine.routine(value=ulps(2), formats=["float32"])
def in_float32(step, warmup, total, base):
    """The formula as it is printed, on tensors."""
    falling = (1 + torch.cos(torch.pi * ((step - warmup) / (total - warmup)))) / 2
    return base * torch.where(step < warmup, step / warmup.clamp(min=1), falling)
