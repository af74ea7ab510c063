"""Deviance of a Poisson rate."""

import torch

from numcheck import formula, gap, m, real, ulps


@formula(
    source="McCullagh & Nelder 1989, Generalized Linear Models, 2nd edition, section 2.3, page 34",
    known=[
        ((2, 3), "0.432790648648986291868078692786"),
        ((3, 3), "0"),
        ((3, 0), "6"),
    ],
    wrt=("rate",),
    rate=real(2.0**-10, 1000),
    count=real(0, 1000),
)
def poisson_deviance(rate, count):
    """Twice what `rate` costs over the best rate, the count itself, in nats; by convention 0 log 0 is 0.

    Hard near its minimum, where terms of the size of the count leave the square of a small difference.
    """
    return 2 * (m.xlogy(count, count / rate) - (count - rate))


@poisson_deviance.law
def twice_both_is_twice_the_deviance(f, rate, count):
    """Homogeneous of degree one."""
    return f(2 * rate, 2 * count), 2 * f(rate, count)


@poisson_deviance.law
def the_best_rate_costs_nothing(f, rate, count):
    """0 where the rate is the count."""
    return f(rate, rate), 0 * rate


class _Deviance(torch.autograd.Function):
    # Loader 2000, Fast and Accurate Computation of Binomial Probabilities, section 3: with v = (k - r)/(k + r) the
    # half deviance is (k - r) v + 2 k (v**3/3 + v**5/5 + ...), from log(k/r) = 2 artanh(v)
    @staticmethod
    def forward(ctx, rate, count):
        ctx.save_for_backward(rate, count)
        distance = count - rate
        v = torch.where(distance.abs() < 0.25 * rate, distance, 0.0) / (count + rate)
        few = torch.log(torch.where(count > 0, count, 1.0)) - torch.log(rate)
        series = sum(v ** (2 * j + 1) / (2 * j + 1) for j in range(8, 0, -1))
        far = count * torch.where(count > 0.5 * rate, torch.log1p(distance / rate), few) - distance
        return 2 * torch.where(
            v != 0, distance * v + 2 * count * series, torch.where(distance == 0, 0.0, far)
        )

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        rate, count = ctx.saved_tensors
        return cotangent * 2 * ((rate - count) / rate), None


# cond=4: difference, quotient, logarithm and product
@poisson_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def series_near_the_minimum(rate, count):
    """Loader's series of the logarithm where both are within a quarter, with the derivative 2 (r - k)/r."""
    wide = torch.promote_types(rate.dtype, torch.float32)
    return _Deviance.apply(rate.to(wide), count.to(wide)).to(rate.dtype)


at_the_minimum = gap(
    "cancellation", "absorption", why="near the minimum two larger terms leave a small square"
)


@at_the_minimum
@gap(
    "overflow",
    "underflow",
    "nan_gradient",
    why="count/rate leaves the range, and xlogy's slope at 0, 0 is NaN",
)
@poisson_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def xlogy_form(rate, count):
    """The formula as it is printed, with xlogy for 0 log 0."""
    return 2 * (torch.xlogy(count, count / rate) - (count - rate))


@at_the_minimum
@poisson_deviance.routine(value=ulps(4, cond=4), grad=ulps(4))
def difference_of_logarithms(rate, count):
    """count (log(count) - log(rate)) - count + rate, the logarithm of a count of 0 left out."""
    logarithm = torch.log(torch.where(count > 0, count, 1.0)) - torch.log(rate)
    return 2 * (count * logarithm - count + rate)
