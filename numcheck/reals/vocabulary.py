"""What a formula can say: this page is public as `numcheck.m`.

A formula is written once, as the book prints it, over arrays of reals; these functions and the arrays' own operators
are its vocabulary.
"""

import functools
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

from numcheck.reals.arrays import (
    Operand,
    Reals,
    apply,
    axes_of,
    binary,
    broadcast,
    concatenate,
    constant,
    deferred,
    dot,
    equal,
    index,
    logarithm,
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
__all__ += ["abs", "cbrt", "exp", "exp2", "exp10", "expm1", "fma", "hypot", "log", "log1p", "log2", "log10"]
__all__ += ["rsqrt", "sign", "sqrt", "xlogy"]
__all__ += ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinc"]
__all__ += ["sinh", "tan", "tanh"]
__all__ += ["ceil", "copysign", "floor", "fmod", "remainder", "round", "trunc"]
__all__ += ["entr", "erf", "erfc", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]
__all__ += ["digamma", "lgamma", "polygamma", "tgamma", "zeta"]
__all__ += ["bessel_i", "bessel_j", "bessel_y", "i0", "i0e", "i1", "i1e", "j0", "j1", "y0", "y1"]
__all__ += ["clamp", "equal", "fdim", "logical_and", "logical_not", "logical_or", "maximum", "minimum"]
__all__ += ["where"]
__all__ += ["argsort", "cumsum", "dot", "fold", "matmul", "max", "mean", "min", "norm", "sort", "sum"]
__all__ += ["broadcast", "concatenate", "index", "reshape", "roll", "stack", "transpose"]


# Functions of numbers ---------------------------------------------------------------------------------------------


def _function(name: str, says: str, *parameters: int, operation: str = "") -> Callable[[Operand], Reals]:
    def function(x: Operand) -> Reals:
        return apply(operation or name, x, parameters=parameters)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = says
    return function


def _word(function: Callable[..., Reals]) -> Callable[..., Reals]:
    """A function made of others, given its numbers as arrays; of constants alone it is a constant."""

    signature = inspect.signature(function)

    @functools.wraps(function)
    def word(*numbers: Operand, **named: Operand) -> Reals:
        return deferred(function, *signature.bind(*numbers, **named).args)

    return word


exp = _function("exp", "e to the power x.")
expm1 = _function("expm1", "exp(x) - 1.")


def log(x: Operand) -> Reals:
    """Natural logarithm; minus infinity at 0, undefined below."""
    return logarithm(x)


log1p = _function("log1p", "log(1 + x).")
sqrt = _function("sqrt", "Square root; undefined below 0, with an infinite derivative at 0.")
rsqrt = _function("rsqrt", "1 / sqrt(x); plus infinity at 0.")
cbrt = _function("cbrt", "Cube root, negative for negative x; its derivative at 0 is plus infinity.")
sin = _function("sin", "Sine of an angle in radians.")
cos = _function("cos", "Cosine of an angle in radians.")
asin = _function("asin", "Inverse sine, in [-pi/2, pi/2]; undefined outside of [-1, 1] (NIST DLMF 4.23).")
acos = _function("acos", "Inverse cosine, in [0, pi]; undefined outside of [-1, 1] (NIST DLMF 4.23).")
atan = _function("atan", "Inverse tangent, in radians.")
sinh = _function("sinh", "Hyperbolic sine.")
cosh = _function("cosh", "Hyperbolic cosine.")
tanh = _function("tanh", "Hyperbolic tangent.")
asinh = _function("asinh", "Inverse hyperbolic sine.")
acosh = _function("acosh", "Inverse hyperbolic cosine, 0 or more; undefined below 1 (NIST DLMF 4.37).")
atanh = _function("atanh", "Inverse hyperbolic tangent, on [-1, 1].")
erf = _function("erf", "Error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x.")
erfc = _function("erfc", "1 - erf(x).")
erfcx = _function("erfcx", "Scaled complement of the error function, exp(x*x) * erfc(x).")
erfinv = _function("erfinv", "The number whose erf is x, on [-1, 1]; infinite at the ends (NIST DLMF 7.17).")
entr = _function(
    "entr", "-x * log(x), 0 at 0; undefined below 0, where torch and SciPy have minus infinity by convention."
)
tgamma = _function(
    "tgamma",
    "Gamma function; undefined at its poles 0, -1, -2, ... (NIST DLMF 5.2).",
    operation="gamma",
)
lgamma = _function(
    "lgamma",
    "Logarithm of the absolute value of the gamma function; plus infinity at the poles 0, -1, -2, ...",
)
digamma = _function("digamma", "Derivative of lgamma; undefined at the poles 0, -1, -2, ... (NIST DLMF 5.2).")
abs = _function("abs", "Distance from 0; at 0 its derivative is the interval [-1, 1].")


@_word
def exp2(x: Reals) -> Reals:
    """Two to the power x."""
    return exp(x * log(2))


@_word
def exp10(x: Reals) -> Reals:
    """Ten to the power x."""
    return exp(x * log(10))


@_word
def log2(x: Reals) -> Reals:
    """Logarithm to base two."""
    return log(x) / log(2)


@_word
def log10(x: Reals) -> Reals:
    """Logarithm to base ten."""
    return log(x) / log(10)


@_word
def tan(x: Reals) -> Reals:
    """Tangent of an angle in radians."""
    return sin(x) / cos(x)


@_word
def sinc(x: Reals) -> Reals:
    """sin(pi * x) / (pi * x), 1 at 0: the normalised sinc, as in torch and numpy."""
    # the spherical Bessel functions are closed under derivatives, none of which divides by x
    return apply("spherical_j", apply("times_pi", x), parameters=(0,))


@_word
def atan2(y: Reals, x: Reals) -> Reals:
    """Angle of the point (x, y) in radians, in (-pi, pi]."""
    return binary("atan2", y, x)


@_word
def hypot(x: Reals, y: Reals) -> Reals:
    """sqrt(x*x + y*y); at (0, 0) the derivative by each is the interval [-1, 1]."""
    return norm(stack([x, y]), 0)


@_word
def fma(x: Reals, y: Reals, z: Reals) -> Reals:
    """x * y + z, which an instruction of that name rounds once, and mathematics never."""
    return x * y + z


@_word
def sign(x: Reals) -> Reals:
    """-1, 0 or 1; its derivative is 0 wherever it has one."""
    return where(x > 0, 1, where(x < 0, -1, 0 * x))


@_word
def xlogy(x: Reals, y: Reals) -> Reals:
    """x * log(y), by convention 0 where both are 0."""
    return where((x == 0) & (y == 0), 0, x * log(y))


# Steps ------------------------------------------------------------------------------------------------------------

floor = _function("floor", "The largest integer up to x; flat, but at a jump, where it has no derivative.")
ceil = _function("ceil", "The smallest integer from x; flat, but at a jump, where it has no derivative.")
trunc = _function(
    "trunc", "The integer part, rounded towards 0; flat, but at a jump, where it has no derivative."
)
round = _function(
    "round",
    "The nearest integer, ties to even; flat, but halfway between integers, where it has no derivative.",
)


@_word
def fmod(x: Reals, y: Reals) -> Reals:
    """What is left of x after division by y towards 0, with the sign of x, as in C and torch.

    Undefined where y is 0. Where x / y is an integer other than 0 it jumps, and has no derivative.
    """
    return x - trunc(x / y) * y


@_word
def remainder(x: Reals, y: Reals) -> Reals:
    """x modulo y, with the sign of y, as in Python, numpy and torch; undefined where y is 0.

    Where x / y is an integer it jumps, and has no derivative. The remainder of C and IEEE 754 is another one:
    `x - m.round(x / y) * y`.
    """
    return x - floor(x / y) * y


@_word
def copysign(x: Reals, y: Reals) -> Reals:
    """abs(x) with the sign of y, where 0 counts as positive; its derivative by y is 0."""
    return where(y < 0, -abs(x), abs(x))


# The normal distribution, the gamma function's kin, Bessel functions ----------------------------------------------


def _half_root(x: Reals) -> Reals:
    return x * rsqrt(constant(x.arithmetic, 2))


@_word
def ndtr(x: Reals) -> Reals:
    """The share of the standard normal distribution below x, erfc(-x / sqrt(2)) / 2 (NIST DLMF 7.18)."""
    return erfc(-_half_root(x)) / 2


@_word
def log_ndtr(x: Reals) -> Reals:
    """log(ndtr(x)), which is near -x*x/2 far left."""
    z = _half_root(x)
    return where(x < 0, log(erfcx(-z) / 2) - x * x / 2, log1p(-erfc(z) / 2))


@_word
def ndtri(p: Reals) -> Reals:
    """The x below which a share p of the standard normal distribution lies, on [0, 1]; infinite at the ends."""
    return -sqrt(constant(p.arithmetic, 2)) * apply("erfcinv", 2 * p)


def zeta(s: Operand, q: Operand = 1) -> Reals:
    """Hurwitz's zeta function, the sum of (k + q)**-s over k >= 0; with q = 1 that of Riemann (NIST DLMF 25.2, 25.11).

    Told for s > 1 and q > 0, for integers s from 2 to 64 and every q but the poles 0, -1, -2, ..., and at q = 1 for
    every s but the pole 1.
    """
    return apply("zeta", s, q, parameters=(0,))


def polygamma(n: int, x: Operand) -> Reals:
    """The nth derivative of digamma (NIST DLMF 5.15)."""
    return digamma(x) if n == 0 else (-1) ** (n + 1) * math.factorial(n) * zeta(n + 1, x)


def bessel_i(n: int, x: Operand) -> Reals:
    """Modified Bessel function of the first kind, of integer order n (NIST DLMF 10.25)."""
    return apply("bessel_i", x, parameters=(operator.index(n),))


def bessel_j(n: int, x: Operand) -> Reals:
    """Bessel function of the first kind, of integer order n (NIST DLMF 10.2)."""
    return apply("bessel_j", x, parameters=(operator.index(n),))


def bessel_y(n: int, x: Operand) -> Reals:
    """Bessel function of the second kind, of integer order n; infinite at 0, undefined below (NIST DLMF 10.2)."""
    return apply("bessel_y", x, parameters=(operator.index(n),))


i0 = _function("i0", "Modified Bessel function of the first kind, of order 0.", 0, operation="bessel_i")
i1 = _function("i1", "Modified Bessel function of the first kind, of order 1.", 1, operation="bessel_i")
i0e = _function(
    "i0e", "exp(-abs(x)) * i0(x); at 0 its derivative is the interval [-1, 1].", 0, operation="bessel_ie"
)
i1e = _function("i1e", "exp(-abs(x)) * i1(x).", 1, operation="bessel_ie")
j0 = _function("j0", "Bessel function of the first kind, of order 0.", 0, operation="bessel_j")
j1 = _function("j1", "Bessel function of the first kind, of order 1.", 1, operation="bessel_j")
y0 = _function("y0", "Bessel function of the second kind, of order 0, for x >= 0.", 0, operation="bessel_y")
y1 = _function("y1", "Bessel function of the second kind, of order 1, for x >= 0.", 1, operation="bessel_y")


# Kinks ------------------------------------------------------------------------------------------------------------


def maximum(x: Operand, y: Operand) -> Reals:
    """The larger; at a tie the derivative is the interval between the two."""
    return binary("maximum", x, y)


def minimum(x: Operand, y: Operand) -> Reals:
    """The smaller; at a tie the derivative is the interval between the two."""
    return binary("minimum", x, y)


def clamp(x: Operand, low: Operand, high: Operand) -> Reals:
    """`x` brought into [low, high]."""
    return minimum(maximum(x, low), high)


def fdim(x: Operand, y: Operand) -> Reals:
    """x - y where that is positive, else 0; at a tie the derivative is the interval between 0 and 1."""
    return maximum(x - y, 0)


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
    """Running sums along `axis`: by doubling, so that a long one takes a few operations on arrays."""
    axis %= x.ndim
    reach, before = 1, (slice(None),) * axis
    while reach < x.shape[axis]:
        sums = index(x, (*before, slice(reach, None))) + index(x, (*before, slice(None, -reach)))
        x = concatenate([index(x, (*before, slice(None, reach))), sums], axis)
        reach *= 2
    return x


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
