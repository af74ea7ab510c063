"""Euclidean length of a vector: the squares leave the range where the length does not."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Blue 1978, A Portable Fortran Program to Find the Euclidean Norm of a Vector, section 1",
    known=[
        (([3, 4],), "5"),
        (([1, 1],), "1.4142135623730950488016887242097"),
        (([1, 2, 3],), "3.7416573867739413855837487323165"),
    ],
    x=vector(-torch.inf, torch.inf),
)
def norm(x):
    """Square root of the sum of squares of the entries of `x`; at 0 every slope from -1 to 1 is right."""
    return m.norm(x)


@norm.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@norm.law
def twice_the_vector_is_twice_as_long(f, x):
    """norm(-2 x) = 2 norm(x)."""
    return f(-2 * x), 2 * f(x)


@gap("overflow", "underflow", why="the squares leave the range where the length does not")
@norm.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def torch_builtin(x):
    """torch.linalg.vector_norm."""
    return torch.linalg.vector_norm(x, dim=-1)


squares_leave = gap("overflow", "underflow", why="the squares leave the range where the length does not")


@squares_leave
@gap("nan_gradient", why="0 times the infinite slope of the root at 0")
@norm.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def naive_form(x):
    """The root of the sum of squares."""
    return torch.sqrt((x * x).sum(-1))


class _Length(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        largest = x.abs().amax(-1, keepdim=True)
        scale = torch.ldexp(
            torch.ones_like(largest),
            torch.frexp(largest.clamp(max=torch.finfo(x.dtype).max)).exponent.clamp(min=-100) - 1,
        )
        shrunk = x / scale
        root = torch.sqrt((shrunk * shrunk).sum(-1, keepdim=True))
        ctx.save_for_backward(shrunk / torch.where(root > 0, root, 1.0))
        return (root * scale)[:, 0]

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (direction,) = ctx.saved_tensors
        return cotangent[:, None] * direction


@norm.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def scaled_by_the_largest(x):
    """Entries over the power of two at the largest, squared and summed, and the root scaled back: Blue's idea."""
    return _Length.apply(x)


@gap(
    "nan_gradient",
    "underflow",
    "overflow",
    of="grad",
    why="its slopes x/length: 0/0, of subnormals, or over infinity",
)
@norm.routine(value=ulps(8), grad=ulps(8))
def chain_of_hypot(x):
    """hypot of the length so far and the next entry."""
    length = torch.zeros_like(x[:, 0])
    for entry in x.unbind(-1):
        length = torch.hypot(length, entry)
    return length
