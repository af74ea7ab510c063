"""Inverse of smoothstep: hard at both flat ends, where a difference of halves is all that tells small heights."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Quilez 2017, inverse smoothstep, iquilezles.org/articles/ismoothstep",
    known=[((0,), "0"), ((0.5,), "0.5"), ((0.25,), "0.326351822333069651148283373231"), ((0.15625,), "0.25")],
    wrt=(),
    y=real(0, 1, near=(0.5,)),
)
def smoothstep_inverse(y):
    """The x in [0, 1] whose smoothstep x*x*(3 - 2 x) is y."""
    return m.root(lambda x: x * x * (3 - 2 * x) - y, 0, 1)


@smoothstep_inverse.law
def the_smoothstep_of_it_is_y(f, y):
    """There and back."""
    x = f(y)
    return x * x * (3 - 2 * x), y


@smoothstep_inverse.law
def both_ends_are_alike(f, y):
    """Turned by half a turn the curve is itself."""
    return f(y) + f(1 - y), 1


# The upper end is no harder than its numbers: near 1 floats of x are as coarse as those of y.
@smoothstep_inverse.routine(value=ulps(4, cond=2))
def half_angle(y):
    """With y = sin(a)**2 the root is 2 sin(a/3) cos(pi/6 - a/3), in which nothing cancels at the lower end."""
    third = torch.asin(torch.sqrt(y)) * (2 / 3)
    # 1/2 - sin(pi/6 - t) = 2 sin(t/2) cos(pi/6 - t/2)
    return 2 * torch.sin(third / 2) * torch.cos(torch.pi / 6 - third / 2)


@smoothstep_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def newton_from_a_root(y):
    """Newton in float64 for the lower half, where the curve bends upwards, from the root of its 3 x*x; rounded once."""
    height = y.double()
    low = torch.where(height > 0.5, 1 - height, height)
    x = torch.sqrt(low / 3)
    for _ in range(8):
        slope = 6 * x * (1 - x)
        x = x - (x * x * (3 - 2 * x) - low) / torch.where(slope == 0, 1.0, slope)
    return torch.where(height > 0.5, 1 - x, x).to(y.dtype)


at_the_end = gap(
    "cancellation", "absorption", why="1 - 2 y, and 1/2 less a sine near it, keep nothing of a small y"
)


@at_the_end
@smoothstep_inverse.routine(value=ulps(4, cond=2))
def by_asin(y):
    """1/2 - sin(asin(1 - 2 y) / 3), as the article has it at the end."""
    return 0.5 - torch.sin(torch.asin(1 - 2 * y) / 3)


@at_the_end
@smoothstep_inverse.routine(value=ulps(4, cond=2))
def by_acos(y):
    """Its first form, 1/2 + cos((acos(1 - 2 y) - 2 pi) / 3)."""
    return 0.5 + torch.cos((torch.acos(1 - 2 * y) - 2 * torch.pi) / 3)
