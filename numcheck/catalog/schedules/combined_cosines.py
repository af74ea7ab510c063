"""Two cosines, up and down: a rate counted from where it comes from has few digits where it goes to."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="fast.ai 2019, Deep learning from the foundations, notebook 05_anneal, sched_cos and combine_scheds",
    known=[
        ((0, 0.25, 0.25, 0.75, 0.125), "0.25"),
        ((0.125, 0.25, 0.25, 0.75, 0.125), "0.5"),
        ((0.25, 0.25, 0.25, 0.75, 0.125), "0.75"),
        ((0.625, 0.25, 0.25, 0.75, 0.125), "0.4375"),
    ],
    wrt=(),
    position=real(0, 1 - 2.0**-8, near=(0.25, 0.3)),
    share=one_of(0.25, 0.3),
    start=real(0.001, 1),
    middle=real(0.001, 1),
    end=real(0.00001, 1),
)
def combined_cosines(position, share, start, middle, end):
    """The rate at `position` of training: from start to middle in its first `share`, and from there to end."""
    one = start + (1 + m.cos(m.pi() * (1 - position / share))) * (middle - start) / 2
    left = 1 - (position - share) / (1 - share)
    return m.where(position < share, one, middle + (1 + m.cos(m.pi() * left)) * (end - middle) / 2)


@combined_cosines.law
def both_are_met_in_the_middle(f, position, share, start, middle, end):
    """Where the first phase ends the second begins."""
    return f(0 * position + share, share, start, middle, end), middle


@combined_cosines.law
def moving_all_rates_moves_the_rate(f, position, share, start, middle, end):
    """It is a mean of two of them."""
    moved = f(position, share, start + 4, middle + 4, end + 4)
    return moved, f(position, share, start, middle, end) + 4


@combined_cosines.law
def a_half_and_a_half_is_one_and_the_same(f, position, share, start, middle, end):
    """Of two equal phases the second, at 1/2 + x, is the first, backwards, of the other two rates."""
    half = position / 2
    return f(half + 1 / 2, 1 / 2, start, middle, end), f(1 / 2 - half, 1 / 2, end, middle, start)


def _phase(position, share):
    """Which points are in the first phase, and how far each is in its own."""
    return position < share, torch.where(position < share, position / share, (position - share) / (1 - share))


@combined_cosines.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def weighted_mean(position, share, start, middle, end):
    """The two rates of a phase times squares of cosine and sine of half the angle, in float64, rounded once."""
    first, done = _phase(position.double(), share)
    begin, target = torch.where(first, start, middle).double(), torch.where(first, middle, end).double()
    angle = torch.pi / 2 * done
    return (begin * torch.cos(angle) ** 2 + target * torch.sin(angle) ** 2).to(start.dtype)


@combined_cosines.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def sched_cos(position, share, start, middle, end):
    """As printed, of Python's floats, which are float64; the last rates lose less there than a format has."""
    rates = (x.double() for x in (start, middle, end))
    return in_the_format.function(position.double(), share, *rates).to(start.dtype)


@gap(
    "cancellation",
    "absorption",
    "underflow",
    why="begin + (target - begin) keeps few digits of a much smaller target",
)
@combined_cosines.routine(value=ulps(2, cond=4))
def in_the_format(position, share, start, middle, end):
    """As printed, every operation rounded to the format."""
    first, done = _phase(position, share)
    begin, target = torch.where(first, start, middle), torch.where(first, middle, end)
    return begin + (1 + torch.cos(torch.pi * (1 - done))) * (target - begin) / 2
