"""One bin of a monotone rational-quadratic spline, the curve of neural spline flows."""

from numcheck import formula, gap, real, ulps


@formula(
    source="Durkan, Bekasov, Murray & Papamakarios 2019, Neural Spline Flows, section 3.1",
    known=[
        ((0.5, 2, 1, 4), "0.666666666666666666666666666667"),
        ((0.25, 1, 0.5, 3), "0.121951219512195121951219512195"),
        ((0.25, 1, 1, 1), "0.25"),
        ((1, 8, 1, 1), "8"),
    ],
    wrt=(),
    share=real(0, 1),
    height=real(2.0**-6, 64),
    slope0=real(2.0**-10, 64),
    slope1=real(2.0**-10, 64),
)
def rational_quadratic_spline(share, height, slope0, slope1):
    """Height above the bin's lower knot at a `share` of its width, which is 1; slopes are those at both knots."""
    s, between = height, share * (1 - share)
    return height * (s * share**2 + slope0 * between) / (s + (slope1 + slope0 - 2 * s) * between)


@rational_quadratic_spline.law
def slopes_of_the_chord_make_a_line(f, share, height, slope0, slope1):
    """Where all three slopes are one."""
    return f(share, height, height, height), height * share


@rational_quadratic_spline.law
def seen_from_the_other_knot_it_is_as_high(f, share, height, slope0, slope1):
    """Exchanging the knots turns the curve by half a turn."""
    return f(share, height, slope0, slope1) + f(1 - share, height, slope1, slope0), height


@rational_quadratic_spline.law
def twice_the_slopes_is_twice_the_height(f, share, height, slope0, slope1):
    """Homogeneous of degree one in heights."""
    return f(share, 2 * height, 2 * slope0, 2 * slope1), 2 * f(share, height, slope0, slope1)


@rational_quadratic_spline.routine(value=ulps(1), formats=["bfloat16", "float16"])
def float64_as_printed(share, height, slope0, slope1):
    """The formula in float64, rounded once."""
    return as_printed.function(*(x.double() for x in (share, height, slope0, slope1))).to(share.dtype)


tiny = gap("underflow", why="a product with a tiny share is subnormal")


@tiny
@rational_quadratic_spline.routine(value=ulps(4, cond=2))
def sums_of_products(share, height, slope0, slope1):
    """The denominator as s (share**2 + rest**2) + (slope0 + slope1) share rest, in which nothing is subtracted."""
    rest = 1 - share
    upper = height * share * share + slope0 * share * rest
    lower = height * (share * share + rest * rest) + (slope0 + slope1) * share * rest
    return height * (upper / lower)


@tiny
@rational_quadratic_spline.routine(value=ulps(4, cond=2))
def as_printed(share, height, slope0, slope1):
    """The formula as it is printed, and as the authors' package has it."""
    between = share * (1 - share)
    upper = height * (height * share.pow(2) + slope0 * between)
    return upper / (height + (slope1 + slope0 - 2 * height) * between)
