"""Mistakes that show only where inputs meet, or only in an input of some kind."""

# Formulas and routines are written as the book prints them: inputs have domains instead of annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import functools

import torch

from numcheck import (
    box,
    integers,
    labels,
    m,
    mask,
    matrix,
    ordered,
    real,
    sampled,
    steps,
    ulps,
    unit_vector,
    vector,
)
from planted import plant, stated

plant_single = functools.partial(plant, formats=("float32",), written_for=("float32",))


# Two numbers that are equal, close, a few ulps apart, opposite, zero, far from zero -----------------------------------


@stated("the logarithm of a ratio", (), x=real(0.5, 1000), y=real(0.5, 1000))
def log_of_a_ratio(x, y):
    return m.log(x / y)


def log_of_a_ratio_by_its_difference(x, y):
    x, y = x.double(), y.double()
    return torch.log1p((x - y) / y).float()


@plant_single(log_of_a_ratio, "cancellation", twin=log_of_a_ratio_by_its_difference, value=ulps(4, cond=0))
def difference_of_close_logarithms(x, y):
    return x.log() - y.log()


@stated("the distance on a line", x=real(-100, 100), y=real(-100, 100))
def distance_on_a_line(x, y):
    return m.abs(x - y)


def distance_by_the_absolute_value(x, y):
    return (x - y).abs()


@plant_single(
    distance_on_a_line, "nan_gradient", twin=distance_by_the_absolute_value, value=ulps(1), grad=ulps(4)
)
def root_of_a_squared_difference_of_equal_numbers(x, y):
    return ((x.double() - y.double()) ** 2).sqrt().to(x.dtype)


@stated("a difference of squares", (), x=real(-8, 8), y=real(-8, 8))
def difference_of_squares(x, y):
    return x * x - y * y


def product_of_sum_and_difference(x, y):
    x, y = x.double(), y.double()
    return ((x - y) * (x + y)).float()


@plant_single(
    difference_of_squares, "cancellation", twin=product_of_sum_and_difference, value=ulps(2, cond=0)
)
def difference_of_rounded_squares_ulps_apart(x, y):
    return x * x - y * y


@stated("a sum of hyperbolic sines", (), x=real(-8, 8), y=real(-8, 8))
def sum_of_hyperbolic_sines(x, y):
    return m.sinh(x) + m.sinh(y)


def sum_by_the_mean(x, y):
    x, y = x.double(), y.double()
    return (2 * ((x + y) / 2).sinh() * ((x - y) / 2).cosh()).float()


@plant_single(sum_of_hyperbolic_sines, "cancellation", twin=sum_by_the_mean, value=ulps(4, cond=0))
def sum_of_opposite_sines(x, y):
    return x.sinh() + y.sinh()


@stated("a part of two, half of nothing", (), x=real(0, 100), y=real(0, 100))
def part_of_two(x, y):
    return m.where(x + y == 0, 0.5, x / m.where(x + y == 0, 1, x + y))


def part_of_two_with_nothing_apart(x, y):
    total = x.double() + y.double()
    return torch.where(total == 0, 0.5, x / torch.where(total == 0, 1.0, total)).to(x.dtype)


@plant_single(part_of_two, "special_value", twin=part_of_two_with_nothing_apart, value=ulps(2))
def part_of_two_zeros(x, y):
    return x / (x + y)


@stated("the variance of two numbers", (), x=real(-1e6, 1e6), y=real(-1e6, 1e6))
def variance_of_two(x, y):
    return ((x - y) / 2) ** 2


def square_of_half_the_difference(x, y):
    return (((x.double() - y.double()) / 2) ** 2).to(x.dtype)


@plant_single(variance_of_two, "cancellation", twin=square_of_half_the_difference, value=ulps(4, cond=0))
def mean_of_squares_less_square_of_the_mean_far_from_zero(x, y):
    mean = (x + y) / 2
    return (x * x + y * y) / 2 - mean * mean


@stated("Heron, squared and times sixteen", (), a=real(0.5, 64), b=real(0.5, 64), c=real(0.5, 64))
def heron(a, b, c):
    return (a + b + c) * (b + c - a) * (a + c - b) * (a + b - c)


def heron_by_its_factors(a, b, c):
    a, b, c = a.double(), b.double(), c.double()
    return ((a + b + c) * (b + c - a) * (a + c - b) * (a + b - c)).float()


@plant_single(
    heron,
    "cancellation",
    twin=heron_by_its_factors,
    value=ulps(4, cond=0),
)
def heron_multiplied_out_where_sides_tie(a, b, c):
    return 4 * a * a * b * b - (a * a + b * b - c * c) ** 2


# Entries of one vector, and two vectors -------------------------------------------------------------------------------


@stated("the variance of a sample", (), x=vector(-1e3, 1e3, sizes=(4,)))
def variance(x):
    return m.mean((x - m.mean(x)) ** 2)


def variance_about_the_mean(x):
    x = x.double()
    return ((x - x.mean(1, keepdim=True)) ** 2).mean(1).float()


