"""A routine in a format that may never have been built: float64 with every operator's result rounded as told."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from numcheck.formats import Format, format_of
from numcheck.operators.calls import Mode, leaves, mapped, parts_of, undisturbed, wide_dtype, written_by
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
        targets = {id(x) for x in written}
        narrow = any(is_floating(x) and x.dtype != torch.float64 for x in leaves((*args, *kwargs.values())))
        args, kwargs = mapped(lambda x: x if id(x) in targets else _widened(x), args, kwargs)
        result = func(*args, **kwargs)
        if func.is_view and not narrow:
            return result
        for target in written:
            if is_floating(target):
                target.copy_(self._narrowed(target))
        return result if written else tree_map(self._narrowed, result)

    def _narrowed(self, value: Any) -> Any:
        """A floating tensor in float64, rounded to what `widen` leaves of the format; anything else as it is."""
        if not is_floating(value):
            return value
        x: Tensor = value.double()
        if self.widen == "both" or self.format.precision >= _FLOAT64:
            return x
        if self.widen is None:
            return self.format.round(x).double()
        if self.widen == "range":
            return _round_significand(x, self.format.precision)
        small, step = x.abs() < self.format.smallest_normal, self.format.smallest_subnormal
        if small.any():
            x = torch.where(small, torch.copysign(torch.round(x / step) * step, x), x)
        beyond = x.abs() > self.format.largest
        return torch.where(beyond, torch.copysign(torch.full_like(x, math.inf), x), x) if beyond.any() else x


def _widened(x: Any) -> Any:
    """A floating tensor or dtype in float64, anything else as it is."""
    return x.double() if is_floating(x) else wide_dtype(x)


def _round_significand(x: Tensor, precision: int) -> Tensor:
    """Nearest float64 with `precision` significand bits, ties to even, on the bit pattern itself."""
    drop = _FLOAT64 - precision
    bits = x.contiguous().view(torch.int64)
    # The carry may run from the significand into the exponent, up to infinity: just what rounding means.
    rounded = bits + ((1 << (drop - 1)) - 1) + ((bits >> drop) & 1)
    rounded = (rounded >> drop) << drop
    return torch.where(torch.isfinite(x), rounded.view(torch.float64), x)
