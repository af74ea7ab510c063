"""The loss scale of a GradScaler after some steps: halved at each overflow, doubled after some steps without one."""

import torch

from numcheck import formula, gap, m, mask, one_of, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.amp.GradScaler.update; Micikevicius et al. 2018, section 3.2",
    known=[
        ((1024, (0, 0, 0, 0), 2.0, 2.0, 0.5), "4096"),
        ((1024, (0, 1, 0, 0), 2.0, 2.0, 0.5), "1024"),
        ((1024, (0, 0, 1, 0), 2.0, 1.5, 0.5), "768"),
        # twice the largest power of two is refused
        ((2.0**127, (0, 0), 1.0, 2.0, 0.5), "170141183460469231731687303715884105728"),
    ],
    wrt=(),
    scale=real(1, 2.0**127, near=(2.0**16,)),
    found_inf=mask(sizes=(1, 3, 8, 32)),
    interval=one_of(1.0, 2.0, 5.0),
    growth=one_of(1.25, 2.0),
    backoff=one_of(0.5, 0.75),
)
def grad_scaler(scale, found_inf, interval, growth, backoff):
    """The scale after as many steps as there are flags: an overflow backs off and starts the count anew.

    `interval` steps in a row without one grow it; growth beyond float32 is refused, and the count starts anew, too.
    """

    def step(state, found):
        scale, count = state
        due = count + 1 == interval
        grown = m.where(growth * scale < 2**128 - 2**103, growth * scale, scale)
        kept = m.where(due, grown, scale)
        return m.where(found == 1, backoff * scale, kept), m.where((found == 1) | due, 0, count + 1)

    return m.fold(step, (scale, 0), found_inf)[0]


@grad_scaler.law
def one_overflow_is_one_backoff(f, scale, found_inf, interval, growth, backoff):
    """The last step alone tells by how much it fell."""
    before = f(scale, found_inf[:-1], interval, growth, backoff) if len(found_inf) > 1 else scale
    fallen = m.concatenate([found_inf[:-1], m.stack([1 + 0 * found_inf[0]])])
    return f(scale, fallen, interval, growth, backoff), backoff * before


@grad_scaler.law
def without_overflow_it_grows_by_a_power(f, scale, found_inf, interval, growth, backoff):
    """Once for each `interval` of steps."""
    times = len(found_inf) // int(interval)
    small = scale / 2**96
    return f(small, 0 * found_inf, interval, growth, backoff), growth**times * small


# Budgets: of up to 32 changes of the scale each is rounded, to half an ulp.
@grad_scaler.routine(value=ulps(8, cond=8), formats=["float32"])
def by_hand(scale, found_inf, interval, growth, backoff):
    """The rule, step by step, in float32."""
    count = torch.zeros_like(scale)
    for found in found_inf.unbind(1):
        grown = growth * scale
        due = (count + 1 == interval) & ~found
        scale = torch.where(found, backoff * scale, torch.where(due & grown.isfinite(), grown, scale))
        count = torch.where(found | due, 0.0, count + 1)
    return scale


@grad_scaler.routine(value=ulps(8, cond=8), formats=["float32"])
def torch_kernel(scale, found_inf, interval, growth, backoff):
    """The kernel that torch's GradScaler.update calls, in place, point by point."""
    scale = scale.clone()
    for place, flags in enumerate(found_inf.float()):
        count = torch.zeros(1, dtype=torch.int32)
        for flag in flags:
            torch._amp_update_scale_(
                scale[place : place + 1], count, flag.reshape(1), growth, backoff, int(interval)
            )
    return scale


@gap(
    "wrong_formula", "special_value", "overflow", why="it grows beyond the largest number, and stays infinite"
)
@grad_scaler.routine(value=ulps(8, cond=8), formats=["float32"])
def without_a_bound(scale, found_inf, interval, growth, backoff):
    """The rule as it is told, which says nothing of growth beyond the range."""
    count = torch.zeros_like(scale)
    for found in found_inf.unbind(1):
        due = (count + 1 == interval) & ~found
        scale = torch.where(found, backoff * scale, torch.where(due, growth * scale, scale))
        count = torch.where(found | due, 0.0, count + 1)
    return scale
