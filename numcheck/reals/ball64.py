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

import math
import operator
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numcheck.reals.arrays import NO, UNDECIDED, YES

U = 2.0**-53
GROW = 1 + 2.0**-48  # a radius is a sum of at most a dozen rounded terms
# More than gradual underflow takes from any one operation, by far: subnormal numbers take Intel 25 times as long.
FLOOR = 2.0**-970
SPLIT = 2.0**27 + 1
FAR = 650.0  # arguments up to which an exponential needs no scale: 2**937, whose products can still be split
SMALL = 2.0**-800
TINY = 2.0**-937  # more than exp(-FAR)
COMPARABLE = 2.0**850  # numbers up to which `comparable` keeps a ball as it is
NEAR = 2.0**-10  # where exp is summed as a series
INF = float("inf")
NAN = float("nan")
REMAINDER = 2.0**-104  # what high and low together may leave unsaid of a midpoint in [0.5, 1)
EXPONENT_LIMIT = 2**60  # stands for every exponent beyond float64's integers
# logarithms from which only the sign of a number is told, and to which side it is out of range
BEYOND = 2.0**40
_LOG2 = math.log(2)


@dataclass(frozen=True, eq=False)
class Balls:
    """Numbers exp(scale) * (high + low, give or take radius); None stands for exact zeros throughout.

    `absent` marks derivatives that do not exist (see `arrays.Arithmetic`). `reach` bounds the absolute value wherever
    it is known; `number` is the exact rational of a constant.
    """

    high: Tensor
    low: Tensor | None = None
    radius: Tensor | None = None
    absent: Tensor | None = None
    scale: "Balls | None" = None
    reach: float = INF
    number: Fraction | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.high.shape)

    @property
    def ndim(self) -> int:
        return self.high.ndim

    @property
    def size(self) -> int:
        return self.high.numel()

    def each(self, change: Callable[[Tensor], Tensor]) -> "Balls":
        """The same change of shape for every part."""
        low, radius, absent = (
            None if part is None else change(part.broadcast_to(self.high.shape))
            for part in (self.low, self.radius, self.absent)
        )
        scale = None if self.scale is None else _broadcast(self.scale, self.shape).each(change)
        high = change(self.high)
        # a constant repeated is an array like any other, so that every shortcut keeps the shapes of its operands
        number = self.number if high.numel() == 1 else None
        return replace(self, high=high, low=low, radius=radius, absent=absent, scale=scale, number=number)

    def reshape(self, shape: tuple[int, ...]) -> "Balls":
        return self.each(lambda part: part.reshape(shape))

    def transpose(self, axes: tuple[int, ...]) -> "Balls":
        return self.each(lambda part: part.permute(axes))

    def __getitem__(self, key: Any) -> "Balls":
        if _is_plain(key):
            return self.each(lambda part: part[key])
        places = _places(key[1:], self.shape[1:])
        index = torch.from_numpy(places.ravel()).to(self.high.device)
        return self.each(
            lambda part: part.reshape(part.shape[0], -1)[:, index].reshape((part.shape[0], *places.shape))
        )


def _is_plain(key: tuple[Any, ...]) -> bool:
    """Whether torch reads the key as numpy does, and it names nothing twice."""
    return all(
        isinstance(part, int) or (isinstance(part, slice) and (part.step is None or part.step > 0))
        for part in key
    )


