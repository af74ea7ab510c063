"""What a formula can say: this page is public as `numcheck.m`.

A formula is written once, as the book prints it, over arrays of reals; these functions and the arrays' own operators
are its vocabulary.
"""

import functools
import itertools
import math
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
__all__ += ["argsort", "cumsum", "dot", "fold", "matmul", "max", "mean", "min", "norm", "sort", "sum"]
__all__ += ["broadcast", "concatenate", "index", "reshape", "roll", "stack", "transpose"]


# Functions of one number ------------------------------------------------------------------------------------------


def _function(name: str, says: str) -> Callable[[Reals], Reals]:
    def function(x: Reals) -> Reals:
        return apply(name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = says
    return function


exp = _function("exp", "e to the power x.")
expm1 = _function("expm1", "exp(x) - 1.")
log = _function("log", "Natural logarithm; minus infinity at 0, undefined below.")
log1p = _function("log1p", "log(1 + x).")
sqrt = _function("sqrt", "Square root; undefined below 0, with an infinite derivative at 0.")
rsqrt = _function("rsqrt", "1 / sqrt(x); plus infinity at 0.")
sin = _function("sin", "Sine of an angle in radians.")
cos = _function("cos", "Cosine of an angle in radians.")
atan = _function("atan", "Inverse tangent, in radians.")
sinh = _function("sinh", "Hyperbolic sine.")
cosh = _function("cosh", "Hyperbolic cosine.")
tanh = _function("tanh", "Hyperbolic tangent.")
asinh = _function("asinh", "Inverse hyperbolic sine.")
atanh = _function("atanh", "Inverse hyperbolic tangent, on [-1, 1].")
erf = _function("erf", "Error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x.")
erfc = _function("erfc", "1 - erf(x).")
lgamma = _function("lgamma", "Logarithm of the gamma function, for x > 0.")
digamma = _function("digamma", "Derivative of lgamma.")
abs = _function("abs", "Distance from 0; at 0 its derivative is the interval [-1, 1].")


def log2(x: Reals) -> Reals:
    """Logarithm to base two."""
    return log(x) / log(constant(x.arithmetic, 2))


def tan(x: Reals) -> Reals:
    """Tangent of an angle in radians."""
    return sin(x) / cos(x)


def atan2(y: Reals, x: Reals) -> Reals:
    """Angle of the point (x, y) in radians, in (-pi, pi]."""
    return binary("atan2", y, x)


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
    return sum(x, axis) / math.prod(x.shape[a] for a in axes_of(x, axis))


def _slices(x: Reals, axis: int) -> list[Reals]:
    """What stands at each place along `axis`."""
    return [index(x, (slice(None),) * (axis % x.ndim) + (i,)) for i in range(x.shape[axis])]


def max(x: Reals, axis: int = -1) -> Reals:
    """The largest along `axis`."""
    return functools.reduce(maximum, _slices(x, axis))


def min(x: Reals, axis: int = -1) -> Reals:
    """The smallest along `axis`."""
    return functools.reduce(minimum, _slices(x, axis))


def cumsum(x: Reals, axis: int = -1) -> Reals:
    """Running sums along `axis`."""
    return stack(list(itertools.accumulate(_slices(x, axis))), axis)


def fold(step: Callable[..., Any], start: Any, *sequences: Reals) -> Any:
    """The state after all steps: `step(state, x[t])`, or of several sequences `step(state, x[t], y[t])`, from `start`.

    A state is an array, a number to begin with, or a tuple of such. A sequence is taken apart by halves: what a plain
    loop over it gives, but its derivatives take time in proportion to n log n of the steps, not to their square.
    """
    state = start
    for inputs in zip(*map(_apart, sequences), strict=True):
        state = step(state, *inputs)
    return state


def _apart(x: Reals) -> list[Reals]:
    """What stands at each place along the first axis."""
    n = len(x)
    if n < 2:
        return [index(x, 0)] * n
    return _apart(index(x, slice(0, n // 2))) + _apart(index(x, slice(n // 2, n)))


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
    return apply("sort", x, parameters=(order, undecided))


def roll(x: Reals, shift: int, axis: int = 0) -> Reals:
    """Elements moved along `axis`, those pushed out coming in at the other end."""
    axis %= x.ndim
    order = [(i - shift) % x.shape[axis] for i in range(x.shape[axis])]
    return index(x, (slice(None),) * axis + (order,))
