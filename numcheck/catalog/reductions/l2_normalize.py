"""A vector brought to length one: tiny and huge ones lose it where their squares leave the range."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Golub & Van Loan 2013, Matrix Computations, section 2.2.1 (unit 2-norm vector); 0 stays 0 by convention",
    known=[
        (
            ([1, 2, 2],),
            "0.333333333333333333333333333333, 0.666666666666666666666666666667, 0.666666666666666666666666666667",
        ),
        (([0, -2],), "0, -1"),
        (([1, 1],), "0.70710678118654752440084436210485, 0.70710678118654752440084436210485"),
        (([0, 0],), "0, 0"),
    ],
    x=vector(-1e30, 1e30),
)
def l2_normalize(x):
    """Each entry of `x` over its Euclidean length; of a vector of zeros, zeros."""
    squares = m.sum(x**2)
    return x / m.sqrt(m.where(squares == 0, 1, squares))


@l2_normalize.law
def the_squares_sum_to_one_or_to_nothing(f, x):
    """A direction has length one, zero has none."""
    return m.sum(f(x) ** 2), m.where(m.sum(x**2) == 0, 0, 1 + 0 * x[0])


@l2_normalize.law
def length_does_not_matter(f, x):
    """4 x has the direction of x, and -x the opposite one."""
    return f(4 * x), -f(-x)


squares_leave = gap(
    "overflow", "underflow", "nan_gradient", why="the squares leave the range where the vector does not"
)
slopes_cancel = gap("cancellation", of="grad", why="a part of a slope is taken off that it nearly equals")


@slopes_cancel
@gap("underflow", of="grad", why="small parts of a slope are subnormal before they are scaled back")
@l2_normalize.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def scaled_by_the_largest(x):
    """Entries over the power of two at the largest before they are squared; a length of 0 is divided by as 1."""
    largest = x.detach().abs().amax(-1, keepdim=True)
    scale = torch.ldexp(torch.ones_like(largest), torch.frexp(largest).exponent.clamp(min=-100) - 1)
    shrunk = x / scale
    squares = (shrunk * shrunk).sum(-1, keepdim=True)
    return shrunk / torch.sqrt(torch.where(squares > 0, squares, 1.0))


@squares_leave
@slopes_cancel
@gap("wrong_formula", why="a length below 1e-12 is taken for that")
@l2_normalize.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def torch_builtin(x):
    """torch.nn.functional.normalize, whose eps is 1e-12."""
    return functional.normalize(x, dim=-1)


@squares_leave
@slopes_cancel
@gap("special_value", why="0/0 for a vector of zeros")
@l2_normalize.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def naive_form(x):
    """x over the root of its sum of squares."""
    return x / torch.sqrt((x * x).sum(-1, keepdim=True))


@squares_leave
@slopes_cancel
@gap(
    "wrong_formula",
    "special_value",
    "absorption",
    why="1e-8 is not small beside a small length, and is 0 in float16",
)
@l2_normalize.routine(value=ulps(3, gamma=True), grad=ulps(4, gamma=True, coupled=True))
def small_number_beside_the_length(x):
    """x / (norm + 1e-8)."""
    return x / (torch.linalg.vector_norm(x, dim=-1, keepdim=True) + 1e-8)
