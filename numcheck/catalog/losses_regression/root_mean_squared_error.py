"""Root mean squared error."""

import torch
from torch.nn import functional

from numcheck import formula, gap, m, ulps, vector


@formula(
    source="Chai & Draxler 2014, Root mean square error (RMSE) or mean absolute error (MAE)?, GMD 7(3), equation 2",
    known=[
        (((3, 4, 7, 9, 8, -3, -2, 1), (2, 5, 9, 7, 10, -5, -2, 2)), "1.54110350074224411256254809536"),
        (((1, 2, 3), (1.5, 0, -1)), "2.59807621135331594029116951226"),
    ],
    wrt=("prediction",),
    prediction=vector(-1000, 1000),
    target=vector(-1000, 1000),
)
def root_mean_squared_error(prediction, target):
    """Root of the mean of the squared differences, in the target's unit; hard where a square leaves the range.

    Where every entry is hit the formula has a corner, and any derivative up to 1/sqrt(n) by each is right.
    """
    return m.norm(prediction - target) / m.sqrt(len(target))


@root_mean_squared_error.law
def inputs_times_s_are_the_loss_times_the_size_of_s(f, prediction, target):
    """With s = -2**-24: homogeneous of degree one, so that scaling the target scales the figure."""
    return f(prediction * -(2**-24), target * -(2**-24)), f(prediction, target) / 2**24


@root_mean_squared_error.law
def inputs_times_32768_are_the_loss_times_32768(f, prediction, target):
    """The same with s = 2**15."""
    return f(2**15 * prediction, 2**15 * target), 2**15 * f(prediction, target)


@root_mean_squared_error.law
def exchanging_prediction_and_target_changes_nothing(f, prediction, target):
    """The square does not see the sign."""
    return f(prediction, target), f(target, prediction)


@root_mean_squared_error.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def largest_difference_first(prediction, target):
    """Differences over a power of two near the largest, then squared; in float32 at least."""
    wide = torch.promote_types(target.dtype, torch.float32)
    difference = prediction.to(wide) - target.to(wide)
    # 2**30 keeps the unit, which multiplies the gradient on its way back, and the smallest square from being subnormal
    least = torch.finfo(wide).tiny * 2.0**30
    exponent = torch.frexp(difference.detach().abs().amax(1, keepdim=True).clamp(min=least)).exponent
    unit = torch.ldexp(torch.ones_like(difference[:, :1]), exponent)
    squares = ((difference / unit) ** 2).mean(1)
    root = torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)
    return (unit[:, 0] * root).to(target.dtype)


squares_out_of_range = gap("overflow", "underflow", why="squares leave the range, which their root would not")


@squares_out_of_range
@root_mean_squared_error.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def length_over_root_of_n(prediction, target):
    """`linalg.vector_norm` of the difference over sqrt(n); its derivative at 0 is 0."""
    return torch.linalg.vector_norm(prediction - target, dim=1) / target.shape[1] ** 0.5


@squares_out_of_range
@gap("nan_gradient", why="the root's infinite slope at 0 meets a slope of 0")
@root_mean_squared_error.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def root_of_torch_builtin(prediction, target):
    """`sqrt` of `mse_loss`, averaged over each point, as it is printed."""
    return functional.mse_loss(prediction, target, reduction="none").mean(1).sqrt()


@squares_out_of_range
@gap("wrong_formula", "absorption", why="1e-6 under the root is much beside small squares")
@root_mean_squared_error.routine(value=ulps(2, gamma=True), grad=ulps(4, gamma=True))
def small_number_under_the_root(prediction, target):
    """sqrt(mse + 1e-6), against the infinite derivative at 0."""
    return (functional.mse_loss(prediction, target, reduction="none").mean(1) + 1e-6).sqrt()
