"""What is trusted of torch's functions in float64, on the device in use; `trust` looks whether it may be."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from numcheck.reals.ball64.balls import FAR, INF, at_least, only_where, up_to


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
    positive: bool = False
    """Whether the function is never negative."""

    @property
    def rate(self) -> float:
        """The bound, relative to the result."""
        return self.ulps * 2.0**-52

    def of(self, y: Tensor) -> tuple[float, Tensor]:
        """The bound on the error of this result: a rate, and what it is of."""
        return self.rate, y if self.positive else y.abs() + 1 if self.absolute else y.abs()


BOUNDS: dict[str, Bound] = {
    "exp": Bound(torch.exp, 8, -FAR, FAR, 0.61, positive=True),
    "log": Bound(torch.log, 8, 2.0**-1022, INF, 0.62),
    "log1p": Bound(torch.log1p, 16, -0.5, 1.0, 1.01),
    "sqrt": Bound(torch.sqrt, 4, 2.0**-1022, INF, 0.52, positive=True),
    "sin": Bound(torch.sin, 16, -(2.0**10), 2.0**10, 0.51),
    "cos": Bound(torch.cos, 16, -(2.0**10), 2.0**10, 0.51),
    "asin": Bound(torch.asin, 16, -1.0, 1.0, 0.78),
    "acos": Bound(torch.acos, 16, -1.0, 1.0, 0.77),
    "atan": Bound(torch.atan, 16, -(2.0**100), 2.0**100, 0.63),
    "erf": Bound(torch.erf, 16, -2.0, 2.0, 1.01),
    "erfc": Bound(torch.erfc, 64, 0.0, 26.0, 0.68, positive=True),
    "erfcx": Bound(torch.special.erfcx, 64, 0.0, 2.0**500, 4.1, positive=True),
    "lgamma": Bound(torch.lgamma, 64, 2.0**-20, 2.0**20, 0.50, absolute=True),
    "digamma": Bound(torch.digamma, 64, 2.0**-20, 2.0**20, 6.2, absolute=True),
    "atan2": Bound(torch.atan2, 16, 2.0**-900, 2.0**900, 0.9),
    "zeta": Bound(torch.special.zeta, 256, 2.0**-20, 2.0**20, 5.4),
}
"""The interval of atan2 is that of the larger of both arguments, that of zeta is for its second one and for ORDERS. The
worst errors are those of a million points each, eager and compiled (torch 2.13 on x86-64 with AVX-512).
"""
ORDERS = range(2, 9)


Trusted = tuple[Tensor, tuple[float, Tensor]]
"""What a function answered, and the bound on its error: a rate, and what it is of."""


def called(name: str, x: Tensor, reach: float = INF) -> Trusted:
    """torch's function and the bound on its error; unknown where the bound is not vouched for.

    `reach` bounds the arguments, where that is known beforehand.
    """
    bound = BOUNDS[name]
    if bound.low > -reach:
        x = at_least(bound.low, x)
    if bound.high < reach:
        x = up_to(bound.high, x)
    y = bound.function(x)
    return y, bound.of(y)


def trusted(name: str, y: Tensor, at: Tensor) -> Trusted:
    """What torch answered and the bound on its error; unknown where `at` lies outside the bound's interval."""
    bound = BOUNDS[name]
    return only_where((at >= bound.low) & (at <= bound.high), y), bound.of(y)


def grown(size: Tensor, k: Tensor) -> tuple[float, Tensor]:
    """A bound on size * (exp(k) - 1), unknown where k is beyond 1: exp(1) - 1 is 1.719."""
    return 1.75, size * up_to(1.0, k)
