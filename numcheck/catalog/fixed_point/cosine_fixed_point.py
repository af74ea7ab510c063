"""Where x is a multiple of its cosine: the plain iteration may take two passes for a bit."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Burden & Faires 2011, Numerical Analysis, section 2.2 (fixed-point iteration)",
    known=[
        ((1,), "0.739085133215160641655312087674"),
        ((0.5,), "0.450183611294873573036538696763"),
        ((0.125,), "0.124039618124590680082887718336"),
    ],
    scale=real(-1, 1),
)
def cosine_fixed_point(scale):
    """The x with x = scale cos(x), to which passing x through the right side leads from anywhere in [-1, 1]."""
    return m.root(lambda x: x - scale * m.cos(x), -1, 1)


@cosine_fixed_point.law
def it_is_a_fixed_point(f, scale):
    """x = scale cos(x)."""
    return f(scale), scale * m.cos(f(scale))


@cosine_fixed_point.law
def the_opposite_scale_has_the_opposite_point(f, scale):
    """The cosine is even."""
    return f(-scale), -f(scale)


@cosine_fixed_point.routine(value=ulps(1), grad=ulps(2), formats=["float32", "bfloat16", "float16"])
def newton_in_float64(scale):
    """Six steps of Newton in float64, and one whose slope is a constant for autograd."""
    wide = scale.double()
    x = wide.detach() * 0.8
    for _ in range(6):
        x = x - (x - wide.detach() * torch.cos(x)) / (1 + wide.detach() * torch.sin(x))
    return (x - (x - wide * torch.cos(x)) / (1 + wide.detach() * torch.sin(x))).to(scale.dtype)


@cosine_fixed_point.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def anderson(scale):
    """Anderson's acceleration of depth 1, ten passes, and a step of Newton for autograd to go through."""
    with torch.no_grad():
        older, x = scale * 0, scale * 1
        lack = scale * torch.cos(older) - older
        for _ in range(10):
            image = scale * torch.cos(x)
            residual = image - x
            turn = residual - lack
            safe = torch.where(turn == 0, 1.0, turn)
            share = torch.where(turn == 0, 0.0, residual / safe)
            older, x, lack = x, image - share * (image - (older + lack)), residual
        slope = 1 + scale * torch.sin(x)
    return x - (x - scale * torch.cos(x)) / slope


@gap(
    "unconverged", "wrong_formula", why="where the cosine hardly changes a pass no more than halves the error"
)
@cosine_fixed_point.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def damped(scale):
    """Twelve passes of x = (x + scale cos(x)) / 2, in which the swing from side to side is less."""
    x = scale * 0
    for _ in range(12):
        x = (x + scale * torch.cos(x)) / 2
    return x


@gap(
    "unconverged",
    "wrong_formula",
    why="each pass shrinks the error by scale sin(x), which is 0.67 at a scale of 1",
)
@cosine_fixed_point.routine(value=ulps(4, cond=4), grad=ulps(4, cond=4))
def twelve_passes(scale):
    """Twelve passes of x = scale cos(x) from 0."""
    x = scale * 0
    for _ in range(12):
        x = scale * torch.cos(x)
    return x
