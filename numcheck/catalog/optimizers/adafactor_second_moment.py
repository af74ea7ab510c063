"""Second moment of a matrix of gradients from its rows and columns alone: squares of squares are multiplied."""

import torch

from numcheck import formula, gap, m, matrix, ulps


@formula(
    source="Shazeer & Stern 2018, Adafactor: Adaptive learning rates with sublinear memory cost, algorithm 1",
    known=[
        (([[1, 1, 1], [2, 2, 2]],), "1, 1, 1, 4, 4, 4"),
        # row sums 3 and 5, column sums 2, 5 and 1, all 8
        (([[1, 1, 1], [1, 2, 0]],), "0.75, 1.875, 0.375, 1.25, 3.125, 0.625"),
    ],
    wrt=(),
    grads=matrix(-100, 100, shape=(2, 3)),
)
def adafactor_second_moment(grads):
    """Row sums of squares times column sums over the sum of all: the matrix of rank one with these sums."""
    squares = grads**2
    rows, columns = m.sum(squares, 1), m.sum(squares, 0)
    return m.stack([rows[i] * columns[j] / m.sum(squares) for i in range(2) for j in range(3)])


@adafactor_second_moment.law
def it_has_the_row_sums_of_the_squares(f, grads):
    """Nothing of a row is lost but how it is spread."""
    return m.sum(m.reshape(f(grads), (2, 3)), 1), m.sum(grads**2, 1)


@adafactor_second_moment.law
def twice_the_gradients_is_four_times_the_moment(f, grads):
    """Homogeneous of degree two."""
    return f(2 * grads), 4 * f(grads)


@adafactor_second_moment.law
def equal_rows_have_their_own_squares(f, grads):
    """A matrix of rank one is told exactly."""
    equal = m.stack([grads[0], 2 * grads[0]])
    return f(equal), m.reshape(equal**2, (6,))


# Budgets: sums of squares, a product and a quotient; squares carry each rounding of a gradient twice.
@adafactor_second_moment.routine(value=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(grads):
    """In float64, where products of four float32 numbers stay in range, rounded once at the end."""
    return as_printed.function(grads.double()).to(grads.dtype)


tiny = gap(
    "underflow",
    "special_value",
    why="squares, or products of two of them, of small gradients lose digits or vanish",
)
large = gap("overflow", why="products of two sums of squares leave the range")


@tiny
@large
@adafactor_second_moment.routine(value=ulps(4, cond=4))
def as_printed(grads):
    """The formula as it is printed: the product comes first."""
    squares = grads * grads
    rows, columns = squares.sum(2, keepdim=True), squares.sum(1, keepdim=True)
    return (rows * columns / squares.sum((1, 2), keepdim=True)).flatten(1)


@tiny
@adafactor_second_moment.routine(value=ulps(4, cond=4))
def shares_first(grads):
    """Each row's share of all, which is at most 1, times the columns."""
    squares = grads * grads
    shares = squares.sum(2, keepdim=True) / squares.sum((1, 2), keepdim=True)
    return (shares * squares.sum(1, keepdim=True)).flatten(1)


@tiny
@large
@gap(
    "wrong_formula",
    "cancellation",
    "absorption",
    "order",
    why="the mean is held above eps, so that small gradients seem smaller",
    of="value",
)
@adafactor_second_moment.routine(value=ulps(4, cond=4))
def torch_adafactor(grads):
    """The estimate that torch.optim.Adafactor makes: norms squared, a product, and a mean clamped to eps at least."""
    rows = torch.norm(grads, dim=-1, keepdim=True).square().div(3)
    columns = torch.norm(grads, dim=-2, keepdim=True).square().div(2)
    least = torch.finfo(grads.dtype).eps
    return (rows @ columns).div(rows.mean(dim=-2, keepdim=True).clamp(min=least)).flatten(1)
