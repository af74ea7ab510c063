"""Where e**x + x reaches a height: a blend of two curves with plain inverses that has none itself."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Corless, Gonnet, Hare, Jeffrey & Knuth 1996, On the Lambert W function, section 2",
    known=[
        ((0,), "-0.567143290409783872999968662210"),
        ((-8,), "-8.0003353501493210617472268831"),
        ((10,), "2.07057990498030265143827173383"),
    ],
    y=real(-1024, 1024),
)
def exponential_and_line_inverse(y):
    """The x with e**x + x = y, which is y - W(e**y): half of 2 e**x and of 2 x, blended."""
    return m.root(lambda x: m.exp(x) + x - y, -abs(y) - 1, abs(y))


@exponential_and_line_inverse.law
def the_blend_at_it_is_y(f, y):
    """There and back."""
    return m.exp(f(y)) + f(y), y


@exponential_and_line_inverse.law
def what_is_lacking_is_its_exponential(f, y):
    """log(y - x) = x."""
    x = f(y)
    return m.log(y - x), x


class _Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        wide = y.double()
        # e**x + x is nearly x where y is low, nearly e**x where it is high
        x = torch.where(wide > 1, torch.log(wide.clamp(min=1)), wide)
        for _ in range(30):
            exponential = torch.exp(x)
            x = x - (exponential + x - wide) / (exponential + 1)
        ctx.save_for_backward(x)
        return x.to(y.dtype)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return (cotangent.double() / (1 + torch.exp(x))).to(cotangent.dtype)


@exponential_and_line_inverse.routine(value=ulps(1), grad=ulps(1), formats=["float32", "bfloat16", "float16"])
def newton_with_implicit_gradient(y):
    """Newton in float64 from the larger half's inverse; backward is 1 / (1 + e**x), the implicit function's slope."""
    return _Inverse.apply(y)


@exponential_and_line_inverse.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def newton_in_logarithms(y):
    """Newton, where y is high, on log(y - x) = x, whose numbers stay small; autograd goes through all eight passes."""
    high = y > 1
    safe = torch.where(high, y, 2.0)
    above = torch.log(safe)
    for _ in range(8):
        rest = safe - above
        above = above - (above - torch.log(rest)) * rest / (rest + 1)
    low = torch.where(high, 0.0, y)
    below = low.clamp(min=-1024)
    for _ in range(8):
        exponential = torch.exp(below)
        below = below - (exponential + below - low) / (exponential + 1)
    return torch.where(high, above, below)


@gap("unconverged", "overflow", "special_value", "nan_gradient", why="the first step leaps by all of y")
@gap("wrong_formula", why="a fixed number of passes takes off one each from far above")
@exponential_and_line_inverse.routine(value=ulps(4, cond=2), grad=ulps(4, cond=4))
def newton_from_the_middle(y):
    """Plain Newton, twelve passes from 0.5, as the seed of the question has it."""
    x = torch.full_like(y, 0.5)
    for _ in range(12):
        x = x - (torch.exp(x) + x - y) / (torch.exp(x) + 1)
    return x
