"""An exponential curve from (0, 0) to (1, 1): hard where it is nearly a line, and where it leaves the range."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Batchelor, monolith wiki, expcurve (paulbatchelor.github.io/proj/monolith/wiki), with steepness e**bend",
    known=[
        ((0.5, 0), "0.5"),
        ((0.5, 2), "0.268941421369995120748840758178"),
        ((0.25, 2**-40), "0.24999999999991473487170879444"),
        ((0.5, -2), "0.731058578630004879251159241822"),
    ],
    wrt=(),
    x=real(0, 1),
    bend=real(-64, 64),
)
def exponential_curve(x, bend):
    """(e**(bend x) - 1) / (e**bend - 1), and x where `bend` is 0: above the line where that is negative."""
    straight = m.equal(bend, 0)
    safe = m.where(straight, 1, bend)
    return m.where(straight, x, m.expm1(safe * x) / m.expm1(safe))


@exponential_curve.law
def turning_the_bend_turns_the_curve(f, x, bend):
    """By half a turn about the middle."""
    return f(x, bend) + f(1 - x, -bend), 1


@exponential_curve.law
def half_way_it_is_a_sigmoid(f, x, bend):
    """f(1/2) = 1 / (1 + e**(bend / 2))."""
    return f(0 * x + m.ratio(1, 2), bend) * (1 + m.exp(bend / 2)), 1


@exponential_curve.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_expm1(x, bend):
    """expm1 over expm1 in float64, rounded once."""
    return plain_expm1.function(x.double(), bend.double()).to(x.dtype)


small = gap("underflow", why="a small bend times a small x is subnormal, or 0, where their curve is x")


@small
@exponential_curve.routine(value=ulps(4, cond=2))
def expm1_from_the_near_end(x, bend):
    """expm1 over expm1 of a negative bend, and that raised for a positive one: no exponential above 1 is formed."""
    down = -bend.abs()
    safe = torch.where(bend == 0, -1.0, down)
    # (e**(b x) - 1) / (e**b - 1) of a positive b is e**(b (x - 1)) times that of -b
    curve = torch.expm1(safe * x) / torch.expm1(safe)
    raised = torch.where(bend > 0, torch.exp(down * (1 - x)) * curve, curve)
    return torch.where(bend == 0, x, raised)


nearly_a_line = gap(
    "cancellation", "absorption", "special_value", why="of a small bend both exponentials are nearly 1"
)
large = gap("overflow", why="exponentials of a large bend leave the range, and infinity over infinity is NaN")


@small
@large
@exponential_curve.routine(value=ulps(4, cond=2))
def plain_expm1(x, bend):
    """expm1 over expm1."""
    safe = torch.where(bend == 0, 1.0, bend)
    return torch.where(bend == 0, x, torch.expm1(safe * x) / torch.expm1(safe))


@nearly_a_line
@small
@large
@exponential_curve.routine(value=ulps(4, cond=2))
def as_printed(x, bend):
    """The formula as it is printed."""
    safe = torch.where(bend == 0, 1.0, bend)
    return torch.where(bend == 0, x, (torch.exp(safe * x) - 1) / (torch.exp(safe) - 1))


@gap(
    "wrong_formula",
    why="a line stands for all bends up to a hundredth, which are off by up to an eighth of that",
)
@gap("cancellation", "absorption", why="beyond that an exponential near 1 still loses seven bits")
@large
@exponential_curve.routine(value=ulps(4, cond=2))
def a_line_for_small_bends(x, bend):
    """The same with x where the bend is less than 0.01, as sound libraries guard the quotient."""
    straight = bend.abs() < 0.01
    safe = torch.where(straight, 1.0, bend)
    return torch.where(straight, x, (torch.exp(safe * x) - 1) / (torch.exp(safe) - 1))
