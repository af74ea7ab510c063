"""The ball, and what every rule is made of: sums and products without error, radii rounded up, constants."""

import functools
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

U = 2.0**-53
GROW = 1 + 2.0**-48  # a radius is a sum of at most a dozen rounded terms
# More than gradual underflow takes from any one operation, by far: subnormal numbers take Intel 25 times as long.
FLOOR = 2.0**-970
SPLIT = 2.0**27 + 1
FAR = 650.0  # arguments up to which an exponential needs no scale: 2**937, whose products can still be split
SMALL = 2.0**-800
INF = float("inf")
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Balls:
    """Numbers exp(scale) * (high + low, give or take radius); None stands for exact zeros throughout.

    `absent` marks derivatives that do not exist (see `arithmetic.Arithmetic`). `reach` bounds the absolute value
    wherever it is known; `number` is the exact rational of a constant.
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

        def changed(part: Tensor | None) -> Tensor | None:
            return None if part is None else change(broadcast(part, self.high.shape))

        low, radius, absent = changed(self.low), changed(self.radius), changed(self.absent)
        scale = None if self.scale is None else broadcast(self.scale, self.shape).each(change)
        high = change(self.high)
        # a constant repeated is an array like any other, so that every shortcut keeps the shapes of its operands
        number = self.number if high.numel() == 1 else None
        return Balls(high, low, radius, absent, scale, self.reach, number)

    @property
    def present(self) -> "Balls":
        """Without `absent`, as numbers."""
        return self if self.absent is None else replace(self, absent=None)

    def reshape(self, shape: tuple[int, ...]) -> "Balls":
        return self if shape == self.shape else self.each(lambda part: part.reshape(shape))

    def transpose(self, axes: tuple[int, ...]) -> "Balls":
        return self.each(lambda part: part.permute(axes))

    def __getitem__(self, key: Any) -> "Balls":
        if is_plain_key(key):
            return self.each(lambda part: part[key])
        lanes, places = self.shape[0], places_in(key[1:], self.shape[1:])
        index = torch.from_numpy(places.ravel()).to(self.high.device)
        return self.each(lambda part: part.reshape(lanes, -1)[:, index].reshape((lanes, *places.shape)))


def scale_of(x: Balls) -> Balls:
    """The scale, zero where there is none."""
    return x.scale or nothing_like(x)


def is_plain_key(key: tuple[Any, ...]) -> bool:
    """Whether torch reads the key as numpy does, and it names nothing twice."""
    return all(
        isinstance(part, int) or (isinstance(part, slice) and (part.step is None or part.step > 0))
        for part in key
    )


def places_in(key: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Where in the flattened point the elements lie that numpy finds at `key`."""
    return np.array(np.arange(math.prod(shape)).reshape(shape)[key])


def broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """The array, a part of it or the states of a comparison, repeated to this shape."""
    if x.shape == shape:
        return x
    return x.each(lambda part: part.broadcast_to(shape)) if isinstance(x, Balls) else x.broadcast_to(shape)


# Error-free transformations, and sums in which None is zero ----------------------------------------------------------


