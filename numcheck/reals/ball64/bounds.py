"""What is trusted of torch's functions in float64, on the device in use; `trust` looks whether it may be."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from numcheck.reals.ball64.balls import FAR, INF, NAN, only_where, where


@dataclass(frozen=True)
class Bound:
    """torch's float64 function, trusted to `ulps` * 2**-52 of its result on [low, high].

    If `absolute`, of one more than its result, which may cross zero. `worst` is the largest error ever measured, in
    the same unit: the bound is at least three times that.
    """

    function: Callable[..., Tensor]
    ulps: float
    low: float
    high: float
    worst: float
    absolute: bool = False


BOUNDS: dict[str, Bound] = {
    "exp": Bound(torch.exp, 8, -FAR, FAR, 0.61),
    "log": Bound(torch.log, 8, 2.0**-1022, INF, 0.62),
    "log1p": Bound(torch.log1p, 16, -0.5, 1.0, 1.01),
    "sqrt": Bound(torch.sqrt, 4, 2.0**-1022, INF, 0.52),
    "sin": Bound(torch.sin, 16, -(2.0**10), 2.0**10, 0.51),
    "cos": Bound(torch.cos, 16, -(2.0**10), 2.0**10, 0.51),
    "atan": Bound(torch.atan, 16, -(2.0**100), 2.0**100, 0.63),
    "erf": Bound(torch.erf, 16, -2.0, 2.0, 1.01),
    "erfc": Bound(torch.erfc, 64, 0.0, 26.0, 0.68),
    "lgamma": Bound(torch.lgamma, 64, 2.0**-20, 2.0**20, 0.50, absolute=True),
    "digamma": Bound(torch.digamma, 64, 2.0**-20, 2.0**20, 6.2, absolute=True),
    "atan2": Bound(torch.atan2, 16, 2.0**-900, 2.0**900, 0.9),
    "zeta": Bound(torch.special.zeta, 256, 2.0**-20, 2.0**20, 5.4),
}
"""What is trusted of torch in float64, on the device in use; `trust` looks whether it may be.

The interval of atan2 is that of the larger of both arguments, that of zeta is for its second one and for ORDERS. The
worst errors are those of a million points each, eager and compiled (torch 2.13 on x86-64 with AVX-512).
"""
ORDERS = range(2, 9)


def called(name: str, x: Tensor, reach: float = INF) -> tuple[Tensor, Tensor]:
    """torch's function and the bound on its error; unknown where the bound is not vouched for.

    `reach` bounds the arguments, where that is known beforehand.
    """
    return trusted(name, BOUNDS[name].function(x), x, reach)


def trusted(name: str, y: Tensor, at: Tensor, reach: float = INF) -> tuple[Tensor, Tensor]:
    """What torch answered and the bound on its error; unknown where `at` lies outside the bound's interval."""
    bound = BOUNDS[name]
    error = (bound.ulps * 2.0**-52) * (y.abs() + 1 if bound.absolute else y.abs())
    if bound.low <= -reach and reach <= bound.high:
        return y, error
    known = at >= bound.low
    if bound.high < INF:
        known = known & (at <= bound.high)
    return only_where(known, y), error


def grown(rate: Tensor | float, spread: Tensor) -> Tensor:
    """A bound of exp(k) - 1 for k = rate * spread: k + k*k, which holds up to k = 1.79; unknown beyond 1.

    Where k is subnormal the square is lost, which is less than any FLOOR.
    """
    k = rate * spread * (1 + 2.0**-40)
    return where(k <= 1, k * (1 + k), NAN)
