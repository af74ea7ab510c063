"""A number twice: natively, and as high + low of two float64, about 106 significand bits; and exact arithmetic on them.

`Pair` is the tensor that holds both sides. Of a sum, product or quotient of float64 the rounding error is a float64
again, or nearly: that is how the shadow's own + - * / sqrt and sums come to twice its width.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Wide = tuple[Tensor, Tensor]
"""A number of the shadow: high and low."""


class TraceError(RuntimeError):
    """An operator which can't be run in lockstep; the message names it. `emulate` may still work."""


# --- the pair: one tensor, natively and in the shadow


@final
@dataclass
class Origin:
    """Who last wrote a storage; one object, shared by all views of it."""

    operation: int = -1
    """Index of the operation; -1 for inputs and constants."""
    writes: int = 0
    """How often the storage has been overwritten."""


@final
class Pair(Tensor):
    """A tensor that holds the native value and the shadow high + low, under the native value's metadata."""

    native: Tensor
    high: Tensor
    low: Tensor
    origin: Origin
    measured: tuple[int, Floats] | None
    """The relative error, and after how many writes it was measured."""

    @staticmethod
    def __new__(cls: type["Pair"], native: Tensor, high: Tensor, low: Tensor, origin: Origin) -> "Pair":
        pair = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            native.size(),
            strides=native.stride(),
            storage_offset=native.storage_offset(),
            dtype=native.dtype,
            layout=native.layout,
            device=native.device,
        )
        pair.native, pair.high, pair.low, pair.origin = native, high, low, origin
        pair.measured = None
        return pair

    def relative_error(self) -> Floats:
        """`relative_error` of its parts, measured once for all the operators that it goes into."""
        if self.measured is None or self.measured[0] != self.origin.writes:
            parts = floats(self.native), floats(self.high), floats(self.low)
            self.measured = self.origin.writes, relative_error(*parts)
        return self.measured[1]

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"traced {self.native!r}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise TraceError(f"{func}: a traced tensor was used outside its trace")

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore


def is_floating(x: object) -> bool:
    """Whether `x` is a tensor of some floating-point format."""
    return isinstance(x, Tensor) and x.is_floating_point()


def lift(native: Tensor) -> Pair:
    """A shadow that starts here and doesn't know how the value came about: input, constant, or random number."""
    # A copy even of float64: an operator that writes in place must find each side as it was.
    high = native.to(torch.float64, copy=True)
    return Pair(native, high, torch.zeros_like(high), Origin())


def lifted(x: Any) -> Any:
    """A floating tensor as a pair, anything else as it is."""
    return x if isinstance(x, Pair) or not is_floating(x) else lift(x)


def floats(x: Tensor) -> Floats:
    """A plain tensor in float64, for the measures: numpy takes a third of torch's time on some hundred numbers."""
    return x.double().cpu().numpy()


def relative_error(native: Floats, high: Floats, low: Floats) -> Floats:
    """Per element abs(native - shadow) / abs(shadow).

    0 where both agree (also on the same infinity or on NaN), inf where native is NaN, infinite or zero and the
    shadow isn't.
    """
    with np.errstate(all="ignore"):
        difference = np.abs((native - high) - low)
        if not difference.any():  # a NaN counts as a difference
            return difference
        error = np.where(difference == 0, 0.0, difference / np.abs(high))
    finite = np.isfinite(error)
    if finite.all():
        return np.where((native == 0) & (difference != 0), np.inf, error)
    same = (difference == 0) | np.isinf(native) & (native == high) | np.isnan(native) & np.isnan(high)
    return np.where(same, 0.0, np.where(finite & (native != 0), error, np.inf))


# --- exact pieces


def _two_sum(a: Tensor, b: Tensor) -> Wide:
    # Knuth's TwoSum: a + b == total + rest exactly, whatever the magnitudes.
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _two_product(a: Tensor, b: Tensor) -> Wide:
    # Dekker's product with Veltkamp's splitting. Beyond 2**996 that overflows; the NaN rest is dropped later.
    product = a * b
    a_big, b_big = a * 134217729.0, b * 134217729.0
    a_high = a_big - (a_big - a)
    b_high = b_big - (b_big - b)
    a_low, b_low = a - a_high, b - b_high
    rest = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return product, rest


