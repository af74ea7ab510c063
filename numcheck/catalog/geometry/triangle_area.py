"""Area of a triangle of three sides: Heron's formula loses a needle's digits, Kahan's order of operations none."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Kahan 2014, Miscalculating Area and Angles of a Needle-like Triangle (Heron's formula, and the cure)",
    known=[
        ((3, 4, 5), "6"),
        ((2, 2, 2), "1.73205080756887729352744634151"),
        ((5, 3, 2), "0"),
        ((13, 14, 15), "84"),
    ],
    relation=lambda a, b, c: {"c": c.clamp(min=(a - b).abs()).minimum(a + b)},
    wrt=(),
    a=real(2.0**-6, 64),
    b=real(2.0**-6, 64),
    c=real(2.0**-12, 128),
)
def triangle_area(a, b, c):
    """Area of a triangle with sides a, b and c, in their unit squared; undefined where one is too long."""
    s = (a + b + c) / 2
    return m.sqrt(s * (s - a) * (s - b) * (s - c))


@triangle_area.law
def the_order_of_the_sides_does_not_matter(f, a, b, c):
    """The formula is symmetric."""
    return f(a, b, c), f(b, c, a)


@triangle_area.law
def twice_the_sides_is_four_times_the_area(f, a, b, c):
    """Homogeneous of degree two."""
    return f(2 * a, 2 * b, 2 * c), 4 * f(a, b, c)


@triangle_area.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float64_heron(a, b, c):
    """Heron's formula in float64, rounded once: sums and differences of such short numbers are exact."""
    return heron.function(a.double(), b.double(), c.double()).to(a.dtype)


@triangle_area.routine(value=ulps(2, cond=2))
def kahan(a, b, c):
    """Sides in order of length, and every parenthesis as Kahan has it: each factor is right to the last digits."""
    sides = torch.stack([a, b, c]).sort(0, descending=True).values
    a, b, c = sides.unbind(0)
    return (
        torch.sqrt(a + (b + c))
        * torch.sqrt(c - (a - b))
        * torch.sqrt(c + (a - b))
        * torch.sqrt(a + (b - c))
        / 4
    )


thin = gap(
    "cancellation",
    "absorption",
    "special_value",
    why="s was rounded: of a needle's s - a nothing right is left",
)
large = gap("overflow", "underflow", why="the product of four lengths leaves the range")


@thin
@large
@triangle_area.routine(value=ulps(2, cond=2))
def heron(a, b, c):
    """The formula as it is printed."""
    s = (a + b + c) / 2
    return torch.sqrt(s * (s - a) * (s - b) * (s - c))


@gap(
    "cancellation", "absorption", "special_value", why="4 a*a b*b and the square of a*a + b*b - c*c are alike"
)
@large
@triangle_area.routine(value=ulps(2, cond=2))
def squares(a, b, c):
    """sqrt(4 a*a b*b - (a*a + b*b - c*c)**2) / 4, as encyclopedias have it."""
    return torch.sqrt(4 * a * a * b * b - (a * a + b * b - c * c) ** 2) / 4
