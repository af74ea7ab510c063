"""Soft thresholding.

Where it is hard: nowhere. x less 1/2 is exact where it is small; at the ends of the flat part any slope from 0 to 1
is right.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Donoho 1995, De-noising by soft-thresholding, IEEE Transactions on Information Theory 41(3), pages 613-627",
    known=[((0.5,), "0"), ((-1.5,), "-1"), ((0.75,), "0.25")],
    x=real(-float("inf"), float("inf"), near=(-0.5, 0.5)),
)
def softshrink(x):
    """x moved towards zero by 1/2, and not beyond."""
    return m.maximum(x - m.ratio(1, 2), 0) - m.maximum(-x - m.ratio(1, 2), 0)


@softshrink.law
def it_is_odd(f, x):
    """softshrink(-x) = -softshrink(x)."""
    return f(-x), -f(x)


@softshrink.routine(value=ulps(0.5), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.softshrink with its threshold of 1/2."""
    return functional.softshrink(x)