@plant_single(variance, "cancellation", twin=variance_about_the_mean, value=ulps(4, cond=0))
def variance_of_equal_entries_by_squares(x):
    return (x * x).mean(1) - x.mean(1) ** 2


@stated("what is beside the largest", (), x=vector(0, 1e6, sizes=(3, 8)))
def beside_the_largest(x):
    return m.sum(x) - m.max(x)


def sum_of_all_but_the_largest(x):
    return x.double().sort(1).values[:, :-1].sum(1).to(x.dtype)


@plant_single(beside_the_largest, "cancellation", twin=sum_of_all_but_the_largest, value=ulps(2, gamma=True))
def sum_less_one_that_dominates(x):
    return x.sum(1) - x.amax(1)


@stated("cosine similarity, 0 beside a zero", (), x=vector(-8, 8, sizes=(3,)), y=vector(-8, 8, sizes=(3,)))
def cosine_similarity(x, y):
    sizes = m.sum(x * x) * m.sum(y * y)
    return m.where(sizes == 0, 0, m.dot(x, y) / m.sqrt(m.where(sizes == 0, 1, sizes)))


def cosine_with_zeros_apart(x, y):
    x, y = x.double(), y.double()
    sizes = x.norm(dim=1) * y.norm(dim=1)
    return torch.where(sizes == 0, 0.0, (x * y).sum(1) / torch.where(sizes == 0, 1.0, sizes)).float()


@plant_single(cosine_similarity, "special_value", twin=cosine_with_zeros_apart, value=ulps(8, gamma=True))
def cosine_of_one_zero_vector(x, y):
    x, y = x.double(), y.double()
    return ((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))).float()


# Kinds of input -------------------------------------------------------------------------------------------------------


@stated("Jaccard 1901, of boxes; 0 of two without size", (), p=box(-16, 16), q=box(-16, 16))
def overlap_of_boxes(p, q):
    def side(k):
        return m.maximum(m.minimum(p[k + 2], q[k + 2]) - m.maximum(p[k], q[k]), 0)

    both = side(0) * side(1)
    union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - both
    return m.where(union == 0, 0, both / m.where(union == 0, 1, union))


def _sides(p, q):
    return torch.minimum(p[:, 2:], q[:, 2:]) - torch.maximum(p[:, :2], q[:, :2])


def _iou(p, q, both):
    area = (p[:, 2:] - p[:, :2]).prod(1) + (q[:, 2:] - q[:, :2]).prod(1) - both
    return both / area, area


def overlap_with_boxes_of_no_size_apart(p, q):
    p, q = p.double(), q.double()
    ratio, union = _iou(p, q, _sides(p, q).clamp(min=0).prod(1))
    return torch.where(union == 0, 0.0, ratio).float()


@plant_single(overlap_of_boxes, "special_value", twin=overlap_with_boxes_of_no_size_apart, value=ulps(4))
def overlap_of_two_boxes_of_no_size(p, q):
    p, q = p.double(), q.double()
    return _iou(p, q, _sides(p, q).clamp(min=0).prod(1))[0].float()


@plant_single(overlap_of_boxes, "wrong_formula", twin=overlap_with_boxes_of_no_size_apart, value=ulps(4))
def overlap_of_disjoint_boxes(p, q):
    p, q = p.double(), q.double()
    ratio, union = _iou(p, q, _sides(p, q).prod(1))
    return torch.where(union == 0, 0.0, ratio).float()


@stated("Leibniz 1693", (), a=matrix(-8, 8, (2, 2)))
def determinant(a):
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]


def determinant_in_float64(a):
    a = a.double()
    return (a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0]).float()


@plant_single(determinant, "cancellation", twin=determinant_in_float64, value=ulps(4, cond=0))
def determinant_of_a_nearly_singular_matrix(a):
    return a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0]


@stated(
    "Kahan 2006, the angle between two directions", (), u=unit_vector(sizes=(3,)), v=unit_vector(sizes=(3,))
)
def angle(u, v):
    return 2 * m.atan2(m.norm(u - v), m.norm(u + v))


def angle_by_kahan(u, v):
    u, v = u.double(), v.double()
    return (2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1))).float()


# Directions are rounded, so their lengths are not quite one, and the angle is not what has u.v as its cosine.
@plant_single(angle, "wrong_formula", twin=angle_by_kahan, value=ulps(4))
def arc_cosine_of_close_directions(u, v):
    return (u * v).sum(1).clamp(-1, 1).acos()


@stated(
    "the mean of what counts, 0 of nothing", x=vector(-8, 8, sizes=(2, 3, 8)), counts=mask(sizes=(2, 3, 8))
)
def masked_mean(x, counts):
    total = m.sum(counts)
    return m.where(total == 0, 0, m.sum(m.where(counts == 1, x, 0)) / m.where(total == 0, 1, total))


def masked_mean_of_something(x, counts):
    kept = torch.where(counts, x.double(), 0.0)
    return (kept.sum(1) / counts.sum(1).clamp(min=1)).to(x.dtype)


