"""What a formula can say: this page is public as `numcheck.m`.

A formula is written once, as the book prints it, over arrays of reals; these functions and the arrays' own operators
are its vocabulary.
"""

from collections.abc import Callable
from typing import Any

from numcheck.reals.arrays import (
    Number,
    Reals,
    apply,
    axes_of,
    binary,
    broadcast,
    concatenate,
    constant,
    dot,
    equal,
    index,
    logical_and,
    logical_not,
    logical_or,
    matmul,
    pi,
    ratio,
    reshape,
    stack,
    sum,
    transpose,
    where,
    zeros_like,
)
from numcheck.reals.roots import root

__all__ = ["Reals", "pi", "ratio", "root", "zeros_like"]
__all__ += ["abs", "exp", "expm1", "log", "log1p", "log2", "rsqrt", "sign", "sqrt", "xlogy"]
__all__ += ["asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinh", "tan", "tanh"]
__all__ += ["digamma", "erf", "erfc", "lgamma"]
__all__ += ["clamp", "equal", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "where"]
__all__ += ["argsort", "cumsum", "dot", "matmul", "max", "mean", "min", "norm", "sort", "sum"]
__all__ += ["broadcast", "concatenate", "index", "reshape", "roll", "stack", "transpose"]


# Functions of one number ------------------------------------------------------------------------------------------


def exp(x: Reals) -> Reals:
    """e to the power x."""
    return apply("exp", x)


def expm1(x: Reals) -> Reals:
    """exp(x) - 1."""
    return apply("expm1", x)


def log(x: Reals) -> Reals:
    """Natural logarithm; minus infinity at 0, undefined below."""
    return apply("log", x)


def log1p(x: Reals) -> Reals:
    """log(1 + x)."""
    return apply("log1p", x)


def log2(x: Reals) -> Reals:
    """Logarithm to base two."""
    return apply("log", x) / log(constant(x.arithmetic, 2))


def sqrt(x: Reals) -> Reals:
    """Square root; undefined below 0, with an infinite derivative at 0."""
    return apply("sqrt", x)


def rsqrt(x: Reals) -> Reals:
    """1 / sqrt(x); plus infinity at 0."""
    return apply("rsqrt", x)


def sin(x: Reals) -> Reals:
    """Sine of an angle in radians."""
    return apply("sin", x)


def cos(x: Reals) -> Reals:
    """Cosine of an angle in radians."""
    return apply("cos", x)


def tan(x: Reals) -> Reals:
    """Tangent of an angle in radians."""
    return apply("sin", x) / apply("cos", x)


def atan(x: Reals) -> Reals:
    """Inverse tangent, in radians."""
    return apply("atan", x)


def atan2(y: Reals, x: Reals) -> Reals:
    """Angle of the point (x, y) in radians, in (-pi, pi]."""
    return binary("atan2", y, x)


def sinh(x: Reals) -> Reals:
    """Hyperbolic sine."""
    return apply("sinh", x)


def cosh(x: Reals) -> Reals:
    """Hyperbolic cosine."""
    return apply("cosh", x)


def tanh(x: Reals) -> Reals:
    """Hyperbolic tangent."""
    return apply("tanh", x)


def asinh(x: Reals) -> Reals:
    """Inverse hyperbolic sine."""
    return apply("asinh", x)


def atanh(x: Reals) -> Reals:
    """Inverse hyperbolic tangent, on [-1, 1]."""
    return apply("atanh", x)


def erf(x: Reals) -> Reals:
    """Error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x."""
    return apply("erf", x)


def erfc(x: Reals) -> Reals:
    """1 - erf(x)."""
    return apply("erfc", x)


def lgamma(x: Reals) -> Reals:
    """Logarithm of the gamma function, for x > 0."""
    return apply("lgamma", x)


def digamma(x: Reals) -> Reals:
    """Derivative of lgamma."""
    return apply("digamma", x)


def abs(x: Reals) -> Reals:
    """Distance from 0; at 0 its derivative is the interval [-1, 1]."""
    return apply("abs", x)


def sign(x: Reals) -> Reals:
    """-1, 0 or 1; its derivative is 0 wherever it has one."""
    return where(x > 0, 1, where(x < 0, -1, 0 * x))


def xlogy(x: Reals, y: Reals) -> Reals:
    """x * log(y), by convention 0 where both are 0."""
    return where((x == 0) & (y == 0), 0, x * log(y))


# Kinks ------------------------------------------------------------------------------------------------------------


def maximum(x: "Reals | Number", y: "Reals | Number") -> Reals:
    """The larger; at a tie the derivative is the interval between the two."""
    return binary("maximum", x, y)


def minimum(x: "Reals | Number", y: "Reals | Number") -> Reals:
    """The smaller; at a tie the derivative is the interval between the two."""
    return binary("minimum", x, y)


def clamp(x: Reals, low: "Reals | Number", high: "Reals | Number") -> Reals:
    """`x` brought into [low, high]."""
    return minimum(maximum(x, low), high)


# Along axes -------------------------------------------------------------------------------------------------------


def mean(x: Reals, axis: int | None = None) -> Reals:
    """Arithmetic mean over `axis` of a point, over all of it by default."""
    count = 1
    for a in axes_of(x, axis):
        count *= x.shape[a]
    return sum(x, axis) / count


def _fold(function: Callable[[Reals, Reals], Reals], x: Reals, axis: int) -> Reals:
    axis %= x.ndim
    rows = [index(x, (slice(None),) * axis + (i,)) for i in range(x.shape[axis])]
    folded = rows[0]
    for row in rows[1:]:
        folded = function(folded, row)
    return folded


def max(x: Reals, axis: int = -1) -> Reals:
    """The largest along `axis`."""
    return _fold(maximum, x, axis)


def min(x: Reals, axis: int = -1) -> Reals:
    """The smallest along `axis`."""
    return _fold(minimum, x, axis)


def cumsum(x: Reals, axis: int = -1) -> Reals:
    """Running sums along `axis`."""
    axis %= x.ndim
    totals = [index(x, (slice(None),) * axis + (0,))]
    for i in range(1, x.shape[axis]):
        totals.append(totals[-1] + index(x, (slice(None),) * axis + (i,)))
    return stack(totals, axis)


def norm(x: Reals, axis: int | None = None) -> Reals:
    """Euclidean length; at 0 its derivative is the interval [-1, 1] in every component."""
    return apply("norm", x, parameters=(axes_of(x, axis),))


def argsort(x: Reals) -> Any:
    """Order of the elements along the last axis per lane; lanes that can't be ordered yet keep an arbitrary one."""
    return x.arithmetic.order(x.data)[0]


def sort(x: Reals) -> Reals:
    """Elements along the last axis in increasing order; unknown where the order is undecided.

    Among equal elements the derivative is the interval between what their orders would give.
    """
    order, undecided = x.arithmetic.order(x.data)
    ordered = apply("sort", x, parameters=(order, x.ndim - 1))
    if not x.arithmetic.some(undecided):
        return ordered
    return Reals(
        x.arithmetic,
        x.arithmetic.unknown(ordered.data, undecided),
        ordered.origin,
        ordered.traced,
        ordered.masked,
    )


def roll(x: Reals, shift: int, axis: int = 0) -> Reals:
    """Elements moved along `axis`, those pushed out coming in at the other end."""
    axis %= x.ndim
    order = [(i - shift) % x.shape[axis] for i in range(x.shape[axis])]
    return index(x, (slice(None),) * axis + (order,))
