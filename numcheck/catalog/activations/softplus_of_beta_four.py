"""Smooth positive part, rounded off over a quarter.

Where it is hard: where the exponential overflows and the result is x itself, and far left, where 1 absorbs it.
"""

from torch.nn import functional

from numcheck import formula, gap, m, real, ulps


@formula(
    source="Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing, NIPS 13",
    known=[
        ((0,), "0.173286795139986327354308030365"),
        ((1,), "1.00453748197945243508874582957"),
        ((-5,), "5.15288405078595175809745699719e-10"),
    ],
    x=real(-float("inf"), float("inf")),
)
def softplus_of_beta_four(x):
    """Positive part of x, rounded off."""
    return m.log(1 + m.exp(4 * x)) / 4


@gap("wrong_formula", why="where beta x is above 20 the result is x itself", formats=("float64",))
@softplus_of_beta_four.routine(value=ulps(2), grad=ulps(4))
def torch_builtin(x):
    """torch.nn.functional.softplus with beta = 4."""
    return functional.softplus(x, beta=4.0)
