"""Both roots of a quadratic: one cancels where b is large, both where they are nearly one."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Kahan 2004, On the Cost of Floating-Point Computation Without Extra-Precise Arithmetic",
    known=[],  # two numbers at a time: the laws speak for it
    relation=lambda a, b, c: b * b >= 4 * a * c,
    wrt=(),
    a=real(2.0**-10, 1024),
    b=real(-1024, 1024),
    c=real(-1024, 1024),
)
def quadratic_roots(a, b, c):
    """The smaller and the larger x with a x**2 + b x + c = 0; undefined where there are none."""
    root = m.sqrt(b**2 - 4 * a * c)
    return m.stack([(-b - root) / (2 * a), (-b + root) / (2 * a)])


@quadratic_roots.law
def their_sum_and_product_are_coefficients(f, a, b, c):
    """Vieta's formulas: -b / a and c / a."""
    low, high = f(a, b, c)
    return m.stack([a * (low + high), a * low * high]), m.stack([-b, c])


@quadratic_roots.law
def a_mirrored_parabola_has_mirrored_roots(f, a, b, c):
    """Turning b turns both, and their order."""
    return f(a, -b, c), -f(a, b, c)[::-1]


@quadratic_roots.law
def a_factor_changes_nothing(f, a, b, c):
    """Roots are those of the equation."""
    return f(2 * a, 2 * b, 2 * c), f(a, b, c)


def _from_root(a, b, c, root):
    # the root of larger size has no difference in it; the other follows from their product c / a
    q = -(b + torch.where(b < 0, -root, root)) / 2
    far, near = q / a, torch.where(q == 0, q, c / torch.where(q == 0, 1.0, q))
    return torch.stack([torch.minimum(far, near), torch.maximum(far, near)], dim=1)


@quadratic_roots.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_discriminant(a, b, c):
    """The discriminant of float32 coefficients in float64, where both products are exact; rounded once."""
    return no_difference.function(a.double(), b.double(), c.double()).to(a.dtype)


beyond = gap(
    "overflow", "underflow", "special_value", why="squares and products of coefficients leave the range"
)


@beyond
@quadratic_roots.routine(value=ulps(4, cond=2))
def no_difference(a, b, c):
    """The larger root by a sum, the other one by c / a (Press et al. 2007, equation 5.6.4)."""
    return _from_root(a, b, c, torch.sqrt(b * b - 4 * a * c))


@beyond
@gap("cancellation", "absorption", why="-b and the root of nearly b*b cancel")
@quadratic_roots.routine(value=ulps(4, cond=2))
def as_printed(a, b, c):
    """The formula as it is printed."""
    root = torch.sqrt(b * b - 4 * a * c)
    return torch.stack([(-b - root) / (2 * a), (-b + root) / (2 * a)], dim=1)
