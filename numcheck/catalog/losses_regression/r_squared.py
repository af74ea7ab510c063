"""Coefficient of determination."""

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Kvalseth 1985, Cautionary Note about R2, The American Statistician 39(4), equation 1",
    known=[
        (((2.5, 0, 2, 8), (3, -0.5, 2, 7)), "0.948608137044967880085653104925"),
        (((3, 4, 7, 9, 8, -3, -2, 1), (2, 5, 9, 7, 10, -5, -2, 2)), "0.902061855670103092783505154639"),
        (((1, 2, 4), (1, 2, 3)), "0.5"),
        (((3, 2, 1), (1, 2, 3)), "-3"),
    ],
    wrt=("prediction",),
    prediction=vector(-64, 64),
    target=vector(-64, 64),
)
def r_squared(prediction, target):
    """Share of the targets' spread that the predictions explain; undefined where all targets are equal.

    Hard where targets vary little beside their size: the spread is what is left of them.
    """
    return 1 - m.sum((target - prediction) ** 2) / m.sum((target - m.mean(target)) ** 2)


@r_squared.law
def inputs_times_s_change_nothing(f, prediction, target):
    """With s = -2**-24: the unit of the target does not matter."""
    return f(prediction * -(2**-24), target * -(2**-24)), f(prediction, target)


@r_squared.law
def inputs_times_32768_change_nothing(f, prediction, target):
    """The same with s = 2**15."""
    return f(2**15 * prediction, 2**15 * target), f(prediction, target)


@r_squared.law
def a_common_offset_changes_nothing(f, prediction, target):
    """The origin does not matter either."""
    return f(prediction + 7, target + 7), f(prediction, target)


@r_squared.law
def the_mean_explains_nothing(f, prediction, target):
    """A constant prediction of the targets' mean gives 0."""
    return f(0 * prediction + m.mean(target), target), 0 * f(prediction, target)


@r_squared.routine(
    value=ulps(2, gamma=True), grad=ulps(4, gamma=True), formats=["float32", "bfloat16", "float16"]
)
def float64_then_rounded(prediction, target):
    """The formula as it is printed, in float64, rounded once at the end."""
    return as_printed.function(prediction.double(), target.double()).to(target.dtype)


one_less_a_quotient = gap(
    "cancellation",
    "absorption",
    "order",
    why="1 less a quotient near 1 has the quotient's digits alone",
    of="value",
)
squares_out_of_range = gap(
    "overflow",
    "underflow",
    "nan_gradient",
    "special_value",
    why="squares of small or large deviations leave the range",
)


@one_less_a_quotient
@squares_out_of_range
@r_squared.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def as_printed(prediction, target):
    """Deviations from the rounded mean, squared and summed."""
    spread = ((target - target.mean(1, keepdim=True)) ** 2).sum(1)
    return 1 - ((target - prediction) ** 2).sum(1) / spread


@gap("cancellation", "absorption", "placement", why="equal squares of far targets cancel, in any order")
@squares_out_of_range
@r_squared.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def one_pass(prediction, target):
    """The spread as sum of squares less the mean times the sum, as torchmetrics keeps it over batches."""
    total, squares = target.sum(1), (target * target).sum(1)
    spread = squares - total * (total / target.shape[1])
    return 1 - ((target - prediction) ** 2).sum(1) / spread
