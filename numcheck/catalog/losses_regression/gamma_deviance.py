"""Deviance of the mean of a gamma distribution."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="McCullagh & Nelder 1989, Generalized Linear Models, 2nd edition, section 2.3, page 34",
    known=[
        ((2, 3), "0.189069783783671236043973769071"),
        ((3, 3), "0"),
        ((1, 2), "0.613705638880109381165535757084"),
    ],
    wrt=("prediction",),
    prediction=real(2.0**-10, 1000),
    target=real(2.0**-10, 1000),
)
def gamma_deviance(prediction, target):
    """Twice what a predicted mean costs over the best one, in nats: 0 where it is the target. Hard near that minimum.

    It depends on the quotient alone. The difference of a quotient near 1 and its logarithm leaves a small square.
    """
    return 2 * (-m.log(target / prediction) + (target - prediction) / prediction)


@gamma_deviance.law
def the_unit_does_not_matter(f, prediction, target):
    """Both times four change nothing."""
    return f(4 * prediction, 4 * target), f(prediction, target)


@gamma_deviance.law
def both_ways_together_are_without_a_logarithm(f, prediction, target):
    """Exchanged and added, the logarithms cancel: 2 (t - p)**2/(t p)."""
    both = f(prediction, target) + f(target, prediction)
    return both, 2 * (target - prediction) ** 2 / (target * prediction)


class _Deviance(torch.autograd.Function):
    # with v = (t - p)/(t + p), log(t/p) = 2 artanh(v) and (t - p)/p - 2 v = v (t - p)/p: half the deviance is
    # v (t - p)/p - 2 (v**3/3 + v**5/5 + ...), as in Loader 2000 (see `poisson_deviance`)
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.save_for_backward(prediction, target)
        distance = target - prediction
        relative = distance / prediction
        beside = relative.abs() < 0.25
        v = torch.where(beside, distance, 0.0) / (target + prediction)
        series = sum(v ** (2 * j + 1) / (2 * j + 1) for j in range(8, 0, -1))
        less = torch.log(target) - torch.log(prediction)
        far = relative - torch.where(relative > -0.5, torch.log1p(relative), less)
        return 2 * torch.where(beside, v * relative - 2 * series, far)

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        prediction, target = ctx.saved_tensors
        return cotangent * 2 * ((prediction - target) / prediction / prediction), None


# cond=4: difference, quotient, logarithm and sum
@gamma_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def series_near_the_minimum(prediction, target):
    """A series of the logarithm within a quarter, and the derivative 2 (p - t)/p**2; in float32 at least."""
    wide = torch.promote_types(prediction.dtype, torch.float32)
    return _Deviance.apply(prediction.to(wide), target.to(wide)).to(prediction.dtype)


at_the_minimum = gap(
    "cancellation", "absorption", why="near the minimum two larger terms leave a small square"
)
quotients = gap("overflow", "underflow", "nan_gradient", why="quotients leave the range", formats=["float16"])


@at_the_minimum
@quotients
@gamma_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def as_printed(prediction, target):
    """The formula as it is printed."""
    return 2 * (-torch.log(target / prediction) + (target - prediction) / prediction)


@at_the_minimum
@quotients
@gamma_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def quotient_less_one(prediction, target):
    """2 (log(p/t) + t/p - 1), as scikit-learn has it."""
    return 2 * (torch.log(prediction / target) + target / prediction - 1)
