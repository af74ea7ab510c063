"""An operator on the shadow.

The high part by the operator itself in float64, the low part by the operator's forward derivative; for + - * / sqrt
and sums, whose rows say how, the rounding error of float64 too.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, final

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from numcheck.operators.accurate import accurate
from numcheck.operators.calls import Call, Operand, leaves
from numcheck.operators.pairs import Wide, is_floating, normalised, wide_sum


@final
class Noise:
    """Random relative errors of either sign, between half of a size and all of it; the same in every run."""

    def __init__(self, size: float) -> None:
        self.size = size
        self.generator = torch.Generator().manual_seed(0)

    def like(self, x: Tensor) -> Tensor:
        """As many of them as `x` has elements."""
        drawn = 2 * torch.rand(x.shape, dtype=torch.float64, generator=self.generator) - 1
        return (self.size / 2 * (drawn + drawn.sign())).to(x.device)


def wide_call(call: Call, native: Sequence[Any], noise: Noise | None) -> tuple[list[Any], list[Any]]:
    """The operator on the shadow's operands: its results' high and low parts. `native` are its native results.

    low follows to first order, by torch's own forward derivatives; an operator without one drops it. `noise` asks for
    functions as wide as the shadow itself, and every rounded result is shaken in its last digits (Monte Carlo
    arithmetic, Parker 1997): what cancels down to the shadow's own rounding then cannot agree with anything by chance.
    """
    if call.row.picks and len(native) == 2 and not call.written:
        # The native side decides which element is picked.
        source, dim = call.operands[0], _dim_argument(call)
        return _picked(source.high, native[1], dim), _picked(source.low, native[1], dim)
    arithmetic = _arithmetic(call)
    if arithmetic is not None:
        results, lows = [arithmetic[0]], [arithmetic[1]]
    elif any(bool(o.low.any()) for o in call.operands):
        results, lows = _dual_call(call)
    else:
        results, lows = _high_call(call), []
    if call.written:
        results = results[: len(call.written)]
    exact = None if noise is None or arithmetic is not None else _accurate(call, lambda o: (o.high, o.low))
    pairs: list[tuple[Any, Any]] = []
    for i, value in enumerate(results):
        if not is_floating(value):
            pairs.append((value, value))
            continue
        high = value.double()
        low = lows[i] if i < len(lows) and lows[i] is not None else torch.zeros_like(high)
        if i == 0 and exact is not None and exact[0].shape == high.shape:
            high, low = exact
        if noise is not None and call.row.rounds:
            low = low + high * noise.like(high)
        pairs.append(normalised(high, low))
    return [high for high, _ in pairs], [low for _, low in pairs]


def _arithmetic(call: Call) -> Wide | None:
    """The result of an operator that has arithmetic of its own in the shadow; None for others."""
    row = call.row
    if row.additive is None and row.wide is None:
        return None
    args, kwargs = call.arguments(lambda o: (o.high, o.low))
    if row.additive is not None:
        return wide_sum(*row.additive(args, kwargs))
    return None if row.wide is None else row.wide(args, kwargs)


def local_call(call: Call) -> list[Any]:
    """The operator alone, without what came before it: float64 on the native operands."""
    args, kwargs = call.arguments(lambda o: o.native.double().clone() if o.written else o.native.double())
    return leaves(call.func(*args, **kwargs))


def accurate_local(call: Call) -> Tensor | None:
    """The first result of `local_call` in ball arithmetic; None where there is no rule for the operator."""
    exact = _accurate(call, _native_pair)
    return None if exact is None else exact[0]


def _native_pair(o: Operand) -> Wide:
    double = o.native.double()
    return double, torch.zeros_like(double)


def _accurate(call: Call, side: Callable[[Operand], Wide]) -> Wide | None:
    rule = call.row.accurate
    if rule is None:
        return None
    args, kwargs = call.arguments(side)
    high, low = accurate(rule, call.row.along, [*args, *kwargs.values()])
    device = call.operands[0].native.device
    return high.to(device), low.to(device)


def _dim_argument(call: Call) -> int:
    args, kwargs = call.native_arguments()
    position = [argument.name for argument in call.func._schema.arguments].index("dim")
    return args[position] if position < len(args) else kwargs.get("dim", -1)


def _picked(source: Tensor, indices: Tensor, dim: int) -> list[Any]:
    dropped = indices.ndim < source.ndim
    values = source.gather(dim, indices.unsqueeze(dim) if dropped else indices)
    return [values.squeeze(dim) if dropped else values, indices]


def _high_call(call: Call) -> list[Any]:
    args, kwargs = call.arguments(lambda o: o.high.clone() if o.written else o.high)
    return leaves(call.func(*args, **kwargs))


# The dispatcher's state (keys included, keys excluded) where no operator is running: that of this import.
_OUTSIDE: Final = (torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set())  # pyright: ignore


@functools.cache
def _load_forward_derivatives() -> None:
    # make_dual imports these on its first call, and torch's own use of torch.jit in them warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


def _dual_call(call: Call) -> tuple[list[Any], list[Any]]:
    """The operator on high as value and low as tangent: results and their tangents, none of these if it has no
    forward derivative.
    """
    _load_forward_derivatives()

    def dual(o: Operand) -> Tensor:
        # one number may stand for many (an expanded view), which a tangent cannot: both get memory of their own
        plain = torch.contiguous_format
        return forward_ad.make_dual(o.high.clone(memory_format=plain), o.low.clone(memory_format=plain))

    # Operators arrive here below autograd, and the forward derivatives live in it. Lifting single keys out of the
    # excluded ones isn't enough (operators on absent tangents then crash): the dispatcher's whole state is reset.
    try:
        with torch._C._ForceDispatchKeyGuard(*_OUTSIDE), forward_ad.dual_level():  # pyright: ignore
            args, kwargs = call.arguments(dual)
            primals: list[Any] = []
            tangents: list[Any] = []
            for value in leaves(call.func(*args, **kwargs)):
                primal, tangent = forward_ad.unpack_dual(value) if is_floating(value) else (value, None)
                primals.append(primal.detach().clone() if isinstance(primal, Tensor) else primal)
                tangents.append(tangent.detach().clone() if isinstance(tangent, Tensor) else None)
        return primals, tangents
    except (NotImplementedError, RuntimeError):
        return _high_call(call), []