def _pairwise_sum(x: Tensor, dims: Sequence[int], shape: torch.Size) -> Wide:
    """Sum over `dims` as high + low, by halving; in the shape that the result has with or without them."""
    order = [d for d in range(x.ndim) if d not in dims]
    x = x.permute(*order, *dims)
    kept, added = x.shape[: len(order)], x.shape[len(order) :]
    high = x.reshape(*kept, math.prod(added))
    low = torch.zeros_like(high)
    while high.shape[-1] > 1:
        if high.shape[-1] % 2:
            high, low = (torch.nn.functional.pad(t, (0, 1)) for t in (high, low))
        half = high.shape[-1] // 2
        total, rest = _two_sum(high[..., :half], high[..., half:])
        high, low = total, low[..., :half] + low[..., half:] + rest
    if high.shape[-1] == 0:
        return x.new_zeros(shape), x.new_zeros(shape)
    return high[..., 0].reshape(shape), low[..., 0].reshape(shape)


def normalised(high: Tensor, low: Tensor) -> Wide:
    """The same sum with `low` below the last digit of `high`; what isn't finite has no low part."""
    total, rest = _two_sum(high, finite(low))
    return total, finite(rest)


def axes_of(x: Tensor, dim: Sequence[int] | None = None) -> list[int]:
    """The axes that a reduction's argument `dim` means, counted from the front: all, where it names none."""
    return [d % x.ndim for d in dim or range(x.ndim)] if x.ndim else []


def finite(rest: Tensor) -> Tensor:
    """A rounding error, zero where its computation left float64's range."""
    return rest.nan_to_num(0.0, 0.0, 0.0)


# --- operators of numbers high + low, not yet normalised: an operand may be a plain tensor or number too


def _wide(x: Any) -> tuple[Tensor, Tensor | float]:
    if isinstance(x, tuple):
        return x
    high = x.double() if isinstance(x, Tensor) else torch.tensor(float(x), dtype=torch.float64)
    return high, 0.0


def wide_sum(first: Any, second: Any, factor: float) -> Wide:
    """first + factor * second."""
    (a, a_low), (b, b_low) = _wide(first), _wide(second)
    rest = None
    if factor == -1:
        b, b_low = -b, -b_low
    elif factor != 1:
        b, rest = _two_product(b, torch.tensor(factor, dtype=torch.float64, device=b.device))
        b_low = b_low * factor
    high, more = _two_sum(a, b)
    return high, (a_low + b_low) + finite(more if rest is None else more + rest)


def wide_product(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide:
    """The first argument times the second."""
    (a, a_low), (b, b_low) = (_wide(x) for x in args[:2])
    high, rest = _two_product(a, b)
    return high, (b_low * a + a_low * b) + finite(rest)


def wide_quotient(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide | None:
    """The first argument over the second; None where that is rounded to an integer."""
    if kwargs.get("rounding_mode") is not None:
        return None
    (a, a_low), (b, b_low) = (_wide(x) for x in args[:2])
    high = a / b
    nearly, rest = _two_product(high, b)
    return high, (a_low - b_low * high) / b + finite(((a - nearly) - rest) / b)


def wide_reciprocal(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide:
    """1 / x."""
    x, low = args[0]
    high = x.reciprocal()
    one, rest = _two_product(high, x)
    return high, low * -(high * high) + finite(((1 - one) - rest) / x)


def wide_root(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide:
    """The square root."""
    x, low = args[0]
    high = x.sqrt()
    square, rest = _two_product(high, high)
    return high, low / (2 * high) + finite(((x - square) - rest) / (2 * high))


def wide_total(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide:
    """The sum over some axes."""
    x, low = args[0]
    lows = torch.sum(low, *args[1:])
    high, rest = _pairwise_sum(x, axes_of(x, *args[1:2]), lows.shape)
    return high, lows + finite(rest)


def wide_mean(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wide:
    """The mean over some axes."""
    x, low = args[0]
    lows = torch.mean(low, *args[1:])
    total, rest = _pairwise_sum(x, axes_of(x, *args[1:2]), lows.shape)
    count = torch.tensor(x.numel() / max(lows.numel(), 1), dtype=torch.float64)
    high = total / count
    nearly, more = _two_product(high, count)
    return high, lows + finite((((total - nearly) - more) + rest) / count)
