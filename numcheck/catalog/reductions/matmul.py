"""One entry of a matrix product: products leave the range or cancel, and the longer the row the more is rounded."""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Golub & Van Loan 2013, Matrix Computations, section 1.1.2, algorithm 1.1.1",
    known=[
        (([1, 2, 3], [4, 5, 6]), "32"),
        (([2**27 + 1, 1], [2**27 - 1, -(2**54)]), "-1"),
        (([0.5, 0.25], [0.5, -1]), "0"),
    ],
    row=vector(-1e18, 1e18),
    column=vector(-1e18, 1e18),
)
def matmul(row, column):
    """Sum of the products of the entries of a row of one matrix with those of a column of another."""
    return m.dot(row, column)


@matmul.law
def row_and_column_may_change_places(f, row, column):
    """The transpose of a product is that of the transposes in reverse."""
    return f(column, row), f(row, column)


@matmul.law
def the_order_does_not_matter(f, row, column):
    """The result is the same after moving the entries around, of both alike."""
    return f(m.roll(row, 1), m.roll(column, 1)), f(row, column)


@gap("underflow", of="value", why="each product is rounded by itself among the subnormal numbers")
@matmul.routine(value=ulps(1, gamma=True), grad=ulps(0, cond=0))
def torch_builtin(row, column):
    """torch.matmul of a batch of rows with a batch of columns."""
    return torch.matmul(row.unsqueeze(-2), column.unsqueeze(-1)).squeeze(-1).squeeze(-1)
