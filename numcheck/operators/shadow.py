"""An operator on the shadow.

The high part by the operator itself in float64, the low part by the operator's forward derivative; for + - * / sqrt
and sums, whose rows say how, the rounding error of float64 too. Torch's float64 functions have 53 bits, and fused ones
lose more inside: where that leaves a question open, a function's row is evaluated in ball arithmetic, which takes some
microseconds for each number.
"""

# The dispatcher's Python side is private throughout: it is the only door below autograd.
# pyright: reportPrivateUsage=none

import functools
import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, final

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from numcheck.operators.calls import Call, Operand
from numcheck.operators.pairs import Wide, is_floating, normalised, wide_sum
from numcheck.reals.arb import ARB
from numcheck.reals.arrays import Reals
from numcheck.reals.enclosures import enclosure
from numcheck.reals.precision import precision

_BITS: Final = 320
"""Far more than two doubles hold: what a rule subtracts may cancel down to float64's smallest numbers."""


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


def wide_call(call: Call, native: Sequence[Any], noise: Noise | None) -> list[tuple[Any, Any]]:
    """The operator on the shadow's operands: of each of its results high and low. `native` are its native results.

    low follows to first order, by torch's own forward derivatives; an operator without one drops it. `noise` asks for
    functions as wide as the shadow itself, and every rounded result is shaken in its last digits (Monte Carlo
    arithmetic, Parker 1997): what cancels down to the shadow's own rounding then cannot agree with anything by chance.
    """
    if call.row.picks and len(native) == 2 and not call.written:
        # The native side decides which element is picked.
        source, indices, dim = call.operands[0], native[1], _dim_argument(call)
        return [(_picked(source.high, indices, dim), _picked(source.low, indices, dim)), (indices, indices)]
    if (arithmetic := _arithmetic(call)) is not None:
        results = [arithmetic]
    elif any(bool(o.low.any()) for o in call.operands):
        results = _dual_call(call)
    else:
        results = _without_low(call)
    exact = None if noise is None else _accurate(call, _both)
    pairs: list[tuple[Any, Any]] = []
    for value, tangent in results[: len(call.written) or None]:
        if not is_floating(value):
            pairs.append((value, value))
            continue
        high = value.double()
        low = torch.zeros_like(high) if tangent is None else tangent
        if exact is not None and not pairs and exact[0].shape == high.shape:
            high, low = exact
        if noise is not None and call.row.rounds:
            low = low + high * noise.like(high)
        pairs.append(normalised(high, low))
    return pairs


def _arithmetic(call: Call) -> Wide | None:
    """The result of an operator that has arithmetic of its own in the shadow; None for others."""
    if call.row.additive is not None:
        return wide_sum(*call.row.additive(*call.arguments(_both)))
    return None if call.row.wide is None else call.row.wide(*call.arguments(_both))


def _both(o: Operand) -> Wide:
    return o.high, o.low


def accurate_local(call: Call) -> Tensor | None:
    """The first result on the native operands in ball arithmetic; None where there is no rule for the operator."""
    exact = _accurate(call, lambda o: (o.native, torch.zeros_like(o.native)))
    return None if exact is None else exact[0]


def _accurate(call: Call, side: Callable[[Operand], Wide]) -> Wide | None:
    if call.row.accurate is None:
        return None
    args, kwargs = call.arguments(side)
    high, low = accurate(call.row.accurate, call.row.along, [*args, *kwargs.values()])
    device = call.operands[0].native.device
    return high.to(device), low.to(device)


def accurate(rule: Callable[..., Reals], along: bool, operands: Sequence[Any]) -> Wide:
    """The result of a rule on numbers (high, low) and plain ones, in the schema's order; `along` as in its row."""
    if not along:
        return _in_balls(rule, operands, (-1,))
    dim = next(x for x in operands if isinstance(x, int))
    rows = [tuple(side.movedim(dim, -1) for side in x) for x in operands if isinstance(x, tuple)]
    high, low = _in_balls(rule, rows, (-1, rows[0][0].shape[-1]))
    return high.movedim(-1, dim), low.movedim(-1, dim)


def _in_balls(rule: Callable[..., Reals], operands: Sequence[Any], flat: tuple[int, ...]) -> Wide:
    shape = torch.broadcast_shapes(*(x[0].shape for x in operands if isinstance(x, tuple)))

    def reals(x: Any) -> Any:
        if not isinstance(x, tuple):
            return x
        doubles = (side.broadcast_to(shape).reshape(flat).double().cpu().numpy() for side in x)
        high, low = (ARB.lift(np.ascontiguousarray(double)) for double in doubles)
        return Reals(ARB, np.where(low == 0, high, high + low))

    with precision(_BITS):
        found = enclosure(rule(*map(reals, operands)).data)
    exponent = np.clip(found.exponent, -5000, 5000).astype(np.int32)
    with np.errstate(all="ignore"):
        high, low = (torch.from_numpy(np.ldexp(part, exponent)) for part in (found.high, found.low))
    return high.reshape(shape), low.reshape(shape)


def _dim_argument(call: Call) -> int:
    position = [argument.name for argument in call.func._schema.arguments].index("dim")
    return call.args[position] if position < len(call.args) else call.kwargs.get("dim", -1)


def _picked(source: Tensor, indices: Tensor, dim: int) -> Tensor:
    if indices.ndim == source.ndim:
        return source.gather(dim, indices)
    return source.gather(dim, indices.unsqueeze(dim)).squeeze(dim)


def _without_low(call: Call) -> list[tuple[Any, None]]:
    """The operator on high alone: its results, and nothing known of what they leave."""
    return [(value, None) for value in call.results(lambda o: o.high.clone() if o.written else o.high)]


# The dispatcher's state (keys included, keys excluded) where no operator is running: that of this import.
_OUTSIDE: Final = (torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set())  # pyright: ignore


@functools.cache
def _load_forward_derivatives() -> None:
    # make_dual imports these on its first call, and torch's own use of torch.jit in them warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")


def _dual_call(call: Call) -> Sequence[tuple[Any, Any]]:
    """The operator on high as value and low as tangent: results, each with its tangent if it has one."""
    _load_forward_derivatives()

    def dual(o: Operand) -> Tensor:
        # one number may stand for many (an expanded view), which a tangent cannot: both get memory of their own
        plain = torch.contiguous_format
        return forward_ad.make_dual(o.high.clone(memory_format=plain), o.low.clone(memory_format=plain))

    # Operators arrive here below autograd, and the forward derivatives live in it. Lifting single keys out of the
    # excluded ones isn't enough (operators on absent tangents then crash): the dispatcher's whole state is reset.
    try:
        with torch._C._ForceDispatchKeyGuard(*_OUTSIDE), forward_ad.dual_level():  # pyright: ignore
            found = [forward_ad.unpack_dual(x) if is_floating(x) else (x, None) for x in call.results(dual)]
            return [(_detached(value), _detached(tangent)) for value, tangent in found]
    except (NotImplementedError, RuntimeError):
        return _without_low(call)


def _detached(x: Any) -> Any:
    return x.detach().clone() if isinstance(x, Tensor) else x
