"""Angle between two directions: acos of a cosine knows nothing of small angles, nor of nearly straight ones."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Kahan 2006, How Futile are Mindless Assessments of Roundoff?, section 12 (mangled angles)",
    known=[
        (((1, 0, 0), (1, 1, 0)), "0.785398163397448309615660845820"),
        (((1, 2, 3), (3, 2, 1)), "0.775193373310361307204093711182"),
        (((1, 0, 0), (-2, 0, 0)), "3.14159265358979323846264338328"),
        (((0, 2, 0), (0, 4, 0)), "0"),
    ],
    wrt=(),
    x=vector(-128, 128, sizes=(3,)),
    y=vector(-128, 128, sizes=(3,)),
)
def angle_between(x, y):
    """Angle in [0, pi], in radians, between x and y; undefined where either is zero."""
    a, b = x / m.norm(x), y / m.norm(y)
    return 2 * m.atan2(m.norm(a - b), m.norm(a + b))


@angle_between.law
def its_cosine_is_that_of_the_scalar_product(f, x, y):
    """cos(angle) |x| |y| = x . y."""
    return m.cos(f(x, y)) * m.norm(x) * m.norm(y), m.dot(x, y)


@angle_between.law
def lengths_do_not_matter(f, x, y):
    """Directions only."""
    return f(4 * x, y), f(x, 2 * y)


@angle_between.law
def the_opposite_direction_is_what_lacks_to_half_a_turn(f, x, y):
    """Angles with y and -y add up to pi."""
    return f(x, y) + f(x, -y), m.pi()


@angle_between.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_cross_and_dot(x, y):
    """atan2 of cross and scalar product in float64, rounded once."""
    return cross_and_dot.function(x.double(), y.double()).to(x.dtype)


def _scaled(x):
    """Divided by the power of two above the largest entry, in two steps, for it may be beyond the format's own."""
    exponent = torch.frexp(x.abs().amax(1, keepdim=True)).exponent
    return torch.ldexp(torch.ldexp(x, -(exponent // 2)), -(exponent - exponent // 2))


range_ = gap("underflow", "overflow", why="squares and products of entries leave the range")
nearly_parallel = gap(
    "cancellation",
    "absorption",
    why="rounded products of nearly parallel vectors cancel in the cross product",
)


@gap("cancellation", why="divided by its length a vector is rounded, and then alike to another one")
@gap("underflow", why="of nearly parallel unit vectors the square of the difference is 0")
@angle_between.routine(value=ulps(4, cond=4))
def kahan(x, y):
    """2 atan2(|a - b|, |a + b|) of the unit vectors a and b, as the formula has it."""
    a, b = _scaled(x), _scaled(y)
    a, b = (
        a / torch.linalg.vector_norm(a, dim=1, keepdim=True),
        b / torch.linalg.vector_norm(b, dim=1, keepdim=True),
    )
    return 2 * torch.atan2(torch.linalg.vector_norm(a - b, dim=1), torch.linalg.vector_norm(a + b, dim=1))


@range_
@nearly_parallel
@angle_between.routine(value=ulps(4, cond=4))
def cross_and_dot(x, y):
    """atan2 of the cross product's length and the scalar product."""
    cross = x[:, [1, 2, 0]] * y[:, [2, 0, 1]] - x[:, [2, 0, 1]] * y[:, [1, 2, 0]]
    return torch.atan2(torch.linalg.vector_norm(cross, dim=1), (x * y).sum(1))


beside_one = gap("cancellation", "absorption", why="beside 1 and -1 a cosine has no digits of its angle")


@range_
@beside_one
@angle_between.routine(value=ulps(4, cond=4))
def acos_of_quotient(x, y):
    """acos of x . y over both lengths, clamped to [-1, 1]."""
    lengths = torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(y, dim=1)
    return torch.acos(((x * y).sum(1) / lengths).clamp(-1, 1))


@range_
@beside_one
@gap("wrong_formula", "special_value", why="lengths count as 1e-8 at least, and the quotient may be beyond 1")
@angle_between.routine(value=ulps(4, cond=4))
def acos_of_torch_builtin(x, y):
    """acos of `cosine_similarity`."""
    return torch.acos(functional.cosine_similarity(x, y, dim=1))
