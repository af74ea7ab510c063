"""Inverse of one bin of a rational-quadratic spline: a quadratic's root, in the form that survives a straight bin."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Durkan, Bekasov, Murray & Papamakarios 2019, Neural Spline Flows, appendix A",
    known=[
        ((0.5, 2, 1, 4), "0.666666666666666666666666666667"),
        ((0.25, 1, 0.5, 3), "0.467845316805053549802620343353"),
        ((0.25, 1, 1, 1), "0.25"),
        ((1, 8, 1, 1), "1"),
    ],
    wrt=(),
    raised=real(0, 1),
    height=real(2.0**-6, 64),
    slope0=real(2.0**-10, 64),
    slope1=real(2.0**-10, 64),
)
def rational_quadratic_spline_inverse(raised, height, slope0, slope1):
    """The share of the bin's width, which is 1, at which the curve has risen by the share `raised` of its height."""
    a, b, c = _coefficients(raised, height, slope0, slope1)
    return 2 * c / (-b - m.sqrt(b**2 - 4 * a * c))


def _coefficients(raised, height, slope0, slope1):
    # all divided by the bin's height, which the paper's y carries
    bent = raised * (slope1 + slope0 - 2 * height)
    return height - slope0 + bent, slope0 - bent, -height * raised


@rational_quadratic_spline_inverse.law
def slopes_of_the_chord_make_a_line(f, raised, height, slope0, slope1):
    """Where all three slopes are one."""
    return f(raised, height, height, height), raised


@rational_quadratic_spline_inverse.law
def the_spline_at_it_is_raised_as_much(f, raised, height, slope0, slope1):
    """There and back."""
    share = f(raised, height, slope0, slope1)
    between = share * (1 - share)
    lower = height + (slope1 + slope0 - 2 * height) * between
    return height * share**2 + slope0 * between, raised * lower


@rational_quadratic_spline_inverse.law
def seen_from_the_other_knot_it_is_as_wide(f, raised, height, slope0, slope1):
    """Exchanging the knots turns the curve by half a turn."""
    return f(raised, height, slope0, slope1) + f(1 - raised, height, slope1, slope0), 1


@rational_quadratic_spline_inverse.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float64_as_printed(raised, height, slope0, slope1):
    """The formula in float64, rounded once."""
    return as_printed.function(*(x.double() for x in (raised, height, slope0, slope1))).to(raised.dtype)


steep = gap(
    "cancellation", "absorption", why="beside the upper knot of a bin that is flat there b*b and 4 a c cancel"
)
below = gap("special_value", why="a discriminant rounded to below 0 has no root")
tiny = gap("underflow", why="a product with a tiny height is subnormal")


@steep
@below
@tiny
@rational_quadratic_spline_inverse.routine(value=ulps(4, cond=4))
def as_printed(raised, height, slope0, slope1):
    """The formula as it is printed: -b and the root never cancel, for b is positive where that matters."""
    a, b, c = _coefficients(raised, height, slope0, slope1)
    return 2 * c / (-b - torch.sqrt(b * b - 4 * a * c))


@steep
@tiny
@rational_quadratic_spline_inverse.routine(value=ulps(4, cond=4))
def root_clamped(raised, height, slope0, slope1):
    """The same with the discriminant at least 0, as packages guard it."""
    a, b, c = _coefficients(raised, height, slope0, slope1)
    return 2 * c / (-b - torch.sqrt((b * b - 4 * a * c).clamp(min=0)))


@steep
@tiny
@gap("special_value", "overflow", why="a is 0 in a straight bin, and 0 / 0 is NaN")
@rational_quadratic_spline_inverse.routine(value=ulps(4, cond=4))
def schoolbook_root(raised, height, slope0, slope1):
    """(-b + sqrt(b*b - 4 a c)) / (2 a), as schools have it."""
    a, b, c = _coefficients(raised, height, slope0, slope1)
    return (-b + torch.sqrt(b * b - 4 * a * c)) / (2 * a)
