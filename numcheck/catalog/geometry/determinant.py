"""Difference of two products, the 2 by 2 determinant in every cross product: hard where both are nearly the same."""

import torch

from numcheck import formula, gap, real, ulps


@formula(
    source="Jeannerod, Louvet & Muller 2013, Further analysis of Kahan's algorithm for the accurate computation of 2x2 "
    "determinants, Mathematics of Computation 82, algorithm 1",
    known=[
        ((3, 2, 4, 5), "7"),
        ((1, 1, 1, 1), "0"),
        ((2**12 + 1, 2**12, 2**12 + 2, 2**12 + 1), "1"),
    ],
    wrt=(),
    a=real(-(2.0**20), 2.0**20),
    b=real(-(2.0**20), 2.0**20),
    c=real(-(2.0**20), 2.0**20),
    d=real(-(2.0**20), 2.0**20),
)
def determinant(a, b, c, d):
    """a d - b c, the signed area of the parallelogram of (a, c) and (b, d), in the square of their unit."""
    return a * d - b * c


@determinant.law
def exchanging_the_columns_changes_the_sign(f, a, b, c, d):
    """The area is oriented."""
    return f(a, b, c, d), -f(b, a, d, c)


@determinant.law
def adding_a_row_to_the_other_changes_nothing(f, a, b, c, d):
    """A shear keeps the area."""
    return f(a, b, c + a, d + b), f(a, b, c, d)


# Budgets: rounded products would be forgiven by cond=1, and with them all that is lost here: hence cond=0 throughout.
@determinant.routine(value=ulps(1, cond=0), formats=["float32", "bfloat16", "float16"])
def float64_products(a, b, c, d):
    """Products of float32 numbers are exact in float64: one rounding of the difference, one to the format."""
    return (a.double() * d.double() - b.double() * c.double()).to(a.dtype)


def _product(x, y):
    """The rounded product and its error, exactly (Dekker 1971), for halves of numbers have exact products."""
    halves = []
    for number in (x, y):
        shifted = number * (2.0**12 + 1 if number.dtype == torch.float32 else 2.0**27 + 1)
        high = shifted - (shifted - number)
        halves += [high, number - high]
    product = x * y
    (a, b, c, d) = halves
    return product, ((a * c - product) + a * d + b * c) + b * d


# four instead of two, for errors of tiny products are subnormal, and rounded
@determinant.routine(value=ulps(4, cond=0), formats=["float32"])
def products_and_their_errors(a, b, c, d):
    """Both products with what rounding took from them, as Kahan's algorithm has it where there is an fma."""
    (left, left_error), (right, right_error) = _product(a, d), _product(b, c)
    return (left - right) + (left_error - right_error)


cancels = gap(
    "cancellation", why="of two rounded products that are nearly the same only their roundings are left"
)
range_ = gap("underflow", "overflow", why="products leave the range")


@cancels
@range_
@determinant.routine(value=ulps(2, cond=0))
def as_printed(a, b, c, d):
    """Two products and their difference, each rounded."""
    return a * d - b * c


@cancels
@range_
@determinant.routine(value=ulps(2, cond=0))
def torch_addcmul(a, b, c, d):
    """`addcmul`, which names a fused operation and rounds the product all the same."""
    return torch.addcmul(a * d, b, c, value=-1)


@cancels
@gap("underflow", why="a quotient of elimination, or its product, is subnormal")
@determinant.routine(value=ulps(2, cond=0), formats=["float32"])
def torch_builtin(a, b, c, d):
    """`linalg.det`: by elimination."""
    return torch.linalg.det(torch.stack([torch.stack([a, b], 1), torch.stack([c, d], 1)], 1))
