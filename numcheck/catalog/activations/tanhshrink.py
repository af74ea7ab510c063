"""What the hyperbolic tangent takes from x.

Where it is hard: near zero, where x and its hyperbolic tangent cancel.
"""

from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="PyTorch 2.13 documentation, torch.nn.Tanhshrink",
    known=[
        ((0,), "0"),
        ((1,), "0.238405844044235111880541717395"),
        ((-0.125,), "-0.000646998228403791945352724194107"),
    ],
    x=real(-float("inf"), float("inf")),
)
def tanhshrink(x):
    """x less its hyperbolic tangent."""
    return x - m.tanh(x)


@tanhshrink.law
def it_is_odd(f, x):
    """tanhshrink(-x) = -tanhshrink(x)."""
    return f(-x), -f(x)


@gap("cancellation", why="x and tanh(x), and tanh(x)**2 in the backward, are rounded before they cancel")
@tanhshrink.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.tanhshrink."""
    return functional.tanhshrink(x)
