"""A number rounded to a narrower format: half an ulp, but where it leaves the range or is rounded twice."""

import torch

from numcheck import formula, gap, real, ulps


@formula(
    source="IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019, sections 4.3 and 5.4.2",
    known=[((1,), "1"), ((-0.375,), "-0.375"), ((2.0**-149,), "1.40129846432481707092372958329e-45")],
    examples=[(1 + 2.0**-3 + 2.0**-20,)],  # just beyond halfway
    wrt=(),
    x=real(-torch.inf, torch.inf),
)
def cast(x):
    """`x` itself: what a format makes of it is all that a cast may err."""
    return +x


@cast.law
def it_is_odd(f, x):
    """Rounding to nearest is symmetric."""
    return f(-x), -f(x)


@cast.routine(value=ulps(0.5, cond=0), output="bfloat16")
def to_bfloat16(x):
    """Rounded to nearest, ties to even."""
    return x.to(torch.bfloat16)


@cast.routine(value=ulps(0.5, cond=0), output="float16")
def to_float16(x):
    """Rounded to nearest; numbers from 65520 on become infinite."""
    return x.to(torch.float16)


@cast.routine(value=ulps(0.5, cond=0), output="float8_e5m2")
def to_float8_e5m2(x):
    """Rounded to nearest; numbers from 61440 on become infinite."""
    return x.to(torch.float8_e5m2)


@gap("cancellation", "underflow", why="what the first rounding made is not what was to be rounded")
@cast.routine(value=ulps(0.5, cond=0), output="float16", formats=["float64", "float32"])
def to_float16_by_way_of_bfloat16(x):
    """Rounded twice: to 8 bits, and then to 11."""
    return x.to(torch.bfloat16).to(torch.float16)


@gap("cancellation", why="up to a whole ulp is cut off, not half of one")
@gap("underflow", formats=["float32"], why="of the subnormal numbers, too")
@cast.routine(value=ulps(0.5, cond=0), output="bfloat16", formats=["float32"])
def to_bfloat16_by_cutting(x):
    """The lower 16 bits cut off, towards zero."""
    return ((x.view(torch.int32) >> 16) << 16).view(torch.float32).to(torch.bfloat16)


@gap("cancellation", why="a number just beyond halfway was rounded to halfway before")
@cast.routine(value=ulps(0.5, cond=0), output="float8_e5m2")
def to_float8_e5m2_by_way_of_float16(x):
    """Rounded twice: to 11 bits, and then to 3."""
    return x.to(torch.float16).to(torch.float8_e5m2)
