"""Maxout unit.

Where it is hard: at a tie, where any share of the slope is right that sums to one; elsewhere it only chooses.
"""

import torch

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013, Maxout Networks, ICML, section 3",
    known=[(((1, -1, 3),), "3"), (((-2, -0.25),), "-0.25"), (((0, 0, 0),), "0")],
    pieces=vector(-torch.inf, torch.inf),
)
def maxout(pieces):
    """The largest of the linear `pieces` z_j = w_j.x + b_j of a unit."""
    return m.max(pieces)


@maxout.law
def a_common_offset_comes_out(f, pieces):
    """max(z + c) = max(z) + c."""
    return f(pieces + 3), f(pieces) + 3


@maxout.law
def a_piece_and_its_negative_give_the_absolute_value(f, pieces):
    """max(z, -z) = |z|."""
    return f(m.stack([pieces[0], -pieces[0]])), abs(pieces[0])


@maxout.law
def the_order_of_pieces_does_not_matter(f, pieces):
    """Rolling them leaves the largest."""
    return f(pieces), f(m.roll(pieces, 1))


@maxout.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def largest_with_its_place(pieces):
    """torch.max over the pieces: the one at the place that it tells has the whole slope."""
    return pieces.max(1).values


@maxout.routine(value=ulps(0, cond=0), grad=ulps(1))
def torch_builtin(pieces):
    """torch.amax, which shares the slope between equal pieces."""
    return torch.amax(pieces, 1)


@maxout.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def one_after_another(pieces):
    """torch.maximum of the pieces in turn, as a unit of two is written; a tie halves the slope."""
    return _folded(torch.maximum, pieces)


def _folded(larger, pieces):
    largest = pieces[:, 0]
    for piece in pieces.unbind(1)[1:]:
        largest = larger(largest, piece)
    return largest


@gap(
    "absorption",
    "cancellation",
    "order",
    "overflow",
    why="b - a is rounded, and another than the largest has the slope",
)
@gap("special_value", "nan_gradient", "wrong_formula", why="infinity less infinity")
@maxout.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def sum_with_relu(pieces):
    """a + relu(b - a), the maximum made of what hardware has."""
    return _folded(lambda a, b: a + torch.relu(b - a), pieces)
