"""A number rounded to a format without infinities, whose largest number stands for all beyond: float8_e4m3fn."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Micikevicius et al. 2022, FP8 Formats for Deep Learning, arXiv:2209.05433, sections 3 and 3.1",
    known=[((1,), "1"), ((-1000,), "-448"), ((2.0**-9,), "0.001953125"), ((440,), "440")],
    examples=[(1 + 2.0**-4 + 2.0**-20,)],  # just beyond halfway
    wrt=(),
    x=real(-torch.inf, torch.inf, near=(-464, -448, 448, 464)),
)
def saturating_cast(x):
    """`x`, brought into [-448, 448]: what the format makes of that is all that a cast may err."""
    return m.clamp(x, -448, 448)


@saturating_cast.law
def it_is_odd(f, x):
    """Rounding to nearest is symmetric."""
    return f(-x), -f(x)


@saturating_cast.law
def a_second_cast_changes_nothing(f, x):
    """What has been cast is a number of the format."""
    return f(f(x)), f(x)


@saturating_cast.routine(value=ulps(0.5, cond=0), output="float8_e4m3fn")
def clamped_before(x):
    """Clamped in the wider format, then rounded to nearest."""
    return x.clamp(-448, 448).to(torch.float8_e4m3fn)


@saturating_cast.routine(value=ulps(0.5, cond=0), output="float8_e4m3fn")
def torch_builtin(x):
    """torch's cast, which saturates."""
    return x.to(torch.float8_e4m3fn)


@gap("cancellation", why="a number just beyond halfway was rounded to halfway before")
@saturating_cast.routine(value=ulps(0.5, cond=0), output="float8_e4m3fn")
def by_way_of_float16(x):
    """Rounded twice: to 11 bits, and then to 4."""
    return x.to(torch.float16).to(torch.float8_e4m3fn)
