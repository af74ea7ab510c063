"""Mean squared error."""

from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, equations 7.1 and 7.4",
    known=[
        (((1, 2, 3), (1.5, 0, -1)), "6.75"),
        (((3, 4, 7, 9, 8, -3, -2, 1), (2, 5, 9, 7, 10, -5, -2, 2)), "2.375"),
    ],
    wrt=("prediction",),
    prediction=vector(-1000, 1000),
    target=vector(-1000, 1000),
)
def squared_error(prediction, target):
    """Mean of the squared differences. Hard where they are small beside the operands, or a square overflows."""
    return m.mean((prediction - target) ** 2)


@squared_error.law
def twice_the_inputs_is_four_times_the_loss(f, prediction, target):
    """Homogeneous of degree two."""
    return 4 * f(prediction, target), f(2 * prediction, 2 * target)


@squared_error.law
def inputs_times_s_are_the_loss_times_the_square_of_s(f, prediction, target):
    """With s = -2**-24: the figure is in the square of the target's unit."""
    return f(prediction * -(2**-24), target * -(2**-24)), f(prediction, target) / 2**48


@squared_error.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target):
    """The square does not see the sign."""
    return f(prediction, target), f(target, prediction)


@squared_error.law
def a_common_offset_changes_nothing(f, prediction, target):
    """Only differences count."""
    return f(prediction, target), f(prediction + 7, target + 7)


@squared_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def divided_before_squaring(prediction, target):
    """The dot product of the difference with its n-th part: no term exceeds the mean."""
    difference = prediction - target
    return (difference * (difference / prediction.shape[1])).sum(1)


large_squares = gap("overflow", why="a square overflows, though the mean does not", formats=["float16"])


@large_squares
@squared_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def torch_builtin(prediction, target):
    """`mse_loss`, averaged over each point."""
    return functional.mse_loss(prediction, target, reduction="none").mean(1)


@large_squares
@squared_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def naive_form(prediction, target):
    """The formula as it is printed."""
    return ((prediction - target) ** 2).mean(1)


@gap("cancellation", why="the squares of nearly equal numbers cancel")
@gap("overflow", "underflow", why="the squares of the inputs leave the range, though the loss does not")
@squared_error.routine(value=ulps(2, gamma=True), grad=ulps(2))
def expanded_square(prediction, target):
    """mean(p p) - 2 mean(p t) + mean(t t), as distances by matrix products have it."""
    return (prediction**2).mean(1) - 2 * (prediction * target).mean(1) + (target**2).mean(1)