@plant_single(masked_mean, "special_value", twin=masked_mean_of_something, value=ulps(2, gamma=True))
def masked_mean_of_nothing(x, counts):
    return (torch.where(counts, x.double(), 0.0).sum(1) / counts.sum(1)).to(x.dtype)


@stated(
    "the mean of the kept scores",
    x=vector(0.25, 8, sizes=(3,)),
    of=labels(2, sizes=(3,), ignored=-100),
)
def mean_of_the_kept(x, of):
    kept = m.where(of == -100, 0, 1 + 0 * of)
    signed = m.where(of == 1, x, -x)
    total = m.sum(kept)
    return m.where(total == 0, 0, m.sum(m.where(of == -100, 0, signed)) / m.where(total == 0, 1, total))


def mean_over_the_kept(x, of):
    signed = torch.where(of == 1, x, -x).double() * (of != -100)
    return (signed.sum(1) / (of != -100).sum(1).clamp(min=1)).to(x.dtype)


@plant_single(mean_of_the_kept, "wrong_formula", twin=mean_over_the_kept, value=ulps(2, gamma=True))
def mean_over_all_labels(x, of):
    signed = torch.where(of == 1, x, -x).double() * (of != -100)
    return (signed.sum(1) / of.shape[1]).to(x.dtype)


@stated("where t lies between the outer knots; 0 of one place", (), knots=ordered(-100, 100, sizes=(3,)))
def middle_of_knots(knots):
    width = knots[2] - knots[0]
    return m.where(width == 0, 0, (knots[1] - knots[0]) / m.where(width == 0, 1, width))


def middle_with_ties_apart(knots):
    knots = knots.double()
    width = knots[:, 2] - knots[:, 0]
    return torch.where(
        width == 0, 0.0, (knots[:, 1] - knots[:, 0]) / torch.where(width == 0, 1.0, width)
    ).float()


@plant_single(
    middle_of_knots,
    "special_value",
    twin=middle_with_ties_apart,
    value=ulps(2),
)
def middle_of_knots_at_one_place(knots):
    knots = knots.double()
    return ((knots[:, 1] - knots[:, 0]) / (knots[:, 2] - knots[:, 0])).float()


@stated("Brown 1956, exponential smoothing", x=steps(-8, 8, horizons=(1, 3, 20)), start=real(-8, 8))
def smoothed(x, start):
    return m.fold(lambda state, value: state * 0.75 + value * 0.25, start, x)


def smoothed_in_float64(x, start):
    state = start.double()
    for value in x.unbind(1):
        state = state * 0.75 + value * 0.25
    return state.to(x.dtype)


@plant_single(smoothed, "wrong_formula", twin=smoothed_in_float64, value=ulps(2, gamma=True))
def smoothed_but_for_the_last_step(x, start):
    return smoothed_in_float64(x[:, :-1], start)


@stated("a sum of steps that nearly cancels", (), x=steps(-1, 1, horizons=(3, 100)), start=real(1e3, 1e5))
def state_after_steps(x, start):
    state = start
    for value in x:
        state = state + value
    return state - start


def sum_of_the_steps(x, start):
    return x.double().sum(1).to(x.dtype)


@plant_single(
    state_after_steps,
    "absorption",
    twin=sum_of_the_steps,
    value=ulps(4),
)
def steps_that_a_large_state_absorbs(x, start):
    state = start
    for value in x.unbind(1):
        state = state + value
    return state - start


@stated("the mean of whole numbers", (), n=integers(-1000, 1000, sizes=(2, 3)))
def mean_of_integers(n):
    return m.sum(n) / len(n)


def mean_of_integers_as_reals(n):
    return n.double().mean(1).float()


@plant_single(mean_of_integers, "wrong_formula", twin=mean_of_integers_as_reals, value=ulps(2))
def mean_of_integers_by_whole_division(n):
    return (n.sum(1) // n.shape[1]).float()


def near_one(count, rng):
    return 1 - 2.0 ** -rng.uniform(1, 24, count)


@stated("the odds against", (), p=sampled(near_one, 0, 1 - 2.0**-24))
def odds_against(p):
    return (1 - p) / p


def odds_by_the_difference(p):
    return (1 - p) / p


@plant_single(odds_against, "cancellation", twin=odds_by_the_difference, value=ulps(2, cond=0))
def odds_by_the_reciprocal(p):
    return 1 / p - 1


# A relation of the formula's own --------------------------------------------------------------------------------------


@stated(
    "min-max scaling",
    (),
    lambda low, high: {"low": low.minimum(high), "x": low.minimum(high) + 0.5, "high": high.maximum(low) + 1},
    low=real(-1e4, 1e4),
    x=real(-1e4, 1e5),
    high=real(-1e4, 1e5),
)
def scaled_to_its_range(low, x, high):
    return (x - low) / (high - low)


def scaled_by_differences(low, x, high):
    low, x, high = low.double(), x.double(), high.double()
    return ((x - low) / (high - low)).float()


@plant_single(scaled_to_its_range, "cancellation", twin=scaled_by_differences, value=ulps(4, cond=0))
def scaled_by_two_quotients(low, x, high):
    return x / (high - low) - low / (high - low)
