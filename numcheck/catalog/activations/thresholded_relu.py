"""Rectified linear unit that jumps.

Where it is hard: nowhere. x is kept as it is or not at all.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Konda, Memisevic & Krueger 2015, Zero-bias autoencoders and the benefits of co-adapting features, ICLR",
    known=[((0.5,), "0"), ((1,), "0"), ((1.25,), "1.25")],
    x=real(-float("inf"), float("inf"), near=(1,)),
)
def thresholded_relu(x):
    """x above 1, else 0."""
    return m.where(x > 1, x, 0)


@thresholded_relu.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.threshold."""
    return functional.threshold(x, 1.0, 0.0)
