"""Inverse of the exponential curve: hard where that is nearly a line, and where its exponential leaves the range."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Csound reference manual, logcurve (the inverse of expcurve), with steepness e**bend",
    known=[
        ((0.5, 0), "0.5"),
        ((0.5, 2), "0.71689041524151359351324734245"),
        ((0.25, 2**-40), "0.250000000000085265128291224947"),
        ((0.5, -2), "0.28310958475848640648675265755"),
    ],
    wrt=(),
    y=real(0, 1),
    bend=real(-64, 64),
)
def exponential_curve_inverse(y, bend):
    """The x at which (e**(bend x) - 1) / (e**bend - 1) is y; y itself where `bend` is 0."""
    straight = m.equal(bend, 0)
    safe = m.where(straight, 1, bend)
    return m.where(straight, y, m.log1p(y * m.expm1(safe)) / safe)


@exponential_curve_inverse.law
def the_curve_at_it_is_y(f, y, bend):
    """There and back."""
    return m.exp(bend * f(y, bend)) - 1, y * (m.exp(bend) - 1)


@exponential_curve_inverse.law
def turning_the_bend_turns_the_curve(f, y, bend):
    """By half a turn about the middle."""
    return f(y, bend) + f(1 - y, -bend), 1


@exponential_curve_inverse.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_log1p(y, bend):
    """log1p of y expm1(bend) in float64; of (1 - y) + y e**bend where that is the smaller; rounded once."""
    height, safe = y.double(), torch.where(bend == 0, 1.0, bend.double())
    rest = (1 - height) + height * torch.exp(safe)
    low = torch.log1p(height * torch.expm1(safe))
    return torch.where(bend == 0, height, torch.where(rest < 0.5, torch.log(rest), low) / safe).to(y.dtype)


range_ = gap(
    "overflow", "underflow", why="float16's exponential ends at 11.1; a small bend times a small y is 0"
)


@gap("special_value", why="where the bend is low expm1 is -1, and at the upper end log1p of that infinite")
@range_
@exponential_curve_inverse.routine(value=ulps(4, cond=2))
def log1p_form(y, bend):
    """log1p(y expm1(bend)) / bend."""
    safe = torch.where(bend == 0, 1.0, bend)
    return torch.where(bend == 0, y, torch.log1p(y * torch.expm1(safe)) / safe)


@gap("cancellation", "absorption", why="of a small bend, or y, 1 + y (e**bend - 1) is 1")
@range_
@exponential_curve_inverse.routine(value=ulps(4, cond=2))
def as_printed(y, bend):
    """The formula as it is printed."""
    safe = torch.where(bend == 0, 1.0, bend)
    return torch.where(bend == 0, y, torch.log(1 + y * (torch.exp(safe) - 1)) / safe)
