"""Hard thresholding.

Where it is hard: nowhere. x is kept as it is or not at all.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81(3), pages 425-455",
    known=[((0.5,), "0"), ((-1.5,), "-1.5"), ((0.75,), "0.75")],
    x=real(-float("inf"), float("inf"), near=(-0.5, 0.5)),
)
def hardshrink(x):
    """x where it is farther than 1/2 from zero, else 0."""
    return m.where(m.abs(x) > m.ratio(1, 2), x, 0)


@hardshrink.law
def it_is_odd(f, x):
    """hardshrink(-x) = -hardshrink(x)."""
    return f(-x), -f(x)


@hardshrink.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.hardshrink with its threshold of 1/2."""
    return functional.hardshrink(x)
