"""Tweedie deviance for powers between Poisson's 1 and the gamma distribution's 2."""

import torch

from numcheck import formula, gap, m, one_of, real, ulps


@formula(
    source="scikit-learn documentation, Metrics and scoring, Mean Poisson, Gamma, and Tweedie deviances",
    known=[
        ((1, 16, 1.25), "45.3333333333333333333333333333"),
        ((1, 4, 1.5), "4"),
        ((4, 0, 1.5), "8"),
        ((2, 3, 1.75), "0.232362575206066551871664694224"),
    ],
    wrt=("prediction",),
    prediction=real(2.0**-10, 1000),
    target=real(0, 1000),
    power=one_of(1.25, 1.5, 1.75),
)
def tweedie_deviance(prediction, target, power):
    """What a predicted mean costs, where the variance is the mean to the `power`: 0 where it is the target.

    Hard near that minimum, where three terms leave a small square; targets of 0 are ordinary.
    """
    p = power
    first = m.where(target > 0, m.where(target > 0, target, 1) ** (2 - p), 0) / ((1 - p) * (2 - p))
    return 2 * (first - target * prediction ** (1 - p) / (1 - p) + prediction ** (2 - p) / (2 - p))


@tweedie_deviance.law
def sixteen_times_both_are_that_to_the_power_of_two_less_the_power(f, prediction, target, power):
    """Homogeneous of degree 2 - power."""
    return f(16 * prediction, 16 * target, power), 16 ** (2 - power) * f(prediction, target, power)


@tweedie_deviance.law
def the_best_mean_costs_nothing(f, prediction, target, power):
    """0 where the prediction is the target."""
    return f(prediction, prediction, power), 0 * prediction


class _Deviance(torch.autograd.Function):
    # With a = 2 - p and s the fourth root of target/prediction, s**(4 a) - a s**4 + a - 1 has (s - 1)**2 as a factor:
    # the deviance is prediction**a (s - 1)**2 times a polynomial in s for each power that is a multiple of 1/4.
    @staticmethod
    def forward(ctx, prediction, target, power):
        ctx.save_for_backward(prediction, target)
        ctx.power = power
        relative = (target - prediction) / prediction
        s = (target / prediction) ** 0.25
        less_one = relative / ((s + 1) * (s * s + 1))
        polynomial = {
            1.25: (8 / 3) * (3 * s * s + 2 * s + 1),
            1.5: 4 * (s + 1) ** 2,
            1.75: (8 / 3) * (s * s + 2 * s + 3),
        }
        return prediction ** (2 - power) * less_one**2 * polynomial[power]

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        prediction, target = ctx.saved_tensors
        return cotangent * 2 * (prediction - target) / prediction**ctx.power, None, None


# cond=4: difference, quotient, roots and powers
@tweedie_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def square_of_a_root_less_one(prediction, target, power):
    """The square of (t/p)**(1/4) - 1 as a factor, the derivative 2 (p - t)/p**power; in float32 at least."""
    wide = torch.promote_types(prediction.dtype, torch.float32)
    return _Deviance.apply(prediction.to(wide), target.to(wide), power).to(prediction.dtype)


three_terms = gap(
    "cancellation", "absorption", "order", why="near the minimum three larger terms leave a small square"
)


@three_terms
@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="in float16 powers leave the range",
    of="grad",
    formats=["float16"],
)
@tweedie_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def as_printed(prediction, target, power):
    """The formula as it is printed."""
    p = power
    first = target ** (2 - p) / ((1 - p) * (2 - p))
    return 2 * (first - target * prediction ** (1 - p) / (1 - p) + prediction ** (2 - p) / (2 - p))


@three_terms
@tweedie_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def of_the_logarithm(prediction, target, power):
    """The part that has a gradient, of the logarithm of the mean as boosted trees predict it, and the target's."""
    p, x = power, torch.log(prediction)
    part = -target * torch.exp((1 - p) * x) / (1 - p) + torch.exp((2 - p) * x) / (2 - p)
    return 2 * (part + target ** (2 - p) / ((1 - p) * (2 - p)))
