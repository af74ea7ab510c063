"""Balls in float64: torch tensors on any device, the fast filter before Arb.

A ball is a midpoint and a radius; the midpoint is the unevaluated sum `high + low` of two doubles, with abs(low) at
most half an ulp of high, so at most u*abs(high): every rule ends with a sum that leaves it so. The pair is what makes
naive formulas provable here: 1 + exp(-600) keeps the exponential in `low`, with an exponent of its own, and the next
logarithm or subtraction still sees it.

Every rule bounds what rounding does by the quantities that it has computed, never by the size of the result: an error
of u*abs(low) may be 300 orders of magnitude below u*abs(high). With u = 2**-53, RN(x op y) = (x op y)(1 + d), abs(d)
<= u, for + - * / (tested on the device by `trust.self_test`); errors below float64's normal range are covered by
`FLOOR`. Sums need no FLOOR: those below 2**-1021 are exact, and of all others u*abs(RN(x + y)), though itself rounded,
is no less than half an ulp. A radius is a sum of a few such bounds, itself rounded, so it is multiplied by `GROW`.
Functions are torch's own, each with an assumed bound on its relative error that stands in `BOUNDS`, several times what
was measured, and is audited against Arb by tests and in every run (`trust.audit_functions`).

What cannot be told here is *unknown*: a nan in any of the three, or in the scale. Such lanes go to Arb; nothing here is
ever proved infinite or undefined.

An exponential whose argument may be large is not computed at once: it is 1 at the *scale* x, another ball, and a
number at a scale is exp(scale) * (high + low). Products add scales, logarithms take them off, and a sum takes the
larger one, so that only the smaller number is multiplied by an exponential, whose error it alone bears. So x -
log(exp(x) + exp(y)) keeps its digits however far x and y lie apart, and log(1 + exp(1e30)) is answered here. Which
arrays need a scale is known before anything is computed, from the bound `reach` on the absolute value; those without
pay nothing.

Sources: error-free sums and products: Dekker 1971, Knuth 1997 (TAOCP 2, 4.2.2); their analysis and that of quotients
and square roots: Joldes, Muller & Popescu 2017, "Tight and rigorous error bounds for basic building blocks of
double-word arithmetic"; underflow in Dekker's product: Boldo 2006, "Pitfalls of a full floating-point proof".
"""

from numcheck.reals.ball64.arithmetic import BALL64, Ball64Arithmetic
from numcheck.reals.ball64.balls import Balls, only_where, recording, two_product, two_sum
from numcheck.reals.ball64.bounds import BOUNDS, ORDERS
from numcheck.reals.ball64.normalised import BEYOND, EXPONENT_LIMIT, covering, normalised
from numcheck.reals.ball64.operations import COMPARABLE, comparable, unscaled

__all__ = [
    "BALL64",
    "BEYOND",
    "BOUNDS",
    "COMPARABLE",
    "EXPONENT_LIMIT",
    "ORDERS",
    "Ball64Arithmetic",
    "Balls",
]
__all__ += ["comparable", "covering", "normalised", "only_where", "recording"]
__all__ += ["two_product", "two_sum", "unscaled"]
