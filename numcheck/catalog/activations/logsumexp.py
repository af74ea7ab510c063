"""Logarithm of a sum of exponentials: exp leaves the range where the result does not, and inputs may be infinite."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Blanchard, Higham & Higham 2021, Accurately computing the log-sum-exp and softmax functions, equation 1.1",
    known=[
        (([0, 0],), "0.6931471805599453094172321214581765680755"),
        (([1, 2, 3],), "3.407605964444380304482919904545070451473"),
        (([1000, 1000],), "1000.693147180559945309417232121458176568"),
    ],
    x=vector(-torch.inf, torch.inf, sizes=(2, 3, 8), near=(-88.72, 11.09, 88.72)),
)
def logsumexp(x):
    """Smooth maximum of the vector `x`, in nats."""
    return m.log(m.sum(m.exp(x)))


@logsumexp.law
def the_order_does_not_matter(f, x):
    """The result is the same after moving the entries around."""
    return f(m.roll(x, 1)), f(x)


@logsumexp.law
def a_common_offset_moves_the_result(f, x):
    """logsumexp(x + 3) = logsumexp(x) + 3."""
    return f(x + 3), f(x) + 3


# ulps(4): below log(2) the sum's rounding counts more than once; grad ulps(8): a share of a sum of up to eight terms
near_zero = gap("cancellation", "absorption", of="value", why="terms vanish beside 1, or log and max cancel")


@gap("cancellation", "absorption", why="near zero, and by the largest input, close terms are subtracted")
@gap("nan_gradient", why="exp of a number minus an infinity passes by the value, not by its derivative")
@logsumexp.routine(value=ulps(3), grad=ulps(8))
def stable_form(x):
    """The largest input's own term is left out of the sum and log1p takes the others; infinite maxima pass by."""
    largest, position = x.max(-1, keepdim=True)
    # not detached: the shift does not cancel out of this form's derivative as it does in max_subtracted
    terms = torch.exp(x - torch.where(torch.isfinite(largest), largest, 0))
    others = torch.sum(terms.scatter(-1, position, 0.0), -1)
    finite = x.gather(-1, position).squeeze(-1) + torch.log1p(others)
    return torch.where(torch.isfinite(largest.squeeze(-1)), finite, largest.squeeze(-1))


@gap("overflow", "underflow", "nan_gradient", why="exp leaves the range at either end: infinity, or log(0)")
@gap("cancellation", why="what the sum has beyond one was rounded away before the logarithm")
@logsumexp.routine(value=ulps(4), grad=ulps(8))
def naive_form(x):
    """As the paper prints it."""
    return torch.log(torch.sum(torch.exp(x), -1))


@near_zero
@gap("special_value", "nan_gradient", why="inf - inf where the largest input is infinite")
@logsumexp.routine(value=ulps(4), grad=ulps(8))
def max_subtracted(x):
    """The largest input goes before the exponentials and comes back after the logarithm."""
    largest = x.amax(-1, keepdim=True).detach()
    return torch.log(torch.sum(torch.exp(x - largest), -1)) + largest.squeeze(-1)


@gap("overflow", "underflow", why="the backward's exp(b - a) leaves the range at either end")
@gap("nan_gradient", why="inf - inf where two inputs are infinite")
@gap("cancellation", "absorption", "order", why="the backward exponentiates what is left of rounded totals")
@logsumexp.routine(value=ulps(2), grad=ulps(8))
def pairwise_logaddexp(x):
    """torch.logaddexp folded over the entries."""
    total = x[..., 0]
    for i in range(1, x.shape[-1]):
        total = torch.logaddexp(total, x[..., i])
    return total


@near_zero
@gap("cancellation", "absorption", of="grad", why="the backward exponentiates x - a rounded result")
@logsumexp.routine(value=ulps(4), grad=ulps(6))
def torch_builtin(x):
    """torch.logsumexp."""
    return torch.logsumexp(x, -1)