def two_sum(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """x + y = s + e exactly, s = RN(x + y); six operations, any order of magnitude (Knuth).

    Half of them in place: what an operation need not allocate stays in the cache.
    """
    s = x + y
    z = s - x
    e = s - z
    torch.sub(x, e, out=e)
    torch.sub(y, z, out=z)
    return s, e.add_(z)


def quick_two_sum(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same for abs(x) >= abs(y) or x = 0 (Dekker)."""
    s = x + y
    e = s - x
    return s, torch.sub(y, e, out=e)


def two_product(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """x * y = p + e, p = RN(x * y), but for at most 4 * 2**-1074 where e underflows (Dekker, Veltkamp, Boldo)."""
    p = x * y
    cx, cy = SPLIT * x, SPLIT * y
    xh, yh = cx - (cx - x), cy - (cy - y)
    xl, yl = x - xh, y - yh
    return p, ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


def total_of(*terms: Tensor | None) -> Tensor | None:
    """The sum of what is there."""
    known = [term for term in terms if term is not None]
    return functools.reduce(torch.add, known) if known else None


def times(x: Tensor | None, y: Tensor | float | None) -> Tensor | None:
    """The product; zero times anything is zero."""
    return None if x is None or y is None else x * y


def size_of(x: Tensor | None) -> Tensor | None:
    """The absolute value."""
    return None if x is None else x.abs()


Error = Tensor | tuple[float, Tensor] | None
"""A bound on an error: a tensor, or a rate times a tensor; None stands for no error."""


def radius_of(*errors: Error, floor: Tensor | float | None = None) -> Tensor | None:
    """The sum of bounds on separate errors, rounded up, and of `floor`, which is more than what underflows by far."""
    total: Tensor | None = None
    for error in errors:
        if error is None:
            continue
        rate, size = error if isinstance(error, tuple) else (1.0, error)
        if total is None:
            total = size * (rate * GROW)
        elif size.shape == total.shape:
            total.add_(size, alpha=rate * GROW)
        else:
            total = torch.add(total, size, alpha=rate * GROW)
    return total if total is None or floor is None else total + floor


def at_least(limit: float, x: Tensor) -> Tensor:
    """x, unknown where it is below the limit; faster than a comparison and a choice."""
    return torch.threshold(x, math.nextafter(limit, -INF), NAN)


def up_to(limit: float, x: Tensor) -> Tensor:
    """x, unknown where it is beyond the limit."""
    return -at_least(-limit, -x)


def filled(part: Tensor | None, like: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """The part as a tensor, also where it is zero throughout."""
    return torch.zeros_like(like, dtype=dtype) if part is None else part


def uncertainty(x: Balls) -> Tensor | None:
    """How far the number may be from `high` alone."""
    return radius_of(size_of(x.low), x.radius)


def where(condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
    """torch.where in float64: of two Python numbers torch would make float32, in which FLOOR is zero."""
    if isinstance(x, float):
        x = torch.full((), x, dtype=torch.float64, device=condition.device)
    return torch.where(condition, x, y)


def only_where(condition: Tensor, x: Tensor) -> Tensor:
    """x, unknown where the condition does not hold."""
    return where(condition, x, NAN)


def only_finite(x: Tensor) -> Tensor:
    """x, unknown where arithmetic has overflowed: there an infinity must not pass for an exact one."""
    return only_where(~x.isinf(), x)


def is_told(x: Balls) -> Tensor:
    """Where anything is known of the number."""
    total = total_of(x.high, x.low, x.radius)
    assert total is not None
    return total.isfinite() if x.scale is None else total.isfinite() & is_told(x.scale)


_recording: ContextVar[bool] = ContextVar("recording", default=False)


@contextmanager
def recording() -> Generator[None, None, None]:
    """While a graph of torch's operators is recorded no value may be asked for: any lane may be what it likes."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def is_recording() -> bool:
    """Whether a graph is being recorded."""
    return _recording.get()


def some(states: Tensor) -> bool:
    """Whether any of them is, or while a graph is recorded may be, set."""
    # on a processor torch.any takes several times as long
    return is_recording() or bool(torch.count_nonzero(states))


# Constants -----------------------------------------------------------------------------------------------------------


def constant(number: Fraction | float, device: str) -> Balls:
    """An exact rational; where two doubles do not hold it, with a radius of 2**-104 of it.

    Beyond float64's range it is known to Python alone; an infinite number is kept as it is, and is no rational.
    """

    def full(value: float) -> Tensor:
        return torch.full((1,), value, dtype=torch.float64, device=device)

    if isinstance(number, float) and not math.isfinite(number):
        return Balls(full(number))
    exact = Fraction(number)
    try:
        high = float(exact)  # correctly rounded, among the subnormals too
    except OverflowError:
        return Balls(full(NAN), number=exact)
    if high == number:
        return Balls(full(high), reach=abs(high), number=exact)
    rest = exact - Fraction(high)
    low = float(rest)
    return Balls(
        full(high),
        full(low) if low else None,
        full(abs(high) * 2.0**-104 + FLOOR) if rest != low else None,
        reach=abs(high) * (1 + 2 * U) + FLOOR * (high == 0),
        number=exact,
    )


def like(x: Balls, number: Fraction | float) -> Balls:
    """A constant on the device of x."""
    return constant(number, str(x.high.device))


def unknown_like(x: Balls) -> Balls:
    """Numbers of which nothing is known, like x."""
    return Balls(torch.full_like(x.high, NAN))


def nothing_like(x: Balls) -> Balls:
    """Zeros, like x."""
    return Balls(torch.zeros_like(x.high))
