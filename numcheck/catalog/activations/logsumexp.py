"""Logarithm of a sum of exponentials.

Where it is hard: exp overflows beyond log(largest) and underflows to log(0) on the other side, though the result is
within log(n) of the largest input; masked inputs are -inf, and the largest may be infinite itself; results near zero.
"""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Blanchard, Higham & Higham 2021, Accurately computing the log-sum-exp and softmax functions, equation 1.1",
    known=[
        (([0, 0],), "0.6931471805599453094172321214581765680755"),
        (([1, 2, 3],), "3.407605964444380304482919904545070451473"),
        (([1000, 1000],), "1000.693147180559945309417232121458176568"),
    ],
    examples=[
        # a result far smaller than the inputs; small shares beside large ones
        ((-1.99999988, -2.00000048, -1.99999988, -1.99999976, -2.00000048, -2, -2.00000024, -2),),
        ((-128, 2, -0.5, -32, -4, -16, -4, 8),),
        ((-16, 16, 96, -0.046875, -12, 6, 0.5, -12),),
        ((3.55390024, -15.8042946, 9.09814835, -1.8820188, -0.321033448, 8, 0.5510602, 0.188121155),),
        (
            (
                -torch.inf,
                -57.0822945,
                -1.3094629,
                1.39095449,
                -0.321398407,
                -2.1156652,
                -14.2836208,
                0.289091289,
            ),
        ),
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


# Budgets: ulps(4) where a rounded sum not far from one goes through the logarithm: below log(2) its rounding counts
# more than once in the result.


@gap(
    "underflow",
    why="exponentials are subnormal, with few digits or none, though the result is about the largest input",
)
@gap("overflow", why="exp exceeds the largest number beyond log(largest)")
@gap("cancellation", why="the logarithm of a rounded sum near one has lost what distinguishes it from one")
@gap("nan_gradient", why="the backward multiplies 1/0 by zero")
@logsumexp.routine(value=ulps(4), grad=ulps(4))
def naive_form(x):
    """As the paper prints it."""
    return torch.log(torch.sum(torch.exp(x), -1))


@gap("special_value", why="inf - inf where the largest input is infinite")
@gap(
    "absorption",
    why="the logarithm of the sum is absorbed by the largest input, or a small exponential by the sum",
)
@gap(
    "cancellation",
    why="the result is a difference where it is near zero: the sum's logarithm and a negative maximum cancel",
)
@gap("nan_gradient", why="inf - inf where the largest input is infinite")
@logsumexp.routine(value=ulps(4), grad=ulps(4))
def max_subtracted(x):
    """The largest input goes before the exponentials and comes back after the logarithm."""
    largest = x.amax(-1, keepdim=True).detach()
    return torch.log(torch.sum(torch.exp(x - largest), -1)) + largest.squeeze(-1)


# grad ulps(8): the derivative by the largest of eight inputs is 1 less a sum of seven shares
@gap(
    "cancellation",
    why="the derivative by the largest input is 1 - others, and by tiny shares inherits the rounded difference x - largest",
)
@gap(
    "nan_gradient",
    why="inf - inf where an infinite maximum meets a finite input; the value passes by, its derivative does not",
)
@logsumexp.routine(value=ulps(3), grad=ulps(10))
def stable_form(x):
    """The largest input's own term is left out of the sum and log1p takes the others; infinite maxima pass by."""
    largest, position = x.max(-1, keepdim=True)
    # not detached: the shift does not cancel out of this form's derivative as it does in max_subtracted
    terms = torch.exp(x - torch.where(torch.isfinite(largest), largest, 0))
    others = torch.sum(terms.scatter(-1, position, 0.0), -1)
    finite = x.gather(-1, position).squeeze(-1) + torch.log1p(others)
    return torch.where(torch.isfinite(largest.squeeze(-1)), finite, largest.squeeze(-1))


@gap("overflow", why="the backward exponentiates a positive number, which overflows, and divides by it")
@gap("nan_gradient", why="inf - inf where two inputs are infinite")
@gap("absorption", why="the logarithm of two is absorbed by a large running total")
@gap(
    "cancellation",
    why="each derivative is taken of rounded running totals, whose differences have lost digits",
)
@gap("underflow", why="the derivative is 1 / (1 + exp(b - a)), 0 where it should be subnormal", of="grad")
@logsumexp.routine(value=ulps(2), grad=ulps(8))
def pairwise_logaddexp(x):
    """torch.logaddexp folded over the entries."""
    total = x[..., 0]
    for i in range(1, x.shape[-1]):
        total = torch.logaddexp(total, x[..., i])
    return total


@gap(
    "absorption",
    why="the logarithm of the sum is absorbed by the largest input, and the backward exponentiates x - result",
)
@gap(
    "cancellation",
    why="x minus the rounded result is exponentiated: at large offsets the difference has few digits left",
)
@logsumexp.routine(value=ulps(4), grad=ulps(6))
def torch_builtin(x):
    """torch.logsumexp."""
    return torch.logsumexp(x, -1)
