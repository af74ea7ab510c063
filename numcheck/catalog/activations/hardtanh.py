"""Hyperbolic tangent of straight lines.

Where it is hard: nowhere but at -1 and 1, where any slope from 0 to 1 is right.
"""

from torch.nn import functional

from numcheck import formula, m, real, ulps


@formula(
    source="Collobert et al. 2011, Natural language processing (almost) from scratch, JMLR 12, pages 2493-2537",
    known=[((-1.5,), "-1"), ((0.25,), "0.25"), ((7,), "1")],
    x=real(-float("inf"), float("inf"), near=(-1, 1)),
)
def hardtanh(x):
    """x brought into [-1, 1]."""
    return m.clamp(x, -1, 1)


@hardtanh.law
def it_is_odd(f, x):
    """hardtanh(-x) = -hardtanh(x)."""
    return f(-x), -f(x)


@hardtanh.routine(value=ulps(0, cond=0), grad=ulps(0, cond=0))
def torch_builtin(x):
    """torch.nn.functional.hardtanh."""
    return functional.hardtanh(x)
