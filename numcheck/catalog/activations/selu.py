"""Scaled exponential linear unit.

Where it is hard: just below zero, where exp(x) - 1 has lost the digits of x.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-normalizing neural networks, equation 2 and appendix",
    known=[
        ((0,), "0"),
        ((-1.5,), "-1.36581435336725274119176989291"),
        ((1,), "1.05070098735548049341933498529"),
    ],
    x=real(-float("inf"), float("inf")),
)
def selu(x):
    """A multiple of x above zero and of exp(x) - 1 below, which keep mean 0 and variance 1."""
    half, e = m.erfc(1 / m.sqrt(2)), m.exp(1)
    alpha = m.sqrt(2 / m.pi()) / (1 - half * m.sqrt(e))
    square = (
        2 * m.erfc(m.sqrt(2)) * e**2 + m.pi() * half**2 * e - 2 * (2 + m.pi()) * half * m.sqrt(e) + m.pi() + 2
    )
    scale = (1 - half * m.sqrt(e)) * m.sqrt(2 * m.pi() / square)
    return scale * m.where(x > 0, x, alpha * (m.exp(x) - 1))


@selu.routine(value=ulps(2), grad=ulps(2))
def torch_builtin(x):
    """torch.nn.functional.selu."""
    return functional.selu(x)
