"""A routine in a format that may never have been built: float64 with every operator's result rounded as told."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from numcheck.formats import Format, format_of
from numcheck.operators.calls import Mode, parts_of, undisturbed, wide_dtype, written_by
from numcheck.operators.lockstep import gradients_of, output_of, variables
from numcheck.operators.pairs import is_floating
from numcheck.operators.record import Ints

WIDENINGS: Final = (None, "range", "significand", "both")
_FLOAT64: Final = 53


def emulate(
    function: Callable[..., Any],
    arguments: Mapping[str, object],
    differentiate: Sequence[str] = (),
    *,
    format: str | torch.dtype | Format,
    widen: str | None = None,
    component: Ints | None = None,
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The output and gradients, in float64, of a routine whose every operator rounds its result as told.

    `widen` says what is given more room than `format` has: "range" (the significand is the format's, the
    exponents float64's), "significand" (the other way round: infinite beyond the largest number, the format's
    grid of subnormals), "both" (plain float64), or None: an emulation of the format itself.

    `component` is as in `trace`. Reductions round once, at the end. Code that reads the tensors' dtype sees float64,
    and a cast to another floating dtype rounds to `format` too.
    """
    if widen not in WIDENINGS:
        raise ValueError(f"widen={widen!r}: write one of {', '.join(map(repr, WIDENINGS))}")
    wide = variables(arguments, differentiate, lambda x: x.to(torch.float64, copy=True))
    with undisturbed(_Narrowed)(format_of(format), widen):
        output = output_of(function, wide, component)
        slopes = gradients_of(output, wide, differentiate)
    return output.detach(), {name: None if s is None else s.detach() for name, s in slopes.items()}


class _Narrowed(Mode):
    """Runs every operator in float64 and rounds what comes out."""

    def __init__(self, number_format: Format, widen: str | None) -> None:
        super().__init__()
        self.format = number_format
        self.widen = widen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        parts = parts_of(func)
        if parts is not None:
            with self:
                return parts(*args, **kwargs)
        written = written_by(func, args, kwargs)
        flat, spec = tree_flatten((args, kwargs))
        wide = [
            x.double()
            if is_floating(x) and x.dtype != torch.float64 and not any(x is w for w in written)
            else wide_dtype(x)
            for x in flat
        ]
        wide_args, wide_kwargs = tree_unflatten(wide, spec)
        result = func(*wide_args, **wide_kwargs)
        if func.is_view and all(not is_floating(x) or x.dtype == torch.float64 for x in flat):
            return result
        if written:
            for w in written:
                if is_floating(w):
                    w.copy_(self._narrow(w))
            return result
        return tree_map(lambda x: self._narrow(x) if is_floating(x) else x, result)

    def _narrow(self, x: Tensor) -> Tensor:
        return _narrow(x.double(), self.format, self.widen)


def _narrow(x: Tensor, number_format: Format, widen: str | None) -> Tensor:
    """The float64 numbers `x` rounded to what `widen` leaves of a format."""
    if widen == "both" or number_format.precision >= _FLOAT64:
        return x
    if widen is None:
        return number_format.round(x).double()
    if widen == "range":
        return _round_significand(x, number_format.precision)
    small, step = x.abs() < number_format.smallest_normal, number_format.smallest_subnormal
    if small.any():
        x = torch.where(small, torch.copysign(torch.round(x / step) * step, x), x)
    beyond = x.abs() > number_format.largest
    return torch.where(beyond, torch.copysign(torch.full_like(x, math.inf), x), x) if beyond.any() else x


def _round_significand(x: Tensor, precision: int) -> Tensor:
    """Nearest float64 with `precision` significand bits, ties to even, on the bit pattern itself."""
    drop = _FLOAT64 - precision
    bits = x.contiguous().view(torch.int64)
    # The carry may run from the significand into the exponent, up to infinity: just what rounding means.
    rounded = bits + ((1 << (drop - 1)) - 1) + ((bits >> drop) & 1)
    rounded = (rounded >> drop) << drop
    return torch.where(torch.isfinite(x), rounded.view(torch.float64), x)
