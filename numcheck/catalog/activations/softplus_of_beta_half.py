"""Smooth positive part, rounded off over a width of two.

Where it is hard: where the exponential overflows and the result is x itself, and far left, where 1 absorbs it.
"""

from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing, NIPS 13",
    known=[
        ((0,), "1.38629436111989061883446424292"),
        ((1,), "1.94815396836021336174599471016"),
        ((-5,), "0.157779468585099246688087833435"),
    ],
    x=real(-float("inf"), float("inf"), near=(-194.49,)),
)
def softplus_of_beta_half(x):
    """Positive part of x, rounded off."""
    return 2 * m.log(1 + m.exp(x / 2))


@gap("wrong_formula", why="where beta x is above 20 the result is x itself", formats=("float64",))
@gap("underflow", why="exp(x/2) is subnormal, and its error is doubled", of="value")
@softplus_of_beta_half.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.softplus with beta = 0.5."""
    return functional.softplus(x, beta=0.5)