def _places(key: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Where in the flattened point the elements lie that numpy finds at `key`."""
    return np.array(np.arange(math.prod(shape)).reshape(shape)[key])


# Error-free transformations, and sums in which None is zero -------------------------------------------------------


def two_sum(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """x + y = s + e exactly, s = RN(x + y); six operations, any order of magnitude (Knuth)."""
    s = x + y
    z = s - x
    return s, (x - (s - z)) + (y - z)


def quick_two_sum(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same for abs(x) >= abs(y) or x = 0 (Dekker)."""
    s = x + y
    return s, y - (s - x)


def two_product(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """x * y = p + e, p = RN(x * y), but for at most 4 * 2**-1074 where e underflows (Dekker, Veltkamp, Boldo)."""
    p = x * y
    cx, cy = SPLIT * x, SPLIT * y
    xh, yh = cx - (cx - x), cy - (cy - y)
    xl, yl = x - xh, y - yh
    return p, ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


def _total(*terms: Tensor | None) -> Tensor | None:
    known = [term for term in terms if term is not None]
    if not known:
        return None
    total = known[0]
    for term in known[1:]:
        total = total + term
    return total


def _times(x: Tensor | None, y: Tensor | float | None) -> Tensor | None:
    return None if x is None or y is None else x * y


def _size(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.abs()


def _radius(*terms: Tensor | None, floor: float = 0.0) -> Tensor | None:
    """The sum of bounds on separate errors, rounded up."""
    total = _total(*terms)
    if total is None:
        return None
    return total * GROW + floor if floor else total * GROW


def _filled(part: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if part is None else part


def _uncertainty(x: Balls) -> Tensor | None:
    """How far the number may be from `high` alone."""
    return _radius(_size(x.low), x.radius)


def _where(condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
    """torch.where in float64: of two Python numbers torch would make float32, in which FLOOR is zero."""
    if isinstance(x, float):
        x = torch.full((), x, dtype=torch.float64, device=condition.device)
    return torch.where(condition, x, y)


def _only_where(condition: Tensor, x: Tensor) -> Tensor:
    """x, unknown where the condition does not hold."""
    return _where(condition, x, NAN)


def _finite(x: Tensor) -> Tensor:
    """x, unknown where arithmetic has overflowed: there an infinity must not pass for an exact one."""
    return _only_where(~x.isinf(), x)


_recording: ContextVar[bool] = ContextVar("recording", default=False)


@contextmanager
def recording() -> Generator[None, None, None]:
    """While a graph of torch's operators is recorded no value may be asked for: any lane may be what it likes."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def some(mask: Tensor) -> bool:
    """Whether the mask is, or while a graph is recorded may be, set anywhere."""
    return _recording.get() or bool(mask.any())


# Constants --------------------------------------------------------------------------------------------------------


def constant(number: Fraction | float, device: str) -> Balls:
    """An exact rational; where two doubles do not hold it, with a radius of 2**-104 of it.

    Beyond float64's range it is known to Python alone; an infinite number is kept as it is, and is no rational.
    """
    if isinstance(number, float) and not math.isfinite(number):
        return Balls(torch.full((1,), number, dtype=torch.float64, device=device))
    exact = Fraction(number)
    try:
        high = float(exact)  # correctly rounded, among the subnormals too
    except OverflowError:
        return Balls(torch.full((1,), NAN, dtype=torch.float64, device=device), number=exact)
    rest = exact - Fraction(high)
    low = float(rest)
    left = rest - Fraction(low)

    def full(value: float) -> Tensor:
        return torch.full((1,), value, dtype=torch.float64, device=device)

    return Balls(
        full(high),
        full(low) if low else None,
        full(abs(high) * 2.0**-104 + FLOOR) if left else None,
        reach=abs(high) * (1 + 2 * U) + FLOOR * (high == 0 != exact),
        number=exact,
    )


def _device(x: Balls) -> str:
    return str(x.high.device)


def _like(x: Balls, number: Fraction | float) -> Balls:
    return constant(number, _device(x))


def _nothing(x: Balls) -> Balls:
    """Zeros, like x."""
    return Balls(torch.zeros_like(x.high))


def _instead(x: Balls, y: Balls, number: Fraction | float) -> Balls:
    """The constant that an operation on two constants makes, in their common shape."""
    return _like(x, number).reshape((1,) * max(x.ndim, y.ndim))


def _power_of_two(x: Balls) -> bool:
    """Whether this is a constant by which a product is exact but for underflow."""
    number = x.number
    if number is None or number == 0:
        return False
    top, bottom = abs(number.numerator), number.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0 and 2.0**-60 <= abs(number) <= 2.0**60


# Sums, products, quotients ----------------------------------------------------------------------------------------


def negated(x: Balls) -> Balls:
    """-x, exactly."""
    low = None if x.low is None else -x.low
    return replace(x, high=-x.high, low=low, number=None if x.number is None else -x.number)


def added(x: Balls, y: Balls) -> Balls:
    """x + y.

    s + e = xh + yh exactly. t = RN(xl + yl) and w = RN(e + t) err by u*abs(t) and u*abs(w) at most; s + w is
    renormalised exactly.
    """
    if x.number is not None and y.number is not None:
        return _instead(x, y, x.number + y.number)
    if x.scale is not None or y.scale is not None:
        return _added_at_scales(x, y)
    return _added(x, y)


def _added(x: Balls, y: Balls) -> Balls:
    high, low = two_sum(x.high, y.high)
    t = _total(x.low, y.low)
    errors: list[Tensor | None] = [x.radius, y.radius]
    if t is not None:
        if x.low is not None and y.low is not None:
            errors.append(U * t.abs())
        w = low + t
        errors.append(U * w.abs())
        high, low = two_sum(high, w)
    return Balls(high, low, _radius(*errors), reach=x.reach + y.reach)


def multiplied(x: Balls, y: Balls) -> Balls:
    """x * y.

    p + e = xh * yh but for underflow. t = RN(RN(xh*yl) + RN(xl*yh)) errs by 2.1u(abs(xh*yl) + abs(xl*yh)) at most,
    the product xl*yl that is left out is below u*abs(xh*yl), and w = RN(e + t) errs by u*abs(w). Radii:
    abs(X*Y - x*y) <= abs(x)*ry + abs(y)*rx + rx*ry, and abs(x) <= (1 + u)*abs(xh) is left to GROW. FLOOR covers at
    most seven products below the normal range, half a unit each, and 4 units of two_product.
    """
    if x.number is not None and y.number is not None:
        return _instead(x, y, x.number * y.number)
    for one, other in ((x, y), (y, x)):
        if one.number is not None and one.ndim <= other.ndim:
            if abs(one.number) == 1:
                return other if one.number > 0 else negated(other)
            if _power_of_two(one):
                return _scaled(other, float(one.number))
    return _rescaled(_multiplied(x, y), x.scale, y.scale)


def _scaled(x: Balls, by: float) -> Balls:
    """x times a power of two between 2**-60 and 2**60, exact but for underflow, in which a radius may vanish too."""
    radius = _times(x.radius, abs(by))
    high = x.high * by
    if abs(by) < 1:
        exact = (x.high == 0) if x.low is not None else (x.high.abs() > SMALL) | (x.high == 0)
        if x.radius is not None:
            exact = exact & (x.radius == 0)
        radius = _radius(radius, _where(exact, 0.0, FLOOR))
    else:
        high = _finite(high)  # lest what has overflowed be scaled down again
    return Balls(high, _times(x.low, by), radius, scale=x.scale, reach=x.reach * abs(by))


def _multiplied(x: Balls, y: Balls) -> Balls:
    p, w = two_product(x.high, y.high)
    xs, ys = x.high.abs(), y.high.abs()
    cross = _total(_times(y.low, x.high), _times(x.low, y.high))
    errors: list[Tensor | None] = [_times(y.radius, xs), _times(x.radius, ys), _times(x.radius, y.radius)]
    if cross is not None:
        sizes = _total(_times(_size(y.low), xs), _times(_size(x.low), ys))
        w = w + cross
        errors += [_times(sizes, 4 * U), U * w.abs()]
        p, w = quick_two_sum(p, w)
    radius = _radius(*errors, floor=FLOOR)
    if radius is None:  # exact but for underflow, and exact at zero
        radius = _where((p.abs() > SMALL) | (x.high == 0) | (y.high == 0), 0.0, FLOOR)
    return Balls(p, w, radius, reach=x.reach * y.reach if x.reach and y.reach else 0.0)


def divided(x: Balls, y: Balls) -> Balls:
    """x / y.

    q = RN(xh/yh), and r = xh - q*yh is a double (Joldes et al. 2017, section 5), so two_product gives it exactly but
    for underflow. t = RN(r + RN(xl - RN(q*yl))) errs by u(abs(q*yl) + abs(xl - q*yl) + abs(t)); x/y = q + (t + that)
    / (yh + yl), and RN(t/yh) errs by 2.1u of itself. Radii: abs(X/Y - x/y) <= (rx + abs(x/y)*ry)/(abs(y) - ry), where
    abs(x/y - q) <= 3.1u*abs(q) as long as q is normal, and below FLOOR otherwise.
    """
    if x.number is not None and y.number:
        return _instead(x, y, x.number / y.number)
    if _power_of_two(y) and y.number is not None:
        return multiplied(x, _like(y, 1 / y.number).reshape(y.shape))
    return _rescaled(_divided(x, y), x.scale, None if y.scale is None else negated(y.scale))


def _divided(x: Balls, y: Balls) -> Balls:
    q = x.high / y.high
    p, e = two_product(q, y.high)
    r = (x.high - p) - e
    # with FLOOR, for a quotient that underflows is less than all of it
    sizes: list[Tensor | None] = [x.radius, _times(y.radius, q.abs() * (1 + 2.0**-50) + FLOOR)]
    correction = x.low
    if y.low is not None:
        product = q * y.low
        sizes.append(U * product.abs())
        correction = -product if x.low is None else x.low - product
        sizes.append(U * correction.abs())
    t = r
    if correction is not None:
        t = r + correction
        sizes.append(U * t.abs())
    rest = t / y.high
    bottom = y.high.abs() * (1 - 2.0**-50)
    top = _radius(*sizes, floor=FLOOR)
    if top is None:
        top = torch.full_like(q, FLOOR)
    if y.radius is not None:
        bottom = bottom - y.radius
        bottom = _where(bottom > 0, bottom, NAN)
    radius = (top / bottom + 3 * U * rest.abs()) * GROW + FLOOR
    high, low = quick_two_sum(q, rest)
    return Balls(_only_where(y.high != 0, high), low, radius)


# Scales -----------------------------------------------------------------------------------------------------------


def _rescaled(y: Balls, one: Balls | None, other: Balls | None) -> Balls:
    """y at the sum of two scales."""
    if one is None or other is None:
        return replace(y, scale=other if one is None else one)
    return replace(y, scale=_added(one, other), reach=INF)


def _exponential_below(x: Balls) -> Balls:
    """exp(x) for an x that is hardly positive; where it is below -FAR, a number between 0 and TINY."""
    y = _exponential_of(x.high.clamp(min=-FAR), x)
    lost = x.high + _filled(_uncertainty(x), x.high) < -FAR
    high = _where(lost, TINY / 2, _only_where(x.high >= -FAR, y.high))
    low = None if y.low is None else _where(lost, 0.0, y.low)
    return Balls(high, low, _where(lost, TINY / 2, _filled(y.radius, y.high)))


def _is_exactly(x: Balls, number: float) -> Tensor:
    """Where the ball, but for its scale, is exactly this number."""
    exact = x.high == number
    for part in (x.low, x.radius):
        if part is not None:
            exact = exact & (part == 0)
    return exact


def _scale_of(x: Balls) -> Balls:
    return x.scale or _nothing(x)


def _added_at_scales(x: Balls, y: Balls) -> Balls:
    """The sum at the larger scale; an exact zero takes that of the other number."""
    one, other = _scale_of(x), _scale_of(y)
    one, other = _chosen(_is_exactly(x, 0), other, one), _chosen(_is_exactly(y, 0), one, other)
    first = one.high >= other.high
    scale, lower = _chosen(first, one, other), _chosen(first, other, one)
    x, y = replace(x, scale=None), replace(y, scale=None)
    lead, small = _chosen(first, x, y), _chosen(first, y, x)
    product = _multiplied(small, _exponential_below(_added(lower, negated(scale))))
    assert product.radius is not None
    product = replace(product, radius=_where(_is_exactly(small, 0), 0.0, product.radius))
    return replace(_added(lead, product), scale=scale, reach=INF)


def unscaled(x: Balls) -> Balls:
    """x without a scale: zero within TINY times its size where that is below -FAR, unknown where it is beyond FAR."""
    if x.scale is None:
        return x
    bare, scale = replace(x, scale=None), x.scale
    y = _multiplied(bare, _exponential_of(scale.high.clamp(-FAR, FAR), scale))
    size = _filled(_radius(x.high.abs(), _size(x.low), x.radius), x.high)
    zero = _is_exactly(bare, 0)
    tiny = scale.high + _filled(_uncertainty(scale), scale.high) < -FAR
    high = _where(zero | tiny, 0.0, _only_where(scale.high.abs() <= FAR, y.high))
    low = _where(zero | tiny, 0.0, _filled(y.low, y.high))
    radius = _where(zero, 0.0, _where(tiny, size * TINY + FLOOR, _filled(y.radius, y.high)))
    return Balls(high, low, radius, x.absent)


# Functions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """torch's float64 function, trusted to `ulps` * 2**-52 of its result on [low, high].

    If `absolute`, of one more than its result, which may cross zero. `worst` is the largest error ever measured, in
    the same unit: the bound is at least three times that.
    """

    function: Callable[..., Tensor]
    ulps: float
    low: float
    high: float
    worst: float
    absolute: bool = False


BOUNDS: dict[str, Bound] = {
    "exp": Bound(torch.exp, 8, -FAR, FAR, 0.61),
    "log": Bound(torch.log, 8, 2.0**-1022, INF, 0.62),
    "log1p": Bound(torch.log1p, 16, -0.5, 1.0, 1.01),
    "sqrt": Bound(torch.sqrt, 4, 2.0**-1022, INF, 0.52),
    "sin": Bound(torch.sin, 16, -(2.0**10), 2.0**10, 0.51),
    "cos": Bound(torch.cos, 16, -(2.0**10), 2.0**10, 0.51),
    "atan": Bound(torch.atan, 16, -(2.0**100), 2.0**100, 0.63),
    "erf": Bound(torch.erf, 16, -2.0, 2.0, 1.01),
    "erfc": Bound(torch.erfc, 64, 0.0, 26.0, 0.68),
    "lgamma": Bound(torch.lgamma, 64, 2.0**-20, 2.0**20, 0.50, absolute=True),
    "digamma": Bound(torch.digamma, 64, 2.0**-20, 2.0**20, 6.2, absolute=True),
    "atan2": Bound(torch.atan2, 16, 2.0**-900, 2.0**900, 0.9),
    "zeta": Bound(torch.special.zeta, 256, 2.0**-20, 2.0**20, 5.4),
}
"""What is trusted of torch in float64, on the device in use; `trust` looks whether it may be.

The interval of atan2 is that of the larger of both arguments, that of zeta is for its second one and for ORDERS. The
worst errors are those of a million points each, eager and compiled (torch 2.13 on x86-64 with AVX-512).
"""
ORDERS = range(2, 9)


def _called(name: str, x: Tensor, reach: float = INF) -> tuple[Tensor, Tensor]:
    """torch's function and the bound on its error; unknown where the bound is not vouched for.

    `reach` bounds the arguments, where that is known beforehand.
    """
    return _trusted(name, BOUNDS[name].function(x), x, reach)


def _trusted(name: str, y: Tensor, at: Tensor, reach: float = INF) -> tuple[Tensor, Tensor]:
    """What torch answered and the bound on its error; unknown where `at` lies outside the bound's interval."""
    bound = BOUNDS[name]
    error = (bound.ulps * 2.0**-52) * (y.abs() + 1 if bound.absolute else y.abs())
    if bound.low <= -reach and reach <= bound.high:
        return y, error
    known = at >= bound.low
    if bound.high < INF:
        known = known & (at <= bound.high)
    return _only_where(known, y), error


def _grown(rate: Tensor | float, spread: Tensor) -> Tensor:
    """A bound of exp(k) - 1 for k = rate * spread: k + k*k, which holds up to k = 1.79; unknown beyond 1.

    Where k is subnormal the square is lost, which is less than any FLOOR.
    """
    k = rate * spread * (1 + 2.0**-40)
    return _where(k <= 1, k * (1 + k), NAN)


def exponential(x: Balls) -> Balls:
    """exp(x) = E + E*xl + E*(exp(xl) - 1 - xl), E = exp(xh) within its bound; the last term is below E*xl*xl.

    Where x may be large it becomes the scale; exp of an exact minus infinity is an exact zero.
    """
    if x.number == 0:
        return _like(x, 1).reshape(x.shape)
    if x.reach <= FAR:
        return replace(_exponential_of(x.high, x), reach=math.exp(x.reach) * (1 + 2.0**-40))
    nothing = _is_exactly(x, -INF)
    scale = replace(x, high=_where(nothing, 0.0, _finite(x.high)), reach=INF, number=None, absent=None)
    return Balls(_where(nothing, 0.0, _where(scale.high.isnan(), NAN, 1.0)), scale=scale)


def _exponential_of(argument: Tensor, x: Balls) -> Balls:
    """exp(x), where `argument` is x.high or what is left of it.

    Near zero 1 + x + p with p = x*x/2 + ... + x**5/120: what is cut off is below x**6/719, p errs by 8u*abs(p), and
    the sum of p and the rest r of 1 + x by u*abs(r + p), where abs(r) <= abs(x) because 1 is a double. All of it is
    below 2**-52*abs(x), or FLOOR where x is so small that p underflows; exp(0) is exact. So exp(x) - 1 keeps its
    digits. In the term of xl, 32u covers 16u for E, u for each of two roundings and u*650 for xl*xl.
    """
    y, error = _called("exp", argument, min(x.reach, FAR))  # it is never given more
    low: Tensor | None = None
    near = argument.abs() <= NEAR
    if some(near):
        one, rest = quick_two_sum(torch.ones_like(argument), argument)
        p = argument * argument * (0.5 + argument * (1 / 6 + argument * (1 / 24 + argument * (1 / 120))))
        y, low = quick_two_sum(_where(near, one, y), _where(near, rest + p, 0.0))
        exact = argument == 0 if x.radius is None else (argument == 0) & (x.radius == 0)
        error = _where(near, 2.0**-51 * argument.abs() + _where(exact, 0.0, FLOOR), error)
    errors: list[Tensor | None] = [error]
    if x.low is not None:
        part = y * x.low
        errors += [y * (x.low * x.low), 32 * U * part.abs()]
        if low is not None:
            part = low + part
            errors.append(U * part.abs())
        y, low = quick_two_sum(y, part)
    if x.radius is not None:
        errors.append(y * _grown(1.0, x.radius))
    return Balls(y, low, _radius(*errors))


def logarithm(x: Balls) -> Balls:
    """log(x) = log(xh) + log(1 + xl/xh), where the second logarithm is t - t*t/2 + ..., abs(t) <= u.

    Radii: abs(log X - log x) <= -log(1 - q) <= q + q*q for q = rx/x <= 1/2. Beside 1, where the first logarithm is
    exactly zero, t*t/2 may underflow.
    """
    if x.number == 1:
        return _like(x, 0).reshape(x.shape)
    y = _logarithm(x)
    return y if x.scale is None else _added(x.scale, y)


def _logarithm(x: Balls) -> Balls:
    y, error = _called("log", x.high)
    low, errors = None, [error]
    inverse = 1 / x.high if x.low is not None or x.radius is not None else x.high
    if x.low is not None:
        t = x.low * inverse
        errors.append(4 * U * t.abs())
        y, low = two_sum(y, t)
    if x.radius is not None:
        share = x.radius * inverse * (1 + 2.0**-50)
        errors.append(_where(share <= 0.5, share * (1 + share), NAN))
    spread = _total(_size(x.low), x.radius)
    if spread is not None:
        errors.append(_where(spread == 0, 0.0, FLOOR))
    reach = 1050.0 if x.reach < INF else INF  # of float64's logarithms
    return Balls(y, low, _radius(*errors), reach=reach)


def square_root(x: Balls) -> Balls:
    """sqrt(x) = s + (x - s*s)/(s + sqrt(x)), s = RN(sqrt(xh)) or near it.

    xh - RN(s*s) is exact (Sterbenz), d = x - s*s is computed within 3u of its parts and FLOOR, for s*s loses digits
    below 2**-969, and 2s is off from s + sqrt(x) by the bound of s. Radii: abs(sqrt X - sqrt x) = abs(X - x)/(sqrt X +
    sqrt x) <= rx/sqrt(x), where X cannot be negative.
    """
    s, error = _called("sqrt", x.high)
    p, e = two_product(s, s)
    rest = x.high - p
    d = rest - e
    sizes = _total(rest.abs(), e.abs(), _size(x.low))
    if x.low is not None:
        d = d + x.low
    part = d / (2 * s)
    assert sizes is not None
    errors: list[Tensor | None] = [
        ((4 * U) * sizes + FLOOR) / s,
        part.abs() * (16 * U) + part.abs() * (error / s),
    ]
    if x.radius is not None:
        certain = x.high * (1 - 2.0**-50) - x.radius > 0
        errors.append(_where(certain, x.radius / s, NAN))
    high, low = quick_two_sum(s, part)
    reach, scale = math.sqrt(x.reach) * (1 + 4 * U), None if x.scale is None else _scaled(x.scale, 0.5)
    return Balls(high, low, _radius(*errors, floor=FLOOR), scale=scale, reach=reach)


def _chosen(condition: Tensor, x: Balls, y: Balls) -> Balls:
    """x where the condition holds, y elsewhere."""

    def part(a: Tensor | None, b: Tensor | None) -> Tensor | None:
        if a is None and b is None:
            return None
        return _where(condition, _filled(a, x.high), _filled(b, y.high))

    absent = None
    if x.absent is not None or y.absent is not None:
        absent = _where(condition, _mask(x), _mask(y))
    return Balls(
        _where(condition, x.high, y.high),
        part(x.low, y.low),
        part(x.radius, y.radius),
        absent,
        x.scale if x.scale is y.scale else _chosen(condition, _scale_of(x), _scale_of(y)),
        max(x.reach, y.reach),
    )


def _mask(x: Balls) -> Tensor:
    return torch.zeros_like(x.high, dtype=torch.bool) if x.absent is None else x.absent


def absolute(x: Balls) -> Balls:
    """abs(x): changing a sign is exact, and abs moves no two numbers further apart."""
    negative = x.high < 0
    flipped = negated(x)
    return replace(_chosen(negative, flipped, x), number=None if x.number is None else abs(x.number))


def _log1p(x: Balls) -> Balls:
    """log(1 + x): the sum loses nothing of a small x, which stays in `low`."""
    return logarithm(added(_like(x, 1), x))


def _expm1(x: Balls) -> Balls:
    """exp(x) - 1, near zero (y - 1) + y*(x - log(y)) with y = exp(x) (Kahan), whatever the error of y.

    exp(x) - 1 = y*exp(d) - 1 with d = x - log(y) exactly, and exp(d) = 1 + d + ..., abs(d) below 2**-40.
    """
    plain = added(exponential(replace(x, number=None)), _like(x, -1))
    argument = Balls(x.high.clamp(-1, 1), x.low, x.radius)
    y = Balls(_called("exp", argument.high)[0])
    d = added(argument, negated(logarithm(y)))
    near = added(added(y, _like(x, -1)), multiplied(y, d))
    furthest = _radius(d.high.abs(), _uncertainty(d))
    assert furthest is not None
    rest = _where(furthest <= 1, y.high * (furthest * furthest), NAN)
    near = replace(near, radius=_radius(near.radius, rest))
    return _chosen(x.high.abs() <= 0.5, near, plain)


def _sinh(x: Balls) -> Balls:
    grown = _expm1(x)
    near = _scaled(added(grown, divided(grown, added(grown, _like(x, 1)))), 0.5)
    far = _scaled(added(exponential(x), negated(exponential(negated(x)))), 0.5)
    return _chosen(x.high.abs() <= 0.5, near, far)


def _cosh(x: Balls) -> Balls:
    """(exp(x) + exp(-x))/2, near zero 1 + 2*sinh(x/2)**2, which keeps what exceeds 1."""
    far = _scaled(added(exponential(x), exponential(negated(x))), 0.5)
    half = _sinh(_scaled(replace(x, high=x.high.clamp(-1, 1), reach=1.0, number=None), 0.5))
    near = added(_like(x, 1), _scaled(multiplied(half, half), 2.0))
    return _chosen(x.high.abs() <= 1, near, far)


def _tanh(x: Balls) -> Balls:
    """1 - 2/(exp(2a) + 1) with a = abs(x), which keeps what 1 lacks; near zero g/(g + 2) with g = exp(2a) - 1.

    Beyond a = 320 the complement is below 2**-900 and is not told from zero.
    """
    a = absolute(replace(x, number=None))
    spread = _filled(_uncertainty(a), a.high)
    far, sure = a.high > 320, a.high - spread > 320
    low = None if a.low is None else _where(far, 0.0, a.low)
    radius = None if a.radius is None else _where(far, 0.0, a.radius)
    capped = replace(a, high=a.high.clamp(max=320.0), low=low, radius=radius, reach=320.0)
    doubled = _scaled(capped, 2.0)
    lacking = divided(_like(x, 2), added(exponential(doubled), _like(x, 1)))
    radius = _where(far, _where(sure, SMALL, NAN), _filled(lacking.radius, a.high))
    lacking = replace(lacking, radius=radius)
    near = _expm1(replace(doubled, high=doubled.high.clamp(max=2.0)))
    near = divided(near, added(near, _like(x, 2)))
    y = _chosen(a.high <= 0.5, near, added(_like(x, 1), negated(lacking)))
    return replace(_chosen(x.high < 0, negated(y), y), reach=1.0)


def _erf(x: Balls) -> Balls:
    """torch's erf up to 1, whose slope is below 1.13; beyond, 1 - erfc(abs(x)) with the complement in `low`."""
    y, error = _called("erf", x.high.clamp(-1.0, 1.0))
    spread = _uncertainty(x)
    near = Balls(y, None, _radius(error, _times(spread, 1.13), floor=FLOOR))
    tail = _complement(x.high.abs(), spread)
    far = added(_like(x, 1), negated(tail))
    signed = _chosen(x.high < 0, negated(far), far)
    return replace(_chosen(x.high.abs() < 1, near, signed), reach=1.0)


def _complement(a: Tensor, spread: Tensor | None) -> Balls:
    """erfc(a) for a >= 0; its relative derivative is below 2a + 2 (NIST DLMF 7.8.2), and smaller where a - spread < 0.

    Beyond 26 it is below 2**-980.
    """
    y, error = _called("erfc", a.clamp(max=26.0))
    errors: list[Tensor | None] = [error]
    if spread is not None:
        errors.append(y * _grown(2 * (a + spread) + 2, spread))
    radius = _radius(*errors, floor=FLOOR)
    assert radius is not None
    far = a > 26.0
    sure = far if spread is None else a - spread > 26.0
    radius = _where(far, _where(sure, SMALL, NAN), radius)
    return Balls(_where(far, 0.0, y), None, radius, reach=1.0)


def _erfc(x: Balls) -> Balls:
    tail = _complement(x.high.abs(), _uncertainty(x))
    return _chosen(x.high < 0, added(_like(x, 2), negated(tail)), tail)


def _one(x: Tensor, spread: Tensor) -> Tensor:
    return torch.ones_like(x)


def _lipschitz(name: str, rate: Callable[[Tensor, Tensor], Tensor] = _one) -> Callable[[Balls], Balls]:
    """A function of `high` alone, off by at most `rate` times how far the argument may be from it."""

    def rule(x: Balls) -> Balls:
        y, error = _called(name, x.high)
        spread = _uncertainty(x)
        if spread is None:
            return Balls(y, None, _radius(error, floor=FLOOR))
        return Balls(y, None, _radius(error, rate(x.high, spread) * spread, floor=FLOOR))

    return rule


def _least(x: Tensor, spread: Tensor) -> Tensor:
    return _where(x > 2 * spread, x - spread, NAN)


def _asinh(x: Balls) -> Balls:
    """log(1 + (a + a*a/(1 + sqrt(1 + a*a)))), a = abs(x)."""
    a = absolute(replace(x, number=None))
    square = multiplied(a, a)
    root = square_root(added(_like(x, 1), square))
    y = _log1p(added(a, divided(square, added(_like(x, 1), root))))
    return _chosen(x.high < 0, negated(y), y)


def _atanh(x: Balls) -> Balls:
    """log(1 + 2x/(1 - x))/2."""
    x = replace(x, number=None)
    return _scaled(_log1p(divided(_scaled(x, 2.0), added(_like(x, 1), negated(x)))), 0.5)


_PI = Fraction(math.pi) + Fraction(1.2246467991473532e-16)  # the next double; what is left is below 2**-106


def _times_pi(x: Balls) -> Balls:
    pi = replace(_like(x, _PI), radius=torch.full_like(_like(x, 1).high, 2.0**-104), number=None)
    return multiplied(x, pi)


def _reciprocal_root(x: Balls) -> Balls:
    return divided(_like(x, 1), square_root(x))


UNARY: dict[str, Callable[[Balls], Balls]] = {
    "neg": negated,
    "abs": absolute,
    "exp": exponential,
    "expm1": _expm1,
    "log": logarithm,
    "log1p": _log1p,
    "sqrt": square_root,
    "rsqrt": _reciprocal_root,
    "sin": _lipschitz("sin"),
    "cos": _lipschitz("cos"),
    "atan": _lipschitz("atan"),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "asinh": _asinh,
    "atanh": _atanh,
    "erf": _erf,
    "erfc": _erfc,
    # abs(digamma(x)) <= 1/x + log(1 + x) + 1, and 0 < trigamma(x) <= 1/x + 1/x**2 (NIST DLMF 5.11, 5.15)
    "lgamma": _lipschitz("lgamma", lambda x, s: 1 / _least(x, s) + torch.log1p(x + s) + 1),
    "digamma": _lipschitz("digamma", lambda x, s: 1 / _least(x, s) + 1 / _least(x, s) ** 2),
    "times_pi": _times_pi,
}
SCALED = {"neg", "abs", "log", "log1p", "sqrt", "rsqrt", "times_pi"}
"""Functions that know what to do with a scale, or pass it to such a function."""


# Two numbers ------------------------------------------------------------------------------------------------------


def power(x: Balls, n: int) -> Balls:
    """The integer power, by squaring; 1 for n = 0, whatever x is."""
    if n == 0:
        return _broadcast(_like(x, 1), x.shape)
    if n < 0:
        return divided(_like(x, 1), power(x, -n))
    result: Balls | None = None
    square = x
    while n:
        if n & 1:
            result = square if result is None else multiplied(result, square)
        n >>= 1
        if n:
            square = multiplied(square, square)
    assert result is not None
    return result


def _pow(x: Balls, y: Balls) -> Balls:
    """exp(y*log(x)), for a positive x."""
    return exponential(multiplied(y, logarithm(x)))


def _atan2(y: Balls, x: Balls) -> Balls:
    """torch's atan2, which turns by asin(spread/r) <= 1.6*spread/r at most; unknown near zero and across the cut."""
    r = torch.maximum(x.high.abs(), y.high.abs())
    angle, error = _trusted("atan2", torch.atan2(y.high, x.high), r)
    spread = _total(_uncertainty(y), _uncertainty(x))
    if spread is None:
        known = (y.high != 0) | (x.high > 0)
        return Balls(_only_where(known, angle), None, _radius(error, floor=FLOOR))
    cut = (x.high < 0) & (y.high.abs() <= spread)
    return Balls(
        _only_where((r > 2 * spread) & ~cut, angle), None, _radius(error, 1.6 * spread / r, floor=FLOOR)
    )


def _maximum(x: Balls, y: Balls) -> Balls:
    """The larger; where it is not known which, the larger midpoint with the radius of the difference.

    The midpoint chosen is below the other by no more than what the difference lost to rounding, and maximum moves no
    two pairs further apart than the wider of both radii: the radius of the difference is the sum of all three.
    """
    d = _difference(x, y)
    larger = _chosen(d.high > 0, x, y)
    unknown = d.high.isnan()
    if d.radius is None:
        return replace(larger, high=_where(unknown, NAN, larger.high))
    undecided = ~(d.high.abs() > d.radius * (1 + 2.0**-40))
    if larger.scale is not None:  # the difference has another scale
        unknown = unknown | undecided
    return replace(
        larger,
        high=_where(unknown, NAN, larger.high),
        radius=_where(undecided, d.radius * GROW, _filled(larger.radius, larger.high)),
    )


def _minimum(x: Balls, y: Balls) -> Balls:
    return negated(_maximum(negated(x), negated(y)))


def _zeta(s: Balls, x: Balls) -> Balls:
    """Hurwitz zeta for a constant s and x > 0; its relative derivative is below s/x.

    For its derivative is -s times the sum of (x + k)**(-s - 1), each term at most 1/x of one of zeta's.
    """
    if s.number is None or s.number not in ORDERS:
        return replace(x, high=torch.full_like(x.high, NAN), number=None)
    order = float(s.number)
    y, error = _trusted("zeta", torch.special.zeta(torch.full_like(x.high, order), x.high), x.high)
    errors: list[Tensor | None] = [error]
    spread = _uncertainty(x)
    if spread is not None:
        errors.append(y.abs() * _grown(order / _least(x.high, spread), spread))
    return Balls(y, None, _radius(*errors))


BINARY: dict[str, Callable[[Balls, Balls], Balls]] = {
    "add": added,
    "sub": lambda x, y: added(x, negated(y)),
    "mul": multiplied,
    "div": divided,
    "pow": _pow,
    "atan2": _atan2,
    "maximum": _maximum,
    "minimum": _minimum,
    "zeta": _zeta,
}
PLAIN = {"pow", "atan2", "zeta"}
"""Those that know nothing of scales."""


# Comparisons ------------------------------------------------------------------------------------------------------


def _difference(x: Balls, y: Balls) -> Balls:
    """A ball that compares with zero as x with y does."""
    x, y = replace(x, number=None, absent=None), replace(y, number=None, absent=None)
    return replace(added(x, negated(y)), scale=None)


def comparable(x: Balls) -> Balls:
    """Balls up to COMPARABLE and without a scale, with [2**860, 2**901] for all that are known to be beyond exp(640).

    Two of those with one sign stay undecided, for their balls are the same.
    """
    y = unscaled(x)
    y = replace(y, high=_only_where(y.high.abs() < COMPARABLE, y.high), number=None)
    if x.scale is None:
        return y
    scale, beside = x.scale.high, _filled(_uncertainty(x), x.high)
    spread = _filled(_uncertainty(x.scale), scale)
    beyond = (scale - spread > 640.0) & (x.high.abs() - beside > 2.0**-60)
    tiny = (scale + spread < -FAR) & (x.high.abs() < 2.0**10) & (x.high.abs() > beside)
    sign = torch.sign(x.high)
    return Balls(
        _where(beyond, sign * 2.0**900, _where(tiny, sign * (TINY * 2.0**10), y.high)),
        _where(beyond | tiny, 0.0, _filled(y.low, y.high)),
        _where(beyond, 2.0**900 - 2.0**860, _where(tiny, TINY * 2.0**10, _filled(y.radius, y.high))),
    )


def compared(name: str, x: Balls, y: Balls) -> Tensor:
    """YES, NO or UNDECIDED, elementwise."""
    if x.number is not None and y.number is not None:
        shape = tuple(max(sizes) for sizes in zip(x.shape, y.shape, strict=True))
        holds = getattr(operator, name)(x.number, y.number)
        return torch.tensor([YES if holds else NO], device=x.high.device).reshape(shape)
    d = _difference(x, y)
    edge = torch.zeros_like(d.high) if d.radius is None else d.radius * (1 + 2.0**-40)
    exact = (d.high == 0) & (edge == 0)
    above, below = d.high > edge, d.high < -edge
    match name:
        case "gt":
            yes, no = above, below | exact
        case "ge":
            yes, no = above | exact, below
        case "lt":
            yes, no = below, above | exact
        case "le":
            yes, no = below | exact, above
        case _:
            yes, no = exact, above | below
    return torch.where(yes, YES, torch.where(no, NO, UNDECIDED))


def _hull(x: Balls, y: Balls) -> Balls:
    """A ball around x that holds y too; absent only where both are."""
    x, y = unscaled(x), unscaled(y)
    d = _added(x, negated(y))
    width = _total(d.high.abs(), _size(d.low), d.radius)  # that of the difference holds both radii
    assert width is not None
    absent = None if x.absent is None or y.absent is None else x.absent & y.absent
    return replace(x, radius=width * GROW, number=None, absent=absent)


# The arithmetic ---------------------------------------------------------------------------------------------------


def _broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(x, Balls):
        return x.each(lambda part: part.broadcast_to(shape))
    return torch.as_tensor(x).broadcast_to(shape)


def _concatenate(parts: Sequence[Balls], axis: int) -> Balls:
    scale = None
    if any(part.scale is not None for part in parts):
        scale = _concatenate([_broadcast(_scale_of(part), part.shape) for part in parts], axis)

    def join(get: Callable[[Balls], Tensor | None]) -> Tensor | None:
        found = [get(part) for part in parts]
        if all(part is None for part in found):
            return None
        return torch.cat(
            [
                torch.zeros_like(ball.high, dtype=next(f.dtype for f in found if f is not None))
                if part is None
                else part.broadcast_to(ball.high.shape)
                for part, ball in zip(found, parts, strict=True)
            ],
            axis,
        )

    return Balls(
        torch.cat([part.high for part in parts], axis),
        join(lambda part: part.low),
        join(lambda part: part.radius),
        join(lambda part: part.absent),
        scale,
        max(part.reach for part in parts),
    )


def _masked_add(x: Balls, y: Balls) -> Balls:
    total = added(x, y)
    if x.absent is not None:
        total = _chosen(x.absent, replace(y, absent=None), total)
    if y.absent is not None:
        total = _chosen(y.absent, replace(x, absent=None), total)
    absent = None if x.absent is None or y.absent is None else x.absent & y.absent
    return replace(total, absent=absent)


def _with_absent(result: Balls, *operands: Balls) -> Balls:
    """Exact zeros, marked absent, wherever one of the operands is."""
    masks = [operand.absent for operand in operands if operand.absent is not None]
    if not masks:
        return result
    absent = masks[0]
    for mask in masks[1:]:
        absent = absent | mask
    absent = absent.broadcast_to(result.shape)
    cleared = _chosen(absent, _nothing(result), replace(result, absent=None))
    return replace(cleared, absent=absent, reach=result.reach)


def _permute(x: Balls, order: Any, axis: int) -> Balls:
    order = torch.as_tensor(order, device=x.high.device)
    lanes = max(x.shape[0], order.shape[0])
    chosen = order.expand(lanes, *order.shape[1:])
    return x.each(lambda part: torch.take_along_dim(part.expand(lanes, *part.shape[1:]), chosen, axis))


@dataclass(frozen=True)
class Ball64Arithmetic:
    """Float64 balls on one device; `scaled` keeps every exponential at a scale, for more digits in more time."""

    device: str = "cpu"
    scaled: bool = False

    name = "ball64"

    def where(self, condition: Tensor, x: Any, y: Any) -> Tensor:
        return torch.where(condition, x, y)

    def broadcast(self, x: Any, shape: tuple[int, ...]) -> Any:
        return _broadcast(x, shape)

    def concatenate(self, parts: Sequence[Balls], axis: int) -> Balls:
        return _concatenate(parts, axis)

    def permute(self, x: Balls, order: Any, axis: int) -> Balls:
        return _permute(x, order, axis)

    def lift(self, values: Any) -> Balls:
        if isinstance(values, Tensor):
            return self._lift_tensor(values)
        array = np.asarray(values)
        if array.dtype == object:
            if array.size != 1:
                raise TypeError("balls in float64 are lifted from tensors, or one number at a time")
            return constant(array.flat[0], self.device).reshape(array.shape)
        return self._lift_tensor(torch.from_numpy(np.array(array)))

    def _lift_tensor(self, values: Tensor) -> Balls:
        values = values.to(self.device)
        if values.dtype == torch.int64:  # by halves, for a double does not hold all of its 63 bits
            high, low = two_sum((values >> 32).double() * 2.0**32, (values & 0xFFFFFFFF).double())
        else:
            high, low = values.double(), None
        unknown = self.scaled or _recording.get()  # a graph is recorded for any values
        reach = INF if unknown or not high.numel() else float(high.abs().max()) * (1 + 2.0**-40)
        return Balls(high, low, reach=INF if math.isnan(reach) else reach)

    def number(self, x: Balls) -> float:
        if x.number is None:
            raise TypeError(
                "this input differs from point to point; declare it with one_of(...) to branch or index on it"
            )
        return float(x.number)

    def unary(self, name: str, x: Balls) -> Balls:
        x = replace(x, absent=None)
        return UNARY[name](x if name in SCALED else unscaled(x))

    def binary(self, name: str, x: Balls, y: Any) -> Balls:
        x = replace(x, absent=None)
        if name == "power":
            return power(x, y)
        y = replace(y, absent=None)
        if name in PLAIN:
            x, y = unscaled(x), unscaled(y)
        return BINARY[name](x, y)

    def absent(self, shape: tuple[int, ...]) -> Balls:
        zeros = torch.zeros(shape, dtype=torch.float64, device=self.device)
        return Balls(zeros, absent=torch.ones(shape, dtype=torch.bool, device=self.device), reach=0.0)

    def hot(self, mask: np.ndarray) -> Balls:
        chosen = torch.from_numpy(mask).to(self.device)
        return Balls(chosen.double(), absent=None if mask.all() else ~chosen, reach=1.0)

    def masked(self, name: str, x: Balls, y: Balls) -> Balls:
        match name:
            case "add":
                return _masked_add(x, y)
            case "sub":
                return _masked_add(x, replace(negated(y), absent=y.absent))
            case "mul":
                return _with_absent(self.binary("mul", x, y), x, y)
            case "div":
                return _with_absent(self.binary("div", x, y), x)
            case "neg":
                return negated(x)
            case _:
                return self.binary(name, x, y)

    def sum(self, x: Balls, axes: tuple[int, ...], masked: bool) -> Balls:
        adding = _masked_add if masked else added
        for axis in sorted(axes, reverse=True):
            x = _folded(adding, x if masked else replace(x, absent=None), axis)
        return x

    def compare(self, name: str, x: Balls, y: Balls) -> Tensor:
        return compared(name, x, y)

    def some(self, states: Tensor) -> bool:
        return some(states)

    def select(self, decision: Tensor, x: Balls, y: Balls) -> Balls:
        chosen = _chosen(decision == YES, x, y)
        if self.some(decision == UNDECIDED):
            chosen = _chosen(decision == UNDECIDED, _hull(x, y), chosen)
        return chosen

    def interval(self, low: int, high: int) -> Balls:
        middle, half = constant(Fraction(low + high, 2), self.device), (high - low) / 2
        return replace(
            middle, radius=torch.full_like(middle.high, half), number=None, reach=float(max(-low, high))
        )

    def doubt(self, low: int, high: int) -> Balls:
        return constant(NAN, self.device)

    def order(self, x: Balls) -> tuple[Tensor, Tensor]:
        # by midpoints: the low parts first, then the high parts, each sort keeping the order before
        x = comparable(x)
        order = torch.argsort(_filled(x.low, x.high), dim=-1, stable=True)
        by_high = torch.argsort(torch.take_along_dim(x.high, order, -1), dim=-1, stable=True)
        order = torch.take_along_dim(order, by_high, -1)
        ordered = _permute(x, order, x.ndim - 1)
        decided = (
            compared("le", ordered.each(lambda p: p[..., :-1]), ordered.each(lambda p: p[..., 1:])) == YES
        )
        return order, ~decided.all(-1)

    def inverse(self, order: Any) -> Tensor:
        return torch.argsort(torch.as_tensor(order, device=self.device), dim=-1)

    def unknown(self, x: Balls, lanes: Tensor) -> Balls:
        blurred = lanes.reshape(lanes.shape + (1,) * (x.ndim - lanes.ndim))
        return replace(x, high=_where(blurred, NAN, x.high))

    def scatter(self, x: Balls, key: tuple[Any, ...], shape: tuple[int, ...]) -> Balls:
        whole = (x.shape[0], *shape)
        places = None if _is_plain(key) else _places(key, shape)

        def placed(part: Tensor, empty: Tensor) -> Tensor:
            if places is None:
                empty[(slice(None), *key)] = part
            else:
                index = torch.from_numpy(places.ravel()).to(empty.device)
                empty.reshape(empty.shape[0], -1)[:, index] = part.broadcast_to(x.shape).reshape(
                    empty.shape[0], -1
                )
            return empty

        def blank(dtype: torch.dtype, value: float) -> Tensor:
            return torch.full(whole, value, dtype=dtype, device=x.high.device)

        if places is None or len(np.unique(places)) == places.size:
            return replace(
                x,
                high=placed(x.high, blank(torch.float64, 0.0)),
                low=None if x.low is None else placed(x.low, blank(torch.float64, 0.0)),
                radius=None if x.radius is None else placed(x.radius, blank(torch.float64, 0.0)),
                absent=placed(_mask(x), blank(torch.bool, True)),
                scale=None
                if x.scale is None
                else replace(self.scatter(_broadcast(x.scale, x.shape), key, shape), absent=None),
                number=None,
            )
        # a list may name an element twice: what arrives there adds up
        parts = x.reshape((x.shape[0], -1))
        columns: dict[int, Balls] = {}
        for i, place in enumerate(places.ravel().tolist()):
            part = parts[:, i : i + 1]
            columns[place] = part if place not in columns else _masked_add(columns[place], part)
        nothing = self.absent((x.shape[0], 1))
        return _concatenate([columns.get(i, nothing) for i in range(math.prod(shape))], 1).reshape(whole)

    def forgiven(self, terms: Sequence[tuple[Balls, bool]], lanes: int) -> Balls:
        """The sum of the absolute values of every element of `terms`."""
        total = constant(0, self.device)
        for term, masked in terms:
            parts = absolute(term if not masked else _with_absent(term, term))
            flat = replace(parts, absent=None, number=None).reshape((parts.shape[0], -1))
            total = added(total, _folded(added, flat, 1))
        return _broadcast(replace(total, number=None), (lanes,))

    def root(self, function: Callable[[Balls], Balls], low: Balls, high: Balls) -> Balls:
        return enclosed_root(function, low, high)


def _folded(adding: Callable[[Balls, Balls], Balls], x: Balls, axis: int) -> Balls:
    """The sum along one axis, by halves."""
    index = (slice(None),) * axis
    rest: Balls | None = None
    size = x.shape[axis]
    if size == 0:
        return replace(x.each(lambda part: part.sum(axis, dtype=part.dtype)), number=None)
    while size > 1:
        half = size // 2
        if size % 2:
            last = x[(*index, slice(size - 1, size))]
            rest = last if rest is None else adding(rest, last)
        x = adding(x[(*index, slice(0, half))], x[(*index, slice(half, 2 * half))])
        size = half
    total = x if rest is None else adding(x, rest)
    return total[(*index, 0)]


def _double_ordinals(x: Tensor) -> Tensor:
    bits = x.view(torch.int64)
    return torch.where(bits < 0, torch.iinfo(torch.int64).min - bits, bits)


def _of_double_ordinals(n: Tensor) -> Tensor:
    return torch.where(n < 0, torch.iinfo(torch.int64).min - n, n).view(torch.float64)


def enclosed_root(function: Callable[[Balls], Balls], low: Balls, high: Balls) -> Balls:
    """Balls that contain the zero of an increasing `function` on [low, high], per lane.

    Bisection over the doubles finds where the midpoint of the function changes sign; then the function is proved to be
    negative a little below and positive a little above, and by the intermediate value theorem the root lies between.
    Where the ends are not doubles, or no sign is proved, the root is unknown.
    """
    first, last = function(low), function(high)
    exact = torch.ones_like(low.high, dtype=torch.bool)
    for part in (low.low, low.radius, high.low, high.radius):
        if part is not None:
            exact = exact & (part == 0)
    lowest, highest = _double_ordinals(low.high), _double_ordinals(high.high)
    below, above = lowest, highest
    for _ in range(64):
        middle = (below >> 1) + (above >> 1) + (below & above & 1)
        up = function(Balls(_of_double_ordinals(middle))).high >= 0
        below, above = torch.where(up, below, middle), torch.where(up, middle, above)
    zero = _like(low, 0)
    start = stop = torch.full_like(low.high, NAN)
    for reach in (30, 22, 14, 6):  # in doubles; the narrowest that is proved is the last to be written
        left = _of_double_ordinals(torch.maximum(lowest, below - (1 << reach)))
        right = _of_double_ordinals(torch.minimum(highest, above + (1 << reach)))
        down = compared("lt", function(Balls(left)), zero) == YES
        proved = exact & down & (compared("gt", function(Balls(right)), zero) == YES)
        start, stop = _where(proved, left, start), _where(proved, right, stop)
    inside = Balls(start + (stop - start) / 2, None, (stop - start) * GROW)
    inside = _chosen(compared("le", last, zero) == YES, replace(high, number=None), inside)
    return _chosen(compared("ge", first, zero) == YES, replace(low, number=None), inside)


BALL64 = Ball64Arithmetic()


# What became of the lanes ------------------------------------------------------------------------------------------


def pairs(x: Balls) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(high, low, radius, exponent) of (high + low) * 2**exponent give or take radius * 2**exponent.

    As in `settle.Enclosure`: high is zero or in [1/2, 1), and a nan, with an infinite radius, where nothing is known.
    A ball that holds zero is given as one around it.
    """
    found = _pairs(unscaled(x))
    if x.scale is None:
        return found
    far = (x.scale.high.abs() > FAR) & ~_is_exactly(x, 0)
    if not bool(far.any()):
        return found
    spread = _filled(_uncertainty(x.scale), x.scale.high)
    at_scale = _at_scale(_pairs(replace(x, scale=None)), x.scale.high.cpu().numpy(), spread.cpu().numpy())
    where = far.cpu().numpy()
    high, low, radius, exponent = (np.where(where, a, b) for a, b in zip(at_scale, found, strict=True))
    return high, low, radius, exponent


_Pairs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _pairs(x: Balls) -> _Pairs:
    high, low, radius = (
        part.cpu().numpy() for part in (x.high, _filled(x.low, x.high), _filled(x.radius, x.high))
    )
    low, radius = np.broadcast_to(low, high.shape), np.broadcast_to(radius, high.shape)
    with np.errstate(all="ignore"):
        known = np.isfinite(high) & np.isfinite(low) & np.isfinite(radius)
        around_zero = known & (radius >= np.abs(high))
        middle = np.where(around_zero, (np.abs(high) + np.abs(low) + radius) * GROW, high)
        mantissa, shift = np.frexp(np.where(known, middle, np.nan))
        lower, width = np.ldexp(low, -shift), np.ldexp(radius, -shift)
        lost = (radius > 0) | (np.ldexp(lower, shift) != low)
        width = width + np.where(lost, REMAINDER, 0.0)
        width = np.where(around_zero, mantissa, width)
        mantissa, lower = np.where(around_zero, 0.0, mantissa), np.where(around_zero, 0.0, lower)
    return (
        np.where(known, mantissa, np.nan),
        np.where(known, lower, 0.0),
        np.where(known, width, np.inf),
        shift.astype(np.int64),
    )


def _at_scale(found: _Pairs, scale: np.ndarray, spread: np.ndarray) -> _Pairs:
    """The same numbers times exp(scale give or take spread); beyond BEYOND only signs are told."""
    mantissa, lower, width, exponent = found
    with np.errstate(all="ignore"):
        binade = np.floor(scale / _LOG2)
        factor = np.exp(scale - binade * _LOG2)
        error = spread + 8 * U * np.abs(scale) + 2.0**-40
        size = np.abs(mantissa) + np.abs(lower) + width
        beyond = (np.abs(scale) - spread > BEYOND) & (np.abs(mantissa) - np.abs(lower) > width)
        near = (np.abs(scale) <= BEYOND) & (error < 0.25)
        high, more = np.frexp(mantissa * factor)
        radius = np.ldexp((width + size * error * (1 + error)) * factor * (1 + 2.0**-40), -more)
        end = np.copysign(float(EXPONENT_LIMIT), scale)
        told = exponent + np.where(near, binade, 0) + more
        return (
            np.where(near, high, np.where(beyond, np.copysign(0.75, mantissa), np.nan)),
            np.where(near, np.ldexp(lower * factor, -more), 0.0),
            np.where(near, radius, np.where(beyond, 0.25, np.inf)),
            np.where(beyond, end, told).astype(np.int64),
        )
