"""Gradients clipped to a length: hard where their squares leave the range that the gradients themselves are in."""

import torch

from numcheck import formula, gap, m, one_of, ulps, vector


@formula(
    source="PyTorch 2.13 documentation, torch.nn.utils.clip_grads_with_norm_ (after Pascanu, Mikolov & Bengio 2013, "
    "algorithm 1)",
    known=[
        (((0.375, 0.5), 1.0), "0.375, 0.5"),
        (((3, 4), 1.0), "0.599999880000023999995200000960, 0.799999840000031999993600001280"),
    ],
    wrt=(),
    grads=vector(-1e30, 1e30, sizes=(1, 8)),
    max_norm=one_of(0.5, 1.0, 10.0),
)
def clip_by_norm(grads, max_norm):
    """grads * min(1, max_norm / (norm + 1e-6)): the length is at most max_norm, the direction stays."""
    coefficient = max_norm / (m.norm(grads) + m.ratio(1, 10**6))
    return grads * m.minimum(coefficient, 1)


@clip_by_norm.law
def turned_gradients_are_clipped_alike(f, grads, max_norm):
    """It is odd."""
    return f(-grads, max_norm), -f(grads, max_norm)


@clip_by_norm.law
def the_order_of_parameters_does_not_matter(f, grads, max_norm):
    """Only the length counts."""
    return f(m.roll(grads, 1), max_norm), m.roll(f(grads, max_norm), 1)


@clip_by_norm.law
def what_is_clipped_is_nearly_that_long(f, grads, max_norm):
    """The length lacks the share of 1e-6 in norm + 1e-6."""
    larger = m.concatenate([grads, m.stack([16 + 0 * grads[0]])])
    norm = m.norm(larger)
    return m.norm(f(larger, max_norm)), max_norm * norm / (norm + m.ratio(1, 10**6))


# Budgets: a sum of squares, a root, a quotient and a product lie between gradient and gradient.
@clip_by_norm.routine(value=ulps(4, gamma=True))
def scaled_in_float32(grads, max_norm):
    """Divided by the largest before squaring, in float32 at least; 1e-6 is divided, too."""
    wide = torch.promote_types(grads.dtype, torch.float32)
    grads, dtype = grads.to(wide), grads.dtype
    largest = grads.abs().amax(1, keepdim=True)
    unit = torch.where(largest > 0, largest, 1.0)
    norm = torch.linalg.vector_norm(grads / unit, dim=1, keepdim=True)
    coefficient = (max_norm / unit) / (norm + 1e-6 / unit)
    return torch.where(coefficient < 1, coefficient * grads, grads).to(dtype)


too_long = gap(
    *("overflow", "special_value", "underflow", "cancellation", "absorption"),
    why="the norm or its squares leave the range, or max_norm over the norm does: few digits are left, or 0",
)


@too_long
@clip_by_norm.routine(value=ulps(4, gamma=True))
def torch_builtin(grads, max_norm):
    """`clip_grad_norm_` itself, point by point."""
    clipped = []
    for row in grads:
        parameter = torch.zeros_like(row)
        parameter.grad = row.detach().clone()
        torch.nn.utils.clip_grad_norm_([parameter], max_norm, foreach=False)
        clipped.append(parameter.grad)
    return torch.stack(clipped)


@too_long
@gap("wrong_formula", formats=["float32"], why="what is just as long stays, and does not lose its millionth")
@clip_by_norm.routine(value=ulps(4, gamma=True))
def squares_in_the_format(grads, max_norm):
    """The root of a sum of squares, by hand; only what is too long is touched."""
    norm = (grads * grads).sum(1, keepdim=True).sqrt()
    return torch.where(norm > max_norm, grads * (max_norm / (norm + 1e-6)), grads)
